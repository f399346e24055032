/**
 * What goes wrong once a real Kafka is asked or a real record is read: each a SabotError with a code, the place, what
 * was expected, what came and what to do. Mistakes before anything connects: unit/bad-input.test.ts.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { col, EmbeddedBroker, type KafkaSourceOptions, lit, Stream } from '../../src/index.ts'
import type { KafkaRecord } from '../support/kafka-admin.ts'
import { eventually, failure, plainRows, recordingLogger } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const quiet = { signals: false } as const

async function topicOf(name: string, records: readonly (KafkaRecord | string)[] = [], partitions = 1) {
  const topic = unique(name)
  await kafka.createTopic(topic, partitions)
  await kafka.produce(
    topic,
    records.map((record) => (typeof record === 'string' ? { value: record } : record)),
  )
  return topic
}

const valuesOf = async (topic: string) => (await kafka.consume(topic)).map(({ value }) => value && String(value))

const from = <S extends Partial<KafkaSourceOptions>>(topic: KafkaSourceOptions['topic'], options: S) =>
  ({ bootstrapServers, topic, until: 'end', ...options }) as const

describe('a topic that does not exist', () => {
  test('is named with the nearest that does, at the source', async () => {
    const topic = await topicOf('orders', ['{"id":1}'])
    const wrong = topic.replace('orders', 'ordesr')
    for (const name of [wrong, [topic, wrong]]) {
      const error = await failure(Stream.fromKafka(from(name, {})).collect(quiet))
      expect(error).toMatchObject({
        code: 'UNKNOWN_TOPIC',
        where: { topic: wrong, option: 'topic' },
        message: `fromKafka: topic "${wrong}" does not exist at ${bootstrapServers}. Did you mean "${topic}"?`,
      })
    }
  })

  test('and at the sink, before a row is read', async () => {
    const [input, output, groupId] = [await topicOf('in', ['{"id":1}']), await topicOf('results'), unique('group')]
    const wrong = output.replace('results', 'result')
    const error = await failure(Stream.fromKafka(from(input, { groupId })).toKafka({ topic: wrong }).run(quiet))
    expect(error).toMatchObject({
      code: 'UNKNOWN_TOPIC',
      where: { topic: wrong, option: 'topic' },
      message: `toKafka: topic "${wrong}" does not exist at ${bootstrapServers}. Did you mean "${output}"?`,
    })
    expect(await kafka.committed(groupId)).toEqual([])
  })

  test('is not made by reading or writing it', async () => {
    const topic = unique('nowhere')
    await failure(Stream.fromKafka(from(topic, {})).collect(quiet))
    await failure(
      Stream.fromKafka(from(await topicOf('in'), {}))
        .toKafka({ topic })
        .run(quiet),
    )
    await expect(kafka.offsets(topic)).rejects.toThrow(/UnknownTopic/)
  })

  test('where a RegExp matches none, the read that should end says which there are', async () => {
    const topic = await topicOf('known')
    const error = await failure(Stream.fromKafka(from(/^no such topic$/, {})).collect(quiet))
    expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC', where: { option: 'topic' } })
    expect(error.message).toContain('/^no such topic$/ matches none')
    expect(error.message).toContain(topic)
  })
})

describe('a broker that does not answer', () => {
  const connectTimeoutMs = 1500
  const check = 'Check "bootstrapServers", the network, "tls" and "sasl".'

  test.each([
    ['where nobody listens', '127.0.0.1:1', /refused/i],
    ['whose name nobody knows', 'nowhere.invalid:9092', /resolve|known/i],
  ])('%s', async (_, servers, reason) => {
    const source = Stream.fromKafka({ bootstrapServers: servers, topic: 't', until: 'end', connectTimeoutMs })
    const sink = Stream.fromKafka(from(await topicOf('in', ['{"id":1}']), {}))
    const errors = await Promise.all([
      failure(source.collect(quiet)),
      failure(sink.toKafka({ bootstrapServers: servers, topic: 't', connectTimeoutMs }).run(quiet)),
    ])
    for (const [i, error] of errors.entries()) {
      expect(error).toMatchObject({ code: 'CONNECT', retriable: true, where: { option: 'bootstrapServers' } })
      expect(error.message).toContain(`${['fromKafka', 'toKafka'][i]}: expected a broker at ${servers}; none answered`)
      expect(error.message).toMatch(reason)
      expect(error.message).toContain(check)
    }
  })

  test('but something else does, or takes the connection and says nothing', async () => {
    for (const answer of ['HTTP/1.1 400 Bad Request\r\n\r\n', undefined]) {
      const server = createServer((socket) => {
        socket.on('error', () => {})
        socket.on('data', () => answer && socket.end(answer))
      }).listen(0, '127.0.0.1')
      await once(server, 'listening')
      const servers = `127.0.0.1:${(server.address() as AddressInfo).port}`
      const stream = Stream.fromKafka({ bootstrapServers: servers, topic: 't', until: 'end', connectTimeoutMs })
      const error = await failure(stream.collect(quiet))
      server.close()
      expect(error).toMatchObject({ code: 'CONNECT', retriable: true, where: { option: 'bootstrapServers' } })
      expect(error.message).toContain(check)
    }
  })

  test('beside one that does is passed over', async () => {
    const topic = await topicOf('one-of-two', ['{"id":1}'])
    const servers = ['127.0.0.1:1', bootstrapServers]
    const table = await Stream.fromKafka({ ...from(topic, {}), bootstrapServers: servers }).collect(quiet)
    expect(plainRows(table)).toEqual([{ id: 1n }])
  })
})

describe('a column that does not exist', () => {
  test('where columns are inferred is told with those that do, before a row is written', async () => {
    const [input, output] = [await topicOf('in', ['{"id":1,"amount":2.5,"country":"DE"}']), await topicOf('out')]
    const error = await failure(
      Stream.fromKafka(from(input, {})).filter(col('amuont').gt(1)).toKafka({ topic: output }).run(quiet),
    )
    expect(error).toMatchObject({ code: 'SCHEMA', where: { column: 'amuont', step: '1 filter' } })
    expect(error.message).toContain('there is no column "amuont". Did you mean "amount"?')
    expect(error.message).toContain('The columns here: id, amount, country.')
    expect(await valuesOf(output)).toEqual([])
  })

  test('that should become the key is told too', async () => {
    const input = await topicOf('in', ['{"id":1,"country":"DE"}'])
    const error = await failure(
      Stream.fromKafka(from(input, {}))
        .toKafka({ topic: await topicOf('out'), key: 'contry' })
        .run(quiet),
    )
    expect(error).toMatchObject({ code: 'SCHEMA', where: { column: 'contry' } })
    expect(error.message).toContain('Did you mean "country"?')
  })
})

describe('a value that does not parse', () => {
  const broken: [string, string | Uint8Array][] = [
    ['is cut off', '{"id":1,"na'],
    ['has something behind it', '{"id":1} {"id":2}'],
    ['is no JSON at all', 'id=1'],
    ['is empty', ''],
    ['is no UTF-8', Buffer.concat([Buffer.from('{"id":1,"name":"'), Buffer.of(0xff, 0xfe), Buffer.from('"}')])],
    ['is broken in a column that nobody reads', '{"id":1,"other":[1,}'],
  ]
  const row = (id: number) => `{"id":${id},"name":"row ${id}"}`

  test.each(broken)('which %s: the run fails, with the place', async (_, value) => {
    const input = await topicOf('broken', [], 3)
    await kafka.produce(
      input,
      [row(0), row(1), value, row(3)].map((each) => ({ value: each, partition: 1 })),
    )
    const [output, groupId] = [await topicOf('out'), unique('group')]
    const schema = { id: 'int64', name: 'utf8' } as const
    const error = await failure(
      Stream.fromKafka(from(input, { groupId, schema })).toKafka({ topic: output }).run(quiet),
    )
    expect(error).toMatchObject({ code: 'DECODE', where: { topic: input, partition: 1, offset: 2n } })
    expect(error.message).toMatch(new RegExp(`^${input}\\[1\\] at offset 2: `))
    expect(error.message).toMatch(/: (not JSON: |the value is empty; expected ).*onError: 'skip'/)
    const committed = await kafka.committed(groupId)
    for (const { partition, offset } of committed) expect(offset).toBeLessThanOrEqual(partition === 1 ? 2 : 0)
  })

  test('is skipped where the program says so: counted, logged, and its neighbours survive', async () => {
    const records = broken.flatMap(([, value], i) => [{ value: row(2 * i) }, { value }])
    const [input, output, groupId] = [
      await topicOf('skipped', [...records, row(99)]),
      await topicOf('out'),
      unique('g'),
    ]
    const logger = recordingLogger()
    const schema = { id: 'int64', name: 'utf8' } as const
    const metrics = await Stream.fromKafka(from(input, { groupId, schema, logger, onError: 'skip' } as const))
      .withColumns({ more: lit(1) })
      .toKafka({ topic: output })
      .run(quiet)
    const ids = (await valuesOf(output)).map((value) => JSON.parse(value!).id)
    expect(ids).toEqual([0, 2, 4, 6, 8, 10, 99])
    expect(metrics.errors).toEqual({ DECODE: broken.length })
    expect(metrics).toMatchObject({ messagesIn: records.length + 1, rowsOut: 7 })
    const skipped = logger.lines.filter(({ message }) => message === 'row skipped')
    expect(skipped.map(({ level }) => level)).toEqual(broken.map(() => 'warn'))
    expect(skipped.map(({ fields }) => fields)).toMatchObject(
      broken.map((_, i) => ({ topic: input, partition: 0, offset: BigInt(2 * i + 1), code: 'DECODE' })),
    )
    for (const { fields } of skipped) expect(String(fields.reason).length).toBeGreaterThan(10)
    expect(await kafka.committed(groupId)).toMatchObject([{ offset: records.length + 1 }])
  })

  test('ten thousand of them cost ten thousand rows, and not as many lines in the log', async () => {
    const values = Array.from({ length: 20_000 }, (_, i) => (i % 2 === 0 ? row(i) : `{"id":${i}`))
    const [input, logger] = [await topicOf('many', values), recordingLogger()]
    const schema = { id: 'int64' } as const
    const table = await Stream.fromKafka(from(input, { schema, logger, onError: 'skip' } as const)).collect(quiet)
    expect(plainRows(table).map(({ id }) => Number(id))).toEqual(values.flatMap((_, i) => (i % 2 === 0 ? [i] : [])))
    const skipped = logger.lines.filter(({ message }) => message === 'row skipped')
    expect(skipped.length).toBeLessThan(100)
    const left = logger.lines.filter(({ message }) => message.startsWith('more rows skipped'))
    const logged = skipped.length + left.reduce((sum, { fields }) => sum + Number(fields.rows), 0)
    expect(logged).toBe(10_000)
  })
})

describe('a schema that does not fit', () => {
  const schema = {
    id: 'int64',
    amount: 'float64',
    at: 'timestamp[ms]',
    counts: ['int32'],
    user: { age: 'int32' },
    price: 'decimal(6,2)',
  } as const

  test.each<[string, string, string]>([
    ['text', '{"id":"seven"}', 'column id: expected int64, found "seven"; the schema type "utf8" would'],
    ['a fraction', '{"id":7.5}', 'column id: expected int64, found 7.5; the schema type "float64" would'],
    [
      'too large an integer',
      '{"id":9223372036854775808}',
      'expected int64, found 9223372036854775808; the schema type "u',
    ],
    ['a struct', '{"amount":{"net":5}}', 'column amount: expected float64, found {"net":5}; the schema type "utf8"'],
    ['text that is no time', '{"at":"yesterday"}', 'column at: expected timestamp[ms], found "yesterday"'],
    ['an item of another type', '{"counts":[1,true]}', 'column counts[]: expected int32, found true'],
    ['a field of another type', '{"user":{"age":"old"}}', 'column user.age: expected int32, found "old"'],
    ['too many digits', '{"price":1.125}', 'expected decimal(6,2), found 1.125; the schema type "decimal('],
  ])('%s: the error names column, expected, found, and what would accept it', async (_, value, message) => {
    const input = await topicOf('misfit', ['{"id":1,"amount":1,"at":null}', value])
    const error = await failure(Stream.fromKafka(from(input, { schema })).collect(quiet))
    expect(error).toMatchObject({ code: 'SCHEMA', where: { topic: input, partition: 0, offset: 1n } })
    expect(error.message).toContain(`${input}[0] at offset 1: `)
    expect(error.message).toContain(message)
    expect(error.message).toContain('would accept it')
  })

  test('is no matter where nobody reads the columns', async () => {
    const [input, output] = [await topicOf('unread', ['{"id":1}', '{"id":"seven","amount":5}']), await topicOf('out')]
    const stream = Stream.fromKafka(from(input, { schema }))
    await stream.toKafka({ topic: output }).run(quiet)
    expect(await valuesOf(output)).toEqual(['{"id":1}', '{"id":"seven","amount":5}'])
    expect(plainRows(await stream.select('amount').collect(quiet))).toEqual([{ amount: null }, { amount: 5 }])
  })

  test('since the columns were inferred from other rows: the error names the schema that would take both', async () => {
    const input = await topicOf('changed', ['{"id":1}', '{"id":2}'])
    const seen: number[] = []
    const run = Stream.fromKafka({ bootstrapServers, topic: input }).forEachBatch(
      (batch) => seen.push(...batch.toArray().map(({ id }) => Number(id))),
      quiet,
    )
    run.catch(() => {})
    await eventually(() => seen.length === 2, 'the first rows are read')
    await kafka.produce(input, [{ value: '{"id":"three"}' }])
    const error = await failure(run)
    expect(error).toMatchObject({ code: 'SCHEMA', where: { topic: input, partition: 0, offset: 2n } })
    expect(error.message).toMatch(/id.*int64.*schema.*utf8/)
  })
})

describe('a row that cannot be written', () => {
  test('fails the run with its place, or is skipped', async () => {
    const values = ['{"a":1,"b":1}', '{"a":1,"b":0}', '{"a":3,"b":2}']
    const [input, output] = [await topicOf('infinite', values), await topicOf('out')]
    const logger = recordingLogger()
    const pipeline = (onError: 'fail' | 'skip') =>
      Stream.fromKafka(from(input, { onError, logger, schema: { a: 'int64', b: 'int64' } } as const))
        .select({ ratio: col('a').div(col('b')) })
        .toKafka({ topic: output })
    const error = await failure(pipeline('fail').run(quiet))
    expect(error).toMatchObject({ code: 'ENCODE', where: { topic: input, partition: 0, offset: 1n } })
    expect(error.message).toContain(`${input}[0] at offset 1: toKafka: column ratio: Infinity`)
    expect(error.message).toContain("codecOptions.nonFinite 'null'")
    expect(error.message).toContain("onError: 'skip'")
    expect(await valuesOf(output)).toEqual([])
    const metrics = await pipeline('skip').run(quiet)
    expect(await valuesOf(output)).toEqual(['{"ratio":1}', '{"ratio":1.5}'])
    expect(metrics).toMatchObject({ rowsOut: 2, errors: { ENCODE: 1 } })
    expect(logger.lines.filter(({ message }) => message === 'row skipped').map(({ fields }) => fields)).toMatchObject([
      { topic: input, partition: 0, offset: 1n, code: 'ENCODE' },
    ])
  })

  test('since its partition does not exist, fails the run with topic and partition', async () => {
    const [input, output] = [await topicOf('in', ['{"p":0}', '{"p":7}']), await topicOf('out', [], 2)]
    const error = await failure(
      Stream.fromKafka(from(input, { schema: { p: 'int32' } } as const))
        .toKafka({ topic: output, partition: 'p' })
        .run(quiet),
    )
    expect(error).toMatchObject({ code: 'DELIVERY', where: { topic: output, partition: 7 } })
    expect(error.message).toContain('the topic has no such partition')
  })

  test('since the broker takes no records of its time, fails the run with the reason', async () => {
    // The others of its batch are refused with it, and say nothing of why.
    const times = [2001, 2002, 2200, 2003].map((year) => `{"at":"${year}-01-01T00:00:00Z"}`)
    const [input, output] = [await topicOf('in', times), await topicOf('out')]
    const error = await failure(
      Stream.fromKafka(from(input, { schema: { at: 'timestamp[ms]' } } as const))
        .toKafka({ topic: output, timestamp: 'at' })
        .run(quiet),
    )
    expect(error).toMatchObject({ code: 'DELIVERY', where: { topic: output, partition: 0 } })
    expect(error.message).toBe(
      `toKafka: ${output}[0]: delivery failed: Broker: Invalid timestamp (INVALID_TIMESTAMP); the topic's ` +
        'message.timestamp.before.max.ms and message.timestamp.after.max.ms say which are taken',
    )
  })

  test('since a compacted topic takes none without a key, fails the run with the reason', async () => {
    const [input, output] = [
      await topicOf('in', [{ key: 'a', value: '1' }, '2', { key: 'b', value: '3' }, '4']),
      unique('compact'),
    ]
    await kafka.createTopic(output, 1, { 'cleanup.policy': 'compact' })
    const error = await failure(
      Stream.fromKafka({ ...from(input, {}), codec: 'string' } as const)
        .toKafka({ topic: output })
        .run(quiet),
    )
    expect(error).toMatchObject({ code: 'DELIVERY', where: { topic: output, partition: 0 } })
    expect(error.message).toContain('(INVALID_RECORD); a compacted topic takes no record without a key')
    expect(await valuesOf(output)).toEqual([])
  })

  test('since it is larger than the broker takes, fails the run with the reason', async () => {
    const [input, output] = [await topicOf('in', [`"${'x'.repeat(5000)}"`]), unique('small')]
    await kafka.createTopic(output, 1, { 'max.message.bytes': '1000' })
    const groupId = unique('group')
    const error = await failure(
      Stream.fromKafka({ ...from(input, { groupId }), codec: 'string' } as const)
        .toKafka({ topic: output })
        .run(quiet),
    )
    expect(error).toMatchObject({ code: 'DELIVERY', where: { topic: output, partition: 0 } })
    expect(error.message).toContain("Message size too large (MSG_SIZE_TOO_LARGE); raise the topic's max.message.bytes")
    expect((await kafka.committed(groupId)).filter(({ offset }) => offset > 0)).toEqual([])
  })
})

describe('a function that throws', () => {
  test('fails the run with the step, the place and its own error as the cause', async () => {
    const [input, output] = [await topicOf('in', ['{"id":1}', '{"id":2}']), await topicOf('out')]
    const cause = new TypeError('no such thing')
    const error = await failure(
      Stream.fromKafka(from(input, { schema: { id: 'int64' } } as const))
        .map(() => {
          throw cause
        })
        .toKafka({ topic: output })
        .run(quiet),
    )
    expect(error).toMatchObject({ code: 'STEP', where: { topic: input, partition: 0, step: '1 map' } })
    expect(error.cause).toBe(cause)
    expect(error.message).toContain('no such thing')
  })
})

describe('what is over', () => {
  test('a run that has ended stays ended, and its pipeline runs again', async () => {
    const [input, output, groupId] = [await topicOf('in', ['{"id":1}']), await topicOf('out'), unique('group')]
    const pipeline = Stream.fromKafka(from(input, { groupId })).toKafka({ topic: output })
    const run = pipeline.start(quiet)
    const metrics = await run.done
    await Promise.all([run.stop(), run.stop()])
    expect(run.metrics()).toEqual(metrics)
    expect(metrics.rowsOut).toBe(1)
    expect((await pipeline.run(quiet)).rowsOut).toBe(0)
    await kafka.produce(input, [{ value: '{"id":2}' }])
    expect((await pipeline.run(quiet)).rowsOut).toBe(1)
    expect(await valuesOf(output)).toEqual(['{"id":1}', '{"id":2}'])
  })

  test('a run that has failed rejects done, run() and stop() alike', async () => {
    const run = Stream.fromKafka(from(unique('nowhere'), {}))
      .toKafka({ topic: await topicOf('out') })
      .start(quiet)
    const [first, second] = [await failure(run.done), await failure(run.stop())]
    expect(first.code).toBe('UNKNOWN_TOPIC')
    expect(second).toBe(first)
  })

  test('a signal that was given before the start ends the run before it connects', async () => {
    const stream = Stream.fromKafka({ bootstrapServers: '127.0.0.1:1', topic: 't' })
    const metrics = await stream.toKafka({ topic: 'u' }).run({ ...quiet, signal: AbortSignal.abort() })
    expect(metrics).toMatchObject({ messagesIn: 0, rowsOut: 0 })
  })

  test('an embedded broker that was closed makes no topics', async () => {
    const broker = await EmbeddedBroker.start({ topics: ['a'] })
    await broker.close()
    await broker.close()
    const error = await failure(() => broker.createTopic('b'))
    expect(error).toMatchObject({ code: 'CLOSED', message: 'EmbeddedBroker: the broker was closed.' })
  })
})
