/** unnest: one row an item of a list column. */
import { Field, Int64, List, makeBuilder, Table, vectorFromArray } from 'apache-arrow'
import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { batchFromRows, batchToRows, unnestBatch } from '../../src/batch.ts'
import { col, Stream } from '../../src/index.ts'
import { parseSchema } from '../../src/schema.ts'
import { MemoryBroker } from '../support/memory.ts'
import { failure, plainRows } from '../support/outcome.ts'

const held = vi.hoisted(() => ({ broker: undefined as unknown as MemoryBroker }))
vi.mock('../../src/kafka/select.ts', () => ({ selectBackend: () => held.broker.backend() }))

let broker: MemoryBroker
beforeEach(() => {
  broker = new MemoryBroker().create('in').create('out')
  held.broker = broker
})

const base = { bootstrapServers: 'b:9092', topic: 'in', groupId: 'g', until: 'end', commitIntervalMs: 10 } as const
const schema = { id: 'int64', tags: ['utf8'] } as const
const stream = (more: object = {}) => Stream.fromKafka({ ...base, schema, batch: { maxRows: 3 }, ...more })
const quiet = { signals: false } as const
const orders = [
  { id: 1, tags: ['a', 'b'] },
  { id: 2, tags: [] },
  { id: 3, tags: null },
  { id: 4, tags: ['c', null] },
]

describe('unnest', () => {
  it('gives a row an item and repeats the other columns', async () => {
    broker.produce('in', 0, ...orders)
    await stream().unnest('tags').toKafka({ topic: 'out' }).run(quiet)
    expect(broker.values('out')).toEqual([
      { id: 1, tags: 'a' },
      { id: 1, tags: 'b' },
      { id: 4, tags: 'c' },
      { id: 4, tags: null },
    ])
    expect(broker.committed.get('in/0')).toBe(4n)
  })

  it('keeps rows without items where it is told to, with a null', async () => {
    broker.produce('in', 0, ...orders)
    await stream().unnest('tags', { keepEmpty: true }).toKafka({ topic: 'out' }).run(quiet)
    expect(broker.values('out')).toEqual([
      { id: 1, tags: 'a' },
      { id: 1, tags: 'b' },
      { id: 2, tags: null },
      { id: 3, tags: null },
      { id: 4, tags: 'c' },
      { id: 4, tags: null },
    ])
  })

  it("keeps the parent's key, headers and timestamp", async () => {
    const headers = [{ key: 'h', value: new Uint8Array([1]) }]
    broker.send('in', 0, { key: 'k', value: JSON.stringify(orders[0]), headers, timestamp: 1_700_000_000_123 })
    await stream().unnest('tags').toKafka({ topic: 'out' }).run(quiet)
    const child = { key: 'k', headers: [{ key: 'h' }], timestamp: 1_700_000_000_123 }
    expect(broker.records('out')).toMatchObject([child, child])
  })

  it('gives items of structs as a struct column, whose rows can be unnested again', async () => {
    const lines = { id: 'int64', lines: [{ sku: 'utf8', sizes: ['int32'] }] } as const
    broker.produce('in', 0, { id: 1, lines: [{ sku: 'x', sizes: [1, 2] }, null, { sku: 'y', sizes: null }] })
    const each = Stream.fromKafka({ ...base, groupId: undefined, schema: lines }).unnest('lines')
    expect(plainRows(await each.collect(quiet))).toEqual([
      { id: 1n, lines: { sku: 'x', sizes: [1, 2] } },
      { id: 1n, lines: null },
      { id: 1n, lines: { sku: 'y', sizes: null } },
    ])
    const sizes = each.select({ sku: col('lines.sku'), size: col('lines.sizes') })
    expect(plainRows(await sizes.unnest('size').collect(quiet))).toEqual([
      { sku: 'x', size: 1 },
      { sku: 'x', size: 2 },
    ])
    expect(
      plainRows(await sizes.unnest('size', { keepEmpty: true }).filter(col('size').isNull()).collect(quiet)),
    ).toEqual([
      { sku: null, size: null },
      { sku: 'y', size: null },
    ])
  })

  it('goes on with what filters left, and decodes and repeats only what is read', async () => {
    broker.produce('in', 0, ...orders)
    const wide = stream({ schema: { ...schema, wide: 'utf8' } }) as unknown as Stream
    await wide
      .filter(col('id').gt(1))
      .unnest('tags')
      .filter(col('tags').isNotNull())
      .select({ tag: col('tags') })
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.values('out')).toEqual([{ tag: 'c' }])
    expect(broker.sources[0]!.plan!.columns.map(({ field, emit }) => [field.name, emit])).toEqual([
      ['tags', true],
      ['id', false],
    ])
  })

  it('counts rows by their lists where nobody reads the items', async () => {
    broker.produce('in', 0, ...orders)
    await stream().unnest('tags').select('id').toKafka({ topic: 'out' }).run(quiet)
    expect(broker.values('out')).toEqual([1, 1, 4, 4].map((id) => ({ id })))
  })

  it('under a limit ends the run before the batch that is cut: its position is not known', async () => {
    broker.produce('in', 0, ...orders, ...orders)
    await stream().unnest('tags').limit(3).toKafka({ topic: 'out' }).run(quiet)
    expect(broker.values('out')).toHaveLength(3)
    expect(broker.committed.get('in/0')).toBe(3n)
  })

  it('works on inferred columns, and refuses a column that turns out to be no list', async () => {
    broker.produce('in', 0, ...orders)
    const table = await stream({ groupId: undefined }).collect(quiet)
    const tags = await Stream.fromBatches(table).unnest('tags').collect(quiet)
    expect(plainRows(tags).map((row) => row.tags)).toEqual(['a', 'b', 'c', null])
    const inferred = () => stream({ schema: undefined, groupId: undefined }) as unknown as Stream
    expect((await failure(inferred().unnest('id').collect(quiet))).message).toBe(
      '1 unnest: expected a column of lists; "id" is int64.',
    )
    const mapped = inferred()
      .map((row) => ({ n: row.id }))
      .unnest('n')
    expect((await failure(mapped.collect(quiet))).message).toMatch(/2 \(unnest\).*a column of lists; "n" is/)
    expect((await failure(() => stream().unnest('tgas' as 'tags'))).message).toMatch('Did you mean "tags"?')
    expect((await failure(() => stream().unnest('tags', { keepEmpty: 1 as never }))).code).toBe('CONFIG')
  })

  it('reads Arrow lists where they lie: slices, nulls that have a length of their own', async () => {
    const builder = makeBuilder({ type: new List(new Field('item', new Int64(), true)), nullValues: [null] })
    for (const value of [[9n], [1n, 2n], null, [], [3n]]) builder.append(value as never)
    const table = new Table({ n: vectorFromArray([0, 1, 2, 3, 4]), l: builder.finish().toVector() }).slice(1)
    const rows = plainRows(await Stream.fromBatches(table).unnest('l', { keepEmpty: true }).collect(quiet))
    expect(rows.map(({ n, l }) => [n, l])).toEqual([
      [1, 1n],
      [1, 2n],
      [2, null],
      [3, null],
      [4, 3n],
    ])
  })

  it('gives what flatMap over the rows gives, whatever the types, nulls and selections are', () => {
    const fields = parseSchema({
      id: 'int32',
      b: ['bool'],
      s: ['utf8'],
      d: ['decimal(9,2)'],
      l: [['int64']],
      o: [{ x: 'utf8', y: 'float64' }],
    })
    const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })
    const list = <T>(item: fc.Arbitrary<T>) => maybe(fc.array(maybe(item), { maxLength: 4 }))
    const row = fc.record({
      id: fc.integer({ min: 0, max: 99 }),
      b: list(fc.boolean()),
      s: list(fc.string({ maxLength: 30 })),
      d: list(fc.constantFrom('1.50', '-3.25')),
      l: list(fc.array(maybe(fc.bigInt({ min: -5n, max: 5n })), { maxLength: 3 })),
      o: list(fc.record({ x: maybe(fc.string({ maxLength: 3 })), y: maybe(fc.constantFrom(0.5, -1)) })),
    })
    const check = (given: readonly object[], name: string, keepEmpty: boolean, every: number) => {
      const whole = batchFromRows(given as Record<string, unknown>[], fields)
      const selection = Uint32Array.from(given.keys()).filter((i) => i % every === 0)
      const batch = every === 1 ? whole : { ...whole, selection }
      const expected = batchToRows(batch).flatMap((parent) => {
        const items = (parent[name] ?? []) as readonly unknown[]
        const kept = items.length === 0 && keepEmpty ? [null] : items
        return kept.map((item) => ({ ...parent, [name]: item }))
      })
      expect(batchToRows(unnestBatch(batch, name, keepEmpty))).toEqual(expected)
    }
    const name = fc.constantFrom('b', 's', 'd', 'l', 'o')
    fc.assert(fc.property(fc.array(row, { maxLength: 12 }), name, fc.boolean(), fc.integer({ min: 1, max: 3 }), check))
  })
})
