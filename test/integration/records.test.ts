/** What a record is besides its columns: null and empty things, headers, keys, times, partitions, exact integers. */
import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { col, type KafkaSourceOptions, lit, Stream } from '../../src/index.ts'
import type { KafkaRecord, ReadRecord } from '../support/kafka-admin.ts'
import { plainRows, recordingLogger } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const quiet = { signals: false } as const

async function topicOf(name: string, records: readonly KafkaRecord[] = [], partitions = 1): Promise<string> {
  const topic = unique(name)
  // Kafka takes no times that are more than an hour ahead, unless it is told so.
  await kafka.createTopic(topic, partitions, { 'message.timestamp.after.max.ms': '9223372036854775807' })
  await kafka.produce(topic, records)
  return topic
}

const from = <S extends Partial<KafkaSourceOptions>>(topic: string, options: S) =>
  ({ bootstrapServers, topic, until: 'end', ...options }) as const

const textOf = (bytes: Buffer | null) => bytes?.toString() ?? null
const values = (records: readonly ReadRecord[]) => records.map(({ value }) => textOf(value))
const keys = (records: readonly ReadRecord[]) => records.map(({ key }) => textOf(key))
const headersOf = ({ headers }: ReadRecord) => headers.map(([name, value]) => [name, textOf(value)])

describe('a null key, a tombstone, an empty value and JSON null are different things', () => {
  const records: KafkaRecord[] = [
    { key: null, value: '{"id":1}' },
    { key: '', value: '{"id":2}' },
    { key: 'tombstone', value: null },
    { key: 'empty', value: '' },
    { key: 'null', value: 'null' },
    { key: 'last', value: '{"id":6}' },
  ]

  test.each(['bytes', 'string'] as const)(
    'they come through %s as they were, copied or written anew',
    async (codec) => {
      const input = await topicOf(codec, records)
      const [copied, written] = [await topicOf('copied'), await topicOf('written')]
      const stream = Stream.fromKafka({ ...from(input, {}), codec } as KafkaSourceOptions & { codec: 'bytes' })
      await stream.toKafka({ topic: copied }).run(quiet)
      // A step that names the value: it is decoded, and encoded again.
      await stream
        .withColumns({ value: col('value') })
        .toKafka({ topic: written })
        .run(quiet)
      for (const topic of [copied, written]) {
        const read = await kafka.consume(topic)
        expect(values(read)).toEqual(records.map(({ value }) => value))
        expect(keys(read)).toEqual(records.map(({ key }) => key))
      }
    },
  )

  test('as JSON a tombstone is a row of nulls and stays one; the empty value and JSON null are no rows', async () => {
    const input = await topicOf('json', records)
    const output = await topicOf('json-out')
    const logger = recordingLogger()
    const source = from(input, { schema: { id: 'int64' }, onError: 'skip', logger } as const)
    const metrics = await Stream.fromKafka(source)
      .withColumns({ next: col('id').add(1) })
      .toKafka({ topic: output })
      .run(quiet)
    const read = await kafka.consume(output)
    expect(values(read)).toEqual(['{"id":1,"next":2}', '{"id":2,"next":3}', null, '{"id":6,"next":7}'])
    expect(keys(read)).toEqual([null, '', 'tombstone', 'last'])
    expect(metrics).toMatchObject({ messagesIn: 6, rowsOut: 4 })
    expect(Object.values(metrics.errors).reduce((sum, count) => sum + count, 0)).toBe(2)
    const skipped = logger.lines.filter(({ message }) => message === 'row skipped').map(({ fields }) => fields)
    expect(skipped).toMatchObject([
      { topic: input, partition: 0, offset: 3n },
      { topic: input, partition: 0, offset: 4n },
    ])
    const table = await Stream.fromKafka({ ...source, key: 'string' })
      .select('id', '$key')
      .collect(quiet)
    expect(plainRows(table)).toEqual([
      { id: 1n, $key: null },
      { id: 2n, $key: '' },
      { id: null, $key: 'tombstone' },
      { id: 6n, $key: 'last' },
    ])
  })

  test('a tombstone passes a filter that asks for null, and no other', async () => {
    const input = await topicOf('tombstones', [records[0]!, records[2]!])
    const [nulls, numbers] = [await topicOf('nulls'), await topicOf('numbers')]
    const stream = Stream.fromKafka(from(input, { schema: { id: 'int64' } } as const))
    await stream.filter(col('id').isNull()).toKafka({ topic: nulls }).run(quiet)
    await stream.filter(col('id').ge(0)).toKafka({ topic: numbers }).run(quiet)
    expect([keys(await kafka.consume(nulls)), values(await kafka.consume(nulls))]).toEqual([['tombstone'], [null]])
    expect(values(await kafka.consume(numbers))).toEqual(['{"id":1}'])
  })
})

describe('a key that is JSON', () => {
  const records: KafkaRecord[] = [
    { key: '{"id": 9007199254740993, "region":"eu", "more":[1.0]}', value: '{"n":1, "x": 1.50}' },
    { key: null, value: '{"n":2}' },
    { key: '{"id":', value: '{"n":3}' },
    { key: '{"id":"x"}', value: '{"n":4}' },
    { key: '{"region":"us"}', value: null },
    { key: '{"id":6}', value: '{"n":6}' },
  ]
  const keyed = (topic: string, logger = recordingLogger()) =>
    Stream.fromKafka({
      ...from(topic, { schema: { n: 'int64' }, onError: 'skip' } as const),
      key: 'json',
      keySchema: { id: 'int64', region: 'utf8' },
      logger,
    })

  test('is a struct; what is no such JSON is a row error with its offset', async () => {
    const logger = recordingLogger()
    const table = await keyed(await topicOf('json-key', records), logger)
      .select('n', '$key')
      .collect(quiet)
    expect(plainRows(table)).toEqual([
      { n: 1n, $key: { id: 9007199254740993n, region: 'eu' } },
      { n: 2n, $key: null },
      { n: null, $key: { id: null, region: 'us' } },
      { n: 6n, $key: { id: 6n, region: null } },
    ])
    const skipped = logger.lines.filter(({ message }) => message === 'row skipped').map(({ fields }) => fields)
    expect(skipped).toMatchObject([
      { offset: 2n, code: 'DECODE' },
      { offset: 3n, code: 'SCHEMA' },
    ])
  })

  // A path is not native, so these rows go through TypeScript; isNotNull is, so those are fused.
  test.each<[string, (stream: ReturnType<typeof keyed>) => ReturnType<typeof keyed>, readonly number[]]>([
    ['in TypeScript', (stream) => stream.filter(col('$key.id').gt(0)), [0, 5]],
    ['natively', (stream) => stream.filter(col('$key').isNotNull()), [0, 4, 5]],
  ])('keeps its bytes where a filter asks for it %s', async (_, filtered, kept) => {
    const [input, output] = [await topicOf('json-key', records), await topicOf('json-key-out')]
    await filtered(keyed(input)).toKafka({ topic: output }).run(quiet)
    const read = await kafka.consume(output)
    expect(keys(read)).toEqual(kept.map((i) => records[i]!.key))
    expect(values(read)).toEqual(kept.map((i) => records[i]!.value))
  })

  test('is written as JSON again where it is told to be the key', async () => {
    const [input, output] = [await topicOf('json-key', records), await topicOf('json-key-out')]
    await keyed(input).toKafka({ topic: output, key: '$key' }).run(quiet)
    expect(keys(await kafka.consume(output))).toEqual([
      '{"id":9007199254740993,"region":"eu"}',
      null,
      '{"id":null,"region":"us"}',
      '{"id":6,"region":null}',
    ])
  })
})

describe('key, headers and timestamp', () => {
  const binary = Uint8Array.from({ length: 256 }, (_, i) => 255 - i)
  const records: KafkaRecord[] = [
    {
      key: binary,
      value: '{"id":1}',
      timestamp: 1,
      headers: [
        ['trace', 'a'],
        ['', 'empty name'],
        ['trace', 'b'],
        ['null', null],
        ['trace', 'a'],
        ['empty', ''],
        ['binary', binary],
        ['ключ', 'значение'],
      ],
    },
    { key: 'k', value: '{"id":2}', timestamp: 253_402_300_799_999 },
    { key: null, value: '{"id":3}', timestamp: 1_700_000_000_123, headers: [['only', '']] },
  ]
  const envelope = (read: readonly ReadRecord[]) =>
    read.map(({ key, timestamp, headers }) => ({
      key: key && [...key],
      timestamp,
      headers: headers.map(([name, value]) => [name, value && [...value]]),
    }))

  test.each<[string, (stream: Stream) => Stream]>([
    ['the bytes pass', (stream) => stream],
    ['the value is written anew', (stream) => stream.withColumns({ more: lit(true) })],
    ['a function sees the rows', (stream) => stream.map((row) => ({ ...row, more: true }))],
    ['a function sees the batches', (stream) => stream.mapBatches((batch) => batch)],
  ])('stay with their row where %s', async (_, steps) => {
    const [input, output] = [await topicOf('kept', records), await topicOf('kept-out')]
    await steps(Stream.fromKafka(from(input, {})))
      .toKafka({ topic: output })
      .run(quiet)
    const [before, after] = [await kafka.consume(input), await kafka.consume(output)]
    expect(after.map(({ value }) => JSON.parse(String(value)).id)).toEqual([1, 2, 3])
    expect(envelope(after)).toEqual(envelope(before))
  })

  test('are columns that a plan may name', async () => {
    const input = await topicOf('named', records)
    const stream = Stream.fromKafka(from(input, { schema: { id: 'int64' } } as const))
    const rows = plainRows(await stream.select('id', '$key', '$timestamp', '$headers', '$offset').collect(quiet))
    expect(rows.map(({ $key }) => $key && [...($key as Uint8Array)])).toEqual([[...binary], [107], null])
    expect(rows.map(({ $timestamp }) => Number($timestamp))).toEqual(records.map(({ timestamp }) => timestamp))
    type Header = { key: string; value: Uint8Array | null }
    const headers = rows.map(({ $headers }) =>
      ($headers as Header[]).map(({ key, value }) => [key, value && Buffer.from(value)]),
    )
    const expected = records.map(({ headers: list = [] }) =>
      list.map(([key, value]) => [key, value === null ? null : Buffer.from(value as string)]),
    )
    expect(headers).toEqual(expected)
    expect(rows.map(({ $offset }) => $offset)).toEqual([0n, 1n, 2n])
  })

  test('are left out where the sink is told so', async () => {
    const [input, output] = [await topicOf('without', records), await topicOf('without-out')]
    const before = Date.now()
    await Stream.fromKafka(from(input, {}))
      .toKafka({ topic: output, key: null, headers: null, timestamp: null })
      .run(quiet)
    const read = await kafka.consume(output)
    expect(read.map(({ key, headers }) => [key, headers])).toEqual([
      [null, []],
      [null, []],
      [null, []],
    ])
    for (const { timestamp } of read) expect(timestamp).toBeGreaterThanOrEqual(before)
    expect(values(read)).toEqual(records.map(({ value }) => value))
  })

  test('come from columns, where the sink is told which', async () => {
    const text = [
      '{"id":7,"name":"seven","at":"2001-02-03T04:05:06.789Z","tags":[{"key":"a","value":"AQI="},{"key":"a","value":null}]}',
      '{"id":-9007199254740993,"name":null,"at":"1970-01-01T00:00:00.001Z","tags":[]}',
      '{"id":0,"name":"ü","at":"2030-01-01T00:00:00.000Z","tags":null}',
    ]
    const input = await topicOf(
      'columns',
      text.map((value, i) => ({ key: `old ${i}`, value, headers: [['old', 'x']], timestamp: 5 })),
    )
    const schema = {
      id: 'int64',
      name: 'utf8',
      at: 'timestamp[ms]',
      tags: [{ key: 'utf8', value: 'binary' }],
    } as const
    const stream = Stream.fromKafka(from(input, { schema }))
    const written = async (options: object) => {
      const topic = await topicOf('columns-out')
      await stream.toKafka({ topic, ...options }).run(quiet)
      return kafka.consume(topic)
    }
    const all = await written({ key: 'name', headers: 'tags', timestamp: 'at' })
    expect(keys(all)).toEqual(['seven', null, 'ü'])
    expect(all.map(headersOf)).toEqual([
      [
        ['a', '\u0001\u0002'],
        ['a', null],
      ],
      [],
      [],
    ])
    expect(all.map(({ timestamp }) => new Date(timestamp).toISOString())).toEqual([
      '2001-02-03T04:05:06.789Z',
      '1970-01-01T00:00:00.001Z',
      '2030-01-01T00:00:00.000Z',
    ])
    expect(values(all)).toEqual(text)
    const byId = await written({ key: 'id' })
    expect(keys(byId)).toEqual(['7', '-9007199254740993', '0'])
    expect(byId.map(headersOf)).toEqual([[['old', 'x']], [['old', 'x']], [['old', 'x']]])
    expect(keys(await written({ key: col('id').mul(2) }))).toEqual(['14', '-18014398509481986', '0'])
    expect(keys(await written({ key: col('name').isNull() }))).toEqual(['false', 'true', 'false'])
  })

  test('a key that is no UTF-8 is an error where it is read as text, and none where it is not', async () => {
    const input = await topicOf('not-utf8', records)
    const options = { schema: { id: 'int64' }, onError: 'skip' } as const
    const ids = async (source: object) =>
      plainRows(
        await Stream.fromKafka({ ...from(input, options), ...source })
          .select('id', '$key')
          .collect(quiet),
      ).map(({ id }) => Number(id))
    expect(await ids({ key: 'bytes' })).toEqual([1, 2, 3])
    expect(await ids({ key: 'string' })).toEqual([2, 3])
  })
})

test('integers are exact to 64 bits, read, compared, computed and written', async () => {
  const ints = ['9007199254740993', '-9007199254740993', '9223372036854775807', '-9223372036854775808', '0']
  const uints = ['18446744073709551615', '9223372036854775808', '1', '0', '9007199254740993']
  const rows = ints.map((int, i) => `{"int":${int},"uint":${uints[i]},"decimal":"${int}.125"}`)
  const input = await topicOf(
    'exact',
    rows.map((value) => ({ value })),
  )
  const schema = { int: 'int64', uint: 'uint64', decimal: 'decimal(38,3)' } as const
  const stream = Stream.fromKafka(from(input, { schema }))
  const [all, some] = [await topicOf('exact-out'), await topicOf('exact-some')]
  await stream
    .withColumns({ copy: col('int'), less: col('int').div(2).isNull() })
    .toKafka({ topic: all })
    .run(quiet)
  expect(values(await kafka.consume(all))).toEqual(
    ints.map((int, i) => `{"int":${int},"uint":${uints[i]},"decimal":${int}.125,"copy":${int},"less":false}`),
  )
  await stream
    .filter(col('int').gt(9_007_199_254_740_992n))
    .select('int', { next: col('int').sub(1) })
    .toKafka({ topic: some })
    .run(quiet)
  expect(values(await kafka.consume(some))).toEqual([
    '{"int":9007199254740993,"next":9007199254740992}',
    '{"int":9223372036854775807,"next":9223372036854775806}',
  ])
  const inferred = await Stream.fromKafka(from(input, {})).select('int').collect(quiet)
  expect(plainRows(inferred).map(({ int }) => int)).toEqual(ints.map(BigInt))
})

describe('codec', () => {
  test('string reads and writes text, and a value that is no UTF-8 is an error of its row', async () => {
    const texts = ['plain', '', '"quoted"', 'zwei\nZeilen', '🦓 ü \u0000']
    const input = await topicOf(
      'text',
      [...texts, Uint8Array.of(0xc3, 0x28)].map((value) => ({ value })),
    )
    const output = await topicOf('text-out')
    const source = { ...from(input, { onError: 'skip' } as const), codec: 'string' } as const
    const metrics = await Stream.fromKafka(source)
      .filter(col('value').ne('plain'))
      .withColumns({ value: col('value') })
      .toKafka({ topic: output })
      .run(quiet)
    expect(values(await kafka.consume(output))).toEqual(texts.slice(1))
    expect(metrics.errors).toEqual({ DECODE: 1 })
    const json = await topicOf('text-json')
    await Stream.fromKafka(source).toKafka({ topic: json, codec: 'json' }).run(quiet)
    expect(values(await kafka.consume(json)).map((text) => JSON.parse(text!))).toEqual(
      texts.map((value) => ({ value })),
    )
  })

  test('bytes reads and writes anything, and becomes base64 as JSON', async () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    const input = await topicOf('binary', [{ value: all }, { value: '' }, { value: null }])
    const [output, json] = [await topicOf('binary-out'), await topicOf('binary-json')]
    const stream = Stream.fromKafka({ ...from(input, {}), codec: 'bytes' } as const)
    await stream
      .map((row) => row, { schema: { value: 'binary' } })
      .toKafka({ topic: output })
      .run(quiet)
    expect((await kafka.consume(output)).map(({ value }) => value && [...value])).toEqual([[...all], [], null])
    await stream.toKafka({ topic: json, codec: 'json' }).run(quiet)
    expect(values(await kafka.consume(json))).toEqual([
      `{"value":"${Buffer.from(all).toString('base64')}"}`,
      '{"value":""}',
      null,
    ])
  })
})

describe('a record goes to', () => {
  /** The keys of Kafka's own UtilsTest, empty and binary ones, and random ones. */
  const listed: (string | Uint8Array)[] = [
    ...['21', 'foobar', 'a-little-bit-long-string', 'a-little-bit-longer-string'],
    ...['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', 'abc', '', 'ü', 'key-1', '1234567890'],
    Uint8Array.of(97, 98, 99, 0),
    Uint8Array.of(255, 254, 128),
  ]
  let state = 1
  const randomByte = () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff
    return state >> 8
  }
  const random = Array.from({ length: 500 }, (_, i) => Uint8Array.from({ length: i % 23 }, randomByte))
  const records = [...listed, ...random].map((key, i) => ({ key, value: `{"i":${i}}` }))
  const byValue = (read: readonly ReadRecord[]) => new Map(read.map((record) => [String(record.value), record]))

  test('the partition of its key as Java places it', async () => {
    for (const partitions of [7, 12]) {
      const [java, ours] = [await topicOf('java', [], partitions), await topicOf('murmur2', [], partitions)]
      const places = await kafka.produce(java, records)
      await Stream.fromKafka(from(java, {})).toKafka({ topic: ours }).run(quiet)
      const read = byValue(await kafka.consume(ours))
      expect(records.map(({ value }) => read.get(value)?.partition)).toEqual(places.map(({ partition }) => partition))
    }
  })

  test("the partition of its key as librdkafka's own default places it", async () => {
    const [input, output] = [await topicOf('crc', records), await topicOf('crc-out', [], 7)]
    await Stream.fromKafka(from(input, {})).toKafka({ topic: output, partitioner: 'consistent' }).run(quiet)
    const read = byValue(await kafka.consume(output))
    // An empty key is no key to it.
    for (const { key, value } of records.filter(({ key }) => key.length > 0)) {
      expect(read.get(value)?.partition).toBe(crc32(key as string) % 7)
    }
    expect(read.size).toBe(records.length)
  })

  test('each partition in turn', async () => {
    const [input, output] = [await topicOf('turn', records), await topicOf('turn-out', [], 4)]
    await Stream.fromKafka(from(input, {})).toKafka({ topic: output, partitioner: 'roundRobin' }).run(quiet)
    expect(records).toHaveLength(512)
    expect(await kafka.offsets(output)).toEqual([128, 128, 128, 128])
  })

  test('a partition for each batch', async () => {
    const [input, output] = [await topicOf('sticky', records), await topicOf('sticky-out', [], 4)]
    const { batches } = await Stream.fromKafka(from(input, { batch: { maxRows: 16 } }))
      .toKafka({ topic: output, partitioner: 'sticky' })
      .run(quiet)
    const read = byValue(await kafka.consume(output))
    const partitions = records.map(({ value }) => read.get(value)?.partition)
    const runs = partitions.filter((partition, i) => i === 0 || partition !== partitions[i - 1]).length
    expect(runs).toBeGreaterThan(1)
    expect(runs).toBeLessThanOrEqual(batches)
    expect(batches).toBeLessThan(records.length / 2)
  })

  test('the partition that it was read from, or that a column holds', async () => {
    const input = await topicOf('placed', [], 3)
    await kafka.produce(
      input,
      Array.from({ length: 30 }, (_, i) => ({ key: 'same', value: `{"i":${i}}`, partition: i % 3 })),
    )
    const [kept, chosen] = [await topicOf('placed-kept', [], 3), await topicOf('placed-chosen', [], 5)]
    const stream = Stream.fromKafka(from(input, { schema: { i: 'int32' } } as const))
    await stream.toKafka({ topic: kept, partitioner: 'source' }).run(quiet)
    const places = (read: readonly ReadRecord[]) =>
      read.map(({ partition, value }) => [partition, JSON.parse(String(value)).i])
    expect(places(await kafka.consume(kept))).toEqual(places(await kafka.consume(input)))
    await stream
      .withColumns({ p: col('i').mod(5) })
      .toKafka({ topic: chosen, partition: 'p' })
      .run(quiet)
    const read = places(await kafka.consume(chosen))
    expect(read).toHaveLength(30)
    for (const [partition, i] of read) expect(partition).toBe(i % 5)
  })
})
