/** Whose memory a batch is: its own, whatever became of the source that it came from. */
import { tableFromArrays } from 'apache-arrow'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { EmbeddedBroker, type RecordBatch, Stream } from '../../src/index.ts'
import { loadAddon } from '../../src/kafka/load.ts'

const ROWS = 3000
const schema = { id: 'int64', name: 'utf8', tags: ['int32'], on: 'bool' } as const
const source = Array.from({ length: ROWS }, (_, i) => ({
  id: BigInt(i),
  name: i % 7 === 0 ? null : `name ${i}`,
  tags: Array.from({ length: i % 3 }, (_, n) => i + n),
  on: i % 2 === 0,
}))

let broker: EmbeddedBroker
beforeAll(async () => {
  broker = await EmbeddedBroker.start({ topics: { rows: 2 } })
  const one = tableFromArrays({ n: Int32Array.of(0) })
  await Stream.fromBatches(one)
    .flatMap(() => source, { schema })
    .toKafka({ bootstrapServers: broker.bootstrapServers, topic: 'rows', partitioner: 'roundRobin' })
    .run()
})
afterAll(() => broker.close())
afterEach(() => loadAddon().setCopySlabs(false))

const rowsOf = (batches: readonly RecordBatch[]): unknown[] =>
  batches
    .flatMap((batch) => batch.toArray())
    .map(({ id, name, tags, on }) => ({ id, name, tags: [...tags], on }))
    .sort((a, b) => Number(a.id - b.id))

async function read(): Promise<RecordBatch[]> {
  const batches: RecordBatch[] = []
  const { bootstrapServers } = broker
  const stream = Stream.fromKafka({ bootstrapServers, topic: 'rows', until: 'end', schema, batch: { maxRows: 100 } })
  for await (const batch of stream) batches.push(batch)
  return batches
}

test('batches are readable after their run has ended, and many others came and went', async () => {
  const held = await read()
  for (let i = 0; i < 5; i++) {
    await read()
    global.gc?.()
  }
  expect(rowsOf(held)).toEqual(source)
})

test('a runtime that refuses external memory gets the same rows in copies', async () => {
  loadAddon().setCopySlabs(true)
  const batches = await read()
  expect(rowsOf(batches)).toEqual(source)
  // Memory of V8's own can be given to another thread; the next test shows that external memory cannot.
  const buffer = batches[0]!.data.children[0]!.values.buffer as ArrayBuffer
  expect(structuredClone(buffer, { transfer: [buffer] }).byteLength).toBeGreaterThan(0)
  expect(buffer.byteLength).toBe(0)
})

test('a batch that is sent to another thread is copied: what is held here stays', async () => {
  const [batch] = await read()
  const { buffer } = batch!.data.children[0]!.values as BigInt64Array
  // An external ArrayBuffer cannot be transferred, and none of it is lost in the attempt.
  expect(() => structuredClone(buffer, { transfer: [buffer as ArrayBuffer] })).toThrow()
  expect(batch!.getChild('id')!.get(0)).toBeTypeOf('bigint')
})
