/** Rows and expressions of every kind, for tests that hold one way of evaluating against another. */
import fc from 'fast-check'
import { type Batch, batchFromRecordBatch, batchFromRows, batchToRecordBatch } from '../../src/batch.ts'
import { col, type Expr, lit } from '../../src/expr/expr.ts'
import type { Literal } from '../../src/expr/nodes.ts'
import { parseSchema } from '../../src/schema.ts'

export const fields = parseSchema({
  f: 'float64',
  g: 'float64',
  s: 'float32',
  i: 'int64',
  j: 'int64',
  k: 'int32',
  b: 'int8',
  u: 'uint64',
  v: 'uint32',
  t: 'utf8',
  w: 'utf8',
  y: 'binary',
  p: 'bool',
  q: 'bool',
  m: 'timestamp[ms]',
  n: 'timestamp[ns]',
  d: 'date',
  e: 'decimal(12,4)',
})

export type Row = Record<string, unknown>

export const nullable = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null, freq: 5 })
const doubles = fc.oneof(
  fc.double(),
  fc.constantFrom(Number.NaN, -0, 0, 1, -1, 1000, 1000.5, Number.POSITIVE_INFINITY, 2 ** 53, 2 ** 53 + 2, 2 ** 63),
)
const ints = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -5n, max: 5n }),
  fc.constantFrom(
    2n ** 63n - 1n,
    -(2n ** 63n),
    2n ** 53n,
    2n ** 53n + 1n,
    -(2n ** 53n) - 1n,
    2n ** 32n,
    -(2n ** 32n),
    -1n,
    0n,
  ),
)
const uints = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.bigInt({ min: 0n, max: 5n }))
const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.constantFrom('', 'a', 'ab', 'b', 'é', '\uffff', '\u{1f600}', '\u{10000}', 'a\u{1f600}', 'DE'),
)
const times = fc.bigInt({ min: -8_640_000_000_000n, max: 8_640_000_000_000n })
const small = (min: number, max: number) =>
  fc.oneof(fc.integer({ min, max }), fc.integer({ min: Math.max(min, -3), max: 3 }))

export const rowArbitrary: fc.Arbitrary<Row> = fc.record({
  f: nullable(doubles),
  g: nullable(doubles),
  s: nullable(fc.oneof(fc.float(), fc.constantFrom(0.5, -0, 1))),
  i: nullable(ints),
  j: nullable(ints),
  k: nullable(small(-(2 ** 31), 2 ** 31 - 1)),
  b: nullable(small(-128, 127)),
  u: nullable(uints),
  v: nullable(small(0, 2 ** 32 - 1)),
  t: nullable(texts),
  w: nullable(texts),
  y: nullable(fc.uint8Array({ maxLength: 4 })),
  p: nullable(fc.boolean()),
  q: nullable(fc.boolean()),
  m: nullable(times),
  n: nullable(
    fc.oneof(
      times.map((ms) => ms * 1_000_000n),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    ),
  ),
  d: nullable(small(-100_000, 100_000)),
  e: nullable(
    fc.oneof(fc.integer({ min: -99_999_999, max: 99_999_999 }), fc.integer({ min: -2, max: 2 })).map((n) => `${n}`),
  ),
})

/** Batches as steps get them: whole, sliced at odd places, with a selection. */
export interface Recipe {
  readonly rows: readonly Row[]
  readonly from: number
  readonly cut: number
  readonly selection: readonly boolean[] | null
}

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  rows: fc.array(rowArbitrary, { maxLength: 40 }),
  from: fc.nat(12),
  cut: fc.nat(12),
  selection: fc.option(fc.array(fc.boolean(), { minLength: 40, maxLength: 40 })),
})

export function batchOf({ rows, from, cut, selection }: Recipe): Batch {
  const whole = batchFromRows(rows, fields)
  const sliced = batchToRecordBatch(whole).slice(from, Math.max(from, rows.length - cut))
  const batch = from === 0 && cut === 0 ? whole : batchFromRecordBatch(sliced, fields)
  if (selection === null) return batch
  const kept = Uint32Array.from(Array.from({ length: batch.numRows }, (_, i) => i).filter((i) => selection[i]))
  return { ...batch, selection: kept }
}

const column = (...names: string[]): fc.Arbitrary<Expr> => fc.constantFrom(...names).map((name) => col(name) as Expr)
const literals = (...values: fc.Arbitrary<Literal>[]): fc.Arbitrary<Expr> =>
  fc.oneof(...values).map((value) => lit(value) as Expr)
const integers = fc.oneof(
  column('i', 'j', 'k', 'b', 'u', 'v'),
  literals(ints, fc.integer({ min: -5, max: 5 }), fc.constantFrom(0, 1000, 2 ** 40)),
)
const floats = fc.oneof(column('f', 'g', 's'), literals(doubles))
const call =
  (...ops: string[]) =>
  (left: fc.Arbitrary<Expr>, right: fc.Arbitrary<Expr>): fc.Arbitrary<Expr> =>
    fc
      .tuple(fc.constantFrom(...ops), left, right)
      .map(([op, a, b]) => (a[op as 'eq'] as (other: Expr) => Expr).call(a, b))
const arithmetic = call('add', 'sub', 'mul', 'div', 'mod')
const compare = call('eq', 'ne', 'lt', 'le', 'gt', 'ge')
const numbers: fc.Arbitrary<Expr> = fc.oneof(integers, floats)
export const computed = fc.oneof(
  numbers,
  arithmetic(numbers, numbers),
  arithmetic(arithmetic(integers, integers), numbers),
  numbers.map((one) => one.neg() as Expr),
)
const dates = fc.date({ min: new Date('1700-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
const timeLiterals = literals(
  dates,
  dates.map((date) => date.toISOString()),
  dates.map((date) => new Date(Math.floor(date.getTime() / 86_400_000) * 86_400_000)),
)
const many = <T>(values: fc.Arbitrary<T>) => fc.array(values, { maxLength: 14 })
const within = (left: fc.Arbitrary<Expr>, values: fc.Arbitrary<Literal>): fc.Arbitrary<Expr> =>
  fc.tuple(left, many(fc.option(values, { freq: 20 }))).map(([one, list]) => one.in(list) as Expr)
export const predicates = fc.oneof(
  compare(computed, computed),
  compare(column('t', 'w'), fc.oneof(column('t', 'w'), literals(texts))),
  compare(literals(texts), column('t', 'w')),
  compare(column('y'), fc.oneof(column('y'), literals(fc.uint8Array({ maxLength: 3 })))),
  compare(column('m', 'n', 'd'), fc.oneof(column('m', 'n', 'd'), timeLiterals)),
  compare(timeLiterals, column('m', 'n', 'd')),
  compare(
    column('e'),
    fc.oneof(column('e', 'k', 'i'), literals(fc.integer({ min: -9, max: 9 }), fc.constantFrom(1.5, '-0.25', 2n))),
  ),
  compare(column('p', 'q'), fc.oneof(column('p', 'q'), literals(fc.boolean()))),
  within(column('t'), texts),
  within(column('f', 'g'), fc.oneof(doubles, fc.integer({ min: -3, max: 3 }), ints)),
  within(column('i', 'k', 'u', 'v'), fc.oneof(ints, fc.integer({ min: -5, max: 5 }), doubles)),
  within(column('m', 'n', 'd'), dates),
  within(column('s'), fc.oneof(fc.constantFrom(0.5, -0, 1, 0.1, Number.NaN), fc.integer({ min: -3, max: 3 }))),
  within(column('b', 'k'), fc.integer({ min: -3, max: 300 })),
  within(column('e'), fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(0.5, '-0.0002', '1', 2n))),
  within(column('y'), fc.uint8Array({ maxLength: 2 })),
  within(column('p'), fc.boolean()),
  column('p', 'q', 't', 'f').map((one) => one.isNull() as Expr),
  computed.map((one) => one.isNotNull() as Expr),
  compare(computed, literals(fc.constant(null))),
  column('p', 'q'),
  literals(fc.constantFrom(true, false)),
)
const logic = call('and', 'or')
export const conditions = fc.oneof(
  predicates,
  logic(predicates, predicates),
  logic(logic(predicates, predicates), predicates),
  logic(predicates, literals(fc.constant(null))),
  predicates.map((one) => one.not() as Expr),
  logic(predicates, predicates).map((one) => one.not() as Expr),
)
