/** Columns as JavaScript values: one at a time, or as row objects. The slow, familiar way. Room: batch.ts. */
import type { ColumnType } from '../schema.ts'
import { type Batch, columnNamed, type Data, noBytes, validityOf } from './column.ts'

/** Reads the value of a row: null, or what ValueOf in schema.ts says of the type. */
export type ValueReader = (row: number) => unknown

const MS_A_DAY = 86_400_000

/** Made once for a column, then called for each row. */
export function valueReader(type: ColumnType, data: Data): ValueReader {
  const read = plainReader(type, data)
  const valid = validityOf(data)
  if (valid === null) return read
  return (row) => (((valid[row >> 3]! >> (row & 7)) & 1) === 0 ? null : read(row))
}

function plainReader(type: ColumnType, data: Data): ValueReader {
  const { values } = data
  switch (type.kind) {
    case 'bool':
      return (row) => ((values[row >> 3] >> (row & 7)) & 1) === 1
    case 'utf8':
      return textReader(values ?? noBytes, data.valueOffsets)
    case 'binary': {
      const offsets: Int32Array = data.valueOffsets
      // A copy: a view would keep the whole slab alive for as long as one row is.
      return (row) => (values as Uint8Array).slice(offsets[row], offsets[row + 1])
    }
    case 'date':
      return (row) => new Date(values[row] * MS_A_DAY)
    case 'timestamp':
      if (type.unit === 's') return (row) => new Date(Number(values[row]) * 1000)
      if (type.unit === 'ms') return (row) => new Date(Number(values[row]))
      return (row) => values[row]
    case 'decimal':
      return (row) => decimalText(values, row, type.scale)
    case 'list': {
      const offsets: Int32Array = data.valueOffsets
      const item = valueReader(type.item, data.children[0]!)
      return (row) => {
        const items: unknown[] = []
        for (let i = offsets[row]!; i < offsets[row + 1]!; i++) items.push(item(i))
        return items
      }
    }
    case 'struct':
      return objectReader(
        type.fields.map(({ name }) => name),
        type.fields.map((field, i) => valueReader(field.type, data.children[i]!)),
      )
    default:
      return (row) => values[row]
  }
}

function textReader(values: Uint8Array, offsets: Int32Array): ValueReader {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
  return (row) => bytes.toString('utf8', offsets[row], offsets[row + 1])
}

function objectReader(names: readonly string[], readers: readonly ValueReader[]): ValueReader {
  return (row) => {
    const object: Record<string, unknown> = {}
    for (let i = 0; i < names.length; i++) setOwn(object, names[i]!, readers[i]!(row))
    return object
  }
}

/** A column may be called `__proto__`: then it is a property like any other. */
function setOwn(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== '__proto__') object[name] = value
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true })
}

/** The digits of a decimal, with `scale` of them behind the point: '12.50'. */
function decimalText(words: Uint32Array, row: number, scale: number): string {
  const at = row * 4
  const low = (BigInt(words[at + 1]!) << 32n) | BigInt(words[at]!)
  const high = (BigInt(words[at + 3]!) << 32n) | BigInt(words[at + 2]!)
  const unscaled = (BigInt.asIntN(64, high) << 64n) | low
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const point = digits.length - scale
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${scale > 0 ? `.${digits.slice(point)}` : ''}`
}

/** One row as an object. `row` counts the rows that lie in the columns. */
export function rowAt(batch: Batch, row: number): Record<string, unknown> {
  return rowReader(batch)(row)
}

function rowReader(batch: Batch, names?: readonly string[]): (row: number) => Record<string, unknown> {
  const columns = names?.map((name) => columnNamed(batch, name)) ?? batch.columns
  return objectReader(
    columns.map(({ field }) => field.name),
    columns.map(({ field, data }) => valueReader(field.type, data)),
  ) as (row: number) => Record<string, unknown>
}

/** The selected rows as objects with a value a column; everything is copied. `names`: which columns, else all. */
export function batchToRows(batch: Batch, names?: readonly string[]): Record<string, unknown>[] {
  const read = rowReader(batch, names)
  const { selection } = batch
  if (selection !== null) return Array.from(selection, read)
  return Array.from({ length: batch.numRows }, (_, row) => read(row))
}
