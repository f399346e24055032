/**
 * Fetches what the partitions have room for: one request a broker at a time, the next one sent as soon as the last is
 * answered, so that records come in while the ones before are decoded. A partition that holds enough is left out; where
 * all together hold enough, nothing is fetched.
 */
import { SabotError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { Cluster } from './cluster.ts'
import { numberOf } from './connections.ts'
import { BrokerError, brokerText, Code, codeName, Disconnected, isRetriable, isUnknownTopic } from './errors.ts'
import { type FetchedPartition, fetchRecords } from './fetch.ts'
import type { PartitionReader } from './partition.ts'

export interface FetcherHost {
  readers(): readonly PartitionReader[]
  /** Records came, or a partition is at its end. */
  onProgress(): void
  /** The offset to fetch is not there: a new one has to be looked up. */
  onOutOfRange(reader: PartitionReader): void
  onUnknownTopic(topic: string): void
  /** What would lose messages. */
  onFailure(error: SabotError, topic: string, partition: number): void
}

/** How long a request that leaves out full partitions may wait for others: these want in again soon. */
const SHORT_WAIT_MS = 10
const WARN_EVERY_MS = 10_000

export class Fetcher {
  readonly #cluster: Cluster
  readonly #host: FetcherHost
  readonly #logger: Logger
  readonly #minBytes: number
  readonly #maxWaitMs: number
  readonly #maxBytes: number
  readonly #maxPartitionBytes: number
  readonly #queueBytes: number
  readonly #queueRecords: number
  readonly #backoffMs: number
  readonly #readCommitted: boolean
  /** All partitions together hold about so much at most, on the wire. */
  readonly #budget: number
  readonly #connectTimeoutMs: number
  readonly #busy = new Set<number>()
  #refreshing = false
  #refreshAt = 0
  #warnAt = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(
    cluster: Cluster,
    properties: Readonly<Record<string, string>>,
    limits: { readonly maxQueueBytes: number; readonly connectTimeoutMs: number },
    logger: Logger,
    host: FetcherHost,
  ) {
    this.#cluster = cluster
    this.#host = host
    this.#logger = logger
    this.#minBytes = numberOf(properties, 'fetch.min.bytes', 1)
    this.#maxWaitMs = numberOf(properties, 'fetch.wait.max.ms', 500)
    this.#maxBytes = numberOf(properties, 'fetch.max.bytes', 52_428_800)
    this.#maxPartitionBytes = numberOf(properties, 'max.partition.fetch.bytes', 1_048_576)
    this.#queueBytes = 1024 * numberOf(properties, 'queued.max.messages.kbytes', 65_536)
    this.#queueRecords = numberOf(properties, 'queued.min.messages', 100_000)
    this.#backoffMs = numberOf(properties, 'fetch.error.backoff.ms', 500)
    this.#readCommitted = properties['isolation.level'] !== 'read_uncommitted'
    this.#budget = limits.maxQueueBytes
    this.#connectTimeoutMs = limits.connectTimeoutMs
  }

  /** Sends what can be sent now. Called whenever a partition came, went, or got room. */
  kick(): void {
    if (this.#closed) return
    const now = performance.now()
    let room = this.#budget
    for (const { queuedBytes } of this.#host.readers()) room -= queuedBytes
    if (room <= 0) return
    const wanting = new Map<number, PartitionReader[]>()
    const skipped = new Set<number>()
    const homeless: string[] = []
    let wakeAt = Number.POSITIVE_INFINITY
    for (const reader of this.#host.readers()) {
      if (reader.isFetched || reader.stopped) continue
      const leader = this.#cluster.leader(reader.topic, reader.partition)
      if (leader === undefined) homeless.push(reader.topic)
      else if (this.#busy.has(leader.node)) continue
      else if (reader.pausedUntil > now) wakeAt = Math.min(wakeAt, reader.pausedUntil)
      else if (reader.queuedBytes >= this.#queueBytes || reader.queuedRecords >= this.#queueRecords) {
        skipped.add(leader.node)
      } else {
        const list = wanting.get(leader.node)
        if (list === undefined) wanting.set(leader.node, [reader])
        else list.push(reader)
      }
    }
    if (homeless.length > 0) this.refresh(homeless)
    if (Number.isFinite(wakeAt)) this.#kickAt(wakeAt - now)
    for (const [node, readers] of wanting) void this.#fetch(node, readers, skipped.has(node), room)
  }

  #kickAt(ms: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.kick(), Math.max(ms, 1))
  }

  async #fetch(node: number, readers: readonly PartitionReader[], short: boolean, room: number): Promise<void> {
    this.#busy.add(node)
    const asked = readers.map((reader) => ({ reader, offset: reader.fetchOffset }))
    try {
      const connection = await this.#cluster.connections.get(this.#cluster.broker(node)!, 'fetch')
      const response = await fetchRecords(
        this.#cluster.client,
        connection,
        asked.map(({ reader: { topic, partition }, offset }) => ({ topic, partition, offset, leaderEpoch: -1 })),
        {
          maxWaitMs: short ? Math.min(SHORT_WAIT_MS, this.#maxWaitMs) : this.#maxWaitMs,
          minBytes: this.#minBytes,
          // One batch comes in any case, however large.
          maxBytes: Math.min(this.#maxBytes, Math.max(room, 65_536)),
          maxPartitionBytes: this.#maxPartitionBytes,
          readCommitted: this.#readCommitted,
        },
      )
      if (this.#closed) return
      const now = performance.now()
      if (response.errorCode !== Code.NO_ERROR) throw new BrokerError(response.errorCode, 'fetch')
      for (const fetched of response.partitions) {
        const one = asked.find(({ reader }) => reader.partition === fetched.partition && reader.topic === fetched.topic)
        // A partition that has gone, or went elsewhere, meanwhile.
        if (one !== undefined && !one.reader.stopped && one.reader.fetchOffset === one.offset) {
          this.#apply(one.reader, fetched, now)
        }
      }
    } catch (error) {
      if (!this.#closed) this.#onError(error, readers)
    } finally {
      this.#busy.delete(node)
      if (!this.#closed) {
        this.#host.onProgress()
        this.kick()
      }
    }
  }

  #apply(reader: PartitionReader, fetched: FetchedPartition, now: number): void {
    if (fetched.errorCode !== Code.NO_ERROR) {
      this.#onPartitionError(reader, fetched.errorCode, now)
      return
    }
    reader.highWatermark = fetched.highWatermark
    reader.lowWatermark = fetched.logStartOffset
    try {
      reader.push(fetched.records, this.#readCommitted ? fetched.aborted : null, now)
    } catch (error) {
      this.#host.onFailure(error as SabotError, reader.topic, reader.partition)
      return
    }
    const end = this.#readCommitted ? fetched.lastStableOffset : fetched.highWatermark
    reader.atEnd = reader.fetchOffset >= end || reader.isFetched
  }

  #onPartitionError(reader: PartitionReader, code: number, now: number): void {
    const { topic, partition } = reader
    const what = brokerText(code, `partition ${topic}/${partition}`)
    reader.pausedUntil = now + this.#backoffMs
    if (code === Code.OFFSET_OUT_OF_RANGE) {
      reader.pausedUntil = Number.POSITIVE_INFINITY
      this.#logger.warn({ topic, partition }, what)
      this.#host.onOutOfRange(reader)
    } else if (isUnknownTopic(code)) {
      this.#host.onUnknownTopic(topic)
      this.refresh([topic])
    } else if (isRetriable(code) || code === Code.OFFSET_NOT_AVAILABLE || /LEADER_EPOCH/.test(codeName(code))) {
      this.#logger.debug({ topic, partition }, what)
      this.refresh([topic])
    } else this.#host.onFailure(new BrokerError(code, `partition ${topic}/${partition}`), topic, partition)
  }

  #onError(error: unknown, readers: readonly PartitionReader[]): void {
    const now = performance.now()
    for (const reader of readers) reader.pausedUntil = now + this.#backoffMs
    if (error instanceof Disconnected || (error instanceof BrokerError && isRetriable(error.status))) {
      if (now >= this.#warnAt) {
        this.#warnAt = now + WARN_EVERY_MS
        this.#logger.warn({}, `fetching failed, and is tried again: ${error.message}`)
      }
      this.refresh(readers.map(({ topic }) => topic))
      return
    }
    const failure =
      error instanceof SabotError
        ? error
        : new SabotError('KAFKA', `fetching failed: ${String(error)}`, { cause: error })
    this.#host.onFailure(failure, readers[0]!.topic, -1)
  }

  /** Looks up leaders again, in the background. */
  refresh(topics: readonly string[]): void {
    if (this.#refreshing || this.#closed) return
    this.#refreshing = true
    const again = async () => {
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, this.#refreshAt - performance.now())))
      this.#refreshAt = performance.now() + this.#backoffMs
      try {
        if (!this.#closed) await this.#cluster.refresh(topics, this.#connectTimeoutMs)
      } catch {
        // An outage is waited for.
      }
      this.#refreshing = false
      this.kick()
    }
    void again()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }
}
