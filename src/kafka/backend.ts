/**
 * The Backend seam: how a run reads from and writes to Kafka. `native.ts` implements it on the C++ addon;
 * the pure-TypeScript client will implement the same. Nothing outside this folder names an implementation.
 */

import type { Batch } from '../batch.ts'
import type { Logger } from '../logger.ts'
import type { KeyType } from '../plan/steps.ts'
import type { ColumnType, Field } from '../schema.ts'

/** A partition and how far its rows are covered. `offset` is the next one to read: a position, not the last row. */
export interface Position {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** The assignment epoch under which the rows were read; a commit for an older epoch is dropped. */
  readonly epoch: number
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Where to begin in a partition for which the group has no committed position. */
export type From =
  | 'earliest'
  | 'latest'
  | { readonly timestamp: number | Date }
  | { readonly offsets: Readonly<Record<string, Readonly<Record<number, number | bigint>>>> }

/** Where to end: the end offsets when the run starts, the first record at or after a time, or never. */
export type Until = 'end' | { readonly timestamp: number | Date } | undefined

/**
 * A message column that a plan may name; `$value` (the raw bytes), `$tombstone` and `$keyValue` (what the key's bytes
 * stand for, where `keyType` is a number or JSON) are used inside.
 */
export type MessageColumn =
  | '$key'
  | '$topic'
  | '$partition'
  | '$offset'
  | '$timestamp'
  | '$headers'
  | '$value'
  | '$tombstone'
  | '$keyValue'

/**
 * A pushed-down predicate over columns by index in {@link DecodePlan.columns}; SQL's three-valued logic. `['or', []]` is
 * never true: then no value is decoded, and one that could not be is no error.
 */
export type PushedPredicate =
  | readonly ['and' | 'or', readonly PushedPredicate[]]
  | readonly ['not', PushedPredicate]
  | readonly ['eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge', number, PushedLiteral]
  | readonly ['isNull', number]
  | readonly ['in', number, readonly PushedLiteral[]]
  /** A bool column itself. */
  | readonly ['col', number]

/**
 * i: integer of 64 bits in decimal digits (also timestamps and dates, in the column's own unit); f: float64; s: utf8;
 * b: bool. Numbers of different types are compared by value, exactly.
 */
export type PushedLiteral =
  | { readonly i: string }
  | { readonly f: number }
  | { readonly s: string }
  | { readonly b: boolean }

/** As {@link PushedLiteral}; `{i: '-0'}` is the integer that is -0 beside a float, and JSON has no number for three. */
export type ProgramLiteral =
  | { readonly i: string }
  | { readonly f: number | 'NaN' | 'Infinity' | '-Infinity' }
  | { readonly s: string }
  | { readonly b: boolean }
  | null

export type ProgramExpr = readonly ['col', number] | readonly ['lit', ProgramLiteral] | ProgramCall

/** `[op, ...args]`: operators by their names in src/expr; which of them a program may hold: src/plan/native.ts. */
export interface ProgramCall extends ReadonlyArray<string | ProgramExpr> {
  readonly 0: string
}

export type ProgramStep =
  /** Keeps rows that are true. An `and` is taken apart before: a step a term, so that each sees what the last has left. */
  | { readonly kind: 'filter'; readonly expr: ProgramExpr; readonly text: string }
  /** A column more, numbered behind those before it. `type` is that of the expression by src/expr/rules.ts. */
  | { readonly kind: 'compute'; readonly expr: ProgramExpr; readonly type: ColumnType; readonly text: string }

/**
 * What the source computes on the rows that it decoded, on its own threads, with the results of src/expr/kernels bit
 * for bit. Columns are numbered: those of the plan (emitted or not), message columns, then one for each compute step.
 * A row for which an expression has no value is left out, and a row error SCHEMA; `text`, the printed expression,
 * begins its message. Time columns are compared with `{i}` in their own unit.
 */
export interface NativeProgram {
  readonly steps: readonly ProgramStep[]
  /** The columns of the batches, in order. `emit` of the plan's columns says nothing then. */
  readonly output: readonly { readonly name: string; readonly column: number }[]
}

/**
 * What a plan needs of every message. The batches then hold the emitted columns, then the message columns; where there
 * is a program, its output.
 */
export interface DecodePlan {
  readonly codec: string
  readonly columns: readonly { readonly field: Field; readonly emit: boolean }[]
  readonly predicate?: PushedPredicate
  readonly message: readonly MessageColumn[]
  readonly program?: NativeProgram
  /**
   * Of `$key`: utf8 or binary; else of `$keyValue`, and `$key` is binary. A key that does not fit is its row's error, but
   * only where `message` names the column. `{ json }`: the key is one JSON value of this type, blanks around it, read by
   * the rules of a value's fields and with their errors, in which it is the column `$key`; no key and JSON's null are
   * null. It is read after the value: a row whose value fails, or that `predicate` rejects, has no error of its key.
   */
  readonly keyType: KeyType
  /** Nesting that a document may have. Default 64. */
  readonly maxDepth: number
}

/** One message that could not become a row. */
export interface SourceRowError {
  readonly offset: bigint
  readonly code: string
  readonly message: string
}

export type SourceEvent =
  /** Rows of one partition, in order. `batch.rowCount` may be 0: the position still moves (filtered, end, markers). */
  | {
      readonly kind: 'batch'
      readonly batch: Batch
      readonly position: Position
      /** Messages that this batch covers: kept, filtered out and failed together. */
      readonly messages: number
      /** Bytes of their keys and values. */
      readonly bytes: number
      readonly errors: readonly SourceRowError[]
      /** Of a fused run: the rows are at the sink already, and `batch` has none. `id` is for {@link Sink.adopt}. */
      readonly write?: { readonly id: number; readonly rows: number }
    }
  | { readonly kind: 'assigned'; readonly partitions: readonly (TopicPartition & { readonly epoch: number })[] }
  /** The group takes partitions away. Finish or drop their rows, commit, then call `revoked(token)`. */
  | {
      readonly kind: 'revoked'
      readonly token: number
      /** True: another member may own them already; nothing can be committed. */
      readonly lost: boolean
      readonly partitions: readonly TopicPartition[]
    }
  /** After halt(), behind the batches whose writes had begun. */
  | { readonly kind: 'halted' }
  /** A bounded read has handed over everything. */
  | { readonly kind: 'end' }

export interface Source {
  /** It runs `DecodePlan.program`; else none is made. */
  readonly programs?: boolean
  /** Begins to poll; where no schema was given, waits for the first rows and returns the inferred fields. */
  open(): Promise<readonly Field[]>
  /**
   * Before start(): from now on rows go to the sink without this thread, and batch events name their writes. A row that
   * cannot be decoded ends the run under `fail`, before any row of its batch is written. What the writes hold counts
   * against `batch.maxQueueBytes` until they are reported. False: these two cannot. No write of a partition begins after
   * its `revoked` event.
   */
  fuse?(sink: Sink, decode: DecodePlan, record: RecordPlan, onError: 'fail' | 'skip'): boolean
  /** Of a fused run: no write begins after it returns. The batch events of those that began come, then `halted`. */
  halt?(): void
  /** Fixes the decode plan for the run; batches flow from now on. */
  start(plan: DecodePlan): void
  /** The next event; waits. Rejects with a SabotError when the source failed. */
  next(): Promise<SourceEvent>
  /** Commits positions to the consumer group; stale epochs are dropped. Rejects when the broker refused. */
  commit(positions: readonly Position[]): Promise<void>
  /** Answers a `revoked` event. */
  revoked(token: number): void
  /** Leaves the group and ends every thread. Idempotent; may be called at any time; `next()` then rejects CLOSED. */
  close(): Promise<void>
  stats(): SourceStats
}

export interface SourceStats {
  readonly messages: number
  readonly bytes: number
  readonly queuedBytes: number
  /** Milliseconds that the source was at work reading, and decoding (summed over threads). */
  readonly pollMs: number
  readonly decodeMs: number
  readonly lag: readonly (TopicPartition & { readonly messages: bigint })[]
}

/** Which columns of a batch become which part of a record. Absent: null key, no headers, the time of sending. */
export interface RecordPlan {
  /** `columns`: encoded by `codec`; `bytes`: the column `$value` as it is. */
  readonly value: { readonly kind: 'columns'; readonly names: readonly string[] } | { readonly kind: 'bytes' }
  /** Column of the key: utf8 or binary as they are, other scalars as their text, lists and structs as JSON. */
  readonly key?: string
  /** list<struct<key: utf8, value: binary>> */
  readonly headers?: string
  /** timestamp[ms] */
  readonly timestamp?: string
  /** Integer column with the partition to write to. */
  readonly partition?: string
  /** Bool column: rows that are tombstones again. */
  readonly tombstone?: string
}

/** What became of one written batch: every row acknowledged, but for those that could not be encoded. */
export interface Delivery {
  readonly rows: number
  readonly bytes: number
  /** Rows that could not be encoded (`row` indexes the batch); only under the policy `skip`. `offset`: a fused run's. */
  readonly errors: readonly {
    readonly row: number
    readonly code: string
    readonly message: string
    readonly offset?: bigint
  }[]
}

/** Milliseconds that the sink was at work: columns to records, and records to the client. */
export interface SinkStats {
  readonly encodeMs: number
  readonly deliverMs: number
}

export interface Sink {
  /** Connects; rejects when the topic does not exist. */
  open(): Promise<void>
  /**
   * Encodes and sends the selected rows of a batch; resolves when every one was acknowledged. Batches are sent in
   * the order of the calls. Rejects with a SabotError naming topic, partition and the broker's reason.
   * Under `onError: 'fail'` a row that can't be encoded rejects, with `where.row`, before any row of the batch is sent.
   */
  write(batch: Batch, plan: RecordPlan, onError: 'fail' | 'skip'): Promise<Delivery>
  /**
   * What becomes of a write that a fused source began; once a write. As write() would, but a row that can't be encoded
   * is told with its message's offset (`where.offset`).
   */
  adopt?(write: number): Promise<Delivery>
  /** Also after close(). */
  stats(): SinkStats
  /** Waits for what was written. Idempotent. */
  close(options?: { readonly abort?: boolean }): Promise<void>
}

/** Everything a source needs to know before it can connect; options are checked already (options.ts). */
export interface SourceOptions {
  readonly bootstrapServers: string
  readonly topic: string | readonly string[] | RegExp
  readonly groupId?: string
  readonly codec: string
  /** True: no schema was given; `open()` infers it. */
  readonly infer: boolean
  readonly from: From
  readonly until: Until
  readonly parallelism?: number
  readonly batch: {
    readonly maxRows: number
    readonly maxBytes: number
    readonly maxWaitMs: number
    readonly maxQueueBytes: number
  }
  readonly maxDepth: number
  readonly metadataRefreshMs: number
  /** How long open() waits for a broker. */
  readonly connectTimeoutMs: number
  /** Redacts already. */
  readonly logger: Logger
  /** Client properties in librdkafka's names: the allowlist of options.ts applied, secrets included. */
  readonly properties: Readonly<Record<string, string>>
}

export type Partitioner = 'murmur2' | 'consistent' | 'roundRobin' | 'sticky' | 'source'

export interface SinkOptions {
  readonly bootstrapServers: string
  readonly topic: string
  readonly codec: string
  readonly codecOptions: Readonly<Record<string, unknown>>
  /** `source` needs `RecordPlan.partition`. */
  readonly partitioner: Partitioner
  /** How long open() waits for a broker. */
  readonly connectTimeoutMs: number
  /** Redacts already. */
  readonly logger: Logger
  readonly properties: Readonly<Record<string, string>>
}

export interface Backend {
  readonly name: 'native' | 'js'
  source(options: SourceOptions): Source
  sink(options: SinkOptions): Sink
}
