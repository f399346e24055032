/**
 * A real Apache Kafka for tests and for `npm run kafka`: one broker and controller in KRaft mode, from the jars that
 * Maven brings (pom.xml beside this file) into .cache/. Its JVMs end when the process that started them does, however
 * that ends: they watch their standard input. The broker's folder goes with it.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { connectKafka, type Kafka } from './kafka-admin.ts'

const run = promisify(execFile)
const here = fileURLToPath(new URL('.', import.meta.url))
const cache = fileURLToPath(new URL('../../.cache/', import.meta.url))
const pom = join(here, 'pom.xml')
const sources = ['KafkaBroker.java', 'KafkaAdmin.java'].map((file) => join(here, 'java', file))

export interface KafkaOptions {
  /** Of the broker, over the defaults below. */
  readonly config?: Readonly<Record<string, string>>
  /** Default: a free one. */
  readonly port?: number
  /** Megabytes of heap. Default 1024. */
  readonly heap?: number
}

export interface StartedKafka extends Kafka {
  /** Stops the broker as SIGKILL does; its log stays. */
  kill(): Promise<void>
  /** Starts a killed broker again, on the same port with the same log. */
  start(): Promise<void>
  restart(): Promise<void>
  /** The broker stands still, as in a long garbage collection: connections stay, nothing is answered. */
  pause(): void
  resume(): void
  /** Stops everything and removes the log. Idempotent. */
  stop(): Promise<void>
}

/** Makes a folder whole or not at all: other processes may be making the same one. */
async function cached(folder: string, make: (folder: string) => Promise<void>): Promise<string> {
  if (existsSync(folder)) return folder
  await mkdir(cache, { recursive: true })
  const unfinished = await mkdtemp(`${folder}-`)
  try {
    await make(unfinished)
    await rename(unfinished, folder).catch((error) => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return folder
}

/** The class path of Kafka and of our two programs; the first time, Maven brings the jars (54 MB). */
export async function kafkaClasspath(): Promise<string> {
  const version = /<kafka.version>(.+)<\/kafka.version>/.exec(readFileSync(pom, 'utf8'))![1]!
  const jars = await cached(join(cache, `kafka-${version}`), async (folder) => {
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${folder}`]
    await run('mvn', ['-q', '-B', '-f', pom, ...goal]).catch((error: Error & { stdout?: string }) => {
      throw new Error(`Maven did not bring Kafka ${version}: ${error.message}\n${error.stdout ?? ''}`)
    })
  })
  const hash = createHash('sha256')
  for (const file of [pom, ...sources]) hash.update(readFileSync(file))
  const classes = await cached(join(cache, `kafka-classes-${hash.digest('hex').slice(0, 12)}`), async (folder) => {
    await run('javac', ['-d', folder, '-cp', join(jars, '*'), ...sources])
  })
  return [classes, join(jars, '*')].join(delimiter)
}

/** Two that differ: both are held before either is let go. */
async function freePorts(): Promise<readonly [number, number]> {
  const servers = [createServer(), createServer()] as const
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening')
  const [first, second] = servers.map((server) => (server.address() as AddressInfo).port)
  for (const server of servers) await once(server.close(), 'close')
  return [first!, second!]
}

function properties(
  folder: string,
  port: number,
  controller: number,
  config: Readonly<Record<string, string>>,
): string {
  const all = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controller}`,
    listeners: `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    'controller.listener.names': 'CONTROLLER',
    'log.dirs': join(folder, 'log'),
    'auto.create.topics.enable': 'false',
    'group.initial.rebalance.delay.ms': '0',
    // A killed broker is let in again once its old session has ended.
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    // Tests end sessions early on purpose.
    'group.min.session.timeout.ms': '1000',
    // Tests write records of 1970; nothing is deleted for its age.
    'log.retention.ms': '-1',
    // Compaction is waited for.
    'log.cleaner.backoff.ms': '200',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '4',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    ...config,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}=${value.replaceAll('\\', '\\\\')}\n`)
  return lines.join('')
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

export async function startKafka(options: KafkaOptions = {}): Promise<StartedKafka> {
  const classpath = await kafkaClasspath()
  const folder = await mkdtemp(join(tmpdir(), 'sabot-kafka-'))
  const [free, controller] = await freePorts()
  const port = options.port ?? free
  const bootstrapServers = `127.0.0.1:${port}`
  await writeFile(join(folder, 'server.properties'), properties(folder, port, controller, options.config ?? {}))

  // Standard input is a pipe that nobody writes to: it ends with this process.
  const java = (heap: number, program: string, ...args: string[]) =>
    // A JVM without memory ends, and what waits for it fails, instead of one of its threads ending and all going quiet.
    spawn('java', [`-Xmx${heap}m`, '-XX:+ExitOnOutOfMemoryError', '-cp', classpath, program, ...args], {
      stdio: ['pipe', 'pipe', 'pipe'],
    })
  let output = ''
  const startBroker = () => {
    const child = java(options.heap ?? 1024, 'KafkaBroker', folder)
    const keep = (data: Buffer) => {
      output = (output + data.toString()).slice(-20_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    return child
  }
  let broker = startBroker()
  const admin = java(512, 'KafkaAdmin', bootstrapServers)
  admin.stderr.pipe(process.stderr)

  /** Not before the end of this process, where nothing can be awaited. */
  const atExit = () => {
    for (const child of [broker, admin]) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  }
  process.on('exit', atExit)
  const stop = async () => {
    process.off('exit', atExit)
    await Promise.all([end(broker), end(admin)])
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }

  try {
    const adminPort = await Promise.race([
      once(createInterface({ input: admin.stdout }), 'line').then(([line]) => Number(line)),
      once(admin, 'exit').then(() => Promise.reject(new Error('KafkaAdmin ended'))),
    ])
    const early = () =>
      once(broker, 'exit').then(([code, signal]) =>
        Promise.reject(new Error(`Kafka ended with ${signal ?? code} before it was ready:\n${output}`)),
      )
    const address = { bootstrapServers, adminPort, classpath, logs: join(folder, 'log') }
    const kafka = await Promise.race([connectKafka(address), early()])
    const kill = () => end(broker)
    const start = async () => {
      await end(broker)
      broker = startBroker()
      const check = await Promise.race([connectKafka(address), early()])
      check.close()
    }
    return {
      ...kafka,
      kill,
      start,
      restart: start,
      pause: () => broker.kill('SIGSTOP'),
      resume: () => broker.kill('SIGCONT'),
      async stop() {
        kafka.close()
        await stop()
      },
    }
  } catch (error) {
    await stop()
    throw error
  }
}
