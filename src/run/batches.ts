/** A Source of record batches that the user's program makes. They have no message columns and nothing to commit. */
import type { Table } from '../batch/table.ts'
import { type Batch, batchFromRecordBatch, type RecordBatch } from '../batch.ts'
import { describe, SabotError } from '../errors.ts'
import type { DecodePlan, Source, SourceEvent, SourceStats } from '../kafka/backend.ts'
import type { Field } from '../schema.ts'
import { asSabotError } from './policy.ts'

/** What a stream of batches is made of. */
export type Batches = Table | RecordBatch | Iterable<RecordBatch | Table> | AsyncIterable<RecordBatch | Table>

type Incoming = Iterator<RecordBatch | Table> | AsyncIterator<RecordBatch | Table>

const isTable = (value: object): value is Table => 'batches' in value && 'schema' in value
const isRecordBatch = (value: object): value is RecordBatch => 'schema' in value && 'numRows' in value

/** Iterators that are their own iterable give their batches once. */
const used = new WeakSet<object>()

/** Throws CONFIG where no batches can come of it. */
export const checkBatches = (given: unknown): void => {
  const fits =
    typeof given === 'object' &&
    given !== null &&
    (isTable(given) || isRecordBatch(given) || Symbol.iterator in given || Symbol.asyncIterator in given)
  if (!fits) {
    throw new SabotError(
      'CONFIG',
      `fromBatches: expected an Arrow table or an (async) iterable of record batches; got ${describe(given)}.`,
    )
  }
}

/** What the user's iterable threw, as an error that says so; one of Sabot's keeps its code. */
const thrownBy = (error: unknown, when: string): SabotError => {
  const { code, message, retriable } = asSabotError(error, 'STEP')
  const where = { step: 'fromBatches' }
  return new SabotError(code, `fromBatches: the iterable threw ${when}: ${message}`, { cause: error, retriable, where })
}

const iterate = (given: Batches): Incoming => {
  if (isTable(given)) return given.batches[Symbol.iterator]()
  if (isRecordBatch(given)) return [given][Symbol.iterator]()
  let iterator: Incoming
  try {
    iterator = Symbol.asyncIterator in given ? given[Symbol.asyncIterator]() : given[Symbol.iterator]()
  } catch (error) {
    throw thrownBy(error, 'as its iterator was asked for')
  }
  if ((iterator as object) === given) {
    if (used.has(given)) {
      throw new SabotError(
        'CLOSED',
        'fromBatches: these batches come from an iterator that an earlier run has used. Give an array, or a new one.',
      )
    }
    used.add(given)
  }
  return iterator
}

export class BatchesSource implements Source {
  readonly #given: Batches
  readonly #title: string
  #iterator: Incoming | undefined
  #opening: Promise<readonly Field[]> | undefined
  /** Batches of a table that was handed over, and the first batch, which told the columns. */
  #waiting: Batch[] = []
  #fields: readonly Field[] | undefined
  #names: ReadonlySet<string> = new Set()
  #rows = 0n
  #batches = 0
  readonly #closed = Promise.withResolvers<void>()
  #isClosed = false

  /** `fields`: the schema that was given; every batch must have these columns. */
  constructor(given: Batches, title: string, fields: readonly Field[] | undefined) {
    this.#given = given
    this.#title = title
    this.#fields = fields
  }

  open(): Promise<readonly Field[]> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<readonly Field[]> {
    this.#iterator = iterate(this.#given)
    await this.#pull()
    return this.#fields ?? []
  }

  start(plan: DecodePlan): void {
    this.#names = new Set(plan.columns.map(({ field }) => field.name))
  }

  async next(): Promise<SourceEvent> {
    const more = this.#waiting.length > 0 || (await Promise.race([this.#pull(), this.#closed.promise]))
    if (this.#isClosed) throw new SabotError('CLOSED', 'fromBatches: the run has ended.')
    if (more !== true) {
      if (!this.#ended) {
        this.#ended = true
        return { kind: 'end' }
      }
      await this.#closed.promise
      throw new SabotError('CLOSED', 'fromBatches: the run has ended.')
    }
    const batch = this.#waiting.shift()!
    this.#rows += BigInt(batch.numRows)
    return {
      kind: 'batch',
      batch: { ...batch, columns: batch.columns.filter(({ field }) => this.#names.has(field.name)) },
      position: { topic: this.#title, partition: 0, offset: this.#rows, epoch: 0 },
      messages: batch.numRows,
      bytes: 0,
      errors: [],
    }
  }

  #ended = false

  /** false: there are no more. */
  async #pull(): Promise<boolean> {
    while (this.#waiting.length === 0) {
      const { done, value } = await this.#nextOf(this.#iterator!)
      if (done === true) return false
      if (typeof value !== 'object' || value === null || !(isTable(value) || isRecordBatch(value))) {
        throw new SabotError(
          'CONFIG',
          `fromBatches: expected Arrow record batches; batch ${this.#batches + 1} is ${describe(value)}.`,
        )
      }
      for (const batch of isTable(value) ? value.batches : [value]) this.#add(batchFromRecordBatch(batch, this.#fields))
    }
    return true
  }

  async #nextOf(iterator: Incoming): Promise<IteratorResult<RecordBatch | Table>> {
    try {
      return await iterator.next()
    } catch (error) {
      throw thrownBy(error, `as batch ${this.#batches + 1} was asked for`)
    }
  }

  #add(batch: Batch): void {
    this.#batches++
    this.#fields ??= batch.columns.map(({ field }) => field)
    this.#waiting.push(batch)
  }

  async commit(): Promise<void> {}

  revoked(): void {}

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#closed.resolve()
    // A generator that waits for something answers return() only after that; nobody needs the answer.
    try {
      const returned = this.#iterator?.return?.()
      if (returned instanceof Promise) returned.catch(() => {})
    } catch (error) {
      throw thrownBy(error, 'as it was told that no more is read')
    }
  }

  stats(): SourceStats {
    return { messages: Number(this.#rows), bytes: 0, queuedBytes: 0, pollMs: 0, decodeMs: 0, lag: [] }
  }
}
