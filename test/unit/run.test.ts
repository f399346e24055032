import { setImmediate as turn } from 'node:timers/promises'
import { Float64, RecordBatch, type Table, tableFromArrays, vectorFromArray } from 'apache-arrow'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { col, type Run, SabotError, Stream } from '../../src/index.ts'
import { MemoryBroker } from '../support/memory.ts'
import { failure, until } from '../support/outcome.ts'

const held = vi.hoisted(() => ({ broker: undefined as unknown as MemoryBroker }))
vi.mock('../../src/kafka/select.ts', () => ({ selectBackend: () => held.broker.backend() }))

let broker: MemoryBroker
beforeEach(() => {
  broker = new MemoryBroker().create('in').create('out')
  held.broker = broker
})

const schema = { id: 'int64', amount: 'float64' } as const
const base = { bootstrapServers: 'b:9092', topic: 'in', groupId: 'g', commitIntervalMs: 10 } as const
/** A bounded read of `in`, in batches of two rows. */
const bounded = (more: object = {}) =>
  Stream.fromKafka({ ...base, schema, until: 'end', batch: { maxRows: 2 }, ...more })
const endless = (more: object = {}) => Stream.fromKafka({ ...base, schema, batch: { maxRows: 2 }, ...more })
const inferred = () => bounded({ schema: undefined }) as unknown as Stream
const row = (id: number, amount = id * 10) => ({ id, amount })
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i))
const quiet = { signals: false } as const

const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await turn()
}

const plain = (table: Table): unknown[] =>
  table.toArray().map((one) => {
    const object = one.toJSON() as Record<string, unknown>
    return Object.fromEntries(
      Object.entries(object).map(([name, value]) => [name, typeof value === 'bigint' ? Number(value) : value]),
    )
  })

describe('the main job', () => {
  it('filters, adds a column and writes to a topic; every position is committed', async () => {
    broker.produce('in', 0, ...rows(5))
    const metrics = await bounded()
      .filter(col('amount').gt(10))
      .withColumns({ double: col('amount').mul(2) })
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.values('out')).toEqual([2, 3, 4].map((id) => ({ id, amount: id * 10, double: id * 20 })))
    expect(broker.committed.get('in/0')).toBe(5n)
    expect(metrics).toMatchObject({ messagesIn: 5, rowsIn: 3, rowsOut: 3, batches: 3, errors: {} })
    expect(broker.sources[0]!.closed).toBe(true)
    expect(broker.sinks[0]!.closed).toBe('flushed')
  })

  it('infers columns where no schema is given', async () => {
    broker.produce('in', 0, ...rows(3))
    await inferred().select('id').toKafka({ topic: 'out' }).run(quiet)
    expect(broker.values('out')).toEqual([{ id: 0 }, { id: 1 }, { id: 2 }])
  })

  it('reads keys that are JSON, keeps what they were, and writes them as JSON where a column is the key', async () => {
    const keys = ['{"id": 1, "region":"eu"}', null, '{"id":', '{"id":4}']
    for (const [i, key] of keys.entries()) broker.send('in', 0, { key, value: JSON.stringify(row(i)) })
    const keyed = bounded({ key: 'json', keySchema: { id: 'int64' }, onError: 'skip' }) as unknown as Stream
    const metrics = await keyed.filter(col('$key.id').gt(0)).toKafka({ topic: 'out' }).run(quiet)
    broker.committed.clear()
    await keyed.toKafka({ topic: 'out', key: '$key' }).run(quiet)
    expect(metrics.errors).toEqual({ DECODE: 1 })
    const written = broker.topics.get('out')!.flatMap((partition) => partition.map(({ key }) => key))
    expect(written.sort()).toEqual(['{"id":1}', '{"id":4}', null, keys[0], keys[3]].sort())
  })

  it('ends with nothing done on an empty topic without a schema, whatever columns it names', async () => {
    const metrics = await inferred().filter(col('x').gt(1)).toKafka({ topic: 'out' }).run(quiet)
    expect(metrics.rowsOut).toBe(0)
  })

  it('names the columns there are where an inferred schema has not the one that was named', async () => {
    broker.produce('in', 0, row(1))
    const error = await failure(inferred().filter(col('amuont').gt(1)).toKafka({ topic: 'out' }).run(quiet))
    expect(error.code).toBe('SCHEMA')
    expect(error.message).toMatch(/amuont.*Did you mean "amount".*id, amount/)
  })

  it('refuses a topic that does not exist', async () => {
    expect((await failure(bounded().toKafka({ topic: 'none' }).run(quiet))).code).toBe('UNKNOWN_TOPIC')
  })

  it('keeps the order of a partition through async steps', async () => {
    broker.produce('in', 0, ...rows(20))
    let n = 20
    await bounded()
      .mapBatches(async (batch) => {
        for (let i = 0; i < n; i++) await Promise.resolve()
        n -= 2
        return batch
      })
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.values('out')).toEqual(rows(20))
  })

  it('commits nothing without a groupId', async () => {
    broker.produce('in', 0, ...rows(3))
    await bounded({ groupId: undefined }).toKafka({ topic: 'out' }).run(quiet)
    expect(broker.values('out')).toHaveLength(3)
    expect(broker.commits).toEqual([])
  })

  it('runs a pipeline again: the second run goes on where the first one committed', async () => {
    const pipeline = bounded().toKafka({ topic: 'out' })
    broker.produce('in', 0, row(1))
    await pipeline.run(quiet)
    broker.produce('in', 0, row(2))
    await pipeline.run(quiet)
    expect(broker.values('out')).toEqual([row(1), row(2)])
  })
})

describe('a record', () => {
  const headers = [
    { key: 'h', value: new Uint8Array([1]) },
    { key: 'h', value: new Uint8Array([2]) },
  ]

  it('that no step touched keeps its bytes, and what the schema does not know', async () => {
    const value = '{ "id": 7,  "amount": 1.50, "more": [1, 2] }'
    broker.send('in', 0, { value })
    await bounded().filter(col('amount').gt(1)).toKafka({ topic: 'out' }).run(quiet)
    expect(broker.records('out')[0]!.value).toBe(value)
    expect(broker.sinks[0]!.plans[0]!.value).toEqual({ kind: 'bytes' })
  })

  it('keeps key, headers with duplicates, and timestamp through columns and map', async () => {
    const record = { key: 'k', value: JSON.stringify(row(1)), headers, timestamp: 12345 }
    broker.send('in', 0, record)
    await bounded()
      .withColumns({ amount: col('amount').add(1) })
      .map((r) => ({ id: r.id, amount: r.amount }), { schema })
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.records('out')).toMatchObject([
      { key: 'k', headers, timestamp: 12345, value: JSON.stringify({ id: 1, amount: 11 }) },
    ])
  })

  it.each([
    ['mapBatches', (s: Stream) => s.mapBatches((batch) => batch)],
    ['an async mapBatches', (s: Stream) => s.mapBatches(async (batch) => batch)],
    ['map', (s: Stream) => s.map(({ id }) => ({ id }))],
    ['an async map', (s: Stream) => s.map(async ({ id }) => ({ id }))],
    ['flatMap', (s: Stream) => s.flatMap(({ id }) => [{ id }])],
    ['unnest', (s: Stream) => s.map(({ id }) => ({ id: [id] })).unnest('id')],
  ])('keeps what is its own of key, headers and timestamp through %s behind a filter', async (_, step) => {
    for (const id of [1, 2, 3, 4]) {
      const header = { key: 'h', value: new Uint8Array([id]) }
      broker.send('in', 0, { key: `k${id}`, value: JSON.stringify(row(id)), headers: [header, header], timestamp: id })
    }
    const stream = bounded({ batch: { maxRows: 4 } }).filter(col('id').mul(2).ge(4)) as unknown as Stream
    await step(stream).filter(col('id').ne(3)).toKafka({ topic: 'out' }).run(quiet)
    expect(broker.records('out')).toMatchObject(
      [2, 4].map((id) => {
        const header = { key: 'h', value: new Uint8Array([id]) }
        return { key: `k${id}`, headers: [header, header], timestamp: id }
      }),
    )
    expect(broker.values('out')).toMatchObject([{ id: 2 }, { id: 4 }])
  })

  it('that is a tombstone stays one, encoded or passed through', async () => {
    broker.send('in', 0, { key: 'gone', value: null })
    await bounded().toKafka({ topic: 'out' }).run(quiet)
    await bounded({ groupId: 'other' }).select('id').toKafka({ topic: 'out' }).run(quiet)
    broker.committed.clear()
    await bounded().select('id').toKafka({ topic: 'out' }).run(quiet)
    expect(broker.records('out').map(({ key, value }) => [key, value])).toEqual([
      ['gone', null],
      ['gone', null],
    ])
  })

  it('takes its key from a column, an expression, a $key of the plan, or has none', async () => {
    const keyed = async (make: (s: ReturnType<typeof bounded>) => ReturnType<Stream['toKafka']>) => {
      broker.create('in').create('out')
      broker.committed.clear()
      broker.send('in', 0, { key: 'own', value: JSON.stringify(row(7)) })
      await make(bounded()).run(quiet)
      return broker.records('out').map(({ key, value }) => [key, value])
    }
    const value = JSON.stringify(row(7))
    expect(await keyed((s) => s.toKafka({ topic: 'out', key: 'id' }))).toEqual([['7', value]])
    expect(await keyed((s) => s.toKafka({ topic: 'out', key: col('id').add(1) }))).toEqual([['8', value]])
    expect(await keyed((s) => s.withColumns({ $key: col('id').add(2) }).toKafka({ topic: 'out' }))).toEqual([
      ['9', value],
    ])
    expect(await keyed((s) => s.toKafka({ topic: 'out', key: null }))).toEqual([[null, value]])
    expect(await keyed((s) => s.select('id').toKafka({ topic: 'out', key: '$topic' }))).toEqual([['in', '{"id":7}']])
  })

  it('stays in its partition where the sink is told to', async () => {
    broker.create('in', 3).create('out', 3)
    broker.produce('in', 2, row(1)).produce('in', 1, row(2))
    await bounded().toKafka({ topic: 'out', partitioner: 'source' }).run(quiet)
    expect(broker.topics.get('out')!.map((log) => log.length)).toEqual([0, 1, 1])
  })

  it('goes on as itself through a mapBatches with as many rows, and is new where there are others', async () => {
    broker.send('in', 0, { key: 'a', value: JSON.stringify(row(1)) })
    broker.send('in', 0, { key: 'b', value: JSON.stringify(row(2)) })
    await bounded()
      .mapBatches((batch) => batch)
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.records('out').map(({ key }) => key)).toEqual(['a', 'b'])

    broker.create('out')
    broker.committed.clear()
    await bounded()
      .mapBatches((batch) => batch.slice(0, 1))
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.records('out').map(({ key, headers: h }) => [key, h])).toEqual([[null, []]])

    broker.create('out')
    broker.committed.clear()
    const made = tableFromArrays({ id: [1, 2, 3], $key: ['x', 'y', 'z'] }).batches[0]!
    await bounded()
      .mapBatches(() => made)
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.records('out').map(({ key, value }) => [key, value])).toEqual([
      ['x', '{"id":1}'],
      ['y', '{"id":2}'],
      ['z', '{"id":3}'],
    ])
  })

  it('that flatMap makes has the key of its parent, also behind a filter', async () => {
    for (const id of [1, 2, 3]) broker.send('in', 0, { key: `k${id}`, value: JSON.stringify(row(id)) })
    await bounded()
      .map((r) => r, { schema })
      .filter(col('id').ne(2))
      .flatMap((r) => Array.from({ length: Number(r.id) }, (_, n) => ({ n })), { schema: { n: 'int64' } })
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.records('out').map(({ key, value }) => [key, value])).toEqual([
      ['k1', '{"n":0}'],
      ['k3', '{"n":0}'],
      ['k3', '{"n":1}'],
      ['k3', '{"n":2}'],
    ])
  })

  it('can be mapped by an async function, and without a schema', async () => {
    broker.produce('in', 0, ...rows(3))
    await bounded()
      .map(async (r) => ({ id: r.id, text: `n${r.id}` }))
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.values('out')).toEqual([0, 1, 2].map((id) => ({ id, text: `n${id}` })))
  })
})

describe('positions', () => {
  it('are never committed past a batch that is not delivered, in whatever order batches are', async () => {
    broker.produce('in', 0, ...rows(6))
    const waiting = broker.holdDeliveries()
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => waiting.length === 3)
    waiting[2]!.release()
    waiting[1]!.release()
    await turns(20)
    await new Promise((resolve) => setTimeout(resolve, 40))
    expect(broker.commits).toEqual([])
    waiting[0]!.release()
    await until(() => broker.committed.get('in/0') === 6n)
    await run.stop()
  })

  it('move over rows that a filter dropped', async () => {
    broker.produce('in', 0, ...rows(6))
    await bounded().filter(col('amount').gt(1e9)).toKafka({ topic: 'out' }).run(quiet)
    expect(broker.committed.get('in/0')).toBe(6n)
    expect(broker.records('out')).toEqual([])
  })

  it('are kept for the next try where a commit fails for a while', async () => {
    broker.produce('in', 0, ...rows(2))
    let tries = 0
    broker.beforeCommit = () => {
      if (++tries < 3) throw new SabotError('KAFKA', 'coordinator is loading', { retriable: true })
    }
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => broker.committed.get('in/0') === 2n)
    await run.stop()
    expect(tries).toBe(3)
  })
})

describe('a slow sink', () => {
  it('holds the reading back: only a window of batches is taken', async () => {
    broker.produce('in', 0, ...rows(200))
    const waiting = broker.holdDeliveries()
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => waiting.length === 8)
    await turns(50)
    expect(waiting.length).toBe(8)
    expect(broker.sources[0]!.stats().messages).toBeLessThanOrEqual(2 * 13)
    broker.beforeDelivery = () => {}
    for (const one of waiting) one.release()
    await until(() => broker.committed.get('in/0') === 200n)
    await run.stop()
    expect(broker.values('out')).toEqual(rows(200))
  })
})

describe('large batches', () => {
  it('are bounded in bytes of what is written, not of what was read', async () => {
    const text = tableFromArrays({ text: Array.from({ length: 20 }, () => 'x'.repeat(2 ** 20)) }).batches[0]!
    let pulled = 0
    function* large() {
      for (; pulled < 30; pulled++) yield text
    }
    const waiting = broker.holdDeliveries()
    const run = Stream.fromBatches(large()).toKafka('b:9092', 'out').start(quiet)
    // 20 MiB a batch: three are under way, one waits for room, two lie in the inbox, one is in the reader's hand.
    await until(() => waiting.length === 3)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(waiting.length).toBe(3)
    expect(pulled).toBeLessThanOrEqual(8)
    const ended = failure(run.done)
    waiting[0]!.reject(new Error('enough'))
    expect((await ended).message).toMatch('enough')
  })
})

describe('a revocation', () => {
  it('waits for the rows in flight, commits them, then answers; other partitions go on', async () => {
    broker.create('in', 2)
    broker.produce('in', 0, ...rows(4))
    const waiting = broker.holdDeliveries()
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => waiting.length === 2)
    const source = broker.sources[0]!
    const token = source.revoke(false, { topic: 'in', partition: 0 })
    broker.produce('in', 1, row(100))
    await until(() => waiting.length === 3)
    waiting[2]!.release()
    await until(() => broker.committed.get('in/1') === 1n)
    expect(source.answered).toEqual([])
    waiting[0]!.release()
    waiting[1]!.release()
    await until(() => source.answered.includes(token))
    expect(broker.committed.get('in/0')).toBe(4n)
    await run.stop()
  })

  it('while a step is slow does not deadlock, and batches that wait are left to the next owner', async () => {
    broker.produce('in', 0, ...rows(20))
    const gate = Promise.withResolvers<void>()
    let calls = 0
    const run = endless()
      .mapBatches(async (batch) => {
        calls++
        await gate.promise
        return batch
      })
      .toKafka({ topic: 'out' })
      .start(quiet)
    await until(() => calls === 1)
    const source = broker.sources[0]!
    const token = source.revoke(false, { topic: 'in', partition: 0 })
    await turns(20)
    expect(source.answered).toEqual([])
    gate.resolve()
    await until(() => source.answered.includes(token))
    // The batch in the step was finished; at most the one that the reader held went with it.
    const finished = broker.committed.get('in/0')!
    expect(finished).toBe(BigInt(broker.records('out').length))
    expect(calls).toBeLessThanOrEqual(4)
    source.assign({ topic: 'in', partition: 0 })
    await until(() => broker.committed.get('in/0') === 20n)
    await run.stop()
    expect(broker.values('out')).toEqual(rows(20))
  })

  it('by loss commits nothing, even what is delivered later', async () => {
    broker.produce('in', 0, ...rows(2))
    const waiting = broker.holdDeliveries()
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => waiting.length === 1)
    const source = broker.sources[0]!
    const token = source.revoke(true, { topic: 'in', partition: 0 })
    await until(() => source.answered.includes(token))
    waiting[0]!.release()
    await new Promise((resolve) => setTimeout(resolve, 40))
    await run.stop()
    expect(broker.commits.flat()).toEqual([])
  })

  it('is answered while the run is stopping', async () => {
    broker.produce('in', 0, ...rows(2))
    const waiting = broker.holdDeliveries()
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => waiting.length === 1)
    const stopping = run.stop()
    const source = broker.sources[0]!
    const token = source.revoke(false, { topic: 'in', partition: 0 })
    await turns(5)
    waiting[0]!.release()
    await stopping
    expect(source.answered).toEqual([token])
    expect(broker.committed.get('in/0')).toBe(2n)
  })
})

describe('stop', () => {
  it('delivers and commits what was taken, then closes; twice is the same promise', async () => {
    broker.produce('in', 0, ...rows(4))
    const waiting = broker.holdDeliveries()
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => waiting.length === 2)
    const stopping = run.stop()
    expect(run.stop()).toBe(stopping)
    await turns(10)
    expect(broker.sources[0]!.closed).toBe(false)
    for (const one of waiting) one.release()
    await stopping
    expect(broker.committed.get('in/0')).toBe(4n)
    expect(broker.sinks[0]!.closed).toBe('flushed')
    expect(broker.sources[0]!.closed).toBe(true)
    expect((await run.done).rowsOut).toBe(4)
    expect(run.metrics().rowsOut).toBe(4)
  })

  it('in the turn of the start connects to nothing', async () => {
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await run.stop()
    expect(broker.sinks[0]!.opened).toBe(false)
  })

  it('while the source waits for its first rows ends the run', async () => {
    const run = endless({ schema: undefined }).toKafka({ topic: 'out' }).start(quiet)
    await turns(10)
    await run.stop()
    expect((await run.done).messagesIn).toBe(0)
  })

  it('comes by an AbortSignal, also by one that was aborted before', async () => {
    broker.produce('in', 0, ...rows(2))
    const controller = new AbortController()
    const running = endless()
      .toKafka({ topic: 'out' })
      .run({ ...quiet, signal: controller.signal })
    await until(() => broker.records('out').length === 2)
    controller.abort()
    expect((await running).rowsOut).toBe(2)
    expect(broker.committed.get('in/0')).toBe(2n)
    const again = await endless()
      .toKafka({ topic: 'out' })
      .run({ ...quiet, signal: AbortSignal.abort() })
    expect(again.messagesIn).toBe(0)
  })

  it('comes by the first signal of the process; the second aborts at once and commits nothing', async () => {
    broker.produce('in', 0, ...rows(2))
    const before = process.listenerCount('SIGUSR2')
    const waiting = broker.holdDeliveries()
    const run = endless({ commitIntervalMs: 60_000 })
      .toKafka({ topic: 'out' })
      .start({ signals: ['SIGUSR2'] })
    await until(() => waiting.length === 1)
    process.emit('SIGUSR2')
    await turns(10)
    expect(broker.sources[0]!.closed).toBe(false)
    process.emit('SIGUSR2')
    const error = await failure(run.done)
    expect(error.code).toBe('ABORTED')
    expect(broker.commits).toEqual([])
    expect(broker.sinks[0]!.closed).toBe('aborted')
    expect(broker.sources[0]!.closed).toBe(true)
    await turns(2)
    expect(process.listenerCount('SIGUSR2')).toBe(before)
  })

  it('by abort does not wait for a step that never returns', async () => {
    broker.produce('in', 0, ...rows(2))
    let called = false
    const run = endless()
      .mapBatches(() => {
        called = true
        return new Promise<RecordBatch>(() => {})
      })
      .toKafka({ topic: 'out' })
      .start({ signals: ['SIGUSR2'] })
    await until(() => called)
    process.emit('SIGUSR2')
    process.emit('SIGUSR2')
    expect((await failure(run.done)).code).toBe('ABORTED')
  })
})

describe('a failure', () => {
  it('of a delivery rejects with its reason and commits nothing past it', async () => {
    broker.produce('in', 0, ...rows(6))
    const waiting = broker.holdDeliveries()
    const run: Run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => waiting.length === 3)
    waiting[0]!.release()
    await until(() => broker.committed.get('in/0') === 2n)
    waiting[2]!.release()
    waiting[1]!.reject(new Error('message timed out'))
    const error = await failure(run.done)
    expect(error.message).toMatch('message timed out')
    expect(broker.committed.get('in/0')).toBe(2n)
    expect(broker.sinks[0]!.closed).toBe('aborted')
    expect(await failure(run.stop())).toBe(error)
  })

  it('of a user function names the step and the place, and keeps the cause', async () => {
    broker.produce('in', 0, ...rows(4))
    const thrown = new TypeError('no such thing')
    const steps = {
      mapBatches: (s: Stream) =>
        s.mapBatches(() => {
          throw thrown
        }),
      map: (s: Stream) =>
        s.map(() => {
          throw thrown
        }),
      flatMap: (s: Stream) => s.flatMap(() => Promise.reject(thrown)),
    }
    for (const [kind, add] of Object.entries(steps)) {
      const stream = bounded().filter(col('id').ge(0)) as unknown as Stream
      const error = await failure(add(stream).toKafka({ topic: 'out' }).run(quiet))
      expect(error).toMatchObject({
        code: 'STEP',
        cause: thrown,
        where: { topic: 'in', partition: 0, step: `2 ${kind}` },
      })
      expect(error.message).toMatch(`step 2 (${kind}): in[0] before offset 2: no such thing`)
      expect(broker.commits).toEqual([])
    }
  })

  it('of a step commits what was delivered before it', async () => {
    broker.produce('in', 0, ...rows(6))
    let calls = 0
    const error = await failure(
      bounded({ commitIntervalMs: 60_000 })
        .mapBatches((batch) => {
          if (++calls === 3) throw new Error('third')
          return batch
        })
        .toKafka({ topic: 'out' })
        .run(quiet),
    )
    expect(error.code).toBe('STEP')
    expect(broker.values('out')).toEqual(rows(4))
    expect(broker.committed.get('in/0')).toBe(4n)
  })

  it('of the source ends the run', async () => {
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => broker.sources[0]?.plan !== undefined)
    broker.sources[0]!.fail(new SabotError('KAFKA', 'all brokers are down'))
    expect((await failure(run.done)).message).toBe('all brokers are down')
  })

  it('of a row that does not parse names topic, partition, offset and reason', async () => {
    broker.produce('in', 0, ...rows(3)).send('in', 0, { value: '{bad' })
    const error = await failure(bounded().toKafka({ topic: 'out' }).run(quiet))
    expect(error).toMatchObject({ code: 'DECODE', where: { topic: 'in', partition: 0, offset: 3n } })
    expect(error.message).toBe(
      "in[0] at offset 3: not an object: {bad. With onError: 'skip' such records are counted, logged and passed over.",
    )
    expect(broker.committed.get('in/0')).toBe(2n)
  })

  it('of a row under onError skip is counted, logged and passed over', async () => {
    const lines: object[] = []
    const log = () => {}
    const logger = { debug: log, info: log, error: log, warn: (fields: object) => void lines.push(fields) }
    broker.produce('in', 0, row(0)).send('in', 0, { value: '{bad' }).produce('in', 0, row(2))
    const metrics = await bounded({ onError: 'skip', logger }).toKafka({ topic: 'out' }).run(quiet)
    expect(broker.values('out')).toEqual([row(0), row(2)])
    expect(metrics.errors).toEqual({ DECODE: 1 })
    expect(lines).toEqual([{ topic: 'in', partition: 0, offset: 1n, code: 'DECODE', reason: 'not an object: {bad' }])
    expect(broker.committed.get('in/0')).toBe(3n)
  })

  it('of a row that can not be encoded is met by the same policy', async () => {
    broker.produce('in', 0, row(0, 0), row(1, 1), row(2, 0))
    const divided = (more: object) =>
      bounded(more)
        .withColumns({ ratio: col('amount').div(col('amount')) })
        .toKafka({ topic: 'out' })
    const error = await failure(divided({}).run(quiet))
    expect(error).toMatchObject({ code: 'ENCODE', where: { topic: 'in', partition: 0, offset: 0n } })
    expect(error.message).toMatch('in[0] at offset 0: toKafka: "ratio" is not finite')
    const lines: object[] = []
    const log = () => {}
    const logger = { debug: log, info: log, error: log, warn: (fields: object) => void lines.push(fields) }
    const metrics = await divided({ onError: 'skip', logger }).run(quiet)
    expect(broker.values('out')).toEqual([{ id: 1, amount: 1, ratio: 1 }])
    expect(metrics.errors).toEqual({ ENCODE: 2 })
    expect(lines).toMatchObject([{ offset: 0n }, { offset: 2n }])
  })
})

describe('a row without a value for an expression', () => {
  const over = (more: object) =>
    bounded(more)
      .withColumns({ big: col('id').mul(9_000_000_000_000_000_000n) })
      .filter(col('big').ge(0))

  it('ends the run with its offset', async () => {
    broker.produce('in', 0, ...rows(5))
    const error = await failure(over({}).toKafka({ topic: 'out' }).run(quiet))
    expect(error).toMatchObject({ code: 'SCHEMA', where: { topic: 'in', partition: 0, offset: 2n } })
    expect(broker.committed.get('in/0')).toBe(2n)
  })

  it('is passed over under onError skip', async () => {
    broker.produce('in', 0, ...rows(5))
    const table = await over({ onError: 'skip' }).select('id').collect(quiet)
    expect(plain(table)).toEqual([{ id: 0 }, { id: 1 }])
    expect(broker.committed.get('in/0')).toBe(5n)
  })
})

describe('over crashes', () => {
  it('no row is lost and none of a partition overtakes another, whatever is delivered when', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 0, max: 7 })), { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 3 }),
        async (deliveries, maxRows) => {
          const world = new MemoryBroker().create('in', 2).create('out')
          held.broker = world
          for (let id = 0; id < 12; id++) world.produce('in', id % 2, row(id))
          let n = 0
          world.beforeDelivery = async () => {
            const [delay, fate] = deliveries[n++] ?? [0, 1]
            await turns(delay)
            if (fate === 0) throw new Error('crash')
          }
          for (let attempt = 0; attempt < 40; attempt++) {
            const from = world.records('out').length
            const run = bounded({ batch: { maxRows }, commitIntervalMs: 10 }).toKafka({ topic: 'out' }).run(quiet)
            const failed = await run.then(
              () => false,
              () => true,
            )
            const ids = world
              .values('out')
              .slice(from)
              .map((value) => (value as { id: number }).id)
            for (const partition of [0, 1]) {
              const own = ids.filter((id) => id % 2 === partition)
              expect(own).toEqual([...own].sort((a, b) => a - b))
            }
            const delivered = new Set(world.values('out').map((value) => (value as { id: number }).id))
            for (let id = 0; id < 12; id++) {
              const committed = world.committed.get(`in/${id % 2}`) ?? 0n
              if (BigInt(Math.floor(id / 2)) < committed) expect(delivered).toContain(id)
            }
            if (!failed) break
          }
          expect(new Set(world.values('out').map((value) => (value as { id: number }).id)).size).toBe(12)
        },
      ),
      { numRuns: 60 },
    )
  })
})

describe('limit', () => {
  it('ends an endless read and commits behind the last row taken', async () => {
    broker.produce('in', 0, ...rows(10))
    await endless({ batch: { maxRows: 4 } })
      .filter(col('id').ne(1))
      .limit(5)
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.values('out')).toEqual([0, 2, 3, 4, 5].map((id) => row(id)))
    expect(broker.committed.get('in/0')).toBe(6n)
    await endless({ until: 'end' }).toKafka({ topic: 'out' }).run(quiet)
    expect(broker.values('out').slice(5)).toEqual([6, 7, 8, 9].map((id) => row(id)))
  })

  it('behind mapBatches leaves the batch that it cut to be read again', async () => {
    broker.produce('in', 0, ...rows(4))
    await endless()
      .mapBatches((batch) => batch)
      .limit(3)
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.values('out')).toHaveLength(3)
    expect(broker.committed.get('in/0')).toBe(2n)
  })

  it('of 0 reads nothing', async () => {
    broker.produce('in', 0, ...rows(4))
    expect((await endless().limit(0).collect(quiet)).numRows).toBe(0)
  })
})

describe('collect', () => {
  it('gives one table, without the columns that only went along', async () => {
    broker.produce('in', 0, ...rows(5))
    const table = await bounded().filter(col('id').gt(1)).select('id').collect(quiet)
    expect(plain(table)).toEqual([{ id: 2 }, { id: 3 }, { id: 4 }])
    expect(broker.committed.get('in/0')).toBe(5n)
  })

  it('has the columns of the schema where there is no row', async () => {
    const table = await bounded()
      .select('amount', { more: col('id').add(1) })
      .collect(quiet)
    expect(table.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual(['amount Float64', 'more Int64'])
  })

  it('gives message columns by the names that were asked for', async () => {
    broker.send('in', 0, { key: 'k', value: JSON.stringify(row(1)) })
    const table = await bounded({ key: 'string' })
      .select('$key', 'id', { at: col('$offset'), topic: col('$topic') })
      .collect(quiet)
    expect(plain(table)).toEqual([{ $key: 'k', id: 1, at: 0, topic: 'in' }])
  })

  it('commits nothing when it fails: the rows were not delivered', async () => {
    broker.produce('in', 0, ...rows(4)).send('in', 0, { value: '{bad' })
    await failure(bounded().collect(quiet))
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(broker.commits).toEqual([])
  })
})

describe('for await', () => {
  it('gives every batch and commits each when the next is asked for', async () => {
    broker.produce('in', 0, ...rows(5))
    const seen: number[] = []
    const committed: (bigint | undefined)[] = []
    for await (const batch of bounded()) {
      await new Promise((resolve) => setTimeout(resolve, 30))
      committed.push(broker.committed.get('in/0'))
      seen.push(batch.numRows)
    }
    expect(seen).toEqual([2, 2, 1])
    expect(committed).toEqual([undefined, 2n, 4n])
    expect(broker.committed.get('in/0')).toBe(5n)
    expect(broker.sources[0]!.closed).toBe(true)
  })

  it('ends the run when broken out of; the batch in hand is read again', async () => {
    broker.produce('in', 0, ...rows(10))
    let n = 0
    for await (const _ of endless()) if (++n === 3) break
    expect(broker.committed.get('in/0')).toBe(4n)
    expect(broker.sources[0]!.closed).toBe(true)
  })

  it('throws what failed the run', async () => {
    broker.produce('in', 0, ...rows(2)).send('in', 0, { value: '{bad' })
    const read = async () => {
      for await (const _ of bounded()) {
        // only reads
      }
    }
    expect((await failure(read())).code).toBe('DECODE')
  })
})

describe('forEachBatch', () => {
  it('calls in order, one at a time, with the place of the batch', async () => {
    broker.produce('in', 0, ...rows(5))
    let running = 0
    const seen: [number, bigint][] = []
    await bounded().forEachBatch(async (batch, { position }) => {
      expect(++running).toBe(1)
      await turns(3)
      seen.push([batch.numRows, position])
      running--
    }, quiet)
    expect(seen).toEqual([
      [2, 2n],
      [2, 4n],
      [1, 5n],
    ])
    expect(broker.committed.get('in/0')).toBe(5n)
  })

  it('fails with what the function threw, and does not commit its batch', async () => {
    broker.produce('in', 0, ...rows(4))
    let calls = 0
    const error = await failure(
      bounded().forEachBatch(() => {
        if (++calls === 2) throw new RangeError('too far')
      }, quiet),
    )
    expect(error).toMatchObject({ code: 'STEP', where: { topic: 'in', partition: 0 } })
    expect(error.cause).toBeInstanceOf(RangeError)
    expect(broker.committed.get('in/0')).toBe(2n)
  })
})

describe('a stream of batches', () => {
  const batch = (...ids: number[]): RecordBatch =>
    tableFromArrays({ id: ids, amount: ids.map((id) => id * 10) }).batches[0]!

  it('is read from an array, a table, a generator and an async generator', async () => {
    async function* later() {
      yield batch(1, 2)
      await turn()
      yield batch(3)
    }
    function* now() {
      yield batch(1, 2)
      yield batch(3)
    }
    const table = tableFromArrays({ id: [1, 2, 3], amount: [10, 20, 30] })
    for (const given of [[batch(1, 2), batch(3)], table, now(), later()]) {
      const result = await Stream.fromBatches(given).filter(col('amount').gt(10)).collect(quiet)
      expect(plain(result)).toEqual([
        { id: 2, amount: 20 },
        { id: 3, amount: 30 },
      ])
    }
  })

  it('goes to Kafka with a backend of its own choosing; a column $key is the key', async () => {
    const given = tableFromArrays({ id: [1, 2], $key: ['a', 'b'] })
    const metrics = await Stream.fromBatches(given).toKafka('b:9092', 'out').run(quiet)
    expect(broker.records('out').map(({ key, value }) => [key, value])).toEqual([
      ['a', '{"id":1}'],
      ['b', '{"id":2}'],
    ])
    expect(metrics.rowsOut).toBe(2)
  })

  it('from an iterator that was used is CLOSED', async () => {
    const iterator = [batch(1)].values()
    await Stream.fromBatches(iterator).collect(quiet)
    expect((await failure(Stream.fromBatches(iterator).collect(quiet))).code).toBe('CLOSED')
  })

  it('from an iterable that throws end the run with STEP, and what it threw as the cause', async () => {
    const cause = new TypeError('the file is gone')
    const asynchronous = async function* () {
      yield batch(1)
      throw cause
    }
    const atOnce = {
      *[Symbol.iterator](): Generator<RecordBatch> {
        yield* []
        throw cause
      },
    }
    const without = {
      [Symbol.iterator]: () => {
        throw cause
      },
    }
    const expected = {
      'as batch 2 was asked for': asynchronous(),
      'as batch 1 was asked for': atOnce,
      'as its iterator was asked for': without,
    }
    for (const [when, given] of Object.entries(expected)) {
      const error = await failure(Stream.fromBatches(given).collect(quiet))
      expect(error).toMatchObject({ code: 'STEP', cause, retriable: false, where: { step: 'fromBatches' } })
      expect(error.message).toBe(`fromBatches: the iterable threw ${when}: the file is gone`)
    }
  })

  it('from a run that failed end with its code', async () => {
    const failing = Stream.fromBatches(
      (function* () {
        yield batch(1)
        throw new SabotError('CONNECT', 'no broker answered')
      })(),
    )
    const error = await failure(Stream.fromBatches(failing).collect(quiet))
    expect(error).toMatchObject({ code: 'CONNECT', retriable: true })
  })

  it('whose iterator throws as it is closed fail the run with STEP', async () => {
    const given = {
      [Symbol.iterator]: () => ({
        next: () => ({ done: false as const, value: batch(1) }),
        return: () => {
          throw new Error('it cannot be closed')
        },
      }),
    }
    const error = await failure(Stream.fromBatches(given).limit(1).collect(quiet))
    expect(error).toMatchObject({ code: 'STEP', message: expect.stringContaining('it cannot be closed') })
  })

  it('refuses what is no batch, and a batch with other columns', async () => {
    expect((await failure(Stream.fromBatches([1] as never).collect(quiet))).message).toMatch('batch 1 is 1')
    const other = new RecordBatch({ id: vectorFromArray([1], new Float64()).data[0]! })
    expect((await failure(Stream.fromBatches([batch(1), other]).collect(quiet))).code).toBe('SCHEMA')
  })

  it('is closed when the run is stopped, also where its iterator waits for ever', async () => {
    let returned = false
    const never: AsyncIterable<RecordBatch> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return: async () => {
          returned = true
          return { done: true, value: undefined }
        },
      }),
    }
    const controller = new AbortController()
    const collecting = Stream.fromBatches(never).collect({ ...quiet, signal: controller.signal })
    await turns(5)
    controller.abort()
    expect((await collecting).numRows).toBe(0)
    expect(returned).toBe(true)
  })
})
