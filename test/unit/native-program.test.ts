/** What the addon computes after decoding, against the kernels in TypeScript on the same columns. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Batch, batchFromSlab, batchToRows } from '../../src/batch.ts'
import { coalesce, col, concat, type Expr, lit } from '../../src/expr/expr.ts'
import { compileColumn, compileFilter } from '../../src/expr/kernel.ts'
import { conjunctsOf, type Node } from '../../src/expr/nodes.ts'
import { print } from '../../src/expr/print.ts'
import { typeOf } from '../../src/expr/typing.ts'
import { when } from '../../src/expr/when.ts'
import { loadAddon } from '../../src/kafka/load.ts'
import { programToWire } from '../../src/kafka/native-source.ts'
import type { NativeProgram, NativeStep } from '../../src/plan/lower.ts'
import { lowerExpr, type NativeExpr } from '../../src/plan/native.ts'
import { type Field, parseSchema, typeToWire } from '../../src/schema.ts'
import { decodeJson, encodeJson } from '../support/addon-rows.ts'
import { batchOf, computed, conditions, fields, type Row, recipes } from '../support/generated.ts'
import { choices, lengths, nested, textRows, textTests, textual } from '../support/generated-text.ts'

interface Step {
  readonly kind: 'filter' | 'compute'
  readonly expr: Expr
}

const filter = (expr: Expr): Step => ({ kind: 'filter', expr })
const compute = (expr: Expr): Step => ({ kind: 'compute', expr })

/** The steps as a program, a filter a term; undefined: some of it is not native. Computed columns are c0, c1, ... */
function lowered(steps: readonly Step[], base: readonly Field[]): NativeProgram | undefined {
  const all = [...base]
  const made: NativeStep[] = []
  for (const { kind, expr } of steps) {
    const places = new Map(all.map(({ name, type }, column) => [name, { column, type }]))
    for (const node of kind === 'filter' ? conjunctsOf(expr.node as Node) : [expr.node as Node]) {
      const one = lowerExpr(node, places)
      if ('reason' in one) return undefined
      const type = typeOf(node, all)
      made.push(
        kind === 'filter'
          ? { kind, expr: one, text: print(node) }
          : { kind, expr: one as NativeExpr, type, text: print(node) },
      )
      if (kind === 'compute') all.push({ name: `c${all.length - base.length}`, type })
    }
  }
  return { steps: made, output: all.map(({ name }, column) => ({ name, column })) }
}

interface Result {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  readonly kept: readonly number[]
  readonly errors: readonly { readonly row: number; readonly message: string }[]
}

function natively(documents: readonly string[], base: readonly Field[], program: NativeProgram): Result {
  const spec = {
    codec: 'json',
    columns: base.map(({ name, type }) => ({ name, type: typeToWire(type), emit: true })),
    predicate: null,
    message: [],
    program: programToWire(program),
    keyType: 'utf8',
    maxDepth: 64,
  }
  const { slab, kept, errors } = loadAddon().decodeRows(
    documents.map((document) => Buffer.from(document)),
    JSON.stringify(spec),
  )
  const types = [...base.map(({ type }) => type), ...program.steps.flatMap((s) => (s.kind === 'compute' ? s.type : []))]
  const out = program.output.map(({ name, column }) => ({ name, type: types[column]! }))
  return {
    rows: slab === null ? [] : batchToRows(batchFromSlab(out, slab)),
    kept: [...kept],
    errors: errors.map(({ row, message }) => ({ row, message })),
  }
}

/** The same with the kernels, step by step. */
function inTypeScript(start: Batch, base: readonly Field[], steps: readonly Step[]): Result {
  let batch = start
  const all = [...base]
  const errors: { row: number; message: string }[] = []
  for (const { kind, expr } of steps) {
    if (kind === 'filter') {
      batch = { ...batch, selection: compileFilter(expr, all)(batch, (error) => errors.push(error)) }
      continue
    }
    const failed = new Set<number>()
    const { data, field } = compileColumn(expr, all)(batch, (error) => {
      failed.add(error.row)
      errors.push(error)
    })
    const made = { name: `c${all.length - base.length}`, type: field.type }
    const selection = selected(batch).filter((row) => !failed.has(row))
    batch = { ...batch, columns: [...batch.columns, { field: made, data }], selection: Uint32Array.from(selection) }
    all.push(made)
  }
  const kept = selected(batch)
  return { rows: kept.length === 0 ? [] : batchToRows(batch), kept, errors: errors.sort((a, b) => a.row - b.row) }
}

const selected = (batch: Batch): number[] => [
  ...(batch.selection ?? Array.from({ length: batch.numRows }, (_, row) => row)),
]

/** JSON has no NaN and no Infinity; expressions make them out of what it has. */
const finite = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === 'number' && !Number.isFinite(value) ? null : value,
    ]),
  )

const afterwards = fc.constantFrom<Step>(
  filter(col('c0').isNotNull() as Expr),
  filter(col('c0').ne(col('c0')).not() as Expr),
  compute(col('c0').isNull() as Expr),
  compute(col('c0').eq(lit(null)) as Expr),
)
const step = fc.oneof(conditions.map(filter), computed.map(compute), conditions.map(compute))
const programs = fc
  .tuple(
    fc.array(step, { maxLength: 2 }),
    computed.map(compute),
    fc.array(fc.oneof(step, afterwards), { maxLength: 3 }),
  )
  .map(([before, one, after]) => [...before.filter(({ kind }) => kind === 'filter'), one, ...after])

/** Before and behind it filters and columns of every kind: what is read is whole, or some rows of it. */
const around = (expr: fc.Arbitrary<Expr>) => {
  const made = expr.chain((one) => {
    const isCondition = typeOf(one.node as Node, fields).kind === 'bool'
    return fc.constantFrom(compute(one), compute(one.isNull() as Expr), ...(isCondition ? [filter(one)] : []))
  })
  return fc
    .tuple(
      fc.array(fc.oneof(conditions, textTests).map(filter), { maxLength: 1 }),
      made,
      fc.array(made, { maxLength: 2 }),
    )
    .map(([before, one, more]) => [...before, one, ...more])
}

const widened = {
  'functions of text': fc.oneof(textual, lengths),
  'tests of text': textTests,
  choices,
  'choices of choices, whose branches fail': nested,
}

/** Whether the steps are native; then the addon gives what the kernels give. */
function expectSame(steps: readonly Step[], given: readonly Row[]): boolean {
  const program = lowered(steps, fields)
  if (program === undefined) return false
  const rows = given.map(finite)
  const { documents } = encodeJson(batchOf({ rows, from: 0, cut: 0, selection: null }))
  // Without those that the decoder refuses: this is about what comes after it.
  const { kept } = decodeJson(
    documents.map((document) => document!),
    fields,
  )
  const texts = kept.map((row) => documents[row]!)
  const { batch } = decodeJson(texts, fields)
  const start = batch.numRows === 0 ? batchOf({ rows: [], from: 0, cut: 0, selection: null }) : batch
  expect(natively(texts, fields, program)).toEqual(inTypeScript(start, fields, steps))
  return true
}

describe('a program of the addon gives what the kernels in TypeScript give', () => {
  test('for expressions of every kind, over rows of every kind', () => {
    let native = 0
    fc.assert(
      fc.property(programs, recipes, (steps, { rows }) => {
        if (expectSame(steps, rows)) native++
      }),
      { numRuns: 1200 },
    )
    expect(native).toBeGreaterThan(400)
  })

  test.each(Object.entries(widened))('for %s', (_, made) => {
    let native = 0
    fc.assert(
      fc.property(around(made), fc.array(textRows, { maxLength: 30, size: 'max' }), (steps, rows) => {
        if (expectSame(steps, rows)) native++
      }),
      { numRuns: 300 },
    )
    expect(native).toBeGreaterThan(100)
  })

  test('over more rows than one block has, with rows that fail in each', () => {
    const own = parseSchema({ i: 'int64', t: 'utf8', p: 'bool' })
    const texts = Array.from({ length: 5000 }, (_, i) =>
      JSON.stringify({ i: i % 7 === 0 ? null : i - 2500, t: i % 5 === 0 ? null : `text ${i % 11}`, p: i % 3 === 0 }),
    )
    const big = lit(2n ** 63n - 1n)
    const steps = [
      filter(col('t').ne('text 3') as Expr),
      compute(col('i').add(big).sub(1000) as Expr),
      compute(col('p').or(col('i').gt(0)) as Expr),
      filter(col('c1') as Expr),
      compute(col('c0').mod(10) as Expr),
      filter(col('c2').in([1, 3, 5, 7]).not() as Expr),
    ]
    const { batch } = decodeJson(texts, own)
    const found = natively(texts, own, lowered(steps, own)!)
    expect(found.rows.length).toBeGreaterThan(200)
    expect(found.errors.length).toBeGreaterThan(500)
    expect(found).toEqual(inTypeScript(batch, own, steps))
  })

  test('of text over more rows than one block has, whole and those that a filter left', () => {
    const own = parseSchema({ t: 'utf8', w: 'utf8', i: 'int64' })
    const rows = Array.from({ length: 4000 }, (_, i) => ({
      t: i % 9 === 0 ? null : `${' '.repeat(i % 4)}\u{1f600}${'e\u0301x'.repeat(i % 13)}\u3000`,
      w: i % 5 === 0 ? null : 'w'.repeat(i % 40),
      i: i % 7 === 0 ? null : i - 2000,
    }))
    const texts = rows.map((row) => JSON.stringify(row))
    const big = col('i').mul(2n ** 53n)
    const steps = [
      compute(concat(col('t').str.trim(), '/', col('w')) as Expr),
      compute(col('c0').str.length() as Expr),
      filter(col('t').str.contains('x').or(col('w').isNull()) as Expr),
      compute(when(col('i').gt(0)).then(col('c0')).when(big.lt(0)).then('low').otherwise(col('w')) as Expr),
      compute(coalesce(col('c2'), col('t')).str.substring(-3, col('i').mod(4)) as Expr),
      filter(col('c3').str.endsWith('w').not() as Expr),
      compute(concat(col('c2'), col('c3').nullIf('')) as Expr),
    ]
    const { batch } = decodeJson(texts, own)
    const found = natively(texts, own, lowered(steps, own)!)
    expect(found.rows.length).toBeGreaterThan(1100)
    expect(found.errors.length).toBeGreaterThan(100)
    expect(found).toEqual(inTypeScript(batch, own, steps))
  })

  test('with a name for a long literal that does not end in half of a pair', () => {
    const own = parseSchema({ t: 'utf8' })
    const sought = `x${'\u{1f600}'.repeat(40)}`
    const steps = [filter(col('t').str.contains(sought) as Expr)]
    const texts = [JSON.stringify({ t: sought }), JSON.stringify({ t: '' })]
    expect(natively(texts, own, lowered(steps, own)!).kept).toEqual([0])
  })
})
