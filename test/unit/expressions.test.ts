/** docs/expressions.md holds: every operator is documented, every example gives what it says, the types agree. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { batchFromRows, batchToRows } from '../../src/batch.ts'
import * as expressions from '../../src/expr/expr.ts'
import { compileColumn } from '../../src/expr/kernel.ts'
import type { OpName } from '../../src/expr/nodes.ts'
import type { Example } from '../../src/expr/operator.ts'
import { operatorGroups, operators } from '../../src/expr/operators.ts'
import { when } from '../../src/expr/when.ts'
import { type ColumnType, parseSchema, parseType, typeText } from '../../src/schema.ts'

/** The text of an example, with col, lit and the other functions of the face in scope. Only here: never on input. */
function evaluate(text: string): expressions.Expr {
  const functions = Object.entries({ ...expressions, when }).filter(([, value]) => typeof value === 'function')
  const make = new Function(...functions.map(([name]) => name), `'use strict'; return ${text}`) as (
    ...given: unknown[]
  ) => expressions.Expr
  return make(...functions.map(([, value]) => value))
}

function run({ columns, rows, expr }: Example): unknown[] {
  const fields = parseSchema(columns)
  const batch = batchFromRows(
    rows.map((row) => Object.fromEntries(fields.map(({ name }, i) => [name, row[i]]))),
    fields,
  )
  const made = compileColumn(evaluate(expr), fields)(batch)
  return batchToRows({ ...batch, columns: [made] }).map((row) => Object.values(row)[0])
}

const documented = operatorGroups.flatMap(({ title, operators: group }) =>
  Object.entries(group).map(([name, operator]) => ({ title, name, operator })),
)

describe('the examples of docs/expressions.md give what they say', () => {
  test.each(documented)('$title: $operator.doc.call', ({ operator: { doc } }) => {
    expect(run(doc.example)).toEqual(doc.example.result)
  })
})

describe('so do those of columns, and of methods that are made of operators', () => {
  test.each(operatorGroups.flatMap(({ shorthands }) => shorthands ?? []))('$call', ({ example }) => {
    expect(run(example)).toEqual(example.result)
  })
})

describe('what the page says of nulls and errors holds', () => {
  // Of these the page says in words of their own when they are null.
  const plain = documented.filter(({ operator: { doc } }) => doc.nulls === undefined)

  test.each(plain)('$title: $operator.doc.call is null where an argument is', ({ operator: { doc } }) => {
    const { columns, rows } = doc.example
    for (const name of Object.keys(columns).keys()) {
      const row = rows[0]!.map((value, i) => (i === name ? null : value))
      expect(run({ ...doc.example, rows: [row] })).toEqual([null])
    }
  })

  test('operators of which a row may fail say so, and no others; but for those that hand on what others say', () => {
    const saying = documented.filter(({ operator: { doc } }) => doc.errors !== undefined)
    const failing = documented.filter(({ operator: { fallible } }) => fallible)
    expect(saying.map(({ name }) => name).sort()).toEqual(
      [...failing.map(({ name }) => name), 'coalesce', 'when'].sort(),
    )
  })
})

test('every operator has one line on the page', () => {
  expect(documented.map(({ name }) => name).sort()).toEqual(Object.keys(operators).sort())
  const page = readFileSync(new URL('../../docs/expressions.md', import.meta.url), 'utf8')
  for (const { operator } of documented) expect(page).toContain(`| \`${operator.doc.call.replaceAll('|', '\\|')}\` |`)
})

// ---------------------------------------------------------------- run time and compile time

interface Signature {
  readonly op: string
  readonly args: readonly string[]
  readonly gives: string
}

/** What signatures.ts says to the compiler, read as text: types are gone at run time. */
const source = readFileSync(new URL('../../src/expr/signatures.ts', import.meta.url), 'utf8')
const signatures = [...source.matchAll(/^ {2}(\w+): \{ args: \[(.*?)\]; gives: (?:'(.*?)'|readonly (.*?)) \}$/gm)].map(
  ([, op, args, gives, list]): Signature => ({
    op: op!,
    args: [...args!.matchAll(/'(\w+)'/g)].map((arg) => arg[1]!),
    gives: gives ?? list!,
  }),
)

const types: readonly ColumnType[] = [
  ...['bool', 'int8', 'int64', 'uint64', 'float32', 'float64', 'utf8', 'binary', 'date', 'timestamp[us]'],
  'decimal(18,4)',
  ['utf8'],
  { city: 'utf8' },
].map((type) => parseType(type, 'a'))

/** The types of a group, as `Groups` of signatures.ts has them. */
const inGroup: Readonly<Record<string, (type: ColumnType) => boolean>> = {
  int: ({ kind }) => /^u?int/.test(kind),
  number: ({ kind }) => /^(u?int|float)/.test(kind),
  text: ({ kind }) => kind === 'utf8',
  bytes: ({ kind }) => kind === 'binary',
  bool: ({ kind }) => kind === 'bool',
  time: ({ kind }) => kind === 'date' || kind === 'timestamp',
  list: ({ kind }) => kind === 'list',
  struct: ({ kind }) => kind === 'struct',
  scalar: ({ kind }) => kind !== 'list' && kind !== 'struct',
  any: () => true,
}

describe('the compiler and the run agree on the types of functions', () => {
  test('signatures.ts was read whole', () => {
    expect(signatures.length).toBe([...source.matchAll(/\{ args: \[/g)].length)
  })

  test.each(signatures)('$op', ({ op, args, gives }) => {
    const { rule } = operators[op as OpName]
    for (const [place, group] of args.entries()) {
      for (const type of types) {
        const given = args.map((other, i) => ({
          type: i === place ? type : types.find((one) => inGroup[other]!(one))!,
        }))
        const found = rule(given)
        const what = `${op}, argument ${place + 1}: ${typeText(type)}`
        if (inGroup[group]!(type)) expect('kind' in found && typeText(found), what).toBe(gives)
        else expect(found, what).toHaveProperty('problem')
      }
    }
  })
})
