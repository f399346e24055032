/** A record's whole journey through the public face: Kafka -> columns -> filter -> Kafka, on the embedded broker. */
import { tableFromArrays } from 'apache-arrow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { batchFromRows, batchToRecordBatch } from '../../src/batch.ts'
import { col, concat, EmbeddedBroker, Stream } from '../../src/index.ts'
import { parseSchema } from '../../src/schema.ts'

const ROWS = 5000
const schema = { id: 'int64', amount: 'float64', name: 'utf8' } as const
const nested = { id: 'int64', text: 'utf8', place: { city: 'utf8', tags: ['utf8'] } } as const
const names = ['Zürich', 'a "quoted" name', '', '☃ \u{1f600}']
const source = Array.from({ length: ROWS }, (_, i) => ({
  id: 2n ** 53n + BigInt(i),
  amount: (i % 2000) + 0.1,
  name: names[i % names.length]!,
}))
/** Order holds within a partition, not over all of them. */
const byId = (rows: readonly Record<string, unknown>[]) =>
  rows.toSorted((a, b) => Number((a.id as bigint) - (b.id as bigint)))

let broker: EmbeddedBroker
beforeAll(async () => {
  broker = await EmbeddedBroker.start({ topics: { transactions: 3, flagged: 3, taxed: 1, words: 1 } })
  const table = tableFromArrays({
    id: BigInt64Array.from(source, ({ id }) => id),
    amount: Float64Array.from(source, ({ amount }) => amount),
    name: source.map(({ name }) => name),
  })
  await Stream.fromBatches(table)
    .toKafka({ bootstrapServers: broker.bootstrapServers, topic: 'transactions', key: 'name' })
    .run()
})
afterAll(() => broker.close())

const readAll = async (topic: string, options: object = {}): Promise<Record<string, unknown>[]> => {
  const { bootstrapServers } = broker
  const table = await Stream.fromKafka({ bootstrapServers, topic, until: 'end', ...options }).collect()
  return table.toArray().map((row) => ({ ...row.toJSON() }))
}

test('what was written is read back', async () => {
  expect(byId(await readAll('transactions', { schema }))).toEqual(source)
})

test('without a schema, columns are inferred', async () => {
  expect(byId(await readAll('transactions'))).toEqual(source)
})

test('the six lines of the README: from one topic, filtered, to another', async () => {
  const { rowsIn, rowsOut, messagesIn, errors } = await Stream.fromKafka({
    bootstrapServers: broker.bootstrapServers,
    topic: 'transactions',
    groupId: 'processor',
    until: 'end',
  })
    .filter(col('amount').gt(1000))
    .toKafka({ topic: 'flagged' })
    .run()
  const expected = source.filter(({ amount }) => amount > 1000)
  expect({ messagesIn, rowsIn, rowsOut, errors }).toEqual({
    messagesIn: ROWS,
    // The filter runs in the decoder.
    rowsIn: expected.length,
    rowsOut: expected.length,
    errors: {},
  })
  expect(byId(await readAll('flagged', { schema }))).toEqual(expected)
})

test('rows keep their key, and new columns are encoded', async () => {
  await Stream.fromKafka({ bootstrapServers: broker.bootstrapServers, topic: 'transactions', until: 'end', schema })
    .filter(col('amount').lt(100))
    .withColumns({ tax: col('amount').mul(2), key: col('$key') })
    .drop('name')
    .toKafka({ topic: 'taxed' })
    .run()
  const rows = byId(await readAll('taxed', { schema: { id: 'int64', amount: 'float64', tax: 'float64' } }))
  expect(rows).toEqual(
    source.filter(({ amount }) => amount < 100).map(({ id, amount }) => ({ id, amount, tax: amount * 2 })),
  )
  const keys = await Stream.fromKafka({
    bootstrapServers: broker.bootstrapServers,
    topic: 'taxed',
    until: 'end',
    key: 'string',
    schema: { id: 'int64' },
  })
    .select('id', { key: col('$key') })
    .collect()
  const read = byId(keys.toArray().map((row) => ({ ...row.toJSON() })))
  expect(read.map(({ key }) => key)).toEqual(
    rows.map(({ id }) => names[Number((id as bigint) - 2n ** 53n) % names.length]),
  )
})

test('lists that expressions make, and what they take out of lists and structs, are written as columns', async () => {
  const { bootstrapServers } = broker
  const given = [
    { id: 1n, text: 'K\u00e4se, Brot', place: { city: 'Bern', tags: ['a', null] } },
    { id: 2n, text: '', place: { city: null, tags: [] } },
    { id: 3n, text: null, place: null },
  ]
  await Stream.fromBatches([batchToRecordBatch(batchFromRows(given, parseSchema(nested)))])
    .select({
      id: col('id'),
      parts: col('text').str.upper().str.split(', '),
      first: col('place.tags').list.element(0),
      tags: col('place').field('tags'),
      city: concat(col('place.city'), '!'),
    })
    .toKafka({ bootstrapServers, topic: 'words', key: 'city' })
    .run()
  const written = { id: 'int64', parts: ['utf8'], first: 'utf8', tags: ['utf8'], city: 'utf8' } as const
  const rows = await Stream.fromKafka({
    bootstrapServers,
    topic: 'words',
    until: 'end',
    key: 'string',
    schema: written,
  })
    .withColumns({ key: col('$key') })
    .collect()
  const plain = rows.toArray().map((row) => JSON.parse(JSON.stringify({ ...row.toJSON(), id: Number(row.id) })))
  expect(plain).toEqual([
    { id: 1, parts: ['K\u00c4SE', 'BROT'], first: 'a', tags: ['a', null], city: 'Bern!', key: 'Bern!' },
    { id: 2, parts: [''], first: null, tags: [], city: null, key: null },
    { id: 3, parts: null, first: null, tags: null, city: null, key: null },
  ])
})
