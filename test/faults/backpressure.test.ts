/** A topic that is larger than every queue, and steps that are slow: memory stays bounded, the group keeps the member. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { backend } from '../support/backend.ts'
import { kafka, unique } from '../support/shared-kafka.ts'
import { type Job, startJob } from './job.ts'

const partitions = 4
const messages = 300_000
const mib = 1024 * 1024
const input = unique('large')

beforeAll(async () => {
  await kafka.createTopic(input, partitions)
  const folder = await mkdtemp(join(tmpdir(), 'sabot-payload-'))
  try {
    // 1 KiB a message, 300 MiB in all; by Kafka's own load generator.
    const payload = join(folder, 'payload.json')
    await writeFile(payload, `${JSON.stringify({ n: 1, text: 'x'.repeat(1_024 - 17) })}\n`)
    const { code, stderr, stdout } = await kafka.tool('org.apache.kafka.tools.ProducerPerformance', [
      ...['--topic', input, '--num-records', String(messages), '--payload-file', payload, '--throughput', '-1'],
      ...['--producer-props', `bootstrap.servers=${kafka.bootstrapServers}`, 'batch.size=200000', 'linger.ms=5'],
    ])
    if (code !== 0) throw new Error(`ProducerPerformance: ${stderr}${stdout}`)
  } finally {
    await rm(folder, { recursive: true })
  }
})

const maxQueueBytes = 4 * mib
/** What the options of the job below allow to lie anywhere between the broker and the sink's acknowledgement. */
const allowed =
  maxQueueBytes +
  // librdkafka's queue of fetched messages: each partition's, and the fetch that overshoots it.
  partitions * (2 * mib + mib) +
  // Rows in a step, in the inbox and at the sink, and their records until they are acknowledged.
  16 * 0.25 * mib +
  4 * mib
/** The allocator, the heap of JavaScript, stacks, sockets: not a function of the topic. */
const slack = 64 * mib
/**
 * Slabs that JavaScript has let go of stay until V8 collects: after so many bytes outside its heap at the latest. On js
 * what was fetched and what is written are JavaScript's too.
 */
const uncollected = (backend === 'native' ? 64 : 128) * mib

const job = {
  source: {
    bootstrapServers: kafka.bootstrapServers,
    topic: input,
    schema: { n: 'int64', text: 'utf8' },
    batch: { maxBytes: 0.25 * mib, maxQueueBytes },
    kafka: { 'queued.max.messages.kbytes': 2048, 'max.partition.fetch.bytes': mib, 'fetch.max.bytes': 4 * mib },
  },
  sink: { topic: '', maxQueueBytes: 4 * mib },
  tickMs: 20,
} as const

const lengthOf = async (topic: string): Promise<number> => (await kafka.offsets(topic)).reduce((a, b) => a + b)

/** A member of a group of its own; `pace`: how it is slower than its time-outs. */
const slowMember = async (pace: Pick<Job, 'stepMs' | 'blockMs'>) => {
  const [output, group] = [unique('out'), unique('group')]
  await kafka.createTopic(output, 1)
  const running = startJob({
    ...job,
    source: { ...job.source, groupId: group, sessionTimeoutMs: 1_500, maxPollIntervalMs: 1_500 },
    sink: { ...job.sink, topic: output },
    ...pace,
  })
  return { running, group }
}

test('a slow step on 300 MiB keeps the memory bounded, and the group keeps a member that is slower than its time-outs', async () => {
  expect(await lengthOf(input)).toBe(messages)
  const { running, group } = await slowMember({ stepMs: 2_000 })
  await running.tick(({ batches }) => batches >= 2)
  const before = await kafka.describeGroup(group)
  expect(before.members).toHaveLength(1)
  await running.tick(({ batches }) => batches >= 4)
  const after = await kafka.describeGroup(group)
  expect(after.state).toBe('Stable')
  expect(after.members.map(({ id }) => id)).toEqual(before.members.map(({ id }) => id))

  const ticks = running.lines.filter((line) => line.kind === 'tick')
  // Never without its partitions again.
  const first = ticks.findIndex(({ metrics }) => metrics.assigned.length > 0)
  for (const { metrics } of ticks.slice(first)) expect(metrics.assigned).toHaveLength(partitions)
  // Reading ran into the bound, so it was the bound that held it.
  const queued = Math.max(...ticks.map(({ metrics }) => metrics.queuedBytes))
  expect(queued).toBeGreaterThan(maxQueueBytes / 2)
  // A batch more than the bound for each worker.
  expect(queued).toBeLessThanOrEqual(maxQueueBytes + partitions * 0.5 * mib)

  const [idle] = running.lines
  const peak = Math.max(...ticks.map(({ rss }) => rss)) - (idle as Extract<typeof idle, { kind: 'idle' }>).rss
  expect(peak / mib).toBeLessThan((allowed + slack) / mib)
  running.signal('SIGTERM')
  expect(await running.exited, running.stderr()).toBe(0)
  expect((await kafka.describeGroup(group)).members).toEqual([])
})

test('a thread of JavaScript that is busy for long keeps its partitions', async () => {
  // Natively for longer than the session. On js heartbeats are this thread's too, and go out between two batches.
  const { running, group } = await slowMember({ blockMs: backend === 'native' ? 3_000 : 1_000 })
  await running.tick(({ batches }) => batches >= 1)
  const before = await kafka.describeGroup(group)
  await running.tick(({ batches }) => batches >= 3)
  const after = await kafka.describeGroup(group)
  expect(after.members.map(({ id }) => id)).toEqual(before.members.map(({ id }) => id))
  expect(after.members[0]!.partitions).toHaveLength(partitions)
  await running.kill()
})

test('the whole of 300 MiB goes through in the same memory', async () => {
  const output = unique('out')
  await kafka.createTopic(output, partitions)
  const running = startJob({
    ...job,
    source: { ...job.source, groupId: unique('group'), until: 'end' },
    sink: { ...job.sink, topic: output },
    stepMs: 0,
  })
  expect(await running.exited, running.stderr()).toBe(0)
  expect(await lengthOf(output)).toBe(messages)
  const [idle] = running.lines
  const ticks = running.lines.filter((line) => line.kind === 'tick')
  const peak = Math.max(...ticks.map(({ rss }) => rss)) - (idle as Extract<typeof idle, { kind: 'idle' }>).rss
  expect(peak / mib).toBeLessThan((allowed + slack + uncollected) / mib)
})
