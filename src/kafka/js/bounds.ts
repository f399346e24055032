/**
 * Where to begin and where to end in partitions that were just assigned: asked of the group, then of the brokers that
 * lead the partitions, until every answer is there. What passes by itself (elections, outages) is waited for.
 */
import type { Logger } from '../../logger.ts'
import type { From, TopicPartition, Until } from '../backend.ts'
import type { Cluster } from './cluster.ts'
import { BrokerError, Code, Disconnected, isUnknownTopic, passes } from './errors.ts'

export interface Bounds extends TopicPartition {
  start: bigint
  target: bigint | undefined
}

export interface BoundsWanted extends TopicPartition {
  /** Of an earlier assignment: it stays. */
  readonly target: bigint | undefined
}

/** The group's own request; resolves to the committed offset of each partition, undefined where there is none. */
export type AskCommitted = (
  partitions: readonly TopicPartition[],
) => Promise<readonly { readonly offset: bigint | undefined; readonly errorCode: number }[]>

export interface BoundsOptions {
  readonly cluster: Cluster
  readonly from: From
  readonly until: Until
  readonly readCommitted: boolean
  /** undefined: no group, nothing is committed. */
  readonly committed: AskCommitted | undefined
  readonly connectTimeoutMs: number
  readonly logger: Logger
}

const RETRY_MS = 250
/** How long a topic may be unknown: it may just have been made. */
const UNKNOWN_FOR_MS = 30_000
const WARN_EVERY_MS = 10_000
const EARLIEST = -2n
const LATEST = -1n

interface Entry extends TopicPartition {
  start: bigint | undefined
  target: bigint | undefined
  end: bigint | undefined
}

/** `latestIsEarliest`: partitions that appear later are read from their beginning. Aborts by throwing what `check` throws. */
export async function lookUpBounds(
  options: BoundsOptions,
  wanted: readonly BoundsWanted[],
  latestIsEarliest: boolean,
  check: () => void,
): Promise<readonly Bounds[]> {
  const { from, until, readCommitted } = options
  const entries = wanted.map(({ topic, partition, target }): Entry => {
    return { topic, partition, target, start: undefined, end: undefined }
  })
  const asker = new Asker(options, check)
  if (options.committed !== undefined) await asker.committed(entries)

  const begin = new Set(entries.filter((entry) => entry.start === undefined))
  const earliest: Entry[] = []
  for (const entry of begin) {
    const named =
      typeof from === 'object' && 'offsets' in from ? from.offsets[entry.topic]?.[entry.partition] : undefined
    if (named !== undefined) entry.start = BigInt(named)
    else if (from === 'earliest' || (typeof from === 'object' && 'offsets' in from)) earliest.push(entry)
    else if (from === 'latest' && latestIsEarliest) earliest.push(entry)
  }
  const atLatest = from === 'latest' && !latestIsEarliest ? [...begin] : []
  const atTime = typeof from === 'object' && 'timestamp' in from ? [...begin] : []
  const bounded = until === undefined ? [] : entries.filter(({ target }) => target === undefined)

  await asker.offsets(new Set([...bounded, ...atLatest, ...atTime]), LATEST, readCommitted, (entry, offset) => {
    entry.end = offset
    if (until === 'end' && entry.target === undefined) entry.target = offset
  })
  for (const entry of atLatest) entry.start = entry.end
  // A position behind the end, also of what open transactions have written, is one of a topic that was made anew.
  const beyond = entries.filter(({ end, start }) => end !== undefined && start !== undefined && start > end)
  await asker.offsets(beyond, LATEST, false, (entry, offset) => {
    if (entry.start! <= offset) return
    if (from === 'latest') entry.start = offset
    else earliest.push(entry)
  })
  if (typeof from === 'object' && 'timestamp' in from) {
    await asker.offsets(atTime, timeOf(from.timestamp), readCommitted, (entry, offset) => {
      entry.start = offset < 0n ? entry.end : offset
    })
  }
  if (typeof until === 'object') {
    await asker.offsets(bounded, timeOf(until.timestamp), readCommitted, (entry, offset) => {
      entry.target = offset < 0n ? entry.end : offset
    })
  }
  await asker.offsets(earliest, EARLIEST, readCommitted, (entry, offset) => {
    entry.start = offset
  })
  return entries.map(({ topic, partition, start, target }) => ({ topic, partition, start: start ?? 0n, target }))
}

/** Times before 1970 would be the protocol's names for the ends. */
const timeOf = (timestamp: number | Date): bigint => BigInt(Math.max(Number(timestamp), 0))

/** Asks one partition's reset position, as `auto.offset.reset` wants it. */
export async function lookUpReset(options: BoundsOptions, place: TopicPartition, check: () => void): Promise<bigint> {
  const entry: Entry = { ...place, start: undefined, target: undefined, end: undefined }
  const spec = options.from === 'latest' ? LATEST : EARLIEST
  await new Asker(options, check).offsets([entry], spec, options.readCommitted, (one, offset) => {
    one.start = offset
  })
  return entry.start!
}

class Asker {
  readonly #options: BoundsOptions
  readonly #check: () => void
  readonly #begun = performance.now()
  #warnAt = this.#begun + WARN_EVERY_MS

  constructor(options: BoundsOptions, check: () => void) {
    this.#options = options
    this.#check = check
  }

  async committed(entries: readonly Entry[]): Promise<void> {
    let left = entries
    while (left.length > 0) {
      let problem: Error | undefined
      try {
        const answers = await this.#options.committed!(left)
        const again: Entry[] = []
        for (const [i, entry] of left.entries()) {
          const { offset, errorCode } = answers[i]!
          if (errorCode === Code.NO_ERROR) entry.start = offset
          else {
            again.push(entry)
            problem = this.#worst(problem, errorCode, `committed offsets of ${entry.topic}/${entry.partition}`)
          }
        }
        left = again
      } catch (error) {
        problem = this.#waitable(error)
      }
      this.#check()
      if (left.length > 0) await this.#again(problem)
      this.#check()
    }
  }

  /** `timestamp`: or one of the protocol's names for the ends. */
  async offsets(
    wanted: Iterable<Entry>,
    timestamp: bigint,
    readCommitted: boolean,
    answer: (entry: Entry, offset: bigint) => void,
  ): Promise<void> {
    const left = new Set(wanted)
    while (left.size > 0) {
      const { problem } = await this.#askLeaders(left, timestamp, readCommitted, answer)
      this.#check()
      if (left.size > 0) await this.#again(problem)
      this.#check()
    }
  }

  async #askLeaders(
    left: Set<Entry>,
    timestamp: bigint,
    readCommitted: boolean,
    answer: (entry: Entry, offset: bigint) => void,
  ): Promise<{ problem: Error | undefined }> {
    const { cluster, connectTimeoutMs } = this.#options
    const found: { problem: Error | undefined } = { problem: undefined }
    const leaders = () => Map.groupBy(left, ({ topic, partition }) => cluster.leader(topic, partition)?.node)
    try {
      if (leaders().has(undefined))
        await cluster.refresh(
          [...left].map(({ topic }) => topic),
          connectTimeoutMs,
        )
    } catch (error) {
      found.problem = this.#waitable(error)
      return found
    }
    const requests = [...leaders()].map(async ([node, entries]) => {
      const address = node === undefined ? undefined : cluster.broker(node)
      const what = (entry: Entry) => `offsets of ${entry.topic}/${entry.partition}`
      if (address === undefined) {
        const unknown = entries.find(({ topic }) => cluster.partitionCount(topic) === 0) ?? entries[0]!
        const known = cluster.partitionCount(unknown.topic) > unknown.partition
        const code = known ? Code.LEADER_NOT_AVAILABLE : Code.UNKNOWN_TOPIC_OR_PART
        found.problem = this.#worst(found.problem, code, what(unknown))
        return
      }
      const topics = [...Map.groupBy(entries, ({ topic }) => topic)].map(([name, those]) => ({
        name,
        partitions: those.map(({ partition }) => ({ partitionIndex: partition, currentLeaderEpoch: -1, timestamp })),
      }))
      try {
        const { listOffsetsV5 } = cluster.client
        const response = await cluster.ask(address, 'control', listOffsetsV5.api, -1, readCommitted ? 1 : 0, topics)
        for (const topic of response.topics) {
          for (const { partitionIndex, errorCode, offset } of topic.partitions) {
            const entry = entries.find((one) => one.partition === partitionIndex && one.topic === topic.name)
            if (entry === undefined) continue
            if (errorCode === Code.NO_ERROR) {
              answer(entry, offset)
              left.delete(entry)
            } else found.problem = this.#worst(found.problem, errorCode, what(entry))
          }
        }
      } catch (error) {
        found.problem = this.#waitable(error)
      }
    })
    await Promise.all(requests)
    if (left.size > 0) {
      // Perhaps another broker leads them now.
      await cluster
        .refresh(
          [...left].map(({ topic }) => topic),
          connectTimeoutMs,
        )
        .catch(() => {})
    }
    return found
  }

  /** What is told of several problems: the first, or one that does not pass. */
  #worst(problem: Error | undefined, code: number, what: string): Error {
    if (problem !== undefined && (passes(code) || !(problem instanceof BrokerError) || !passes(problem.status))) {
      return problem
    }
    return new BrokerError(code, what)
  }

  /** An outage is waited for; what else was thrown is thrown on. */
  #waitable(error: unknown): Error {
    const { code } = error as { code?: unknown }
    if (error instanceof Disconnected || code === 'CONNECT') return error as Error
    if (error instanceof BrokerError) return error
    throw error
  }

  async #again(problem: Error | undefined): Promise<void> {
    const now = performance.now()
    if (problem instanceof BrokerError && !passes(problem.status)) {
      if (!isUnknownTopic(problem.status) || now > this.#begun + UNKNOWN_FOR_MS) throw problem
    }
    if (problem !== undefined && now >= this.#warnAt) {
      this.#options.logger.warn({}, `${problem.message}; trying again`)
      this.#warnAt = now + WARN_EVERY_MS
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }
}
