/** Who reads without a group has every partition of its topics, also those that are added later. */
import { SabotError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { TopicMetadata } from '../metadata.ts'
import { isUnknown } from '../metadata.ts'
import type { Assignment } from './assignment.ts'

/** Who says which partitions are read. */
export interface Membership {
  /** These topics from now on. */
  subscribe(topics: readonly string[]): void
  /** A broker does not know this topic. */
  suspect(topic: string): void
  /** Ends it; of a group, leaves it. Never rejects. */
  close(): Promise<void>
}

export interface MembershipHost {
  readonly assignment: Assignment
  readonly logger: Logger
  /** Topics as the cluster has them. */
  ask(topics: readonly string[]): Promise<readonly TopicMetadata[]>
  fail(error: SabotError, topic?: string): void
}

const UNKNOWN_FOR_MS = 30_000
const UNKNOWN_AGAIN_MS = 1000

/** Topics that a broker did not know, and since when: they may just have been made, or brokers may differ. */
export class UnknownTopics {
  readonly #since = new Map<string, number>()

  keep(topics: readonly string[]): void {
    for (const topic of this.#since.keys()) if (!topics.includes(topic)) this.#since.delete(topic)
  }

  known(topic: string): void {
    this.#since.delete(topic)
  }

  get any(): boolean {
    return this.#since.size > 0
  }

  get names(): readonly string[] {
    return [...this.#since.keys()]
  }

  /** The error of a topic that has been unknown for too long. */
  add(topic: string): SabotError | undefined {
    const now = performance.now()
    const since = this.#since.get(topic) ?? now
    this.#since.set(topic, since)
    if (now - since <= UNKNOWN_FOR_MS) return undefined
    return new SabotError('UNKNOWN_TOPIC', `topic ${topic} does not exist any more`)
  }
}

export class Standalone implements Membership {
  readonly #host: MembershipHost
  readonly #refreshMs: number
  readonly #unknown = new UnknownTopics()
  #topics: readonly string[] = []
  #timer: NodeJS.Timeout | undefined
  #looking = false
  #again = false
  #closed = false

  constructor(host: MembershipHost, refreshMs: number) {
    this.#host = host
    this.#refreshMs = refreshMs
  }

  subscribe(topics: readonly string[]): void {
    this.#topics = topics
    this.#unknown.keep(topics)
    const { assignment } = this.#host
    const gone = assignment.readers.filter(({ topic }) => !topics.includes(topic))
    // Nobody waits for them.
    if (gone.length > 0) void assignment.revoke(gone, false)
    void this.#look()
  }

  suspect(): void {
    this.#lookIn(UNKNOWN_AGAIN_MS)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#timer)
    if (!this.#closed) this.#timer = setTimeout(() => void this.#look(), ms)
  }

  async #look(): Promise<void> {
    if (this.#looking) {
      this.#again = true
      return
    }
    this.#looking = true
    let next = this.#refreshMs
    try {
      do {
        this.#again = false
        if (!(await this.#lookOnce())) next = Math.min(next, UNKNOWN_AGAIN_MS)
      } while (this.#again)
    } catch (error) {
      if (!this.#closed) this.#host.fail(error as SabotError)
    }
    this.#looking = false
    this.#lookIn(next)
  }

  /** False: it is to be asked again soon. */
  async #lookOnce(): Promise<boolean> {
    const { assignment, logger, fail } = this.#host
    let found: readonly TopicMetadata[]
    try {
      found = await this.#host.ask(this.#topics)
    } catch (error) {
      if (!this.#closed) logger.warn({}, `topics: ${(error as Error).message}`)
      return false
    }
    if (this.#closed) return true
    for (const topic of found) {
      if (!isUnknown(topic)) {
        this.#unknown.known(topic.name)
        continue
      }
      const failure = this.#unknown.add(topic.name)
      if (failure !== undefined) fail(failure, topic.name)
    }
    const added = found
      .filter(({ name }) => this.#topics.includes(name))
      .flatMap(({ name, partitions }) =>
        Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
      )
      .filter((place) => !assignment.has(place))
    if (added.length > 0 || (!assignment.assignedOnce && !this.#unknown.any)) await assignment.assign(added)
    return !this.#unknown.any
  }
}
