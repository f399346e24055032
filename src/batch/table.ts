/** Tables: what `collect()` gives. No copy: a table is its record batches. */
import { type RecordBatch, Table } from 'apache-arrow'
import { arrowSchema, type Field } from '../schema.ts'

export type { Table }

/** `fields`: the columns, where they are known without a batch. */
export function tableOf(batches: readonly RecordBatch[], fields: readonly Field[] | undefined): Table {
  return batches.length > 0 ? new Table([...batches]) : new Table(arrowSchema(fields ?? []))
}
