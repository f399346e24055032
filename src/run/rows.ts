/** Reading single rows of a batch where the loop must: positions, errors. Never in a row-by-row path. */
import type { Batch, Column } from '../batch.ts'

/** The index in the columns of the n-th selected row. */
export const indexAt = (batch: Batch, n: number): number => (batch.selection === null ? n : batch.selection[n]!)

/** A value of an int64 column that holds no nulls (`$offset`). */
export const int64At = ({ data }: Column, row: number): bigint => (data.values as BigInt64Array)[data.offset + row]!

/** The offset of the message that a row came from; undefined where the batch does not carry it. */
export const offsetAt = (batch: Batch, row: number): bigint | undefined => {
  const column = batch.columns.find(({ field }) => field.name === '$offset')
  return column && int64At(column, row)
}
