/** How a run ends before its topic does, what it has committed then, and where the next run goes on. */
import { describe, expect, test } from 'vitest'
import { col, type RecordBatch, Stream } from '../../src/index.ts'
import { eventually } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const quiet = { signals: false } as const
const schema = { id: 'int64' } as const

async function numbers(count: number, partitions = 1): Promise<string> {
  const topic = unique('numbers')
  await kafka.createTopic(topic, partitions)
  await kafka.produce(
    topic,
    Array.from({ length: count }, (_, id) => ({ value: JSON.stringify({ id }), partition: id % partitions })),
  )
  return topic
}

const emptyTopic = async (): Promise<string> => {
  const topic = unique('out')
  await kafka.createTopic(topic)
  return topic
}

const idsOf = async (topic: string): Promise<number[]> =>
  (await kafka.consume(topic)).map(({ value }) => (JSON.parse(String(value)) as { id: number }).id)

const committedOf = async (group: string): Promise<number[]> =>
  (await kafka.committed(group)).toSorted((a, b) => a.partition - b.partition).map(({ offset }) => offset)

const idsIn = (batch: RecordBatch): number[] => [...(batch.getChild('id')!.toArray() as BigInt64Array)].map(Number)

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

describe('limit', () => {
  test('takes so many rows, commits behind the last one, and the next run goes on there', async () => {
    const [topic, to, groupId] = [await numbers(100), await emptyTopic(), unique('limit')]
    const pipeline = Stream.fromKafka({ bootstrapServers, topic, groupId, schema, batch: { maxRows: 7 } })
      .filter(col('id').mod(2).eq(0))
      .limit(10)
      .toKafka({ topic: to })
    for (const taken of [10, 20, 30]) {
      expect((await pipeline.run(quiet)).rowsOut).toBe(10)
      expect(await idsOf(to)).toEqual(range(0, taken).map((i) => 2 * i))
      const [position] = await committedOf(groupId)
      expect([2 * taken - 1, 2 * taken]).toContain(position)
    }
  })

  test('of none connects, takes nothing and commits nothing', async () => {
    const [topic, to, groupId] = [await numbers(3), await emptyTopic(), unique('none')]
    await Stream.fromKafka({ bootstrapServers, topic, groupId, schema }).limit(0).toKafka({ topic: to }).run(quiet)
    expect([await idsOf(to), await committedOf(groupId)]).toEqual([[], []])
  })
})

describe('for await', () => {
  test('gives every batch of a bounded read and commits them', async () => {
    const [topic, groupId] = [await numbers(1000, 3), unique('iterate')]
    const ids: number[] = []
    const stream = Stream.fromKafka({ bootstrapServers, topic, groupId, schema, until: 'end', batch: { maxRows: 100 } })
    for await (const batch of stream) ids.push(...idsIn(batch))
    expect(ids.sort((a, b) => a - b)).toEqual(range(0, 1000))
    expect(await committedOf(groupId)).toEqual([334, 333, 333])
  })

  test('left by break gives the batch in hand again to the next run, and none that was finished', async () => {
    const [topic, groupId] = [await numbers(30), unique('break')]
    const stream = Stream.fromKafka({ bootstrapServers, topic, groupId, schema, batch: { maxRows: 10 } })
    const seen: number[][] = []
    for (const batches of [2, 1]) {
      let count = 0
      for await (const batch of stream) {
        seen.push(idsIn(batch))
        if (++count === batches) break
      }
    }
    const [first, second, third] = seen
    expect(first![0]).toBe(0)
    expect(second![0]).toBe(first!.length)
    expect(third![0]).toBe(second![0])
    expect(await committedOf(groupId)).toEqual([second![0]])
  })
})

describe('a function on every batch', () => {
  test('that throws leaves its batch to the next run', async () => {
    const [topic, groupId] = [await numbers(30), unique('throw')]
    const stream = Stream.fromKafka({ bootstrapServers, topic, groupId, schema, until: 'end', batch: { maxRows: 10 } })
    const positions: bigint[] = []
    const failing = stream.forEachBatch((_, { position }) => {
      positions.push(position)
      if (positions.length === 2) throw new Error('enough')
    }, quiet)
    await expect(failing).rejects.toMatchObject({ code: 'STEP', where: { topic, partition: 0 } })
    expect(await committedOf(groupId)).toEqual([Number(positions[0])])
    const rest: number[] = []
    await stream.forEachBatch((batch) => rest.push(...batch.toArray().map(({ id }) => Number(id))), quiet)
    expect(rest).toEqual(range(Number(positions[0]), 30))
  })

  test('changes rows: one to many, many to one, and others altogether', async () => {
    const [topic, many, fewer] = [await numbers(10), await emptyTopic(), await emptyTopic()]
    const stream = Stream.fromKafka({ bootstrapServers, topic, schema, until: 'end' })
    await stream
      .flatMap(({ id }) => Array.from({ length: Number(id) % 3 }, () => ({ id })), { schema })
      .toKafka({ topic: many })
      .run(quiet)
    expect(await idsOf(many)).toEqual([1, 2, 2, 4, 5, 5, 7, 8, 8])
    await stream
      .mapBatches((batch) => batch.slice(0, 1))
      .toKafka({ topic: fewer })
      .run(quiet)
    expect((await idsOf(fewer))[0]).toBe(0)
  })
})

describe('stop', () => {
  test.each(['stop()', 'a signal'])(
    'by %s delivers and commits what was taken; the next run goes on there',
    async (by) => {
      const [topic, to, groupId] = [await numbers(50_000, 2), await emptyTopic(), unique('stop')]
      const signal = new AbortController()
      const pipeline = Stream.fromKafka({ bootstrapServers, topic, groupId, schema, batch: { maxRows: 500 } })
        .withColumns({ again: col('id') })
        .toKafka({ topic: to })
      const run = pipeline.start({ ...quiet, signal: signal.signal })
      await eventually(() => run.metrics().rowsOut > 0, 'rows are written')
      if (by === 'stop()') await run.stop()
      else signal.abort()
      const metrics = await run.done
      const committed = (await committedOf(groupId)).reduce((sum, offset) => sum + offset, 0)
      expect(metrics.rowsOut).toBe(committed)
      expect(await idsOf(to)).toHaveLength(committed)
      expect((await kafka.describeGroup(groupId)).members).toEqual([])
      const rest = pipeline.start(quiet)
      await eventually(() => rest.metrics().rowsOut >= 50_000 - committed, 'the rest is written')
      await rest.stop()
      expect((await idsOf(to)).sort((a, b) => a - b)).toEqual(range(0, 50_000))
    },
  )
})
