/** A Kafka broker inside the process, for demos and tests: librdkafka's mock cluster. */
import { describe, SabotError } from '../errors.ts'
import type { AddonBroker } from './addon.ts'
import { loadAddon } from './load.ts'
import { fromAddon } from './metadata.ts'
import { isPlainObject } from './option.ts'
import { isPartitionCount, topicEntries } from './options-admin.ts'
import { isTopicName } from './options-source.ts'

export interface EmbeddedBrokerOptions {
  /** Topics to create: names (one partition each), or names and their numbers of partitions. */
  readonly topics?: readonly string[] | Readonly<Record<string, number>> | undefined
}

/**
 * One broker on a free port of this machine. It keeps at most 5 MiB a partition and forgets everything when it is
 * closed; it has consumer groups, but no real transactions. Where a member leaves a group, the next one waits for
 * nearly its `sessionTimeoutMs` before it is given partitions (a real broker gives them at once): start another run
 * with another `groupId`, or with a short timeout. `await using` closes it. It does not keep the process alive.
 */
export class EmbeddedBroker implements AsyncDisposable {
  readonly bootstrapServers: string
  #broker: AddonBroker | undefined

  private constructor(broker: AddonBroker) {
    this.#broker = broker
    this.bootstrapServers = broker.bootstrapServers
  }

  /** Starts a broker. Throws a SabotError: CONFIG for wrong topics, BACKEND where the addon is missing. */
  static async start(options: EmbeddedBrokerOptions = {}): Promise<EmbeddedBroker> {
    const topics = topicList(options)
    const addon = loadAddon()
    let broker: EmbeddedBroker
    try {
      broker = new EmbeddedBroker(new addon.Broker())
    } catch (error) {
      throw fromAddon(error)
    }
    try {
      for (const [name, partitions] of topics) broker.createTopic(name, partitions)
    } catch (error) {
      await broker.close()
      throw error
    }
    return broker
  }

  /** Creates a topic. Throws where it exists, or the broker was closed. */
  createTopic(name: string, partitions = 1): void {
    if (this.#broker === undefined) throw new SabotError('CLOSED', 'EmbeddedBroker: the broker was closed.')
    checkTopic(name, partitions)
    try {
      this.#broker.createTopic(name, partitions)
    } catch (error) {
      throw fromAddon(error)
    }
  }

  /** Stops the broker; what it kept is gone. Idempotent. */
  async close(): Promise<void> {
    const broker = this.#broker
    this.#broker = undefined
    broker?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

function topicList(options: unknown): [string, number][] {
  const given = isPlainObject(options) ? (options.topics ?? []) : options
  const list = topicEntries(given)
  if (list === undefined || !isPlainObject(options)) {
    const expected = "an array of names, or an object such as { orders: 4 } with each topic's partitions"
    throw new SabotError(
      'CONFIG',
      `EmbeddedBroker.start: option "topics" must be ${expected}; got ${describe(given)}.`,
      {
        where: { option: 'topics' },
      },
    )
  }
  for (const [name, partitions] of list) checkTopic(name, partitions)
  return list as [string, number][]
}

function checkTopic(name: unknown, partitions: unknown): void {
  if (isTopicName(name) && isPartitionCount(partitions)) return
  const [expected, came] = isTopicName(name)
    ? [`topic "${name}" must have 1 to 10000 partitions`, partitions]
    : ['a topic must be named with letters, digits, ".", "_" and "-"', name]
  throw new SabotError('CONFIG', `EmbeddedBroker: ${expected}; got ${describe(came)}.`, { where: { option: 'topics' } })
}
