/** Literals beside columns: what a number, a string or a Date stands for in a column's own type and unit. */
import { type Digits, fitsInt64, parseDecimal, parseTime } from '../batch.ts'
import type { ColumnType } from '../schema.ts'
import type { Literal } from './nodes.ts'

/** The type of a literal by itself; null has none. */
export function literalType(value: Literal): ColumnType | null {
  if (value === null) return null
  if (typeof value === 'boolean') return { kind: 'bool' }
  if (typeof value === 'bigint') return { kind: fitsInt64(value) ? 'int64' : 'uint64' }
  if (typeof value === 'number') return { kind: isInt(value) ? 'int64' : 'float64' }
  if (typeof value === 'string') return { kind: 'utf8' }
  return value instanceof Date ? { kind: 'timestamp', unit: 'ms' } : { kind: 'binary' }
}

const isInt = (value: number): boolean => Number.isInteger(value) && Math.abs(value) < 2 ** 63

/** A literal as nanoseconds since the epoch; null where it is no time. */
export function literalTime(value: Literal): bigint | null {
  if (value instanceof Date) return BigInt(value.getTime()) * 1_000_000n
  return typeof value === 'string' ? parseTime(value) : null
}

/** A literal as a decimal; null where it is none (NaN, Infinity, other text). */
export function literalDecimal(value: Literal): Digits | null {
  if (typeof value === 'bigint') return { unscaled: value, scale: 0 }
  return typeof value === 'number' || typeof value === 'string' ? parseDecimal(String(value)) : null
}
