/** Arrow record batches <-> batches. Whatever layout a record batch has, a Column has one. Room: batch.ts. */
import * as arrow from 'apache-arrow'
import { describe, SabotError } from '../errors.ts'
import { arrowSchema, type ColumnType, type Field, fieldFromArrow, sameType, typeText } from '../schema.ts'
import {
  type Batch,
  bitmapBytes,
  type Column,
  columnNamed,
  countBits,
  type Data,
  makeData,
  noBytes,
  numSelected,
  type RecordBatch,
  renameColumn,
  valuesArray,
} from './column.ts'
import { concatData, takeColumn, takeData } from './take.ts'

const MAX_INT32 = 2 ** 31 - 1

/**
 * The selected rows as Arrow's record batch. Columns are the batch's own buffers where every row is selected, and
 * copies otherwise. `names`: which columns, in which order; without it all of them.
 */
export function batchToRecordBatch(batch: Batch, names?: readonly string[]): RecordBatch {
  const chosen = names?.map((name) => columnNamed(batch, name)) ?? batch.columns
  const { selection } = batch
  const columns = selection === null ? chosen : chosen.map((column) => takeColumn(column, selection))
  const schema = arrowSchema(columns.map(({ field }) => field))
  const children = columns.map(({ data }) => data)
  const length = numSelected(batch)
  return new arrow.RecordBatch(
    schema,
    new arrow.Data(new arrow.Struct(schema.fields), 0, length, 0, undefined, children),
  )
}

/**
 * A record batch as a batch. Nothing is copied but bitmaps of slices and what has another layout: dictionaries are
 * decoded, large offsets become 32-bit ones, fixed-size values get offsets.
 * `fields`: what the columns must be, by name; others are left out.
 * Throws SCHEMA for anything else than a record batch, and for columns that are missing or of another type;
 * UNSUPPORTED for types that have no counterpart, naming the column.
 */
export function batchFromRecordBatch(recordBatch: RecordBatch, fields?: readonly Field[]): Batch {
  if (!arrow.RecordBatch.isRecordBatch(recordBatch)) {
    throw new SabotError(
      'SCHEMA',
      `An Arrow record batch is wanted here, and this is ${describe(recordBatch)}. Of a table, give its batches.`,
    )
  }
  const { schema, data, numRows } = recordBatch
  const columns = schema.fields.map((arrowField, i): Column => {
    const field = fieldFromArrow(arrowField)
    return { field, data: columnData(field.type, data.children[i]!, numRows, field.name) }
  })
  const seen = new Set<string>()
  for (const { field } of columns) {
    if (seen.has(field.name)) {
      throw new SabotError('SCHEMA', `The record batch has two columns "${field.name}"; names are unique here.`, {
        where: { column: field.name },
      })
    }
    seen.add(field.name)
  }
  const batch: Batch = { columns, numRows, selection: null }
  return fields === undefined ? batch : { ...batch, columns: fields.map((field) => fitting(batch, field)) }
}

function fitting(batch: Batch, field: Field): Column {
  const column = columnNamed(batch, field.name)
  // Arrow knows timestamps by unit and zone; the fields' own objects let later steps know the columns again.
  if (sameType(column.field.type, field.type)) return { ...renameColumn(column, field.name), field }
  throw new SabotError(
    'SCHEMA',
    `Column "${field.name}": the schema says ${typeText(field.type)}, and the record batch has ` +
      `${typeText(column.field.type)}.`,
    { where: { column: field.name } },
  )
}

/** One column in the layout that Column promises. `length` rows of it are wanted. */
function columnData(type: ColumnType, data: Data, length: number, column: string): Data {
  const { DataType } = arrow
  const from = data.type
  if (data.length < length) throw short(column)
  // Of nothing but nulls Arrow may keep no buffers at all.
  if (DataType.isNull(from) || (length > 0 && data.nullCount === data.length)) return allNull(type, length)
  if (DataType.isDictionary(from)) return decoded(type, data, length, column)
  const nulls = validity(data, length, column)
  if (DataType.isLargeList(from)) {
    const offsets = narrowed(data.valueOffsets, length, column)
    return list(type, data, length, nulls, offsets, column)
  }
  if (DataType.isFixedSizeList(from))
    return list(type, data, length, nulls, evenOffsets(length, from.listSize, column), column)
  if (type.kind === 'list') {
    return list(type, data, length, nulls, checked(data.valueOffsets, length, column), column)
  }
  if (type.kind === 'struct') {
    const children = type.fields.map((field, i) =>
      columnData(field.type, data.children[i]!, length, `${column}.${field.name}`),
    )
    return makeData(type, length, { ...nulls, children })
  }
  if (type.kind === 'utf8' || type.kind === 'binary') return bytes(type, data, length, nulls, column)
  if (type.kind === 'bool') {
    return makeData(type, length, { ...nulls, values: aligned(data.values, data.offset, length, column) })
  }
  const { of, stride } = valuesArray(type)!
  const values = data.values ?? new of(0)
  if (values.length < length * stride) throw short(column)
  return makeData(type, length, { ...nulls, values })
}

interface Nulls {
  readonly nullCount: number
  readonly validity: Uint8Array | null
}

function validity(data: Data, length: number, column: string): Nulls {
  if (data.nullCount === 0) return { nullCount: 0, validity: null }
  const bitmap = aligned(data.nullBitmap, data.offset, length, column)
  return { nullCount: length - countBits(bitmap, length), validity: bitmap }
}

/** A bitmap from bit `offset` on: a view where that begins a byte, else a copy. */
function aligned(bitmap: Uint8Array, offset: number, length: number, column: string): Uint8Array {
  if (bitmap.length < bitmapBytes(offset + length)) throw short(column)
  const first = offset >> 3
  const shift = offset & 7
  if (shift === 0) return bitmap.subarray(first, first + bitmapBytes(length))
  const bits = new Uint8Array(bitmapBytes(length))
  for (let i = 0; i < bits.length; i++) {
    bits[i] = (bitmap[first + i]! >> shift) | ((bitmap[first + i + 1] ?? 0) << (8 - shift))
  }
  return bits
}

function list(type: ColumnType, data: Data, length: number, nulls: Nulls, offsets: Int32Array, column: string): Data {
  const item = (type as Extract<ColumnType, { kind: 'list' }>).item
  const child = columnData(item, data.children[0]!, offsets[length]!, `${column}[]`)
  return makeData(type, length, { ...nulls, offsets, children: [child] })
}

function bytes(type: ColumnType, data: Data, length: number, nulls: Nulls, column: string): Data {
  const { DataType } = arrow
  const from = data.type
  if (DataType.isUtf8View(from) || DataType.isBinaryView(from)) return gathered(type, data, length, nulls, column)
  const offsets = DataType.isFixedSizeBinary(from)
    ? evenOffsets(length, from.byteWidth, column)
    : DataType.isLargeUtf8(from) || DataType.isLargeBinary(from)
      ? narrowed(data.valueOffsets, length, column)
      : checked(data.valueOffsets, length, column)
  const values: Uint8Array = data.values ?? noBytes
  if (values.length < offsets[length]!) throw short(column)
  return makeData(type, length, { ...nulls, offsets, values })
}

/** Offsets as they are, once they are known to rise: native code reads what they point at. */
function checked(given: Int32Array | undefined, length: number, column: string): Int32Array {
  if (length === 0) return new Int32Array(1)
  if (given === undefined || given.length <= length) throw short(column)
  let last = 0
  for (let i = 0; i <= length; i++) {
    if (given[i]! < last) throw falling(column)
    last = given[i]!
  }
  return given
}

function narrowed(given: BigInt64Array | Int32Array | undefined, length: number, column: string): Int32Array {
  if (given === undefined || given instanceof Int32Array) return checked(given, length, column)
  if (given.length <= length) throw short(column)
  if (given[length]! > BigInt(MAX_INT32)) throw tooLong(column)
  return checked(Int32Array.from(given.subarray(0, length + 1), Number), length, column)
}

function evenOffsets(length: number, width: number, column: string): Int32Array {
  if (length * width > MAX_INT32) throw tooLong(column)
  return Int32Array.from({ length: length + 1 }, (_, i) => i * width)
}

/** Views: 16 bytes a value; up to 12 bytes lie in the view itself, longer ones in one of several buffers. */
function gathered(type: ColumnType, data: Data, length: number, nulls: Nulls, column: string): Data {
  const views: Uint8Array = data.values
  const INLINE = 12
  const read = new DataView(views.buffer, views.byteOffset, views.byteLength)
  if (views.length < length * 16) throw short(column)
  const isNull = (i: number): boolean => nulls.validity !== null && ((nulls.validity[i >> 3]! >> (i & 7)) & 1) === 0
  const parts = Array.from({ length }, (_, i): Uint8Array => {
    const size = isNull(i) ? 0 : read.getInt32(i * 16, true)
    if (size <= INLINE) return views.subarray(i * 16 + 4, i * 16 + 4 + size)
    const start = read.getInt32(i * 16 + 12, true)
    return data.variadicBuffers[read.getInt32(i * 16 + 8, true)]?.subarray(start, start + size) ?? noBytes
  })
  const offsets = new Int32Array(length + 1)
  for (const [i, part] of parts.entries()) {
    if (offsets[i]! + part.length > MAX_INT32) throw tooLong(column)
    offsets[i + 1] = offsets[i]! + part.length
  }
  const values = new Uint8Array(offsets[length]!)
  for (const [i, part] of parts.entries()) values.set(part, offsets[i])
  return makeData(type, length, { ...nulls, offsets, values })
}

/** Null where the index is null, or the value that it points at. */
function decoded(type: ColumnType, data: Data, length: number, column: string): Data {
  const chunks = data.dictionary?.data ?? []
  const nulls = validity(data, length, column)
  const words = concatData(
    type,
    chunks.length === 0 ? [allNull(type, 0)] : chunks.map((chunk) => columnData(type, chunk, chunk.length, column)),
  )
  const valid = new Uint8Array(bitmapBytes(length)).fill(255)
  if (nulls.validity !== null) valid.set(nulls.validity.subarray(0, valid.length))
  const rows = new Uint32Array(length)
  for (let i = 0; i < length; i++) {
    if (((valid[i >> 3]! >> (i & 7)) & 1) === 0) continue
    const index = Number(data.values[i])
    if (!(index >= 0 && index < words.length)) throw short(column)
    rows[i] = index
    if (words.nullCount > 0 && !words.getValid(index)) valid[i >> 3]! &= ~(1 << (i & 7))
  }
  const nullCount = length - countBits(valid, length)
  if (words.length === 0) return allNull(type, length)
  return makeData(type, length, { ...partsOf(takeData(type, words, rows)), nullCount, validity: valid })
}

const partsOf = ({ valueOffsets, values, children }: Data) => ({ offsets: valueOffsets ?? null, values, children })

export function allNull(type: ColumnType, length: number): Data {
  const nulls = { nullCount: length, validity: new Uint8Array(bitmapBytes(length)) }
  switch (type.kind) {
    case 'struct':
      return makeData(type, length, { ...nulls, children: type.fields.map((field) => allNull(field.type, length)) })
    case 'list':
      return makeData(type, length, {
        ...nulls,
        offsets: new Int32Array(length + 1),
        children: [allNull(type.item, 0)],
      })
    case 'utf8':
    case 'binary':
      return makeData(type, length, { ...nulls, offsets: new Int32Array(length + 1), values: noBytes })
    case 'bool':
      return makeData(type, length, { ...nulls, values: new Uint8Array(bitmapBytes(length)) })
    default: {
      const { of, stride } = valuesArray(type)!
      return makeData(type, length, { ...nulls, values: new of(length * stride) })
    }
  }
}

const short = (column: string): SabotError =>
  new SabotError('SCHEMA', `Column "${column}" of the record batch has fewer values than the batch has rows.`, {
    where: { column },
  })

const falling = (column: string): SabotError =>
  new SabotError('SCHEMA', `Column "${column}" of the record batch has offsets that do not rise from 0.`, {
    where: { column },
  })

const tooLong = (column: string): SabotError =>
  new SabotError(
    'UNSUPPORTED',
    `Column "${column}" has more than 2 GiB of values in one batch. Make batches smaller.`,
    {
      where: { column },
    },
  )
