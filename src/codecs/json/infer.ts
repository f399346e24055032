/** What JSON values have in common, as columns (native/json_infer.cc). Runs once a source. */

import { isUtf8 } from 'node:buffer'
import type { ColumnType, Field } from '../../schema.ts'
import { textOf } from '../utf8.ts'
import { Digits, toDouble } from './numbers.ts'
import { CLOSE_LIST, CLOSE_OBJECT, COLON, COMMA, isBlank, JsonReader, OPEN_LIST, OPEN_OBJECT, QUOTE } from './reader.ts'

// What was found at one place of the documents: a bit each.
const INTEGER = 1 // within int64
const REAL = 2
const EXACT = 4 // a number that neither int64 nor float64 holds
const BOOL = 8
const TIME = 16 // an ISO 8601 date-time, to the millisecond
const TEXT = 32
const LIST = 64
const STRUCT = 128

/** Objects with more keys are no rows but maps; and what crossed from the network is bounded. */
const MOST_KEYS = 4096

/** The values at one place, nulls left out. */
class Shape {
  kinds = 0
  /** Of lists; null while they are empty. */
  item: Shape | null = null
  /** Of objects, in the order of their first appearance. */
  readonly fields = new Map<string, Shape>()

  merge(other: Shape): void {
    this.kinds |= other.kinds
    if (other.item !== null) {
      if (this.item === null) this.item = other.item
      else this.item.merge(other.item)
    }
    for (const [name, shape] of other.fields) {
      const known = this.fields.get(name)
      if (known === undefined) this.fields.set(name, shape)
      else known.merge(shape)
    }
  }
}

/**
 * The schema of JSON objects, by the rules of docs/json.md. Tombstones, documents that are not JSON, no object, or nested
 * deeper than maxDepth are passed over; of duplicate keys the last counts. A document's own key "" is no column, for none
 * can be named so; of more than 4,096 keys the first ones are.
 */
export function inferJsonSchema(values: Iterable<Uint8Array | null>, maxDepth: number): readonly Field[] {
  const documents = new ShapeReader(maxDepth)
  const all = new Shape()
  for (const value of values) {
    const shape = value === null ? null : documents.read(value)
    if (shape !== null) all.merge(shape)
  }
  return fieldsOf(all)
}

/** Reads whole documents: one that turns out not to be JSON leaves nothing behind. */
class ShapeReader {
  readonly #reader: JsonReader
  readonly #digits = new Digits()

  constructor(maxDepth: number) {
    this.#reader = new JsonReader(maxDepth)
  }

  /** null: not a JSON object. */
  read(value: Uint8Array): Shape | null {
    let end = value.length
    while (end > 0 && isBlank(value[end - 1]!)) end--
    const reader = this.#reader
    reader.open(value, end)
    const at = reader.blanks(0)
    if (reader.bytes[at] !== OPEN_OBJECT) return null
    const shape = new Shape()
    return this.#value(at, 0, shape) === end && (reader.ascii || isUtf8(value)) ? shape : null
  }

  #value(at: number, open: number, out: Shape): number {
    const reader = this.#reader
    const { bytes } = reader
    switch (bytes[at]) {
      case OPEN_OBJECT:
        return this.#object(at, open, out)
      case OPEN_LIST:
        return this.#list(at, open, out)
      case QUOTE: {
        const behind = reader.string(at)
        if (behind >= 0) out.kinds = isTime(this.#text(at, behind)) ? TIME : TEXT
        return behind
      }
    }
    const behind = reader.skip(at, open)
    if (behind < 0 || reader.isNull(at)) return behind
    out.kinds = reader.isTrue(at) || reader.isFalse(at) ? BOOL : this.#number(at, behind)
    return behind
  }

  #number(from: number, to: number): number {
    const { bytes } = this.#reader
    const text = String.fromCharCode(...bytes.subarray(from, Math.min(to, from + 40)))
    const isInteger = to - from <= 40 && /^-?\d+$/.test(text)
    const digits = this.#digits
    digits.read(bytes, from, to)
    if (isInteger && digits.integer()) {
      const { high, low, negative } = digits
      if (high < 0x8000_0000 || (negative && high === 0x8000_0000 && low === 0)) return INTEGER
    }
    const double = toDouble(bytes, from, to)
    if (!Number.isFinite(double)) return EXACT
    // An integer outside int64: whether a float64 is written with the same digits, as 1e20 is in JavaScript.
    for (let at = from; at < to; at++) {
      const byte = bytes[at]!
      if (byte === 0x2e || (byte | 0x20) === 0x65) return REAL
    }
    return String(double) === text ? REAL : EXACT
  }

  #text(at: number, behind: number): string {
    const reader = this.#reader
    const raw = reader.bytes.subarray(at + 1, behind - 1)
    if (!reader.escaped) return textOf(raw)
    const out = new Uint8Array(raw.length)
    return textOf(out.subarray(0, reader.unescape(at + 1, behind - 1, out, 0)))
  }

  #object(at: number, open: number, out: Shape): number {
    const reader = this.#reader
    const { bytes } = reader
    if (reader.tooDeep(open)) return -1
    out.kinds = STRUCT
    at = reader.blanks(at + 1)
    if (bytes[at] === CLOSE_OBJECT) return at + 1
    for (;;) {
      if (bytes[at] !== QUOTE) return -1
      const behind = reader.string(at)
      if (behind < 0) return -1
      const name = this.#text(at, behind)
      at = reader.blanks(behind)
      if (bytes[at] !== COLON) return -1
      // Of duplicate keys the last one wins: what was there before is forgotten.
      const field = new Shape()
      out.fields.set(name, field)
      at = this.#value(reader.blanks(at + 1), open + 1, field)
      if (at < 0) return -1
      at = reader.blanks(at)
      if (bytes[at] === CLOSE_OBJECT) return at + 1
      if (bytes[at] !== COMMA) return -1
      at = reader.blanks(at + 1)
    }
  }

  #list(at: number, open: number, out: Shape): number {
    const reader = this.#reader
    const { bytes } = reader
    if (reader.tooDeep(open)) return -1
    out.kinds = LIST
    at = reader.blanks(at + 1)
    if (bytes[at] === CLOSE_LIST) return at + 1
    for (;;) {
      const item = new Shape()
      at = this.#value(at, open + 1, item)
      if (at < 0) return -1
      if (out.item === null) out.item = item
      else out.item.merge(item)
      at = reader.blanks(at)
      if (bytes[at] === CLOSE_LIST) return at + 1
      if (bytes[at] !== COMMA) return -1
      at = reader.blanks(at + 1)
    }
  }
}

const TIME_FORM = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d{1,3})?)?(?:Z|[+-](\d{2}):?(\d{2}))?$/

/**
 * What the decoder takes besides (a blank for the T, more digits) would not be written back as it came, and stays text.
 */
function isTime(text: string): boolean {
  const match = TIME_FORM.exec(text)
  if (match === null) return false
  const [year, month, day, hour, minute, second, zoneHour, zoneMinute] = match.slice(1).map((part) => Number(part ?? 0))
  const leap = (year! % 4 === 0 && year! % 100 !== 0) || year! % 400 === 0
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month! - 1] ?? 0
  return (
    day! >= 1 && day! <= days && hour! <= 23 && minute! <= 59 && second! <= 59 && zoneHour! <= 23 && zoneMinute! <= 59
  )
}

// ---------------------------------------------------------------- types

function typeOf(shape: Shape | null): ColumnType {
  switch (shape?.kinds) {
    case INTEGER:
      return { kind: 'int64' }
    case REAL:
    case REAL | INTEGER:
      return { kind: 'float64' }
    case BOOL:
      return { kind: 'bool' }
    case TIME:
      return { kind: 'timestamp', unit: 'ms' }
    case LIST:
      return { kind: 'list', item: typeOf(shape!.item) }
    case STRUCT: {
      // Of the kind that a schema can declare: some keys, not too many, each with a name.
      const { fields } = shape!
      const isStruct = fields.size > 0 && fields.size <= MOST_KEYS && !fields.has('')
      return isStruct ? { kind: 'struct', fields: fieldsOf(shape!) } : { kind: 'utf8' }
    }
    default:
      // Text, nothing but nulls, or JSON for what is mixed.
      return { kind: 'utf8' }
  }
}

function fieldsOf(shape: Shape): readonly Field[] {
  const fields: Field[] = []
  for (const [name, field] of shape.fields) {
    if (fields.length === MOST_KEYS) break
    if (name !== '') fields.push({ name, type: typeOf(field) })
  }
  return fields
}
