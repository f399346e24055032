/** ISO 8601 read from bytes: what parseTime() of batch.ts takes, without a string a row. */
import { daysInMonth, daysOf } from './calendar.ts'

/** What `readIso` found last; `offset` in seconds east of UTC, NaN where the text names none. */
export const iso = { days: 0, nanos: 0, offset: Number.NaN }

const DIGIT = 0x30

/** The number of `count` digits; -1 where there are other bytes. */
export function readDigits(bytes: Uint8Array, at: number, count: number, end: number): number {
  if (at + count > end) return -1
  let value = 0
  for (let i = at; i < at + count; i++) {
    const digit = bytes[i]! - DIGIT
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** Z or z, +02:00, +0200: seconds and how many bytes they took; null where there is no such thing. */
export function readOffset(bytes: Uint8Array, at: number, end: number): { seconds: number; length: number } | null {
  const sign = bytes[at]
  if (at >= end) return null
  if ((sign! | 0x20) === 0x7a) return { seconds: 0, length: 1 }
  if (sign !== 0x2b && sign !== 0x2d) return null
  const hours = readDigits(bytes, at + 1, 2, end)
  const colon = bytes[at + 3] === 0x3a ? 1 : 0
  const minutes = readDigits(bytes, at + 3 + colon, 2, end)
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return null
  return { seconds: (sign === 0x2d ? -1 : 1) * (hours * 3600 + minutes * 60), length: 5 + colon }
}

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 9 && byte <= 13)

/**
 * `2024-02-29`, `2024-02-29T12:30`, with seconds, a fraction (digits past nine are left out) and an offset; the T may
 * be a space. Into `iso`, as it is written, not yet moved by the offset; false where the text is no time.
 */
export function readIso(bytes: Uint8Array, from: number, to: number): boolean {
  let [at, end] = [from, to]
  while (at < end && isSpace(bytes[at]!)) at++
  while (end > at && isSpace(bytes[end - 1]!)) end--
  const year = readDigits(bytes, at, 4, end)
  const month = readDigits(bytes, at + 5, 2, end)
  const day = readDigits(bytes, at + 8, 2, end)
  if (year < 0 || month < 1 || month > 12 || day < 1 || bytes[at + 4] !== 0x2d || bytes[at + 7] !== 0x2d) return false
  if (day > daysInMonth(year, month)) return false
  iso.days = daysOf(year, month, day)
  iso.nanos = 0
  iso.offset = Number.NaN
  at += 10
  if (at === end) return true
  if ((bytes[at]! | 0x20) !== 0x74 && bytes[at] !== 0x20) return false
  const hour = readDigits(bytes, at + 1, 2, end)
  const minute = readDigits(bytes, at + 4, 2, end)
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || bytes[at + 3] !== 0x3a) return false
  iso.nanos = (hour * 60 + minute) * 60e9
  at += 6
  if (at < end && bytes[at] === 0x3a) {
    const second = readDigits(bytes, at + 1, 2, end)
    if (second < 0 || second > 59) return false
    iso.nanos += second * 1e9
    at += 3
    if (at < end && (bytes[at] === 0x2e || bytes[at] === 0x2c)) {
      let digit = readDigits(bytes, ++at, 1, end)
      if (digit < 0) return false
      for (let unit = 1e8; digit >= 0; unit /= 10) {
        if (unit >= 1) iso.nanos += digit * unit
        digit = readDigits(bytes, ++at, 1, end)
      }
    }
  }
  if (at === end) return true
  const offset = readOffset(bytes, at, end)
  if (offset === null || at + offset.length !== end) return false
  iso.offset = offset.seconds
  return true
}
