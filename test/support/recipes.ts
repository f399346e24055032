/** Batches as steps get them, generated: whole, sliced at odd places, with a selection, empty. */
import fc from 'fast-check'
import { type Batch, batchFromRecordBatch, batchFromRows, batchToRecordBatch } from '../../src/batch.ts'
import type { Field } from '../../src/schema.ts'

export type Row = Record<string, unknown>

export interface Recipe {
  readonly rows: readonly Row[]
  readonly from: number
  readonly cut: number
  readonly selection: readonly boolean[] | null
}

const MAX_ROWS = 40

export const recipesOf = (row: fc.Arbitrary<Row>): fc.Arbitrary<Recipe> =>
  fc.record({
    rows: fc.array(row, { maxLength: MAX_ROWS }),
    from: fc.nat(12),
    cut: fc.nat(12),
    selection: fc.option(fc.array(fc.boolean(), { minLength: MAX_ROWS, maxLength: MAX_ROWS })),
  })

export function batchOf({ rows, from, cut, selection }: Recipe, fields: readonly Field[]): Batch {
  const whole = batchFromRows(rows, fields)
  const sliced = batchToRecordBatch(whole).slice(from, Math.max(from, rows.length - cut))
  const batch = from === 0 && cut === 0 ? whole : batchFromRecordBatch(sliced, fields)
  if (selection === null) return batch
  const kept = Uint32Array.from(Array.from({ length: batch.numRows }, (_, i) => i).filter((i) => selection[i]))
  return { ...batch, selection: kept }
}

export const nullable = <T>(values: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(values, { nil: null, freq: 5 })
