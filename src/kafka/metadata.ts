/** What a cluster says of its topics, and errors of the addon and of connecting, in our terms. */
import { didYouMean, errorCode, errorCodes, SabotError } from '../errors.ts'
import type { Call } from './option.ts'

/** One topic of a cluster. `error`: the broker's reason why it cannot be used. */
export interface TopicMetadata {
  readonly name: string
  readonly partitions: number
  readonly error?: string
}

/** An error that the addon threw or rejected with. */
export function fromAddon(error: unknown): SabotError {
  if (error instanceof SabotError) return error
  const { code, message, retriable } = (error ?? {}) as { code?: unknown; message?: unknown; retriable?: unknown }
  const known = typeof code === 'string' && errorCodes.has(code)
  return new SabotError(known ? errorCode(code as string) : 'KAFKA', String(message ?? error), {
    cause: error,
    ...(typeof retriable === 'boolean' && { retriable }),
  })
}

/** Asks for topics; where no broker answers says which were asked and what to check. */
export async function readMetadata(
  call: 'fromKafka' | 'toKafka',
  bootstrapServers: string,
  timeoutMs: number,
  ask: () => Promise<readonly TopicMetadata[]>,
): Promise<readonly TopicMetadata[]> {
  try {
    return await ask()
  } catch (error) {
    const failure = fromAddon(error)
    const { code, message, cause } = failure
    if (code === 'BACKEND') throw failure
    if (code !== 'CONNECT') throw new SabotError(code, `${call}: ${message}`, { cause })
    throw unreachable(call, bootstrapServers, timeoutMs, message, cause)
  }
}

/** As the addon writes them. */
export const topicsFromJson = (json: string): readonly TopicMetadata[] => JSON.parse(json) as TopicMetadata[]

/** No broker answered: which were asked, and what to check. */
export function unreachable(
  call: Call,
  bootstrapServers: string,
  timeoutMs: number,
  reason: string,
  cause: unknown,
): SabotError {
  return new SabotError(
    'CONNECT',
    `${call}: expected a broker at ${bootstrapServers}; none answered within ${timeoutMs} ms: ` +
      `${reason.replace(/\.$/, '')}. Check "bootstrapServers", the network, "tls" and "sasl".`,
    { cause, where: { option: 'bootstrapServers' } },
  )
}

export const isUnknown = (topic: TopicMetadata): boolean =>
  topic.error === undefined ? topic.partitions === 0 : /unknown.*(topic|partition)/i.test(topic.error)

/** A topic that was just created may not have reached the broker that is asked. */
const UNKNOWN_RETRIES_MS = [100, 200, 400]

/** Asks again, for a moment, while a topic that `asked` picks is unknown. */
export async function untilKnown(
  ask: () => Promise<readonly TopicMetadata[]>,
  asked: (found: readonly TopicMetadata[]) => readonly TopicMetadata[] = (found) => found,
): Promise<readonly TopicMetadata[]> {
  let found = await ask()
  for (const ms of UNKNOWN_RETRIES_MS) {
    if (!asked(found).some(isUnknown)) break
    await new Promise((resolve) => setTimeout(resolve, ms))
    found = await ask()
  }
  return found
}

/** The error of a topic that cannot be used. `existing`: every topic there is. */
export function topicError(
  call: 'fromKafka' | 'toKafka',
  topic: TopicMetadata,
  bootstrapServers: string,
  existing: readonly string[],
): SabotError {
  const where = { topic: topic.name, option: 'topic' }
  if (!isUnknown(topic)) return new SabotError('KAFKA', `${call}: topic "${topic.name}": ${topic.error}.`, { where })
  const hint = didYouMean(topic.name, existing) || ' Create it, or correct "topic".'
  return new SabotError(
    'UNKNOWN_TOPIC',
    `${call}: topic "${topic.name}" does not exist at ${bootstrapServers}.${hint}`,
    { where },
  )
}
