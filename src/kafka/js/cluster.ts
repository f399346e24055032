/** A cluster as a client sees it: its brokers, topics and leaders, and requests to them. */
import { SabotError } from '../../errors.ts'
import type { Logger } from '../../logger.ts'
import type { TopicMetadata } from '../metadata.ts'
import type { Client, Connection } from './client.ts'
import { type Address, addressText, Connections, type Purpose, parseAddress } from './connections.ts'
import { Code, codeName, Disconnected, isUnknownTopic, reasonOf } from './errors.ts'

/** A request of the client's: `connection`, arguments, callback. */
type Api<Arguments extends unknown[], Response> = ((connection: Connection, ...rest: never[]) => void) & {
  readonly async: (connection: Connection, ...args: Arguments) => Promise<Response>
}

export interface Leader extends Address {
  readonly node: number
  readonly epoch: number
}

interface TopicEntry {
  readonly name: string
  readonly errorCode: number
  readonly isInternal: boolean
  readonly partitions: readonly { partitionIndex: number; leaderId: number; leaderEpoch: number; errorCode: number }[]
}

export interface ClusterOptions {
  readonly bootstrapServers: string
  readonly properties: Readonly<Record<string, string>>
  readonly logger: Logger
}

const RETRY_MS = 50
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

export class Cluster {
  readonly client: Client
  readonly connections: Connections
  readonly #bootstrap: readonly Address[]
  readonly #brokers = new Map<number, Address>()
  readonly #leaders = new Map<string, readonly (Leader | undefined)[]>()
  /** The highest version of a request that brokers know, by its key. */
  #versions: ReadonlyMap<number, number> | undefined
  #next = 0
  #closed = false

  constructor(client: Client, { bootstrapServers, properties }: ClusterOptions) {
    this.client = client
    this.connections = new Connections(client, properties)
    this.#bootstrap = bootstrapServers.split(',').map(parseAddress)
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** The response, with whatever error codes it holds. Rejects with Disconnected where none came. */
  async ask<Arguments extends unknown[], Response>(
    address: Address,
    purpose: Purpose,
    api: Api<Arguments, Response>,
    ...args: Arguments
  ): Promise<Response> {
    const connection = await this.connections.get(address, purpose)
    try {
      return await api.async(connection, ...args)
    } catch (error) {
      const { response } = (error ?? {}) as { response?: Response }
      if (response !== undefined) return response
      throw new Disconnected(`${addressText(address)}: ${reasonOf(error)}`, { cause: error })
    }
  }

  /** The same of whichever broker answers, each tried in turn until the time is over: then CONNECT, with the last reason. */
  async askAny<Arguments extends unknown[], Response>(
    timeoutMs: number,
    api: Api<Arguments, Response>,
    ...args: Arguments
  ): Promise<Response> {
    const end = performance.now() + timeoutMs
    for (;;) {
      const addresses = [...this.#brokers.values(), ...this.#bootstrap]
      const address = addresses[this.#next % addresses.length]!
      let failure: unknown
      try {
        return await within(end - performance.now(), this.ask(address, 'control', api, ...args))
      } catch (error) {
        if (!(error instanceof Disconnected)) throw error
        failure = error
      }
      this.#next++
      if (this.#closed) throw new SabotError('CLOSED', 'the client was closed')
      if (performance.now() + RETRY_MS >= end) {
        const reason = this.connections.lastFailure ?? (failure as Error).message
        throw new SabotError('CONNECT', reason, { cause: failure })
      }
      await pause(RETRY_MS)
    }
  }

  /** Topics as brokers have them; null: every one. Never makes one. */
  async topics(names: readonly string[] | null, timeoutMs: number): Promise<readonly TopicMetadata[]> {
    const found = await this.#metadata(names, timeoutMs)
    return found.map(({ name, errorCode, partitions }) => ({
      name,
      partitions: errorCode === Code.NO_ERROR ? partitions.length : 0,
      ...(errorCode !== Code.NO_ERROR && { error: codeName(errorCode) }),
    }))
  }

  async #metadata(names: readonly string[] | null, timeoutMs: number): Promise<readonly TopicEntry[]> {
    const { metadataV8 } = this.client
    // The client's type wants a list; null is the protocol's "all".
    const response = await this.askAny(timeoutMs, metadataV8.api, names as string[], false, false)
    this.#brokers.clear()
    for (const { nodeId, host, port } of response.brokers) this.#brokers.set(nodeId, { host, port })
    for (const topic of response.topics as TopicEntry[]) this.#keepLeaders(topic)
    return response.topics as TopicEntry[]
  }

  #keepLeaders({ name, errorCode, partitions }: TopicEntry): void {
    if (errorCode !== Code.NO_ERROR) {
      if (isUnknownTopic(errorCode)) this.#leaders.delete(name)
      return
    }
    const leaders: (Leader | undefined)[] = []
    for (const { partitionIndex, leaderId, leaderEpoch } of partitions) {
      const address = this.#brokers.get(leaderId)
      leaders[partitionIndex] = address && { ...address, node: leaderId, epoch: leaderEpoch }
    }
    this.#leaders.set(name, leaders)
  }

  /** Looks up who leads what, now. Fails as topics() does. */
  async refresh(names: readonly string[], timeoutMs: number): Promise<void> {
    if (names.length > 0) await this.#metadata([...new Set(names)], timeoutMs)
  }

  /** As last looked up; undefined: nobody, or not known. */
  leader(topic: string, partition: number): Leader | undefined {
    return this.#leaders.get(topic)?.[partition]
  }

  partitionCount(topic: string): number {
    return this.#leaders.get(topic)?.length ?? 0
  }

  broker(node: number): Address | undefined {
    return this.#brokers.get(node)
  }

  /** The highest version of a request that the brokers take; asked once. */
  async maxVersion(apiKey: number, timeoutMs: number): Promise<number> {
    if (this.#versions === undefined) {
      const { apiKeys } = await this.askAny(timeoutMs, this.client.apiVersionsV2.api, 'sabot', '1')
      this.#versions = new Map(apiKeys.map(({ apiKey: key, maxVersion }) => [key, maxVersion]))
    }
    return this.#versions.get(apiKey) ?? -1
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.connections.close()
  }
}

/** Rejects with Disconnected where it takes longer. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Disconnected('no answer in time')), Math.max(ms, 0))
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
