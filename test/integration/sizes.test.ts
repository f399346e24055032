/** Messages that are larger than a batch or the whole queue, queues that are full, and rows in their tens of thousands. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { col, Stream } from '../../src/index.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const quiet = { signals: false } as const
const mib = 1024 * 1024

async function topicOf(name: string, config: Readonly<Record<string, string>> = {}, partitions = 1): Promise<string> {
  const topic = unique(name)
  await kafka.createTopic(topic, partitions, config)
  return topic
}

test('a message that is larger than the queue is read, in its turn', async () => {
  const topic = await topicOf('large', { 'max.message.bytes': String(16 * mib) })
  const copy = await topicOf('large-copy', { 'max.message.bytes': String(16 * mib) })
  const sizes = [10, 900_000, 6 * mib, 20, 3 * mib, 30]
  await kafka.produce(
    topic,
    sizes.map((size, i) => ({ value: JSON.stringify({ i, text: String(i).repeat(size) }) })),
    { config: { 'max.request.size': String(16 * mib), 'buffer.memory': String(64 * mib) } },
  )
  const metrics = await Stream.fromKafka({
    bootstrapServers,
    topic,
    until: 'end',
    schema: { i: 'int32', text: 'utf8' },
    batch: { maxBytes: mib, maxQueueBytes: mib },
  })
    .withColumns({ twice: col('i').mul(2) })
    .toKafka({ topic: copy, batchBytes: 16 * mib })
    .run(quiet)
  expect(metrics.rowsOut).toBe(sizes.length)
  const read = (await kafka.consume(copy)).map(({ value }) => JSON.parse(String(value)))
  expect(read.map(({ i, twice }) => [i, twice])).toEqual(sizes.map((_, i) => [i, 2 * i]))
  for (const [i, { text }] of read.entries()) expect(text === String(i).repeat(sizes[i]!)).toBe(true)
})

test('a slow reader holds no more than the queue, and gets every row', async () => {
  const topic = await topicOf('slow', {}, 3)
  const pad = 'x'.repeat(1000)
  const count = 12_000
  await kafka.produce(
    topic,
    Array.from({ length: count }, (_, i) => ({ value: `{"i":${i},"pad":"${pad}"}`, partition: i % 3 })),
  )
  const seen = new Uint8Array(count)
  let most = 0
  const stop = new AbortController()
  const stream = Stream.fromKafka({
    bootstrapServers,
    topic,
    schema: { i: 'int32', pad: 'utf8' },
    batch: { maxRows: 1000, maxQueueBytes: 2 * mib, maxBytes: mib },
  }).mapBatches(async (batch) => {
    await sleep(20)
    most = Math.max(most, run.metrics().queuedBytes)
    for (const i of batch.getChild('i')!.toArray() as Int32Array) seen[i]!++
    if (seen.every((times) => times > 0)) stop.abort()
    return batch
  })
  const run = stream.toKafka({ topic: await topicOf('slow-out') }).start({ ...quiet, signal: stop.signal })
  const metrics = await run.done
  expect(seen.every((times) => times === 1)).toBe(true)
  expect(metrics.rowsOut).toBe(count)
  expect(most).toBeGreaterThan(0)
  // A batch that is on its way when the queue fills may come on top.
  expect(most).toBeLessThan(2 * mib + 4 * mib)
})

test('a sink whose queue is full waits, and writes every row', async () => {
  const [topic, copy] = [await topicOf('fast'), await topicOf('narrow')]
  const pad = 'x'.repeat(2000)
  const values = Array.from({ length: 5000 }, (_, i) => `{"i":${i},"pad":"${pad}"}`)
  await kafka.produce(
    topic,
    values.map((value) => ({ value })),
    { config: { 'compression.type': 'lz4', 'linger.ms': '20' } },
  )
  const metrics = await Stream.fromKafka({ bootstrapServers, topic, until: 'end' })
    .toKafka({ topic: copy, maxQueueBytes: mib, batchBytes: 16_384, maxInFlight: 1 })
    .run(quiet)
  expect(metrics.rowsOut).toBe(values.length)
  const read = await kafka.consume(copy)
  expect(read.map(({ value }) => String(value))).toEqual(values)
})
