/**
 * Numbers as kernels read them. Loops run on doubles, which hold every integer up to 2^53; 64-bit columns are read as
 * pairs of 32-bit words, since an element of a BigInt64Array is an allocation. Where a column holds more, the loop is
 * left for one on BigInt, which is exact and slow.
 */
import type { NumericArray } from '../../batch.ts'
import type { ColumnType } from '../../schema.ts'
import type { Vector } from '../vector.ts'

const TWO_32 = 4_294_967_296
const MAX_EXACT = 2 ** 53

export interface Doubles {
  readonly values: Float64Array
  /** Every value is the column's own; otherwise some are the nearest double. */
  readonly exact: boolean
}

/** A numeric column as doubles: itself, or a copy. */
export function toDoubles({ values, length }: Vector): Doubles {
  if (values instanceof Float64Array) return { values, exact: true }
  if (values instanceof BigInt64Array) return signedDoubles(words(values, length), length)
  if (values instanceof BigUint64Array) return unsignedDoubles(words(values, length), length)
  const doubles = new Float64Array(length)
  doubles.set(values.subarray(0, length))
  return { values: doubles, exact: true }
}

/** Low word, high word of each value. */
export function words(values: NumericArray, length: number): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, length * 2)
}

function signedDoubles(pairs: Int32Array, length: number): Doubles {
  const values = new Float64Array(length)
  let beyond = 0
  for (let i = 0, j = 0; i < length; i++, j += 2) {
    const high = pairs[j + 1]!
    // Zero where the high word is in [-2^21, 2^21): the value is in [-2^53, 2^53).
    beyond |= (high + 0x200000) & ~0x3fffff
    values[i] = high * TWO_32 + (pairs[j]! >>> 0)
  }
  return { values, exact: beyond === 0 }
}

function unsignedDoubles(pairs: Int32Array, length: number): Doubles {
  const values = new Float64Array(length)
  let beyond = 0
  for (let i = 0, j = 0; i < length; i++, j += 2) {
    const high = pairs[j + 1]!
    beyond |= high & ~0x1fffff
    values[i] = (high >>> 0) * TWO_32 + (pairs[j]! >>> 0)
  }
  return { values, exact: beyond === 0 }
}

/** Integers in doubles as int64; null where one may have been rounded on the way (or is NaN). */
export function toInt64(doubles: Float64Array, length: number): BigInt64Array | null {
  const values = new BigInt64Array(length)
  const pairs = words(values, length)
  for (let i = 0, j = 0; i < length; i++, j += 2) {
    const value = doubles[i]!
    if (!(value > -MAX_EXACT && value < MAX_EXACT)) return null
    pairs[j] = value | 0
    pairs[j + 1] = Math.floor(value / TWO_32)
  }
  return values
}

export type Reader = (row: number) => number | bigint

/** One value at a time, exactly: for rows where doubles do not do. */
export function reader(type: ColumnType, { values }: Vector): Reader {
  if (type.kind === 'decimal') return (row) => decimalAt(values as Uint32Array, row)
  return (row) => values[row]!
}

export function decimalAt(values: Uint32Array, row: number): bigint {
  const at = row * 4
  const low = (BigInt(values[at + 1]!) << 32n) | BigInt(values[at]!)
  const high = (BigInt(values[at + 3]!) << 32n) | BigInt(values[at + 2]!)
  return (BigInt.asIntN(64, high) << 64n) | low
}
