/** Creating topics: what a first deployment, a demo or a test needs before a pipeline can write. */
import { SabotError } from '../errors.ts'
import { loadAddon } from './load.ts'
import { fromAddon, unreachable } from './metadata.ts'
import { type CreateTopicsOptions, parseTopicsOptions } from './options.ts'

/**
 * Creates topics and waits until the cluster has answered for each. A topic that exists already is left as it is,
 * whatever its partitions. Rejects with a SabotError: CONFIG for a wrong option or a configuration that the broker does
 * not know, CONNECT where no broker answers, KAFKA where it refuses, BACKEND where the addon is missing. The embedded
 * broker takes no such requests: its own createTopic() does.
 */
export async function createTopics(options: CreateTopicsOptions): Promise<void> {
  const { connection, topics, properties } = parseTopicsOptions(options)
  const { bootstrapServers, connectTimeoutMs } = connection
  try {
    await loadAddon().createTopics(JSON.stringify({ ...properties }), JSON.stringify(topics), connectTimeoutMs)
  } catch (error) {
    const { code, message, retriable, cause } = fromAddon(error)
    if (code === 'CONNECT') throw unreachable('createTopics', bootstrapServers, connectTimeoutMs, message, cause)
    if (code === 'BACKEND') throw error
    throw new SabotError(code, `createTopics: ${message}.`, { cause, retriable })
  }
}
