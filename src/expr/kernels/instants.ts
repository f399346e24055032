/**
 * Times as days since 1970-01-01 and nanoseconds of the day: doubles hold both exactly for every value of every unit,
 * so that no loop needs BigInt. 64-bit values are read and written as pairs of 32-bit words.
 */
import { bitmapBytes, type NumericArray } from '../../batch.ts'
import type { ColumnType, TimeUnit } from '../../schema.ts'
import type { Vector } from '../vector.ts'
import { words } from './numbers.ts'

export const NANOS_A_SECOND = 1e9
export const NANOS_A_DAY = 86_400 * NANOS_A_SECOND
const TWO_16 = 65_536
const TWO_32 = 4_294_967_296

/** Nanoseconds of a unit. */
export const unitNanos: Readonly<Record<TimeUnit, number>> = { s: 1e9, ms: 1e6, us: 1e3, ns: 1 }

/** One row each; null rows hold some time. `nanos` is from 0 to a day less 1. */
export interface Instants {
  readonly days: Float64Array
  readonly nanos: Float64Array
}

/** A date is its midnight, UTC. Fresh arrays, which the caller owns. */
export function toInstants(type: ColumnType, { values, length }: Vector): Instants {
  const days = new Float64Array(length)
  const nanos = new Float64Array(length)
  if (type.kind !== 'timestamp') {
    days.set((values as Int32Array).subarray(0, length))
    return { days, nanos }
  }
  const pairs = words(values, length)
  if (type.unit === 'ns') {
    // Nanoseconds of a day are too many for the division; those of a second are not.
    divide(pairs, NANOS_A_SECOND, length, days, nanos)
    for (let i = 0; i < length; i++) {
      const day = Math.floor(days[i]! / 86_400)
      nanos[i] = (days[i]! - day * 86_400) * NANOS_A_SECOND + nanos[i]!
      days[i] = day
    }
    return { days, nanos }
  }
  const unit = unitNanos[type.unit]
  divide(pairs, NANOS_A_DAY / unit, length, days, nanos)
  for (let i = 0; i < length; i++) nanos[i]! *= unit
  return { days, nanos }
}

/** int64 amounts of a unit of so many nanoseconds, as days and the nanoseconds that are left of one. */
export function toDurations({ values, length }: Vector, unit: number): Instants {
  if (unit === 1)
    return toInstants({ kind: 'timestamp', unit: 'ns' }, { values, length, offsets: null, validity: null })
  const days = new Float64Array(length)
  const nanos = new Float64Array(length)
  divide(words(values, length), NANOS_A_DAY / unit, length, days, nanos)
  for (let i = 0; i < length; i++) nanos[i]! *= unit
  return { days, nanos }
}

/** Quotients, rounded down, and rests of 64-bit integers; `by` is below 2^37, so that no step passes 2^53. */
function divide(pairs: Int32Array, by: number, length: number, quotients: Float64Array, rests: Float64Array): void {
  for (let i = 0, j = 0; i < length; i++, j += 2) {
    const high = pairs[j + 1]!
    const low = pairs[j]! >>> 0
    if (high >= -0x200000 && high < 0x200000) {
      const value = high * TWO_32 + low
      const quotient = Math.floor(value / by)
      quotients[i] = quotient
      rests[i] = value - quotient * by
      continue
    }
    // Long division, 16 bits at a time.
    const first = Math.floor(high / by)
    let rest = (high - first * by) * TWO_16 + (low >>> 16)
    const second = Math.floor(rest / by)
    rest = (rest - second * by) * TWO_16 + (low & 0xffff)
    const third = Math.floor(rest / by)
    quotients[i] = first * TWO_32 + second * TWO_16 + third
    rests[i] = rest - third * by
  }
}

/** quotient * by + rest as a 64-bit integer at place `i`; false where it does not fit. `by` is below 2^37. */
export function compose(pairs: Int32Array, i: number, quotient: number, by: number, rest: number): boolean {
  if (!(Math.abs(quotient) * by < 2 ** 64)) return false
  const high = Math.floor(quotient / TWO_16)
  const upper = high * by
  const carried = Math.floor(upper / TWO_16)
  const lower = (upper - carried * TWO_16) * TWO_16 + (quotient - high * TWO_16) * by + rest
  const carry = Math.floor(lower / TWO_32)
  const top = carried + carry
  if (!(top >= -0x80000000 && top < 0x80000000)) return false
  pairs[2 * i] = (lower - carry * TWO_32) | 0
  pairs[2 * i + 1] = top
  return true
}

/** One time as an integer of a unit, rounded down, at place `i` of int64 words; false where it does not fit. */
export function putTime(pairs: Int32Array, i: number, unit: TimeUnit, days: number, nanos: number): boolean {
  if (unit === 'ns') {
    const second = Math.floor(nanos / NANOS_A_SECOND)
    if (!(Math.abs(days) < 200_000)) return false
    return compose(pairs, i, days * 86_400 + second, NANOS_A_SECOND, nanos - second * NANOS_A_SECOND)
  }
  const nanosOfUnit = unitNanos[unit]
  return compose(pairs, i, days, NANOS_A_DAY / nanosOfUnit, Math.floor(nanos / nanosOfUnit))
}

/** The other way round; what is finer than the type's unit is rounded down. `fail` hears of each valid row past the type. */
export function fromInstants(
  type: ColumnType,
  { days, nanos }: Instants,
  length: number,
  fail: (row: number) => void,
): NumericArray {
  if (type.kind !== 'timestamp') {
    const values = new Int32Array(length)
    for (let i = 0; i < length; i++) {
      const day = days[i]!
      if (day >= -0x80000000 && day < 0x80000000) values[i] = day
      else fail(i)
    }
    return values
  }
  const values = new BigInt64Array(length)
  const pairs = words(values, length)
  for (let i = 0; i < length; i++) if (!putTime(pairs, i, type.unit, days[i]!, nanos[i]!)) fail(i)
  return values
}

/** Which rows still have a value: begins with those that are not null; a row that fails loses it. */
export class Valid {
  bits: Uint8Array | null
  readonly #length: number
  #own = false

  constructor({ validity, length }: Pick<Vector, 'validity' | 'length'>) {
    this.bits = validity
    this.#length = length
  }

  has(row: number): boolean {
    return this.bits === null || ((this.bits[row >> 3]! >> (row & 7)) & 1) === 1
  }

  drop(row: number): void {
    if (!this.#own) this.bits = this.bits?.slice() ?? new Uint8Array(bitmapBytes(this.#length)).fill(255)
    this.#own = true
    this.bits![row >> 3]! &= ~(1 << (row & 7))
  }
}
