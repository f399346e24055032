/** One read, several sinks, one commit. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { batchFromRows, type Column } from '../../src/batch.ts'
import { col, type Pipeline, type RecordBatch, Stream } from '../../src/index.ts'
import { byteSizeOf } from '../../src/run/outlets.ts'
import { parseSchema } from '../../src/schema.ts'
import { MemoryBroker } from '../support/memory.ts'
import { failure, recordingLogger, until } from '../support/outcome.ts'

const held = vi.hoisted(() => ({ broker: undefined as unknown as MemoryBroker }))
vi.mock('../../src/kafka/select.ts', async (original) => ({
  ...(await original<object>()),
  selectBackend: () => held.broker.backend(),
}))

let broker: MemoryBroker
beforeEach(() => {
  broker = new MemoryBroker().create('in').create('a').create('b').create('c')
  held.broker = broker
})

const schema = { id: 'int64', amount: 'float64', country: 'utf8' } as const
const base = { bootstrapServers: 'b:9092', topic: 'in', groupId: 'g', schema, batch: { maxRows: 2 } } as const
const bounded = (more: object = {}) => Stream.fromKafka({ ...base, until: 'end', commitIntervalMs: 10, ...more })
const endless = (more: object = {}) => Stream.fromKafka({ ...base, commitIntervalMs: 10, ...more })
const row = (id: number) => ({ id, amount: id * 10, country: id % 2 === 0 ? 'DE' : 'FR' })
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i))
const ids = (topic: string) => broker.values(topic).map((value) => (value as { id: number }).id)
const quiet = { signals: false } as const

describe('fanOut', () => {
  it('writes each branch to its topic, from one read and with one commit', async () => {
    broker.produce('in', 0, ...rows(5))
    const metrics = await bounded()
      .filter(col('amount').gt(5))
      .fanOut((s) => [
        s.filter(col('country').eq('DE')).toKafka({ topic: 'a' }),
        s
          .filter(col('amount').ge(20))
          .withColumns({ tax: col('amount').mul(0.5) })
          .select('id', 'tax')
          .toKafka({ topic: 'b' }),
      ])
      .run(quiet)
    expect(broker.values('a')).toEqual([row(2), row(4)])
    expect(broker.values('b')).toEqual([2, 3, 4].map((id) => ({ id, tax: id * 5 })))
    expect(broker.committed.get('in/0')).toBe(5n)
    expect(broker.sources).toHaveLength(1)
    expect(broker.sinks.map(({ closed }) => closed)).toEqual(['flushed', 'flushed'])
    expect(metrics).toMatchObject({ messagesIn: 5, rowsOut: 5, errors: {} })
  })

  it('passes the bytes of a branch that changes nothing, and encodes the others', async () => {
    const value = '{ "id": 1, "amount": 1e1, "country": "DE", "unknown": [1, 2] }'
    broker.send('in', 0, { key: 'k', value, headers: [{ key: 'h', value: new Uint8Array([1]) }] })
    await bounded()
      .fanOut((s) => [
        s.toKafka({ topic: 'a' }),
        s.drop('country').toKafka({ topic: 'b' }),
        s.filter(col('id').gt(0)).toKafka({ topic: 'c', key: null }),
      ])
      .run(quiet)
    expect(broker.records('a')).toMatchObject([{ key: 'k', value, headers: [{ key: 'h' }] }])
    expect(broker.values('b')).toEqual([{ id: 1, amount: 10 }])
    expect(broker.records('b')).toMatchObject([{ key: 'k', headers: [{ key: 'h' }] }])
    expect(broker.records('c')).toMatchObject([{ key: null, value }])
  })

  it('decodes what some branch needs, once, and answers shared filters in the decoder', async () => {
    broker.produce('in', 0, ...rows(3))
    await bounded()
      .filter(col('country').eq('DE'))
      .fanOut((s) => [s.select('id').toKafka({ topic: 'a' }), s.filter(col('amount').gt(1)).toKafka({ topic: 'b' })])
      .run(quiet)
    const { columns, predicate, message } = broker.sources[0]!.plan!
    expect(columns.map(({ field, emit }) => [field.name, emit])).toEqual([
      ['id', true],
      ['amount', true],
      ['country', false],
    ])
    expect(predicate).toEqual(['eq', 2, { s: 'DE' }])
    expect(message).toEqual(expect.arrayContaining(['$value', '$tombstone']))
    expect(ids('a')).toEqual([0, 2])
    expect(ids('b')).toEqual([2])
  })

  it('does not decode rows that no branch keeps, where the decoder can answer what every branch begins with', async () => {
    broker.produce('in', 0, ...rows(6))
    const pipeline = bounded()
      .filter(col('id').lt(5))
      .fanOut((s) => [
        s.filter(col('country').eq('FR').and(col('id').mul(2).gt(3))).toKafka({ topic: 'a' }),
        s.fanOut((t) => [
          t.filter(col('amount').gt(30).and(col('id').ge(0))).toKafka({ topic: 'b' }),
          t.filter(col('amount').lt(5)).limit(9).toKafka({ topic: 'c' }),
        ]),
      ])
    const metrics = await pipeline.run(quiet)
    expect(broker.sources[0]!.plan!.predicate).toMatchObject([
      'and',
      [
        ['lt', 0, { i: '5' }],
        [
          'or',
          [
            ['eq', 2, { s: 'FR' }],
            [
              'and',
              [
                ['gt', 1, { f: 30 }],
                ['ge', 0, { i: '0' }],
              ],
            ],
            ['lt', 1, { f: 5 }],
          ],
        ],
      ],
    ])
    expect([ids('a'), ids('b'), ids('c')]).toEqual([[3], [4], [0]])
    // 0 for c, 1 and 3 for a, 4 for b; 2 is nobody's.
    expect(metrics).toMatchObject({ messagesIn: 6, rowsIn: 4 })
    expect(broker.committed.get('in/0')).toBe(6n)
    expect(pipeline.explain()).toMatch("2 filter country = 'FR' or amount > 30 and id >= 0 or amount < 5")

    const takesAll = bounded().fanOut((s) => [
      s.filter(col('id').lt(5)).toKafka({ topic: 'a' }),
      s.filter(col('id').mul(2).lt(5)).toKafka({ topic: 'b' }),
    ])
    expect(takesAll.explain()).not.toMatch('  answered by the decoder')
  })

  it('gives what shared steps compute to every branch, also where the source computes it', async () => {
    broker.produce('in', 0, ...rows(4))
    const address = { ...schema, address: { city: 'utf8', zip: 'utf8' } } as const
    await Stream.fromKafka({ ...base, schema: address, until: 'end' })
      .withColumns({ tax: col('amount').mul(0.5), upper: col('country').str.lower() })
      .filter(col('tax').gt(0))
      .fanOut((s) => [
        s.select('id', 'tax').toKafka({ topic: 'a' }),
        s
          .filter(col('upper').eq('de'))
          .select({ id: col('id'), city: col('address').field('city') })
          .toKafka({ topic: 'b' }),
        s.select('id', 'upper').toKafka({ topic: 'c', key: col('id').add(1) }),
      ])
      .run(quiet)
    expect(broker.values('a')).toEqual([1, 2, 3].map((id) => ({ id, tax: id * 5 })))
    expect(broker.values('b')).toEqual([{ id: 2, city: null }])
    expect(broker.records('c').map(({ key, value }) => [key, value])).toEqual([
      ['2', '{"id":1,"upper":"fr"}'],
      ['3', '{"id":2,"upper":"de"}'],
      ['4', '{"id":3,"upper":"fr"}'],
    ])
  })

  it('runs shared steps once, and the functions of branches one after the other', async () => {
    broker.produce('in', 0, ...rows(4))
    const calls: string[] = []
    const slow = (name: string) => async (batch: RecordBatch) => {
      calls.push(`${name} begins`)
      await turn()
      calls.push(`${name} ends`)
      return batch
    }
    await bounded({ batch: { maxRows: 4 } })
      .mapBatches(slow('shared'))
      .fanOut((s) => [s.mapBatches(slow('a')).toKafka({ topic: 'a' }), s.mapBatches(slow('b')).toKafka({ topic: 'b' })])
      .run(quiet)
    expect(calls).toEqual(['shared', 'a', 'b'].flatMap((name) => [`${name} begins`, `${name} ends`]))
    expect([ids('a'), ids('b')]).toEqual([
      [0, 1, 2, 3],
      [0, 1, 2, 3],
    ])
  })

  it('writes two branches to one topic, and branches of branches', async () => {
    broker.produce('in', 0, ...rows(4))
    await bounded()
      .fanOut((s) => [
        s.filter(col('country').eq('DE')).toKafka({ topic: 'a' }),
        s
          .filter(col('country').eq('FR'))
          .fanOut((t) => [t.toKafka({ topic: 'a' }), t.filter(col('id').gt(1)).toKafka({ topic: 'b' })]),
      ])
      .run(quiet)
    expect(ids('a').sort()).toEqual([0, 1, 2, 3])
    expect(ids('b')).toEqual([3])
    expect(broker.committed.get('in/0')).toBe(4n)
  })

  it('works on inferred columns and on batches', async () => {
    broker.produce('in', 0, ...rows(2))
    const inferred = bounded({ schema: undefined }) as unknown as Stream
    await inferred
      .fanOut((s) => [s.drop('country').toKafka({ topic: 'a' }), s.select('country').toKafka({ topic: 'b' })])
      .run(quiet)
    expect(broker.values('a')).toEqual([0, 1].map((id) => ({ id, amount: id * 10 })))
    expect(broker.values('b')).toEqual([{ country: 'DE' }, { country: 'FR' }])
  })
})

describe('the positions of a fanOut', () => {
  /** So many rows to two topics; each delivery waits until it is released. */
  const toBoth = (count: number, more: object = {}) => {
    const waiting = broker.holdDeliveries()
    broker.produce('in', 0, ...rows(count))
    const run = endless(more)
      .fanOut((s) => [s.toKafka({ topic: 'a' }), s.toKafka({ topic: 'b' })])
      .start(quiet)
    return { waiting, run }
  }

  it('are not committed before every branch has delivered its rows', async () => {
    const { waiting, run } = toBoth(2)
    await until(() => waiting.length === 2)
    waiting[0]!.release()
    // Several ticks of the clock that commits.
    await sleep(50)
    expect(broker.commits).toEqual([])
    waiting[1]!.release()
    await until(() => broker.committed.get('in/0') === 2n)
    await run.stop()
  })

  it('move past rows that no branch wants', async () => {
    broker.produce('in', 0, ...rows(4))
    await bounded()
      .fanOut((s) => [
        s.filter(col('id').gt(90)).toKafka({ topic: 'a' }),
        s.filter(col('id').eq(1)).toKafka({ topic: 'b' }),
      ])
      .run(quiet)
    expect(broker.committed.get('in/0')).toBe(4n)
    expect(ids('b')).toEqual([1])
  })

  it('stay before a batch that one branch delivered and the other could not', async () => {
    const waiting = broker.holdDeliveries()
    broker.produce('in', 0, ...rows(4))
    const run = endless()
      .fanOut((s) => [s.toKafka({ topic: 'a' }), s.filter(col('id').gt(1)).toKafka({ topic: 'b' })])
      .start(quiet)
    // The first batch for a; then the second, for a and for b.
    await until(() => waiting.length === 3)
    waiting[0]!.release()
    waiting[1]!.release()
    await until(() => broker.committed.get('in/0') === 2n)
    waiting[2]!.reject(new Error('the topic is gone'))
    const error = await failure(run.done)
    expect(error.message).toMatch('the topic is gone')
    expect(broker.committed.get('in/0')).toBe(2n)
    expect(broker.sinks.map(({ closed }) => closed)).toEqual(['aborted', 'aborted'])
  })

  it('are committed before partitions are given away, once every branch has delivered', async () => {
    const { waiting, run } = toBoth(2, { commitIntervalMs: 60_000 })
    await until(() => waiting.length === 2)
    const source = broker.sources[0]!
    const token = source.revoke(false, { topic: 'in', partition: 0 })
    waiting[1]!.release()
    await sleep(20)
    expect(source.answered).toEqual([])
    expect(broker.commits).toEqual([])
    waiting[0]!.release()
    await until(() => source.answered.includes(token))
    expect(broker.committed.get('in/0')).toBe(2n)
    await run.stop()
  })

  it('a stop delivers to every branch what was taken, and commits it', async () => {
    const { waiting, run } = toBoth(2, { commitIntervalMs: 60_000 })
    await until(() => waiting.length === 2)
    const stopped = run.stop()
    for (const { release } of waiting) release()
    await stopped
    expect([ids('a'), ids('b')]).toEqual([
      [0, 1],
      [0, 1],
    ])
    expect(broker.committed.get('in/0')).toBe(2n)
  })

  it('count what all branches hold against the bound on what is under way', async () => {
    const { waiting, run } = toBoth(40)
    // Eight batches, each for two sinks.
    await until(() => waiting.length === 16)
    for (let i = 0; i < 50; i++) await turn()
    expect(waiting).toHaveLength(16)
    expect(run.metrics().inFlight).toBe(8)
    broker.beforeDelivery = () => {}
    for (const { release } of waiting) release()
    await until(() => ids('a').length === 40 && ids('b').length === 40)
    await run.stop()
  })
})

it('counts memory that branches share once', () => {
  const batch = batchFromRows([{ a: 1.5, b: 'text' }], parseSchema({ a: 'float64', b: 'utf8' }))
  const [a, b] = batch.columns as [Column, Column]
  const ending = { sink: 0, visible: () => [], record: () => ({ value: { kind: 'bytes' as const } }) }
  const output = (...columns: Column[]) => ({ batch: { ...batch, columns }, ending })
  const whole = byteSizeOf([output(a, b)])
  expect(byteSizeOf([output(a, b), output(a), output(b)])).toBe(whole)
  expect(byteSizeOf([output(a), output(b)])).toBe(whole)
  const other = batchFromRows([{ a: 2.5 }], parseSchema({ a: 'float64' })).columns[0]!
  expect(byteSizeOf([output(a, b), output(other)])).toBe(whole + byteSizeOf([output(other)]))
})

describe('a failure in a branch', () => {
  it('of a row, under skip, leaves that row out of that branch alone', async () => {
    const logger = recordingLogger()
    broker.produce('in', 0, row(0), { ...row(1), id: 2 ** 62 }, row(2))
    const metrics = await bounded({ onError: 'skip', logger })
      .fanOut((s) => [
        s.select({ more: col('id').mul(2) }).toKafka({ topic: 'a' }),
        s.select('country').toKafka({ topic: 'b' }),
      ])
      .run(quiet)
    expect(broker.values('a')).toEqual([{ more: 0 }, { more: 4 }])
    expect(broker.values('b')).toHaveLength(3)
    expect(metrics.errors).toEqual({ SCHEMA: 1 })
    expect(broker.committed.get('in/0')).toBe(3n)
  })

  it('of a function says which branch and which step of it', async () => {
    broker.produce('in', 0, ...rows(2))
    const error = await failure(
      bounded()
        .filter(col('id').ge(0))
        .fanOut((s) => [
          s.toKafka({ topic: 'a' }),
          s
            .map(() => {
              throw new Error('no luck')
            })
            .toKafka({ topic: 'b' }),
        ])
        .run(quiet),
    )
    expect(error.code).toBe('STEP')
    expect(error.message).toBe('branch 2: step 2 (map): in[0] before offset 2: no luck')
    expect(broker.commits).toEqual([])
  })

  it('to open a sink ends the run before anything is read, and closes the others', async () => {
    broker.produce('in', 0, ...rows(2))
    const error = await failure(
      bounded()
        .fanOut((s) => [s.toKafka({ topic: 'a' }), s.toKafka({ topic: 'none' })])
        .run(quiet),
    )
    expect(error.code).toBe('UNKNOWN_TOPIC')
    expect(broker.sources[0]!.plan).toBeUndefined()
    expect(broker.records('a')).toEqual([])
    expect(broker.sinks.map(({ closed }) => closed)).toEqual(['aborted', 'aborted'])
  })
})

describe('a limit', () => {
  it('in a branch ends that branch alone', async () => {
    broker.produce('in', 0, ...rows(6))
    await bounded()
      .fanOut((s) => [s.limit(3).toKafka({ topic: 'a' }), s.toKafka({ topic: 'b' })])
      .run(quiet)
    expect(ids('a')).toEqual([0, 1, 2])
    expect(ids('b')).toEqual([0, 1, 2, 3, 4, 5])
    expect(broker.committed.get('in/0')).toBe(6n)
  })

  it('in every branch ends the run behind the last row that one of them took', async () => {
    broker.produce('in', 0, ...rows(9))
    await endless({ batch: { maxRows: 4 } })
      .fanOut((s) => [s.limit(1).toKafka({ topic: 'a' }), s.limit(6).toKafka({ topic: 'b' })])
      .run(quiet)
    expect(ids('a')).toEqual([0])
    expect(ids('b')).toEqual([0, 1, 2, 3, 4, 5])
    expect(broker.committed.get('in/0')).toBe(6n)
  })

  it('before the fanOut holds for all branches', async () => {
    broker.produce('in', 0, ...rows(9))
    await endless({ batch: { maxRows: 4 } })
      .limit(6)
      .fanOut((s) => [s.limit(5).toKafka({ topic: 'a' }), s.filter(col('id').gt(2)).toKafka({ topic: 'b' })])
      .run(quiet)
    expect(ids('a')).toEqual([0, 1, 2, 3, 4])
    expect(ids('b')).toEqual([3, 4, 5])
    expect(broker.committed.get('in/0')).toBe(6n)
  })

  it('of none in every branch reads nothing', async () => {
    broker.produce('in', 0, ...rows(2))
    await endless()
      .fanOut((s) => [s.limit(0).toKafka({ topic: 'a' }), s.limit(0).toKafka({ topic: 'b' })])
      .run(quiet)
    expect(broker.sources[0]!.plan).toBeUndefined()
  })
})

describe('the plan of a fanOut', () => {
  it('is shown as a tree', () => {
    const text = bounded()
      .filter(col('amount').gt(5).and(col('id').mul(2).gt(4)))
      .fanOut((s) => [
        s.filter(col('country').eq('DE')).toKafka({ topic: 'a' }),
        s.fanOut((t) => [t.toKafka({ topic: 'b', key: null }), t.select('id').limit(3).toKafka({ topic: 'c' })]),
      ])
      .explain()
    expect(text).toBe(
      [
        'Plan as written',
        '  fromKafka in, json: id int64, amount float64, country utf8',
        '  1 filter amount > 5 and id * 2 > 4',
        '  fanOut',
        '    branch 1',
        "      2 filter country = 'DE'",
        '      3 toKafka a, json',
        '    branch 2',
        '      fanOut',
        '        branch 1',
        '          2 toKafka b, json, key none',
        '        branch 2',
        '          2 select id',
        '          3 limit 3',
        '          4 toKafka c, json',
        '',
        'Plan as it runs',
        '  decode 3 of 3 columns: id, country',
        '  read for the predicate alone: amount',
        '  answered by the decoder:',
        '    1 filter amount > 5',
        '  not answered by the decoder: 1 filter id * 2 > 4: id * 2 is computed',
        '  not answered by the decoder: 2 filters of branches: branch 1 of branch 2 begins with none that it could',
        '  of each message: $key, $headers, $timestamp, $value, $offset, $tombstone',
        '  natively, after decoding:',
        '    1 filter id * 2 > 4',
        '  not native: steps of branches',
        '  no step runs in TypeScript, once for all branches',
        '  branch 1',
        '    in TypeScript:',
        "      2 filter country = 'DE'",
        "    write a: the value's bytes as they came (no step changes it)",
        '    records keep their key, headers, timestamp',
        '  branch 2',
        '    no step runs in TypeScript, once for all branches',
        '    branch 1',
        '      no step runs in TypeScript',
        "      write b: the value's bytes as they came (no step changes it)",
        '      records keep their headers, timestamp',
        '    branch 2',
        '      in TypeScript:',
        '        3 limit 3',
        '      write c: json of id',
        '      encodes columns: step 2 select changes the value',
        '      records keep their key, headers, timestamp',
        '  not fused: there are several sinks',
        '  backend: auto (native: the addon is there); at-least-once, positions in the group g',
      ].join('\n'),
    )
  })

  it('names the branch of a column that does not exist', async () => {
    broker.produce('in', 0, ...rows(1))
    const inferred = bounded({ schema: undefined }) as unknown as Stream
    const error = await failure(
      inferred
        .fanOut((s) => [s.toKafka({ topic: 'a' }), s.filter(col('amuont').gt(1)).toKafka({ topic: 'b' })])
        .run(quiet),
    )
    expect(error.message).toMatch('branch 2, 1 filter: there is no column "amuont". Did you mean "amount"?')
  })

  it('must come as an array of one or more pipelines, made from the stream that the function is handed', async () => {
    const stream = bounded()
    const refused = (branches: (s: typeof stream) => unknown) =>
      failure(() => stream.fanOut(branches as () => Pipeline[]))
    expect(await refused(() => [])).toMatchObject({
      code: 'CONFIG',
      message: expect.stringMatching(/fanOut: expected an array of one or more pipelines from its function; got/),
    })
    expect((await refused((s) => s.toKafka({ topic: 'a' }))).message).toMatch('expected an array')
    expect((await refused((s) => [s.toKafka({ topic: 'a' }), s])).message).toMatch('as branch 2')
    expect((await refused(() => [stream.toKafka({ topic: 'a' })])).message).toMatch(
      'branch 1 must be made from the stream that the function is handed',
    )
    expect((await failure(() => stream.fanOut(3 as never))).message).toMatch('a function from a stream to pipelines')
  })

  it('leaves a branch of it a pipeline that can run alone', async () => {
    broker.produce('in', 0, ...rows(2))
    let alone: Pipeline | undefined
    bounded()
      .filter(col('id').gt(0))
      .fanOut((s) => {
        alone = s.select('id').toKafka({ topic: 'a' })
        return [alone]
      })
    await alone!.run(quiet)
    expect(broker.values('a')).toEqual([{ id: 1 }])
  })
})
