/** Scalars as JSON text, as native/json_text.cc writes them: what both encoders are made of. */
import type { ColumnType, TimeUnit } from '../../schema.ts'
import { utf8Length } from '../utf8.ts'

/** Bytes that grow; they are the text of one row at a time. */
export class TextBuffer {
  bytes = Buffer.allocUnsafeSlow(1024)
  size = 0

  /** Room for `count` bytes more. */
  reserve(count: number): Buffer {
    if (this.size + count > this.bytes.length) {
      const bytes = Buffer.allocUnsafeSlow((this.size + count) * 2)
      this.bytes.copy(bytes, 0, 0, this.size)
      this.bytes = bytes
    }
    return this.bytes
  }
  /** ASCII. */
  text(text: string): void {
    const bytes = this.reserve(text.length)
    for (let i = 0; i < text.length; i++) bytes[this.size + i] = text.charCodeAt(i)
    this.size += text.length
  }
  append(source: Uint8Array, from: number, to: number): void {
    const bytes = this.reserve(to - from)
    if (to - from > 64) bytes.set(source.subarray(from, to), this.size)
    else for (let at = from; at < to; at++) bytes[this.size + at - from] = source[at]!
    this.size += to - from
  }
  take(): Uint8Array {
    return Uint8Array.prototype.slice.call(this.bytes, 0, this.size)
  }
}

/** -0 is 0, as in JavaScript. The value is finite. */
export const doubleText = (value: number): string => String(value)

/**
 * The shortest digits that read back as the same float32 (0.1f is 0.1, where String() of the double that JavaScript knows
 * it as gives 0.10000000149011612).
 */
export function floatText(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 16_777_216) return String(value)
  for (let digits = 1; digits < 10; digits++) {
    // Written as Number's digits are: the double of these digits has no shorter ones.
    const shorter = Number(value.toPrecision(digits))
    if (Math.fround(shorter) === value) return String(halfToEven(value, digits) ?? shorter)
  }
  return String(value)
}

/**
 * In the middle between two numbers of so many digits, toPrecision takes the larger one, std::to_chars the one that ends
 * in an even digit: this one, where it is the smaller.
 */
function halfToEven(value: number, digits: number): number | undefined {
  const text = value.toPrecision(digits + 1)
  if (Number(text) !== value || !/[02468]\.?5(?:e|$)/.test(text)) return undefined
  const smaller = Number(text.replace(/5(?=e|$)/, ''))
  return Math.fround(smaller) === value ? smaller : undefined
}

/** `scale` digits behind the point. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled)
  const negative = unscaled < 0n
  const digits = String(negative ? -unscaled : unscaled).padStart(scale + 1, '0')
  return `${negative ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** The value of a decimal from its four words at `at`, the lowest first. */
export function decimalAt(words: Uint32Array, at: number): bigint {
  const high = (BigInt(words[at + 3]! | 0) << 32n) | BigInt(words[at + 2]!)
  return (high << 64n) | (BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!)
}

const fractions: Readonly<Record<TimeUnit, { readonly perSecond: bigint; readonly digits: number }>> = {
  s: { perSecond: 1n, digits: 0 },
  ms: { perSecond: 1_000n, digits: 3 },
  us: { perSecond: 1_000_000n, digits: 6 },
  ns: { perSecond: 1_000_000_000n, digits: 9 },
}

/** What Date holds, in milliseconds. */
const FAR = 8_640_000_000_000_000n

/**
 * ISO 8601: `2024-02-29T12:00:00.000Z`, `+010000-01-01T...` outside of years 0 to 9999, as toISOString() has it. Digits
 * behind the second: none, 3, 6, 9 by unit.
 */
export function timestampText(value: bigint, unit: TimeUnit): string {
  if (unit === 'ms' && value <= FAR && value >= -FAR) return new Date(Number(value)).toISOString()
  const { perSecond, digits } = fractions[unit]
  const seconds = floorDivide(value, perSecond)
  const fraction = value - seconds * perSecond
  const days = floorDivide(seconds, 86_400n)
  const second = Number(seconds - days * 86_400n)
  const pair = (number: number): string => String(number).padStart(2, '0')
  const clock = `${pair(Math.floor(second / 3600))}:${pair(Math.floor(second / 60) % 60)}:${pair(second % 60)}`
  return `${dateText(days)}T${clock}${digits === 0 ? '' : `.${String(fraction).padStart(digits, '0')}`}Z`
}

const floorDivide = (value: bigint, by: bigint): bigint => value / by - (value % by < 0n ? 1n : 0n)

/** Days since 1970-01-01 as a proleptic Gregorian date (Howard Hinnant's civil_from_days), also beyond what Date holds. */
export function dateText(days: bigint): string {
  const shifted = days + 719_468n
  const era = floorDivide(shifted, 146_097n)
  const dayOfEra = Number(shifted - era * 146_097n)
  const whole = Math.floor
  const yearOfEra = whole(
    (dayOfEra - whole(dayOfEra / 1460) + whole(dayOfEra / 36_524) - whole(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + whole(yearOfEra / 4) - whole(yearOfEra / 100))
  const monthFromMarch = whole((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - whole((153 * monthFromMarch + 2) / 5) + 1
  const month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  const year = BigInt(yearOfEra) + era * 400n + (month <= 2 ? 1n : 0n)
  const size = year < 0n ? -year : year
  const yearText =
    year >= 0n && year <= 9999n
      ? String(year).padStart(4, '0')
      : `${year < 0n ? '-' : '+'}${String(size).padStart(6, '0')}`
  return `${yearText}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
}

/** The letter of an escape of two characters; 0: none, or one of six. */
const short = new Uint8Array(0x60)
for (const [byte, letter] of ['""', '\\\\', '\bb', '\ff', '\nn', '\rr', '\tt']) {
  short[byte!.charCodeAt(0)] = letter!.charCodeAt(0)
}
const HEX = '0123456789abcdef'

/** With quotes, escaped as JSON.stringify does. False: no UTF-8, and nothing was appended. */
export function appendString(out: TextBuffer, text: Uint8Array, from: number, to: number): boolean {
  const bytes = out.reserve((to - from) * 6 + 2)
  let { size } = out
  bytes[size++] = 0x22
  for (let at = from; at < to; at++) {
    const byte = text[at]!
    if (byte >= 0x80) {
      const length = utf8Length(text, at, to)
      if (length === 0) return false
      for (let i = 0; i < length; i++) bytes[size++] = text[at + i]!
      at += length - 1
    } else if (byte >= 0x20 && byte !== 0x22 && byte !== 0x5c) {
      bytes[size++] = byte
    } else {
      bytes[size++] = 0x5c
      const letter = short[byte]!
      if (letter !== 0) bytes[size++] = letter
      else {
        bytes[size++] = 0x75
        bytes[size++] = 0x30
        bytes[size++] = 0x30
        bytes[size++] = HEX.charCodeAt(byte >> 4)
        bytes[size++] = HEX.charCodeAt(byte & 15)
      }
    }
  }
  bytes[size++] = 0x22
  out.size = size
  return true
}

/** The text of a value by its type; null: NaN or Infinity. None for bytes and what has children. */
export function scalarText(type: ColumnType): ((values: never, row: number) => string | null) | undefined {
  switch (type.kind) {
    case 'bool':
      return (values: Uint8Array, row) => (((values[row >> 3]! >> (row & 7)) & 1) === 1 ? 'true' : 'false')
    case 'float64':
      return (values: Float64Array, row) => (Number.isFinite(values[row]!) ? doubleText(values[row]!) : null)
    case 'float32':
      return (values: Float32Array, row) => (Number.isFinite(values[row]!) ? floatText(values[row]!) : null)
    case 'date':
      return (values: Int32Array, row) => dateText(BigInt(values[row]!))
    case 'timestamp': {
      const { unit } = type
      return (values: BigInt64Array, row) => timestampText(values[row]!, unit)
    }
    case 'decimal': {
      const { scale } = type
      return (values: Uint32Array, row) => decimalText(decimalAt(values, row * 4), scale)
    }
    case 'utf8':
    case 'binary':
    case 'list':
    case 'struct':
      return undefined
    default:
      return (values: Int32Array | BigInt64Array, row) => String(values[row]!)
  }
}
