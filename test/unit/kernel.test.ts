import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Batch,
  batchFromRecordBatch,
  batchFromRows,
  batchToRecordBatch,
  batchToRows,
  compactBatch,
} from '../../src/batch.ts'
import { col, type Expr, lit } from '../../src/expr/expr.ts'
import { compileColumn, compileFilter, type RowError } from '../../src/expr/kernel.ts'
import type { Literal, Node } from '../../src/expr/nodes.ts'
import { type Field, parseSchema } from '../../src/schema.ts'

/**
 * Every kernel against an interpreter that takes one row at a time: values are JavaScript's own, null is null, times
 * are nanoseconds, decimals are integers of scale 4.
 */
const fields = parseSchema({
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

type Value = null | boolean | number | bigint | string | Uint8Array
type Row = Record<string, unknown>

const nullable = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null, freq: 5 })
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

const rowArbitrary: fc.Arbitrary<Row> = fc.record({
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
interface Recipe {
  readonly rows: readonly Row[]
  readonly from: number
  readonly cut: number
  readonly selection: readonly boolean[] | null
}

const recipes: fc.Arbitrary<Recipe> = fc.record({
  rows: fc.array(rowArbitrary, { maxLength: 40 }),
  from: fc.nat(12),
  cut: fc.nat(12),
  selection: fc.option(fc.array(fc.boolean(), { minLength: 40, maxLength: 40 })),
})

function batchOf({ rows, from, cut, selection }: Recipe): Batch {
  const whole = batchFromRows(rows, fields)
  const sliced = batchToRecordBatch(whole).slice(from, Math.max(from, rows.length - cut))
  const batch = from === 0 && cut === 0 ? whole : batchFromRecordBatch(sliced, fields)
  if (selection === null) return batch
  const kept = Uint32Array.from(Array.from({ length: batch.numRows }, (_, i) => i).filter((i) => selection[i]))
  return { ...batch, selection: kept }
}

class RowFailed extends Error {}

const SECOND = 1_000_000_000n
const NS: Readonly<Record<string, bigint>> = { m: 1_000_000n, n: 1n, d: 86_400n * SECOND }
const families: Readonly<Record<string, string>> = {
  f: 'float',
  g: 'float',
  s: 'float',
  t: 'text',
  w: 'text',
  e: 'decimal',
}

/** A value in the interpreter's form. */
function columnValue(name: string, value: unknown): Value {
  if (value === null) return null
  if (name in NS)
    return (value instanceof Date ? BigInt(value.getTime()) * 1_000_000n : BigInt(value as bigint) * NS[name]!) as Value
  if (name === 'e') return BigInt((value as string).replace('.', ''))
  return value as Value
}

function isFloat(node: Node): boolean {
  if (node.kind === 'col') return families[node.name] === 'float'
  if (node.kind === 'lit')
    return typeof node.value === 'number' && !(Number.isInteger(node.value) && Math.abs(node.value) < 2 ** 63)
  return node.op === 'div' || (['add', 'sub', 'mul', 'mod', 'neg'].includes(node.op) && node.args.some(isFloat))
}

const has = (node: Node, names: readonly string[]): boolean =>
  node.kind === 'col' ? names.includes(node.name) : node.kind === 'call' && node.args.some((arg) => has(arg, names))

function literalValue(value: Literal, beside: Node): Value {
  if (value instanceof Date) return BigInt(value.getTime()) * 1_000_000n
  if (typeof value === 'string' && has(beside, ['m', 'n', 'd'])) return BigInt(Date.parse(value)) * 1_000_000n
  if (value !== null && has(beside, ['e'])) return BigInt(Math.round(Number(value) * 10_000))
  return value
}

function order(a: Value, b: Value): number {
  if (typeof a === 'string' || a instanceof Uint8Array)
    return Buffer.compare(Buffer.from(a as string), Buffer.from(b as string))
  const [x, y] = [a as number | bigint, b as number | bigint]
  return x < y ? -1 : x > y ? 1 : x <= y ? 0 : Number.NaN
}

function interpret(node: Node, row: Row, beside: Node = node): Value {
  if (node.kind === 'lit') return literalValue(node.value, beside)
  if (node.kind === 'col') return columnValue(node.name, row[node.name])
  const [left, right] = node.args
  // Beside a decimal, integers have its scale.
  const scaled = (arg: Node, other: Node): Value => {
    const value = interpret(arg, row, other)
    const isInteger = arg.kind === 'col' && arg.name !== 'e' && has(other, ['e'])
    return isInteger && value !== null ? BigInt(value as number) * 10_000n : value
  }
  if (node.op === 'isNull' || node.op === 'isNotNull')
    return (interpret(left!, row) === null) === (node.op === 'isNull')
  if (node.op === 'in') {
    const found = node.args.slice(1).map((value) => compareValues('eq', scaled(left!, value), scaled(value, left!)))
    if (interpret(left!, row) === null) return null
    return found.includes(true) ? true : found.includes(null) ? null : false
  }
  const isLogic = node.op === 'and' || node.op === 'or'
  const a = right === undefined || isLogic ? interpret(left!, row) : scaled(left!, right)
  if (node.op === 'not') return a === null ? null : !a
  if (node.op === 'neg') return a === null ? null : isFloat(left!) ? -Number(a) : int64(-BigInt(a as bigint))
  const b = isLogic ? interpret(right!, row) : scaled(right!, left!)
  if (node.op === 'and') return a === false || b === false ? false : a === null || b === null ? null : true
  if (node.op === 'or') return a === true || b === true ? true : a === null || b === null ? null : false
  if (a === null || b === null) return null
  if (!['add', 'sub', 'mul', 'div', 'mod'].includes(node.op)) return compareValues(node.op, a, b)
  if (isFloat(node)) {
    const [x, y] = [Number(a), Number(b)]
    return { add: x + y, sub: x - y, mul: x * y, div: x / y, mod: x % y }[node.op as 'add']
  }
  const [x, y] = [BigInt(a as bigint), BigInt(b as bigint)]
  if (node.op === 'mod') return y === 0n ? null : x % y
  return int64({ add: x + y, sub: x - y, mul: x * y }[node.op as 'add'])
}

function compareValues(op: string, a: Value, b: Value): boolean | null {
  if (a === null || b === null) return null
  const by = order(a, b)
  return { eq: by === 0, ne: by !== 0, lt: by < 0, le: by <= 0, gt: by > 0, ge: by >= 0 }[op as 'eq']
}

function int64(value: bigint): bigint {
  if (BigInt.asIntN(64, value) !== value) throw new RowFailed()
  return value
}

// ---------------------------------------------------------------- expressions of every kind

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
const computed = fc.oneof(
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
const predicates = fc.oneof(
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
  within(column('m', 'd'), dates),
  within(column('y'), fc.uint8Array({ maxLength: 2 })),
  within(column('p'), fc.boolean()),
  column('p', 'q', 't', 'f').map((one) => one.isNull() as Expr),
  computed.map((one) => one.isNotNull() as Expr),
  compare(computed, literals(fc.constant(null))),
  column('p', 'q'),
  literals(fc.constantFrom(true, false)),
)
const logic = call('and', 'or')
const conditions = fc.oneof(
  predicates,
  logic(predicates, predicates),
  logic(logic(predicates, predicates), predicates),
  logic(predicates, literals(fc.constant(null))),
  predicates.map((one) => one.not() as Expr),
  logic(predicates, predicates).map((one) => one.not() as Expr),
)

const selected = (batch: Batch): number[] => [
  ...(batch.selection ?? Array.from({ length: batch.numRows }, (_, i) => i)),
]

/** What the interpreter finds: a value a row, or that the row fails. */
function expected(expr: Expr, batch: Batch): (Value | typeof RowFailed)[] {
  const rows = batchToRows({ ...batch, selection: null })
  return rows.map((row) => {
    try {
      return interpret(expr.node, row)
    } catch (error) {
      if (error instanceof RowFailed) return RowFailed
      throw error
    }
  })
}

const runs = { numRuns: 1500 }

describe('compiled expressions give what a row-by-row interpreter gives', () => {
  test('numbers', () => {
    fc.assert(
      fc.property(computed, recipes, (expr, recipe) => {
        const batch = batchOf(recipe)
        const errors: RowError[] = []
        const made = compileColumn(expr, fields)(batch, (error) => errors.push(error))
        const values = batchToRows({ columns: [made], numRows: batch.numRows, selection: null }).map(
          (row) => Object.values(row)[0],
        )
        const wanted = expected(expr, batch)
        const rows = selected(batch)
        expect(errors.map(({ row }) => row)).toEqual(rows.filter((row) => wanted[row] === RowFailed))
        for (const row of rows) {
          const value = wanted[row] === RowFailed ? null : wanted[row]
          if (typeof values[row] === 'number') expect(values[row]).toBe(Number(value))
          else expect(values[row]).toEqual(typeof value === 'number' ? BigInt(value) : value)
        }
      }),
      runs,
    )
  })

  test('conditions, as a column', () => {
    fc.assert(
      fc.property(conditions, recipes, (expr, recipe) => {
        const batch = batchOf(recipe)
        const made = compileColumn(expr, fields)(batch, () => {})
        const values = batchToRows({ columns: [made], numRows: batch.numRows, selection: null }).map(
          (row) => Object.values(row)[0],
        )
        const wanted = expected(expr, batch)
        for (const row of selected(batch)) if (wanted[row] !== RowFailed) expect(values[row]).toBe(wanted[row])
      }),
      runs,
    )
  })

  test('conditions, as a filter', () => {
    fc.assert(
      fc.property(conditions, recipes, (expr, recipe) => {
        const batch = batchOf(recipe)
        const failed = new Set<number>()
        const kept = compileFilter(expr, fields)(batch, ({ row }) => failed.add(row))
        const wanted = expected(expr, batch)
        const got = selected({ ...batch, selection: kept })
        const certain = selected(batch).filter((row) => wanted[row] !== RowFailed && !failed.has(row))
        expect(got.filter((row) => certain.includes(row))).toEqual(certain.filter((row) => wanted[row] === true))
        for (const row of got) expect(failed.has(row)).toBe(false)
      }),
      runs,
    )
  })

  test('a filtered batch, compacted, is the rows that were kept', () => {
    fc.assert(
      fc.property(predicates, recipes, (expr, recipe) => {
        const batch = batchOf(recipe)
        const kept = { ...batch, selection: compileFilter(expr, fields)(batch, () => {}) }
        expect(batchToRows(compactBatch(kept))).toEqual(batchToRows(kept))
      }),
      { numRuns: 300 },
    )
  })
})

const of = (rows: readonly Row[], schema: Record<string, string>): { batch: Batch; fields: readonly Field[] } => {
  const own = parseSchema(schema)
  return { batch: batchFromRows(rows, own), fields: own }
}

describe('an integer that does not fit', () => {
  const { batch, fields: own } = of([{ i: 1n }, { i: 2n ** 63n - 1n }, { i: null }, { i: -(2n ** 63n) }], {
    i: 'int64',
  })

  test("is that row's error, and null", () => {
    const errors: RowError[] = []
    const made = compileColumn(col('i').add(1), own)(batch, (error) => errors.push(error))
    expect(batchToRows({ ...batch, columns: [made] }).map((row) => row['i + 1'])).toEqual([
      2n,
      null,
      null,
      -(2n ** 63n) + 1n,
    ])
    expect(errors).toEqual([
      { row: 1, message: 'i + 1: 9223372036854775807 + 1 is 9223372036854775808, which does not fit int64' },
    ])
  })

  test('ends the run where nobody takes the error', () => {
    expect(() => compileColumn(col('i').neg(), own)(batch)).toThrow(/-i: row 3 of the batch: .* does not fit int64/)
    expect(() => compileFilter(col('i').mul(2).gt(0), own)(batch)).toThrow(/does not fit int64/)
  })

  test('is nothing where an earlier filter has dropped the row', () => {
    const kept = compileFilter(col('i').lt(5).and(col('i').gt(-5)).and(col('i').mul(2).gt(0)), own)(batch)
    expect(kept).toEqual(Uint32Array.of(0))
    const rest = { ...batch, selection: kept }
    expect(() => compileColumn(col('i').mul(4), own)(rest)).not.toThrow()
  })

  test('leaves its row out of a filter', () => {
    const errors: RowError[] = []
    const kept = compileFilter(col('i').add(1).isNotNull(), own)(batch, (error) => errors.push(error))
    expect(kept).toEqual(Uint32Array.of(0, 3))
    expect(errors.map(({ row }) => row)).toEqual([1])
  })
})

describe('a filter', () => {
  test('keeps no selection where every row passes', () => {
    const { batch, fields: own } = of([{ f: 1 }, { f: 2 }], { f: 'float64' })
    expect(compileFilter(col('f').gt(0), own)(batch)).toBe(null)
    expect(compileFilter(col('f').gt(5), own)(batch)).toEqual(new Uint32Array(0))
  })

  test('refuses what is no condition', () => {
    expect(() => compileFilter(col('f').add(1), parseSchema({ f: 'float64' }))).toThrow(
      /needs a bool expression.*float64/,
    )
  })

  test('finds its columns where a batch has them in another order', () => {
    const { batch, fields: own } = of([{ a: 1, b: 2 }], { a: 'float64', b: 'float64' })
    const turned = { ...batch, columns: [...batch.columns].reverse() }
    expect(compileFilter(col('a').eq(1).and(col('b').eq(2)), own)(turned)).toBe(null)
  })

  test('never hands out what a later call writes', () => {
    const { batch, fields: own } = of([{ f: 1 }, { f: 2 }, { f: 3 }], { f: 'float64' })
    const first = compileFilter(col('f').gt(1), own)(batch)
    compileFilter(col('f').lt(3), own)(batch)
    expect(first).toEqual(Uint32Array.of(1, 2))
  })
})
