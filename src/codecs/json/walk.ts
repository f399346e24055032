/**
 * The walk over one JSON document that writes columns (native/json_columns.cc). One pass checks the whole document,
 * columns or not. What it does not look up is what it met last time: the key that comes next is compared with the one
 * that came next in the document before.
 */
import { isUtf8 } from 'node:buffer'
import type { Field } from '../../schema.ts'
import {
  BINARY,
  BOOL,
  DATE,
  DECIMAL,
  FLOAT32,
  FLOAT64,
  type GrowingColumn,
  LIST,
  STRUCT,
  TIMESTAMP,
  UTF8,
} from '../growing.ts'
import { utf8Prefix } from '../utf8.ts'
import { type JsonKey, JsonKeys } from './keys.ts'
import { misfitMessage } from './misfit.ts'
import { type JsonNode, makeNodes } from './node.ts'
import { CLOSE_LIST, CLOSE_OBJECT, COLON, COMMA, JsonReader, OPEN_LIST, OPEN_OBJECT, QUOTE } from './reader.ts'
import type { JsonRejection } from './rejection.ts'
import { JsonScalars } from './scalars.ts'

/** The walk recurses: this is its stack. */
const DEEPEST = 1024

export const HAS_BYTE_ORDER_MARK = 'begins with a byte order mark; the producer must leave it out'

export const isByteOrderMark = (value: Uint8Array, at: number): boolean =>
  value[at] === 0xef && value[at + 1] === 0xbb && value[at + 2] === 0xbf

/** Rejected: what was read is sound so far, and the rest was not looked at but for keys that come again. */
export type Result = 'row' | 'not json' | 'misfit' | 'rejected'

/**
 * One document at a time: read() appends one value to every column, readValue() to the only one; or they leave them in
 * disorder, for the caller to truncate.
 */
export class JsonWalk {
  readonly #reader: JsonReader
  readonly #scalars: JsonScalars
  readonly #nodes: readonly JsonNode[]
  readonly #keys: JsonKeys<JsonNode>
  readonly #rejection: JsonRejection | null
  #rejected = false
  /** The last key that was not the expected one; null: nobody's. */
  #found: JsonKey<JsonNode> | null = null

  constructor(
    fields: readonly Field[],
    columns: readonly GrowingColumn[],
    maxDepth: number,
    rejection: JsonRejection | null,
    asked: readonly number[],
    kind: 'object' | 'value' = 'object',
  ) {
    this.#reader = new JsonReader(Math.min(Math.max(maxDepth, 0), DEEPEST))
    this.#scalars = new JsonScalars(this.#reader)
    this.#nodes = makeNodes(fields, columns, kind === 'object' ? 1 : 0)
    this.#keys = new JsonKeys(
      fields.map(({ name }) => name),
      this.#nodes,
    )
    this.#rejection = rejection
    for (const column of asked) this.#nodes[column]!.asked = true
  }

  /** A document of the first `end` bytes of `value`, whose object begins at `at`; behind it are only blanks. */
  read(value: Uint8Array, at: number, end: number, row: number): Result {
    this.#reader.open(value, end)
    if (this.#scalars.misfits.length > 0) this.#scalars.misfits = []
    this.#rejected = false
    const behind = this.#object(this.#nodes, this.#keys, at, 0, row, this.#rejection !== null)
    if (this.#rejected) return 'rejected'
    if (!this.#complete(value, behind, end)) return 'not json'
    return this.#scalars.misfits.length === 0 ? 'row' : 'misfit'
  }

  /** The same of a document that is one value of the column, whatever its type. */
  readValue(value: Uint8Array, at: number, end: number): Exclude<Result, 'rejected'> {
    this.#reader.open(value, end)
    if (this.#scalars.misfits.length > 0) this.#scalars.misfits = []
    if (!this.#complete(value, this.#value(this.#nodes[0]!, at), end)) return 'not json'
    return this.#scalars.misfits.length === 0 ? 'row' : 'misfit'
  }

  /** Of the last document. */
  notJson(): string {
    return this.#reader.failure()
  }
  misfit(): string {
    const { node, at } = this.#scalars.misfits[0]!
    const end = this.#reader.skip(at, node.open)
    return misfitMessage(node.path, node.type, this.#reader.bytes.slice(at, end))
  }

  /** Of any document, without columns. */
  isJson(value: Uint8Array, at: number, end: number): boolean {
    this.#reader.open(value, end)
    return this.#complete(value, this.#reader.skip(at, 0), end)
  }

  #complete(value: Uint8Array, at: number, end: number): boolean {
    const reader = this.#reader
    if (at < 0) return false
    if (at !== end) {
      reader.fail(at, 'nothing behind the document')
      return false
    }
    if (reader.ascii || isUtf8(end === value.length ? value : value.subarray(0, end))) return true
    reader.fail(utf8Prefix(reader.bytes, 0, end), 'UTF-8')
    return false
  }

  // -------------------------------------------------------------- objects

  /** asks: the columns of the row itself, which a predicate may reject. */
  #object(
    nodes: readonly JsonNode[],
    keys: JsonKeys<JsonNode>,
    at: number,
    open: number,
    row: number,
    asks: boolean,
  ): number {
    const reader = this.#reader
    const { bytes, view } = reader
    const start = at
    let seen = 0
    let previous = keys.start
    at = reader.blanks(at + 1)
    if (bytes[at] === CLOSE_OBJECT) return nulls(nodes, at + 1, row)
    for (;;) {
      let key: JsonKey<JsonNode> | null = previous.next
      if (key.isAt(view, at)) {
        at += key.size
        previous = key
      } else {
        at = this.#key(keys, at)
        if (at < 0) return -1
        key = this.#found
        if (key !== null) {
          previous.next = key
          previous = key
        }
      }
      at = reader.blanks(at)
      const node = key === null ? null : key.node
      if (node === null) {
        at = reader.skip(at, open + 1)
      } else {
        if (node.column.length === row) seen++
        else this.#again(node, row, start)
        at = this.#value(node, at)
        if (asks && node.asked && at >= 0 && this.#rejects(at, row)) return -1
      }
      if (at < 0) return -1
      at = reader.blanks(at)
      if (bytes[at] !== COMMA) break
      at = reader.blanks(at + 1)
    }
    if (bytes[at] !== CLOSE_OBJECT) return reader.fail(at, "',' or '}'")
    return seen === nodes.length ? at + 1 : nulls(nodes, at + 1, row)
  }

  /** A key that is not the expected one, and its colon; #found says which it is. */
  #key(keys: JsonKeys<JsonNode>, at: number): number {
    const reader = this.#reader
    if (reader.bytes[at] !== QUOTE) return reader.fail(at, "'\"' before a key")
    const behind = reader.string(at)
    if (behind < 0) return -1
    this.#scalars.read(at, behind)
    this.#found = keys.find(this.#scalars.content, this.#scalars.from, this.#scalars.to)
    at = reader.blanks(behind)
    return reader.bytes[at] === COLON ? at + 1 : reader.fail(at, "':'")
  }

  /** Behind a value that the predicate reads. A document that is cut off is none to reject: it is an error. */
  #rejects(at: number, row: number): boolean {
    const { bytes, end } = this.#reader
    at = this.#reader.blanks(at)
    if (bytes[at] !== COMMA || at >= end || bytes[end - 1] !== CLOSE_OBJECT || this.#scalars.misfits.length > 0)
      return false
    this.#rejected = this.#rejection!.rejects(row, bytes, at, end)
    return this.#rejected
  }

  /** A key came twice in an object: its first value goes, and with it what was wrong in there. */
  #again(node: JsonNode, row: number, object: number): void {
    node.column.truncate(row)
    this.#scalars.misfits = this.#scalars.misfits.filter(
      (misfit) => misfit.at <= object || misfit.node.number < node.number || misfit.node.number > node.lastNumber,
    )
  }

  // -------------------------------------------------------------- values

  #value(node: JsonNode, at: number): number {
    switch (node.id) {
      case UTF8:
        return this.#scalars.text(node, at)
      case FLOAT64:
      case FLOAT32:
        return this.#scalars.real(node, at)
      case BOOL:
        return this.#scalars.boolean(node, at)
      case TIMESTAMP:
      case DATE:
        return this.#reader.bytes[at] === QUOTE ? this.#scalars.time(node, at) : this.#scalars.integer(node, at)
      case LIST:
        return this.#list(node, at)
      case STRUCT:
        return this.#structure(node, at)
      case DECIMAL:
        return this.#scalars.decimal(node, at)
      case BINARY:
        return this.#scalars.binary(node, at)
      default:
        return this.#scalars.integer(node, at)
    }
  }

  #list(node: JsonNode, at: number): number {
    const reader = this.#reader
    const { bytes } = reader
    if (bytes[at] !== OPEN_LIST) return this.#scalars.other(node, at)
    if (reader.tooDeep(node.open)) return reader.failDepth(at)
    const item = node.children[0]!
    at = reader.blanks(at + 1)
    if (bytes[at] !== CLOSE_LIST) {
      for (;;) {
        at = this.#value(item, at)
        if (at < 0) return -1
        at = reader.blanks(at)
        if (bytes[at] === CLOSE_LIST) break
        if (bytes[at] !== COMMA) return reader.fail(at, "',' or ']'")
        at = reader.blanks(at + 1)
      }
    }
    node.column.endList()
    return at + 1
  }

  #structure(node: JsonNode, at: number): number {
    const reader = this.#reader
    if (reader.bytes[at] !== OPEN_OBJECT) return this.#scalars.other(node, at)
    if (reader.tooDeep(node.open)) return reader.failDepth(at)
    at = this.#object(node.children, node.keys!, at, node.open, node.column.length, false)
    if (at >= 0) node.column.endStruct()
    return at
  }
}

/** Columns whose key did not come. */
function nulls(nodes: readonly JsonNode[], at: number, row: number): number {
  for (const { column } of nodes) if (column.length === row) column.appendNull()
  return at
}
