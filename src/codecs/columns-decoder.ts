/** What every decoder does with its rows, whatever the format: all of one or nothing, and what the predicate says of it. */
import type { Column } from '../batch.ts'
import type { Decoder, DecoderPlan, RowError } from './convert.ts'
import { GrowingColumns } from './growing.ts'
import type { Predicate } from './predicate.ts'
import { compilePredicate } from './predicate-compile.ts'

export abstract class ColumnsDecoder implements Decoder {
  rows = 0
  protected readonly columns: GrowingColumns
  protected readonly predicate: Predicate | null

  constructor(columns: DecoderPlan['columns'], predicate: DecoderPlan['predicate']) {
    const fields = columns.map(({ field }) => field)
    this.columns = new GrowingColumns(columns)
    this.predicate = predicate === undefined ? null : compilePredicate(predicate, fields, this.columns.all)
  }

  /** Appends the row; where it answers other than true, what it appended is taken back. */
  protected abstract read(value: Uint8Array | null, row: number): boolean | RowError

  get bytes(): number {
    return this.columns.byteSize
  }

  add(value: Uint8Array | null): boolean | RowError {
    const row = this.rows
    const read = this.read(value, row)
    if (read !== true) {
      this.columns.truncate(row)
      return read
    }
    if (this.predicate !== null && !this.predicate.test(row)) {
      this.columns.truncate(row)
      return false
    }
    this.rows++
    return true
  }

  pop(): void {
    this.columns.truncate(--this.rows)
  }

  take(): readonly Column[] {
    this.rows = 0
    return this.columns.take()
  }
}
