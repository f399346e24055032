/** What a run counts and publishes: on the broker in memory, and natively on the embedded one. */
import { type ChannelListener, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { tableFromArrays } from 'apache-arrow'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type ChannelMessages, col, EmbeddedBroker, lit, type RunMetrics, Stream } from '../../src/index.ts'
import type * as select from '../../src/kafka/select.ts'
import { MemoryBroker } from '../support/memory.ts'
import { eventually, failure } from '../support/outcome.ts'

/** undefined: the native backend. */
const held = vi.hoisted(() => ({ broker: undefined as MemoryBroker | undefined }))
vi.mock('../../src/kafka/select.ts', async (original) => {
  const { selectBackend } = await original<typeof select>()
  return {
    selectBackend: (...args: Parameters<typeof selectBackend>) => held.broker?.backend() ?? selectBackend(...args),
  }
})

let broker: MemoryBroker
beforeEach(() => {
  broker = new MemoryBroker().create('in', 2).create('out')
  held.broker = broker
})

const schema = { id: 'int64', amount: 'float64' } as const
const base = { bootstrapServers: 'b:9092', topic: 'in', groupId: 'g', schema, commitIntervalMs: 10 } as const
const bounded = (more: object = {}) => Stream.fromKafka({ ...base, until: 'end', batch: { maxRows: 4 }, ...more })
const rows = (count: number) => Array.from({ length: count }, (_, id) => ({ id, amount: id * 10 }))
const quiet = { signals: false } as const

type Name = keyof ChannelMessages
const names: readonly Name[] = [
  'sabot:run:start',
  'sabot:batch',
  'sabot:metrics',
  'sabot:commit',
  'sabot:rebalance',
  'sabot:error',
  'sabot:run:end',
]
let stopListening: (() => void)[] = []
afterEach(() => {
  for (const stop of stopListening) stop()
  stopListening = []
})

/** Every message that is published from now on. */
const published = () => {
  const messages: { readonly channel: string; readonly [key: string]: unknown }[] = []
  for (const name of names) {
    const listener: ChannelListener = (message, channel) =>
      void messages.push({ channel: String(channel), ...(message as object) })
    subscribe(name, listener)
    stopListening.push(() => unsubscribe(name, listener))
  }
  const of = (name: Name) => messages.filter(({ channel }) => channel === name)
  return { messages, of }
}

describe('the metrics of a run', () => {
  it('say how batches are spread, in messages and bytes', async () => {
    broker.produce('in', 0, ...rows(10))
    const metrics = await bounded().toKafka({ topic: 'out' }).run(quiet)
    expect(metrics.batchMessages).toMatchObject({ count: 3, min: 2, max: 4, mean: 10 / 3 })
    expect(metrics.batchMessages.p99).toBeLessThanOrEqual(4)
    expect(metrics.batchMessages.p50).toBeGreaterThanOrEqual(2)
    const bytes = broker.records('in').reduce((sum, { value }) => sum + value!.length, 0)
    expect(metrics.bytesIn).toBe(bytes)
    expect(metrics.batchBytes.mean * metrics.batchBytes.count).toBeCloseTo(bytes)
  })

  it('say how long steps and acknowledgements took, and how busy the thread was', async () => {
    broker.produce('in', 0, ...rows(8))
    broker.beforeDelivery = () => sleep(30)
    const metrics = await bounded()
      .mapBatches(async (batch) => {
        await sleep(20)
        return batch
      })
      .toKafka({ topic: 'out' })
      .run(quiet)
    // Node's timers may fire a millisecond early.
    expect(metrics.stepsMs).toBeGreaterThan(2 * 18)
    expect(metrics.acknowledgeMs).toMatchObject({ count: 2 })
    expect(metrics.acknowledgeMs.min).toBeGreaterThan(28)
    expect(metrics.elapsedMs).toBeGreaterThan(metrics.stepsMs)
    expect(metrics.jsThreadShare).toBeGreaterThan(0)
    // It mostly slept.
    expect(metrics.jsThreadShare).toBeLessThan(1)
  })

  it('stand still when the run is over', async () => {
    broker.produce('in', 0, ...rows(2))
    const run = bounded().toKafka({ topic: 'out' }).start(quiet)
    const last = await run.done
    await sleep(5)
    expect(run.metrics()).toEqual(last)
  })

  it('count partitions that come and go, and errors by their code', async () => {
    broker.produce('in', 0, { id: 1, amount: 1 }).send('in', 0, { value: '{"id": ' })
    const run = Stream.fromKafka({ ...base, onError: 'skip' })
      .select('id')
      .toKafka({ topic: 'out' })
      .start(quiet)
    await eventually(() => run.metrics().rowsOut === 1, 'the row is there')
    const source = broker.sources[0]!
    const taken = source.revoke(false, { topic: 'in', partition: 1 })
    const lost = source.revoke(true, { topic: 'in', partition: 0 })
    await eventually(() => source.answered.includes(taken) && source.answered.includes(lost), 'both are answered')
    await run.stop()
    expect(run.metrics()).toMatchObject({ rebalances: { assigned: 2, revoked: 1, lost: 1 }, errors: { DECODE: 1 } })
  })
})

describe('the channels', () => {
  it('tell of a run from its start to its end', async () => {
    const { messages, of } = published()
    broker.produce('in', 0, ...rows(5))
    const metrics = await bounded()
      .filter(col('id').gt(0))
      .fanOut((s) => [s.toKafka({ topic: 'out' }), s.limit(1).toKafka({ topic: 'out' })])
      .run(quiet)
    expect(new Set(messages.map(({ run }) => run)).size).toBe(1)
    expect(messages[0]).toMatchObject({
      channel: 'sabot:run:start',
      backend: 'native',
      source: 'in',
      sinks: ['out', 'out'],
    })
    expect(of('sabot:rebalance')).toMatchObject([
      {
        kind: 'assigned',
        partitions: [
          { topic: 'in', partition: 0 },
          { topic: 'in', partition: 1 },
        ],
      },
    ])
    expect(of('sabot:batch')).toMatchObject([
      { topic: 'in', partition: 0, position: 4n, messages: 4, rows: 3 },
      { topic: 'in', partition: 0, position: 5n, messages: 1, rows: 1 },
    ])
    expect(of('sabot:commit').at(-1)).toMatchObject({ positions: [{ topic: 'in', partition: 0, offset: 5n }] })
    expect(of('sabot:error')).toEqual([])
    expect(messages.at(-1)).toMatchObject({ channel: 'sabot:run:end', metrics })
    expect(messages.at(-1)).not.toHaveProperty('error')
  })

  it('tell of the rows that fail and of the run that does', async () => {
    const { messages, of } = published()
    broker.produce('in', 0, { id: 1, amount: 1 }).send('in', 0, { value: '{"id": ' })
    await bounded({ onError: 'skip' }).select('id').toKafka({ topic: 'out' }).run(quiet)
    expect(of('sabot:error')).toMatchObject([{ kind: 'row', code: 'DECODE', topic: 'in', partition: 0, offset: 1n }])
    messages.length = 0
    broker.committed.clear()
    const error = await failure(bounded().select('id').toKafka({ topic: 'out' }).run(quiet))
    expect(of('sabot:error')).toMatchObject([
      { kind: 'row', code: 'DECODE', offset: 1n },
      { kind: 'run', code: error.code, message: error.message },
    ])
    expect(messages.at(-1)).toMatchObject({ channel: 'sabot:run:end', error: error.code })
  })

  it('tell again and again how a run goes, while it goes on', async () => {
    const waiting = broker.holdDeliveries()
    const { of } = published()
    broker.produce('in', 0, ...rows(3))
    const run = Stream.fromKafka(base).toKafka({ topic: 'out' }).start(quiet)
    const last = () => of('sabot:metrics').at(-1)?.metrics as RunMetrics | undefined
    await eventually(() => last()?.inFlight === 1, 'it is under way')
    expect(last()).toMatchObject({ messagesIn: 3, rowsOut: 0 })
    expect(Object.keys(last()!).sort()).toEqual(Object.keys(run.metrics()).sort())
    for (const { release } of waiting) release()
    await eventually(() => last()?.rowsOut === 3, 'it is delivered')
    await run.stop()
    const count = of('sabot:metrics').length
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(of('sabot:metrics')).toHaveLength(count)
  })

  it('make no message while nobody listens', async () => {
    const { messages } = published()
    for (const stop of stopListening) stop()
    broker.produce('in', 0, ...rows(5))
    await bounded().toKafka({ topic: 'out' }).run(quiet)
    expect(messages).toEqual([])
  })
})

describe('natively, on the embedded broker', () => {
  const count = 20_000
  const documents = tableFromArrays({
    id: BigInt64Array.from({ length: count }, (_, id) => BigInt(id)),
    amount: Float64Array.from({ length: count }, (_, id) => id / 2),
  })

  const run = async (bootstrapServers: string, output: string, change: boolean): Promise<RunMetrics> => {
    const source = Stream.fromKafka({ bootstrapServers, topic: 'in', groupId: output, until: 'end', schema })
    const kept = source.filter(col('amount').ge(100))
    const pipeline = change
      ? kept.mapBatches((batch) => batch, { schema }).toKafka({ topic: output })
      : kept.toKafka({ topic: output })
    return pipeline.run(quiet)
  }

  it('count the same whether rows visit JavaScript or not, and how long each thread worked', async () => {
    held.broker = undefined
    await using embedded = await EmbeddedBroker.start({ topics: { in: 2, visited: 2, fused: 2 } })
    const { bootstrapServers } = embedded
    await Stream.fromBatches(documents).toKafka({ bootstrapServers, topic: 'in', key: 'id' }).run(quiet)
    const [visited, fused] = [await run(bootstrapServers, 'visited', true), await run(bootstrapServers, 'fused', false)]
    for (const metrics of [visited, fused]) {
      expect(metrics).toMatchObject({
        messagesIn: count,
        rowsIn: count - 200,
        rowsOut: count - 200,
        errors: {},
        rebalances: { assigned: 2, lost: 0 },
        queuedBytes: 0,
        inFlight: 0,
      })
      expect(metrics.batchMessages.mean * metrics.batchMessages.count).toBeCloseTo(count)
      expect(metrics.commits).toBeGreaterThan(0)
      for (const time of ['pollMs', 'decodeMs', 'encodeMs', 'deliverMs'] as const) {
        expect(metrics[time], time).toBeGreaterThan(0)
      }
      expect(metrics.acknowledgeMs.count).toBeGreaterThan(0)
      expect(metrics.pollMs).toBeLessThan(metrics.elapsedMs)
      expect(metrics.lag).toMatchObject([{ messages: 0n }, { messages: 0n }])
    }
    expect(visited.stepsMs).toBeGreaterThan(0)
    expect(fused.bytesIn).toBe(visited.bytesIn)
  })

  it('count messages that a filter which is never true does not decode, and commit behind them', async () => {
    held.broker = undefined
    await using embedded = await EmbeddedBroker.start({ topics: { in: 1, out: 1 } })
    const { bootstrapServers } = embedded
    const text = tableFromArrays({ value: ['{"id":1,"amount":2}', 'no JSON', '{"id":"three"}'] })
    await Stream.fromBatches(text).toKafka({ bootstrapServers, topic: 'in', codec: 'string' }).run(quiet)
    const { of } = published()
    const metrics = await Stream.fromKafka({ bootstrapServers, topic: 'in', groupId: 'never', until: 'end', schema })
      .filter(col('amount').gt(1).and(lit(1).gt(2)))
      .withColumns({ twice: col('amount').mul(2) })
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(metrics).toMatchObject({ messagesIn: 3, rowsIn: 0, rowsOut: 0, errors: {} })
    expect(of('sabot:commit').at(-1)).toMatchObject({ positions: [{ topic: 'in', partition: 0, offset: 3n }] })
  })
})
