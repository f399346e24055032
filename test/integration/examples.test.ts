/** The examples, on a real Kafka, as a person runs them. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { kafka } from '../support/shared-kafka.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

const node = (args: readonly string[]) =>
  promisify(execFile)(process.execPath, [...args], {
    cwd: root,
    timeout: 100_000,
    env: { ...process.env, NO_COLOR: '1' },
  })

test('dataflow.ts writes the orders over 100 with their tax and total', async () => {
  await kafka.createTopic('orders', 2)
  await kafka.createTopic('processed_orders', 2)
  const orders = Array.from({ length: 1000 }, (_, i) => ({
    id: i,
    customer: i % 10 === 0 ? null : `customer ${i % 7}`,
    // 100 itself is not over 100; a missing amount is not either.
    amount: i % 100 === 50 ? null : i === 7 ? 100 : ((i * 37) % 300) + i / 8,
  }))
  const records = orders.map((order) => ({ key: order.customer, value: JSON.stringify(order) }))
  await kafka.produce('orders', [...records, { key: 'gone', value: null }])

  const { stdout } = await node(['examples/dataflow.ts', kafka.bootstrapServers, '--until-end'])

  const expected = orders.flatMap(({ id, customer, amount }) => {
    if (amount === null || amount <= 100) return []
    const tax = amount * 0.08
    return [{ key: customer, value: { id, customer, amount, tax, total: amount + tax } }]
  })
  expect(stdout).toContain(`1001 orders read, ${expected.length} of them over 100 written`)
  const written = await kafka.consume('processed_orders')
  const read = written.map(({ key, value }) => ({
    key: key?.toString() ?? null,
    value: JSON.parse(value!.toString()) as { readonly id: number },
  }))
  expect(read.sort((a, b) => a.value.id - b.value.id)).toEqual(expected)
  // Everything that was read is committed, the rows that the filter dropped and the tombstone too.
  const committed = await kafka.committed('order-processor')
  expect(committed.reduce((sum, { offset }) => sum + offset, 0)).toBe(1001)

  // A second run finds nothing new.
  const again = await node(['examples/dataflow.ts', kafka.bootstrapServers, '--until-end'])
  expect(again.stdout).toContain('0 orders read, 0 of them')
})

test('the demo runs on a real Kafka and its own checks hold', async () => {
  const { stdout } = await node(['examples/demo/main.ts', '--bootstrap-servers', kafka.bootstrapServers])
  expect(stdout).toMatch(/^ok +delayed flights read back: [\d,]+$/m)
  expect(stdout).not.toMatch(/^wrong/m)
})

test('the demo measures on a real Kafka, beside librdkafka alone', async () => {
  const args = ['--bootstrap-servers', kafka.bootstrapServers, '--rows', '20000']
  const { stdout } = await node(['examples/demo/main.ts', ...args])
  expect(stdout).toMatch(/^librdkafka alone: batch consume +[\d.]+ +[\d,]+ +\d+ +1\.00$/m)
  expect(stdout).toMatch(/^consume to columns, all of them +[\d.]+ +[\d,]+ +\d+ +[\d.]+$/m)
  expect(stdout).toMatch(/^ok +rows read as columns: 20,000$/m)
  expect(stdout).not.toMatch(/^wrong/m)
})
