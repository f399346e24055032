/** Batch: columns of one run of rows + a selection; made from slabs and from record batches without copying. */
import type { Data } from 'apache-arrow'
import type { Field } from './schema.ts'

export interface Column {
  readonly field: Field
  /** Arrow's own buffers: `values`, `valueOffsets`, `nullBitmap`, `offset`, `length`, `children`. */
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
