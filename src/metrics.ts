/** Counters of one run. The run loop counts; `Run.metrics()` hands out a plain snapshot. */

export interface PartitionLag {
  readonly topic: string
  readonly partition: number
  /** Messages between the position read so far and the end of the partition. */
  readonly messages: bigint
}

/** A snapshot: plain data, safe to keep, log or serialise (offsets and lags are bigint). */
export interface RunMetrics {
  /** Messages taken from the source: kept, filtered out and failed together. */
  readonly messagesIn: number
  /** Rows that the source handed over: after decoding and pushed-down predicates. */
  readonly rowsIn: number
  /** Rows that the sink acknowledged. */
  readonly rowsOut: number
  /** Bytes of keys and values taken from the source. */
  readonly bytesIn: number
  /** Bytes of keys and values that the sink acknowledged. */
  readonly bytesOut: number
  /** Batches that went through the steps. */
  readonly batches: number
  /** Rows that were skipped or failed the run, by error code. */
  readonly errors: Readonly<Record<string, number>>
  /** Commits that the offset store accepted. */
  readonly commits: number
  /** Bytes that lie decoded in the source's queue. */
  readonly queuedBytes: number
  /** Batches between the source and the sink's acknowledgement. */
  readonly inFlight: number
  readonly assigned: readonly { readonly topic: string; readonly partition: number }[]
  readonly lag: readonly PartitionLag[]
  readonly elapsedMs: number
}

export class Counters {
  messagesIn = 0
  rowsIn = 0
  rowsOut = 0
  bytesIn = 0
  bytesOut = 0
  batches = 0
  commits = 0
  readonly errors: Record<string, number> = {}
  readonly #began = performance.now()
  #ended: number | undefined

  error(code: string, count = 1): void {
    this.errors[code] = (this.errors[code] ?? 0) + count
  }

  /** The run is over: `elapsedMs` stands still. */
  end(): void {
    this.#ended ??= performance.now()
  }

  snapshot(now: Pick<RunMetrics, 'queuedBytes' | 'inFlight' | 'assigned' | 'lag'>): RunMetrics {
    const { messagesIn, rowsIn, rowsOut, bytesIn, bytesOut, batches, commits } = this
    return {
      messagesIn,
      rowsIn,
      rowsOut,
      bytesIn,
      bytesOut,
      batches,
      commits,
      errors: { ...this.errors },
      elapsedMs: (this.#ended ?? performance.now()) - this.#began,
      ...now,
    }
  }
}
