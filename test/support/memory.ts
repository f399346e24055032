/**
 * A broker in memory behind the Backend seam: topics are arrays of records, values are JSON text. It decodes as a plan
 * says, answers pushed-down predicates, and lets a test hold deliveries, refuse them, and move partitions.
 */
import { type Batch, numSelected } from '../../src/batch.ts'
import { SabotError } from '../../src/errors.ts'
import type {
  Backend,
  DecodePlan,
  Delivery,
  Position,
  RecordPlan,
  Sink,
  SinkOptions,
  SinkStats,
  Source,
  SourceEvent,
  SourceOptions,
  SourceStats,
  TopicPartition,
} from '../../src/kafka/backend.ts'
import { offsetAt } from '../../src/run/rows.ts'
import type { Field } from '../../src/schema.ts'
import { decode, encode, inferFields, type MemoryRecord, parse } from './memory-rows.ts'

export type { MemoryRecord }

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

export class MemoryBroker {
  readonly name = 'native' as const
  /** Sources write to sinks by themselves, where a plan lets them. */
  fuses = false
  readonly topics = new Map<string, MemoryRecord[][]>()
  /** What the group has committed, by "topic/partition". */
  readonly committed = new Map<string, bigint>()
  /** Every commit, in order. */
  readonly commits: (readonly Position[])[] = []
  readonly sources: MemorySource[] = []
  readonly sinks: MemorySink[] = []
  /** Under which options the last source and sink were made. */
  sourceOptions: SourceOptions | undefined
  sinkOptions: SinkOptions | undefined
  /** Whether its sources run native programs: on the kernels of src/expr. */
  programs = true
  /** Called before a sink's delivery; a test holds or refuses it. */
  beforeDelivery: (records: readonly MemoryRecord[]) => Promise<void> | void = () => {}
  beforeCommit: (positions: readonly Position[]) => Promise<void> | void = () => {}

  /** Holds every delivery from now on; each is released or rejected by itself, in any order. */
  holdDeliveries() {
    const waiting: {
      readonly records: readonly MemoryRecord[]
      readonly release: () => void
      reject(e: Error): void
    }[] = []
    this.beforeDelivery = (records) =>
      new Promise((resolve, reject) => waiting.push({ records, release: () => resolve(), reject }))
    return waiting
  }

  create(topic: string, partitions = 1): this {
    this.topics.set(
      topic,
      Array.from({ length: partitions }, () => []),
    )
    return this
  }

  produce(topic: string, partition: number, ...values: readonly (unknown | Partial<MemoryRecord>)[]): this {
    for (const value of values) {
      this.topics.get(topic)![partition]!.push({
        key: null,
        value: JSON.stringify(value),
        headers: [],
        timestamp: 1_700_000_000_000,
      })
    }
    for (const source of this.sources) source.wake()
    return this
  }

  send(topic: string, partition: number, record: Partial<MemoryRecord>): this {
    this.topics.get(topic)![partition]!.push({
      key: null,
      value: null,
      headers: [],
      timestamp: 1_700_000_000_000,
      ...record,
    })
    for (const source of this.sources) source.wake()
    return this
  }

  records(topic: string): MemoryRecord[] {
    return this.topics.get(topic)!.flat()
  }

  /** The parsed values of a topic. */
  values(topic: string): unknown[] {
    return this.records(topic).map(({ value }) => (value === null ? null : JSON.parse(value)))
  }

  backend(): Backend {
    return {
      name: this.name,
      source: (options) => {
        this.sourceOptions = options
        const source = new MemorySource(this, options)
        this.sources.push(source)
        return source
      },
      sink: (options) => {
        this.sinkOptions = options
        const sink = new MemorySink(this, options)
        this.sinks.push(sink)
        return sink
      },
    }
  }
}

interface Reading {
  readonly topic: string
  readonly partition: number
  readonly end: number | undefined
  epoch: number
  offset: number
}

const noRows = (batch: Batch): Batch => ({ ...batch, selection: new Uint32Array(0) })

export class MemorySource implements Source {
  readonly broker: MemoryBroker
  readonly options: SourceOptions
  plan: DecodePlan | undefined
  closed = false
  fused: { readonly sink: MemorySink; readonly record: RecordPlan; readonly onError: 'fail' | 'skip' } | undefined
  #halted = false
  #told = false
  readonly answered: number[] = []
  readonly #readings = new Map<string, Reading>()
  readonly #control: SourceEvent[] = []
  #waiting: (() => void)[] = []
  #failure: SabotError | undefined
  #turn = 0
  #epoch = 1
  #token = 0
  #ended = false
  #messages = 0

  constructor(broker: MemoryBroker, options: SourceOptions) {
    this.broker = broker
    this.options = options
  }

  get programs(): boolean {
    return this.broker.programs
  }

  async open(): Promise<readonly Field[]> {
    const names = [this.options.topic].flat() as string[]
    const partitions = names.flatMap((topic) => {
      const found = this.broker.topics.get(topic)
      if (found === undefined) throw new SabotError('UNKNOWN_TOPIC', `there is no topic ${topic}`)
      return found.map((_, partition) => ({ topic, partition }))
    })
    this.assign(...partitions)
    if (!this.options.infer) return []
    for (;;) {
      this.#check()
      const rows = [...this.#readings.values()].flatMap(({ topic, partition }) => this.#log(topic, partition))
      const parsed = rows.map(({ value }) => parse(value)).filter((row) => row !== undefined)
      if (parsed.length > 0 || this.options.until === 'end') return inferFields(parsed)
      await this.#change()
    }
  }

  fuse(sink: Sink, _decode: DecodePlan, record: RecordPlan, onError: 'fail' | 'skip'): boolean {
    if (!this.broker.fuses || !(sink instanceof MemorySink)) return false
    this.fused = { sink, record, onError }
    return true
  }

  halt(): void {
    this.#halted = true
    if (this.#told) return
    this.#told = true
    this.#control.push({ kind: 'halted' })
    this.wake()
  }

  start(plan: DecodePlan): void {
    this.plan = plan
  }

  async next(): Promise<SourceEvent> {
    for (;;) {
      this.#check()
      const event = this.#control.shift() ?? this.#read()
      if (event !== undefined) return event
      const readings = [...this.#readings.values()]
      if (this.options.until === 'end' && !this.#ended && readings.every(({ offset, end }) => offset >= end!)) {
        this.#ended = true
        return { kind: 'end' }
      }
      await this.#change()
    }
  }

  async commit(positions: readonly Position[]): Promise<void> {
    await this.broker.beforeCommit(positions)
    this.#check()
    const current = positions.filter((p) => this.#readings.get(keyOf(p))?.epoch === p.epoch || this.#pending(p))
    this.broker.commits.push(current)
    for (const position of current) this.broker.committed.set(keyOf(position), position.offset)
  }

  /** Partitions that are being taken away may be committed until the run has answered. */
  readonly #revoking = new Map<number, readonly Position[]>()
  #pending(position: Position): boolean {
    return [...this.#revoking.values()].flat().some((p) => keyOf(p) === keyOf(position) && p.epoch === position.epoch)
  }

  revoked(token: number): void {
    this.answered.push(token)
    this.#revoking.delete(token)
  }

  async close(): Promise<void> {
    this.closed = true
    this.wake()
  }

  stats(): SourceStats {
    return { messages: this.#messages, bytes: 0, queuedBytes: 0, pollMs: 0, decodeMs: 0, lag: [] }
  }

  // ---- what a test does to it

  /** Gives partitions to this member; reading begins at what was committed. */
  assign(...partitions: readonly TopicPartition[]): void {
    const epoch = this.#epoch++
    for (const { topic, partition } of partitions) {
      const log = this.#log(topic, partition)
      const from = Number(this.broker.committed.get(keyOf({ topic, partition })) ?? 0n)
      const end = this.options.until === 'end' ? log.length : undefined
      this.#readings.set(keyOf({ topic, partition }), { topic, partition, end, epoch, offset: from })
    }
    this.#control.push({ kind: 'assigned', partitions: partitions.map((p) => ({ ...p, epoch })) })
    this.wake()
  }

  /** Takes partitions away; resolves with the token when the run has answered. */
  revoke(lost: boolean, ...partitions: readonly TopicPartition[]): number {
    const token = ++this.#token
    const taken: Position[] = []
    for (const partition of partitions) {
      const reading = this.#readings.get(keyOf(partition))
      if (reading !== undefined) taken.push({ ...partition, epoch: reading.epoch, offset: 0n })
      this.#readings.delete(keyOf(partition))
    }
    if (!lost) this.#revoking.set(token, taken)
    this.#control.push({ kind: 'revoked', token, lost, partitions })
    this.wake()
    return token
  }

  fail(error: SabotError): void {
    this.#failure = error
    this.wake()
  }

  wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }

  #check(): void {
    if (this.closed) throw new SabotError('CLOSED', 'the source was closed')
    if (this.#failure !== undefined) throw this.#failure
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** As a decode worker would, in the turn in which the batch is taken. */
  #write(batch: Batch, bad: boolean): { batch: Batch; write?: { id: number; rows: number } } {
    const { sink, record, onError } = this.fused!
    if (bad && onError === 'fail') this.#halted = true
    if (this.#halted || batch.numRows === 0) return { batch: noRows(batch) }
    return { batch: noRows(batch), write: { id: sink.begin(batch, record, onError), rows: numSelected(batch) } }
  }

  #log(topic: string, partition: number): readonly MemoryRecord[] {
    return this.broker.topics.get(topic)![partition]!
  }

  #read(): SourceEvent | undefined {
    if (this.#halted) return undefined
    const readings = [...this.#readings.values()]
    for (let i = 0; i < readings.length; i++) {
      const reading = readings[(this.#turn + i) % readings.length]!
      const { topic, partition, offset, epoch } = reading
      const end = Math.min(
        reading.end ?? Number.POSITIVE_INFINITY,
        this.#log(topic, partition).length,
        offset + this.options.batch.maxRows,
      )
      if (offset >= end) continue
      this.#turn = (this.#turn + i + 1) % readings.length
      reading.offset = end
      const records = this.#log(topic, partition).slice(offset, end)
      this.#messages += records.length
      const { batch, errors } = decode(this.plan!, topic, partition, offset, records)
      const written = this.fused && this.#write(batch, errors.length > 0)
      return {
        kind: 'batch',
        ...(written ?? { batch }),
        position: { topic, partition, offset: BigInt(end), epoch },
        messages: records.length,
        bytes: records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0),
        errors,
      }
    }
    return undefined
  }
}

let lastWrite = 2 ** 40

export class MemorySink implements Sink {
  readonly broker: MemoryBroker
  readonly options: SinkOptions
  readonly plans: RecordPlan[] = []
  opened = false
  closed: 'no' | 'flushed' | 'aborted' = 'no'
  readonly #aborted = Promise.withResolvers<never>()
  readonly #pending = new Set<Promise<unknown>>()
  #last: Promise<unknown> = Promise.resolve()

  constructor(broker: MemoryBroker, options: SinkOptions) {
    this.broker = broker
    this.options = options
    this.#aborted.promise.catch(() => {})
  }

  async open(): Promise<void> {
    if (!this.broker.topics.has(this.options.topic)) {
      throw new SabotError('UNKNOWN_TOPIC', `toKafka: there is no topic ${this.options.topic}`)
    }
    this.opened = true
  }

  readonly #fused = new Map<number, Promise<Delivery>>()

  /** A fused source's. */
  begin(batch: Batch, plan: RecordPlan, onError: 'fail' | 'skip'): number {
    const id = ++lastWrite
    const delivery = this.write(batch, plan, onError).then(
      (done) => ({ ...done, errors: done.errors.map((error) => ({ ...error, offset: offsetAt(batch, error.row)! })) }),
      (error: SabotError) => {
        const row = error.where?.row
        if (row === undefined) throw error
        throw new SabotError(error.code, error.message, { where: { row, offset: offsetAt(batch, row)! } })
      },
    )
    delivery.catch(() => {})
    this.#fused.set(id, delivery)
    return id
  }

  adopt(write: number): Promise<Delivery> {
    const delivery = this.#fused.get(write)
    if (!this.#fused.delete(write)) throw new Error(`write ${write} was adopted before, or never began`)
    return delivery!
  }

  write(batch: Batch, plan: RecordPlan, onError: 'fail' | 'skip'): Promise<Delivery> {
    this.plans.push(plan)
    const work = this.#write(batch, plan, onError)
    this.#pending.add(work)
    work.finally(() => this.#pending.delete(work)).catch(() => {})
    return Promise.race([work, this.#aborted.promise])
  }

  async #write(batch: Batch, plan: RecordPlan, onError: 'fail' | 'skip'): Promise<Delivery> {
    if (this.closed !== 'no') throw new SabotError('CLOSED', 'toKafka: the sink was closed')
    const { records, errors } = encode(batch, plan)
    if (onError === 'fail' && errors.length > 0) {
      throw new SabotError('ENCODE', `toKafka: ${errors[0]!.message}`, { where: { row: errors[0]!.row } })
    }
    // Acknowledgements come in any order; records lie in the topic in the order of the calls.
    const before = this.#last
    const appended = before.then(async () => {
      for (const { partition, ...record } of records) {
        const topic = this.broker.topics.get(this.options.topic)!
        topic[partition ?? hash(record.key) % topic.length]!.push(record)
      }
    })
    this.#last = appended
    await this.broker.beforeDelivery(records)
    await appended
    if (this.#isAborted()) throw new SabotError('CLOSED', 'toKafka: the sink was closed')
    return { rows: records.length, bytes: records.reduce((sum, r) => sum + (r.value?.length ?? 0), 0), errors }
  }

  stats(): SinkStats {
    return { encodeMs: 0, deliverMs: 0 }
  }

  #isAborted(): boolean {
    return this.closed === 'aborted'
  }

  async close(options: { readonly abort?: boolean } = {}): Promise<void> {
    if (this.closed !== 'no') return
    if (options.abort === true) {
      this.closed = 'aborted'
      this.#aborted.reject(new SabotError('CLOSED', 'toKafka: the sink was closed'))
      return
    }
    await Promise.all(this.#pending)
    this.closed = 'flushed'
  }
}

const hash = (key: string | null): number => [...(key ?? '')].reduce((sum, char) => sum + char.charCodeAt(0), 0)
