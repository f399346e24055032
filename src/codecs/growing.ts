/**
 * Columns while rows are added to them, as native/columns.h has them: a row is all or nothing, so whoever appends one
 * and finds that it fails truncates back to the rows before it.
 */
import { bitmapBytes, type Column, type Data, makeData, valuesArray } from '../batch.ts'
import { SabotError } from '../errors.ts'
import type { ColumnType, Field } from '../schema.ts'

// Types as small integers: what is asked for every value is compared fastest so. Integers stand in one range.
export const BOOL = 0
export const INT8 = 1
export const INT16 = 2
export const INT32 = 3
export const INT64 = 4
export const UINT8 = 5
export const UINT16 = 6
export const UINT32 = 7
export const UINT64 = 8
export const FLOAT32 = 9
export const FLOAT64 = 10
export const UTF8 = 11
export const BINARY = 12
export const DATE = 13
export const TIMESTAMP = 14
export const DECIMAL = 15
export const LIST = 16
export const STRUCT = 17

const ids: Readonly<Record<ColumnType['kind'], number>> = {
  bool: BOOL,
  int8: INT8,
  int16: INT16,
  int32: INT32,
  int64: INT64,
  uint8: UINT8,
  uint16: UINT16,
  uint32: UINT32,
  uint64: UINT64,
  float32: FLOAT32,
  float64: FLOAT64,
  utf8: UTF8,
  binary: BINARY,
  date: DATE,
  timestamp: TIMESTAMP,
  decimal: DECIMAL,
  list: LIST,
  struct: STRUCT,
}

export const idOf = (type: ColumnType): number => ids[type.kind]

/** Where the words of 64 bits stand in an Int32Array, on this machine. */
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
export const LOW = littleEndian ? 0 : 1
export const HIGH = 1 - LOW

const FIRST_ROWS = 64
const FIRST_BYTES = 512
const MOST = 0x7fff_ffff

/**
 * One column, or a child of one. Which append a column takes follows from its type; for a struct one value goes to
 * every child, then endStruct(); for a list its items go to the child, then endList(). appendNull() is for any type: in
 * a struct every child gets a null too, a list is left empty.
 */
export class GrowingColumn {
  readonly type: ColumnType
  readonly name: string
  readonly id: number
  readonly children: readonly GrowingColumn[]
  length = 0
  nulls = 0
  /** Of utf8 and binary: bytes of all values. Whoever writes to `bytes` behind it calls endBytes(). */
  size = 0
  /** utf8, binary and list: length + 1 of them count. */
  offsets: Int32Array
  // Views of one buffer, so that every loop always meets the same kind of array: 1, 2, 4 bytes, floats. int64 and
  // timestamp are two words, a decimal is four.
  bytes!: Uint8Array
  halves!: Int16Array
  words!: Int32Array
  singles!: Float32Array
  doubles!: Float64Array

  /** Bytes of a value: 0 for bits, bytes of any length and what has children. */
  readonly #width: number
  readonly #hasOffsets: boolean
  #validity = new Uint8Array(0)
  /** The bitmap counts up to here; behind it every value is valid, so that a valid value costs nothing. */
  #validityBytes = 0
  /** Values that there is room for. */
  #room = FIRST_ROWS

  constructor({ name, type }: Field) {
    this.type = type
    this.name = name
    this.id = idOf(type)
    this.children =
      type.kind === 'list'
        ? [new GrowingColumn({ name: 'item', type: type.item })]
        : type.kind === 'struct'
          ? type.fields.map((field) => new GrowingColumn(field))
          : []
    const values = valuesArray(type)
    this.#width = values === null ? 0 : values.of.BYTES_PER_ELEMENT * values.stride
    this.#hasOffsets = this.id === UTF8 || this.id === BINARY || this.id === LIST
    this.offsets = new Int32Array(this.#hasOffsets ? FIRST_ROWS + 1 : 0)
    this.#views(this.#bytesFor(FIRST_ROWS))
  }

  appendBool(value: boolean): void {
    const n = this.#next()
    const bit = 1 << (n & 7)
    // Where a row was taken back, its bit may still be set.
    if (value) this.bytes[n >> 3]! |= bit
    else this.bytes[n >> 3]! &= ~bit
  }
  appendByte(value: number): void {
    const n = this.#next()
    this.bytes[n] = value
  }
  appendHalf(value: number): void {
    const n = this.#next()
    this.halves[n] = value
  }
  appendWord(value: number): void {
    const n = this.#next()
    this.words[n] = value
  }
  /** 64 bits: of a number that is one exactly. */
  appendLong(value: number): void {
    this.appendPair(value, Math.floor(value / 0x1_0000_0000))
  }
  appendPair(low: number, high: number): void {
    const at = this.#next() * 2
    this.words[at + LOW] = low
    this.words[at + HIGH] = high
  }
  /** 128 bits, the lowest word first. */
  appendQuad(first: number, second: number, third: number, fourth: number): void {
    const at = this.#next() * 4
    this.words[at] = first
    this.words[at + 1] = second
    this.words[at + 2] = third
    this.words[at + 3] = fourth
  }
  appendSingle(value: number): void {
    const n = this.#next()
    this.singles[n] = value
  }
  appendDouble(value: number): void {
    const n = this.#next()
    this.doubles[n] = value
  }

  /** Room for `count` bytes more in `bytes`. */
  reserve(count: number): Uint8Array {
    if (this.size + count > this.bytes.length) this.#enlarge(this.size + count)
    return this.bytes
  }
  /** What was written to `bytes` up to `size` is one value. */
  endBytes(size: number): void {
    const n = this.#next()
    this.size = size
    this.offsets[n + 1] = size
  }
  /** `from` to `to` of other bytes are one value. */
  appendBytes(source: Uint8Array, from: number, to: number): void {
    const { size } = this
    const bytes = this.reserve(to - from)
    if (to - from > 64) bytes.set(source.subarray(from, to), size)
    else for (let at = from; at < to; at++) bytes[size + at - from] = source[at]!
    this.endBytes(size + to - from)
  }
  endStruct(): void {
    this.length++
  }
  endList(): void {
    const n = this.#next()
    this.offsets[n + 1] = this.children[0]!.length
  }

  appendNull(): void {
    const n = this.length
    if (n >> 3 >= this.#validityBytes) this.#extendValidity((n >> 3) + 1)
    this.#validity[n >> 3]! &= ~(1 << (n & 7))
    this.nulls++
    switch (this.id) {
      case BOOL:
        this.appendBool(false)
        break
      case INT8:
      case UINT8:
        this.appendByte(0)
        break
      case INT16:
      case UINT16:
        this.appendHalf(0)
        break
      case INT32:
      case UINT32:
      case DATE:
      case FLOAT32:
        this.appendWord(0)
        break
      case INT64:
      case UINT64:
      case TIMESTAMP:
      case FLOAT64:
        this.appendPair(0, 0)
        break
      case DECIMAL:
        this.appendQuad(0, 0, 0, 0)
        break
      case UTF8:
      case BINARY:
        this.endBytes(this.size)
        break
      case LIST:
        this.endList()
        break
      default:
        for (const child of this.children) child.appendNull()
        this.length++
    }
  }

  /** Takes back every value from `length` on, and what an unfinished value left behind or in children. */
  truncate(length: number): void {
    for (let row = length; row < this.length && this.nulls > 0; row++) {
      if (this.isValid(row)) continue
      this.#validity[row >> 3]! |= 1 << (row & 7)
      this.nulls--
    }
    if (length < this.length) this.length = length
    if (this.nulls === 0) this.#validityBytes = 0
    if (this.#hasOffsets) {
      this.size = this.offsets[this.length]!
      if (this.id === LIST) this.children[0]!.truncate(this.size)
    } else if (this.id === STRUCT) {
      for (const child of this.children) child.truncate(this.length)
    }
  }

  isValid(row: number): boolean {
    if (this.nulls === 0) return true
    const at = row >> 3
    return at >= this.#validityBytes || ((this.#validity[at]! >> (row & 7)) & 1) === 1
  }

  /** Bytes that take() would copy. */
  get byteSize(): number {
    let bytes = this.nulls > 0 ? bitmapBytes(this.length) : 0
    if (this.#hasOffsets) bytes += (this.length + 1) * 4
    bytes += this.#valueBytes()
    for (const child of this.children) bytes += child.byteSize
    return bytes
  }

  /** The values as a column of its own buffers: one copy of exactly their bytes. The room stays for the next rows. */
  take(): Data {
    const { type, length, nulls } = this
    let validity: Uint8Array | null = null
    if (nulls > 0) {
      validity = new Uint8Array(bitmapBytes(length)).fill(0xff)
      validity.set(this.#validity.subarray(0, Math.min(this.#validityBytes, validity.length)))
    }
    const array = valuesArray(type)
    const buffer = this.bytes.buffer.slice(0, this.#valueBytes())
    const data = makeData(type, length, {
      nullCount: nulls,
      validity,
      offsets: this.#hasOffsets ? this.offsets.slice(0, length + 1) : null,
      values:
        this.id === LIST || this.id === STRUCT
          ? null
          : array === null
            ? new Uint8Array(buffer)
            : new array.of(buffer, 0, length * array.stride),
      children: this.children.map((child) => child.take()),
    })
    this.length = 0
    this.nulls = 0
    this.size = 0
    this.#validityBytes = 0
    return data
  }

  /** The place of one value more. Comes before the array is named: that may be another one then. */
  #next(): number {
    const n = this.length
    if (n === this.#room) this.#grow()
    this.length = n + 1
    return n
  }

  #valueBytes(): number {
    if (this.id === UTF8 || this.id === BINARY) return this.size
    return this.id === BOOL ? bitmapBytes(this.length) : this.length * this.#width
  }

  #bytesFor(rows: number): number {
    if (this.id === UTF8 || this.id === BINARY) return FIRST_BYTES
    return this.id === BOOL ? rows >> 3 : rows * this.#width
  }

  #grow(): void {
    this.#room *= 2
    if (this.#hasOffsets) {
      const offsets = new Int32Array(this.#room + 1)
      offsets.set(this.offsets)
      this.offsets = offsets
    }
    if (this.id !== UTF8 && this.id !== BINARY) this.#views(this.#bytesFor(this.#room))
  }

  #enlarge(bytes: number): void {
    if (bytes > MOST) {
      throw new SabotError(
        'SCHEMA',
        `column ${this.name}: a batch holds 2 GiB of one column at most; got more. Make batches smaller (batch.maxBytes)`,
      )
    }
    this.#views(Math.min(MOST - 7, Math.max(bytes, this.bytes.length * 2) + 7) & ~7)
  }

  #views(bytes: number): void {
    const buffer = new ArrayBuffer(bytes)
    const before = this.bytes as Uint8Array | undefined
    this.bytes = new Uint8Array(buffer)
    if (before !== undefined) this.bytes.set(before)
    this.halves = new Int16Array(buffer)
    this.words = new Int32Array(buffer)
    this.singles = new Float32Array(buffer)
    this.doubles = new Float64Array(buffer)
  }

  #extendValidity(bytes: number): void {
    if (bytes > this.#validity.length) {
      const validity = new Uint8Array(Math.max(32, bytes * 2))
      validity.set(this.#validity)
      this.#validity = validity
    }
    this.#validity.fill(0xff, this.#validityBytes, bytes)
    this.#validityBytes = bytes
  }
}

/** The columns of a decoder: those of the plan, and which of them are handed over. */
export class GrowingColumns {
  readonly all: readonly GrowingColumn[]
  readonly #emitted: readonly { readonly field: Field; readonly column: GrowingColumn }[]

  constructor(columns: readonly { readonly field: Field; readonly emit: boolean }[]) {
    this.all = columns.map(({ field }) => new GrowingColumn(field))
    this.#emitted = columns.flatMap(({ field, emit }, i) => (emit ? [{ field, column: this.all[i]! }] : []))
  }

  truncate(rows: number): void {
    for (const column of this.all) column.truncate(rows)
  }

  appendNulls(): void {
    for (const column of this.all) column.appendNull()
  }

  get byteSize(): number {
    return this.#emitted.reduce((bytes, { column }) => bytes + column.byteSize, 0)
  }

  take(): readonly Column[] {
    const taken = this.#emitted.map(({ field, column }): Column => ({ field, data: column.take() }))
    this.truncate(0)
    return taken
  }
}
