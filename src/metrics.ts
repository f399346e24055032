/**
 * What is counted of a run, and who is told. The run loop counts; `Run.metrics()` hands out a plain snapshot, and
 * node:diagnostics_channel publishes what happens while somebody listens. docs/metrics.md is made from the docstrings
 * here. Everything is counted once a batch, a run of messages or a commit, never once a row.
 */
import { type Channel, channel } from 'node:diagnostics_channel'
import { type EventLoopUtilization, performance } from 'node:perf_hooks'

export interface PartitionLag {
  readonly topic: string
  readonly partition: number
  /** Messages between the position read so far and the end of the partition. */
  readonly messages: bigint
}

/**
 * How values are spread. Percentiles come from buckets whose bounds are powers of two, with even spread within a
 * bucket assumed: they lie between min and max and are off by less than a factor of two.
 */
export interface Histogram {
  readonly count: number
  readonly min: number
  readonly max: number
  readonly mean: number
  readonly p50: number
  readonly p99: number
}

/** A snapshot: plain data, safe to keep, log or serialise (offsets and lags are bigint). */
export interface RunMetrics {
  /**
   * Taken from the source: kept, filtered out and failed together.
   * @unit messages
   * @counted when the run takes a batch
   */
  readonly messagesIn: number
  /**
   * Handed over by the source: after decoding, pushed-down predicates and native steps.
   * @unit rows
   * @counted when the run takes a batch
   */
  readonly rowsIn: number
  /**
   * Acknowledged by the sink; over all sinks of a fanOut.
   * @unit rows
   * @counted when the last row of a batch is acknowledged
   */
  readonly rowsOut: number
  /**
   * Keys and values taken from the source.
   * @unit bytes
   * @counted when the run takes a batch
   */
  readonly bytesIn: number
  /**
   * Keys and values that the sink acknowledged. 0 where the sink is not Kafka.
   * @unit bytes
   * @counted when the last row of a batch is acknowledged
   */
  readonly bytesOut: number
  /**
   * Taken from the source; those that only move a position too.
   * @unit batches
   * @counted when the run takes a batch
   */
  readonly batches: number
  /**
   * Messages that a batch covers: kept, filtered out and failed together.
   * @unit messages a batch
   * @counted when the run takes a batch
   */
  readonly batchMessages: Histogram
  /**
   * Keys and values of the messages that a batch covers.
   * @unit bytes a batch
   * @counted when the run takes a batch
   */
  readonly batchBytes: Histogram
  /**
   * Rows that were skipped or failed the run, by error code.
   * @unit rows
   * @counted when the row is reported
   */
  readonly errors: Readonly<Record<string, number>>
  /**
   * Accepted by the offset store.
   * @unit commits
   * @counted when the store has answered
   */
  readonly commits: number
  /**
   * Partitions that were given to this run, taken from it in good order, and lost to another member.
   * @unit partitions
   * @counted when the run hears of it
   */
  readonly rebalances: { readonly assigned: number; readonly revoked: number; readonly lost: number }
  /**
   * What lies in the source's queue: messages that were taken, decoded batches, and of a fused run what its writes hold.
   * @unit bytes
   * @counted now
   */
  readonly queuedBytes: number
  /**
   * Between the source and the sink's acknowledgement.
   * @unit batches
   * @counted now
   */
  readonly inFlight: number
  /**
   * The partitions that the run reads.
   * @unit partitions
   * @counted now
   */
  readonly assigned: readonly { readonly topic: string; readonly partition: number }[]
  /**
   * Of each assigned partition: its end, as the client last heard of it, less the position handed over.
   * @unit messages
   * @counted now
   */
  readonly lag: readonly PartitionLag[]
  /**
   * The source's poll thread at work: taking messages from the client, rebalances, commits. Not its sleep. On the js
   * backend, which has no such thread, 0.
   * @unit ms
   * @counted by the poll thread, each time before it sleeps
   */
  readonly pollMs: number
  /**
   * Decode workers at work: messages to columns, predicates and native steps. Summed over workers, so it may be more
   * than has elapsed. On the js backend the JavaScript thread decodes, encodes and delivers.
   * @unit ms
   * @counted by the worker, once a run of messages
   */
  readonly decodeMs: number
  /**
   * Steps in JavaScript, with the time that an async function of yours waits.
   * @unit ms
   * @counted by the run, once a batch
   */
  readonly stepsMs: number
  /**
   * The sink's producer thread: columns to keys, values and headers. Summed over sinks.
   * @unit ms
   * @counted by the producer thread, once a run of rows
   */
  readonly encodeMs: number
  /**
   * The sink's producer thread: handing records to the client, waiting for room in its queue included. Summed over
   * sinks.
   * @unit ms
   * @counted by the producer thread, once a run of rows
   */
  readonly deliverMs: number
  /**
   * From the hand-over of a batch to the sink until its last row is acknowledged; in a fused run from the moment that
   * the run hears of the batch. With forEachBatch and for await: until your code is done with it.
   * @unit ms a batch
   * @counted when the last row of a batch is acknowledged
   */
  readonly acknowledgeMs: Histogram
  /**
   * How much of the elapsed time the run's JavaScript thread was busy, with whatever else runs there: the utilisation
   * of its event loop (node:perf_hooks). 0 to 1.
   * @unit share
   * @counted by Node, from the start of the run to its end
   */
  readonly jsThreadShare: number
  /**
   * Since the start; stands still at the end.
   * @unit ms
   * @counted now
   */
  readonly elapsedMs: number
}

// ---------------------------------------------------------------- channels

export interface RunMessage {
  /** Counts the runs of this process and thread, from 1. */
  readonly run: number
}

interface Partition {
  readonly topic: string
  readonly partition: number
}

/**
 * What is published, by the name of its channel. Messages are plain data made for the subscribers; a channel that nobody
 * subscribes to costs a look at a flag, once a batch at the most.
 */
export interface ChannelMessages {
  /**
   * A run begins, before anything connects. `source`: its topics, or `batches`. `sinks`: their topics. `backend`: what it
   * begins with; `Run.backend` says what it fell back to where the addon did not start.
   */
  readonly 'sabot:run:start': RunMessage & {
    readonly backend: string
    readonly source: string
    readonly sinks: readonly string[]
  }
  /** The run takes a batch from the source. `position`: the next offset to read. `rows`: of `messages`, those left. */
  readonly 'sabot:batch': RunMessage &
    Partition & { readonly position: bigint; readonly messages: number; readonly bytes: number; readonly rows: number }
  /** How the run goes, every `commitIntervalMs` (default one second) while it goes on: what `run.metrics()` says. */
  readonly 'sabot:metrics': RunMessage & { readonly metrics: RunMetrics }
  /** The offset store accepted positions: of each partition the next offset to read. */
  readonly 'sabot:commit': RunMessage & { readonly positions: readonly (Partition & { readonly offset: bigint })[] }
  /** Partitions came, went in good order, or are lost: another member may own them already. */
  readonly 'sabot:rebalance': RunMessage & {
    readonly kind: 'assigned' | 'revoked' | 'lost'
    readonly partitions: readonly Partition[]
  }
  /** A row failed (`kind: 'row'`; under the policy fail the run ends with it), or the run did (`kind: 'run'`). */
  readonly 'sabot:error': RunMessage & {
    readonly kind: 'row' | 'run'
    readonly code: string
    readonly message: string
    readonly topic?: string
    readonly partition?: number
    readonly offset?: bigint
  }
  /** A run is over, well or not; `error`: the code of its failure. */
  readonly 'sabot:run:end': RunMessage & { readonly metrics: RunMetrics; readonly error?: string }
}

type ChannelName = keyof ChannelMessages

const channels: Readonly<Record<ChannelName, Channel>> = {
  'sabot:run:start': channel('sabot:run:start'),
  'sabot:batch': channel('sabot:batch'),
  'sabot:metrics': channel('sabot:metrics'),
  'sabot:commit': channel('sabot:commit'),
  'sabot:rebalance': channel('sabot:rebalance'),
  'sabot:error': channel('sabot:error'),
  'sabot:run:end': channel('sabot:run:end'),
}

// ---------------------------------------------------------------- counting

/** Bucket 0 holds what is below 1, bucket i what is below 2 ** i; the last one the rest. */
const BUCKETS = 54

class Buckets {
  readonly #counts = new Float64Array(BUCKETS)
  #count = 0
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0

  record(value: number): void {
    const bucket = value < 1 ? 0 : Math.min(BUCKETS - 1, Math.floor(Math.log2(value)) + 1)
    this.#counts[bucket]!++
    this.#count++
    this.#sum += value
    if (value < this.#min) this.#min = value
    if (value > this.#max) this.#max = value
  }

  snapshot(): Histogram {
    if (this.#count === 0) return { count: 0, min: 0, max: 0, mean: 0, p50: 0, p99: 0 }
    return {
      count: this.#count,
      min: this.#min,
      max: this.#max,
      mean: this.#sum / this.#count,
      p50: this.#percentile(0.5),
      p99: this.#percentile(0.99),
    }
  }

  #percentile(share: number): number {
    const rank = share * this.#count
    let before = 0
    for (let i = 0; i < BUCKETS; i++) {
      const here = this.#counts[i]!
      if (before + here >= rank && here > 0) {
        // The bounds of the bucket, as far as there are values.
        const low = Math.max(this.#min, i === 0 ? 0 : 2 ** (i - 1))
        const high = Math.min(this.#max, 2 ** i)
        return low + (high - low) * ((rank - before) / here)
      }
      before += here
    }
    return this.#max
  }
}

/** What the run knows only when it is asked. */
export type Gauges = Pick<
  RunMetrics,
  'queuedBytes' | 'inFlight' | 'assigned' | 'lag' | 'pollMs' | 'decodeMs' | 'encodeMs' | 'deliverMs'
>

/** A row that failed; run/policy.ts has the same. */
interface FailedRow extends Partition {
  readonly offset: bigint | undefined
  readonly code: string
  readonly message: string
}

let lastRun = 0

/** Counters of one run, and its voice on the channels. */
export class Counters {
  readonly #run = ++lastRun
  #messagesIn = 0
  #rowsIn = 0
  #bytesIn = 0
  #rowsOut = 0
  #bytesOut = 0
  #stepsMs = 0
  #batches = 0
  #commits = 0
  readonly #batchMessages = new Buckets()
  readonly #batchBytes = new Buckets()
  readonly #acknowledgeMs = new Buckets()
  readonly #errors: Record<string, number> = {}
  readonly #rebalances = { assigned: 0, revoked: 0, lost: 0 }
  readonly #began = performance.now()
  readonly #idle: EventLoopUtilization = performance.eventLoopUtilization()
  #stopped: { readonly elapsedMs: number; readonly jsThreadShare: number } | undefined

  began(about: Omit<ChannelMessages['sabot:run:start'], 'run'>): void {
    this.#publish('sabot:run:start', () => about)
  }

  /** A batch that the run takes, with the position behind it. */
  taken(
    { topic, partition, offset: position }: Partition & { readonly offset: bigint },
    messages: number,
    bytes: number,
    rows: number,
  ): void {
    this.#messagesIn += messages
    this.#bytesIn += bytes
    this.#rowsIn += rows
    this.#batches++
    this.#batchMessages.record(messages)
    this.#batchBytes.record(bytes)
    this.#publish('sabot:batch', () => ({ topic, partition, position, messages, bytes, rows }))
  }

  stepped(ms: number): void {
    this.#stepsMs += ms
  }

  acknowledged(rows: number, bytes: number, ms: number): void {
    this.#rowsOut += rows
    this.#bytesOut += bytes
    this.#acknowledgeMs.record(ms)
  }

  committed(positions: readonly (Partition & { readonly offset: bigint })[]): void {
    this.#commits++
    this.#publish('sabot:commit', () => ({
      positions: positions.map(({ topic, partition, offset }) => ({ topic, partition, offset })),
    }))
  }

  rebalanced(kind: 'assigned' | 'revoked' | 'lost', partitions: readonly Partition[]): void {
    this.#rebalances[kind] += partitions.length
    this.#publish('sabot:rebalance', () => ({
      kind,
      partitions: partitions.map(({ topic, partition }) => ({ topic, partition })),
    }))
  }

  rowFailed({ topic, partition, offset, code, message }: FailedRow): void {
    this.#errors[code] = (this.#errors[code] ?? 0) + 1
    const where = offset === undefined ? { topic, partition } : { topic, partition, offset }
    this.#publish('sabot:error', () => ({ kind: 'row' as const, code, message, ...where }))
  }

  /** Now and then, while the run goes on. */
  ticked(metrics: () => RunMetrics): void {
    this.#publish('sabot:metrics', () => ({ metrics: metrics() }))
  }

  /** The run is over: its times stand still. */
  stop(): void {
    this.#stopped ??= this.#times()
  }

  /** Tells the subscribers; once, after stop(). */
  ended(metrics: RunMetrics, error: { readonly code: string; readonly message: string } | undefined): void {
    if (error !== undefined) {
      const { code, message } = error
      this.#publish('sabot:error', () => ({ kind: 'run' as const, code, message }))
    }
    this.#publish('sabot:run:end', () => (error === undefined ? { metrics } : { metrics, error: error.code }))
  }

  snapshot(now: Gauges): RunMetrics {
    return {
      messagesIn: this.#messagesIn,
      rowsIn: this.#rowsIn,
      rowsOut: this.#rowsOut,
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      batches: this.#batches,
      batchMessages: this.#batchMessages.snapshot(),
      batchBytes: this.#batchBytes.snapshot(),
      errors: { ...this.#errors },
      commits: this.#commits,
      rebalances: { ...this.#rebalances },
      stepsMs: this.#stepsMs,
      acknowledgeMs: this.#acknowledgeMs.snapshot(),
      ...now,
      ...(this.#stopped ?? this.#times()),
    }
  }

  #times() {
    const { utilization } = performance.eventLoopUtilization(this.#idle)
    return { elapsedMs: performance.now() - this.#began, jsThreadShare: utilization }
  }

  /** A subscriber that throws does so on its own: node:diagnostics_channel sees to that. */
  #publish<Name extends ChannelName>(name: Name, message: () => Omit<ChannelMessages[Name], 'run'>): void {
    if (channels[name].hasSubscribers) channels[name].publish({ run: this.#run, ...message() })
  }
}
