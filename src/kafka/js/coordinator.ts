/** The requests of a group, sent to the broker that coordinates it. */
import { SabotError } from '../../errors.ts'
import type { Position, TopicPartition } from '../backend.ts'
import type { Client, ResponseOf } from './client.ts'
import type { Cluster } from './cluster.ts'
import type { Address, Purpose } from './connections.ts'
import { BrokerError, Code, Disconnected, isRetriable } from './errors.ts'

const OFFSET_FETCH = 9
const COMMIT_TRIES = 20
const RETRY_MS = 100

/** Error codes upon which another broker has to be looked for. */
const hasMoved = (code: number): boolean => code === Code.NOT_COORDINATOR || code === Code.COORDINATOR_NOT_AVAILABLE

export interface Identity {
  readonly generation: number
  readonly memberId: string
  readonly instanceId: string | null
}

export class Coordinator {
  readonly #cluster: Cluster
  readonly #group: string
  readonly #connectTimeoutMs: number
  readonly #requireStable: boolean
  #address: Address | undefined

  constructor(cluster: Cluster, group: string, connectTimeoutMs: number, requireStable: boolean) {
    this.#cluster = cluster
    this.#group = group
    this.#connectTimeoutMs = connectTimeoutMs
    this.#requireStable = requireStable
  }

  get client(): Client {
    return this.#cluster.client
  }

  /** Undefined: not known. */
  get address(): Address | undefined {
    return this.#address
  }

  async find(): Promise<Address> {
    if (this.#address !== undefined) return this.#address
    const { findCoordinatorV2 } = this.client
    const { coordinators } = await this.#cluster.askAny(this.#connectTimeoutMs, findCoordinatorV2.api, 0, [this.#group])
    const { errorCode, errorMessage, host, port } = coordinators[0]!
    if (errorCode !== Code.NO_ERROR) throw new BrokerError(errorCode, `group ${this.#group}`, errorMessage)
    this.#address = { host, port }
    return this.#address
  }

  /** A response with an error code of its own; forgets a coordinator that has moved or does not answer. */
  async ask<Response extends { readonly errorCode: number }>(
    purpose: Purpose,
    request: (address: Address, purpose: Purpose) => Promise<Response>,
  ): Promise<Response> {
    const address = await this.find()
    try {
      const response = await request(address, purpose)
      if (hasMoved(response.errorCode)) this.#address = undefined
      return response
    } catch (error) {
      if (error instanceof Disconnected) this.#address = undefined
      throw error
    }
  }

  join(
    identity: Identity,
    sessionMs: number,
    rebalanceMs: number,
    protocols: { name: string; metadata: Buffer }[],
  ): Promise<ResponseOf<'joinGroupV5'>> {
    const { joinGroupV5 } = this.client
    const { memberId, instanceId } = identity
    return this.ask('group', (address, purpose) =>
      this.#cluster.ask(
        address,
        purpose,
        joinGroupV5.api,
        this.#group,
        sessionMs,
        rebalanceMs,
        memberId,
        instanceId,
        'consumer',
        protocols,
        null,
      ),
    )
  }

  sync(
    identity: Identity,
    protocol: string,
    assignments: { memberId: string; assignment: Buffer }[],
  ): Promise<ResponseOf<'syncGroupV3'>> {
    const { syncGroupV3 } = this.client
    const { generation, memberId, instanceId } = identity
    return this.ask('group', (address, purpose) =>
      this.#cluster.ask(
        address,
        purpose,
        syncGroupV3.api,
        this.#group,
        generation,
        memberId,
        instanceId,
        'consumer',
        protocol,
        assignments,
      ),
    )
  }

  heartbeat({ generation, memberId, instanceId }: Identity): Promise<ResponseOf<'heartbeatV3'>> {
    const { heartbeatV3 } = this.client
    return this.ask('control', (address, purpose) =>
      this.#cluster.ask(address, purpose, heartbeatV3.api, this.#group, generation, memberId, instanceId),
    )
  }

  leave({ memberId, instanceId }: Identity): Promise<ResponseOf<'leaveGroupV3'>> {
    const { leaveGroupV3 } = this.client
    return this.ask('control', (address, purpose) =>
      this.#cluster.ask(address, purpose, leaveGroupV3.api, this.#group, [
        { memberId, groupInstanceId: instanceId },
      ] as never),
    )
  }

  /** Commits; rejects with what the broker said of the first partition that it refused. `warn` is told of lost topics. */
  async commit(identity: Identity, positions: readonly Position[], warn: (message: string) => void): Promise<void> {
    const { offsetCommitV7 } = this.client
    const topics = [...Map.groupBy(positions, ({ topic }) => topic)].map(([name, those]) => ({
      name,
      partitions: those.map(({ partition, offset }) => ({
        partitionIndex: partition,
        committedOffset: offset,
        committedLeaderEpoch: -1,
        committedMetadata: null,
      })),
    }))
    for (let tries = 1; ; tries++) {
      let failure: BrokerError | undefined
      try {
        const response = await this.ask('control', async (address, purpose) => {
          const { generation, memberId, instanceId } = identity
          const { api } = offsetCommitV7
          const answer = await this.#cluster.ask(
            address,
            purpose,
            api,
            this.#group,
            generation,
            memberId,
            instanceId as never,
            topics as never,
          )
          const codes = (answer as { topics: { partitions: { errorCode: number }[] }[] }).topics
            .flatMap(({ partitions }) => partitions)
            .map(({ errorCode }) => errorCode)
          return { answer, errorCode: codes.find(hasMoved) ?? Code.NO_ERROR }
        })
        failure = commitFailure(response.answer as never, positions, warn)
      } catch (error) {
        if (!(error instanceof Disconnected)) throw error
        failure = new BrokerError(Code.NETWORK_EXCEPTION, 'commit', error.message)
      }
      if (failure === undefined) return
      const passes = hasMoved(failure.status) || failure.status === Code.NETWORK_EXCEPTION
      if (!passes || tries >= COMMIT_TRIES || this.#cluster.isClosed) throw failure
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  /** What the group has committed of each partition. */
  async committed(partitions: readonly TopicPartition[]): Promise<{ offset: bigint | undefined; errorCode: number }[]> {
    const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, those]) => ({
      name,
      partitionIndexes: those.map(({ partition }) => partition),
    }))
    const version = await this.#cluster.maxVersion(OFFSET_FETCH, this.#connectTimeoutMs)
    const { offsetFetchV7, offsetFetchV5 } = this.client
    // Version 7 waits for what open transactions are about to commit.
    const api = version >= 7 ? offsetFetchV7.api : offsetFetchV5.api
    const groups = [{ groupId: this.#group, topics }] as never
    const response = await this.ask('control', (address, purpose) =>
      this.#cluster.ask(address, purpose, api, groups, this.#requireStable),
    )
    const found = response as unknown as {
      errorCode: number
      topics: { name: string; partitions: { partitionIndex: number; committedOffset: bigint; errorCode: number }[] }[]
    }
    return partitions.map(({ topic, partition }) => {
      const one = found.topics
        .find(({ name }) => name === topic)
        ?.partitions.find(({ partitionIndex }) => partitionIndex === partition)
      const errorCode = found.errorCode || (one?.errorCode ?? Code.UNKNOWN_TOPIC_OR_PART)
      const offset = one !== undefined && one.committedOffset >= 0n ? one.committedOffset : undefined
      return { offset, errorCode }
    })
  }
}

function commitFailure(
  response: { topics: { name: string; partitions: { partitionIndex: number; errorCode: number }[] }[] },
  positions: readonly Position[],
  warn: (message: string) => void,
): BrokerError | undefined {
  for (const { name, partitions } of response.topics) {
    for (const { partitionIndex, errorCode } of partitions) {
      if (errorCode === Code.NO_ERROR) continue
      const where = `${name}/${partitionIndex}`
      if (errorCode === Code.UNKNOWN_TOPIC_OR_PART) {
        warn(`${where} is not there any more: its position is not committed`)
        continue
      }
      const position = positions.find(({ topic, partition }) => topic === name && partition === partitionIndex)
      return new BrokerError(errorCode, `commit of ${where} at ${position?.offset}`)
    }
  }
  return undefined
}

/** What ends a member: the coordinator refused for good. */
export function groupFailure(group: string, errorCode: number): SabotError {
  const error = new BrokerError(errorCode, `group ${group}`)
  return isRetriable(errorCode) ? new SabotError('KAFKA', error.message, { retriable: true }) : error
}
