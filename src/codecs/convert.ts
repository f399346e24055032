/**
 * What a codec does where TypeScript itself converts bytes and columns (the js backend): the seam between the formats
 * of this room and the clients of kafka/. Each implementation gives the columns, bytes, error codes and messages that
 * its native counterpart (native/json_*.cc and its kin) gives; test/differential/ holds them against each other.
 */
import type { Batch, Column } from '../batch.ts'
import type { Predicate } from '../plan/pushdown.ts'
import type { Field } from '../schema.ts'

/** One row that is none, or can't be written. */
export interface RowError {
  readonly code: string
  readonly message: string
}

/** What a plan needs of every value: a part of kafka/backend.ts's DecodePlan. */
export interface DecoderPlan {
  /** `emit` false: only the predicate reads the column. */
  readonly columns: readonly { readonly field: Field; readonly emit: boolean }[]
  readonly predicate?: Predicate | undefined
  /** Nesting that a document may have. */
  readonly maxDepth: number
}

/** Values of messages, one after another, to columns. */
export interface Decoder {
  /** Rows that were added since take(). */
  readonly rows: number
  /** Bytes of their columns. Summed up at each asking: ask once for some rows. */
  readonly bytes: number
  /**
   * True: a row was added. False: the predicate rejected it. Either that or an error leaves no trace in the columns.
   * null is a tombstone: a row whose columns are null. What `value` lies in may change after the call.
   */
  add(value: Uint8Array | null): boolean | RowError
  /** Takes the row that was added last back. */
  pop(): void
  /** The emitted columns, in the plan's order, of the rows since the last take(); their buffers are the caller's. */
  take(): readonly Column[]
}

/** Rows of batches of the same columns to values of messages. */
export interface Encoder {
  /** Why the codec cannot write these columns, whatever is in them; null: it can. Absent: it writes any. */
  check?(batch: Batch): RowError | null
  /** The value of one row; its bytes are the caller's. null: a tombstone, which the codecs string and bytes can write. */
  encode(batch: Batch, row: number): Uint8Array | null | RowError
}
