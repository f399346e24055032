/**
 * One partition that is read: what was fetched of it and was not handed over yet, as it came from the broker; where it
 * is and where it ends.
 */
import { SabotError } from '../../errors.ts'
import type { Client } from './client.ts'
import { type AbortedTransaction, type BatchView, batchesOf, crcProblem, RecordCursor, recordBytes } from './records.ts'

export interface Limits {
  readonly maxRows: number
  readonly maxBytes: number
}

/** What one batch covers: messages of the partition, in order. */
export interface Taken {
  messages: number
  bytes: number
}

export class PartitionReader {
  readonly topic: string
  readonly partition: number
  readonly epoch: number
  /** The first offset that is not read any more. */
  readonly target: bigint | undefined
  /** The next offset to hand over: a position, behind gaps, markers and aborted records. */
  position: bigint
  /** The next offset to fetch. */
  fetchOffset: bigint
  /** As the last response said; -1: none came. */
  highWatermark = -1n
  lowWatermark = -1n
  /** Everything that there is was fetched. */
  atEnd = false
  /** It is not this source's any more: what is under way for it is dropped. */
  stopped = false
  /** Not to be fetched before: it failed just now. */
  pausedUntil = 0
  /** When the oldest of what waits came. */
  since = 0
  lastHandOver = 0
  /** On the wire. */
  queuedBytes = 0
  /** At most so many, of which some may lie before the position. */
  queuedRecords = 0
  readonly #client: Client
  readonly #queue: BatchView[] = []
  #cursor: RecordCursor | undefined
  /** The cursor stands on a record that did not fit into the last batch. */
  #held = false
  /** The position moved, and nobody was told. */
  #moved = false

  constructor(
    client: Client,
    place: { topic: string; partition: number; epoch: number },
    start: bigint,
    target: bigint | undefined,
  ) {
    this.#client = client
    this.topic = place.topic
    this.partition = place.partition
    this.epoch = place.epoch
    this.target = target
    this.position = start
    this.fetchOffset = start
  }

  get isDone(): boolean {
    return this.target !== undefined && this.position >= this.target
  }

  /** All that will be read was fetched. */
  get isFetched(): boolean {
    return this.target !== undefined && this.fetchOffset >= this.target
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0 && !this.#moved
  }

  hasFullRun({ maxRows, maxBytes }: Limits): boolean {
    return this.queuedRecords >= maxRows || this.queuedBytes >= maxBytes
  }

  /** The records of a fetch response, in order; throws what is no record batch. */
  push(bytes: Buffer, aborted: readonly AbortedTransaction[] | null, now: number): void {
    const views = batchesOf(bytes, aborted)
    for (const view of views) {
      if (view.lastOffset < this.fetchOffset) continue
      if (this.#queue.length === 0) this.since = now
      this.#queue.push(view)
      this.queuedBytes += view.end - view.at
      if (view.isData) this.queuedRecords += view.records
      this.fetchOffset = view.lastOffset + 1n
    }
  }

  /** Reading goes on elsewhere: what was there is gone. */
  seek(offset: bigint): void {
    this.#clear()
    this.fetchOffset = offset
    this.#moveTo(offset)
  }

  stop(): void {
    this.stopped = true
    this.#clear()
  }

  #clear(): void {
    this.#queue.length = 0
    this.#cursor = undefined
    this.#held = false
    this.#moved = false
    this.queuedBytes = 0
    this.queuedRecords = 0
  }

  /** Hands the next records to `each`, as many as a batch holds, and moves the position behind them. */
  take({ maxRows, maxBytes }: Limits, each: (record: RecordCursor) => void): Taken {
    const taken = { messages: 0, bytes: 0 }
    while (taken.messages < maxRows && taken.bytes < maxBytes) {
      const view = this.#current()
      if (view === undefined) break
      if (!this.#takeFrom(view, this.#cursor!, taken, maxRows, maxBytes, each)) break
    }
    this.#passNoData()
    this.#moved = false
    return taken
  }

  /** False: the batch is full before the end of the view. */
  #takeFrom(
    view: BatchView,
    cursor: RecordCursor,
    taken: Taken,
    maxRows: number,
    maxBytes: number,
    each: (record: RecordCursor) => void,
  ): boolean {
    const base = view.baseOffset
    const first = Number(this.position - base)
    const end = this.target === undefined ? Number.POSITIVE_INFINITY : Number(this.target - base)
    let next = first
    const stop = (full: boolean): boolean => {
      if (next > first) this.#moveTo(base + BigInt(next))
      return !full
    }
    while (taken.messages < maxRows && taken.bytes < maxBytes) {
      if (!this.#held) {
        if (!cursor.next()) {
          this.#drop(view)
          return true
        }
        this.queuedRecords--
      }
      this.#held = false
      const { offsetDelta } = cursor
      if (offsetDelta < next) continue
      if (offsetDelta >= end) {
        next = end
        this.#finish()
        return stop(false)
      }
      const bytes = Math.max(cursor.keyLength, 0) + Math.max(cursor.valueLength, 0)
      if (taken.messages > 0 && taken.bytes + bytes > maxBytes) {
        this.#held = true
        return stop(true)
      }
      each(cursor)
      taken.messages++
      taken.bytes += bytes
      next = offsetDelta + 1
    }
    if (cursor.left > 0) return stop(true)
    this.#drop(view)
    return false
  }

  /** Checks and opens the view that comes next, passing over those without records to read. */
  #current(): BatchView | undefined {
    this.#passNoData()
    const view = this.#queue[0]
    if (view === undefined || this.#cursor !== undefined) return view
    const problem = crcProblem(this.#client, view)
    if (problem !== undefined) throw new SabotError('KAFKA', problem)
    this.#cursor = new RecordCursor(recordBytes(this.#client, view), view)
    return view
  }

  #passNoData(): void {
    if (this.isDone) {
      this.#finish()
      return
    }
    for (let view = this.#queue[0]; view !== undefined && !this.#hasRecords(view); view = this.#queue[0]) {
      if (view.isData && this.#cursor === undefined) this.queuedRecords -= view.records
      this.#drop(view)
      if (this.isDone) return
    }
  }

  #hasRecords(view: BatchView): boolean {
    return view.isData && view.records > 0 && view.lastOffset >= this.position
  }

  #drop(view: BatchView): void {
    this.#queue.shift()
    this.#cursor = undefined
    this.queuedBytes -= view.end - view.at
    this.#moveTo(view.lastOffset + 1n)
    if (this.isDone) this.#finish()
  }

  /** What was fetched beyond the target is of no use. */
  #finish(): void {
    const moved = this.#moved
    this.#clear()
    this.#moved = moved
    this.#moveTo(this.target!)
  }

  #moveTo(offset: bigint): void {
    if (this.target !== undefined && offset > this.target) offset = this.target
    if (offset === this.position) return
    this.position = offset
    this.#moved = true
  }

  /** Values of what waits, without taking it; null is a tombstone. */
  sample(limit: number): (Uint8Array | null)[] {
    const values: (Uint8Array | null)[] = []
    for (const view of this.#queue) {
      if (values.length >= limit) break
      if (!this.#hasRecords(view) || crcProblem(this.#client, view) !== undefined) continue
      const cursor = new RecordCursor(recordBytes(this.#client, view), view)
      while (values.length < limit && cursor.next()) {
        const { offset, valueAt, valueLength } = cursor
        if (offset < this.position || (this.target !== undefined && offset >= this.target)) continue
        values.push(valueLength < 0 ? null : cursor.bytes.subarray(valueAt, valueAt + valueLength))
      }
    }
    return values
  }
}
