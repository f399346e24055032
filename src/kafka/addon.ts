/**
 * The addon's own interface (native/addon.cc), as thin as it can be: JSON strings for what is said once, typed
 * arrays for what is said per batch. Only native.ts and broker.ts use it.
 */
import type { WireType } from '../schema.ts'

/** JSON of a Source's configuration. */
export interface AddonSourceConfig {
  /** librdkafka properties, bootstrap.servers and group.id included. */
  readonly properties: Readonly<Record<string, string>>
  /** group: subscribe; assign: read every partition of the topics, no group, no commits. */
  readonly mode: 'group' | 'assign'
  /** Offsets are strings in decimal digits, timestamps milliseconds. Applies where the group has no commit. */
  readonly from:
    | 'earliest'
    | 'latest'
    | { readonly timestamp: number }
    | { readonly offsets: Readonly<Record<string, Readonly<Record<string, string>>>> }
  readonly until: 'end' | { readonly timestamp: number } | null
  readonly parallelism: number
  readonly maxRows: number
  readonly maxBytes: number
  readonly maxWaitMs: number
  readonly maxQueueBytes: number
  readonly maxDepth: number
  /** In mode assign: how often to look for new partitions. In mode group librdkafka's own property does. */
  readonly metadataRefreshMs: number
  /** Wait for the first rows and hand over a 'schema' event before decode() is called. */
  readonly infer: boolean
}

/** JSON of decode(): `type` in the wire form of native/sabot.h. */
export interface AddonDecodeSpec {
  readonly codec: string
  readonly columns: readonly { readonly name: string; readonly type: unknown; readonly emit: boolean }[]
  readonly predicate: unknown
  readonly message: readonly string[]
  /** NativeProgram of backend.ts, types in the wire form; null: none. */
  readonly program: unknown
  /** `json`: in the wire form. */
  readonly keyType: 'utf8' | 'binary' | 'int32' | 'int64' | 'float64' | { readonly json: WireType }
  readonly maxDepth: number
}

/** A slab: `layout` has eight numbers a node in pre-order, as NodeLayout of native/sabot.h declares them. */
export interface AddonSlab {
  readonly rows: number
  readonly buffer: ArrayBuffer
  readonly layout: Float64Array
}

export type AddonSourceEvent =
  | {
      readonly kind: 'batch'
      readonly topic: string
      readonly partition: number
      readonly epoch: number
      readonly nextOffset: bigint
      readonly messages: number
      readonly bytes: number
      /** null: no rows, or a fused run. */
      readonly slab: AddonSlab | null
      /** Of a fused run: the id of the write with the rows, at the sink already; null: no rows. */
      readonly write: number | null
      /** How many rows that write has. */
      readonly rows: number
      readonly errors: readonly { readonly offset: bigint; readonly code: string; readonly message: string }[]
    }
  | { readonly kind: 'schema'; readonly schema: string; readonly rows: number }
  | { readonly kind: 'assigned'; readonly partitions: readonly { topic: string; partition: number; epoch: number }[] }
  | {
      readonly kind: 'revoked'
      readonly token: number
      readonly lost: boolean
      readonly partitions: readonly { topic: string; partition: number }[]
    }
  /** After halt(), behind the events of the writes that began. */
  | { readonly kind: 'halted' }
  | { readonly kind: 'end' }
  /** The source failed and does not go on. */
  | {
      readonly kind: 'error'
      readonly code: string
      readonly message: string
      readonly retriable: boolean
      readonly topic?: string
      readonly partition?: number
    }
  | { readonly kind: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string }

/** JSON of fuse(): what the rows are at the sink. */
export interface AddonFusedSpec {
  /** Which parts of a message go along with its value, as they lie: no slab is built. null: columns of the slab. */
  readonly passed: {
    readonly key: boolean
    readonly headers: boolean
    readonly timestamp: boolean
    readonly partition: boolean
  } | null
  readonly roles: (AddonRoles & { readonly offset: number }) | null
  readonly onError: 'fail' | 'skip'
}

export interface AddonSourceStats {
  readonly messages: number
  readonly bytes: number
  readonly queuedBytes: number
  readonly pollNanoseconds: number
  readonly decodeNanoseconds: number
  /** `messages`: decimal digits. */
  readonly lag: readonly { readonly topic: string; readonly partition: number; readonly messages: string }[]
}

export interface AddonSource {
  /** Partition counts of topics (null: of all). Resolves to JSON [{name, partitions, error?}]; rejects with {code}. */
  metadata(topics: readonly string[] | null, timeoutMs: number): Promise<string>
  /** Subscribes (mode group) or assigns (mode assign), from the poll thread. May be called again with other names. */
  subscribe(topics: readonly string[]): void
  /**
   * Before decode(): rows go to the sink from the decode workers, and batch events name their writes. The sink's events
   * of these writes have ids above 2^40, and may come before the batch event.
   */
  fuse(sink: AddonSink, specJson: string): void
  /** Of a fused run: no write begins after it. */
  halt(): void
  decode(specJson: string): void
  /** The next event or null; `wake` is called when there is one after a null. */
  take(): AddonSourceEvent | null
  /** JSON [{topic, partition, offset: "123", epoch}]. */
  commit(positionsJson: string): Promise<void>
  revoked(token: number): void
  /** JSON of AddonSourceStats; also after close(). */
  stats(): string
  close(): Promise<void>
}

export interface AddonSinkConfig {
  readonly properties: Readonly<Record<string, string>>
  readonly topic: string
  readonly codec: string
  /** JSON of the codec's own options. */
  readonly codecOptions: unknown
  readonly partitioner: 'murmur2' | 'consistent' | 'roundRobin' | 'sticky' | 'source'
}

/** Columns for write(): nodes in pre-order over all columns. */
export interface AddonColumns {
  /** Wire form of the schema of these columns (native/sabot.h). */
  readonly schema: string
  /** Three a node: length, offset, nullCount. */
  readonly nodes: Float64Array
  /** Three a node: validity, offsets, data; null where there is none. The addon holds them until 'delivered'. */
  readonly buffers: readonly (ArrayBufferView | null)[]
}

/** Column indices; -1: none. `raw` >= 0: that binary column is the value, and `value` is empty. */
export interface AddonRoles {
  readonly value: readonly number[]
  readonly raw: number
  readonly key: number
  readonly headers: number
  readonly timestamp: number
  readonly partition: number
  readonly tombstone: number
}

export interface AddonWrite extends AddonColumns, AddonRoles {
  /** Chosen by the caller; comes back in the event. */
  readonly id: number
  /** Selected rows, ascending; null: all. */
  readonly rows: Uint32Array | null
  readonly rowCount: number
  readonly onError: 'fail' | 'skip'
}

export interface AddonRowError {
  readonly row: number
  readonly code: string
  readonly message: string
  /** Of the row's message, where the write knows it: a fused run's. */
  readonly offset?: bigint
}

export type AddonSinkEvent =
  | {
      readonly kind: 'delivered'
      readonly id: number
      readonly rows: number
      readonly bytes: number
      readonly errors: readonly AddonRowError[]
    }
  | {
      readonly kind: 'failed'
      readonly id: number
      readonly code: string
      readonly message: string
      readonly retriable: boolean
      readonly topic: string
      readonly partition: number
      /** The row of the batch that could not be encoded; -1 where delivery failed. */
      readonly row: number
      /** Of the message of that row, where the write knows it: a fused run's. */
      readonly offset: bigint | null
    }
  | { readonly kind: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly message: string }

export interface AddonSink {
  /** As a source's, of the sink's topic; where it does not exist, of those that do behind it. */
  metadata(timeoutMs: number): Promise<string>
  write(write: AddonWrite): void
  take(): AddonSinkEvent | null
  /** JSON {encodeNanoseconds, deliverNanoseconds}; also after close(). Times of the producer thread. */
  stats(): string
  /** Flushes (or with abort purges) and joins the threads. Unfinished writes come back as 'failed' first. */
  close(abort: boolean): Promise<void>
}

export interface AddonBroker {
  readonly bootstrapServers: string
  createTopic(name: string, partitions: number): void
  close(): void
}

export interface Addon {
  /** {"librdkafka": "2.15.1", "simdjson": "3.9.4", "allocator": "mimalloc 2.3.2"}; allocator "system": the C library's. */
  versions(): { readonly librdkafka: string; readonly simdjson: string; readonly allocator: string }
  Source: new (configJson: string, wake: () => void) => AddonSource
  Sink: new (configJson: string, wake: () => void) => AddonSink
  Broker: new () => AddonBroker
  /**
   * Creates topics: JSON of librdkafka's properties (an object), and of [{name, partitions, replication, config}]. One
   * that exists already is left as it is. Rejects with {code}.
   */
  createTopics(propertiesJson: string, topicsJson: string, timeoutMs: number): Promise<void>
  /** Decodes without Kafka (tests, fixtures): null values are tombstones. Errors carry the input row as `offset`. */
  decodeRows(
    values: readonly (Uint8Array | null)[],
    specJson: string,
  ): {
    readonly slab: AddonSlab | null
    readonly kept: Uint32Array
    readonly errors: readonly { readonly row: number; readonly code: string; readonly message: string }[]
  }
  /** Wire form of the inferred schema. */
  inferRows(values: readonly (Uint8Array | null)[], maxDepth: number): string
  /** Encodes without Kafka. */
  encodeRows(
    columns: AddonColumns,
    rowCount: number,
    codec: string,
    optionsJson: string,
  ): {
    readonly values: readonly (Uint8Array | null)[]
    readonly errors: readonly { readonly row: number; readonly code: string; readonly message: string }[]
  }
  /** Forces the copying hand-over (as runtimes without external ArrayBuffers need); tests. Default false. */
  setCopySlabs(copy: boolean): void
}
