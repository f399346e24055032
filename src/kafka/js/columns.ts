/** Columns of what stands beside a message's value, built as the messages come. */
import type { Column, NumericArray } from '../../batch.ts'
import { bitmapBytes, makeData } from '../../batch.ts'
import type { Field } from '../../schema.ts'

/** Which rows are null; nothing is written until one is. */
class Nulls {
  #bits: Uint8Array | undefined
  count = 0

  /** Row `row` is null; the rows before it that were not told are not. */
  add(row: number): void {
    const needed = bitmapBytes(row + 1)
    if (this.#bits === undefined || this.#bits.length < needed) {
      const grown = new Uint8Array(Math.max(needed, 2 * (this.#bits?.length ?? 64))).fill(0xff)
      if (this.#bits !== undefined) grown.set(this.#bits)
      this.#bits = grown
    }
    this.#bits[row >> 3]! &= ~(1 << (row & 7))
    this.count++
  }

  take(rows: number): { nullCount: number; validity: Uint8Array | null } {
    const nullCount = this.count
    const validity = nullCount === 0 ? null : new Uint8Array(bitmapBytes(rows)).fill(0xff)
    if (validity !== null && this.#bits !== undefined) validity.set(this.#bits.subarray(0, validity.length))
    this.#bits = undefined
    this.count = 0
    return { nullCount, validity }
  }
}

function grown<A extends NumericArray>(array: A, least: number): A {
  const larger = new (array.constructor as new (length: number) => A)(Math.max(least, 2 * array.length))
  larger.set(array as never)
  return larger
}

/** utf8 and binary. */
export class BytesColumn {
  #nulls = new Nulls()
  #offsets = new Int32Array(1024)
  #bytes = new Uint8Array(16_384)
  #rows = 0
  #end = 0

  /** About the bytes that it holds. */
  get size(): number {
    return this.#end + 4 * this.#rows
  }

  append(from: Uint8Array, at: number, length: number): void {
    const end = this.#end + Math.max(length, 0)
    if (this.#rows + 2 > this.#offsets.length) this.#offsets = grown(this.#offsets, 0)
    if (length < 0) this.#nulls.add(this.#rows)
    else if (length > 0) {
      if (end > this.#bytes.length) this.#bytes = grown(this.#bytes, end)
      const bytes = this.#bytes
      // A call costs more than a few bytes.
      if (length < 24) for (let i = 0, to = this.#end; i < length; i++) bytes[to + i] = from[at + i]!
      else bytes.set(from.subarray(at, at + length), this.#end)
    }
    this.#end = end
    this.#offsets[++this.#rows] = end
  }

  take(field: Field): Column {
    const offsets = this.#offsets.slice(0, this.#rows + 1)
    const values = this.#bytes.slice(0, this.#end)
    const column = {
      field,
      data: makeData(field.type, this.#rows, { ...this.#nulls.take(this.#rows), offsets, values }),
    }
    this.#rows = 0
    this.#end = 0
    return column
  }
}

/** Numbers of one width. */
export class NumberColumn<A extends NumericArray> {
  #nulls = new Nulls()
  #values: A
  #rows = 0

  constructor(values: A) {
    this.#values = values
  }

  get size(): number {
    return this.#rows * this.#values.BYTES_PER_ELEMENT
  }

  append(value: A[number] | null): void {
    if (this.#rows === this.#values.length) this.#values = grown(this.#values, 0)
    if (value === null) this.#nulls.add(this.#rows)
    else this.#values[this.#rows] = value
    this.#rows++
  }

  take(field: Field): Column {
    const values = this.#values.slice(0, this.#rows) as A
    const column = { field, data: makeData(field.type, this.#rows, { ...this.#nulls.take(this.#rows), values }) }
    this.#rows = 0
    return column
  }
}
