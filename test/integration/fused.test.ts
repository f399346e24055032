/** A fused run writes what the same run writes with every row on the JavaScript thread, record by record. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { col, type RunMetrics, Stream, type ToKafkaOptions } from '../../src/index.ts'
import type { ReadRecord } from '../support/kafka-admin.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const schema = { id: 'int64', amount: 'float64', name: 'utf8', tags: ['utf8'] } as const
const quiet = { signals: false } as const
const partitions = 4
afterEach(() => void vi.unstubAllEnvs())

/** Rows of every shape that a record may have. */
async function produced(): Promise<string> {
  const topic = unique('mixed')
  await kafka.createTopic(topic, partitions)
  const records = Array.from({ length: 3_000 }, (_, i) => ({
    key: i % 7 === 0 ? null : `key ${i % 50}`,
    value:
      i % 11 === 0
        ? null
        : i % 13 === 0
          ? '{"id": 1, "amount": '
          : `{ "amount" : ${i}.50, "id":${i}, "name": "n${i} é", "other": [${i}], "tags": ["a", null, "${i}"] }`,
    timestamp: 1_700_000_000_000 + i,
    headers:
      i % 5 === 0
        ? ([
            ['h', String(i)],
            ['h', ''],
            ['h', null],
            ['trace', 'x'.repeat(i % 300)],
          ] as const)
        : [],
  }))
  await kafka.produce(topic, records, { config: { 'compression.type': 'zstd', 'linger.ms': '5' } })
  return topic
}

const orders = (topic: string) =>
  Stream.fromKafka({ bootstrapServers, topic, schema, from: 'earliest', until: 'end', onError: 'skip' })

type Plan = (topic: string, to: ToKafkaOptions) => { run(options: object): Promise<RunMetrics>; explain(): string }

/** Sorted by their times, which are all different. A row without a key goes to any partition, unless the source's. */
const comparable = (records: readonly ReadRecord[], keepsPartition: boolean) =>
  records
    .map(({ partition, key, value, headers, timestamp }) => ({
      partition: key === null && !keepsPartition ? -1 : partition,
      key: key?.toString(),
      value: value?.toString(),
      headers: headers.map(([name, header]) => [name, header?.toString()]),
      timestamp,
    }))
    .sort((a, b) => a.timestamp - b.timestamp)

async function both(plan: Plan, to: Omit<ToKafkaOptions, 'topic'> = {}) {
  const topic = await produced()
  const ways = []
  for (const fused of ['1', '0']) {
    vi.stubEnv('SABOT_FUSED', fused)
    const out = unique('out')
    await kafka.createTopic(out, partitions)
    const stream = plan(topic, { topic: out, ...to } as ToKafkaOptions)
    expect(stream.explain()).toMatch(fused === '1' ? '\n  fused: ' : '\n  not fused: SABOT_FUSED=0 is set')
    const { messagesIn, rowsIn, rowsOut, bytesOut, errors } = await stream.run(quiet)
    ways.push({
      records: comparable(await kafka.consume(out), to.partitioner === 'source'),
      counted: { messagesIn, rowsIn, rowsOut, bytesOut, errors },
    })
  }
  return ways as [(typeof ways)[number], (typeof ways)[number]]
}

const plans: readonly [string, Plan, Omit<ToKafkaOptions, 'topic'>?][] = [
  ['every row, as it is', (topic, to) => orders(topic).toKafka(to)],
  ['a filter', (topic, to) => orders(topic).filter(col('amount').gt(1000)).toKafka(to)],
  ['another compression', (topic, to) => orders(topic).toKafka(to), { compression: 'gzip' }],
  ['no key, no headers', (topic, to) => orders(topic).toKafka(to), { key: null, headers: null, partitioner: 'source' }],
  ['the partition of the source', (topic, to) => orders(topic).toKafka(to), { partitioner: 'source' }],
  ['a key from a column', (topic, to) => orders(topic).filter(col('id').ge(10)).toKafka(to), { key: 'name' }],
  [
    'columns, encoded',
    (topic, to) => orders(topic).filter(col('id').ge(10)).select('tags', 'id', 'amount').toKafka(to),
  ],
]

describe('a fused run writes what an unfused one does:', () => {
  test.each(plans)('%s', async (_, plan, options) => {
    const [fused, unfused] = await both(plan, options)
    expect(fused.counted).toEqual(unfused.counted)
    expect(fused.records.length).toBeGreaterThan(500)
    expect(fused.records).toEqual(unfused.records)
  })

  test('also without a timestamp of its own', async () => {
    const [fused, unfused] = await both((topic, to) => orders(topic).toKafka(to), { timestamp: null })
    const texts = (records: readonly object[]) =>
      records.map((record) => JSON.stringify({ ...record, timestamp: 0 })).sort()
    expect(texts(fused.records)).toEqual(texts(unfused.records))
  })
})
