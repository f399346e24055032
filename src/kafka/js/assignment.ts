/**
 * The partitions that a source reads, whoever gave them: a group, or nobody. Each assignment has an epoch of its own;
 * partitions that are taken away are told, and given back when that was answered.
 */
import type { Position, SourceEvent, TopicPartition } from '../backend.ts'
import type { Bounds, BoundsWanted } from './bounds.ts'
import type { Client } from './client.ts'
import { PartitionReader } from './partition.ts'

export interface AssignmentHost {
  readonly client: Client
  lookUp(wanted: readonly BoundsWanted[], later: boolean): Promise<readonly Bounds[]>
  push(event: SourceEvent): void
  /** Readers came or went. */
  onChange(): void
}

interface Revocation {
  readonly lost: boolean
  readonly readers: readonly PartitionReader[]
  readonly answered: () => void
}

const nameOf = ({ topic, partition }: TopicPartition): string => `${partition}/${topic}`

export class Assignment {
  readonly #host: AssignmentHost
  readonly #readers = new Map<string, PartitionReader>()
  #list: readonly PartitionReader[] = []
  readonly #revocations = new Map<number, Revocation>()
  /** Where a bounded read ends in a partition: fixed when it is first assigned. */
  readonly #targets = new Map<string, bigint>()
  #lastEpoch = 0
  #lastToken = 0
  #changing = 0
  /** An assignment has come, perhaps an empty one. */
  assignedOnce = false
  /** The group is about to give others. */
  awaited = false

  constructor(host: AssignmentHost) {
    this.#host = host
  }

  get readers(): readonly PartitionReader[] {
    return this.#list
  }

  get isSettled(): boolean {
    return this.assignedOnce && !this.awaited && this.#changing === 0 && this.#revocations.size === 0
  }

  has(place: TopicPartition): boolean {
    return this.#readers.has(nameOf(place))
  }

  /** Looks up where to begin, then reads them. Rejects where that cannot be known. */
  async assign(partitions: readonly TopicPartition[]): Promise<void> {
    this.#changing++
    try {
      const wanted = partitions.map(({ topic, partition }) => {
        return { topic, partition, target: this.#targets.get(nameOf({ topic, partition })) }
      })
      const bounds = wanted.length === 0 ? [] : await this.#host.lookUp(wanted, this.assignedOnce)
      const assigned: (TopicPartition & { epoch: number })[] = []
      for (const { topic, partition, start, target } of bounds) {
        const epoch = ++this.#lastEpoch
        const name = nameOf({ topic, partition })
        if (target !== undefined) this.#targets.set(name, target)
        this.#readers.set(name, new PartitionReader(this.#host.client, { topic, partition, epoch }, start, target))
        assigned.push({ topic, partition, epoch })
      }
      if (assigned.length > 0) this.#host.push({ kind: 'assigned', partitions: assigned })
      this.assignedOnce = true
      this.awaited = false
    } finally {
      this.#changing--
      this.#changed()
    }
  }

  /** Stops reading them; resolves when the rows that were handed over are dealt with. */
  async revoke(partitions: readonly TopicPartition[], lost: boolean): Promise<void> {
    const readers = partitions.flatMap((one) => this.#readers.get(nameOf(one)) ?? [])
    if (readers.length === 0) return
    for (const reader of readers) {
      reader.stop()
      this.#readers.delete(nameOf(reader))
    }
    const token = ++this.#lastToken
    const answer = new Promise<void>((answered) => this.#revocations.set(token, { lost, readers, answered }))
    this.#changed()
    const places = readers.map(({ topic, partition }) => ({ topic, partition }))
    this.#host.push({ kind: 'revoked', token, lost, partitions: places })
    await answer
  }

  revoked(token: number): void {
    const revocation = this.#revocations.get(token)
    this.#revocations.delete(token)
    revocation?.answered()
    this.#host.onChange()
  }

  /** Whether a position may be committed: its partition is still ours, under the epoch that it was read under. */
  isCurrent({ topic, partition, epoch }: Position): boolean {
    const is = (one: PartitionReader) => one.epoch === epoch && one.partition === partition && one.topic === topic
    return this.#list.some(is) || [...this.#revocations.values()].some(({ lost, readers }) => !lost && readers.some(is))
  }

  close(): void {
    for (const reader of this.#list) reader.stop()
    this.#readers.clear()
    this.#list = []
    for (const { answered } of this.#revocations.values()) answered()
    this.#revocations.clear()
  }

  #changed(): void {
    this.#list = [...this.#readers.values()]
    this.#host.onChange()
  }
}
