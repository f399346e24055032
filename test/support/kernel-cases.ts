/** Batches as steps get them, and compiled expressions held against a function that takes one row at a time. */
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  type Batch,
  batchFromRecordBatch,
  batchFromRows,
  batchToRecordBatch,
  batchToRows,
  valueReader,
} from '../../src/batch.ts'
import type { Expr } from '../../src/expr/expr.ts'
import { compileColumn, type RowError } from '../../src/expr/kernel.ts'
import type { Field } from '../../src/schema.ts'

export type Row = Record<string, unknown>

/** Thrown by an interpreter for a row that has no value. */
export class RowFailed extends Error {}

export const nullable = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null, freq: 5 })

/** Whole batches, slices at odd places, selections; empty ones among them. */
export const batches = (rows: fc.Arbitrary<Row>, fields: readonly Field[]): fc.Arbitrary<Batch> =>
  fc
    .record({
      rows: fc.array(rows, { maxLength: 30 }),
      from: fc.nat(12),
      cut: fc.nat(12),
      whole: fc.boolean(),
      selection: fc.option(fc.array(fc.boolean(), { minLength: 30, maxLength: 30 })),
    })
    .map(({ rows: given, from, cut, whole, selection }) => {
      const made = batchFromRows(given, fields)
      const sliced = batchToRecordBatch(made).slice(from, Math.max(from, given.length - cut))
      const batch = whole ? made : batchFromRecordBatch(sliced, fields)
      if (selection === null) return batch
      const kept = Array.from({ length: batch.numRows }, (_, i) => i).filter((i) => selection[i])
      return { ...batch, selection: Uint32Array.from(kept) }
    })

/** The values of the selected rows are `wanted` of each; rows for which it throws RowFailed are errors, in order. */
export function expectColumn(expr: Expr, fields: readonly Field[], batch: Batch, wanted: (row: Row) => unknown): void {
  const errors: RowError[] = []
  const { field, data } = compileColumn(expr, fields)(batch, (error) => errors.push(error))
  const read = valueReader(field.type, data)
  const rows = batchToRows({ ...batch, selection: null })
  const failed: number[] = []
  for (const row of batch.selection ?? rows.keys()) {
    let value: unknown = null
    try {
      value = wanted(rows[row]!)
    } catch (error) {
      if (!(error instanceof RowFailed)) throw error
      failed.push(row)
    }
    // By identity, so that -0 is not 0.
    if (typeof value === 'number') expect(read(row)).toBe(value)
    else expect(read(row)).toEqual(value)
  }
  expect(errors.map(({ row }) => row)).toEqual(failed)
}
