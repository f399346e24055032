/**
 * What a program can get wrong before anything connects, through the public face: every mistake is a SabotError with
 * a code, the place, what was expected and what came. Mistakes that only Kafka can tell: integration/bad-input.test.ts.
 */
import { describe, expect, test } from 'vitest'
import { col, lit, Stream } from '../../src/index.ts'
import { failure } from '../support/outcome.ts'

const schema = { id: 'int64', amount: 'float64', country: 'utf8' } as const
const options = { bootstrapServers: 'localhost:9092', topic: 'orders', groupId: 'g', schema } as const
/** A JavaScript program has no compiler to tell it. */
const fromKafka = (more: object) => Stream.fromKafka({ ...options, ...more } as typeof options)
const orders = () => fromKafka({})
const toKafka = (more: object) => orders().toKafka({ topic: 'out', ...more })

type Mistake = [what: string, place: object, message: string, mistake: () => unknown]

describe('an option', () => {
  test.each<Mistake>([
    ['misspelled', { option: 'groupID' }, 'Did you mean "groupId"?', () => fromKafka({ groupID: 'g' })],
    [
      'misspelled inside another',
      { option: 'batch.maxRow' },
      'Did you mean "batch.maxRows"?',
      () => fromKafka({ batch: { maxRow: 5 } }),
    ],
    [
      'of the sink, misspelled',
      { option: 'compresion' },
      'Did you mean "compression"?',
      () => toKafka({ compresion: 'gzip' }),
    ],
    [
      'of the run, misspelled',
      { option: 'singal' },
      'Did you mean "signal"?',
      () => toKafka({}).start({ singal: AbortSignal.abort() } as never),
    ],
    ['of no likeness to any', { option: 'qqq' }, 'there is no option "qqq"', () => fromKafka({ qqq: 1 })],
    [
      'of the wrong type',
      { option: 'parallelism' },
      'an integer from 1 to 256 (threads); got "2"',
      () => fromKafka({ parallelism: '2' }),
    ],
    [
      'out of range',
      { option: 'metadataRefreshMs' },
      'from 100 to 3600000 (ms); got 5',
      () => fromKafka({ metadataRefreshMs: 5 }),
    ],
    [
      'of the sink, of the wrong type',
      { option: 'topic' },
      'the name of a topic',
      () => toKafka({ topic: ['a', 'b'] }),
    ],
    [
      'of the sink, none of the choices',
      { option: 'compression' },
      '"zstd"; got "brotli"',
      () => toKafka({ compression: 'brotli' }),
    ],
    [
      'that goes not with another',
      { option: 'partitioner' },
      'Drop one',
      () => toKafka({ partition: 'id', partitioner: 'murmur2' }),
    ],
    [
      'that is missing',
      { option: 'bootstrapServers' },
      '"bootstrapServers" is required',
      () => fromKafka({ bootstrapServers: undefined }),
    ],
    [
      'of the client that Sabot governs',
      { option: 'kafka["enable.auto.commit"]' },
      'Sabot commits a position only',
      () => fromKafka({ kafka: { 'enable.auto.commit': true } }),
    ],
  ])('%s', async (_, where, message, mistake) => {
    const error = await failure(mistake)
    expect(error).toMatchObject({ code: 'CONFIG', where, retriable: false })
    expect(error.message).toContain(message)
    expect(error.message).toMatch(/^(fromKafka|toKafka|run): /)
  })

  test('misspelled in run() rejects, where start() throws', async () => {
    const error = await failure(toKafka({}).run({ garantee: 'at-least-once' } as never))
    expect(error).toMatchObject({ code: 'CONFIG', where: { option: 'garantee' } })
    expect(error.message).toContain('Did you mean "guarantee"?')
  })
})

describe('a schema', () => {
  test.each<Mistake>([
    [
      'with a type that is none',
      { column: 'id' },
      'there is no type "flot64". Did you mean "float64"?',
      () => fromKafka({ schema: { id: 'flot64' } }),
    ],
    [
      "with another system's name",
      { column: 'id' },
      'there is no type "string". Did you mean "utf8"?',
      () => fromKafka({ schema: { id: 'string' } }),
    ],
    [
      'with a wrong type deep inside',
      { column: 'a.b[].c' },
      'this is 5',
      () => fromKafka({ schema: { a: { b: [{ c: 5 }] } } }),
    ],
    [
      'with a decimal that cannot be',
      { column: 'x' },
      'a precision of 1 to 38 digits',
      () => fromKafka({ schema: { x: 'decimal(40,2)' } }),
    ],
    [
      'with a list of two types',
      { column: 'x' },
      "such as ['utf8']; this has 2",
      () => fromKafka({ schema: { x: ['int64', 'utf8'] } }),
    ],
    ['with a struct of nothing', { column: 'x' }, 'it needs one at least', () => fromKafka({ schema: { x: {} } })],
  ])('%s', async (_, where, message, mistake) => {
    const error = await failure(mistake)
    expect(error).toMatchObject({ code: 'SCHEMA', where })
    expect(error.message).toContain(message)
  })
})

describe('an expression', () => {
  test.each<Mistake>([
    [
      'of a column that does not exist',
      { column: 'amuont', step: '1 filter' },
      'Did you mean "amount"? The columns here: id, amount, country.',
      () => orders().filter(col('amuont').gt(1) as never),
    ],
    [
      'of a column that a step before has dropped',
      { column: 'id', step: '2 select' },
      'The columns here: amount, country.',
      () => (orders().drop('id') as unknown as Stream).select('id'),
    ],
    [
      'of a column that has another name by now',
      { column: 'id', step: '2 filter' },
      'The columns here: number, amount, country.',
      () => (orders().rename({ id: 'number' }) as unknown as Stream).filter(col('id').gt(1)),
    ],
    [
      'that multiplies text',
      { step: '1 withColumns' },
      'utf8',
      () => orders().withColumns({ x: col('country').mul(2) } as never),
    ],
    [
      'that compares text and numbers',
      { step: '1 filter' },
      'utf8',
      () => orders().filter(col('country').gt(5) as never),
    ],
    [
      'that filters by a number',
      { step: '1 filter' },
      'a filter needs a bool expression, this one is',
      () => orders().filter(col('amount').add(1) as never),
    ],
  ])('%s', async (_, where, message, mistake) => {
    const error = await failure(mistake)
    expect(error).toMatchObject({ code: 'SCHEMA', where })
    expect(error.message).toContain(message)
  })

  test('of the sink that names no column, when it runs', async () => {
    const error = await failure(() => toKafka({ key: 'cuontry' }).explain())
    expect(error).toMatchObject({ code: 'SCHEMA', where: { column: 'cuontry', step: '1 toKafka' } })
    expect(error.message).toContain('Did you mean "country"? The columns here: id, amount, country.')
  })
})

describe('a column that a record cannot be made of', () => {
  const shapes = { id: 'int64', at: 'utf8', tags: ['utf8'], user: { name: 'utf8' }, ok: 'bool' } as const
  const sink = (options: object) => () =>
    fromKafka({ schema: shapes })
      .toKafka({ topic: 'out', ...options })
      .explain()

  test.each<[string, object, object, string]>([
    [
      'as headers',
      { headers: 'tags' },
      { column: 'tags' },
      "the headers must be a list such as [{ key: 'utf8', value: 'binary' }]; \"tags\" is ['utf8']",
    ],
    ['as timestamp', { timestamp: 'at' }, { column: 'at' }, 'the timestamp must be a timestamp; "at" is utf8'],
    ['as partition', { partition: 'ok' }, { column: 'ok' }, 'the partition must be an integer; "ok" is bool'],
    [
      'as one of many values',
      { codec: 'string' },
      {},
      'the codec "string" writes exactly one column; there are 5: id, at, tags, user, ok',
    ],
  ])('%s is refused before a row is read', async (_, given, where, message) => {
    const error = await failure(sink(given))
    expect(error).toMatchObject({ code: 'SCHEMA', where: { ...where, step: '1 toKafka' } })
    expect(error.message).toContain(message)
  })

  test('is refused by the codec that cannot hold it', async () => {
    const one = (column: 'tags' | 'id', codec: 'string' | 'bytes') => () =>
      Stream.fromKafka({ ...options, schema: shapes })
        .select(column)
        .toKafka({ topic: 'out', codec })
        .explain()
    expect((await failure(one('tags', 'string'))).message).toContain('the column "tags" is')
    expect((await failure(one('id', 'bytes'))).message).toContain('writes utf8 or binary; the column "id" is int64')
    expect(one('id', 'string')).not.toThrow()
  })

  test('is refused where a step gave it the name of the part', async () => {
    const stream = fromKafka({ schema: shapes }).withColumns({ $timestamp: col('at') } as never)
    const error = await failure(() => stream.toKafka({ topic: 'out' }).explain())
    expect(error.message).toContain('the timestamp must be a timestamp; "$timestamp" is utf8')
  })
})

test('batches of an iterator, which are gone once they were read, are refused a second time', async () => {
  const batches = (async function* () {})()
  const stream = Stream.fromBatches(batches).withColumns({ x: lit(1) })
  await stream.collect()
  const error = await failure(stream.collect())
  expect(error.code).toBe('CLOSED')
  expect(error.message).toContain('Give an array, or a new one.')
})
