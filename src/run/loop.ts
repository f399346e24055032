/**
 * The loop: poll -> steps -> deliver -> commit. Runs on the JavaScript thread. Three things go on at once:
 *
 *   reader   takes the source's events, answers rebalances, feeds the inbox (two batches)
 *   worker   takes batches from the inbox in order, runs the steps, hands the rows for each sink to the outlet
 *   outlet   delivers up to a window of batches; each delivery moves the committable position
 *
 * In a fused run the source writes to the sink itself. The reader then adopts the writes, whose batches have no rows
 * here, and there is neither inbox nor worker; the source's own budget is the window. A run that ends halts the source
 * first, and adopts what had begun.
 *
 * A revocation, as it happens: the reader closes the partitions, takes their waiting batches out of the inbox, and
 * leaves the rest to a task of its own: wait until the batch in the steps and those at the outlet are delivered,
 * commit, answer the source. Meanwhile the reader goes on. The task never waits for the reader, and the worker never
 * waits for the task, so a slow step only delays the answer by itself. The partition's late batches, still in the
 * source's queue, carry an epoch that is no longer accepted and are left.
 */

import { numSelected } from '../batch.ts'
import { Condition } from '../condition.ts'
import { SabotError } from '../errors.ts'
import type { Source, SourceEvent, SourceStats, TopicPartition } from '../kafka/backend.ts'
import type { Logger } from '../logger.ts'
import type { Counters, RunMetrics } from '../metrics.ts'
import type { OffsetStore } from '../offsets/store.ts'
import { Commits } from './commits.ts'
import { Inbox } from './inbox.ts'
import { byteSizeOf, type Outlet } from './outlets.ts'
import type { Origin, Output } from './paths.ts'
import { asSabotError, type RowErrors } from './policy.ts'
import { Positions, type Ticket } from './positions.ts'
import type { Prepare, Program } from './program.ts'
import { turn, within } from './waits.ts'

type BatchEvent = Extract<SourceEvent, { kind: 'batch' }>
type RevokedEvent = Extract<SourceEvent, { kind: 'revoked' }>

export interface LoopParts {
  readonly source: Source
  readonly outlet: Outlet
  /** Turns the source's fields into what runs. Throws a SabotError where the plan does not fit them. */
  readonly prepare: Prepare
  /** null: nothing is committed. */
  readonly offsets: OffsetStore | null
  readonly rowErrors: RowErrors
  readonly counters: Counters
  readonly logger: Logger
  readonly commitIntervalMs: number
  /** Other ends for a run whose own did not start, with that error; undefined: none. Of ends that stay, the same. */
  readonly fallBack?: (error: SabotError) => Ends | undefined
}

/** Of a run, what depends on the backend. */
export type Ends = Pick<LoopParts, 'source' | 'outlet' | 'prepare' | 'offsets'>

/** How long a failing run waits for what it has already sent, and again for its commit, so that less is read twice. */
const FAIL_DRAIN_MS = 5_000
/** After so long without one, the event loop gets its turn: steps that never wait would keep it from timers and signals. */
const TURN_MS = 5
/** A step that runs longer is reported: the group's `max.poll.interval.ms` does not see it. */
const STUCK_STEP_MS = 30_000

/** An aborted run does not wait longer for the source and the sink to close. */
const ABORT_CLOSE_MS = 2_000

/** Rows that a bounded source has handed over and will not read again are dropped: the run has not read to its end. */
const lostAtEnd = ({ topic, partition }: TopicPartition): SabotError =>
  new SabotError(
    'KAFKA',
    `fromKafka: the group gave up ${topic}[${partition}] before its last rows were worked on. ` +
      'Run again: they are read from the committed position. A longer "sessionTimeoutMs" makes it rarer.',
    { retriable: true, where: { topic, partition } },
  )

interface Item {
  readonly event: BatchEvent
  readonly ticket: Ticket
}

export class RunLoop {
  readonly done: Promise<RunMetrics>
  /** Its ends are others once it has fallen back. */
  #parts: LoopParts
  readonly #positions = new Positions()
  readonly #inbox = new Inbox<Item>()
  readonly #assigned = new Map<string, { topic: string; partition: number }>()
  readonly #inFlight = new Set<Promise<void>>()
  readonly #revocations = new Set<Promise<void>>()
  readonly #stopped = Promise.withResolvers<void>()
  readonly #aborted = Promise.withResolvers<void>()
  /** What waits, to be told when the run ends early. Not one promise to race against: its reactions would pile up. */
  readonly #halts = new Set<(error: SabotError) => void>()
  /** The source writes by itself. */
  #fused = false
  /** Of a fused run: no write will begin any more, and all that began are adopted. */
  readonly #halted = Promise.withResolvers<void>()
  #failure: { readonly error: SabotError; readonly drain: boolean } | undefined
  #stopping = false
  /** A bounded source has handed over everything. */
  #ended = false
  #closing = false
  #bytesInFlight = 0
  #stats: SourceStats = { messages: 0, bytes: 0, queuedBytes: 0, pollMs: 0, decodeMs: 0, lag: [] }
  readonly #windowChanged = new Condition()
  #commits: Commits
  #step: { readonly since: number; readonly origin: Origin; reported: boolean } | undefined
  #stopPromise: Promise<void> | undefined

  constructor(parts: LoopParts) {
    this.#parts = parts
    this.#commits = new Commits(parts, this.#positions)
    this.done = this.#run()
    // Whoever holds `done`, run() or stop() sees the failure; a run nobody waits for must not end the process.
    this.done.catch(() => {})
  }

  /** Takes no more batches, delivers and commits what was taken, leaves the group. Always the same promise. */
  stop(): Promise<void> {
    if (this.#stopPromise === undefined) {
      this.#stopPromise = this.done.then(() => {})
      this.#stopPromise.catch(() => {})
      this.#beginStop()
    }
    return this.#stopPromise
  }

  /** Ends at once: what is under way is not waited for and nothing more is committed. Hurries a failing run too. */
  abort(reason: string): void {
    this.#aborted.resolve()
    this.#fail(new SabotError('ABORTED', `The run was aborted: ${reason}.`), false)
  }

  metrics(): RunMetrics {
    // A closed source is not asked any more: how it stood before it closed is what counts.
    if (!this.#closing) this.#stats = this.#parts.source.stats()
    const { queuedBytes, pollMs, decodeMs, lag } = this.#stats
    const { counters, outlet } = this.#parts
    const { encodeMs, deliverMs } = outlet.stats?.() ?? { encodeMs: 0, deliverMs: 0 }
    return counters.snapshot({
      queuedBytes,
      pollMs,
      decodeMs,
      encodeMs,
      deliverMs,
      lag,
      inFlight: this.#inFlight.size,
      assigned: [...this.#assigned.values()],
    })
  }

  async #run(): Promise<RunMetrics> {
    // A stop in the turn of the start comes before anything connects.
    await Promise.resolve()
    const { counters, logger, rowErrors } = this.#parts
    const timer = setInterval(() => this.#tick(), this.#parts.commitIntervalMs)
    timer.unref()
    try {
      await this.#flow()
      await this.#close()
    } catch (error) {
      this.#fail(error, true)
      await this.#closeFailed(this.#failure!.drain)
    } finally {
      clearInterval(timer)
      counters.stop()
      rowErrors.flush()
    }
    const metrics = this.metrics()
    counters.ended(metrics, this.#failure?.error)
    if (this.#failure !== undefined) {
      logger.error({ code: this.#failure.error.code }, this.#failure.error.message)
      throw this.#failure.error
    }
    return metrics
  }

  async #flow(): Promise<void> {
    if (this.#stopping) return
    const program = await this.#begin().catch((error) => this.#beginElsewhere(error))
    if (program === undefined) return
    if (this.#fused && this.#stopping) this.#parts.source.halt?.()
    const reader = this.#read()
    // The reader goes on until the source is closed: while the worker drains, rebalances still need answers.
    reader.catch((error) => this.#fail(error, true)).finally(() => this.#halted.resolve())
    const worker = this.#fused ? this.#halted.promise : this.#work(program)
    worker.catch(() => {})
    await this.#unlessHalted(worker)
    await this.#unlessHalted(Promise.all(this.#inFlight))
    await this.#unlessHalted(Promise.all(this.#revocations))
  }

  /** Opens both ends and starts the source. undefined: the run was stopped first, or wants no rows. */
  async #begin(): Promise<Program | undefined> {
    const { source, outlet, prepare } = this.#parts
    const opened = await this.#unlessStopped(Promise.all([source.open(), outlet.open()]))
    if (opened === undefined) return undefined
    const program = prepare(opened[0])
    if (program.finished()) return undefined
    const fused = outlet.fuse?.(source, program) ?? false
    source.start(program.decode)
    // Only now: a source that does not start has no `halted` to wait for.
    this.#fused = fused
    return program
  }

  /** Nothing was handed over yet: the run may begin once more, on another backend. */
  async #beginElsewhere(error: unknown): Promise<Program | undefined> {
    const { source, outlet, fallBack } = this.#parts
    const stays = this.#stopping || !(error instanceof SabotError)
    const ends = stays ? undefined : fallBack?.(error)
    if (ends === undefined) throw error
    this.#parts = { ...this.#parts, ...ends }
    this.#commits = new Commits(this.#parts, this.#positions)
    // Its member leaves the group before the other one joins.
    const closing = [
      source === ends.source ? undefined : source.close(),
      outlet === ends.outlet ? undefined : outlet.close({ abort: true }),
    ]
    await this.#unlessStopped(within(Promise.allSettled(closing), FAIL_DRAIN_MS))
    return this.#stopping ? undefined : this.#begin()
  }

  async #read(): Promise<void> {
    const { source, logger, counters } = this.#parts
    for (;;) {
      let event: SourceEvent
      try {
        event = await source.next()
      } catch (error) {
        if (this.#closing || (this.#ended && asSabotError(error, 'KAFKA').code === 'CLOSED')) return
        throw error
      }
      if (this.#closing) return
      switch (event.kind) {
        case 'assigned':
          for (const { topic, partition, epoch } of event.partitions) {
            this.#positions.assign(topic, partition, epoch)
            this.#assigned.set(`${partition}/${topic}`, { topic, partition })
          }
          counters.rebalanced('assigned', event.partitions)
          logger.debug({ partitions: event.partitions }, 'partitions assigned')
          break
        case 'revoked':
          this.#revoke(event)
          break
        case 'end':
          // Goes on listening: a rebalance while the last batches are delivered still wants its answer.
          this.#ended = true
          this.#inbox.close()
          // Of partitions that are assigned from now on nothing may be written.
          if (this.#fused) source.halt?.()
          break
        case 'halted':
          this.#halted.resolve()
          break
        case 'batch': {
          if (this.#fused) {
            this.#adopt(event)
            break
          }
          if (this.#stopping || !this.#positions.accepts(event.position)) break
          const ticket = this.#positions.take(event.position)
          if (!(await this.#inbox.put({ event, ticket }))) ticket.dropped()
          break
        }
      }
    }
  }

  #revoke(event: RevokedEvent): void {
    const { source, logger, counters } = this.#parts
    const taken = new Set(event.partitions.map(({ topic, partition }) => `${partition}/${topic}`))
    counters.rebalanced(event.lost ? 'lost' : 'revoked', event.partitions)
    logger.debug({ partitions: event.partitions, lost: event.lost }, 'partitions revoked')
    for (const { topic, partition } of event.partitions) {
      this.#positions.close(topic, partition)
      if (event.lost) this.#positions.forget(topic, partition)
      this.#assigned.delete(`${partition}/${topic}`)
    }
    const waiting = this.#inbox.remove(({ event: { position } }) =>
      taken.has(`${position.partition}/${position.topic}`),
    )
    for (const { ticket } of waiting) ticket.dropped()
    if (event.lost && this.#ended && waiting.length > 0) this.#fail(lostAtEnd(waiting[0]!.event.position), true)
    const answer = async (): Promise<void> => {
      try {
        if (!event.lost) {
          await this.#unlessHalted(this.#positions.idle(event.partitions))
          if (!this.#parts.outlet.commitAtEnd) await this.#unlessHalted(this.#commits.beforeHandOver())
        }
      } finally {
        for (const { topic, partition } of event.partitions) this.#positions.forget(topic, partition)
        source.revoked(event.token)
      }
    }
    const task = answer().catch((error) => this.#fail(error, true))
    this.#revocations.add(task)
    void task.then(() => this.#revocations.delete(task))
  }

  async #work(program: Program): Promise<void> {
    let turnBegan = performance.now()
    for (;;) {
      if (performance.now() - turnBegan > TURN_MS) {
        await turn()
        turnBegan = performance.now()
      }
      const item = await this.#unlessHalted(this.#inbox.take())
      if (item === undefined) return
      await this.#process(program, item)
      if (program.finished()) {
        this.#beginStop()
        for (const { ticket } of this.#inbox.remove(() => true)) ticket.dropped()
        return
      }
    }
  }

  /** Throws where a row ends the run. */
  #count({ position, messages, bytes, errors }: BatchEvent, rows: number): void {
    const { counters, rowErrors } = this.#parts
    const { topic, partition } = position
    counters.taken(position, messages, bytes, rows)
    for (const error of errors) rowErrors.report({ topic, partition, ...error })
  }

  /** A batch of a fused run. What it wrote is waited for, also where the run is being stopped. */
  #adopt(event: BatchEvent): void {
    const { outlet } = this.#parts
    const ticket = this.#positions.take(event.position)
    const { write } = event
    try {
      this.#count(event, write?.rows ?? 0)
    } catch (error) {
      // Its ticket stays taken: nothing at or past it is committed. The reader goes on, for writes that had begun.
      this.#fail(error, true)
      return
    }
    const settle = () => ticket.delivered()
    if (write === undefined) settle()
    else this.#deliver(outlet.adopt!(write.id, event.position), event.bytes, ticket, settle)
  }

  async #process(program: Program, { event, ticket }: Item): Promise<void> {
    const { counters, outlet } = this.#parts
    const { topic, partition, offset } = event.position
    const rows = numSelected(event.batch)
    this.#count(event, rows)
    if (rows === 0) return ticket.delivered()

    const origin: Origin = { topic, partition, position: offset, cut: undefined }
    const since = performance.now()
    this.#step = { since, origin, reported: false }
    let outputs: readonly Output[]
    try {
      const returned = program.run(event.batch, origin)
      outputs = returned instanceof Promise ? await this.#unlessHalted(returned) : returned
    } finally {
      this.#step = undefined
      counters.stepped(performance.now() - since)
    }
    // A limit cut this batch: the position ends behind the last row taken, or nowhere where that is not known.
    const settle = (): void => {
      if (origin.cut === 'unknown') ticket.dropped()
      else ticket.delivered(origin.cut)
    }
    if (outputs.length === 0) return settle()

    // What lies in memory until it is delivered: steps may have made more of it than was read.
    const bytes = Math.max(event.bytes, byteSizeOf(outputs))
    await this.#window(bytes)
    this.#deliver(outlet.write(outputs, origin), bytes, ticket, settle)
  }

  /** `settle`: the rows were delivered. */
  #deliver(written: ReturnType<Outlet['write']>, bytes: number, ticket: Ticket, settle: () => void): void {
    const { counters } = this.#parts
    const since = performance.now()
    const delivery = written.then(
      (delivered) => {
        if (delivered === null) return ticket.dropped()
        counters.acknowledged(delivered.rows, delivered.bytes, performance.now() - since)
        settle()
      },
      (error) => this.#fail(error, false),
    )
    this.#bytesInFlight += bytes
    this.#inFlight.add(delivery)
    void delivery.then(() => {
      this.#inFlight.delete(delivery)
      this.#bytesInFlight -= bytes
      this.#windowChanged.notify()
    })
  }

  /** Waits until the outlet has room: invariant 4 downstream of the source's own queue. */
  async #window(bytes: number): Promise<void> {
    const { window } = this.#parts.outlet
    while (
      this.#inFlight.size >= window.batches ||
      (this.#inFlight.size > 0 && this.#bytesInFlight + bytes > window.bytes)
    ) {
      await this.#unlessHalted(this.#windowChanged.wait())
    }
  }

  #tick(): void {
    if (this.#step !== undefined && !this.#step.reported && performance.now() - this.#step.since > STUCK_STEP_MS) {
      const { topic, partition } = this.#step.origin
      this.#step.reported = true
      this.#parts.logger.warn({ topic, partition }, `a step has been running for ${STUCK_STEP_MS / 1000} seconds`)
    }
    if (!this.#closing) this.#parts.counters.ticked(() => this.metrics())
    if (this.#closing || this.#parts.outlet.commitAtEnd) return
    this.#commits.now().catch((error) => {
      const failure = asSabotError(error, 'KAFKA')
      // The positions stay committable; the next tick tries again.
      if (failure.retriable) this.#parts.logger.warn({ code: failure.code }, `commit failed: ${failure.message}`)
      else this.#fail(failure, true)
    })
  }

  #beginStop(): void {
    if (this.#stopping) return
    this.#stopping = true
    if (this.#fused && !this.#closing) this.#parts.source.halt?.()
    this.#inbox.close()
    this.#stopped.resolve()
  }

  #fail(error: unknown, drain: boolean): void {
    if (this.#failure !== undefined) return
    const failure = { error: asSabotError(error, 'KAFKA'), drain }
    this.#failure = failure
    this.#beginStop()
    for (const reject of this.#halts) reject(failure.error)
    this.#halts.clear()
  }

  async #close(): Promise<void> {
    const { source, outlet, offsets } = this.#parts
    await this.#unlessHalted(outlet.close({ abort: false }))
    await this.#unlessHalted(this.#commits.last(() => this.#failure !== undefined))
    this.#leave()
    await this.#unlessHalted(source.close())
    if (offsets !== null) await this.#unlessHalted(offsets.close())
  }

  /** Commits what was delivered before the failure and nothing past it; then closes everything. */
  async #closeFailed(drain: boolean): Promise<void> {
    const { source, outlet, offsets, logger } = this.#parts
    let hurried = this.#failure?.error.code === 'ABORTED'
    const hurry = this.#aborted.promise.then(() => {
      hurried = true
    })
    // An abort that comes meanwhile hurries what it finds.
    let timer: NodeJS.Timeout | undefined
    const patience = hurry.then(
      () =>
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, ABORT_CLOSE_MS)
        }),
    )
    const quietly = async (what: string, work: Promise<void>): Promise<void> => {
      try {
        await Promise.race([work, patience])
      } catch (error) {
        logger.warn({ code: asSabotError(error, 'KAFKA').code }, `${what} after the run failed: ${String(error)}`)
      }
    }
    if (drain) await within(Promise.race([this.#drain(), hurry]), FAIL_DRAIN_MS)
    this.#leave()
    const closing = quietly('closing the sink', outlet.close({ abort: true }))
    if (!hurried) await closing
    // Bounded too: with its broker away, a client would wait for it for as long as a session lasts.
    if (!hurried && !outlet.commitAtEnd) await within(quietly('committing', this.#commits.now()), FAIL_DRAIN_MS)
    await Promise.all([closing, quietly('closing the source', source.close())])
    if (offsets !== null) await quietly('closing the offset store', offsets.close())
    clearTimeout(timer)
  }

  async #drain(): Promise<void> {
    if (this.#fused) await this.#halted.promise
    await Promise.all(this.#inFlight)
  }

  /** From here on the source's errors are those of its end. */
  #leave(): void {
    if (!this.#closing) this.#stats = this.#parts.source.stats()
    this.#closing = true
  }

  #unlessHalted<T>(work: Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#halts.add(reject)
      work.then(resolve, reject).finally(() => this.#halts.delete(reject))
      if (this.#failure !== undefined) reject(this.#failure.error)
    })
  }

  /** undefined: the run was stopped first. */
  #unlessStopped<T>(work: Promise<T>): Promise<T | undefined> {
    work.catch(() => {})
    return this.#unlessHalted(Promise.race([work, this.#stopped.promise.then(() => undefined)]))
  }
}
