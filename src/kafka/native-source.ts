/**
 * A Source on the addon. Everything here runs on the JavaScript thread; the addon's poll and decode threads put
 * events into its queue, and `wake` is called on this thread when there is one after take() gave null. So nothing
 * polls: between two events this thread is free.
 */

import { availableParallelism } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { type Batch, batchFromSlab } from '../batch.ts'
import { Condition } from '../condition.ts'
import { errorCode, SabotError } from '../errors.ts'
import { type Field, fieldsFromWire, typeToWire } from '../schema.ts'
import type {
  Addon,
  AddonFusedSpec,
  AddonSlab,
  AddonSource,
  AddonSourceConfig,
  AddonSourceEvent,
  AddonSourceStats,
} from './addon.ts'
import type {
  DecodePlan,
  MessageColumn,
  NativeProgram,
  Position,
  ProgramStep,
  RecordPlan,
  Sink,
  Source,
  SourceEvent,
  SourceOptions,
  SourceStats,
} from './backend.ts'
import { startFailure } from './load.ts'
import { fromAddon, readMetadata, topicsFromJson } from './metadata.ts'
import { FUSED_PAUSE_MS, NativeSink, rolesOf } from './native-sink.ts'
import { planFields } from './plan-fields.ts'
import { type AskTopics, resolveTopics, topicText, watchTopics, without } from './topics.ts'

type AddonBatch = Extract<AddonSourceEvent, { kind: 'batch' }>

/** JSON of a program: types in the wire form. */
export function programToWire({ steps, output }: NativeProgram): unknown {
  const wire = (step: ProgramStep) => (step.kind === 'filter' ? step : { ...step, type: typeToWire(step.type) })
  return { steps: steps.map(wire), output }
}

/**
 * What the rows are at the sink. Where every message becomes a record of its own parts alone, no columns are built. Where
 * a filter leaves messages out, copying the others into columns costs less than keeping them: 0.91 against 1.23 us of CPU
 * a message where half of 210 bytes each pass (2-core AMD EPYC). So no message is passed then.
 */
export function fusedSpec(decode: DecodePlan, record: RecordPlan, onError: 'fail' | 'skip'): AddonFusedSpec {
  const own = (part: string | undefined, name: MessageColumn): boolean => part === undefined || part === name
  if (
    record.value.kind === 'bytes' &&
    decode.predicate === undefined &&
    decode.program === undefined &&
    own(record.key, '$key') &&
    own(record.headers, '$headers') &&
    own(record.timestamp, '$timestamp') &&
    own(record.partition, '$partition') &&
    record.tombstone === undefined
  ) {
    const { key, headers, timestamp, partition } = record
    const has = (part: string | undefined): boolean => part !== undefined
    const passed = { key: has(key), headers: has(headers), timestamp: has(timestamp), partition: has(partition) }
    return { passed, roles: null, onError }
  }
  const names = planFields(decode).map(({ name }) => name)
  const indexOf = (name: string | undefined): number => (name === undefined ? -1 : names.indexOf(name))
  return { passed: null, roles: { ...rolesOf(record, indexOf), offset: indexOf('$offset') }, onError }
}

export class NativeSource implements Source {
  readonly programs = true
  readonly #addon: Addon
  readonly #options: SourceOptions
  #source: AddonSource | undefined
  #fields: readonly Field[] = []
  #empty: Batch | undefined
  /** Events that came while open() waited for the schema. */
  #early: SourceEvent[] = []
  readonly #changed = new Condition()
  #failure: SabotError | undefined
  #isFused = false
  #opening: Promise<readonly Field[]> | undefined
  #closing: Promise<void> | undefined
  #unwatch: (() => void) | undefined

  constructor(addon: Addon, options: SourceOptions) {
    this.#addon = addon
    this.#options = options
  }

  open(): Promise<readonly Field[]> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<readonly Field[]> {
    this.#refuseClosed()
    try {
      this.#source = new this.#addon.Source(JSON.stringify(sourceConfig(this.#options)), () => this.#changed.notify())
    } catch (error) {
      throw startFailure(error)
    }
    const topics = await resolveTopics(this.#options, this.#metadata)
    this.#refuseClosed()
    try {
      if (topics.length > 0) this.#source.subscribe(topics)
    } catch (error) {
      throw startFailure(error)
    }
    if (this.#options.topic instanceof RegExp) {
      this.#unwatch = watchTopics(this.#options, topics, this.#metadata, (names) => this.#opened().subscribe(names))
    }
    return this.#options.infer ? this.#waitForSchema() : []
  }

  fuse(sink: Sink, decode: DecodePlan, record: RecordPlan, onError: 'fail' | 'skip'): boolean {
    const handle = sink instanceof NativeSink ? sink.fuse() : undefined
    if (handle === undefined) return false
    try {
      this.#opened().fuse(handle, JSON.stringify(fusedSpec(decode, record, onError)))
    } catch (error) {
      throw startFailure(error)
    }
    this.#isFused = true
    return true
  }

  halt(): void {
    // After close() nothing is written any more.
    if (this.#closing === undefined) this.#source?.halt()
  }

  start(plan: DecodePlan): void {
    this.#fields = planFields(plan)
    this.#empty = undefined
    const spec = {
      codec: plan.codec,
      columns: plan.columns.map(({ field, emit }) => ({ name: field.name, type: typeToWire(field.type), emit })),
      predicate: plan.predicate ?? null,
      message: plan.message,
      program: plan.program === undefined ? null : programToWire(plan.program),
      keyType: typeof plan.keyType === 'string' ? plan.keyType : { json: typeToWire(plan.keyType.json) },
      maxDepth: plan.maxDepth,
    }
    try {
      this.#opened().decode(JSON.stringify(spec))
    } catch (error) {
      throw startFailure(error)
    }
  }

  async next(): Promise<SourceEvent> {
    for (;;) {
      this.#refuseClosed()
      const early = this.#early.shift()
      if (early !== undefined) return early
      const event = await this.#take()
      if (event.kind === 'schema') continue
      return event.kind === 'batch' ? this.#batchEvent(event) : event
    }
  }

  async commit(positions: readonly Position[]): Promise<void> {
    this.#refuseClosed()
    const json = positions.map(({ topic, partition, offset, epoch }) => ({
      topic,
      partition,
      offset: String(offset),
      epoch,
    }))
    try {
      await this.#opened().commit(JSON.stringify(json))
    } catch (error) {
      throw fromAddon(error)
    }
  }

  revoked(token: number): void {
    // After close() there is no rebalance left that waits for an answer.
    if (this.#closing === undefined) this.#source?.revoked(token)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    this.#changed.notify()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#unwatch?.()
    try {
      await this.#source?.close()
    } catch (error) {
      throw fromAddon(error)
    } finally {
      this.#changed.notify()
    }
  }

  stats(): SourceStats {
    if (this.#source === undefined) {
      return { messages: 0, bytes: 0, queuedBytes: 0, pollMs: 0, decodeMs: 0, lag: [] }
    }
    const { pollNanoseconds, decodeNanoseconds, ...stats } = JSON.parse(this.#source.stats()) as AddonSourceStats
    return {
      ...stats,
      pollMs: pollNanoseconds / 1e6,
      decodeMs: decodeNanoseconds / 1e6,
      lag: stats.lag.map((lag) => ({ ...lag, messages: BigInt(lag.messages) })),
    }
  }

  /** The next event that is not a line of the log; throws where the source has failed or was closed. */
  async #take(): Promise<Exclude<AddonSourceEvent, { kind: 'log' | 'error' }>> {
    for (;;) {
      this.#refuseClosed()
      const event = this.#opened().take()
      if (event === null) {
        // wake() comes from a later turn of the event loop, so none is lost between take() and here.
        await this.#changed.wait()
        if (this.#isFused) await setTimeout(FUSED_PAUSE_MS)
      } else if (event.kind === 'log') {
        this.#options.logger[event.level]({ topic: topicText(this.#options.topic) }, event.message)
      } else if (event.kind === 'error') {
        this.#failure = sourceFailure(event)
      } else {
        return event
      }
    }
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) {
      throw new SabotError('CLOSED', `fromKafka: the source of ${topicText(this.#options.topic)} was closed.`)
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  #opened(): AddonSource {
    if (this.#source === undefined) throw new SabotError('CLOSED', 'fromKafka: the source was not opened.')
    return this.#source
  }

  #batchEvent(event: AddonBatch): SourceEvent {
    const { topic, partition, epoch, nextOffset, messages, bytes, errors, write, rows } = event
    return {
      kind: 'batch',
      batch: event.slab === null ? this.#emptyBatch() : batchFromSlab(this.#fields, event.slab),
      position: { topic, partition, offset: nextOffset, epoch },
      messages,
      bytes,
      errors,
      ...(write !== null && { write: { id: write, rows } }),
    }
  }

  #emptyBatch(): Batch {
    this.#empty ??= batchFromSlab(this.#fields, emptySlab(this.#fields))
    return this.#empty
  }

  /** Waits for the inferred schema. What else comes meanwhile is for next(). */
  async #waitForSchema(): Promise<readonly Field[]> {
    for (;;) {
      const event = await this.#take()
      if (event.kind === 'schema') return fieldsFromWire(event.schema)
      if (event.kind === 'batch') this.#early.push(this.#batchEvent(event))
      else if (event.kind === 'revoked') {
        // No row of these partitions was handed over, so there is nothing to finish: the group need not wait.
        this.#opened().revoked(event.token)
        this.#early = this.#early.flatMap((early) => without(early, event.partitions))
      } else this.#early.push(event)
    }
  }

  // ---- topics

  readonly #metadata: AskTopics = async (topics) => {
    this.#refuseClosed()
    const { bootstrapServers, connectTimeoutMs } = this.#options
    return readMetadata('fromKafka', bootstrapServers, connectTimeoutMs, async () =>
      topicsFromJson(
        await this.#opened()
          .metadata(topics, connectTimeoutMs)
          .catch((error) => Promise.reject(startFailure(error))),
      ),
    )
  }
}

function sourceConfig(options: SourceOptions): AddonSourceConfig {
  const { from, until, batch } = options
  return {
    properties: { ...options.properties },
    mode: options.groupId === undefined ? 'assign' : 'group',
    from: typeof from === 'string' ? from : 'timestamp' in from ? { timestamp: Number(from.timestamp) } : offsets(from),
    until: until === undefined || until === 'end' ? (until ?? null) : { timestamp: Number(until.timestamp) },
    parallelism: options.parallelism ?? availableParallelism(),
    ...batch,
    maxDepth: options.maxDepth,
    metadataRefreshMs: options.metadataRefreshMs,
    infer: options.infer,
  }
}

function offsets(from: { readonly offsets: Readonly<Record<string, Readonly<Record<number, number | bigint>>>> }) {
  const text = (partitions: Readonly<Record<number, number | bigint>>) =>
    Object.fromEntries(Object.entries(partitions).map(([partition, offset]) => [partition, String(offset)]))
  return {
    offsets: Object.fromEntries(Object.entries(from.offsets).map(([topic, partitions]) => [topic, text(partitions)])),
  }
}

function sourceFailure(event: Extract<AddonSourceEvent, { kind: 'error' }>): SabotError {
  const { code, message, retriable, topic, partition } = event
  return new SabotError(errorCode(code), `fromKafka: ${message}`, {
    retriable,
    where: { ...(topic !== undefined && { topic }), ...(partition !== undefined && partition >= 0 && { partition }) },
  })
}

function emptySlab(fields: readonly Field[]): AddonSlab {
  const nodes = (type: Field['type']): number =>
    type.kind === 'list'
      ? 1 + nodes(type.item)
      : type.kind === 'struct'
        ? 1 + type.fields.reduce((sum, field) => sum + nodes(field.type), 0)
        : 1
  const count = fields.reduce((sum, field) => sum + nodes(field.type), 0)
  return { rows: 0, buffer: new ArrayBuffer(0), layout: new Float64Array(8 * count) }
}
