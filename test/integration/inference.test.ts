/** Columns that are inferred from the first rows, where the first rows are long in coming or unlike the later ones. */
import { describe, expect, test } from 'vitest'
import { col, type KafkaSourceOptions, Stream } from '../../src/index.ts'
import type { KafkaRecord } from '../support/kafka-admin.ts'
import { eventually, plainRows, recordingLogger } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const quiet = { signals: false } as const

async function topicOf(name: string, records: readonly KafkaRecord[] = [], partitions = 1): Promise<string> {
  const topic = unique(name)
  await kafka.createTopic(topic, partitions)
  await kafka.produce(topic, records)
  return topic
}

const rowsOf = async (topic: string) =>
  (await kafka.consume(topic)).map(({ value }) => value && (JSON.parse(String(value)) as unknown))

type Options = Partial<Omit<KafkaSourceOptions, 'schema' | 'codec'>>

/** A run that goes on, with the columns a (and b, from it), into a topic. */
async function running(from: string, options: Options, work: (to: string) => Promise<void>) {
  const to = await topicOf('inferred')
  const run = Stream.fromKafka({ bootstrapServers, topic: from, ...options })
    .withColumns({ b: col('a') })
    .toKafka({ topic: to, lingerMs: 0 })
    .start(quiet)
  const failed = run.done.then(() => {})
  try {
    await Promise.race([work(to), failed])
  } finally {
    await run.stop()
  }
}

const arrived = (topic: string, count: number) =>
  eventually(async () => (await kafka.offsets(topic)).reduce((a, b) => a + b) >= count, `${count} rows arrive`)

describe.each([
  ['without a group', (): Options => ({})],
  ['with a group', (): Options => ({ groupId: unique('group') })],
])('%s', (_, group) => {
  test('a run on an empty topic waits for its first row', async () => {
    const topic = await topicOf('empty', [], 3)
    await running(topic, group(), async (to) => {
      await kafka.produce(topic, [{ value: '{"a":1}' }])
      await arrived(to, 1)
      await kafka.produce(topic, [{ value: '{"a":2,"c":true}' }])
      await arrived(to, 2)
      expect(await rowsOf(to)).toEqual([
        { a: 1, b: 1 },
        { a: 2, b: 2 },
      ])
    })
  })

  test('a run on a topic that begins with tombstones waits for a row that tells columns', async () => {
    const topic = await topicOf('tombstones', [
      { key: 'x', value: null },
      { key: 'y', value: null },
    ])
    await running(topic, group(), async (to) => {
      await kafka.produce(topic, [{ key: 'z', value: '{"a":"text"}' }])
      await arrived(to, 3)
      expect(await rowsOf(to)).toEqual([null, null, { a: 'text', b: 'text' }])
    })
  })
})

test('partitions whose rows differ have their columns together', async () => {
  const topic = await topicOf(
    'differ',
    [
      { partition: 0, value: '{"a":1,"n":1,"at":"2001-02-03T04:05:06Z","s":{"x":1}}' },
      { partition: 1, value: '{"a":"one","n":2.5,"at":null,"s":{"y":[true]}}' },
      { partition: 2, value: '{"only":false,"a":{"deep":[1]}}' },
    ],
    3,
  )
  const table = await Stream.fromKafka({ bootstrapServers, topic, until: 'end' }).collect(quiet)
  const types = Object.fromEntries(table.schema.fields.map(({ name, type }) => [name, String(type)]))
  expect(types).toMatchObject({ a: 'Utf8', n: 'Float64', only: 'Bool' })
  expect(types.at).toMatch(/^Timestamp.*MILLI/i)
  const rows = plainRows(table).toSorted((one, other) => String(one.a).localeCompare(String(other.a)))
  expect(rows).toMatchObject([
    { a: '{"deep":[1]}', n: null, only: false, s: null },
    { a: '1', n: 1, s: { x: 1n, y: null } },
    { a: 'one', n: 2.5, at: null, s: { x: null, y: [true] } },
  ])
})

test('a later row that does not fit is passed over under skip, and its neighbours stay', async () => {
  const topic = await topicOf('later', [{ value: '{"a":1}' }])
  const logger = recordingLogger()
  await running(topic, { onError: 'skip', logger }, async (to) => {
    await arrived(to, 1)
    await kafka.produce(topic, [{ value: '{"a":"two"}' }, { value: '{"a":3,"new":1}' }, { value: '{"other":4}' }])
    await arrived(to, 3)
    expect(await rowsOf(to)).toEqual([
      { a: 1, b: 1 },
      { a: 3, b: 3 },
      { a: null, b: null },
    ])
  })
  const [skipped, ...more] = logger.lines.filter(({ message }) => message === 'row skipped')
  expect(more).toEqual([])
  expect(skipped!.fields).toMatchObject({ topic, partition: 0, offset: 1n, code: 'SCHEMA' })
})
