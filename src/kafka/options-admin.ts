/** The options of `createTopics`. */
import { isPlainObject, type OptionTable } from './option.ts'
import { connectionOptions } from './options-connection.ts'
import { isTopicName } from './options-source.ts'

/** Names (one partition each), or names with their number of partitions or more. */
export type NewTopics =
  | readonly string[]
  | Readonly<
      Record<
        string,
        | number
        | {
            /** 1 to 10,000. Default: 1. */
            readonly partitions?: number | undefined
            /** Brokers that keep each partition, 1 to 32,767. Default: the cluster's own. */
            readonly replication?: number | undefined
            /** The topic's configuration in Kafka's names, such as `{ 'cleanup.policy': 'compact' }`. */
            readonly config?: Readonly<Record<string, string | number | boolean>> | undefined
          }
      >
    >

/** One topic as the addon takes it. */
export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replication: number
  readonly config: Readonly<Record<string, string>>
}

/** The broker's default. */
const UNGIVEN_REPLICATION = -1

/** Names (one partition each), or names and what is said of each; undefined: neither. */
export function topicEntries(given: unknown): readonly [unknown, unknown][] | undefined {
  if (Array.isArray(given)) return given.map((name) => [name, 1])
  return isPlainObject(given) ? Object.entries(given) : undefined
}

export const isPartitionCount = (value: unknown): boolean => isCount(value, 10_000)

/** The topics that were given, or undefined where one of them cannot be. */
export function topicList(given: unknown): readonly NewTopic[] | undefined {
  const topics = topicEntries(given)?.map(([name, value]) => newTopic(name, value))
  return topics?.every((topic) => topic !== undefined) ? topics : undefined
}

function newTopic(name: unknown, value: unknown): NewTopic | undefined {
  const given = typeof value === 'number' ? { partitions: value } : value
  if (!isTopicName(name) || !isPlainObject(given)) return undefined
  const { partitions = 1, replication = UNGIVEN_REPLICATION, config = {}, ...unknown } = given
  const isReplication =
    replication === UNGIVEN_REPLICATION ? given.replication === undefined : isCount(replication, 32_767)
  if (Object.keys(unknown).length > 0 || !isPartitionCount(partitions) || !isReplication || !isPlainObject(config)) {
    return undefined
  }
  const values = Object.values(config)
  const areScalars = values.every((one) => ['string', 'boolean'].includes(typeof one) || Number.isFinite(one))
  if (!areScalars) return undefined
  const texts = Object.entries(config).map(([key, one]) => [key, String(one)])
  return {
    name: name as string,
    partitions: partitions as number,
    replication: replication as number,
    config: Object.fromEntries(texts),
  }
}

const isCount = (value: unknown, max: number): boolean =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= max

const { logger: _, ...connection } = connectionOptions

export const createTopicsOptions = {
  ...connection,
  topics: {
    type: 'custom',
    ts: 'NewTopics',
    expected:
      'an array of names, or an object such as { orders: 4 } or { orders: { partitions: 4, replication: 3, config: ' +
      '{ \'cleanup.policy\': \'compact\' } } } with names of letters, digits, ".", "_" and "-", 1 to 10000 partitions ' +
      'and a replication of 1 to 32767',
    range: 'names, or names with their partitions, replication and config',
    accepts: (value: unknown) => topicList(value) !== undefined,
    required: true,
    doc: 'The topics to create: names (one partition each), or names and their partitions.',
  },
} as const satisfies OptionTable
