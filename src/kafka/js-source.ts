/**
 * A Source on the TypeScript client. All of it runs on the JavaScript thread: fetches come in while the rows before are
 * worked on, and messages become rows when next() asks for them, a batch at a time. So what waits is what the broker
 * sent, and it is bounded in bytes: a partition that holds enough, and all together, are not fetched until they have room.
 */
import { Condition } from '../condition.ts'
import { errorCode, SabotError } from '../errors.ts'
import type { Field } from '../schema.ts'
import type { DecodePlan, Position, Source, SourceEvent, SourceOptions, SourceStats } from './backend.ts'
import { Assignment } from './js/assignment.ts'
import { type BoundsOptions, lookUpBounds, lookUpReset } from './js/bounds.ts'
import { type Client, loadClient } from './js/client.ts'
import { Cluster } from './js/cluster.ts'
import { decoder, inferFields, keysOf } from './js/codecs.ts'
import { Fetcher } from './js/fetcher.ts'
import { Group } from './js/group.ts'
import type { PartitionReader } from './js/partition.ts'
import { RowBuilder } from './js/rows.ts'
import { type Membership, type MembershipHost, Standalone } from './js/standalone.ts'
import { readMetadata } from './metadata.ts'
import { planFields } from './plan-fields.ts'
import { type AskTopics, resolveTopics, topicText, watchTopics, without } from './topics.ts'

/** How often a partition may hand over a batch that is not full: batches must not get small just because they come fast. */
const EARLY_EVERY_MS = 5
const INFER_ROWS = 1000
const INFER_WAIT_MS = 200
/** The event loop gets its turn after so long: sockets are read, and heartbeats sent. */
const TURN_MS = 5

/** What next() finds: an event, or that the source failed. */
type Queued = SourceEvent | { readonly kind: 'failure'; readonly error: SabotError }

export class JsSource implements Source {
  readonly #options: SourceOptions
  readonly #limits: { readonly maxRows: number; readonly maxBytes: number }
  #queue: Queued[] = []
  readonly #changed = new Condition()
  #failure: SabotError | undefined
  #failed = false
  #ended = false
  #opening: Promise<readonly Field[]> | undefined
  #closing: Promise<void> | undefined
  #inferring = false
  #cluster: Cluster | undefined
  #assignment: Assignment | undefined
  #membership: Membership | undefined
  #group: Group | undefined
  #fetcher: Fetcher | undefined
  #unwatch: (() => void) | undefined
  #rows: RowBuilder | undefined
  /** The reader that comes first. */
  #turn = 0
  #turnBegan = 0
  #messages = 0
  #bytes = 0
  #pollMs = 0
  #decodeMs = 0

  constructor(options: SourceOptions) {
    this.#options = options
    this.#limits = options.batch
  }

  open(): Promise<readonly Field[]> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<readonly Field[]> {
    this.#refuseClosed()
    const client = await loadClient()
    this.#refuseClosed()
    const cluster = new Cluster(client, this.#options)
    this.#cluster = cluster
    const topics = await resolveTopics(this.#options, this.#ask)
    this.#refuseClosed()
    this.#assemble(client, cluster)
    const membership = this.#membership!
    if (topics.length > 0) membership.subscribe(topics)
    if (this.#options.topic instanceof RegExp) {
      this.#unwatch = watchTopics(this.#options, topics, this.#ask, (names) => membership.subscribe(names))
    }
    return this.#options.infer ? this.#waitForSchema() : []
  }

  #assemble(client: Client, cluster: Cluster): void {
    const { properties, batch, connectTimeoutMs, logger, metadataRefreshMs, from, until } = this.#options
    const isGroup = this.#options.groupId !== undefined
    const bounds: BoundsOptions = {
      cluster,
      from,
      until,
      readCommitted: properties['isolation.level'] !== 'read_uncommitted',
      committed: isGroup ? (partitions) => this.#group!.coordinator.committed(partitions) : undefined,
      connectTimeoutMs,
      logger,
    }
    const check = () => this.#refuseClosed()
    const assignment = new Assignment({
      client,
      lookUp: (wanted, later) => {
        return lookUpBounds(bounds, wanted, later && !isGroup, check)
      },
      push: (event) => this.#push(event),
      onChange: () => {
        this.#fetcher?.kick()
        this.#changed.notify()
      },
    })
    this.#assignment = assignment
    const limits = { maxQueueBytes: batch.maxQueueBytes, connectTimeoutMs }
    this.#fetcher = new Fetcher(cluster, properties, limits, logger, {
      readers: () => assignment.readers,
      onProgress: () => this.#changed.notify(),
      onOutOfRange: (reader) => {
        lookUpReset(bounds, reader, check).then(
          (offset) => {
            reader.seek(offset)
            reader.pausedUntil = 0
            this.#fetcher?.kick()
            // It may be at its end now, where no fetch will come to say so.
            this.#changed.notify()
          },
          (error) => this.#fail(error, reader.topic, reader.partition),
        )
      },
      onUnknownTopic: (topic) => this.#membership?.suspect(topic),
      onFailure: (error, topic, partition) => this.#fail(error, topic, partition),
    })
    const host: MembershipHost = {
      assignment,
      logger,
      ask: (names) => cluster.topics(names, connectTimeoutMs),
      fail: (error, topic) => this.#fail(error, topic),
    }
    if (isGroup) this.#group = new Group(host, cluster, properties, { connectTimeoutMs, metadataRefreshMs })
    this.#membership = this.#group ?? new Standalone(host, metadataRefreshMs)
  }

  start(plan: DecodePlan): void {
    if (this.#assignment === undefined) throw new SabotError('CLOSED', 'fromKafka: the source was not opened.')
    const fields = planFields(plan)
    const message = fields.slice(fields.length - plan.message.length)
    this.#rows = new RowBuilder(plan, message, decoder(plan), keysOf(plan))
    this.#changed.notify()
  }

  async next(): Promise<SourceEvent> {
    for (;;) {
      this.#refuseClosed()
      const event = this.#dequeue()
      if (event !== undefined) return event
      if (performance.now() - this.#turnBegan > TURN_MS) {
        await new Promise<void>((resolve) => setImmediate(resolve))
        this.#turnBegan = performance.now()
        continue
      }
      const { batch, wakeAt } = this.#takeBatch()
      if (batch !== undefined) return batch
      if (this.#isAtEnd()) {
        this.#ended = true
        return { kind: 'end' }
      }
      await this.#wait(wakeAt)
    }
  }

  async commit(positions: readonly Position[]): Promise<void> {
    this.#refuseClosed()
    if (this.#group === undefined) {
      throw new SabotError('CONFIG', 'commit: expected a source that reads with a group; this one has none')
    }
    const current = positions.filter((position) => this.#assignment!.isCurrent(position))
    if (current.length > 0) await this.#group.commit(current)
  }

  revoked(token: number): void {
    // After close() there is no rebalance left that waits for an answer.
    if (this.#closing === undefined) this.#assignment?.revoked(token)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    this.#changed.notify()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#unwatch?.()
    this.#fetcher?.close()
    this.#assignment?.close()
    await this.#membership?.close()
    await this.#cluster?.close()
    this.#changed.notify()
  }

  stats(): SourceStats {
    const readers = this.#assignment?.readers ?? []
    const lag = readers
      .filter(({ highWatermark }) => highWatermark >= 0n)
      .map(({ topic, partition, highWatermark, lowWatermark, position }) => {
        const from = position > lowWatermark ? position : lowWatermark
        return { topic, partition, messages: highWatermark > from ? highWatermark - from : 0n }
      })
    const queuedBytes = readers.reduce((sum, reader) => sum + reader.queuedBytes, 0)
    const [messages, bytes, pollMs, decodeMs] = [this.#messages, this.#bytes, this.#pollMs, this.#decodeMs]
    return { messages, bytes, queuedBytes, pollMs, decodeMs, lag }
  }

  // ---- events

  #push(event: SourceEvent): void {
    if (this.#inferring && event.kind === 'revoked') {
      // No row of these partitions was handed over, so there is nothing to finish: the group need not wait.
      this.#queue = this.#queue.flatMap((early): readonly Queued[] =>
        early.kind === 'failure' ? [early] : without(early, event.partitions),
      )
      this.#assignment!.revoked(event.token)
      return
    }
    this.#queue.push(event)
    this.#changed.notify()
  }

  #dequeue(): SourceEvent | undefined {
    const event = this.#queue.shift()
    if (event?.kind !== 'failure') return event
    this.#failure = event.error
    throw event.error
  }

  /** Nothing more of any partition comes, or a position would pass what is missing. */
  #fail(error: unknown, topic?: string, partition = -1): void {
    if (this.#failed || this.#closing !== undefined) return
    this.#failed = true
    const { code, message, retriable } = error as SabotError
    const failure = new SabotError(errorCode(code ?? 'KAFKA'), `fromKafka: ${placeText(message, topic, partition)}`, {
      retriable: retriable ?? false,
      cause: error,
      where: { ...(topic !== undefined && { topic }), ...(partition >= 0 && { partition }) },
    })
    this.#queue.push({ kind: 'failure', error: failure })
    this.#changed.notify()
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) {
      throw new SabotError('CLOSED', `fromKafka: the source of ${topicText(this.#options.topic)} was closed.`)
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  /** Until something happens, or a time. */
  async #wait(until: number): Promise<void> {
    await this.#changed.wait(Math.max(1, until - performance.now()))
    this.#turnBegan = performance.now()
  }

  // ---- rows

  /** A batch of one partition, the partitions in turn: one that is full, else one whose time has come. */
  #takeBatch(): { readonly batch?: SourceEvent; readonly wakeAt: number } {
    let wakeAt = Number.POSITIVE_INFINITY
    if (this.#rows === undefined || this.#failed) return { wakeAt }
    const now = performance.now()
    const { readers } = this.#assignment!
    let due: PartitionReader | undefined
    this.#turn++
    for (let i = 0; i < readers.length; i++) {
      const reader = readers[(this.#turn + i) % readers.length]!
      if (reader.hasFullRun(this.#limits)) return { batch: this.#handOver(reader, now), wakeAt }
      if (reader.isEmpty || due !== undefined) continue
      // The caller waits: what there is is handed over, unless something was just now.
      const at = Math.min(reader.since + this.#options.batch.maxWaitMs, reader.lastHandOver + EARLY_EVERY_MS)
      if (reader.isFetched || now >= at) due = reader
      else wakeAt = Math.min(wakeAt, at)
    }
    return due === undefined ? { wakeAt } : { batch: this.#handOver(due, now), wakeAt }
  }

  #handOver(reader: PartitionReader, now: number): SourceEvent {
    const rows = this.#rows!
    const { topic, partition, epoch } = reader
    rows.begin(topic, partition)
    let taken: { messages: number; bytes: number }
    try {
      taken = reader.take(this.#limits, (record) => rows.add(record))
    } catch (error) {
      this.#fail(error, topic, partition)
      return this.#dequeue()!
    }
    const { batch, errors } = rows.take()
    reader.lastHandOver = now
    reader.since = now
    this.#messages += taken.messages
    this.#bytes += taken.bytes
    this.#decodeMs += performance.now() - now
    this.#fetcher!.kick()
    return { kind: 'batch', batch, position: { topic, partition, offset: reader.position, epoch }, ...taken, errors }
  }

  /** Everything before the targets was handed over. */
  #isAtEnd(): boolean {
    if (this.#ended || this.#rows === undefined || this.#failed || this.#options.until === undefined) return false
    const { isSettled, readers } = this.#assignment!
    return isSettled && this.#queue.length === 0 && readers.every((reader) => reader.isDone && reader.isEmpty)
  }

  /** Waits for the first rows; they stay where they are, and are decoded once start() says how. */
  async #waitForSchema(): Promise<readonly Field[]> {
    this.#inferring = true
    const waitMs = Math.max(INFER_WAIT_MS, this.#options.batch.maxWaitMs)
    let since = Number.POSITIVE_INFINITY
    for (;;) {
      this.#refuseClosed()
      const failed = this.#queue.find((event) => event.kind === 'failure')
      if (failed?.kind === 'failure') throw failed.error
      const { readers, isSettled } = this.#assignment!
      const now = performance.now()
      const count = readers.reduce((sum, reader) => sum + reader.queuedRecords, 0)
      if (count > 0) since = Math.min(since, now)
      const isFull = this.stats().queuedBytes >= this.#options.batch.maxQueueBytes
      const late = count > 0 && (now >= since + waitMs || isFull)
      const atEnd = isSettled && readers.every((reader) => reader.atEnd || reader.isFetched)
      const done = isSettled && this.#options.until !== undefined && readers.every((reader) => reader.isFetched)
      if (count >= INFER_ROWS || late || done || (atEnd && count > 0)) {
        const values: (Uint8Array | null)[] = []
        for (const reader of readers) values.push(...reader.sample(INFER_ROWS - values.length))
        // Tombstones tell no columns.
        const tells = values.some((value) => value !== null)
        if (tells || done || isFull || count >= INFER_ROWS) {
          this.#inferring = false
          return values.length === 0 ? [] : inferFields(values, this.#options.maxDepth)
        }
        since = now
      }
      await this.#wait(count > 0 ? since + waitMs : Number.POSITIVE_INFINITY)
    }
  }

  // ---- topics

  readonly #ask: AskTopics = async (topics) => {
    this.#refuseClosed()
    const { bootstrapServers, connectTimeoutMs } = this.#options
    return readMetadata('fromKafka', bootstrapServers, connectTimeoutMs, () =>
      this.#cluster!.topics(topics, connectTimeoutMs),
    )
  }
}

/** What is wrong with a partition's bytes says which partition. */
function placeText(message: string, topic: string | undefined, partition: number): string {
  const place = topic === undefined ? '' : `${topic}/${partition}`
  return partition < 0 || message.includes(place) ? message : `partition ${place}: ${message}`
}
