/** Which topics a source reads, whatever its client: names that must exist, or those that a RegExp matches. */
import { SabotError } from '../errors.ts'
import type { SourceEvent, SourceOptions, TopicPartition } from './backend.ts'
import { fromAddon, isUnknown, type TopicMetadata, topicError, untilKnown } from './metadata.ts'

/** Topics as the cluster has them; null: every one. Rejects with a SabotError, CONNECT where no broker answers. */
export type AskTopics = (names: readonly string[] | null) => Promise<readonly TopicMetadata[]>

/** The names to read now. Throws UNKNOWN_TOPIC for a name that does not exist, and where a bounded RegExp matches none. */
export async function resolveTopics(options: SourceOptions, ask: AskTopics): Promise<readonly string[]> {
  const { topic, bootstrapServers, until, logger } = options
  if (topic instanceof RegExp) {
    const existing = (await ask(null)).map(({ name }) => name)
    const names = matchingTopics(topic, existing)
    if (names.length === 0 && until !== undefined) {
      throw new SabotError(
        'UNKNOWN_TOPIC',
        `fromKafka: option "topic" must match a topic where "until" is given; ${topic} matches none at ` +
          `${bootstrapServers}, which has: ${existing.join(', ') || 'no topics'}.`,
        { where: { option: 'topic' } },
      )
    }
    if (names.length === 0) logger.warn({ topic: String(topic) }, `no topic matches ${topic} yet; waiting for one`)
    return names
  }
  const names = typeof topic === 'string' ? [topic] : [...new Set(topic)]
  const found = await untilKnown(() => ask(names))
  const wrong = found.find((each) => isUnknown(each) || each.error !== undefined)
  if (wrong === undefined) return names
  const existing = isUnknown(wrong) ? (await ask(null)).map(({ name }) => name) : []
  throw topicError('fromKafka', wrong, bootstrapServers, existing)
}

/** Looks every metadataRefreshMs which topics a RegExp matches, and tells when others do. Gives what stops it. */
export function watchTopics(
  options: SourceOptions,
  known: readonly string[],
  ask: AskTopics,
  changed: (names: readonly string[]) => void,
): () => void {
  const { topic, metadataRefreshMs, logger } = options
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  const look = async () => {
    try {
      const names = matchingTopics(
        topic as RegExp,
        (await ask(null)).map(({ name }) => name),
      )
      if (stopped) return
      if (names.length > 0 && (names.length !== known.length || names.some((name, i) => name !== known[i]))) {
        known = names
        changed(names)
        logger.info({ topics: names }, `${topic} now matches ${names.join(', ')}`)
      }
    } catch (error) {
      // An outage is the client's to mend; the list is asked for again.
      if (stopped) return
      logger.warn({ error: fromAddon(error).message }, 'topics could not be listed')
    }
    again()
  }
  const again = () => {
    timer = setTimeout(look, metadataRefreshMs)
    timer.unref()
  }
  again()
  return () => {
    stopped = true
    clearTimeout(timer)
  }
}

/** Sorted; topics of Kafka's own (`__consumer_offsets`) only where the RegExp itself names two underscores. */
export function matchingTopics(pattern: RegExp, names: readonly string[]): readonly string[] {
  // Without g and y, under which test() remembers where it stopped.
  const fresh = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
  const internal = pattern.source.includes('__')
  return names.filter((name) => (internal || !name.startsWith('__')) && fresh.test(name)).sort()
}

export function topicText(topic: SourceOptions['topic']): string {
  return Array.isArray(topic) ? topic.join(', ') : String(topic)
}

/** An event that waits, without partitions that were taken away; none where nothing of it is left. */
export function without(event: SourceEvent, gone: readonly TopicPartition[]): readonly SourceEvent[] {
  const isGone = (one: TopicPartition) => gone.some((g) => g.topic === one.topic && g.partition === one.partition)
  if (event.kind === 'batch') return isGone(event.position) ? [] : [event]
  if (event.kind !== 'assigned') return [event]
  const partitions = event.partitions.filter((one) => !isGone(one))
  return partitions.length === 0 && event.partitions.length > 0 ? [] : [{ ...event, partitions }]
}
