/** The test Kafka itself: what other tests rely on. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { startKafka } from '../support/kafka.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const values = (records: readonly { readonly value: Buffer | null }[]) => records.map(({ value }) => value?.toString())

test('a topic has the partitions asked for, and more when they are added', async () => {
  const topic = unique('partitions')
  await kafka.createTopic(topic, 3, { 'cleanup.policy': 'compact' })
  expect(await kafka.offsets(topic)).toEqual([0, 0, 0])
  await kafka.addPartitions(topic, 5)
  expect(await kafka.offsets(topic, 'earliest')).toEqual([0, 0, 0, 0, 0])
  await expect(kafka.createTopic(topic)).rejects.toThrow(/TopicExistsException/)
})

test("records come back through Kafka's own console consumer", async () => {
  const topic = unique('console')
  await kafka.createTopic(topic)
  await kafka.produce(topic, [
    { key: 'a', value: '{"n":1}', headers: [['h', 'x']], timestamp: 1_700_000_000_000 },
    { key: null, value: null },
  ])
  const properties = ['print.key=true', 'print.headers=true', 'print.timestamp=true', 'print.offset=true']
  const result = await kafka.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', kafka.bootstrapServers, '--topic', topic, '--from-beginning', '--max-messages', '2'],
    ...properties.flatMap((property) => ['--property', property]),
  ])
  const [first, second] = result.stdout.split('\n')
  expect(first).toBe('CreateTime:1700000000000\tOffset:0\th:x\ta\t{"n":1}')
  expect(second).toMatch(/^CreateTime:\d+\tOffset:1\tNO_HEADERS\tnull\tnull$/)
  expect(result.code).toBe(0)
})

test('null, empty and binary keys and values, and duplicate headers, come back as they were', async () => {
  const topic = unique('bytes')
  await kafka.createTopic(topic)
  const binary = Uint8Array.of(0, 255, 128)
  await kafka.produce(topic, [
    { key: null, value: null },
    { key: '', value: '' },
    {
      key: binary,
      value: binary,
      headers: [
        ['k', 'one'],
        ['k', null],
        ['k', ''],
      ],
    },
  ])
  const [nulls, empties, bytes] = await kafka.consume(topic)
  expect([nulls?.key, nulls?.value, nulls?.headers]).toEqual([null, null, []])
  expect([empties?.key, empties?.value]).toEqual([Buffer.alloc(0), Buffer.alloc(0)])
  expect([bytes?.key, bytes?.value]).toEqual([Buffer.from(binary), Buffer.from(binary)])
  expect(bytes?.headers).toEqual([
    ['k', Buffer.from('one')],
    ['k', null],
    ['k', Buffer.alloc(0)],
  ])
})

test('a key goes to the partition of Java murmur2', async () => {
  const topic = unique('murmur2')
  await kafka.createTopic(topic, 100)
  const places = await kafka.produce(
    topic,
    ['21', 'foobar', 'a-little-bit-long-string'].map((key) => ({ key, value: '' })),
  )
  // The hashes that Kafka's own UtilsTest has for these keys, made positive.
  const hashes = [-973932308, -790332482, -985981536].map((hash) => (hash & 0x7fffffff) % 100)
  expect(places.map(({ partition }) => partition)).toEqual(hashes)
})

test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'])('records written with %s are read', async (compression) => {
  const topic = unique(compression)
  await kafka.createTopic(topic)
  const records = Array.from({ length: 500 }, (_, i) => ({ value: `row ${i}` }))
  await kafka.produce(topic, records, { config: { 'compression.type': compression, 'linger.ms': '20' } })
  expect(values(await kafka.consume(topic))).toEqual(records.map(({ value }) => value))
})

test('a transaction leaves a marker behind, and what it aborted is not for committed readers', async () => {
  const topic = unique('transaction')
  await kafka.createTopic(topic)
  await kafka.produce(topic, [{ value: 'a' }, { value: 'b' }], { transactionalId: topic })
  await kafka.produce(topic, [{ value: 'c' }], { transactionalId: topic, end: 'abort' })
  await kafka.produce(topic, [{ value: 'd' }])
  const committed = await kafka.consume(topic, { 'isolation.level': 'read_committed' })
  expect(committed.map(({ offset, value }) => [offset, value?.toString()])).toEqual([
    [0, 'a'],
    [1, 'b'],
    [5, 'd'],
  ])
  expect(values(await kafka.consume(topic))).toEqual(['a', 'b', 'c', 'd'])
  expect(await kafka.offsets(topic)).toEqual([6])
})

test('an open transaction holds back committed readers, and nothing else', async () => {
  const topic = unique('open')
  await kafka.createTopic(topic)
  await kafka.produce(topic, [{ value: 'a' }])
  await kafka.produce(topic, [{ value: 'b' }], { transactionalId: topic, end: 'open' })
  await kafka.produce(topic, [{ value: 'c' }])
  expect(values(await kafka.consume(topic, { 'isolation.level': 'read_committed' }))).toEqual(['a'])
  expect(values(await kafka.consume(topic))).toEqual(['a', 'b', 'c'])
})

test('offsets by time, the beginning moved, and a position committed', async () => {
  const topic = unique('offsets')
  await kafka.createTopic(topic)
  await kafka.produce(
    topic,
    [1000, 2000, 3000].map((timestamp) => ({ value: '', timestamp })),
  )
  expect(await kafka.offsets(topic, 1500)).toEqual([1])
  expect(await kafka.offsets(topic, 9999)).toEqual([-1])
  await kafka.deleteRecords(topic, 0, 2)
  expect(await kafka.offsets(topic, 'earliest')).toEqual([2])
  await kafka.commit(topic, topic, 0, 3)
  expect(await kafka.committed(topic)).toMatchObject([{ topic, partition: 0, offset: 3 }])
  expect(await kafka.describeGroup(topic)).toMatchObject({ state: 'Empty', members: [] })
  expect(await kafka.describeGroup(unique('nobody'))).toMatchObject({ state: 'Dead', members: [] })
})

test('a broker of its own may be killed, started again and stopped, and keeps its records meanwhile', async () => {
  const own = await startKafka({ heap: 512 })
  try {
    await own.createTopic('kept')
    await own.produce('kept', [{ value: 'a' }])
    await own.restart()
    await own.produce('kept', [{ value: 'b' }])
    expect(values(await own.consume('kept'))).toEqual(['a', 'b'])
  } finally {
    await own.stop()
  }
  await expect(own.createTopic('more')).rejects.toThrow(/closed/)
})

test('the broker ends with the process that started it, even one that is killed', async () => {
  const program = `
    import { startKafka } from ${JSON.stringify(new URL('../support/kafka.ts', import.meta.url).href)}
    const kafka = await startKafka({ heap: 512 })
    const [config] = (await kafka.tool('org.apache.kafka.tools.LogDirsCommand', [
      '--bootstrap-server', kafka.bootstrapServers, '--describe',
    ])).stdout.split('\\n').filter((line) => line.startsWith('{'))
    console.log(JSON.stringify([kafka.bootstrapServers, JSON.parse(config).brokers[0].logDirs[0].logDir]))
    await new Promise((resolve) => setTimeout(resolve, 60_000))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const [bootstrapServers, log] = JSON.parse(line) as [string, string]
  const answers = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect(Number(bootstrapServers.split(':')[1]), '127.0.0.1')
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
  expect(await answers()).toBe(true)
  expect(existsSync(log)).toBe(true)
  child.kill('SIGKILL')
  const patience = Date.now() + 10_000
  while ((await answers()) && Date.now() < patience) await sleep(50)
  expect(await answers()).toBe(false)
  expect(existsSync(dirname(log))).toBe(false)
})
