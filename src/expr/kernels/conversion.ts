/** What a conversion of a column is, and those to numbers that several casts end with. */
import { type NumericArray, valuesArray } from '../../batch.ts'
import type { ColumnType } from '../../schema.ts'
import { rangeOf } from '../common-type.ts'
import type { Vector } from '../vector.ts'
import type { Valid } from './instants.ts'
import { words } from './numbers.ts'

/** Told of a row without a value, and why. */
export type Fail = (row: number, why: string) => void

/** A column as another type; `valid` loses the rows that fail. */
export type Convert = (vector: Vector, valid: Valid, fail: Fail) => Pick<Vector, 'values' | 'offsets'>

/** Text in an error. */
export const shown = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 37)}...` : text)

/** Doubles as a type of numbers: those that have a fraction, or do not fit, fail. */
export function fromDoubles(type: ColumnType, doubles: Float64Array, valid: Valid, fail: Fail): NumericArray {
  const { length } = doubles
  if (type.kind === 'float64') return doubles
  if (type.kind === 'float32') {
    const values = new Float32Array(length)
    values.set(doubles)
    for (let i = 0; i < length; i++) {
      const overflows = !Number.isFinite(values[i]!) && Number.isFinite(doubles[i]!)
      if (overflows && valid.has(i)) fail(i, 'does not fit float32')
    }
    return values
  }
  const [least, greatest] = rangeOf(type.kind).map(Number) as [number, number]
  const { of } = valuesArray(type)!
  const values = new of(length)
  const wide = type.kind === 'int64' || type.kind === 'uint64'
  const pairs = wide ? words(values, length) : null
  // The greatest of 64 bits is no double: it was rounded up to the power of two behind it.
  const end = wide ? greatest : greatest + 1
  for (let i = 0; i < length; i++) {
    const value = doubles[i]!
    if (!(value >= least && value < end && Math.floor(value) === value)) {
      if (valid.has(i))
        fail(i, Math.floor(value) === value || Number.isNaN(value) ? `does not fit ${type.kind}` : 'has a fraction')
    } else if (pairs === null) values[i] = value
    else {
      const high = Math.floor(value / 4_294_967_296)
      pairs[2 * i] = (value - high * 4_294_967_296) | 0
      pairs[2 * i + 1] = high
    }
  }
  return values
}

/** 64-bit integers of which some are past 2^53. */
export function exactly(type: ColumnType, { values, length }: Vector, valid: Valid, fail: Fail): NumericArray {
  const [least, greatest] = rangeOf(type.kind)
  const { of } = valuesArray(type)!
  const out = new of(length)
  const wide = out instanceof BigInt64Array || out instanceof BigUint64Array
  for (let i = 0; i < length; i++) {
    if (!valid.has(i)) continue
    const value = values[i] as bigint
    if (value < least || value > greatest) fail(i, `does not fit ${type.kind}`)
    else out[i] = wide ? value : Number(value)
  }
  return out
}
