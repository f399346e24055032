/** The guide's examples run, on the embedded broker, and print what the guide says. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Table, Utf8, vectorFromArray } from 'apache-arrow'
import { expect, test } from 'vitest'
import { EmbeddedBroker, Stream } from '../../src/index.ts'
import { blocksOf, mark, readDoc, writeProgram } from '../support/doc-blocks.ts'

const orders = [
  { id: 1, customer: 'ada', amount: 120.5, at: '2026-11-01T10:00:00Z', tags: ['new'], address: { city: 'London' } },
  { id: 2, customer: 'grace', amount: 80, at: '2026-11-01T10:05:00Z', tags: [], address: { city: 'New York' } },
  { id: 3, customer: 'linus', amount: 250, at: '2026-11-01T11:00:00Z', tags: ['a', 'b'], address: null },
  { id: 4, customer: 'ada', amount: null, at: '2026-11-02T09:00:00Z', tags: null },
  { id: 5, customer: 'grace', amount: 99.5, at: '2026-11-02T09:30:00Z', tags: [], address: { city: 'New York' } },
  { id: 6, customer: null, amount: 1000, at: '2026-11-03T00:00:00Z', tags: ['gift'], address: { city: 'Bern' } },
]

/** Messages as they are, each with its key. */
async function produce(bootstrapServers: string, topic: string, values: readonly string[], keys: (string | null)[]) {
  const table = new Table({
    value: vectorFromArray(values, new Utf8()),
    $key: vectorFromArray(keys, new Utf8()),
  })
  await Stream.fromBatches(table).toKafka({ bootstrapServers, topic, codec: 'string' }).run()
}

test('every example of the guide runs and prints what the guide says', { timeout: 60_000 }, async () => {
  const topics = ['orders', 'cities', 'processed_orders', 'large_orders', 'small_orders', 'mixed']
  await using broker = await EmbeddedBroker.start({ topics })
  const { bootstrapServers } = broker
  const keys = orders.map(({ customer }) => customer)
  await produce(
    bootstrapServers,
    'orders',
    orders.map((order) => JSON.stringify(order)),
    keys,
  )
  const mixed = ['{"n": 1}', '{"n": ', '{"n": "one"}', '{"n": 2}']
  await produce(
    bootstrapServers,
    'mixed',
    mixed,
    mixed.map(() => null),
  )

  const blocks = blocksOf(readDoc('docs/guide.md'))
  const program = writeProgram('guide', blocks)
  const { stdout } = await promisify(execFile)(process.execPath, [program, bootstrapServers], { timeout: 50_000 })
  for (const [i, { runs, prints, line }] of blocks.entries()) {
    if (!runs) continue
    const from = stdout.indexOf(`${mark(i)}\n`)
    expect(from, `the example at line ${line} ran`).toBeGreaterThanOrEqual(0)
    const printed = stdout.slice(from + mark(i).length + 1).split('==== block')[0]
    expect(printed, `the example at line ${line}`).toBe(prints ?? '')
  }
})
