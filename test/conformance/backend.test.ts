/** The Backend seam on a real Kafka: every implementation reads, commits, shares and writes alike. */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { batchFromRows, batchToRows } from '../../src/batch.ts'
import type { Backend, Partitioner } from '../../src/kafka/backend.ts'
import { jsBackend } from '../../src/kafka/js.ts'
import { nativeBackend } from '../../src/kafka/native.ts'
import { parseType } from '../../src/schema.ts'
import { eventually, failure } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'
import {
  type BatchEvent,
  backends,
  batchesOf,
  column,
  committedOf,
  numbered,
  type Options,
  offsetsOf,
  plan,
  read,
  sinkOf,
  sourceOf,
  topicOf,
} from './seam.ts'

const { bootstrapServers } = kafka

describe.each(['native', 'js'] as const)('%s', (name) => {
  let backend: Backend
  beforeAll(() => {
    backend = backends[name]()
  })

  describe('topics', () => {
    test('several by name, and those that a RegExp matches', async () => {
      const prefix = unique('many')
      const topics = [`${prefix}.a`, `${prefix}.b`, `${prefix}.c`]
      for (const topic of topics) {
        await kafka.createTopic(topic)
        await kafka.produce(topic, numbered(3))
      }
      const all = Object.fromEntries(topics.map((topic) => [`${topic}:0`, [0, 1, 2]]))
      expect(offsetsOf(await read(backend, { topic: topics }))).toEqual(all)
      const some = offsetsOf(await read(backend, { topic: new RegExp(`^${prefix}\\.[ab]$`) }))
      expect(Object.keys(some).sort()).toEqual([`${prefix}.a:0`, `${prefix}.b:0`])
    })

    test('one that does not exist is named, and not made', async () => {
      const topic = unique('missing')
      const missing = { code: 'UNKNOWN_TOPIC', where: { topic, option: 'topic' } }
      const source = sourceOf(backend, { topic })
      const read = await failure(source.open())
      expect(read).toMatchObject(missing)
      expect(read.message).toMatch(`fromKafka: topic "${topic}" does not exist at ${bootstrapServers}.`)
      await source.close()
      const sink = sinkOf(backend, { topic })
      const written = await failure(sink.open())
      expect(written).toMatchObject(missing)
      expect(written.message).toMatch(`toKafka: topic "${topic}" does not exist at ${bootstrapServers}.`)
      await sink.close()
    })

    test('an address where nobody listens is a CONNECT', async () => {
      const source = sourceOf(backend, { bootstrapServers: '127.0.0.1:1', connectTimeoutMs: 500 })
      const error = await failure(source.open())
      expect(error).toMatchObject({ code: 'CONNECT', retriable: true, where: { option: 'bootstrapServers' } })
      expect(error.message).toMatch(/^fromKafka: expected a broker at 127.0.0.1:1; none answered within 500 ms/)
      await source.close()
    })
  })

  describe('where a read begins and ends', () => {
    let topic: string
    beforeAll(async () => {
      topic = await topicOf('bounds', 2)
      await kafka.produce(topic, [...numbered(10), ...numbered(4, 1, 100)])
    })
    const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

    test.each<[string, Options, number[], number[]]>([
      ['earliest', {}, numbers(0, 10), numbers(0, 4)],
      ['latest', { from: 'latest' }, [], []],
      ['a time', { from: { timestamp: 1_000_004 } }, numbers(4, 10), numbers(0, 4)],
      ['until a time', { until: { timestamp: 1_000_004 } }, numbers(0, 4), []],
    ])('%s', async (_, options, first, second) => {
      const offsets = offsetsOf(await read(backend, { topic, ...options }))
      expect([offsets[`${topic}:0`] ?? [], offsets[`${topic}:1`] ?? []]).toEqual([first, second])
    })

    test('offsets, in the middle of a record batch', async () => {
      const from = { offsets: { [topic]: { 0: 7, 1: 3n } } }
      expect(offsetsOf(await read(backend, { topic, from }))).toEqual({
        [`${topic}:0`]: [7, 8, 9],
        [`${topic}:1`]: [3],
      })
    })

    test('behind what retention has deleted', async () => {
      const cut = await topicOf('cut')
      await kafka.produce(cut, numbered(6))
      await kafka.deleteRecords(cut, 0, 4)
      expect(offsetsOf(await read(backend, { topic: cut }))).toEqual({ [`${cut}:0`]: [4, 5] })
    })

    test('aborted transactions are passed over, and positions lie behind the markers', async () => {
      const mixed = await topicOf('transactions')
      await kafka.produce(mixed, numbered(2), { transactionalId: unique('a'), end: 'abort' })
      await kafka.produce(mixed, numbered(3), { transactionalId: unique('b'), end: 'commit' })
      const batches = await read(backend, { topic: mixed })
      expect(offsetsOf(batches)[`${mixed}:0`]).toEqual([3, 4, 5])
      expect(batches.at(-1)!.position.offset).toBe(7n)
      const all = await read(backend, { topic: mixed, isolation: 'read_uncommitted' })
      expect(offsetsOf(all)[`${mixed}:0`]).toEqual([0, 1, 3, 4, 5])
    })
  })

  test('batches hold at most so many rows and bytes; a larger message is one of its own', async () => {
    const topic = await topicOf('limits')
    const sizes = [400, 400, 400, 3000, 10, 10, 10]
    await kafka.produce(
      topic,
      sizes.map((size) => ({ value: 'x'.repeat(size) })),
    )
    const batches = await read(backend, { topic, batch: { maxBytes: 1024, maxRows: 3 } })
    expect(batches.filter(({ messages }) => messages > 0).map(({ messages }) => messages)).toEqual([2, 1, 1, 3])
  })

  test('keys, values, times and headers are what was written: null, empty and text', async () => {
    const topic = await topicOf('parts')
    await kafka.produce(topic, [
      { key: null, value: null, timestamp: 5 },
      { key: '', value: '', timestamp: 6, headers: [] },
      {
        key: 'k',
        value: 'v',
        timestamp: 7,
        headers: [
          ['a', '1'],
          ['a', null],
          ['b', ''],
        ],
      },
    ])
    const source = sourceOf(backend, { topic, until: 'end' })
    await source.open()
    source.start(plan)
    const [event] = await batchesOf(source)
    await source.close()
    const { batchToRecordBatch } = await import('../../src/batch.ts')
    const rows = batchToRecordBatch(event!.batch).toArray()
    const bytes = (value: Uint8Array | null) => value && Buffer.from(value).toString()
    const headers = rows.map(({ $headers }) =>
      [...$headers].map(({ key, value }: { key: string; value: Uint8Array | null }) => [key, bytes(value)]),
    )
    expect(rows.map(({ $key, value, $tombstone }) => [bytes($key), bytes(value), $tombstone])).toEqual([
      [null, null, true],
      ['', '', false],
      ['k', 'v', false],
    ])
    expect(rows.map(({ $timestamp }) => Number($timestamp))).toEqual([5, 6, 7])
    expect(headers).toEqual([
      [],
      [],
      [
        ['a', '1'],
        ['a', null],
        ['b', ''],
      ],
    ])
  })

  test("a key that does not fit is its row's error, and no other's", async () => {
    const topic = await topicOf('keys')
    const int = Buffer.alloc(4)
    int.writeInt32BE(-7)
    await kafka.produce(topic, [
      { key: int, value: 'a' },
      { key: 'long key', value: 'b' },
      { key: null, value: 'c' },
    ])
    const source = sourceOf(backend, { topic, until: 'end', key: 'int32' })
    await source.open()
    source.start({ ...plan, message: ['$keyValue'], keyType: 'int32' })
    const [event] = await batchesOf(source)
    await source.close()
    expect(event!.batch.numRows).toBe(2)
    expect(event!.errors).toEqual([
      {
        offset: 1n,
        code: 'DECODE',
        message: '$key: expected 4 bytes, a big-endian int32; got 8 (read the key as binary to keep it)',
      },
    ])
  })

  test('a key that is JSON is a value of its type; one that is not leaves its row out, with the reason', async () => {
    const topic = await topicOf('jsonkeys')
    const keys = ['{"id":9007199254740993,"more":[]}', null, ' null', '{"id":"x"}', '{"id":', '[1]', '{}', '{"id":8}']
    await kafka.produce(
      topic,
      keys.map((key) => ({ key, value: 'v' })),
    )
    const source = sourceOf(backend, { topic, until: 'end' })
    await source.open()
    const json = parseType({ id: 'int64' }, '$key')
    source.start({ ...plan, message: ['$offset', '$keyValue'], keyType: { json } })
    const batches = await batchesOf(source)
    await source.close()
    const rows = batches.flatMap(({ batch }) => batchToRows(batch))
    expect(rows.map(({ $offset, $keyValue }) => [$offset, $keyValue])).toEqual([
      [0n, { id: 9007199254740993n }],
      [1n, null],
      [2n, null],
      [6n, { id: null }],
      [7n, { id: 8n }],
    ])
    expect(batches.flatMap(({ errors }) => errors)).toEqual([
      {
        offset: 3n,
        code: 'SCHEMA',
        message: 'column $key.id: expected int64, found "x"; the schema type "utf8" would accept it',
      },
      { offset: 4n, code: 'DECODE', message: '$key: not JSON: ends too early, after 6 bytes' },
      {
        offset: 5n,
        code: 'SCHEMA',
        message: 'column $key: expected struct, found [1]; the schema type "utf8" would accept it',
      },
    ])
  })

  describe('groups', () => {
    test('read on at the committed position; an older epoch commits nothing', async () => {
      const [topic, groupId] = [await topicOf('commits', 1), unique('group')]
      await kafka.produce(topic, numbered(10))
      const source = sourceOf(backend, { topic, groupId, until: 'end' })
      await source.open()
      source.start(plan)
      const position = (await batchesOf(source)).at(-1)!.position
      await source.commit([{ ...position, offset: 9n, epoch: position.epoch - 1 }])
      expect(await committedOf(groupId)).toEqual({})
      await source.commit([{ ...position, offset: 6n }])
      await source.close()
      expect(await committedOf(groupId)).toEqual({ 0: 6 })
      expect(offsetsOf(await read(backend, { topic, groupId }))).toEqual({ [`${topic}:0`]: [6, 7, 8, 9] })
    })

    test.each(['cooperative', 'range', 'roundrobin'] as const)(
      'two members share (%s): what is given back waits for the answer, and epochs grow',
      async (assignment) => {
        const [topic, groupId] = [await topicOf('shared', 4), unique('group')]
        await kafka.produce(topic, Array.from({ length: 4 }, (_, partition) => numbered(5, partition)).flat())
        const options = { topic, groupId, assignment, sessionTimeoutMs: 6000, kafka: { 'heartbeat.interval.ms': 200 } }
        const member = () => {
          const source = sourceOf(backend, options)
          const owned = new Map<number, number>()
          const revoked: { token: number; partitions: number[] }[] = []
          const seen: BatchEvent[] = []
          const done = (async () => {
            await source.open()
            source.start(plan)
            for (;;) {
              const event = await source.next()
              if (event.kind === 'assigned') for (const one of event.partitions) owned.set(one.partition, one.epoch)
              if (event.kind === 'batch') seen.push(event)
              if (event.kind !== 'revoked') continue
              expect(event.lost).toBe(false)
              const partitions = event.partitions.map(({ partition }) => partition)
              for (const partition of partitions) owned.delete(partition)
              revoked.push({ token: event.token, partitions })
            }
          })().catch((error) => expect(error.code).toBe('CLOSED'))
          return { source, owned, revoked, seen, done }
        }
        const first = member()
        const rows = ({ seen }: typeof first) => seen.reduce((sum, { batch }) => sum + batch.numRows, 0)
        await eventually(() => first.owned.size === 4 && rows(first) === 20, 'the first reads all')
        const second = member()
        await eventually(() => first.revoked.length > 0, 'the first is asked to give back')
        await sleep(500)
        expect(second.owned.size).toBe(0)
        // What was read of them may still be committed: the answer is outstanding.
        const [{ token, partitions }] = first.revoked as [{ token: number; partitions: number[] }]
        const last = (partition: number) => first.seen.findLast(({ position }) => position.partition === partition)!
        await first.source.commit(partitions.map((partition) => last(partition).position))
        first.source.revoked(token)
        await eventually(() => first.owned.size === 2 && second.owned.size === 2, 'they share')
        expect([...first.owned.keys(), ...second.owned.keys()].sort()).toEqual([0, 1, 2, 3])
        for (const { token: other } of second.revoked) second.source.revoked(other)
        const committed = await committedOf(groupId)
        expect(Object.keys(committed).map(Number).sort()).toEqual([...partitions].sort())
        await second.source.close()
        if (assignment !== 'cooperative') {
          await eventually(() => first.revoked.length > 1, 'the first is asked again')
          first.source.revoked(first.revoked[1]!.token)
        }
        await eventually(() => first.owned.size === 4, 'the first has all again')
        expect(new Set(first.owned.values()).size).toBe(4)
        await first.source.close()
        await Promise.all([first.done, second.done])
      },
    )
  })

  test('who takes nothing gets no more than the queue holds, and everything in the end', async () => {
    const topic = await topicOf('pressure', 2)
    const value = 'x'.repeat(50_000)
    for (const partition of [0, 1]) {
      await kafka.produce(
        topic,
        Array.from({ length: 400 }, () => ({ partition, value })),
      )
    }
    const limit = 2 << 20
    const source = sourceOf(backend, {
      topic,
      until: 'end',
      batch: { maxQueueBytes: limit, maxBytes: 200_000 },
      kafka: { 'queued.max.messages.kbytes': 1024, 'max.partition.fetch.bytes': 262_144 },
    })
    await source.open()
    source.start(plan)
    await eventually(() => source.stats().queuedBytes > limit / 2, 'the queue fills')
    await sleep(500)
    expect(source.stats().queuedBytes).toBeLessThan(2 * limit)
    const batches = await batchesOf(source)
    expect(batches.reduce((sum, { messages }) => sum + messages, 0)).toBe(800)
    expect(source.stats().lag.every(({ messages }) => messages === 0n)).toBe(true)
    await source.close()
  })

  test.each(['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)(
    'compression %s is read and written',
    async (compression) => {
      const topic = await topicOf('compressed')
      const values = Array.from({ length: 3000 }, (_, i) => `value ${i} like many others`)
      const config = { 'compression.type': compression, 'linger.ms': '20' }
      await kafka.produce(
        topic,
        values.map((value) => ({ value })),
        { config },
      )
      const sink = sinkOf(backend, { topic, compression })
      await sink.open()
      const batch = batchFromRows(values.map((value) => ({ value })))
      const written = await sink.write(batch, { value: { kind: 'columns', names: ['value'] } }, 'fail')
      expect(written).toMatchObject({ rows: values.length, errors: [] })
      await sink.close()
      expect((await kafka.consume(topic)).map((record) => String(record.value))).toEqual([...values, ...values])
      const read = await readValues(topic)
      expect(read).toEqual([...values, ...values])
    },
  )

  async function readValues(topic: string): Promise<string[]> {
    const batches = await read(backend, { topic })
    return batches.flatMap((event) => {
      const { values, valueOffsets } = column(event, 'value')
      return Array.from({ length: event.batch.numRows }, (_, i) =>
        Buffer.from(values.subarray(valueOffsets[i], valueOffsets[i + 1])).toString(),
      )
    })
  }

  describe('writing', () => {
    const columns = { value: { kind: 'columns', names: ['value'] } } as const

    test('parts of records, in the order of the rows', async () => {
      const topic = await topicOf('written', 2)
      const sink = sinkOf(backend, { topic, partitioner: 'source' })
      await sink.open()
      const headers = [
        { key: 'h', value: new Uint8Array([1]) },
        { key: 'h', value: null },
      ]
      const at = new Date(1_700_000_000_000)
      const rows = [
        { value: 'a', $key: 'k', $timestamp: at, $partition: 1, $headers: headers, $tombstone: false },
        { value: 'b', $key: null, $timestamp: at, $partition: 1, $headers: [], $tombstone: true },
        { value: 'c', $key: '', $timestamp: at, $partition: 0, $headers: null, $tombstone: false },
      ]
      const batch = batchFromRows(rows, [
        { name: 'value', type: { kind: 'utf8' } },
        { name: '$key', type: { kind: 'utf8' } },
        { name: '$timestamp', type: { kind: 'timestamp', unit: 'ms' } },
        { name: '$partition', type: { kind: 'int32' } },
        {
          name: '$headers',
          type: {
            kind: 'list',
            item: {
              kind: 'struct',
              fields: [
                { name: 'key', type: { kind: 'utf8' } },
                { name: 'value', type: { kind: 'binary' } },
              ],
            },
          },
        },
        { name: '$tombstone', type: { kind: 'bool' } },
      ])
      const parts = {
        key: '$key',
        headers: '$headers',
        timestamp: '$timestamp',
        partition: '$partition',
        tombstone: '$tombstone',
      }
      expect(await sink.write(batch, { ...columns, ...parts }, 'fail')).toMatchObject({ rows: 3, bytes: 3 })
      await sink.close()
      const text = (bytes: Buffer | null) => (bytes === null ? null : bytes.toString('latin1'))
      const found = (await kafka.consume(topic)).map((record) => [
        record.partition,
        record.timestamp,
        text(record.key),
        text(record.value),
        record.headers.map(([key, value]) => [key, text(value)]),
      ])
      expect(found).toEqual([
        [0, Number(at), '', 'c', []],
        [
          1,
          Number(at),
          'k',
          'a',
          [
            ['h', '\u0001'],
            ['h', null],
          ],
        ],
        [1, Number(at), null, null, []],
      ])
    })

    test('a key that is a struct or a list is JSON', async () => {
      const topic = await topicOf('nestedkeys')
      const sink = sinkOf(backend, { topic })
      await sink.open()
      const rows = [
        { value: 'a', struct: { id: 9007199254740993n, ratio: 0.1 }, list: [new Date(0), null] },
        { value: 'b', struct: null, list: [] },
        { value: 'c', struct: { id: null, ratio: Number.NaN }, list: null },
      ]
      const batch = batchFromRows(rows, [
        { name: 'value', type: { kind: 'utf8' } },
        { name: 'struct', type: parseType({ id: 'int64', ratio: 'float64' }, 'struct') },
        { name: 'list', type: parseType(['timestamp[ms]'], 'list') },
      ])
      const byStruct = await sink.write(batch, { ...columns, key: 'struct' }, 'skip')
      const message = 'column struct.ratio: NaN is not JSON; filter it'
      expect(byStruct).toMatchObject({ rows: 2, errors: [{ row: 2, code: 'ENCODE', message }] })
      expect(await sink.write(batch, { ...columns, key: 'list' }, 'fail')).toMatchObject({ rows: 3, errors: [] })
      await sink.close()
      expect((await kafka.consume(topic)).map(({ key }) => key && String(key))).toEqual([
        '{"id":9007199254740993,"ratio":0.1}',
        null,
        '["1970-01-01T00:00:00.000Z",null]',
        '[]',
        null,
      ])
    })

    test('a row that is none fails its batch, or is passed over and told', async () => {
      const topic = await topicOf('refused', 2)
      const sink = sinkOf(backend, { topic, partitioner: 'source' })
      await sink.open()
      const batch = batchFromRows([
        { value: 'a', $partition: 0n },
        { value: 'b', $partition: -1n },
        { value: 'c', $partition: 1n },
      ])
      const message = 'column $partition: expected a partition, 0 to 2147483647; got -1'
      const delivery = await sink.write(batch, { ...columns, partition: '$partition' }, 'skip')
      expect(delivery).toMatchObject({ rows: 2, errors: [{ row: 1, code: 'ENCODE', message }] })
      const error = await failure(sink.write(batch, { ...columns, partition: '$partition' }, 'fail'))
      expect(error).toMatchObject({ code: 'ENCODE', message: `toKafka: ${message}`, where: { topic, row: 1 } })
      await sink.close()
      expect((await kafka.consume(topic)).map(({ value }) => String(value))).toEqual(['a', 'c'])
    })

    test('what the broker refuses fails the write, and those after it', async () => {
      const topic = await topicOf('small', 1, { 'max.message.bytes': '2000' })
      const sink = sinkOf(backend, { topic })
      await sink.open()
      const large = batchFromRows([{ value: 'x'.repeat(5000) }])
      const error = await failure(sink.write(large, columns, 'fail'))
      expect(error).toMatchObject({ code: 'DELIVERY', where: { topic, partition: 0 } })
      expect(error.message).toContain(`toKafka: ${topic}[0]: delivery failed: `)
      expect(error.message).toContain(
        "Message size too large (MSG_SIZE_TOO_LARGE); raise the topic's max.message.bytes",
      )
      const after = await failure(sink.write(batchFromRows([{ value: 'y' }]), columns, 'fail'))
      expect(after.message).toContain('not sent, since an earlier write failed')
      await sink.close({ abort: true })
    })

    test('what is written behind a row that fails does not overtake it', async () => {
      const topic = await topicOf('behind', 1)
      const sink = sinkOf(backend, { topic, codec: 'string' })
      await sink.open()
      const keyed = { ...columns, key: 'key' }
      const good = batchFromRows([{ value: 'x', key: 1 }])
      const writes = [
        sink.write(good, keyed, 'fail'),
        failure(sink.write(batchFromRows([{ value: 'y', key: Number.NaN }]), keyed, 'fail')),
        failure(sink.write(good, keyed, 'fail')),
      ] as const
      expect(await writes[0]).toMatchObject({ rows: 1 })
      expect(await writes[1]).toMatchObject({ code: 'ENCODE', where: { topic, row: 0 } })
      const after = await writes[2]
      expect(after).toMatchObject({ code: 'ENCODE', where: { topic } })
      expect(after.where).not.toHaveProperty('row')
      expect(after.message).toContain(`toKafka: ${topic}: not sent, since an earlier write failed: `)
      await sink.close()
    })
  })
})

describe('the same key goes to the same partition', () => {
  const keys = Array.from({ length: 300 }, (_, i) => `key ${i * 7919}${'x'.repeat(i % 9)}`)

  async function placed(backend: Backend, partitioner: Partitioner): Promise<Record<string, number>> {
    const topic = await topicOf('placed', 7)
    const sink = sinkOf(backend, { topic, partitioner })
    await sink.open()
    const batch = batchFromRows(keys.map(($key) => ({ value: 'v', $key })))
    await sink.write(batch, { value: { kind: 'columns', names: ['value'] }, key: '$key' }, 'fail')
    await sink.close()
    return Object.fromEntries((await kafka.consume(topic)).map(({ key, partition }) => [String(key), partition]))
  }

  test.each(['murmur2', 'consistent'] as const)('%s: natively and in TypeScript', async (partitioner) => {
    const [native, js] = [await placed(nativeBackend(), partitioner), await placed(jsBackend(), partitioner)]
    expect(Object.keys(js)).toHaveLength(keys.length)
    expect(js).toEqual(native)
  })

  test("murmur2 is Java's", async () => {
    const topic = await topicOf('java', 7)
    await kafka.produce(
      topic,
      keys.map((key) => ({ key, value: 'v' })),
    )
    const java = Object.fromEntries((await kafka.consume(topic)).map(({ key, partition }) => [String(key), partition]))
    expect(await placed(jsBackend(), 'murmur2')).toEqual(java)
  })
})
