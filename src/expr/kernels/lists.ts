/** Lists and structs: what lies in them is read through offsets and children; values are copied where rows are picked. */
import { bitmapBytes, type Column, type Data, takeColumn } from '../../batch.ts'
import type { ColumnType } from '../../schema.ts'
import {
  type Argument,
  bitAt,
  boolVector,
  bothValid,
  dataOf,
  type Evaluate,
  evaluated,
  type Kernel,
  nulls,
  type Run,
  type Vector,
  vectorOf,
} from '../vector.ts'
import { newBits } from './bits.ts'
import { compareKernel } from './compare.ts'
import { toDoubles } from './numbers.ts'

const BOOL: ColumnType = { kind: 'bool' }

const itemOf = ({ type }: Argument): ColumnType | null => (type?.kind === 'list' ? type.item : null)

/** The number of items, nulls among them. */
export const listLengthKernel: Kernel = ([arg], type) => {
  if (itemOf(arg!) === null) return ({ batch }) => nulls(type, batch.numRows)
  const lists = evaluated(arg!, arg!.type!)
  return (run) => {
    const { length, offsets, validity } = lists(run)
    const values = new BigInt64Array(length)
    // Low words alone: a length is below 2^31.
    const low = new Int32Array(values.buffer)
    for (let i = 0; i < length; i++) low[i * 2] = offsets![i + 1]! - offsets![i]!
    return { length, values, offsets: null, validity }
  }
}

/** An item by its place, below 0 from the end; null where there is none. */
export const elementKernel: Kernel = ([arg, index], type) => {
  if (itemOf(arg!) === null || index!.type === null) return ({ batch }) => nulls(type, batch.numRows)
  const lists = evaluated(arg!, arg!.type!)
  // A literal as a double, which the loop reads as it is.
  const places = evaluated(index!, index!.literal === undefined ? index!.type : { kind: 'float64' })
  return (run) => {
    const list = lists(run)
    const place = places(run)
    const { length, offsets } = list
    const items = list.children![0]!
    if (items.length === 0) return nulls(type, length)
    const at = toDoubles(place).values
    const given = bothValid(list.validity, place.validity, length)
    const rows = new Uint32Array(length)
    const valid = newBits(length)
    for (let i = 0; i < length; i++) {
      const [start, end] = [offsets![i]!, offsets![i + 1]!]
      const row = at[i]! < 0 ? end + at[i]! : start + at[i]!
      if (row < start || row >= end || (given !== null && bitAt(given, i) === 0)) continue
      rows[i] = row
      valid[i >> 3]! |= 1 << (i & 7)
    }
    const taken = vectorOf(takeColumn({ field: { name: 'item', type }, data: items }, rows).data)
    return { ...taken, validity: bothValid(taken.validity, valid, length) }
  }
}

/**
 * True where an item is equal; else null where one of them is null, as SQL's `= any` has it. The items of all rows are
 * compared in one go, as a column beside the value: a literal, or a column whose values are repeated for each item.
 */
export const listContainsKernel: Kernel = ([arg, sought], type) => {
  const item = itemOf(arg!)
  if (item === null || sought!.type === null) return ({ batch }) => nulls(type, batch.numRows)
  const lists = evaluated(arg!, arg!.type!)
  const column =
    (index: number): Evaluate =>
    ({ batch }) =>
      vectorOf(batch.columns[index]!.data)
  const value = sought!.literal === undefined ? { type: sought!.type, evaluate: column(1) } : sought!
  const equal = compareKernel('eq')([{ type: item, evaluate: column(0) }, value], BOOL)
  return (run) => {
    const list = lists(run)
    const items = list.children![0]!
    const columns: Column[] = [{ field: { name: 'item', type: item }, data: items }]
    let { validity } = list
    if (sought!.literal === undefined) {
      const values = sought!.evaluate(run)
      validity = bothValid(validity, values.validity, list.length)
      if (list.length === 0) return boolVector(0, newBits(0), null)
      const field = { name: 'value', type: sought!.type }
      columns.push(takeColumn({ field, data: dataOf(sought!.type, values) }, parents(list, items.length)))
    }
    const inner: Run = { batch: { columns, numRows: items.length, selection: null }, errors: run.errors }
    return anyOf(list, equal(inner), validity)
  }
}

/** The row that each item is of. */
function parents({ length, offsets }: Vector, items: number): Uint32Array {
  const rows = new Uint32Array(items)
  for (let i = 0; i < length; i++) rows.fill(i, offsets![i], offsets![i + 1])
  return rows
}

function anyOf({ length, offsets }: Vector, items: Vector, validity: Uint8Array | null): Vector {
  const bits = items.values as Uint8Array
  const out = newBits(length)
  let valid = validity
  for (let i = 0; i < length; i++) {
    let [found, unknown] = [0, 0]
    for (let k = offsets![i]!; k < offsets![i + 1]!; k++) {
      const known = items.validity === null ? 1 : bitAt(items.validity, k)
      found |= bitAt(bits, k) & known
      unknown |= known ^ 1
    }
    if (found === 1) out[i >> 3]! |= 1 << (i & 7)
    else if (unknown === 1) {
      if (valid === validity) valid = validity?.slice() ?? new Uint8Array(bitmapBytes(length)).fill(255)
      valid![i >> 3]! &= ~(1 << (i & 7))
    }
  }
  return boolVector(length, out, valid)
}

/** A field of a struct: its own column, with the struct's nulls. Nothing is copied but bitmaps. */
export const fieldKernel: Kernel = ([arg, name]) => {
  const { type } = arg!
  if (type?.kind !== 'struct') throw new TypeError('A field is of a struct.')
  const structs = evaluated(arg!, type)
  const index = type.fields.findIndex((field) => field.name === name!.literal!.value)
  return (run) => {
    const { length, validity, children } = structs(run)
    const data: Data = children![index]!
    const field = vectorOf(data)
    // A child may be longer than its struct.
    return { ...field, length, validity: bothValid(field.validity, validity, length) }
  }
}
