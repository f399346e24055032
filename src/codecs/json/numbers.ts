/** Numbers as text -> what columns hold, exactly (native/numbers.cc). */

const MINUS = 0x2d
const PLUS = 0x2b
const POINT = 0x2e
const ZERO = 0x30
const LOWER_E = 0x65

/** Digits that are kept: those behind are counted only, because no column holds as many. */
const KEPT = 40
const FAR = 1_000_000_000_000

const isDigit = (byte: number): boolean => byte >= ZERO && byte <= 0x39
export const isTextBlank = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)

/** A decimal number by its digits: d1 d2 ... dn * 10^exponent, without zeros at either end. Zero has no digits. */
export class Digits {
  negative = false
  count = 0
  exponent = 0
  readonly digits = new Uint8Array(KEPT)
  /** Of the last integer(): its 64 bits, without the sign. */
  low = 0
  high = 0

  /**
   * JSON's numbers, and what parseDecimal of src/batch/values.ts takes besides: blanks around it, '+', zeros in front,
   * a point with nothing behind it. False: not a number.
   */
  read(bytes: Uint8Array, at: number, end: number): boolean {
    while (at < end && isTextBlank(bytes[at]!)) at++
    while (at < end && isTextBlank(bytes[end - 1]!)) end--
    this.negative = false
    this.count = 0
    this.exponent = 0
    if (at < end && (bytes[at] === MINUS || bytes[at] === PLUS)) this.negative = bytes[at++] === MINUS
    if (at >= end || !isDigit(bytes[at]!)) return false

    let zeros = 0 // since the last other digit: they count when another one follows
    let behindPoint = 0
    let point = false
    for (; at < end; at++) {
      const byte = bytes[at]!
      if (byte === POINT && !point) {
        point = true
        continue
      }
      if (!isDigit(byte)) break
      if (point) behindPoint++
      if (byte === ZERO) {
        if (this.count > 0) zeros++
        continue
      }
      for (; zeros > 0; zeros--) this.#push(0)
      this.#push(byte - ZERO)
    }
    let exponent = 0
    if (at < end && (bytes[at]! | 0x20) === LOWER_E) {
      at++
      let negative = false
      if (at < end && (bytes[at] === MINUS || bytes[at] === PLUS)) negative = bytes[at++] === MINUS
      if (at >= end || !isDigit(bytes[at]!)) return false
      for (; at < end && isDigit(bytes[at]!); at++) if (exponent < FAR) exponent = exponent * 10 + bytes[at]! - ZERO
      if (negative) exponent = -exponent
    }
    if (this.count > 0) this.exponent = exponent + zeros - behindPoint
    return at === end
  }

  #push(digit: number): void {
    if (this.count < KEPT) this.digits[this.count] = digit
    this.count++
  }

  /** Sets `low` and `high`. False: not an integer, or more than 64 bits. */
  integer(): boolean {
    this.low = 0
    this.high = 0
    if (this.count === 0) return true
    const size = this.count + this.exponent
    if (this.exponent < 0 || size > 20) return false
    // Eleven digits and nine: the first part has less than 2^37.
    let first = 0
    let last = 0
    for (let i = 0; i < size; i++) {
      const digit = i < this.count ? this.digits[i]! : 0
      if (i < size - 9) first = first * 10 + digit
      else last = last * 10 + digit
    }
    return this.product(first, 1_000_000_000, last)
  }

  /**
   * `low` and `high` are first * by + last, exactly, without a bigint: first < 2^37, by <= 10^9, last < 2^53 - 2^47.
   * False: more than 64 bits.
   */
  product(first: number, by: number, last: number): boolean {
    const lower = (first % 0x10000) * by + last
    const upper = Math.floor(first / 0x10000) * by + Math.floor(lower / 0x10000)
    this.low = ((upper % 0x10000) * 0x10000 + (lower % 0x10000)) | 0
    this.high = Math.floor(upper / 0x10000)
    return this.high <= 0xffff_ffff
  }

  /** The unscaled value of a decimal; null: digits would be lost behind the point, or it has more than `precision`. */
  decimal(precision: number, scale: number): bigint | null {
    if (this.count === 0) return 0n
    const zeros = this.exponent + scale
    if (zeros < 0 || this.count + zeros > precision) return null
    let first = 0
    let value: bigint | undefined
    for (let i = 0; i < this.count + zeros; i++) {
      const digit = i < this.count ? this.digits[i]! : 0
      if (i === 15) value = BigInt(first)
      if (value === undefined) first = first * 10 + digit
      else value = value * 10n + BigInt(digit)
    }
    value ??= BigInt(first)
    return this.negative ? -value : value
  }
}

/** The powers of ten that a float64 holds exactly. */
export const powersOfTen = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))

/** The nearest float64 of a JSON number: too small is 0, too large Infinity. */
export function toDouble(bytes: Uint8Array, from: number, to: number): number {
  let text = ''
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at]!)
  return Number(text)
}
