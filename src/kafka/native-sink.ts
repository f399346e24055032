/**
 * A Sink on the addon. write() hands the columns' buffers over as they are; the addon holds references to them until
 * the batch is delivered, and its producer thread only reads. Deliveries come back through take(), on this thread.
 */
import { type Batch, batchToBuffers, type Column, columnNamed } from '../batch.ts'
import { errorCode, SabotError } from '../errors.ts'
import { fieldsToWire } from '../schema.ts'
import type { Addon, AddonRoles, AddonSink, AddonSinkEvent, AddonWrite } from './addon.ts'
import type { Delivery, RecordPlan, Sink, SinkOptions, SinkStats } from './backend.ts'
import { startFailure } from './load.ts'
import { fromAddon, isUnknown, readMetadata, topicError, topicsFromJson, untilKnown } from './metadata.ts'

/** Writes from here on are a fused source's (native/pump.cc). */
const FIRST_FUSED = 2 ** 40

/**
 * How long the events of a fused run wait: they are only counted, and a wake-up costs more than what it brings. Rows do
 * not wait for them; commits, metrics and ends do.
 */
export const FUSED_PAUSE_MS = 10

type WriteEvent = Exclude<AddonSinkEvent, { kind: 'log' }>

interface Pending {
  readonly resolve: (delivery: Delivery) => void
  readonly reject: (error: SabotError) => void
}

export class NativeSink implements Sink {
  readonly #addon: Addon
  readonly #options: SinkOptions
  #sink: AddonSink | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  readonly #pending = new Map<number, Pending>()
  #lastId = 0
  #isFused = false
  #pause: NodeJS.Timeout | undefined
  /** How it stood when the sink was closed. */
  #lastStats: SinkStats = { encodeMs: 0, deliverMs: 0 }
  /** What became of writes of a fused run that nobody has adopted yet. */
  readonly #early = new Map<number, WriteEvent>()

  constructor(addon: Addon, options: SinkOptions) {
    this.#addon = addon
    this.#options = options
  }

  open(): Promise<void> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<void> {
    this.#refuseClosed()
    const { properties, topic, codec, codecOptions, partitioner } = this.#options
    try {
      const config = { properties: { ...properties }, topic, codec, codecOptions, partitioner }
      this.#sink = new this.#addon.Sink(JSON.stringify(config), () => this.#woken())
    } catch (error) {
      throw startFailure(error)
    }
    const { bootstrapServers, connectTimeoutMs } = this.#options
    // The topic, and where it is unknown those that exist behind it.
    const [found, ...others] = await untilKnown(
      () => {
        this.#refuseClosed()
        return readMetadata('toKafka', bootstrapServers, connectTimeoutMs, async () =>
          topicsFromJson(
            await this.#sink!.metadata(connectTimeoutMs).catch((error) => Promise.reject(startFailure(error))),
          ),
        )
      },
      (topics) => topics.slice(0, 1),
    )
    if (found === undefined || isUnknown(found) || found.error !== undefined) {
      const existing = others.map(({ name }) => name)
      throw topicError('toKafka', found ?? { name: topic, partitions: 0 }, bootstrapServers, existing)
    }
  }

  async write(batch: Batch, plan: RecordPlan, onError: 'fail' | 'skip'): Promise<Delivery> {
    this.#refuseClosed()
    const sink = this.#sink
    if (sink === undefined)
      throw new SabotError('CLOSED', `toKafka: the sink of ${this.#options.topic} was not opened.`)
    const rows = batch.selection?.length ?? batch.numRows
    if (rows === 0) return { rows: 0, bytes: 0, errors: [] }
    const id = ++this.#lastId
    return new Promise<Delivery>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      try {
        sink.write(addonWrite(id, batch, plan, onError))
      } catch (error) {
        this.#pending.delete(id)
        const { code, message, cause, where } = fromAddon(error)
        const { topic } = this.#options
        reject(new SabotError(code, `toKafka: ${message}`, { cause, where: { ...where, topic } }))
      }
    })
  }

  /** The addon's sink, for a source that writes to it without us; undefined: it is not open. */
  fuse(): AddonSink | undefined {
    if (this.#closing !== undefined) return undefined
    this.#isFused = this.#sink !== undefined
    return this.#sink
  }

  adopt(write: number): Promise<Delivery> {
    return new Promise<Delivery>((resolve, reject) => {
      const early = this.#early.get(write)
      this.#early.delete(write)
      if (early !== undefined) settle({ resolve, reject }, early)
      else if (this.#closing !== undefined && this.#sink === undefined) reject(this.#closed())
      else this.#pending.set(write, { resolve, reject })
    })
  }

  stats(): SinkStats {
    if (this.#sink === undefined) return this.#lastStats
    const { encodeNanoseconds, deliverNanoseconds } = JSON.parse(this.#sink.stats()) as Record<string, number>
    return { encodeMs: encodeNanoseconds! / 1e6, deliverMs: deliverNanoseconds! / 1e6 }
  }

  close(options: { readonly abort?: boolean } = {}): Promise<void> {
    const abort = options.abort === true
    if (this.#closing === undefined) this.#closing = this.#close(abort)
    // An abort hurries a close that waits for deliveries; the first close says how it went.
    else if (abort) this.#sink?.close(true).catch(() => {})
    return this.#closing
  }

  async #close(abort: boolean): Promise<void> {
    try {
      await this.#sink?.close(abort)
    } catch (error) {
      throw fromAddon(error)
    } finally {
      clearTimeout(this.#pause)
      // What was unfinished comes back as failed first; nobody is left waiting in any case.
      this.#drain()
      this.#lastStats = this.stats()
      this.#sink = undefined
      for (const { reject } of this.#pending.values()) reject(this.#closed())
      this.#pending.clear()
    }
  }

  #closed(): SabotError {
    return new SabotError('CLOSED', `toKafka: the sink of ${this.#options.topic} was closed.`)
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) throw this.#closed()
  }

  #woken(): void {
    if (this.#isFused) this.#pause = setTimeout(() => this.#drain(), FUSED_PAUSE_MS)
    else this.#drain()
  }

  /** Takes every event there is; the addon wakes us again after it gave null. */
  #drain(): void {
    for (;;) {
      const event = this.#sink?.take() ?? null
      if (event === null) return
      if (event.kind === 'log') {
        this.#options.logger[event.level]({ topic: this.#options.topic }, event.message)
        continue
      }
      const pending = this.#pending.get(event.id)
      this.#pending.delete(event.id)
      if (pending !== undefined) settle(pending, event)
      else if (event.id > FIRST_FUSED) this.#early.set(event.id, event)
    }
  }
}

function settle({ resolve, reject }: Pending, event: WriteEvent): void {
  if (event.kind === 'failed') reject(sinkFailure(event))
  else resolve({ rows: event.rows, bytes: event.bytes, errors: event.errors })
}

function sinkFailure(event: Extract<AddonSinkEvent, { kind: 'failed' }>): SabotError {
  const { code, message, retriable, topic, partition, row, offset } = event
  // Which record a row comes of is known to the run; of a fused one its offset alone.
  if (row >= 0) {
    const where = { topic, row, ...(offset !== null && { offset }) }
    return new SabotError(errorCode(code), `toKafka: ${message}`, { retriable, where })
  }
  const place = partition >= 0 ? `${topic}[${partition}]` : topic
  return new SabotError(errorCode(code), `toKafka: ${place}: ${message}`, {
    retriable,
    where: { topic, ...(partition >= 0 && { partition }) },
  })
}

/** What the addon needs of a batch: the columns that the plan names, and which of them is what. */
export function addonWrite(id: number, batch: Batch, plan: RecordPlan, onError: 'fail' | 'skip'): AddonWrite {
  const columns: Column[] = []
  /** The index of a column among those handed over; -1 where the plan has none. */
  const indexOf = (name: string | undefined): number => {
    if (name === undefined) return -1
    const index = columns.findIndex(({ field }) => field.name === name)
    if (index >= 0) return index
    return columns.push(columnNamed(batch, name)) - 1
  }
  const roles = rolesOf(plan, indexOf)
  return {
    id,
    schema: JSON.stringify(fieldsToWire(columns.map(({ field }) => field))),
    ...batchToBuffers({ ...batch, columns }),
    rows: batch.selection,
    rowCount: batch.numRows,
    ...roles,
    onError,
  }
}

/** Which column is which part of a record. `indexOf` gives the place of a name among the columns; -1 for none. */
export function rolesOf(plan: RecordPlan, indexOf: (name: string | undefined) => number): AddonRoles {
  return {
    value: plan.value.kind === 'columns' ? plan.value.names.map(indexOf) : [],
    raw: plan.value.kind === 'bytes' ? indexOf('$value') : -1,
    key: indexOf(plan.key),
    headers: indexOf(plan.headers),
    timestamp: indexOf(plan.timestamp),
    partition: indexOf(plan.partition),
    tombstone: indexOf(plan.tombstone),
  }
}
