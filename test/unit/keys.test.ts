/** Keys as Kafka's own serializers write them, and as JSON, on the embedded broker; by both backends. */
import { Binary, Field, Float64, List, Table, Utf8, vectorFromArray } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { col, EmbeddedBroker, SabotError, Stream } from '../../src/index.ts'
import { recordingLogger } from '../support/outcome.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const keys = {
  ints: ['00000005', 'fffffffe', null, '7fffffff', '80000000'],
  longs: ['0000000000000005', '7fffffffffffffff', null, '8000000000000000', 'ffffffffffffffff'],
  doubles: ['3ff8000000000000', '8000000000000000', null, '7ff0000000000000', 'c000000000000000'],
  odd: ['00000005', '000005', null, '', '00000006'],
}
const jsonKeys = {
  objects: ['{"id": 9007199254740993, "region":"eu", "more":[1]}', null, '{"region":"us"}', 'null', '{"id":7,"id":8}'],
  scalars: ['42', ' -1 ', null, '7.0'],
  texts: ['"abc"', '""', null, '5'],
  broken: ['{"id":1}', '{"id":', '{"id":"x"}', '"x"', '', '{"id":1}{"id":2}', '{"id":2}'],
}

const backends = ['native', 'js'] as const
/** What each backend writes to. */
const outputs = backends.flatMap((backend) =>
  ['out', 'kept', 'written', 'fields', 'lists'].map((name) => `${backend}-${name}`),
)

let broker: EmbeddedBroker
beforeAll(async () => {
  broker = await EmbeddedBroker.start({ topics: [...Object.keys({ ...keys, ...jsonKeys }), 'none', ...outputs] })
  const bytes = Object.entries(keys).map(([topic, list]) => [topic, list.map((key) => key && hex(key))] as const)
  const json = Object.entries(jsonKeys).map(([topic, list]) => [topic, list.map((key) => key && utf8(key))] as const)
  for (const [topic, list] of [...bytes, ...json]) {
    const rows = new Table({
      n: vectorFromArray(
        list.map((_, i) => i),
        new Float64(),
      ),
      $key: vectorFromArray(list, new Binary()),
    })
    await Stream.fromBatches(rows).toKafka({ bootstrapServers: broker.bootstrapServers, topic }).run()
  }
})
afterAll(() => broker?.close())

const read = (
  topic: string,
  key: 'bytes' | 'string' | 'int32' | 'int64' | 'float64',
  onError: 'fail' | 'skip' = 'fail',
) =>
  Stream.fromKafka({
    bootstrapServers: broker.bootstrapServers,
    topic,
    key,
    onError,
    until: 'end',
    schema: { n: 'float64' },
  })

const values = async (stream: Stream<never>, name: string): Promise<unknown[]> => [
  ...(await (stream as unknown as Stream).collect()).getChild(name)!,
]

const objects = (topic: string) =>
  Stream.fromKafka({
    bootstrapServers: broker.bootstrapServers,
    topic,
    key: 'json',
    keySchema: { id: 'int64', region: 'utf8' },
    until: 'end',
    schema: { n: 'float64' },
  })

const keysOf = async (topic: string): Promise<(string | null)[]> =>
  (await values(read(topic, 'string').select({ k: col('$key') }) as never, 'k')) as (string | null)[]

describe.each(backends)('%s', (backend) => {
  beforeEach(() => void vi.stubEnv('SABOT_BACKEND', backend))
  afterEach(() => void vi.unstubAllEnvs())
  const out = (name: string) => ({ bootstrapServers: broker.bootstrapServers, topic: `${backend}-${name}` })

  describe('a key that one of Kafka serializers wrote', () => {
    it('is the number', async () => {
      const numbers = (topic: string, key: 'int32' | 'int64' | 'float64') =>
        values(read(topic, key).select({ k: col('$key') }) as never, 'k')
      expect(await numbers('ints', 'int32')).toEqual([5, -2, null, 2 ** 31 - 1, -(2 ** 31)])
      expect(await numbers('longs', 'int64')).toEqual([5n, 2n ** 63n - 1n, null, -(2n ** 63n), -1n])
      expect(await numbers('doubles', 'float64')).toEqual([1.5, -0, null, Number.POSITIVE_INFINITY, -2])
    })

    it('is compared and computed with, under its own name too', async () => {
      expect(await values(read('ints', 'int32').filter(col('$key').gt(0)) as never, 'n')).toEqual([0, 3])
      expect(await values(read('ints', 'int32').filter(col('$key').isNull()) as never, 'n')).toEqual([2])
      expect(
        await values(
          read('longs', 'int64')
            .filter(col('$key').lt(0))
            .select({ k: col('$key').add(1) }) as never,
          'k',
        ),
      ).toEqual([-(2n ** 63n) + 1n, 0n])
      expect(await values(read('ints', 'int32').select('$key') as never, '$key')).toEqual([
        5,
        -2,
        null,
        2 ** 31 - 1,
        -(2 ** 31),
      ])
    })

    it('keeps its bytes on its way to a topic', async () => {
      const to = out('out')
      await read('ints', 'int32').filter(col('$key').ne(-2)).toKafka(to).run()
      await read('longs', 'int64')
        .filter(col('$key').eq(5))
        .withColumns({ k: col('$key') })
        .toKafka(to)
        .run()
      await read('doubles', 'float64')
        .filter(col('$key').eq(0))
        .map(({ n }) => ({ n }))
        .toKafka(to)
        .run()
      const kept = await values(read(to.topic, 'bytes').select({ k: col('$key') }) as never, 'k')
      expect(kept.map((key) => Buffer.from(key as Uint8Array).toString('hex')).sort()).toEqual(
        ['00000005', '7fffffff', '80000000', '0000000000000005', '8000000000000000'].sort(),
      )
    })

    it('is an error of its row where it has another length', async () => {
      const run = (onError: 'fail' | 'skip') =>
        values(read('odd', 'int32', onError).select({ k: col('$key') }) as never, 'k')
      await expect(run('fail')).rejects.toThrow(
        /\$key: expected 4 bytes, a big-endian int32; got 3 \(read the key as binary/,
      )
      expect(await run('skip')).toEqual([5, null, 6])
    })

    it('is not asked for where nobody names it', async () => {
      expect(await values(read('odd', 'int32').select('n') as never, 'n')).toEqual([0, 1, 2, 3, 4])
    })

    it('that has become a column is no record key by itself', () => {
      const to = { bootstrapServers: broker.bootstrapServers, topic: 'none' }
      const error = (): unknown => read('ints', 'int32').select('n', '$key').toKafka(to).explain()
      expect(error).toThrow(SabotError)
      expect(error).toThrow(/the column "\$key" is int32 here, and a record's key is bytes/)
    })
  })

  describe('a key that is JSON', () => {
    it('is a struct of the type keySchema', async () => {
      const table = await objects('objects').select('n', '$key').collect()
      expect([...table].map((row) => row.$key?.toJSON() ?? null)).toEqual([
        { id: 9007199254740993n, region: 'eu' },
        null,
        { id: null, region: 'us' },
        null,
        { id: 8n, region: null },
      ])
    })

    it('has fields, by field() and by a path, in every step and in key of a sink', async () => {
      const read = objects('objects')
      expect(await values(read.filter(col('$key').field('id').eq(8)) as never, 'n')).toEqual([4])
      expect(await values(read.filter((b) => b.$key.field('id').gt(8)) as never, 'n')).toEqual([0])
      expect(await values(read.filter(col('$key.region').str.startsWith('u')) as never, 'n')).toEqual([2])
      expect(await values(read.filter(col('$key').isNull()) as never, 'n')).toEqual([1, 3])
      expect(await values(read.select({ id: col('$key.id').add(1) }) as never, 'id')).toEqual([
        9007199254740994n,
        null,
        null,
        null,
        9n,
      ])
      const inferred = Stream.fromKafka({
        bootstrapServers: broker.bootstrapServers,
        topic: 'objects',
        key: 'json',
        keySchema: { id: 'int64' },
        until: 'end',
      })
      expect(await values(inferred.filter(col('$key.id').eq(8)).select('n') as never, 'n')).toEqual([4n])
      const to = out('fields')
      await read.toKafka({ ...to, key: col('$key.region') }).run()
      expect(await keysOf(to.topic)).toEqual(['eu', null, 'us', null, null])
    })

    it('keeps its bytes on its way to a topic, or is written as JSON where a column is the key', async () => {
      const to = out('kept')
      await objects('objects').filter(col('$key.id').isNotNull()).toKafka(to).run()
      await objects('objects')
        .withColumns({ region: col('$key.region') })
        .filter(col('region').eq('us'))
        .toKafka(to)
        .run()
      expect(await keysOf(to.topic)).toEqual([jsonKeys.objects[0], jsonKeys.objects[4], jsonKeys.objects[2]])
      await objects('objects')
        .toKafka({ ...out('written'), key: '$key' })
        .run()
      await objects('objects')
        .select({ k: col('$key') })
        .map((row) => row, { schema: { k: { id: 'int64', region: 'utf8' } } })
        .toKafka({ ...out('written'), key: 'k' })
        .run()
      const written = [
        '{"id":9007199254740993,"region":"eu"}',
        null,
        '{"id":null,"region":"us"}',
        null,
        '{"id":8,"region":null}',
      ]
      expect(await keysOf(out('written').topic)).toEqual([...written, ...written])
      await Stream.fromBatches(
        new Table({ tags: vectorFromArray([['a', 'b'], [], null], new List(new Field('item', new Utf8(), true))) }),
      )
        .toKafka({ ...out('lists'), key: 'tags' })
        .run()
      expect(await keysOf(out('lists').topic)).toEqual(['["a","b"]', '[]', null])
    })

    it('may be a scalar', async () => {
      const scalars = (topic: string, keySchema: 'int64' | 'utf8') =>
        Stream.fromKafka({
          bootstrapServers: broker.bootstrapServers,
          topic,
          key: 'json',
          keySchema,
          until: 'end',
          schema: { n: 'float64' },
        })
      expect(await values(scalars('scalars', 'int64').select({ k: col('$key') }) as never, 'k')).toEqual([
        42n,
        -1n,
        null,
        7n,
      ])
      expect(await values(scalars('scalars', 'int64').filter(col('$key').gt(7)) as never, 'n')).toEqual([0])
      expect(await values(scalars('texts', 'utf8').select({ k: col('$key') }) as never, 'k')).toEqual([
        'abc',
        '',
        null,
        '5',
      ])
    })

    it('is an error of its row where it is no such JSON, and where somebody names it', async () => {
      const logger = recordingLogger()
      const broken = (onError: 'fail' | 'skip') =>
        Stream.fromKafka({
          bootstrapServers: broker.bootstrapServers,
          topic: 'broken',
          key: 'json',
          keySchema: { id: 'int64' },
          onError,
          logger,
          until: 'end',
          schema: { n: 'float64' },
        })
      await expect(
        broken('fail')
          .select({ id: col('$key.id') })
          .collect(),
      ).rejects.toMatchObject({
        code: 'DECODE',
        message: expect.stringContaining('$key: not JSON: ends too early, after 6 bytes'),
        where: { topic: 'broken', partition: 0, offset: 1n },
      })
      expect(await values(broken('skip').select({ id: col('$key.id') }) as never, 'id')).toEqual([1n, 2n])
      const texts = logger.lines.filter(({ message }) => message === 'row skipped').map(({ fields }) => fields)
      expect(texts.map(({ code, offset }) => [offset, code])).toEqual([
        [1n, 'DECODE'],
        [2n, 'SCHEMA'],
        [3n, 'SCHEMA'],
        [4n, 'DECODE'],
        [5n, 'DECODE'],
      ])
      expect(await values(broken('fail') as never, 'n')).toEqual([0, 1, 2, 3, 4, 5, 6])
      // A filter in the decoder: the keys of rows that it leaves out are not looked at.
      const first = broken('fail').filter(col('n').eq(0))
      expect(await values(first.select({ id: col('$key.id') }) as never, 'id')).toEqual([1n])
    })

    it('has a schema, and keys that are something else have none', () => {
      const source = { bootstrapServers: 'b:9092', topic: 't' }
      expect(() => Stream.fromKafka({ ...source, key: 'json' })).toThrow(
        'option "keySchema" is required where "key" is "json"',
      )
      expect(() => Stream.fromKafka({ ...source, key: 'int64', keySchema: { id: 'int64' } })).toThrow(
        'option "keySchema" is for keys that are JSON; "key" is "int64"',
      )
      expect(() => Stream.fromKafka({ ...source, key: 'json', keySchema: {} })).toThrow(
        'option "keySchema" must be a type',
      )
      expect(() => Stream.fromKafka({ ...source, key: 'json', keySchema: { id: 'int46' as 'int64' } })).toThrow(
        /Column "\$key\.id": there is no type "int46"\. Did you mean "int16"\?|Column "\$key\.id": there is no type "int46"/,
      )
      const typed = { ...source, schema: { n: 'float64' }, key: 'json', keySchema: { id: 'int64' } } as const
      expect(() => Stream.fromKafka(typed).filter(col('$key.ids' as '$key.id').eq(1))).toThrow(/no field "ids"/)
      expect(() => Stream.fromKafka(typed).select('$key').toKafka({ topic: 'x' }).explain()).toThrow(
        /the column "\$key" is \{ id: 'int64' \} here.* or say key: '\$key' to write it as JSON/,
      )
    })
  })
})

describe('explain() of a key that is decoded', () => {
  it('calls it $key, wherever it is read', () => {
    const typed = {
      bootstrapServers: 'b:9092',
      topic: 't',
      groupId: 'g',
      schema: { n: 'float64' },
      key: 'json',
      keySchema: { id: 'int64' },
    } as const
    const plans = [
      Stream.fromKafka(typed)
        .filter(col('$key.id').gt(5).and(col('$key').isNotNull()))
        .withColumns({ k: col('$key'), id: col('$key.id') })
        .toKafka({ topic: 'x', key: '$key' }),
      Stream.fromKafka({ ...typed, key: 'int64', keySchema: undefined })
        .filter(col('$key').add(1).gt(5))
        .select('n', '$key')
        .flatMap((row) => [row, row], { schema: { n: 'float64' } })
        .toKafka({ topic: 'x' }),
    ]
    const texts = plans.map((plan) => plan.explain())
    for (const text of texts) expect(text).not.toContain('$keyValue')
    expect(texts[0]).toContain('of each message: $key, $headers')
    expect(texts[0]).toContain('filter $key.id > 5')
    expect(texts[1]).toContain('filter $key + 1 > 5')
    for (const text of texts) expect(text).not.toContain('$key = $key')
    expect(texts[0]).toContain('columns n, k = $key, id = $key.id, $key, ')
  })

  it('and so do the errors of its rows', async () => {
    const last = read('longs', 'int64')
      .filter(col('n').eq(1))
      .select({ k: col('$key').add(1) })
    await expect(last.collect()).rejects.toThrow(/\$key \+ 1: /)
  })
})
