/** A record's whole journey through the public face: Kafka -> columns -> filter -> Kafka, on the embedded broker. */
import { tableFromArrays } from 'apache-arrow'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { col, EmbeddedBroker, Stream } from '../../src/index.ts'

const ROWS = 5000
const schema = { id: 'int64', amount: 'float64', name: 'utf8' } as const
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
  broker = await EmbeddedBroker.start({ topics: { transactions: 3, flagged: 3, taxed: 1 } })
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
