/**
 * The main job on real data and a real Kafka: Java's client writes the documents of a dataset, Sabot reads, filters,
 * extends and writes, Java's client reads; every value is compared with what JavaScript makes of JSON.parse.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { col, lit, Stream } from '../../src/index.ts'
import { backend } from '../support/backend.ts'
import { type Dataset, earthquakes, flights, movies, type Row } from '../support/datasets.ts'
import type { ReadRecord } from '../support/kafka-admin.ts'
import { plainRows } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const quiet = { signals: false } as const
const partitions = 4

interface Input extends Dataset {
  readonly topic: string
  /** The numbers of the rows in each partition, in its order. */
  readonly placed: readonly (readonly number[])[]
}

/** The dataset in a topic, row i with the key i, the time 1_700_000_000_000 + i and a header. */
async function produced(name: string, { documents, rows }: Dataset): Promise<Input> {
  const topic = unique(name)
  await kafka.createTopic(topic, partitions)
  const records = documents.map((value, i) => ({
    key: String(i),
    value,
    timestamp: 1_700_000_000_000 + i,
    headers: [['row', String(i)]] as const,
  }))
  const places = await kafka.produce(topic, records, { config: { 'linger.ms': '5', 'compression.type': 'lz4' } })
  const placed: number[][] = Array.from({ length: partitions }, () => [])
  for (const [i, { partition }] of places.entries()) placed[partition]!.push(i)
  return { documents, rows, topic, placed }
}

async function emptyTopic(name: string): Promise<string> {
  const topic = unique(name)
  await kafka.createTopic(topic, partitions)
  return topic
}

/** What a record is to be: its value as a row, or undefined where the row is filtered out. */
type Expected = (row: Row, i: number) => Row | undefined

/**
 * Each partition holds exactly the expected rows in the order of their source, since keys keep their partition, with
 * key, header and timestamp of their own. The values are compared as text after JSON.parse: order of columns included.
 */
function compare(input: Input, read: readonly ReadRecord[], expected: Expected): number {
  let count = 0
  for (const [partition, placed] of input.placed.entries()) {
    const records = read.filter((record) => record.partition === partition)
    const wanted = placed.flatMap((i) => {
      const row = expected(input.rows[i]!, i)
      return row === undefined ? [] : [[i, row] as const]
    })
    expect(records).toHaveLength(wanted.length)
    for (const [at, [i, row]] of wanted.entries()) {
      const { key, value, timestamp, headers } = records[at]!
      const found = [
        key?.toString(),
        value && JSON.stringify(JSON.parse(value.toString())),
        timestamp,
        headers.map(([name, text]) => [name, text?.toString()]),
      ]
      const wants = [String(i), JSON.stringify(row), 1_700_000_000_000 + i, [['row', String(i)]]]
      // One assertion a row would take longer than the rows do.
      if (JSON.stringify(found) !== JSON.stringify(wants)) expect(found).toEqual(wants)
    }
    count += wanted.length
  }
  expect(read).toHaveLength(count)
  return count
}

describe('flights', () => {
  let input: Input
  beforeAll(async () => {
    input = await produced('flights', flights())
  })
  const schema = { delay: 'int64', distance: 'int64', time: 'float64' } as const

  test('filtered and extended, every value is what JavaScript computes', async () => {
    const [topic, groupId] = [await emptyTopic('delayed'), unique('delayed')]
    const metrics = await Stream.fromKafka({ bootstrapServers, topic: input.topic, groupId, schema, until: 'end' })
      .filter(col('delay').gt(0).and(col('distance').ge(300)))
      .withColumns({
        long: col('distance').gt(1500),
        sum: col('distance').add(col('delay')),
        cost: col('distance').mul(0.08).add(col('time')),
        perMile: col('delay').div(col('distance')),
        unit: lit('miles'),
      })
      .toKafka({ topic })
      .run(quiet)
    const count = compare(input, await kafka.consume(topic), (row) => {
      const { delay, distance, time } = row as Record<keyof typeof schema, number>
      if (!(delay > 0 && distance >= 300)) return undefined
      return {
        ...row,
        long: distance > 1500,
        sum: distance + delay,
        cost: distance * 0.08 + time,
        perMile: delay / distance,
        unit: 'miles',
      }
    })
    expect(count).toBeGreaterThan(50_000)
    expect(metrics).toMatchObject({ messagesIn: input.rows.length, rowsOut: count, errors: {} })
    const committed = (await kafka.committed(groupId)).map(({ partition, offset }) => [partition, offset])
    expect(committed.sort()).toEqual(input.placed.map((placed, partition) => [partition, placed.length]))
  })

  test('every row, with columns inferred, chosen, renamed and computed, and no group', async () => {
    const topic = await emptyTopic('chosen')
    const metrics = await Stream.fromKafka({
      bootstrapServers,
      topic: input.topic,
      until: 'end',
      ...(backend === 'native' && { parallelism: 2 }),
      batch: { maxRows: 1000 },
    })
      .select('time', 'delay', { twice: col('delay').mul(2) })
      .rename({ delay: 'late' })
      .toKafka({ topic, compression: 'lz4' })
      .run(quiet)
    const count = compare(input, await kafka.consume(topic), ({ time, delay }) => ({
      time,
      late: delay,
      twice: Number(delay) * 2,
    }))
    expect(count).toBe(input.rows.length)
    expect(metrics).toMatchObject({ messagesIn: count, rowsIn: count, rowsOut: count, errors: {} })
    expect(metrics.batches).toBeGreaterThanOrEqual(count / 1000)
  })
})

describe('movies', () => {
  let input: Input
  beforeAll(async () => {
    input = await produced('movies', movies())
  })
  const ofInput = () => ({ bootstrapServers, topic: input.topic, until: 'end' }) as const
  /** A column that holds strings and other things is text: strings as they are, the rest as JSON. */
  const asText = (value: unknown) => (value === null || typeof value === 'string' ? value : JSON.stringify(value))

  test('columns are inferred, titles that are numbers become text, nulls stay null', async () => {
    const topic = await emptyTopic('profits')
    await Stream.fromKafka({ ...ofInput(), groupId: unique('profits') })
      .withColumns({
        profit: col('Worldwide Gross').sub(col('Production Budget')),
        rated: col('IMDB Rating').isNotNull(),
        acclaimed: col('IMDB Rating').ge(8).and(col('Rotten Tomatoes Rating').ge(90)),
      })
      .toKafka({ topic })
      .run(quiet)
    const count = compare(input, await kafka.consume(topic), (row) => {
      const [gross, budget] = [row['Worldwide Gross'], row['Production Budget']] as (number | null)[]
      const [imdb, tomatoes] = [row['IMDB Rating'], row['Rotten Tomatoes Rating']] as (number | null)[]
      // SQL's and: false wins over null.
      const [good, fresh] = [imdb === null ? null : imdb! >= 8, tomatoes === null ? null : tomatoes! >= 90]
      return {
        ...row,
        Title: asText(row.Title),
        profit: gross === null || budget === null ? null : gross! - budget!,
        rated: imdb !== null,
        acclaimed: good === false || fresh === false ? false : good === null || fresh === null ? null : true,
      }
    })
    expect(count).toBe(input.rows.length)
  })

  test('a filter passes over nulls, in the decoder and in TypeScript alike', async () => {
    const schema = { Title: 'utf8', 'IMDB Rating': 'float64', 'Major Genre': 'utf8', 'IMDB Votes': 'int64' } as const
    const topic = await emptyTopic('dramas')
    await Stream.fromKafka({ ...ofInput(), schema })
      .filter(col('IMDB Rating').ge(7.5).and(col('Major Genre').ne('Drama')))
      .filter(col('IMDB Votes').mod(2).eq(0))
      .select('Title', 'IMDB Rating', 'Major Genre', 'IMDB Votes')
      .toKafka({ topic })
      .run(quiet)
    const count = compare(input, await kafka.consume(topic), (row) => {
      const { Title, 'IMDB Rating': rating, 'Major Genre': genre, 'IMDB Votes': votes } = row
      if (rating === null || Number(rating) < 7.5 || genre === null || genre === 'Drama') return undefined
      if (votes === null || Number(votes) % 2 !== 0) return undefined
      return { Title: asText(Title), 'IMDB Rating': rating, 'Major Genre': genre, 'IMDB Votes': votes }
    })
    expect(count).toBeGreaterThan(50)
  })

  test('collected into a table, every cell is that of the source file', async () => {
    const table = await Stream.fromKafka({ ...ofInput(), key: 'string' })
      .withColumns({ row: col('$key') })
      .collect()
    const byRow = new Map(plainRows(table).map(({ row, ...columns }) => [row, columns]))
    const numbers = (row: Row): Row =>
      Object.fromEntries(
        Object.entries(row).map(([name, cell]) => [name, typeof cell === 'bigint' ? Number(cell) : cell]),
      )
    expect(byRow.size).toBe(input.rows.length)
    for (const [i, row] of input.rows.entries()) {
      expect(numbers(byRow.get(String(i))!)).toEqual({ ...row, Title: asText(row.Title) })
    }
  })

  test('rows that are only filtered keep their bytes, written and spaced as they were', async () => {
    const topic = await emptyTopic('unchanged')
    await Stream.fromKafka({ ...ofInput(), groupId: unique('unchanged') })
      .filter(col('US Gross').gt(1_000_000))
      .toKafka({ topic })
      .run(quiet)
    const read = await kafka.consume(topic)
    const count = compare(input, read, (row) =>
      row['US Gross'] !== null && Number(row['US Gross']) > 1_000_000 ? row : undefined,
    )
    expect(count).toBeGreaterThan(2000)
    for (const { key, value } of read) {
      const document = input.documents[Number(key)]!
      if (value?.toString() !== document) expect(value?.toString()).toBe(document)
    }
  })
})

test('rows that are only filtered keep what no schema names, and numbers as they were written', async () => {
  const documents = [
    '{"a":1.0,"b":1e2,"unknown":{"deep":[1,{"x":null}]},"a": 2}',
    ' {"a" : 2 ,\n\t"n": 123456789012345678901234567890} ',
    '{"a":3,"s":"\\u00e9 é \\/"}',
    '{"a":-0,"s":"dropped"}',
  ]
  const [from, to] = [await emptyTopic('written'), await emptyTopic('rewritten')]
  await kafka.produce(
    from,
    documents.map((value) => ({ value, partition: 1 })),
  )
  await Stream.fromKafka({ bootstrapServers, topic: from, schema: { a: 'float64' }, until: 'end' })
    .filter(col('a').gt(0))
    .toKafka({ topic: to, partitioner: 'source' })
    .run(quiet)
  const read = await kafka.consume(to)
  expect(read.map(({ value }) => value?.toString())).toEqual(documents.slice(0, 3))
  expect(read.map(({ partition }) => partition)).toEqual([1, 1, 1])
})

describe('earthquakes', () => {
  let input: Input
  beforeAll(async () => {
    input = await produced('earthquakes', earthquakes())
  })

  test('structs and lists are inferred, and come out as they went in', async () => {
    const topic = await emptyTopic('quakes')
    await Stream.fromKafka({ bootstrapServers, topic: input.topic, groupId: unique('quakes'), until: 'end' })
      .filter(col('id').ge('n'))
      .withColumns({ feed: lit('usgs'), feature: col('type').eq('Feature') })
      .toKafka({ topic })
      .run(quiet)
    const count = compare(input, await kafka.consume(topic), (row) =>
      String(row.id) >= 'n' ? { ...row, feed: 'usgs', feature: true } : undefined,
    )
    expect(count).toBeGreaterThan(500)
  })

  test('a schema takes part of a struct, and map flattens it row by row', async () => {
    const topic = await emptyTopic('flat')
    await Stream.fromKafka({
      bootstrapServers,
      topic: input.topic,
      until: 'end',
      schema: {
        id: 'utf8',
        properties: { place: 'utf8', mag: 'float64', time: 'int64', nst: 'int32' },
        geometry: { coordinates: ['float64'] },
      },
    })
      .map(
        ({ id, properties, geometry }) => ({
          id,
          place: properties?.place,
          mag: properties?.mag,
          time: properties?.time,
          stations: properties?.nst,
          longitude: geometry?.coordinates?.[0],
          depths: geometry?.coordinates?.slice(2),
        }),
        {
          schema: {
            id: 'utf8',
            place: 'utf8',
            mag: 'float64',
            time: 'int64',
            stations: 'int32',
            longitude: 'float64',
            depths: ['float64'],
          },
        },
      )
      .toKafka({ topic })
      .run(quiet)
    type Quake = { properties: Row; geometry: { coordinates: number[] } }
    const count = compare(input, await kafka.consume(topic), (row) => {
      const { properties, geometry } = row as unknown as Quake
      const [longitude, , ...depths] = geometry.coordinates
      const { place, mag, time, nst: stations } = properties
      return { id: row.id, place, mag, time, stations, longitude, depths }
    })
    expect(count).toBe(input.rows.length)
  })
})
