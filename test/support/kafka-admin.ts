/**
 * Kafka's own Java clients and command-line tools, for tests: what they write and read is what Kafka means. The
 * clients live in one small JVM (java/KafkaAdmin.java) beside the broker; every test process connects to it.
 */
import { spawn } from 'node:child_process'
import { open, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'

/** How another process reaches a Kafka that startKafka() started: plain data. */
export interface KafkaAddress {
  readonly bootstrapServers: string
  readonly adminPort: number
  readonly classpath: string
  /** The broker's folder of logs: in it one folder a partition, `topic-0`, with its segments. */
  readonly logs: string
}

/** A string stands for its UTF-8. */
export type Bytes = Uint8Array | string | null

export interface KafkaRecord {
  readonly key?: Bytes
  readonly value: Bytes
  readonly headers?: readonly (readonly [string, Bytes])[]
  /** Milliseconds since 1970. */
  readonly timestamp?: number
  /** Absent: Java's own partitioner, murmur2 of the key. */
  readonly partition?: number
}

export interface ReadRecord {
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly (readonly [string, Buffer | null])[]
}

export interface ProduceOptions {
  /** Of Java's producer: 'compression.type', 'linger.ms', ... */
  readonly config?: Readonly<Record<string, string>>
  /** Writes the records in one transaction, which ends by `end` (default commit; open: left to its time-out). */
  readonly transactionalId?: string
  readonly end?: 'commit' | 'abort' | 'open'
}

export interface GroupDescription {
  readonly state: string
  readonly type: string
  readonly assignor: string
  readonly members: readonly {
    readonly id: string
    readonly clientId: string
    readonly partitions: readonly { readonly topic: string; readonly partition: number }[]
  }[]
}

type Config = Readonly<Record<string, string>>

export interface Kafka {
  readonly address: KafkaAddress
  readonly bootstrapServers: string
  /** Resolves when every partition has a leader that answers. */
  createTopic(topic: string, partitions?: number, config?: Config): Promise<void>
  deleteTopic(topic: string): Promise<void>
  addPartitions(topic: string, total: number): Promise<void>
  alterTopic(topic: string, config: Config): Promise<void>
  /** Java's producer; resolves when all are acknowledged, with their places in the order given. */
  produce(
    topic: string,
    records: readonly KafkaRecord[],
    options?: ProduceOptions,
  ): Promise<readonly { readonly partition: number; readonly offset: number }[]>
  /** Java's consumer: every record up to the end offsets of now, partition by partition. */
  consume(topic: string, config?: Config): Promise<readonly ReadRecord[]>
  /** One a partition; a number is milliseconds, and -1 comes back where no record is that late. */
  offsets(topic: string, at?: 'earliest' | 'latest' | number): Promise<readonly number[]>
  /** Moves the beginning of a partition: everything before the offset is gone. */
  deleteRecords(topic: string, partition: number, before: number): Promise<void>
  committed(
    group: string,
  ): Promise<readonly { readonly topic: string; readonly partition: number; readonly offset: number }[]>
  /** Sets a group's committed position; refused while the group has members. */
  commit(group: string, topic: string, partition: number, offset: number): Promise<void>
  describeGroup(group: string): Promise<GroupDescription>
  /** Removes every member, as an operator does: each learns of it by its next heartbeat, and its partitions are lost. */
  removeMembers(group: string): Promise<void>
  /** Flips a bit of the one place in a partition's first segment where these bytes lie, as a failing disk does. */
  corrupt(topic: string, partition: number, bytes: string): Promise<void>
  /** Runs one of Kafka's command-line classes, such as org.apache.kafka.tools.consumer.ConsoleConsumer: about 2 s. */
  tool(mainClass: string, args: readonly string[], stdin?: string | Uint8Array): Promise<ToolResult>
  close(): void
}

export interface ToolResult {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
}

const encode = (bytes: Bytes | undefined): string | null =>
  bytes === null || bytes === undefined ? null : Buffer.from(bytes as Uint8Array).toString('base64')

const decode = (base64: string | null): Buffer | null => (base64 === null ? null : Buffer.from(base64, 'base64'))

/** Records of one request to the JVM: keeps its lines, and its memory, small. */
const chunk = 20_000

export async function connectKafka(address: KafkaAddress): Promise<Kafka> {
  const socket = connect(address.adminPort, '127.0.0.1')
  type Waiting = { resolve: (value: unknown) => void; reject: (error: Error) => void; more: unknown[][] }
  const waiting = new Map<number, Waiting>()
  let failure: Error | undefined
  let lastId = 0

  const fail = (error: Error) => {
    failure ??= error
    for (const { reject } of waiting.values()) reject(failure)
    waiting.clear()
    socket.unref()
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the connection to KafkaAdmin is closed')))
  createInterface({ input: socket }).on('line', (line) => {
    const answer = JSON.parse(line) as { id: number; ok?: unknown; error?: string; more?: unknown[] }
    const { resolve, reject, more } = waiting.get(answer.id)!
    if (answer.more !== undefined) {
      more.push(answer.more)
      return
    }
    waiting.delete(answer.id)
    // Only an answer that someone waits for keeps the process alive.
    if (waiting.size === 0) socket.unref()
    if (answer.error === undefined) resolve(more.length > 0 ? [...more, answer.ok].flat() : answer.ok)
    else reject(new Error(answer.error))
  })

  function call<T>(command: string, parameters: object): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (failure !== undefined) return reject(failure)
      const id = ++lastId
      waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, more: [] })
      socket.ref()
      socket.write(`${JSON.stringify({ id, command, ...parameters })}\n`)
    })
  }

  const { bootstrapServers } = address
  const kafka: Kafka = {
    address,
    bootstrapServers,
    createTopic: (topic, partitions = 1, config = {}) => call('createTopic', { topic, partitions, config }),
    deleteTopic: (topic) => call('deleteTopic', { topic }),
    addPartitions: (topic, total) => call('addPartitions', { topic, total }),
    alterTopic: (topic, config) => call('alterTopic', { topic, config }),
    async produce(topic, records, options = {}) {
      if (options.transactionalId !== undefined && records.length > chunk) {
        throw new RangeError(`one transaction: expected at most ${chunk} records; got ${records.length}`)
      }
      const places: { partition: number; offset: number }[] = []
      for (let from = 0; from < records.length; from += chunk) {
        const some = records.slice(from, from + chunk).map((record) => ({
          ...record,
          key: encode(record.key),
          value: encode(record.value),
          headers: record.headers?.map(([name, value]) => [name, encode(value)]),
        }))
        places.push(...(await call<typeof places>('produce', { topic, ...options, records: some })))
      }
      return places
    },
    async consume(topic, config = {}) {
      type Wire = { partition: number; offset: number; timestamp: number } & Record<'key' | 'value', string | null>
      const read = await call<(Wire & { headers: [string, string | null][] })[]>('consume', { topic, config })
      return read.map((record) => ({
        ...record,
        key: decode(record.key),
        value: decode(record.value),
        headers: record.headers.map(([name, value]) => [name, decode(value)] as const),
      }))
    },
    offsets: (topic, at = 'latest') => call('offsets', { topic, at }),
    deleteRecords: (topic, partition, before) => call('deleteRecords', { topic, partition, before }),
    committed: (group) => call('committed', { group }),
    commit: (group, topic, partition, offset) => call('commit', { group, topic, partition, offset }),
    describeGroup: (group) => call('describeGroup', { group }),
    removeMembers: (group) => call('removeMembers', { group }),
    async corrupt(topic, partition, bytes) {
      const path = join(address.logs, `${topic}-${partition}`, '00000000000000000000.log')
      const at = (await readFile(path)).indexOf(bytes)
      if (at < 0) throw new Error(`${path}: expected ${JSON.stringify(bytes)}; it is not there`)
      // In place: the broker has the file open, and sends what lies in it without a look.
      const file = await open(path, 'r+')
      try {
        await file.write(Buffer.from([Buffer.from(bytes)[0]! ^ 1]), 0, 1, at)
      } finally {
        await file.close()
      }
    },
    async tool(mainClass, args, stdin = '') {
      const child = spawn('java', ['-Xmx256m', '-cp', address.classpath, mainClass, ...args])
      const closed = new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject))
      // A tool may end without having read all of its input.
      child.stdin.on('error', () => {}).end(stdin)
      const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), closed])
      return { stdout, stderr, code }
    },
    close: () => {
      socket.destroy()
    },
  }
  await call('ready', {})
  return kafka
}
