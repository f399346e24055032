/** Which topics and partitions a run reads, also those that come to be while it runs. */
import { describe, expect, test } from 'vitest'
import { type KafkaSourceOptions, type Run, Stream } from '../../src/index.ts'
import { eventually, plainRows, recordingLogger } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const quiet = { signals: false } as const

type Options = Partial<Omit<KafkaSourceOptions, 'schema' | 'codec'>>

const topicOf = async (name: string, partitions = 1): Promise<string> => {
  await kafka.createTopic(name, partitions)
  return name
}

const write = (topic: string, partition: number, ...values: string[]) =>
  kafka.produce(
    topic,
    values.map((value) => ({ partition, value })),
  )

const source = (topic: string | readonly string[] | RegExp, options: Options) =>
  Stream.fromKafka({ bootstrapServers, topic, ...options, codec: 'string' })

/** A bounded read: `topic[partition] value`, in order. */
async function read(topic: string | readonly string[] | RegExp, options: Options = {}): Promise<string[]> {
  const table = await source(topic, { until: 'end', ...options })
    .select('$topic', '$partition', 'value')
    .collect(quiet)
  return plainRows(table)
    .map(({ $topic, $partition, value }) => `${$topic}[${$partition}] ${value}`)
    .sort()
}

/** A run that goes on, copying into a topic; ended with the test. */
async function running(
  topic: string | readonly string[] | RegExp,
  options: Options,
  work: (to: string, run: Run) => Promise<void>,
) {
  const to = await topicOf(unique('copied'), 2)
  const run = source(topic, { metadataRefreshMs: 200, ...options })
    .toKafka({ topic: to, lingerMs: 0 })
    .start(quiet)
  const failed = run.done.then(() => {})
  try {
    await Promise.race([work(to, run), failed])
  } finally {
    await run.stop()
  }
}

const copied = async (topic: string): Promise<string[]> =>
  (await kafka.consume(topic)).map(({ value }) => String(value)).sort()

const holds = (topic: string, ...values: string[]) =>
  eventually(
    async () => (await kafka.offsets(topic)).reduce((a, b) => a + b) >= values.length,
    `${topic} holds ${values.length} records`,
  ).then(async () => expect(await copied(topic)).toEqual(values.toSorted()))

describe.each([
  ['without a group', () => ({})],
  ['with a group', () => ({ groupId: unique('group') })],
])('%s', (_, group: () => Options) => {
  test('several topics are read, each once, however often it is named', async () => {
    const [a, b] = [await topicOf(unique('a'), 2), await topicOf(unique('b'))]
    await write(a, 0, '1', '2')
    await write(a, 1, '3')
    await write(b, 0, '4')
    expect(await read([a, b, a], group())).toEqual([`${a}[0] 1`, `${a}[0] 2`, `${a}[1] 3`, `${b}[0] 4`])
  })

  test('a RegExp reads every topic that it matches and no other', async () => {
    const prefix = unique('orders')
    for (const name of ['de', 'fr', 'de-old']) await write(await topicOf(`${prefix}.${name}`), 0, name)
    expect(await read(new RegExp(`^${prefix}\\.(de|fr)$`), group())).toEqual([
      `${prefix}.de[0] de`,
      `${prefix}.fr[0] fr`,
    ])
    // As RegExp.test has it: no anchors are added.
    expect(await read(new RegExp(`${prefix}.DE`, 'gi'), group())).toEqual([
      `${prefix}.de-old[0] de-old`,
      `${prefix}.de[0] de`,
    ])
  })

  test('a topic that a RegExp matches and that is made while the run goes on is read from its beginning', async () => {
    const prefix = unique('growing')
    await write(await topicOf(`${prefix}.1`), 0, 'a')
    await running(new RegExp(`^${prefix}\\.\\d$`), group(), async (to) => {
      await holds(to, 'a')
      await write(await topicOf(`${prefix}.2`, 3), 2, 'b', 'c')
      await write(await topicOf(`${prefix}.x`), 0, 'not matched')
      await holds(to, 'a', 'b', 'c')
      await write(`${prefix}.1`, 0, 'd')
      await holds(to, 'a', 'b', 'c', 'd')
    })
  })

  test('a RegExp that matches nothing yet waits for a topic', async () => {
    const prefix = unique('later')
    const logger = recordingLogger()
    await running(new RegExp(`^${prefix}`), { ...group(), logger }, async (to) => {
      await eventually(() => logger.lines.some(({ message }) => message.includes('waiting')), 'the log says so')
      await write(await topicOf(prefix), 0, 'a')
      await holds(to, 'a')
    })
  })

  test('partitions that are added while the run goes on are found and read from their beginning', async () => {
    const topic = await topicOf(unique('partitions'))
    await write(topic, 0, 'a')
    await running(topic, group(), async (to, run) => {
      await holds(to, 'a')
      await kafka.addPartitions(topic, 4)
      await write(topic, 3, 'b', 'c')
      await write(topic, 1, 'd')
      await holds(to, 'a', 'b', 'c', 'd')
      await write(topic, 0, 'e')
      await write(topic, 2, 'f')
      await holds(to, 'a', 'b', 'c', 'd', 'e', 'f')
      const assigned = run.metrics().assigned.map(({ partition }) => partition)
      expect(assigned.sort()).toEqual([0, 1, 2, 3])
    })
  })

  test('a topic that is deleted while the run goes on is waited for, and read from its beginning once it is made anew', async () => {
    const [topic, other] = [await topicOf(unique('anew')), await topicOf(unique('stays'))]
    await write(topic, 0, 'a', 'b', 'c')
    await running([topic, other], { ...group(), commitIntervalMs: 100 }, async (to) => {
      await holds(to, 'a', 'b', 'c')
      await kafka.deleteTopic(topic)
      await write(other, 0, 'd')
      await holds(to, 'a', 'b', 'c', 'd')
      // The name is free only when the broker has let it go.
      const create = () =>
        kafka
          .createTopic(topic, 2)
          .then(() => true)
          .catch(() => false)
      await eventually(create, 'the topic is made anew')
      await write(topic, 0, 'e')
      await write(topic, 1, 'f')
      await holds(to, 'a', 'b', 'c', 'd', 'e', 'f')
    })
  })

  test('more partitions than rows, and more than a batch is wide', async () => {
    const topic = await topicOf(unique('wide'), 50)
    await write(topic, 7, 'a', 'b', 'c')
    await write(topic, 49, 'd')
    expect(await read(topic, { ...group(), batch: { maxRows: 1 } })).toEqual([
      `${topic}[49] d`,
      `${topic}[7] a`,
      `${topic}[7] b`,
      `${topic}[7] c`,
    ])
  })
})

test('a group whose topic is deleted before its rows are committed commits those of the others', async () => {
  const [gone, stays] = [await topicOf(unique('gone')), await topicOf(unique('stays'))]
  const groupId = unique('gone')
  for (const topic of [gone, stays]) await write(topic, 0, 'a')
  await running([gone, stays], { groupId, commitIntervalMs: 3_600_000 }, async (to, run) => {
    await holds(to, 'a', 'a')
    await kafka.deleteTopic(gone)
    await run.stop()
  })
  // The coordinator may take a position of the other before it has heard that the topic is gone.
  const committed = (await kafka.committed(groupId)).filter(({ topic }) => topic === stays)
  expect(committed).toMatchObject([{ topic: stays, partition: 0, offset: 1 }])
})

test('a group that goes on finds the partitions that were added while it was away', async () => {
  const topic = await topicOf(unique('away'))
  const groupId = unique('away')
  await write(topic, 0, 'a')
  expect(await read(topic, { groupId })).toEqual([`${topic}[0] a`])
  await kafka.addPartitions(topic, 2)
  await write(topic, 1, 'b')
  await write(topic, 0, 'c')
  expect(await read(topic, { groupId })).toEqual([`${topic}[0] c`, `${topic}[1] b`])
})
