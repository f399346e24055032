/** One row an item of a list column. Room: batch.ts. */
import type { ColumnType } from '../schema.ts'
import { columnBuilder } from './builder.ts'
import { type Batch, type Column, columnNamed, type Data, numSelected, validityOf } from './column.ts'
import { concatData, takeColumn, takeData } from './take.ts'

/**
 * The selected rows, each as often as its list has items; the item stands under the list's name. A null or empty list
 * gives no row, or with `keepEmpty` one with a null. The column must be one of lists. Copies every column.
 */
export function unnestBatch(batch: Batch, name: string, keepEmpty: boolean): Batch {
  const list = columnNamed(batch, name)
  const { type } = list.field
  if (type.kind !== 'list') throw new TypeError(`unnest: ${name} is ${type.kind}`)
  const { parents, items, empty } = itemsOf(list.data, batch, keepEmpty)
  const child = list.data.children[0]!
  const columns = batch.columns.map(
    (column): Column =>
      column === list
        ? { field: { name, type: type.item }, data: takeItems(type.item, child, items, empty) }
        : takeColumn(column, parents),
  )
  return { columns, numRows: parents.length, selection: null }
}

/** Of each new row: the row that it comes of, and its item. `empty`: how many stand for a list without items. */
function itemsOf(list: Data, batch: Batch, keepEmpty: boolean) {
  const offsets: Int32Array = list.valueOffsets
  const valid = validityOf(list)
  const { selection } = batch
  const rows = numSelected(batch)
  const none = list.children[0]!.length
  const sizeAt = (row: number): number =>
    // A null may have a length of its own.
    valid === null || ((valid[row >> 3]! >> (row & 7)) & 1) === 1 ? offsets[row + 1]! - offsets[row]! : 0
  let total = 0
  let empty = 0
  for (let i = 0; i < rows; i++) {
    const size = sizeAt(selection === null ? i : selection[i]!)
    total += size
    if (size === 0) empty++
  }
  if (!keepEmpty) empty = 0
  const parents = new Uint32Array(total + empty)
  const items = new Uint32Array(total + empty)
  let at = 0
  for (let i = 0; i < rows; i++) {
    const row = selection === null ? i : selection[i]!
    const size = sizeAt(row)
    const start = offsets[row]!
    for (let k = 0; k < size; k++, at++) {
      parents[at] = row
      items[at] = start + k
    }
    if (size === 0 && keepEmpty) {
      parents[at] = row
      items[at++] = none
    }
  }
  return { parents, items, empty }
}

function takeItems(type: ColumnType, child: Data, items: Uint32Array, empty: number): Data {
  if (empty === 0) return takeData(type, child, items)
  // The null that empty lists give stands behind the last item.
  const one = columnBuilder(type)
  one.append(null)
  return takeData(type, concatData(type, [child, one.finish()]), items)
}
