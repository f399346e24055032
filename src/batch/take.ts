/** Rows picked out of columns: what a selection leaves, and the parts that other layouts are built from. Room: batch.ts. */
import type { ColumnType } from '../schema.ts'
import {
  type Batch,
  bitmapBytes,
  type Column,
  countBits,
  type Data,
  makeData,
  type NumericArray,
  validityOf,
  valuesArray,
} from './column.ts'

/** The selected rows alone, copied; the batch itself where every row is selected. */
export function compactBatch(batch: Batch): Batch {
  const { selection } = batch
  if (selection === null) return batch
  return {
    columns: batch.columns.map((column) => takeColumn(column, selection)),
    numRows: selection.length,
    selection: null,
  }
}

/** A copy of these rows, in this order; a row may come more than once. Every index is below the column's length. */
export function takeColumn({ field, data }: Column, rows: Uint32Array): Column {
  return { field, data: takeData(field.type, data, rows) }
}

export function takeData(type: ColumnType, data: Data, rows: Uint32Array): Data {
  const { length } = rows
  const valid = validityOf(data)
  const validity = valid && takeBits(valid, rows)
  const nullCount = validity === null ? 0 : length - countBits(validity, length)
  const shared = { nullCount, validity }
  switch (type.kind) {
    case 'bool':
      return makeData(type, length, { ...shared, values: takeBits(data.values, rows) })
    case 'utf8':
    case 'binary':
      return makeData(type, length, { ...shared, ...takeBytes(data, rows) })
    case 'list': {
      const { offsets, items } = takeRanges(data.valueOffsets, rows)
      return makeData(type, length, { ...shared, offsets, children: [takeData(type.item, data.children[0]!, items)] })
    }
    case 'struct': {
      const children = type.fields.map((field, i) => takeData(field.type, data.children[i]!, rows))
      return makeData(type, length, { ...shared, children })
    }
    default:
      return makeData(type, length, { ...shared, values: takeValues(type, data.values, rows) })
  }
}

export function takeBits(bitmap: Uint8Array, rows: Uint32Array): Uint8Array {
  const taken = new Uint8Array(bitmapBytes(rows.length))
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    taken[i >> 3]! |= ((bitmap[row >> 3]! >> (row & 7)) & 1) << (i & 7)
  }
  return taken
}

function takeValues(type: ColumnType, values: NumericArray, rows: Uint32Array): NumericArray {
  const { of, stride } = valuesArray(type)!
  const taken = new of(rows.length * stride)
  // 64-bit elements go as words: reading one from a BigInt64Array would allocate it.
  const wordsEach = Math.max(1, (of.BYTES_PER_ELEMENT * stride) >> 2)
  if (wordsEach === 1) copyEach(values as Float32Array, taken as Float32Array, rows)
  else copyWords(asWords(values), asWords(taken), rows, wordsEach)
  return taken
}

const asWords = (values: NumericArray): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.byteLength >> 2)

function copyEach(from: Float32Array, to: Float32Array, rows: Uint32Array): void {
  for (let i = 0; i < rows.length; i++) to[i] = from[rows[i]!]!
}

function copyWords(from: Uint32Array, to: Uint32Array, rows: Uint32Array, each: number): void {
  for (let i = 0, at = 0; i < rows.length; i++) {
    const start = rows[i]! * each
    for (let k = 0; k < each; k++) to[at++] = from[start + k]!
  }
}

/** Offsets of the picked ranges, one after another, and what lay in them. */
function takeRanges(offsets: Int32Array, rows: Uint32Array): { offsets: Int32Array; items: Uint32Array } {
  const taken = takenOffsets(offsets, rows)
  const items = new Uint32Array(taken[rows.length]!)
  let at = 0
  for (const row of rows) {
    for (let item = offsets[row]!; item < offsets[row + 1]!; item++) items[at++] = item
  }
  return { offsets: taken, items }
}

function takenOffsets(offsets: Int32Array, rows: Uint32Array): Int32Array {
  const taken = new Int32Array(rows.length + 1)
  let end = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    end += offsets[row + 1]! - offsets[row]!
    taken[i + 1] = end
  }
  return taken
}

/** Below this many bytes a loop beats a call of set(). */
const SHORT = 24

function takeBytes(data: Data, rows: Uint32Array): { offsets: Int32Array; values: Uint8Array } {
  const from: Int32Array = data.valueOffsets
  const bytes: Uint8Array = data.values
  const offsets = takenOffsets(from, rows)
  const values = new Uint8Array(offsets[rows.length]!)
  let at = 0
  for (let i = 0; i < rows.length; ) {
    const first = rows[i]!
    let last = first
    // Neighbours are copied in one go.
    while (++i < rows.length && rows[i] === last + 1) last++
    const [start, end] = [from[first]!, from[last + 1]!]
    if (end - start > SHORT) values.set(bytes.subarray(start, end), at)
    else for (let k = start, to = at; k < end; k++) values[to++] = bytes[k]!
    at += end - start
  }
  return { offsets, values }
}

/** Columns of one type, one after another. */
export function concatData(type: ColumnType, parts: readonly Data[]): Data {
  if (parts.length === 1) return parts[0]!
  const length = parts.reduce((rows, part) => rows + part.length, 0)
  const nullCount = parts.reduce((nulls, part) => nulls + part.nullCount, 0)
  const validity = nullCount === 0 ? null : concatBits(parts, length, (part) => validityOf(part))
  const shared = { nullCount, validity }
  switch (type.kind) {
    case 'bool':
      return makeData(type, length, { ...shared, values: concatBits(parts, length, (part) => part.values) })
    case 'utf8':
    case 'binary': {
      const { offsets, ranges } = concatOffsets(parts, length)
      const values = new Uint8Array(offsets[length]!)
      for (const [i, { start, end, at }] of ranges.entries()) values.set(parts[i]!.values.subarray(start, end), at)
      return makeData(type, length, { ...shared, offsets, values })
    }
    case 'list': {
      const { offsets, ranges } = concatOffsets(parts, length)
      const items = parts.map((part, i) => {
        const { start, end } = ranges[i]!
        return takeData(
          type.item,
          part.children[0]!,
          Uint32Array.from({ length: end - start }, (_, k) => start + k),
        )
      })
      return makeData(type, length, { ...shared, offsets, children: [concatData(type.item, items)] })
    }
    case 'struct': {
      const children = type.fields.map((field, i) =>
        concatData(
          field.type,
          // A child may be longer than its struct.
          parts.map((part) => part.children[i]!.slice(0, part.length)),
        ),
      )
      return makeData(type, length, { ...shared, children })
    }
    default: {
      const { of, stride } = valuesArray(type)!
      const values = new of(length * stride)
      let at = 0
      for (const part of parts) {
        values.set(part.values.subarray(0, part.length * stride) as never, at)
        at += part.length * stride
      }
      return makeData(type, length, { ...shared, values })
    }
  }
}

function concatBits(parts: readonly Data[], length: number, bitmap: (part: Data) => Uint8Array | null): Uint8Array {
  const bits = new Uint8Array(bitmapBytes(length))
  let at = 0
  for (const part of parts) {
    const from = bitmap(part)
    for (let i = 0; i < part.length; i++, at++) {
      if (from === null || ((from[i >> 3]! >> (i & 7)) & 1) === 1) bits[at >> 3]! |= 1 << (at & 7)
    }
  }
  return bits
}

function concatOffsets(parts: readonly Data[], length: number) {
  const offsets = new Int32Array(length + 1)
  const ranges: { start: number; end: number; at: number }[] = []
  let row = 0
  let at = 0
  for (const { valueOffsets, length: rows } of parts) {
    const [start, end] = [valueOffsets[0]!, valueOffsets[rows]!]
    for (let i = 1; i <= rows; i++) offsets[row + i] = at + valueOffsets[i]! - start
    ranges.push({ start, end, at })
    row += rows
    at += end - start
  }
  return { offsets, ranges }
}
