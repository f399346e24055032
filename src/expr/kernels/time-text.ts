/** Times as text by a pattern, and the other way round; on bytes, for a string a row would cost more than the rest. */
import { type ColumnType, typeText } from '../../schema.ts'
import { type TimeToken, timePattern } from '../time-patterns.ts'
import { parameter } from '../times.ts'
import { evaluated, type Kernel, nulls } from '../vector.ts'
import { copyBytes, strings, tooLong } from './bytes.ts'
import { civil, daysInMonth, daysOf, found } from './calendar.ts'
import { converted } from './cast.ts'
import { type Convert, shown } from './conversion.ts'
import { fromInstants, toInstants, Valid } from './instants.ts'
import { iso, readDigits, readIso, readOffset } from './iso.ts'
import { toLocal, zoneArgument } from './times.ts'
import { localOffset, type Zone, zoneOf } from './zones.ts'

const UTF8: ColumnType = { kind: 'utf8' }
const [ZERO, PLUS, MINUS, COLON, Z] = [0x30, 0x2b, 0x2d, 0x3a, 0x5a]

/** The most bytes of a year: a sign and fifteen digits. */
const YEAR_WIDTH = 16

// ---------------------------------------------------------------- format

export const formatKernel: Kernel = ([time, pattern, zoneName], type) => {
  const from = time!.type
  if (from === null) return ({ batch }) => nulls(type, batch.numRows)
  const source = evaluated(time!, from)
  const tokens = timePattern(parameter(pattern!), 'format')
  const zone = zoneArgument(zoneName, from)
  const widest = tokens.reduce((sum, token) => sum + widthOf(token), 0)
  return (run) => {
    const vector = source(run)
    const { length, validity } = vector
    if (length * widest > 2 ** 31 - 1) throw tooLong()
    const { days, nanos, offsets: ahead } = toLocal(toInstants(from, vector), zone, length)
    const bytes = new Uint8Array(length * widest)
    const offsets = new Int32Array(length + 1)
    const valid = new Valid(vector)
    let at = 0
    for (let i = 0; i < length; i++) {
      if (valid.has(i)) {
        civil(days[i]!)
        for (const token of tokens) at = write(bytes, at, token, nanos[i]!, ahead === null ? zone.fixed! : ahead[i]!)
      }
      offsets[i + 1] = at
    }
    return { length, values: bytes.subarray(0, at), offsets, validity }
  }
}

const widthOf = (token: TimeToken): number =>
  token.field === 'text'
    ? token.bytes.length
    : token.field === 'year'
      ? YEAR_WIDTH
      : token.field === 'offset'
        ? 6
        : token.width

/** One token at place `at`: the date is that of `found`. Gives the place behind it. */
function write(bytes: Uint8Array, at: number, token: TimeToken, nanos: number, offset: number): number {
  switch (token.field) {
    case 'text':
      return copyBytes(token.bytes, 0, token.bytes.length, bytes, at)
    case 'year':
      return writeYear(bytes, at, found.year)
    case 'month':
      return writeDigits(bytes, at, found.month, 2)
    case 'day':
      return writeDigits(bytes, at, found.day, 2)
    case 'hour':
      return writeDigits(bytes, at, Math.floor(nanos / 3600e9), 2)
    case 'minute':
      return writeDigits(bytes, at, Math.floor(nanos / 60e9) % 60, 2)
    case 'second':
      return writeDigits(bytes, at, Math.floor(nanos / 1e9) % 60, 2)
    case 'fraction':
      return writeDigits(bytes, at, Math.floor((nanos % 1e9) / 10 ** (9 - token.width)), token.width)
    case 'offset': {
      if (offset === 0) {
        bytes[at] = Z
        return at + 1
      }
      const minutes = Math.floor(Math.abs(offset) / 60)
      bytes[at] = offset < 0 ? MINUS : PLUS
      writeDigits(bytes, at + 1, Math.floor(minutes / 60), 2)
      bytes[at + 3] = COLON
      return writeDigits(bytes, at + 4, minutes % 60, 2)
    }
  }
}

function writeDigits(bytes: Uint8Array, at: number, value: number, width: number): number {
  let rest = value
  for (let i = at + width - 1; i >= at; i--) {
    const next = Math.floor(rest / 10)
    bytes[i] = ZERO + rest - next * 10
    rest = next
  }
  return at + width
}

/** Four digits; before 0 and past 9999 a sign and six or more, as ISO 8601 has it. */
function writeYear(bytes: Uint8Array, at: number, year: number): number {
  if (year >= 0 && year <= 9999) return writeDigits(bytes, at, year, 4)
  bytes[at] = year < 0 ? MINUS : PLUS
  return writeDigits(bytes, at + 1, Math.abs(year), Math.max(6, String(Math.abs(year)).length))
}

// ---------------------------------------------------------------- parse

/** Text, the type's name, the pattern (null: ISO 8601), the zone of text that names no offset. */
export function parseKernel(otherwise: 'error' | 'null'): Kernel {
  return ([text, , pattern, zoneName], type) => {
    if (text!.type === null) return ({ batch }) => nulls(type, batch.numRows)
    const source = evaluated(text!, UTF8)
    const convert = reading(type, pattern && parameter(pattern), zoneName === undefined ? 'UTC' : parameter(zoneName))
    return (run) => converted(convert, source(run), otherwise === 'error' ? run : null)
  }
}

function reading(type: ColumnType, pattern: unknown, zoneName: unknown): Convert {
  const zone = zoneOf(zoneName)
  const tokens = pattern === null || pattern === undefined ? null : timePattern(pattern, 'toTimestamp')
  const wanted = tokens === null ? 'no ISO 8601 date or time' : `not as ${pattern}`
  return (vector, valid, fail) => {
    const { values, offsets, length } = vector
    const bytes = values as Uint8Array
    const days = new Float64Array(length)
    const nanos = new Float64Array(length)
    for (let i = 0; i < length; i++) {
      if (!valid.has(i)) continue
      const [start, end] = [offsets![i]!, offsets![i + 1]!]
      if (!(tokens === null ? readIso(bytes, start, end) : readTokens(bytes, start, end, tokens))) {
        fail(i, `${shown(strings(vector)(i))} is ${wanted}`)
        continue
      }
      const time = iso.nanos - offsetOf(zone) * 1e9
      const carry = Math.floor(time / 86_400e9)
      days[i] = iso.days + carry
      nanos[i] = time - carry * 86_400e9
    }
    const made = fromInstants(type, { days, nanos }, length, (row) =>
      fail(row, `${shown(strings(vector)(row))} does not fit ${typeText(type)}`),
    )
    return { values: made, offsets: null }
  }
}

/** Of the time in `iso`: its own, or the zone's. */
const offsetOf = (zone: Zone): number =>
  Number.isNaN(iso.offset) ? localOffset(zone, iso.days * 86_400 + Math.floor(iso.nanos / 1e9)) : iso.offset

/** All of the text, into `iso`; false where it is not as the pattern has it. */
function readTokens(bytes: Uint8Array, start: number, end: number, tokens: readonly TimeToken[]): boolean {
  let [year, month, day, at] = [0, 1, 1, start]
  iso.nanos = 0
  iso.offset = Number.NaN
  for (const token of tokens) {
    if (token.field === 'text') {
      for (const byte of token.bytes) if (at >= end || bytes[at++] !== byte) return false
      continue
    }
    if (token.field === 'offset') {
      const offset = readOffset(bytes, at, end)
      if (offset === null) return false
      iso.offset = offset.seconds
      at += offset.length
      continue
    }
    const value = readDigits(bytes, at, token.width, end)
    if (value < 0) return false
    at += token.width
    if (token.field === 'year') year = value
    else if (token.field === 'month') month = value
    else if (token.field === 'day') day = value
    else if (value > limits[token.field]) return false
    else iso.nanos += value * (token.field === 'fraction' ? 10 ** (9 - token.width) : nanosOf[token.field])
  }
  if (at !== end || month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return false
  iso.days = daysOf(year, month, day)
  return true
}

const limits = { hour: 23, minute: 59, second: 59, fraction: 999_999_999 }
const nanosOf = { hour: 3600e9, minute: 60e9, second: 1e9 }
