/**
 * An idempotent producer of one topic. Records gather in a batch a partition; a batch that is full, or old enough, is
 * sealed with its sequence number and sent, up to five requests a broker under way. What fails for a passing reason is
 * sent again as it is, in order, behind whatever of its partition was under way; so the broker keeps each batch once.
 */
import { SabotError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { Cluster } from './cluster.ts'
import { numberOf } from './connections.ts'
import { Code, Disconnected, isRetriable } from './errors.ts'
import { produceRecords } from './produce.ts'
import { type Compression, type Record, RecordBatchWriter } from './record-batch.ts'

/** Records of one write that lie together in a batch. `write` is the caller's. */
export interface Segment<Write> {
  readonly write: Write
  records: number
  bytes: number
}

export interface ProducerHost<Write> {
  delivered(segment: Segment<Write>): void
  /** `status`: the broker's; undefined: not sent in time, or to no such partition. */
  failed(segment: Segment<Write>, partition: number, reason: FailReason): void
  /** Whether the records of a write are not to be sent any more. */
  isDropped(write: Write): boolean
  /** There is room again, or nothing left to send. */
  onProgress(): void
}

export type FailReason = { readonly status: number } | 'timedOut' | 'unknownPartition'

interface Sealed<Write> {
  readonly bytes: Buffer
  readonly sequence: number
  readonly records: number
  readonly segments: readonly Segment<Write>[]
  readonly createdAt: number
}

interface Lane<Write> {
  readonly partition: number
  writer: RecordBatchWriter | undefined
  segments: Segment<Write>[]
  /** When the open batch got its first record. */
  since: number
  readonly sealed: Sealed<Write>[]
  readonly inFlight: Set<Sealed<Write>>
  /** To be sent again, when nothing of the partition is under way. */
  readonly again: Sealed<Write>[]
  nextSequence: number
  pausedUntil: number
}

const RETRY_INIT_MS = 100
const MOST_REQUEST_BYTES = 16 << 20
const TICK_MS = 250

export class Producer<Write> {
  readonly #cluster: Cluster
  readonly #topic: string
  readonly #host: ProducerHost<Write>
  readonly #logger: Logger
  readonly #lingerMs: number
  readonly #batchBytes: number
  readonly #batchRecords: number
  readonly #maxInFlight: number
  readonly #deliveryMs: number
  readonly #requestMs: number
  readonly #retryMs: number
  readonly #compression: Compression
  readonly #level: number
  readonly #lanes = new Map<number, Lane<Write>>()
  readonly #busy = new Map<number, number>()
  #producerId = -1n
  #producerEpoch = -1
  #flushing = false
  #closed = false
  #timer: NodeJS.Timeout | undefined
  #timerAt = Number.POSITIVE_INFINITY
  #refreshing = false
  #pumping = false
  /** Records that are not acknowledged, as they lie in batches. */
  queuedBytes = 0

  constructor(
    cluster: Cluster,
    topic: string,
    properties: Readonly<{ [name: string]: string }>,
    logger: Logger,
    host: ProducerHost<Write>,
  ) {
    this.#cluster = cluster
    this.#topic = topic
    this.#host = host
    this.#logger = logger
    this.#lingerMs = numberOf(properties, 'linger.ms', 5)
    this.#batchBytes = numberOf(properties, 'batch.size', 1_000_000)
    this.#batchRecords = numberOf(properties, 'batch.num.messages', 100_000)
    this.#maxInFlight = numberOf(properties, 'max.in.flight.requests.per.connection', 5)
    this.#deliveryMs = numberOf(properties, 'delivery.timeout.ms', 120_000)
    this.#requestMs = numberOf(properties, 'request.timeout.ms', 30_000)
    this.#retryMs = numberOf(properties, 'retry.backoff.ms', 100)
    this.#compression = (properties['compression.type'] ?? 'none') as Compression
    this.#level = numberOf(properties, 'compression.level', -1)
  }

  /** Asks for the id under which the broker tells a batch that came twice. */
  async open(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs
    for (;;) {
      const { initProducerIdV1 } = this.#cluster.client
      // The id and epoch are of later versions: this one has but the first two.
      const response = await this.#cluster.askAny(timeoutMs, initProducerIdV1.api, null, 60_000, 0n, 0)
      const { errorCode, producerId, producerEpoch } = response
      if (errorCode === Code.NO_ERROR) {
        this.#producerId = producerId
        this.#producerEpoch = producerEpoch
        return
      }
      if (!isRetriable(errorCode) || performance.now() > end) {
        throw new SabotError('KAFKA', `the broker gives no producer id (error ${errorCode})`)
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_INIT_MS))
    }
  }

  /** Takes a record. False: the topic has no such partition. */
  append(partition: number, record: Record, write: Write, now: number): boolean {
    if (partition >= this.#cluster.partitionCount(this.#topic)) return false
    const lane = this.#lane(partition)
    const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
    const full =
      lane.writer !== undefined &&
      (lane.writer.size + bytes > this.#batchBytes || lane.writer.count >= this.#batchRecords)
    if (full) this.#seal(lane)
    if (lane.writer === undefined) {
      lane.writer = new RecordBatchWriter(Math.min(this.#batchBytes, 65_536))
      lane.since = performance.now()
    }
    const before = lane.writer.size
    lane.writer.append(record, now)
    this.queuedBytes += lane.writer.size - before
    const last = lane.segments.at(-1)
    if (last?.write === write) {
      last.records++
      last.bytes += bytes
    } else lane.segments.push({ write, records: 1, bytes })
    return true
  }

  #lane(partition: number): Lane<Write> {
    let lane = this.#lanes.get(partition)
    if (lane === undefined) {
      lane = {
        partition,
        writer: undefined,
        segments: [],
        since: 0,
        sealed: [],
        inFlight: new Set(),
        again: [],
        nextSequence: 0,
        pausedUntil: 0,
      }
      this.#lanes.set(partition, lane)
    }
    return lane
  }

  #seal(lane: Lane<Write>): void {
    const { writer, segments } = lane
    if (writer === undefined) return
    const sequence = lane.nextSequence
    // Sequence numbers go on behind 2^31 - 1 with 0.
    lane.nextSequence = (sequence + writer.count) % 0x8000_0000
    const before = writer.size
    const bytes = writer.seal(this.#cluster.client, {
      compression: this.#compression,
      level: this.#level,
      producerId: this.#producerId,
      producerEpoch: this.#producerEpoch,
      sequence,
    })
    this.queuedBytes += bytes.length - before + 61
    lane.sealed.push({ bytes, sequence, records: writer.count, segments, createdAt: lane.since })
    lane.writer = undefined
    lane.segments = []
  }

  /** Sends what can be sent now. */
  pump(): void {
    if (this.#closed || this.#pumping) return
    this.#pumping = true
    const now = performance.now()
    let wakeAt = Number.POSITIVE_INFINITY
    let homeless = false
    const ready = new Map<number, Lane<Write>[]>()
    for (const lane of this.#lanes.values()) {
      if (lane.writer !== undefined) {
        const due = lane.since + this.#lingerMs
        if (this.#flushing || now >= due) this.#seal(lane)
        else wakeAt = Math.min(wakeAt, due)
      }
      if (lane.again.length > 0 && lane.inFlight.size === 0) this.#requeue(lane)
      if (lane.sealed.length > 0) this.#expire(lane, now)
      if (lane.sealed.length === 0 || lane.again.length > 0) continue
      if (lane.pausedUntil > now) {
        wakeAt = Math.min(wakeAt, lane.pausedUntil)
        continue
      }
      const leader = this.#cluster.leader(this.#topic, lane.partition)
      if (leader === undefined) homeless = true
      else {
        const lanes = ready.get(leader.node)
        if (lanes === undefined) ready.set(leader.node, [lane])
        else lanes.push(lane)
      }
    }
    this.#pumping = false
    if (homeless) this.#refresh()
    for (const [node, lanes] of ready) this.#send(node, lanes)
    // A batch that nobody takes is given up after its time.
    if (this.queuedBytes > 0) wakeAt = Math.min(wakeAt, now + TICK_MS)
    if (Number.isFinite(wakeAt)) this.#pumpAt(wakeAt)
  }

  #pumpAt(at: number): void {
    if (this.#timerAt <= at) return
    clearTimeout(this.#timer)
    this.#timerAt = at
    this.#timer = setTimeout(
      () => {
        this.#timerAt = Number.POSITIVE_INFINITY
        this.pump()
      },
      Math.max(1, at - performance.now()),
    )
  }

  /** What failed goes before what was never sent, in the order of its sequence numbers. */
  #requeue(lane: Lane<Write>): void {
    lane.again.sort((a, b) => a.createdAt - b.createdAt || a.sequence - b.sequence)
    lane.sealed.unshift(...lane.again.splice(0))
  }

  #expire(lane: Lane<Write>, now: number): void {
    for (let first = lane.sealed[0]; first !== undefined; first = lane.sealed[0]) {
      const dropped = first.segments.every(({ write }) => this.#host.isDropped(write))
      const late = now - first.createdAt > this.#deliveryMs
      if (!dropped && !late) return
      lane.sealed.shift()
      this.#settle(lane, first, dropped ? 'dropped' : 'timedOut')
    }
  }

  #send(node: number, lanes: readonly Lane<Write>[]): void {
    while ((this.#busy.get(node) ?? 0) < this.#maxInFlight) {
      const batches: { lane: Lane<Write>; batch: Sealed<Write> }[] = []
      let bytes = 0
      for (const lane of lanes) {
        const batch = lane.sealed[0]
        if (batch === undefined || (bytes > 0 && bytes + batch.bytes.length > MOST_REQUEST_BYTES)) continue
        bytes += batch.bytes.length
        lane.sealed.shift()
        lane.inFlight.add(batch)
        batches.push({ lane, batch })
      }
      if (batches.length === 0) return
      this.#busy.set(node, (this.#busy.get(node) ?? 0) + 1)
      void this.#request(node, batches)
    }
  }

  async #request(node: number, batches: readonly { lane: Lane<Write>; batch: Sealed<Write> }[]): Promise<void> {
    try {
      const connection = await this.#cluster.connections.get(this.#cluster.broker(node)!, 'produce')
      const produced = await produceRecords(
        this.#cluster.client,
        connection,
        this.#topic,
        batches.map(({ lane: { partition }, batch: { bytes } }) => ({ partition, records: bytes })),
        this.#requestMs,
      )
      for (const { lane, batch } of batches) {
        const answer = produced.find(({ partition }) => partition === lane.partition)
        this.#onAnswer(lane, batch, answer?.errorCode ?? Code.UNKNOWN)
      }
    } catch (error) {
      if (!(error instanceof Disconnected)) throw error
      if (!this.#closed) this.#logger.debug({ topic: this.#topic }, `produce: ${error.message}`)
      for (const { lane, batch } of batches) this.#again(lane, batch)
    } finally {
      this.#busy.set(node, this.#busy.get(node)! - 1)
    }
    this.#host.onProgress()
    this.pump()
  }

  #onAnswer(lane: Lane<Write>, batch: Sealed<Write>, status: number): void {
    // A batch that the broker has already: it came twice since an answer was lost.
    if (status === Code.NO_ERROR || status === Code.DUPLICATE_SEQUENCE_NUMBER) {
      lane.inFlight.delete(batch)
      this.#settle(lane, batch, undefined)
      return
    }
    const first = [...lane.inFlight][0] === batch && lane.again.length === 0
    const behind = status === Code.OUT_OF_ORDER_SEQUENCE_NUMBER && !first
    if (behind || isRetriable(status) || status === Code.UNKNOWN_TOPIC_OR_PART) {
      this.#again(lane, batch)
      return
    }
    lane.inFlight.delete(batch)
    this.#settle(lane, batch, { status })
  }

  #again(lane: Lane<Write>, batch: Sealed<Write>): void {
    lane.inFlight.delete(batch)
    lane.again.push(batch)
    lane.pausedUntil = performance.now() + this.#retryMs
    this.#refresh()
  }

  #settle(lane: Lane<Write>, batch: Sealed<Write>, reason: FailReason | 'dropped' | undefined): void {
    this.queuedBytes -= batch.bytes.length
    for (const segment of batch.segments) {
      if (reason === undefined) this.#host.delivered(segment)
      else if (reason !== 'dropped') this.#host.failed(segment, lane.partition, reason)
    }
  }

  #refresh(): void {
    if (this.#refreshing || this.#closed) return
    this.#refreshing = true
    const look = async () => {
      await new Promise((resolve) => setTimeout(resolve, this.#retryMs))
      if (!this.#closed) await this.#cluster.refresh([this.#topic], this.#deliveryMs).catch(() => {})
      this.#refreshing = false
      this.pump()
    }
    void look()
  }

  /** Nothing waits for more to come any more. */
  flush(): void {
    this.#flushing = true
    this.pump()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }
}
