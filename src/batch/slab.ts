/** A slab of the native side as a batch. Room: batch.ts. */
import type { ColumnType, Field } from '../schema.ts'
import { type Batch, type Column, type Data, makeData, noBytes, valuesArray } from './column.ts'

/** A finished slab: `layout` has eight numbers a node in pre-order, as NodeLayout of native/sabot.h declares them. */
export interface Slab {
  readonly rows: number
  /** One allocation of the native side; the columns are views into it and keep it alive. */
  readonly buffer: ArrayBuffer
  readonly layout: Float64Array
}

const NUMBERS_A_NODE = 8
const noOffsets = new Int32Array(1)

/** Columns over the slab's own memory: no copy. `fields`: the slab's columns in their order. */
export function batchFromSlab(fields: readonly Field[], slab: Slab): Batch {
  const reader = new SlabReader(slab)
  const columns = fields.map((field): Column => ({ field, data: reader.next(field.type) }))
  reader.finish()
  return { columns, numRows: slab.rows, selection: null }
}

class SlabReader {
  readonly #buffer: ArrayBuffer
  readonly #layout: Float64Array
  #at = 0

  constructor({ buffer, layout }: Slab) {
    this.#buffer = buffer
    this.#layout = layout
  }

  next(type: ColumnType): Data {
    const layout = this.#layout
    const at = this.#at
    if (at + NUMBERS_A_NODE > layout.length) throw new RangeError('The slab has fewer columns than its schema.')
    this.#at += NUMBERS_A_NODE
    const length = layout[at]!
    const nullCount = layout[at + 1]!
    const validity = nullCount > 0 ? new Uint8Array(this.#buffer, layout[at + 2]!, layout[at + 3]!) : null
    if (type.kind === 'struct') {
      const children = type.fields.map((field) => this.next(field.type))
      return makeData(type, length, { nullCount, validity, children })
    }
    if (type.kind === 'list') {
      const offsets = this.#offsets(at, length)
      return makeData(type, length, { nullCount, validity, offsets, children: [this.next(type.item)] })
    }
    const start = layout[at + 6]!
    const bytes = layout[at + 7]!
    if (type.kind === 'utf8' || type.kind === 'binary') {
      const values = bytes > 0 ? new Uint8Array(this.#buffer, start, bytes) : noBytes
      return makeData(type, length, { nullCount, validity, offsets: this.#offsets(at, length), values })
    }
    const array = valuesArray(type)
    const values =
      array === null ? this.#bitmap(start, bytes) : new array.of(this.#buffer, start, length * array.stride)
    return makeData(type, length, { nullCount, validity, values })
  }

  finish(): void {
    if (this.#at !== this.#layout.length) throw new RangeError('The slab has more columns than its schema.')
  }

  #bitmap(start: number, bytes: number): Uint8Array {
    return bytes > 0 ? new Uint8Array(this.#buffer, start, bytes) : noBytes
  }

  #offsets(at: number, length: number): Int32Array {
    return this.#layout[at + 5]! > 0 ? new Int32Array(this.#buffer, this.#layout[at + 4]!, length + 1) : noOffsets
  }
}
