/** Times as text -> seconds and nanoseconds (native/numbers.cc). */
import { isTextBlank } from './numbers.ts'

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** Days since 1970-01-01 of a proleptic Gregorian date (Howard Hinnant's days_from_civil); years 0 to 9999. */
function daysOf(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year
  const era = Math.floor(shifted / 400)
  const yearOfEra = shifted - era * 400
  const dayOfYear = (((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) | 0) + day - 1
  const dayOfEra = yearOfEra * 365 + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0) + dayOfYear
  return era * 146_097 + dayOfEra - 719_468
}

function daysIn(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0
  return month === 2 && leap ? 29 : DAYS[month - 1]!
}

/** NaN: a digit that is none, or behind the end. It spreads through sums and fails every comparison. */
const digit = (bytes: Uint8Array, at: number, end: number): number => {
  const value = bytes[at]! - 0x30
  return at < end && value >= 0 && value <= 9 ? value : Number.NaN
}
const pair = (bytes: Uint8Array, at: number, end: number): number =>
  digit(bytes, at, end) * 10 + digit(bytes, at + 1, end)

const HYPHEN = 0x2d
const COLON = 0x3a

/**
 * ISO 8601 as parseTime of src/batch/values.ts reads it: YYYY-MM-DD, then [T ]HH:MM with [:SS[.fraction]] and [Z or an
 * offset]; UTC where it names no zone. Of the fraction nine digits count. Blanks around it are passed over.
 */
export class Instant {
  /** Since the epoch. */
  seconds = 0
  /** 0 to 999,999,999. */
  nanos = 0
  #place = 0

  /** False: none. */
  read(bytes: Uint8Array, at: number, end: number): boolean {
    while (at < end && isTextBlank(bytes[at]!)) at++
    while (at < end && isTextBlank(bytes[end - 1]!)) end--
    const year = pair(bytes, at, end) * 100 + pair(bytes, at + 2, end)
    const month = pair(bytes, at + 5, end)
    const day = pair(bytes, at + 8, end)
    if (bytes[at + 4] !== HYPHEN || bytes[at + 7] !== HYPHEN) return false
    if (!(year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month))) return false
    this.seconds = daysOf(year, month, day) * 86_400
    this.nanos = 0
    at += 10
    return at === end || this.#time(bytes, at, end)
  }

  #time(bytes: Uint8Array, at: number, end: number): boolean {
    if ((bytes[at]! | 0x20) !== 0x74 && bytes[at] !== 0x20) return false
    const hour = pair(bytes, at + 1, end)
    const minute = pair(bytes, at + 4, end)
    if (!(hour <= 23 && minute <= 59) || bytes[at + 3] !== COLON) return false
    at += 6
    let second = 0
    if (at < end && bytes[at] === COLON) {
      second = pair(bytes, at + 1, end)
      if (!(second <= 59)) return false
      at += 3
      if (at < end && (bytes[at] === 0x2e || bytes[at] === 0x2c)) {
        if (!this.#fraction(bytes, at + 1, end)) return false
        at = this.#place
      }
    }
    this.seconds += hour * 3600 + minute * 60 + second
    return at === end || this.#zone(bytes, at, end)
  }

  #fraction(bytes: Uint8Array, from: number, end: number): boolean {
    let value = 0
    let at = from
    for (; at < end; at++) {
      const next = bytes[at]! - 0x30
      if (next < 0 || next > 9) break
      if (at - from < 9) value = value * 10 + next
    }
    this.#place = at
    for (let count = at - from; count < 9; count++) value *= 10
    this.nanos = value
    return at > from
  }

  #zone(bytes: Uint8Array, at: number, end: number): boolean {
    const sign = bytes[at]!
    at++
    if ((sign | 0x20) === 0x7a) return at === end
    if (sign !== 0x2b && sign !== HYPHEN) return false
    const hours = pair(bytes, at, end)
    at += 2
    if (at < end && bytes[at] === COLON) at++
    const minutes = pair(bytes, at, end)
    if (!(hours <= 23 && minutes <= 59) || at + 2 !== end) return false
    const shift = hours * 3600 + minutes * 60
    this.seconds += sign === HYPHEN ? shift : -shift
    return true
  }
}
