import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Batch, batchFromRows, batchToRows, compactBatch } from '../../src/batch.ts'
import { col, type Expr } from '../../src/expr/expr.ts'
import { compileColumn, compileFilter, type RowError } from '../../src/expr/kernel.ts'
import type { Literal, Node } from '../../src/expr/nodes.ts'
import { type Field, parseSchema } from '../../src/schema.ts'
import { batchOf, computed, conditions, fields, predicates, type Row, recipes } from '../support/generated.ts'

/**
 * Every kernel against an interpreter that takes one row at a time: values are JavaScript's own, null is null, times
 * are nanoseconds, decimals are integers of scale 4.
 */
type Value = null | boolean | number | bigint | string | Uint8Array

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
