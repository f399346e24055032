/**
 * Values without children: from text into columns (native/json_columns.cc). Every step returns the place behind what it
 * read, or -1 where that is no JSON, as the reader's do.
 */
import type { TimeUnit } from '../../schema.ts'
import { FLOAT64, type GrowingColumn, INT8, INT16, INT64, TIMESTAMP, UINT8, UINT16, UINT64 } from '../growing.ts'
import { fromBase64 } from './base64.ts'
import type { JsonNode } from './node.ts'
import { Digits, powersOfTen, toDouble } from './numbers.ts'
import { type JsonReader, MINUS, POINT, plain, QUOTE } from './reader.ts'
import { Instant } from './times.ts'

const ZERO = 0x30
const LOWER_E = 0x65
/** Digits that a float64 holds, whichever they are. */
const EXACT_DIGITS = 15
/** Of a string in a document of more bytes, room is not kept ready before its end is found. */
const READY = 4096

const unitsASecond: Readonly<Record<TimeUnit, number>> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 }

export interface Misfit {
  readonly node: JsonNode
  readonly at: number
}

export class JsonScalars {
  /** Of this document. */
  misfits: Misfit[] = []
  /** What the last string() stands for: `from` to `to` of `content`, until the next one. */
  content: Uint8Array
  from = 0
  to = 0
  readonly #reader: JsonReader
  readonly #digits = new Digits()
  readonly #instant = new Instant()
  /** Of a string with escapes. */
  #scratch = new Uint8Array(256)

  constructor(reader: JsonReader) {
    this.#reader = reader
    this.content = this.#scratch
  }

  /** null, or a value of another kind than the column's. */
  other(node: JsonNode, at: number): number {
    if (!this.#reader.isNull(at)) return this.misfit(node, at)
    node.column.appendNull()
    return at + 4
  }

  /** The row fails, but first the document is read to its end: it may not be JSON, or the key may come again. */
  misfit(node: JsonNode, at: number): number {
    this.misfits.push({ node, at })
    node.column.appendNull()
    return this.#reader.skip(at, node.open)
  }

  boolean(node: JsonNode, at: number): number {
    const isTrue = this.#reader.isTrue(at)
    if (!isTrue && !this.#reader.isFalse(at)) return this.other(node, at)
    node.column.appendBool(isTrue)
    return isTrue ? at + 4 : at + 5
  }

  integer(node: JsonNode, at: number): number {
    const { bytes } = this.#reader
    const negative = bytes[at] === MINUS
    const from = negative ? at + 1 : at
    let to = from
    let digit = bytes[to]! - ZERO
    if (digit < 0 || digit > 9) return this.other(node, at)
    let magnitude = digit
    digit = bytes[++to]! - ZERO
    if (magnitude !== 0) {
      // No digit follows a zero.
      while (digit >= 0 && digit <= 9) {
        magnitude = magnitude * 10 + digit
        digit = bytes[++to]! - ZERO
      }
    }
    const behind = bytes[to]!
    if (to - from > EXACT_DIGITS || behind === POINT || (behind | 0x20) === LOWER_E) return this.#exactInteger(node, at)
    const value = negative ? -magnitude : magnitude
    if (value < node.least || value > node.most) return this.misfit(node, at)
    const { column } = node
    switch (node.id) {
      case INT64:
      case UINT64:
      case TIMESTAMP:
        column.appendLong(value)
        break
      case INT8:
      case UINT8:
        column.appendByte(value)
        break
      case INT16:
      case UINT16:
        column.appendHalf(value)
        break
      default:
        column.appendWord(value)
    }
    return to
  }

  /** With a fraction or an exponent, or longer than a float64 holds. */
  #exactInteger(node: JsonNode, at: number): number {
    const reader = this.#reader
    const to = reader.number(at)
    if (to < 0) return -1
    const digits = this.#digits
    if (!digits.read(reader.bytes, at, to) || !digits.integer()) return this.misfit(node, at)
    const { low, high, negative } = digits
    const { column } = node
    if (node.id === INT64 || node.id === UINT64 || node.id === TIMESTAMP) {
      const fits =
        node.id === UINT64
          ? !negative || (high === 0 && low === 0)
          : high < 0x8000_0000 || (negative && high === 0x8000_0000 && low === 0)
      if (!fits) return this.misfit(node, at)
      appendSigned(column, low, high, negative)
      return to
    }
    const magnitude = high * 0x1_0000_0000 + (low >>> 0)
    const value = negative ? -magnitude : magnitude
    if (value < node.least || value > node.most) return this.misfit(node, at)
    if (node.id === INT8 || node.id === UINT8) column.appendByte(value)
    else if (node.id === INT16 || node.id === UINT16) column.appendHalf(value)
    else column.appendWord(value)
    return to
  }

  /** Digits and a power of ten that float64 holds exactly: their quotient is rounded once (Clinger). */
  real(node: JsonNode, at: number): number {
    const { bytes } = this.#reader
    const negative = bytes[at] === MINUS
    const from = negative ? at + 1 : at
    let to = from
    let digit = bytes[to]! - ZERO
    if (digit < 0 || digit > 9) return this.other(node, at)
    let value = digit
    digit = bytes[++to]! - ZERO
    if (value !== 0) {
      while (digit >= 0 && digit <= 9) {
        value = value * 10 + digit
        digit = bytes[++to]! - ZERO
      }
    }
    let count = to - from
    if (bytes[to] === POINT) {
      const point = to
      digit = bytes[++to]! - ZERO
      while (digit >= 0 && digit <= 9) {
        value = value * 10 + digit
        digit = bytes[++to]! - ZERO
      }
      const places = to - point - 1
      count += places
      if (places === 0 || count > EXACT_DIGITS) return this.#exactReal(node, at)
      value /= powersOfTen[places]!
    }
    if (count > EXACT_DIGITS || (bytes[to]! | 0x20) === LOWER_E) return this.#exactReal(node, at)
    if (node.id === FLOAT64) node.column.appendDouble(negative ? -value : value)
    else node.column.appendSingle(negative ? -value : value)
    return to
  }

  #exactReal(node: JsonNode, at: number): number {
    const reader = this.#reader
    const to = reader.number(at)
    if (to < 0) return -1
    // Too large is what rounds to infinity: the shortest digits of the largest float32, 3.4028235e38, are above it.
    const double = toDouble(reader.bytes, at, to)
    const value = node.id === FLOAT64 ? double : Math.fround(double)
    if (!Number.isFinite(value)) return this.misfit(node, at)
    if (node.id === FLOAT64) node.column.appendDouble(value)
    else node.column.appendSingle(value)
    return to
  }

  /** A short string is found and copied in one go; whatever is not plain begins anew in #anyText(). */
  text(node: JsonNode, at: number): number {
    const { bytes, end } = this.#reader
    const from = at + 1
    const left = end - from
    if (bytes[at] !== QUOTE || left > READY) return this.#anyText(node, at)
    const { column } = node
    const out = column.reserve(left)
    let { size } = column
    let to = from
    let byte = bytes[to]!
    while (plain[byte] === 1) {
      out[size++] = byte
      byte = bytes[++to]!
    }
    if (byte !== QUOTE) return this.#anyText(node, at)
    column.endBytes(size)
    return to + 1
  }

  #anyText(node: JsonNode, at: number): number {
    const reader = this.#reader
    const { column } = node
    if (reader.bytes[at] !== QUOTE) {
      if (reader.isNull(at)) return this.other(node, at)
      const to = reader.skip(at, node.open)
      if (to >= 0) column.appendBytes(reader.bytes, at, to)
      return to
    }
    const behind = reader.string(at)
    if (behind < 0) return -1
    if (reader.escaped) {
      const out = column.reserve(behind - at)
      column.endBytes(reader.unescape(at + 1, behind - 1, out, column.size))
    } else column.appendBytes(reader.bytes, at + 1, behind - 1)
    return behind
  }

  /** What a string that string() accepted stands for: from to to of content, until the next call. */
  read(at: number, behind: number): void {
    const reader = this.#reader
    if (reader.escaped) {
      if (this.#scratch.length < behind - at) this.#scratch = new Uint8Array((behind - at) * 2)
      this.content = this.#scratch
      this.from = 0
      this.to = reader.unescape(at + 1, behind - 1, this.#scratch, 0)
    } else {
      this.content = reader.bytes
      this.from = at + 1
      this.to = behind - 1
    }
  }

  time(node: JsonNode, at: number): number {
    const behind = this.#reader.string(at)
    if (behind < 0) return -1
    this.read(at, behind)
    const instant = this.#instant
    if (!instant.read(this.content, this.from, this.to)) return this.misfit(node, at)
    const { column, type } = node
    const { seconds, nanos } = instant
    if (type.kind !== 'timestamp') {
      column.appendWord(Math.floor(seconds / 86_400))
      return behind
    }
    const perSecond = unitsASecond[type.unit]
    const rest = Math.floor(nanos / (1e9 / perSecond))
    if (perSecond <= 1e3) {
      column.appendLong(seconds * perSecond + rest)
      return behind
    }
    // Beyond 2^53: by magnitude, whose sign is put back. -1.25 s is -(1 s + 250,000 us), and so -(0 s + ...) too.
    const digits = this.#digits
    const before = seconds < 0
    const fits = before
      ? digits.product(-seconds - 1, perSecond, perSecond - rest)
      : digits.product(seconds, perSecond, rest)
    const { low, high } = digits
    if (!fits || !(high < 0x8000_0000 || (before && high === 0x8000_0000 && low === 0))) return this.misfit(node, at)
    appendSigned(column, low, high, before)
    return behind
  }

  decimal(node: JsonNode, at: number): number {
    const reader = this.#reader
    const first = reader.bytes[at]!
    let to: number
    if (first === QUOTE) {
      to = reader.string(at)
      if (to < 0) return -1
      this.read(at, to)
    } else if (first === MINUS || (first >= ZERO && first <= 0x39)) {
      to = reader.number(at)
      if (to < 0) return -1
      this.content = reader.bytes
      this.from = at
      this.to = to
    } else return this.other(node, at)
    const { type, column } = node
    if (type.kind !== 'decimal') return -1
    const digits = this.#digits
    const value = digits.read(this.content, this.from, this.to) ? digits.decimal(type.precision, type.scale) : null
    if (value === null) return this.misfit(node, at)
    const low = BigInt.asUintN(64, value)
    const high = BigInt.asUintN(64, value >> 64n)
    column.appendQuad(Number(low & 0xffff_ffffn), Number(low >> 32n), Number(high & 0xffff_ffffn), Number(high >> 32n))
    return to
  }

  binary(node: JsonNode, at: number): number {
    const reader = this.#reader
    if (reader.bytes[at] !== QUOTE) return this.other(node, at)
    const behind = reader.string(at)
    if (behind < 0) return -1
    this.read(at, behind)
    const { column } = node
    const out = column.reserve(this.to - this.from)
    const size = fromBase64(this.content, this.from, this.to, out, column.size)
    if (size < 0) return this.misfit(node, at)
    column.endBytes(size)
    return behind
  }
}

/** 64 bits by their magnitude and sign. */
function appendSigned(column: GrowingColumn, low: number, high: number, negative: boolean): void {
  if (!negative) column.appendPair(low, high)
  else column.appendPair(-low, low === 0 ? -high : ~high)
}
