/**
 * Where a run's rows go: a Kafka sink, the user's function, a `for await`, or memory. The loop knows no more of
 * them than this.
 */
import { type Batch, batchToRecordBatch, byteSize, type Column, numSelected, type RecordBatch } from '../batch.ts'
import { SabotError } from '../errors.ts'
import type { Delivery, Sink, SinkStats, Source } from '../kafka/backend.ts'
import type { Origin, Output } from './paths.ts'
import { asSabotError, type RowError, type RowErrors } from './policy.ts'
import type { BatchContext, Program } from './program.ts'
import { offsetAt } from './rows.ts'

export interface Outlet {
  /** How much may wait for delivery. */
  readonly window: { readonly batches: number; readonly bytes: number }
  /** True: rows are delivered only when the run has ended well, so positions are committed then and not before. */
  readonly commitAtEnd: boolean
  open(): Promise<void>
  /**
   * What one batch of the source became, one output a sink. Resolves when all rows are delivered; null: they never
   * will be. Batches come in order.
   */
  write(outputs: readonly Output[], origin: Origin): Promise<Pick<Delivery, 'rows' | 'bytes'> | null>
  /** Has the source write to the sink by itself, where no step stands between them. False: these two cannot. */
  fuse?(source: Source, program: Program): boolean
  /** As write(), of what a fused source wrote. */
  adopt?(write: number, origin: Pick<Origin, 'topic' | 'partition'>): Promise<Pick<Delivery, 'rows' | 'bytes'>>
  /** How long its threads were at work; also after close(). Absent: it has none. */
  stats?(): SinkStats
  /** Waits for what was written, or drops it. Idempotent. */
  close(options: { readonly abort: boolean }): Promise<void>
}

const visibleRows = ({ batch, ending }: Output): RecordBatch => batchToRecordBatch(batch, ending.visible(batch))

/** An outlet that is no topic has one output. */
const only = (outputs: readonly Output[]): Output => outputs[0]!

/** What outputs hold in memory: a column that several of them share counts once. */
export const byteSizeOf = (outputs: readonly Output[]): number => {
  const shared = new Set<Column['data']>()
  let bytes = 0
  for (const { batch } of outputs) {
    const columns = batch.columns.filter(({ data }) => !shared.has(data))
    bytes += byteSize({ ...batch, columns })
    for (const { data } of columns) shared.add(data)
  }
  return bytes
}

const MIB = 1024 * 1024

/** The sink knows the row of the batch that it could not encode; which record that comes of is known here. */
const located = (error: unknown, batch: Batch, { topic, partition, position }: Origin): RowError | undefined => {
  const row = error instanceof SabotError ? error.where?.row : undefined
  if (!(error instanceof SabotError) || row === undefined) return undefined
  const { code, message } = error
  const offset = offsetAt(batch, row)
  const place = offset === undefined ? `row ${row} of the batch before offset ${position}: ` : ''
  return { topic, partition, offset, code, message: place + message }
}

/** The same of a fused write, which knows the message itself. */
const locatedByOffset = (
  error: unknown,
  { topic, partition }: Pick<Origin, 'topic' | 'partition'>,
): RowError | undefined => {
  if (!(error instanceof SabotError) || error.where?.row === undefined) return undefined
  const { code, message, where } = error
  return { topic, partition, offset: where.offset, code, message }
}

/**
 * Rows to topics, one sink a path of the plan. Eight batches or 64 MiB are under way at most, over all sinks; reading
 * goes on meanwhile. One sink that fails fails the write: the others' rows of that batch may be there already.
 */
export const kafkaOutlet = (sinks: readonly Sink[], rowErrors: RowErrors): Outlet => ({
  window: { batches: 8, bytes: 64 * MIB },
  commitAtEnd: false,
  async open() {
    await Promise.all(sinks.map((sink) => sink.open()))
  },
  async write(outputs, origin) {
    const deliveries = await Promise.all(
      outputs.map((output) => deliver(sinks[output.ending.sink]!, output, origin, rowErrors)),
    )
    return {
      rows: deliveries.reduce((sum, { rows }) => sum + rows, 0),
      bytes: deliveries.reduce((sum, { bytes }) => sum + bytes, 0),
    }
  },
  stats() {
    const stats = sinks.map((sink) => sink.stats())
    return {
      encodeMs: stats.reduce((sum, { encodeMs }) => sum + encodeMs, 0),
      deliverMs: stats.reduce((sum, { deliverMs }) => sum + deliverMs, 0),
    }
  },
  async close({ abort }) {
    // A sink that can not be closed well must not keep the others from it.
    const closed = await Promise.allSettled(sinks.map((sink) => sink.close({ abort })))
    for (const result of closed) if (result.status === 'rejected') throw result.reason
  },
  fuse: (source, { decode, fused }) =>
    fused !== undefined && (source.fuse?.(sinks[0]!, decode, fused, rowErrors.policy) ?? false),
  async adopt(write, origin) {
    const { topic, partition } = origin
    const delivery = await sinks[0]!.adopt!(write).catch((error) => {
      const row = locatedByOffset(error, origin)
      if (row !== undefined) rowErrors.report(row)
      throw error
    })
    for (const { offset, code, message } of delivery.errors) {
      rowErrors.report({ topic, partition, offset, code, message })
    }
    return delivery
  },
})

const deliver = async (
  sink: Sink,
  { batch, ending }: Output,
  origin: Origin,
  rowErrors: RowErrors,
): Promise<Delivery> => {
  const { topic, partition } = origin
  const delivery = await sink.write(batch, ending.record(batch), rowErrors.policy).catch((error) => {
    const row = located(error, batch, origin)
    if (row !== undefined) rowErrors.report(row)
    throw error
  })
  for (const { row, code, message } of delivery.errors) {
    rowErrors.report({ topic, partition, offset: offsetAt(batch, row), code, message })
  }
  return delivery
}

/** Rows to a function, one batch at a time; delivered when it has returned. */
export const functionOutlet = (receive: (batch: RecordBatch, context: BatchContext) => unknown): Outlet => ({
  window: { batches: 1, bytes: Number.POSITIVE_INFINITY },
  commitAtEnd: false,
  async open() {},
  async write(outputs, { topic, partition, position }) {
    const rows = numSelected(only(outputs).batch)
    const columns = visibleRows(only(outputs))
    try {
      await receive(columns, { topic, partition, position })
    } catch (error) {
      if (error instanceof SabotError) throw error
      const cause = asSabotError(error, 'STEP')
      throw new SabotError('STEP', `forEachBatch: ${topic}[${partition}] before offset ${position}: ${cause.message}`, {
        cause: error,
        where: { topic, partition, step: 'forEachBatch' },
      })
    }
    return { rows, bytes: 0 }
  },
  async close() {},
})

/** Rows into memory. A run that fails has delivered nothing. */
export const collectOutlet = (batches: RecordBatch[]): Outlet => ({
  window: { batches: 8, bytes: Number.POSITIVE_INFINITY },
  commitAtEnd: true,
  async open() {},
  async write(outputs) {
    batches.push(visibleRows(only(outputs)))
    return { rows: numSelected(only(outputs).batch), bytes: 0 }
  },
  async close() {},
})

/**
 * Rows to a `for await`. A batch is delivered when the consumer asks for the next one; the batch in hand when it
 * breaks out, or throws, is not: which of the two it was can not be told from here.
 */
export class IterationOutlet implements Outlet {
  readonly window = { batches: 1, bytes: Number.POSITIVE_INFINITY }
  readonly commitAtEnd = false
  #offered: { readonly batch: RecordBatch; readonly settle: (taken: boolean) => void } | undefined
  #inHand: ((taken: boolean) => void) | undefined
  #wanted: (() => void) | undefined
  #ended = false

  async open(): Promise<void> {}

  async write(outputs: readonly Output[]): Promise<{ rows: number; bytes: number } | null> {
    if (this.#ended) return null
    const columns = visibleRows(only(outputs))
    const taken = await new Promise<boolean>((settle) => {
      this.#offered = { batch: columns, settle }
      this.#wanted?.()
    })
    return taken ? { rows: numSelected(only(outputs).batch), bytes: 0 } : null
  }

  /** The next batch; undefined: there is none any more. */
  async take(): Promise<RecordBatch | undefined> {
    this.#inHand?.(true)
    this.#inHand = undefined
    while (this.#offered === undefined) {
      if (this.#ended) return undefined
      await new Promise<void>((resolve) => {
        this.#wanted = resolve
      })
    }
    const { batch, settle } = this.#offered
    this.#offered = undefined
    this.#inHand = settle
    return batch
  }

  /** The consumer has gone: what it did not ask past is not delivered. */
  end(): void {
    this.#ended = true
    this.#inHand?.(false)
    this.#offered?.settle(false)
    this.#inHand = undefined
    this.#offered = undefined
    this.#wanted?.()
  }

  async close(): Promise<void> {
    this.end()
  }
}
