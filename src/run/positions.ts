/**
 * Which positions may be committed. Each partition has a first-in-first-out list of what was taken from the source;
 * the committable position is the one at the end of the longest delivered prefix. So a batch that is delivered
 * early, or never, can not let a later position past an earlier one (invariant 1).
 *
 * Runs on the JavaScript thread alone; nothing here waits or throws.
 */
import { Condition } from '../condition.ts'
import type { CommitPosition } from '../offsets/store.ts'

interface Entry {
  offset: bigint
  state: 'taken' | 'delivered'
}

interface Track {
  readonly topic: string
  readonly partition: number
  epoch: number
  entries: Entry[]
  /** End of the delivered prefix; undefined: nothing delivered in this epoch. */
  delivered: bigint | undefined
  /** What the offset store was told last. */
  committed: bigint | undefined
  /** Rows of a partition that was taken away are not fed any more until it is assigned under a newer epoch. */
  closed: boolean
}

/** One batch that was taken. Exactly one of its methods is called, once; a second call has no effect. */
export interface Ticket {
  /** Every row derived from the batch was delivered. `offset`: the position, where it is not the batch's own. */
  delivered(offset?: bigint): void
  /** Its rows will never be delivered in this run: nothing at or past it is committed. */
  dropped(): void
}

const keyOf = (topic: string, partition: number): string => `${partition}/${topic}`

const noTicket: Ticket = { delivered() {}, dropped() {} }

export class Positions {
  readonly #tracks = new Map<string, Track>()
  readonly #changed = new Condition()

  /** The source was given a partition; what is known of an older epoch is forgotten. */
  assign(topic: string, partition: number, epoch: number): void {
    const track = this.#tracks.get(keyOf(topic, partition))
    if (track === undefined || track.epoch < epoch || track.closed) this.#begin(topic, partition, epoch)
  }

  /** Whether rows read under this epoch are still ours. */
  accepts(position: CommitPosition): boolean {
    const track = this.#tracks.get(keyOf(position.topic, position.partition))
    return track === undefined || position.epoch > track.epoch || (position.epoch === track.epoch && !track.closed)
  }

  /** Registers a batch; batches of one partition are taken in order. */
  take(position: CommitPosition): Ticket {
    if (!this.accepts(position)) return noTicket
    let track = this.#tracks.get(keyOf(position.topic, position.partition))
    if (track === undefined || track.epoch < position.epoch) {
      track = this.#begin(position.topic, position.partition, position.epoch)
    }
    const owner = track
    const epoch = track.epoch
    const entry: Entry = { offset: position.offset, state: 'taken' }
    track.entries.push(entry)
    let settled = false
    return {
      delivered: (offset) => {
        if (settled) return
        settled = true
        if (owner.epoch !== epoch) return
        if (offset !== undefined) entry.offset = offset
        entry.state = 'delivered'
        this.#advance(owner)
      },
      dropped: () => {
        if (settled) return
        settled = true
        // What is taken after a dropped batch can not be committed either, so the partition ends here.
        if (owner.epoch === epoch) this.#cut(owner, entry)
      },
    }
  }

  /** Ends the feeding of partitions: batches of their present epoch are not accepted from now on. */
  close(topic: string, partition: number): void {
    const track = this.#tracks.get(keyOf(topic, partition))
    if (track !== undefined) track.closed = true
  }

  /** Forgets a partition: its rows may still be under way, but nothing of it is ever committed. */
  forget(topic: string, partition: number): void {
    const track = this.#tracks.get(keyOf(topic, partition))
    if (track === undefined) return
    track.closed = true
    track.entries = []
    track.delivered = undefined
    this.#changed.notify()
  }

  /** Positions that were delivered but not yet committed. */
  committable(): CommitPosition[] {
    const positions: CommitPosition[] = []
    for (const { topic, partition, epoch, delivered, committed } of this.#tracks.values()) {
      if (delivered !== undefined && delivered !== committed) {
        positions.push({ topic, partition, offset: delivered, epoch })
      }
    }
    return positions
  }

  /** Notes what the store accepted. */
  committed(positions: readonly CommitPosition[]): void {
    for (const position of positions) {
      const track = this.#tracks.get(keyOf(position.topic, position.partition))
      if (track !== undefined && track.epoch === position.epoch) track.committed = position.offset
    }
  }

  /** Resolves when no batch of these partitions (default: of any) is under way. */
  async idle(partitions?: readonly { readonly topic: string; readonly partition: number }[]): Promise<void> {
    const busy = (): boolean => {
      if (partitions === undefined) return [...this.#tracks.values()].some((track) => track.entries.length > 0)
      return partitions.some((p) => (this.#tracks.get(keyOf(p.topic, p.partition))?.entries.length ?? 0) > 0)
    }
    while (busy()) await this.#changed.wait()
  }

  #begin(topic: string, partition: number, epoch: number): Track {
    const track: Track = {
      topic,
      partition,
      epoch,
      entries: [],
      delivered: undefined,
      committed: undefined,
      closed: false,
    }
    const old = this.#tracks.get(keyOf(topic, partition))
    if (old !== undefined) {
      old.epoch = -1 // its tickets find that they are stale
      old.entries = []
    }
    this.#tracks.set(keyOf(topic, partition), track)
    this.#changed.notify()
    return track
  }

  #advance(track: Track): void {
    let done = 0
    while (done < track.entries.length && track.entries[done]!.state === 'delivered') {
      track.delivered = track.entries[done]!.offset
      done++
    }
    if (done > 0) track.entries.splice(0, done)
    this.#changed.notify()
  }

  #cut(track: Track, entry: Entry): void {
    const index = track.entries.indexOf(entry)
    if (index < 0) return
    track.closed = true
    track.entries.length = index
    this.#advance(track)
  }
}
