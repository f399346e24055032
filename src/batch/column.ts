/** Columns and batches as they lie in memory, and how they are made. Room: batch.ts. */
import { Data, type RecordBatch } from 'apache-arrow'
import { didYouMean, SabotError } from '../errors.ts'
import { arrowType, type ColumnType, type Field } from '../schema.ts'

export type { Data, RecordBatch }

/**
 * One column. What always holds of `data`, whoever made it: `offset` is 0, `nullCount` is known, `nullBitmap` counts
 * only where `nullCount` > 0, `valueOffsets` has length + 1 entries (the first may be above 0), and `values` has room
 * for `length` values: bool a bitmap, decimal four words a value, timestamp BigInt64Array, date Int32Array of days.
 */
export interface Column {
  readonly field: Field
  /** Arrow's own buffers: `values`, `valueOffsets`, `nullBitmap`, `length`, `children`. */
  readonly data: Data
}

/**
 * Immutable. `columns` includes message columns (`$key`, ...) by name where the plan carries them.
 * `selection`: ascending row indices that are left after filters; null: all of `numRows`.
 */
export interface Batch {
  readonly columns: readonly Column[]
  /** Rows that lie in the columns, selected or not. */
  readonly numRows: number
  readonly selection: Uint32Array | null
}

export type NumericArray =
  | Int8Array
  | Int16Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array
  | Float32Array
  | Float64Array

interface ArrayType {
  new (length: number): NumericArray
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericArray
  readonly BYTES_PER_ELEMENT: number
}

/** The array of a type's `values`, and how many of its elements a value takes; null: bitmap, bytes or none. */
export function valuesArray(type: ColumnType): { readonly of: ArrayType; readonly stride: number } | null {
  switch (type.kind) {
    case 'int8':
      return { of: Int8Array, stride: 1 }
    case 'int16':
      return { of: Int16Array, stride: 1 }
    case 'int32':
    case 'date':
      return { of: Int32Array, stride: 1 }
    case 'int64':
    case 'timestamp':
      return { of: BigInt64Array, stride: 1 }
    case 'uint8':
      return { of: Uint8Array, stride: 1 }
    case 'uint16':
      return { of: Uint16Array, stride: 1 }
    case 'uint32':
      return { of: Uint32Array, stride: 1 }
    case 'uint64':
      return { of: BigUint64Array, stride: 1 }
    case 'float32':
      return { of: Float32Array, stride: 1 }
    case 'float64':
      return { of: Float64Array, stride: 1 }
    case 'decimal':
      return { of: Uint32Array, stride: 4 }
    default:
      return null
  }
}

export interface Parts {
  readonly nullCount?: number
  /** LSB bitmap; read only where `nullCount` > 0. */
  readonly validity?: Uint8Array | null
  readonly offsets?: Int32Array | null
  readonly values?: NumericArray | null
  readonly children?: readonly Data[]
}

export const noBytes = new Uint8Array(0)

/** Arrow's Data over buffers as they are; nothing is copied. */
export function makeData(type: ColumnType, length: number, parts: Parts): Data {
  const nullCount = parts.nullCount ?? 0
  return new Data(
    arrowType(type),
    0,
    length,
    nullCount,
    // Arrow's own typing has one array type a column type; these are that type by valuesArray().
    [
      parts.offsets ?? undefined,
      parts.values ?? undefined,
      nullCount > 0 ? parts.validity : noBytes,
      undefined,
    ] as never,
    (parts.children ?? []) as Data[],
  )
}

/** The validity bitmap, or null where there is no null. */
export function validityOf(data: Data): Uint8Array | null {
  return data.nullCount > 0 ? data.nullBitmap : null
}

export const bitmapBytes = (bits: number): number => (bits + 7) >> 3

/** Bits set among the first `length`. */
export function countBits(bitmap: Uint8Array, length: number): number {
  let count = 0
  const whole = length >> 3
  for (let i = 0; i < whole; i++) count += bitsOf[bitmap[i]!]!
  if ((length & 7) !== 0) count += bitsOf[bitmap[whole]! & ((1 << (length & 7)) - 1)]!
  return count
}

const bitsOf = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0
  for (let rest = byte; rest !== 0; rest &= rest - 1) bits++
  return bits
})

/** Rows that are left after filters. */
export function numSelected(batch: Batch): number {
  return batch.selection?.length ?? batch.numRows
}

/** The column of this name. Throws SCHEMA where there is none, naming those that exist. */
export function columnNamed(batch: Batch, name: string): Column {
  const column = batch.columns.find(({ field }) => field.name === name)
  if (column !== undefined) return column
  const names = batch.columns.map(({ field }) => field.name)
  throw new SabotError(
    'SCHEMA',
    `There is no column "${name}".${didYouMean(name, names)} The columns here: ${names.join(', ') || 'none'}.`,
    { where: { column: name } },
  )
}

/** The same buffers under another name. */
export function renameColumn({ field, data }: Column, name: string): Column {
  return field.name === name ? { field, data } : { field: { name, type: field.type }, data }
}

/** The columns of these names, in this order; the rows as they are. */
export function pickColumns(batch: Batch, names: readonly string[]): Batch {
  return { ...batch, columns: names.map((name) => columnNamed(batch, name)) }
}

/** Rows first to first + count of what is selected; no copy of columns. */
export function sliceBatch(batch: Batch, first: number, count: number): Batch {
  const { selection, numRows } = batch
  if (first === 0 && count >= (selection?.length ?? numRows)) return batch
  if (selection !== null) return { ...batch, selection: selection.subarray(first, first + count) }
  const length = Math.max(0, Math.min(count, numRows - first))
  return { ...batch, selection: Uint32Array.from({ length }, (_, i) => first + i) }
}

/** Bytes of the buffers that a batch keeps alive, selected or not. An estimate: shared buffers count each time. */
export function byteSize(batch: Batch): number {
  return batch.columns.reduce((bytes, { data }) => bytes + data.byteLength, batch.selection?.byteLength ?? 0)
}
