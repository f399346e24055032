/** What a filter keeps is the same whether the decoder answers it or TypeScript does. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { col, type Expr, lit } from '../../src/expr/expr.ts'
import { compileFilter } from '../../src/expr/kernel.ts'
import type { Literal } from '../../src/expr/nodes.ts'
import { pushDown } from '../../src/plan/pushdown.ts'
import { type Field, parseSchema } from '../../src/schema.ts'
import { decodeJson } from '../support/addon-rows.ts'
import { decodeJson as decodeInTypeScript } from '../support/js-rows.ts'

const fields = parseSchema({
  bool: 'bool',
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  uint8: 'uint8',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  float32: 'float32',
  float64: 'float64',
  utf8: 'utf8',
  date: 'date',
  s: 'timestamp[s]',
  ms: 'timestamp[ms]',
  us: 'timestamp[us]',
  ns: 'timestamp[ns]',
  list: ['int64'],
  struct: { a: 'utf8' },
  decimal: 'decimal(10,2)',
})
const fieldOf = new Map(fields.map((field) => [field.name, field]))

// ---------------------------------------------------------------- values and literals, mostly from the same few

const texts = [
  '',
  'a',
  'ab',
  'b',
  'SEA',
  'SFO',
  '\u00e9',
  '\uff5e',
  '\u{1f600}',
  'a\u0000',
  '"\\',
  '\u007f',
  'z'.repeat(40),
]
const reals = [
  '0',
  '-0.0',
  '0.1',
  '0.5',
  '1',
  '-1',
  '1.5',
  '2',
  '1000',
  '9007199254740992',
  '9007199254740994',
  '1e300',
  '-1e300',
  '5e-324',
  '16777217',
  '1e20',
]
const times = ['1970-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '2024-02-29T12:00:00Z', '2024-02-29T00:00:00Z']

function integers(bits: number, signed: boolean): readonly bigint[] {
  const top = 2n ** BigInt(signed ? bits - 1 : bits)
  const least = signed ? -top : 0n
  const some = [0n, 1n, 2n, 7n, -1n, 100n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, least, least + 1n, top - 1n]
  return some.filter((value) => value >= least && value < top)
}

/** JSON text of values that a column takes. */
function valuesOf({ name, type }: Field): readonly string[] {
  switch (type.kind) {
    case 'bool':
      return ['true', 'false']
    case 'utf8':
      return texts.map((text) => JSON.stringify(text))
    case 'float32':
      return reals.filter((real) => Math.abs(Number(real)) < 1e38)
    case 'float64':
      return reals
    case 'date':
    case 'timestamp':
      return [...times.map((time) => JSON.stringify(time)), '0', '1', '-1', name === 'date' ? '19782' : '1709208000']
    case 'list':
      return ['[]', '[1]']
    case 'struct':
      return ['{}', '{"a":"x"}']
    case 'decimal':
      return ['1.5', '0']
    default:
      return integers(Number(type.kind.replace(/\D/g, '')), type.kind.startsWith('i')).map(String)
  }
}

const someLiterals = {
  bool: fc.boolean(),
  text: fc.constantFrom(...texts),
  number: fc.oneof(
    fc.constantFrom(...reals.map(Number)),
    fc.constantFrom(
      2 ** 53,
      2 ** 60,
      2 ** 63,
      2 ** 64,
      -(2 ** 63),
      0.25,
      -0.5,
      127.5,
      1e21,
      Number.NaN,
      Infinity,
      -Infinity,
    ),
    fc.constantFrom(...integers(64, true), ...integers(64, false), 2n ** 63n, 2n ** 64n - 1n),
    fc.integer({ min: -300, max: 70_000 }),
    fc.double(),
  ),
  time: fc.oneof(
    fc.constantFrom(...times, '2024-02-29', '1970-01-01T00:00:00.5Z', '1970-01-01T00:00:00.000000001Z'),
    fc.constantFrom(new Date(0), new Date(1), new Date(-1000), new Date(1709208000000)),
  ),
}

function literalsOf({ type }: Field): fc.Arbitrary<Literal> {
  switch (type.kind) {
    case 'bool':
      return someLiterals.bool
    case 'utf8':
      return someLiterals.text
    case 'date':
    case 'timestamp':
      return someLiterals.time
    default:
      return someLiterals.number
  }
}

const comparable = fields.filter(({ type }) => !['list', 'struct', 'decimal'].includes(type.kind))
const ops = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const

const comparison: fc.Arbitrary<Expr> = fc
  .tuple(fc.constantFrom(...comparable), fc.constantFrom(...ops), fc.boolean())
  .chain(([field, op, flip]) =>
    literalsOf(field).map((value): Expr => (flip ? lit(value)[op](col(field.name)) : col(field.name)[op](value))),
  )
const membership: fc.Arbitrary<Expr> = fc
  .constantFrom(...comparable)
  .chain((field) => fc.array(literalsOf(field), { maxLength: 12 }).map((values): Expr => col(field.name).in(values)))
const asking: fc.Arbitrary<Expr> = fc
  .tuple(fc.constantFrom(...fields), fc.boolean())
  .map(([{ name }, yes]): Expr => (yes ? col(name).isNull() : col(name).isNotNull()))

const { predicate } = fc.letrec<{ predicate: Expr; leaf: Expr }>((tie) => ({
  leaf: fc.oneof(
    { arbitrary: comparison, weight: 6 },
    { arbitrary: membership, weight: 2 },
    { arbitrary: asking, weight: 1 },
    { arbitrary: fc.constant<Expr>(col('bool')), weight: 1 },
  ),
  predicate: fc.oneof(
    { maxDepth: 4 },
    tie('leaf'),
    fc.tuple(tie('predicate'), tie('predicate')).map(([a, b]): Expr => a.and(b)),
    fc.tuple(tie('predicate'), tie('predicate')).map(([a, b]): Expr => a.or(b)),
    tie('predicate').map((a): Expr => a.not()),
  ),
}))

/** A document: each column has one of its values, is null, or is left out. */
const document: fc.Arbitrary<string> = fc
  .tuple(
    ...fields.map((field) =>
      fc.oneof(
        { arbitrary: fc.constantFrom(...valuesOf(field)), weight: 6 },
        fc.constant('null'),
        fc.constant(undefined),
      ),
    ),
  )
  .map(
    (values) =>
      `{${values.flatMap((value, i) => (value === undefined ? [] : [`${JSON.stringify(fields[i]!.name)}:${value}`])).join(',')}}`,
  )

// ---------------------------------------------------------------- both ways

/** Indices of the documents that are kept; undefined: the filter is not pushed down. */
interface Kept {
  readonly byTypeScript: readonly number[]
  readonly byDecoder: readonly number[] | undefined
}

function filterOf(documents: readonly string[]): (filter: Expr) => Kept {
  const all = decodeJson(documents, fields)
  expect(all.errors.size).toBe(0)
  return (filter) => {
    const selection = compileFilter(filter, fields)(all.batch)
    const byTypeScript = selection === null ? all.kept : [...selection].map((row) => all.kept[row]!)
    const make = pushDown(filter, fieldOf)
    if ('reason' in make) return { byTypeScript, byDecoder: undefined }
    const index = (name: string): number => fields.findIndex((field) => field.name === name)
    const { kept, errors, rows } = decodeJson(documents, fields, { predicate: make(index) })
    expect(errors.size).toBe(0)
    expect(decodeInTypeScript(documents, fields, { predicate: make(index) }).kept, String(filter)).toEqual(kept)
    // What a row holds does not depend on the rows that were dropped before it.
    for (const at of kept) expect(rows[at]).toEqual(all.rows[at])
    return { byTypeScript, byDecoder: kept }
  }
}

describe('a filter that the decoder answers', () => {
  it('keeps the rows that it keeps in TypeScript', () => {
    let pushed = 0
    let some = 0
    fc.assert(
      fc.property(fc.array(document, { minLength: 1, maxLength: 40 }), predicate, (documents, filter) => {
        const { byTypeScript, byDecoder } = filterOf(documents)(filter)
        if (byDecoder === undefined) return
        pushed++
        if (byDecoder.length > 0 && byDecoder.length < documents.length) some++
        expect(byDecoder, String(filter)).toEqual(byTypeScript)
      }),
      { numRuns: 1500 },
    )
    // Most predicates are pushed down, and many of them tell rows apart.
    expect(pushed).toBeGreaterThan(500)
    expect(some).toBeGreaterThan(200)
  })

  it.each(comparable)('compares $name in each of the six ways, as itself and negated', (field) => {
    const documents = [...valuesOf(field), 'null'].map((value) => `{${JSON.stringify(field.name)}:${value}}`)
    const kept = filterOf(documents)
    let pushed = 0
    for (const literal of new Set(fc.sample(literalsOf(field), { numRuns: 60, seed: 1 }))) {
      for (const op of ops) {
        const filter: Expr = col(field.name)[op](literal)
        for (const one of [filter, filter.not()] as const) {
          const { byTypeScript, byDecoder } = kept(one)
          if (byDecoder !== undefined) expect(byDecoder, String(one)).toEqual(byTypeScript)
          if (byDecoder !== undefined) pushed++
        }
      }
    }
    expect(pushed).toBeGreaterThanOrEqual(2 * ops.length)
  })

  it('drops rows whose predicate is null, and keeps none where no row is true', () => {
    const kept = filterOf(['{"int64":1}', '{"int64":null}', '{}', '{"int64":2000}'])
    expect(kept(col('int64').gt(1000)).byDecoder).toEqual([3])
    expect(kept(col('int64').gt(1000).not()).byDecoder).toEqual([0])
    expect(kept(col('int64').gt(5000)).byDecoder).toEqual([])
  })
})
