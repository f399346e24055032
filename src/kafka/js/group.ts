/**
 * A member of a consumer group, by the classic protocol: join, sync, heartbeat. One loop does one thing after the other;
 * beside it heartbeats go on, also while the rows of partitions that are taken away are delivered.
 *
 *   eager (range, roundrobin)   give everything back -> join -> sync -> take what was assigned
 *   cooperative                 join with what one has -> sync -> give back what went elsewhere, take what is new -> where
 *                               something was given back, join again, so that others get it
 */
import { Condition } from '../../condition.ts'
import type { Position, TopicPartition } from '../backend.ts'
import { type Assignor, assignor, type Member } from './assignors.ts'
import type { Cluster } from './cluster.ts'
import { numberOf } from './connections.ts'
import { Coordinator, groupFailure, type Identity } from './coordinator.ts'
import { BrokerError, Code, Disconnected, isRetriable, isUnknownTopic } from './errors.ts'
import { type Membership, type MembershipHost, UnknownTopics } from './standalone.ts'

const RETRY_MS = 100
const UNKNOWN_AGAIN_MS = 1000
/** How long the coordinator may take to let a member go. */
const LEAVE_MS = 3000

const keyOf = ({ topic, partition }: TopicPartition): string => `${partition}/${topic}`

export class Group implements Membership {
  readonly #host: MembershipHost
  readonly #cluster: Cluster
  readonly #coordinator: Coordinator
  readonly #groupId: string
  readonly #instanceId: string | null
  readonly #protocol: string
  readonly #assign: Assignor
  readonly #sessionMs: number
  readonly #rebalanceMs: number
  readonly #heartbeatMs: number
  readonly #refreshMs: number
  readonly #unknown = new UnknownTopics()
  #topics: readonly string[] = []
  #memberId = ''
  #generation = -1
  #isLeader = false
  /** Partitions of each topic, as the last assignment of ours shared them. */
  #counts = new Map<string, number>()
  /** The group moves on: join again. */
  #rejoin = false
  #joining = false
  /** Why what we have may be somebody else's already. */
  #lost = false
  #lastAnswer = 0
  /** When the last heartbeat was sent; joining is one. */
  #lastBeat = 0
  readonly #changed = new Condition()
  #heartbeat: NodeJS.Timeout | undefined
  #refresh: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #closed = false

  constructor(
    host: MembershipHost,
    cluster: Cluster,
    properties: Readonly<Record<string, string>>,
    times: { readonly connectTimeoutMs: number; readonly metadataRefreshMs: number },
  ) {
    this.#host = host
    this.#cluster = cluster
    this.#groupId = properties['group.id']!
    this.#instanceId = properties['group.instance.id'] ?? null
    this.#protocol = properties['partition.assignment.strategy'] ?? 'cooperative-sticky'
    this.#assign = assignor(cluster.client, this.#protocol)
    this.#sessionMs = numberOf(properties, 'session.timeout.ms', 45_000)
    this.#rebalanceMs = numberOf(properties, 'max.poll.interval.ms', 300_000)
    this.#heartbeatMs = numberOf(properties, 'heartbeat.interval.ms', 3000)
    this.#refreshMs = times.metadataRefreshMs
    const stable = properties['isolation.level'] !== 'read_uncommitted'
    this.#coordinator = new Coordinator(cluster, this.#groupId, times.connectTimeoutMs, stable)
  }

  get coordinator(): Coordinator {
    return this.#coordinator
  }

  subscribe(topics: readonly string[]): void {
    this.#topics = topics
    this.#unknown.keep(topics)
    if (this.#running === undefined) {
      this.#host.assignment.awaited = true
      this.#running = this.#run()
      this.#lookIn(this.#refreshMs)
    } else this.#joinAgain()
  }

  suspect(topic: string): void {
    if (!this.#topics.includes(topic)) return
    const failure = this.#unknown.add(topic)
    if (failure !== undefined) this.#host.fail(failure, topic)
    else this.#lookIn(UNKNOWN_AGAIN_MS)
  }

  commit(positions: readonly Position[]): Promise<void> {
    const warn = (message: string) => this.#host.logger.warn({}, message)
    return this.#coordinator.commit(this.#identity, positions, warn)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#heartbeat)
    clearTimeout(this.#refresh)
    this.#changed.notify()
    // A static member stays in the group for the rest of its session.
    if (this.#memberId === '' || this.#instanceId !== null || this.#coordinator.address === undefined) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.#host.logger.warn({}, 'the broker does not answer: the source closes without leaving the group')
        resolve()
      }, LEAVE_MS)
    })
    await Promise.race([this.#coordinator.leave(this.#identity).catch(() => {}), late])
    clearTimeout(timer)
  }

  get #identity(): Identity {
    return { generation: this.#generation, memberId: this.#memberId, instanceId: this.#instanceId }
  }

  get #isCooperative(): boolean {
    return this.#protocol === 'cooperative-sticky'
  }

  #joinAgain(): void {
    this.#rejoin = true
    this.#host.assignment.awaited = true
    this.#changed.notify()
  }

  // ---- the loop

  async #run(): Promise<void> {
    try {
      while (!this.#closed) {
        const { assignment } = this.#host
        assignment.awaited = true
        if (this.#lost) {
          this.#lost = false
          await assignment.revoke(assignment.readers, true)
        } else if (!this.#isCooperative) await assignment.revoke(assignment.readers, false)
        // A member that was lost meanwhile begins anew.
        if (this.#lost || this.#closed) continue
        const assigned = await this.#join()
        if (assigned === undefined) continue
        await this.#apply(assigned)
        while (!this.#rejoin && !this.#lost && !this.#closed) {
          await this.#changed.wait()
        }
      }
    } catch (error) {
      if (!this.#closed) this.#host.fail(error as never)
    }
  }

  /** The partitions that we are to have; undefined: it has to be tried again. */
  async #join(): Promise<readonly TopicPartition[] | undefined> {
    clearTimeout(this.#heartbeat)
    this.#joining = true
    // Heartbeats may have asked for it more than once while rows were waited for.
    this.#rejoin = false
    try {
      const joined = await this.#coordinator.join(this.#identity, this.#sessionMs, this.#rebalanceMs, [
        { name: this.#protocol, metadata: this.#subscription() },
      ])
      if (this.#closed) return undefined
      if (joined.errorCode === Code.MEMBER_ID_REQUIRED) {
        this.#memberId = joined.memberId!
        return undefined
      }
      if (joined.errorCode !== Code.NO_ERROR) return await this.#onRefused(joined.errorCode)
      this.#memberId = joined.memberId!
      this.#generation = joined.generationId
      this.#isLeader = joined.leader === joined.memberId
      const shares = this.#isLeader ? await this.#share(joined.members) : []
      const synced = await this.#coordinator.sync(this.#identity, this.#protocol, shares)
      if (this.#closed) return undefined
      if (synced.errorCode !== Code.NO_ERROR) return await this.#onRefused(synced.errorCode)
      this.#lastAnswer = performance.now()
      this.#lastBeat = this.#lastAnswer
      this.#beat()
      const { assignedPartitions } = this.#cluster.client.decodeConsumerProtocolAssignment(synced.assignment)
      return assignedPartitions.flatMap(({ topic, partitions }) =>
        partitions.map((partition) => ({ topic, partition })),
      )
    } catch (error) {
      await this.#onOutage(error)
      return undefined
    } finally {
      this.#joining = false
    }
  }

  async #onRefused(code: number): Promise<undefined> {
    if (code === Code.UNKNOWN_MEMBER_ID || code === Code.ILLEGAL_GENERATION) this.#forgetMember(code)
    else if (!isRetriable(code)) throw groupFailure(this.#groupId, code)
    if (code !== Code.REBALANCE_IN_PROGRESS) await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    return undefined
  }

  /** An outage is waited for, and so is a group whose coordinator is being chosen. */
  async #onOutage(error: unknown): Promise<void> {
    const isOutage =
      error instanceof Disconnected ||
      (error as { code?: unknown }).code === 'CONNECT' ||
      (error instanceof BrokerError && isRetriable(error.status))
    if (!isOutage || this.#closed) throw error
    this.#host.logger.warn({}, `group ${this.#groupId}: ${(error as Error).message}; trying again`)
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
  }

  /** What we have may be another member's already. */
  #forgetMember(code: number): void {
    if (code === Code.UNKNOWN_MEMBER_ID) this.#memberId = ''
    this.#generation = -1
    this.#lost = this.#host.assignment.readers.length > 0
    this.#changed.notify()
  }

  #subscription(): Buffer {
    const owned = this.#isCooperative ? this.#host.assignment.readers : []
    const generation = Buffer.alloc(4)
    generation.writeInt32BE(this.#generation)
    return this.#cluster.client.encodeConsumerProtocolSubscription({
      version: 2,
      topics: [...this.#topics],
      userData: this.#isCooperative ? generation : Buffer.alloc(0),
      ownedPartitions: [...Map.groupBy(owned, ({ topic }) => topic)].map(([topic, those]) => ({
        topic,
        partitions: those.map(({ partition }) => partition),
      })),
      generationId: this.#generation,
    } as never)
  }

  async #share(joined: readonly { memberId: string; metadata?: Buffer | null }[]) {
    const { client } = this.#cluster
    const members = joined.map(({ memberId, metadata }): Member => {
      const { topics, ownedPartitions, generationId } = client.decodeConsumerProtocolSubscription(metadata as Buffer)
      return { id: memberId, topics, owned: ownedPartitions, generation: generationId }
    })
    this.#counts = await this.#count([...new Set(members.flatMap(({ topics }) => topics))])
    const shares = this.#assign(members, (topic) => this.#counts.get(topic) ?? 0)
    return [...shares].map(([memberId, partitions]) => ({
      memberId,
      assignment: client.encodeConsumerProtocolAssignment({
        version: 1,
        assignedPartitions: [...Map.groupBy(partitions, ({ topic }) => topic)].map(([topic, those]) => ({
          topic,
          partitions: those.map(({ partition }) => partition),
        })),
      } as never),
    }))
  }

  async #count(topics: readonly string[]): Promise<Map<string, number>> {
    const found = await this.#host.ask(topics)
    return new Map(found.map(({ name, partitions }) => [name, partitions]))
  }

  async #apply(assigned: readonly TopicPartition[]): Promise<void> {
    const { assignment } = this.#host
    const wanted = new Set(assigned.map(keyOf))
    const gone = assignment.readers.filter((reader) => !wanted.has(keyOf(reader)))
    if (gone.length > 0) {
      await assignment.revoke(gone, false)
      // Others wait for them.
      if (this.#isCooperative) this.#rejoin = true
    }
    if (this.#closed || this.#lost) return
    await assignment.assign(assigned.filter((place) => !assignment.has(place)))
    if (this.#rejoin) assignment.awaited = true
  }

  // ---- beside the loop

  /**
   * The next one counts from when the last was sent, not from its answer, and where it is late goes out at once: a step that
   * keeps this thread busy lets it in only between two batches, and another timer would cost one batch more.
   */
  #beat(): void {
    clearTimeout(this.#heartbeat)
    if (this.#closed) return
    const ms = this.#lastBeat + this.#heartbeatMs - performance.now()
    if (ms <= 0) void this.#beatOnce()
    else this.#heartbeat = setTimeout(() => void this.#beatOnce(), ms)
  }

  async #beatOnce(): Promise<void> {
    const identity = this.#identity
    this.#lastBeat = performance.now()
    let code: number = Code.NETWORK_EXCEPTION
    try {
      code = (await this.#coordinator.heartbeat(identity)).errorCode
    } catch (error) {
      if (!this.#closed) this.#host.logger.debug({}, `heartbeat: ${(error as Error).message}`)
    }
    // It was of a generation that is over.
    if (
      this.#closed ||
      this.#joining ||
      identity.generation !== this.#generation ||
      identity.memberId !== this.#memberId
    )
      return
    const now = performance.now()
    if (code === Code.NO_ERROR) this.#lastAnswer = now
    else if (code === Code.REBALANCE_IN_PROGRESS) {
      this.#lastAnswer = now
      this.#joinAgain()
    } else if (code === Code.UNKNOWN_MEMBER_ID || code === Code.ILLEGAL_GENERATION) {
      this.#forgetMember(code)
      return
    } else if (!isRetriable(code)) {
      this.#host.fail(groupFailure(this.#groupId, code))
      return
    } else if (now - this.#lastAnswer > this.#sessionMs) {
      // Nobody has heard of us for a session: the group has given us up.
      this.#forgetMember(Code.ILLEGAL_GENERATION)
      return
    }
    this.#beat()
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#refresh)
    if (!this.#closed) this.#refresh = setTimeout(() => void this.#look(), ms)
  }

  /** The leader looks whether there are more partitions; every member whether a topic that was unknown is there again. */
  async #look(): Promise<void> {
    try {
      const counts = await this.#count(this.#topics)
      if (this.#closed) return
      for (const [topic, count] of counts) {
        if (count > 0) this.#unknown.known(topic)
        else this.suspect(topic)
      }
      const grown = [...counts].some(([topic, count]) => count > (this.#counts.get(topic) ?? count))
      if (this.#isLeader && grown) this.#joinAgain()
    } catch (error) {
      if (error instanceof BrokerError && isUnknownTopic(error.status)) return
    }
    this.#lookIn(this.#unknown.any ? UNKNOWN_AGAIN_MS : this.#refreshMs)
  }
}
