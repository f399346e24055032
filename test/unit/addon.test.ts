/** The real addon behind its own interface (src/kafka/addon.ts): values go through it unharmed, wrong use throws. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Batch, batchFromRows, batchFromSlab, batchToBuffers, batchToRows } from '../../src/batch.ts'
import type { AddonColumns, AddonDecodeSpec, AddonSink, AddonSinkEvent, AddonWrite } from '../../src/kafka/addon.ts'
import { loadAddon } from '../../src/kafka/load.ts'
import { type Field, fieldsToWire, parseSchema, typeToWire } from '../../src/schema.ts'

const addon = loadAddon()
afterEach(() => addon.setCopySlabs(false))

const addonColumns = (batch: Batch): AddonColumns => ({
  schema: JSON.stringify(fieldsToWire(batch.columns.map(({ field }) => field))),
  ...batchToBuffers(batch),
})

const spec = (codec: string, fields: readonly Field[], more: Partial<AddonDecodeSpec> = {}): string =>
  JSON.stringify({
    codec,
    columns: fields.map(({ name, type }) => ({ name, type: typeToWire(type), emit: true })),
    predicate: null,
    message: [],
    keyType: 'binary',
    maxDepth: 64,
    ...more,
  })

const bytes = (text: string): Uint8Array => Buffer.from(text)
const texts = (values: readonly (Uint8Array | null)[]) =>
  values.map((value) => (value === null ? null : Buffer.from(value).toString()))

test('names the versions that it was built from', () => {
  expect(addon.versions()).toEqual({
    librdkafka: expect.stringMatching(/^2\./),
    simdjson: expect.stringMatching(/^3\./),
    allocator: expect.stringMatching(/^(mimalloc 2\.\d+\.\d+|system)$/),
  })
})

describe('rows that are encoded and decoded again are the same', () => {
  const fields = parseSchema({
    flag: 'bool',
    small: 'int8',
    id: 'int64',
    big: 'uint64',
    half: 'float32',
    amount: 'float64',
    name: 'utf8',
    day: 'date',
    at: 'timestamp[us]',
    price: 'decimal(20,4)',
    tags: ['utf8'],
    place: { city: 'utf8', rooms: ['int32'] },
  })
  const rows = [
    {
      flag: true,
      small: -128,
      id: 2n ** 63n - 1n,
      big: 2n ** 64n - 1n,
      half: 0.5,
      amount: 0.1,
      name: 'Zürich "☃" \u0000 \u{1f600}',
      day: new Date('2024-02-29'),
      at: new Date('1969-12-31T23:59:59.999Z'),
      price: '-1234567890123456.7890',
      tags: ['a', null, ''],
      place: { city: 'Bern', rooms: [1, 2] },
    },
    {},
    { tags: [], place: {} },
    ...Array.from({ length: 100 }, (_, i) => ({ id: BigInt(i), name: 'x'.repeat(i), tags: Array(i % 3).fill(`${i}`) })),
  ]

  test.each([false, true])('with copied slabs: %s', (copy) => {
    addon.setCopySlabs(copy)
    const batch = batchFromRows(rows, fields)
    const encoded = addon.encodeRows(addonColumns(batch), rows.length, 'json', '{}')
    expect(encoded.errors).toEqual([])
    const decoded = addon.decodeRows(encoded.values, spec('json', fields))
    expect(decoded.errors).toEqual([])
    expect([...decoded.kept]).toEqual(rows.map((_, i) => i))
    expect(batchToRows(batchFromSlab(fields, decoded.slab!))).toEqual(batchToRows(batch))
  })
})

describe('decodeRows', () => {
  const fields = parseSchema({ id: 'int64', name: 'utf8' })

  test('leaves out what a predicate rejects and what does not parse, and names both', () => {
    const values = ['{"id":1,"name":"a"}', '{"id":2', '{"id":3,"name":"c"}', '{"id":4,"name":"d"}'].map(bytes)
    const { slab, kept, errors } = addon.decodeRows(
      [...values, null],
      spec('json', fields, { predicate: ['ne', 0, { i: '3' }] }),
    )
    expect([...kept]).toEqual([0, 3])
    expect(batchToRows(batchFromSlab(fields, slab!))).toEqual([
      { id: 1n, name: 'a' },
      { id: 4n, name: 'd' },
    ])
    expect(errors).toEqual([{ row: 1, code: 'DECODE', message: expect.any(String) }])
  })

  test('of no rows gives no slab', () => {
    expect(addon.decodeRows([], spec('json', fields))).toEqual({ slab: null, kept: new Uint32Array(0), errors: [] })
  })

  test('keeps a tombstone and an empty value apart', () => {
    const column = parseSchema({ value: 'binary' })
    const { slab } = addon.decodeRows([null, new Uint8Array(0)], spec('bytes', column))
    expect(batchToRows(batchFromSlab(column, slab!))).toEqual([{ value: null }, { value: new Uint8Array(0) }])
  })

  test('a slab outlives every other reference to it, and its memory is counted', () => {
    const column = parseSchema({ value: 'binary' })
    const value = new Uint8Array(1 << 20).fill(7)
    const before = process.memoryUsage().external
    const slabs = Array.from({ length: 32 }, () => addon.decodeRows([value], spec('bytes', column)).slab!)
    expect(process.memoryUsage().external - before).toBeGreaterThan(31 << 20)
    for (const slab of slabs) {
      const [row] = batchToRows(batchFromSlab(column, slab))
      expect(Buffer.compare(row!.value as Uint8Array, value)).toBe(0)
    }
  })
})

test('inferRows gives the schema of JSON documents', () => {
  const values = ['{"id":1,"at":"2024-01-01T00:00:00Z"}', '{"id":2.5,"tags":["x"],"in":{"a":true}}'].map(bytes)
  expect(JSON.parse(addon.inferRows(values, 64))).toEqual([
    { name: 'id', type: 'float64' },
    { name: 'at', type: 'timestamp[ms]' },
    { name: 'tags', type: { list: 'utf8' } },
    { name: 'in', type: { struct: [{ name: 'a', type: 'bool' }] } },
  ])
})

describe('encodeRows', () => {
  test('reports a row that cannot be written and writes its neighbours', () => {
    const batch = batchFromRows([{ x: 1 }, { x: Number.NaN }, { x: 3 }], parseSchema({ x: 'float64' }))
    const { values, errors } = addon.encodeRows(addonColumns(batch), 3, 'json', '{}')
    expect(texts(values)).toEqual(['{"x":1}', null, '{"x":3}'])
    expect(errors).toEqual([{ row: 1, code: 'ENCODE', message: expect.stringContaining('NaN') }])
  })

  test('reads views that begin within their buffers, and DataViews', () => {
    const memory = new ArrayBuffer(64)
    new BigInt64Array(memory, 16, 2).set([5n, -6n])
    const schema = JSON.stringify([{ name: 'id', type: 'int64' }])
    const nodes = Float64Array.of(2, 0, 0)
    for (const data of [new BigInt64Array(memory, 16, 2), new DataView(memory, 16, 16)]) {
      const { values } = addon.encodeRows({ schema, nodes, buffers: [null, null, data] }, 2, 'json', '{}')
      expect(texts(values)).toEqual(['{"id":5}', '{"id":-6}'])
    }
  })
})

describe('columns that do not hold what they say are refused', () => {
  const int64s = JSON.stringify([{ name: 'id', type: 'int64' }])
  const names = JSON.stringify([{ name: 'name', type: 'utf8' }])
  const lists = JSON.stringify([{ name: 'ids', type: { list: 'int32' } }])
  const structs = JSON.stringify([{ name: 'in', type: { struct: [{ name: 'a', type: 'bool' }] } }])
  const two = Float64Array.of(2, 0, 0)
  const data = BigInt64Array.of(1n, 2n)
  const detached = new BigInt64Array(2)
  structuredClone(detached.buffer, { transfer: [detached.buffer] })

  test.each<[string, object, RegExp]>([
    ['no schema', { nodes: two, buffers: [] }, /"schema" to be a string; got undefined/],
    ['a schema that is none', { schema: '[{]', nodes: two, buffers: [] }, /./],
    ['an unknown type', { schema: '[{"name":"a","type":"int65"}]', nodes: two, buffers: [] }, /int65/],
    ['nodes of another kind', { schema: int64s, nodes: [2, 0, 0], buffers: [] }, /"nodes" to be a Float64Array/],
    ['buffers of another kind', { schema: int64s, nodes: two, buffers: [null, null, [1]] }, /"buffers" to be an array/],
    ['no buffers', { schema: int64s, nodes: two }, /"buffers" to be an array/],
    ['a detached buffer', { schema: int64s, nodes: two, buffers: [null, null, detached] }, /not detached/],
    [
      'too few nodes',
      { schema: int64s, nodes: new Float64Array(0), buffers: [null, null, data] },
      /a node of the schema/,
    ],
    ['too few buffers', { schema: int64s, nodes: two, buffers: [null, null] }, /a node of the schema/],
    ['too many', { schema: int64s, nodes: new Float64Array(6), buffers: Array(6).fill(null) }, /expected 1 nodes/],
    [
      'a length below 0',
      { schema: int64s, nodes: Float64Array.of(-1, 0, 0), buffers: [null, null, data] },
      /length from 0/,
    ],
    ['a length of NaN', { schema: int64s, nodes: Float64Array.of(NaN, 0, 0), buffers: [null, null, data] }, /got NaN/],
    [
      'more rows than values',
      { schema: int64s, nodes: Float64Array.of(3, 0, 0), buffers: [null, null, data] },
      /24 bytes of values; got 16/,
    ],
    [
      'an offset past the values',
      { schema: int64s, nodes: Float64Array.of(1, 2, 0), buffers: [null, null, data] },
      /24 bytes of values; got 16/,
    ],
    [
      'nulls without a bitmap',
      { schema: int64s, nodes: Float64Array.of(2, 0, 1), buffers: [null, null, data] },
      /1 bytes of validity; got 0/,
    ],
    [
      'more nulls than rows',
      { schema: int64s, nodes: Float64Array.of(2, 0, 3), buffers: [null, null, data] },
      /null count from 0 to 2/,
    ],
    ['no values', { schema: int64s, nodes: two, buffers: [null, null, null] }, /16 bytes of values; got 0/],
    [
      'text without offsets',
      { schema: names, nodes: two, buffers: [null, null, bytes('ab')] },
      /offsets in an Int32Array/,
    ],
    [
      'offsets of another kind',
      { schema: names, nodes: two, buffers: [null, new Uint8Array(12), bytes('ab')] },
      /offsets in an Int32Array/,
    ],
    [
      'too few offsets',
      { schema: names, nodes: two, buffers: [null, Int32Array.of(0, 1), bytes('ab')] },
      /12 bytes of offsets; got 8/,
    ],
    [
      'offsets past the text',
      { schema: names, nodes: two, buffers: [null, Int32Array.of(0, 1, 3), bytes('ab')] },
      /at most 2; got 3/,
    ],
    [
      'offsets that go back',
      { schema: names, nodes: two, buffers: [null, Int32Array.of(0, 2, 1), bytes('ab')] },
      /go back/,
    ],
    [
      'offsets below 0',
      { schema: names, nodes: two, buffers: [null, Int32Array.of(-1, 1, 2), bytes('ab')] },
      /below 0/,
    ],
    [
      'list offsets past the items',
      {
        schema: lists,
        nodes: Float64Array.of(1, 0, 0, 1, 0, 0),
        buffers: [null, Int32Array.of(0, 2), null, null, null, Int32Array.of(1)],
      },
      /column ids: expected offsets .* at most 1; got 2/,
    ],
    [
      'a struct longer than its fields',
      {
        schema: structs,
        nodes: Float64Array.of(2, 0, 0, 1, 0, 0),
        buffers: [null, null, null, null, null, new Uint8Array(1)],
      },
      /column in\.a: expected 2 rows/,
    ],
    [
      'more rows asked for than there are',
      { schema: int64s, nodes: Float64Array.of(1, 0, 0), buffers: [null, null, data] },
      /column id: expected 2 rows; got 1/,
    ],
  ])('%s', (_, columns, message) => {
    expect(() => addon.encodeRows(columns as AddonColumns, 2, 'json', '{}')).toThrow(message)
  })
})

describe('a wrong argument throws and names the call', () => {
  const loose = addon as unknown as Record<string, (...args: unknown[]) => unknown>

  test.each<[string, unknown[], RegExp]>([
    ['decodeRows', [], /decodeRows: expected the decode spec as JSON as argument 2; got undefined/],
    ['decodeRows', [[1], spec('json', [])], /decodeRows: expected an array of Uint8Array \(not detached\) and null/],
    [
      'decodeRows',
      ['x', spec('json', [])],
      /decodeRows: expected an array of Uint8Array .* as argument 1; got a string/,
    ],
    ['decodeRows', [[], '{'], /decode: expected JSON/],
    ['decodeRows', [[], '{}'], /decode: codec: expected a text; got nothing/],
    ['decodeRows', [[], spec('avro', [])], /avro/],
    ['decodeRows', [[], spec('json', [], { message: ['$key'] })], /no message columns/],
    ['decodeRows', [[], spec('json', [], { predicate: ['gt', 7, { i: '1' }] })], /7/],
    ['inferRows', [[], 0], /inferRows: expected a depth from 1 to 1024 as argument 2; got 0/],
    ['inferRows', [undefined, 64], /inferRows: expected an array of Uint8Array/],
    ['encodeRows', [null, 1, 'json', '{}'], /encodeRows: expected columns as argument 1; got null/],
    ['encodeRows', [{}, -1, 'json', '{}'], /encodeRows: expected a number of rows as argument 2; got -1/],
    ['encodeRows', [{ schema: '[]', nodes: new Float64Array(0), buffers: [] }, 0, 'xml', '{}'], /xml/],
    ['encodeRows', [{ schema: '[]', nodes: new Float64Array(0), buffers: [] }, 0, 'json', '{"x":1}'], /unknown option/],
    ['createTopics', ['{}'], /createTopics: expected the topics as JSON as argument 2/],
    ['setCopySlabs', [1], /setCopySlabs: expected true or false as argument 1; got 1/],
  ])('%s(%j)', (name, args, message) => {
    expect(() => loose[name]!(...args)).toThrow(message)
  })

  test('a class without new, a method on another object', () => {
    const { Sink } = addon as unknown as { Sink: { (): void; prototype: { take(): void } } }
    expect(() => Sink()).toThrow(TypeError)
    expect(() => Sink.prototype.take.call({})).toThrow(TypeError)
  })

  test.each(['Source', 'Sink'] as const)('new %s', (name) => {
    const Handle = addon[name] as unknown as new (...args: unknown[]) => object
    expect(() => new Handle()).toThrow(`${name}: expected the configuration as JSON as argument 1; got undefined`)
    expect(() => new Handle('{}')).toThrow(`${name}: expected a function`)
    expect(() => new Handle('{}', () => {})).toThrow(expect.objectContaining({ code: 'CONFIG' }))
    expect(() => new Handle('not JSON', () => {})).toThrow(`${name.toLowerCase()}: expected JSON`)
  })

  test('createTopics rejects what is not JSON of topics', async () => {
    await expect(addon.createTopics('{}', '[{}]', 10)).rejects.toMatchObject({
      code: 'CONFIG',
      message: 'topics: [0].name: expected a text; got nothing',
    })
  })
})

describe('a broker', () => {
  test('opens a port, creates topics and closes twice', () => {
    const broker = new addon.Broker()
    expect(broker.bootstrapServers).toMatch(/^127\.0\.0\.1:\d+$/)
    broker.createTopic('a', 2)
    expect(() => broker.createTopic('a', 2)).toThrow(expect.objectContaining({ code: 'KAFKA' }))
    expect(() => broker.createTopic('b', 0)).toThrow(/Broker\.createTopic: expected a number of partitions/)
    broker.close()
    broker.close()
    expect(() => broker.createTopic('b', 1)).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })
})

describe('a sink', () => {
  const broker = new addon.Broker()
  beforeAll(() => broker.createTopic('rows', 1))
  afterAll(() => broker.close())

  const open = (topic = 'rows', events: AddonSinkEvent[] = []): AddonSink => {
    const config = {
      properties: { 'bootstrap.servers': broker.bootstrapServers },
      topic,
      codec: 'json',
      codecOptions: {},
      partitioner: 'murmur2',
    }
    const sink: AddonSink = new addon.Sink(JSON.stringify(config), () => {
      for (let event = sink.take(); event !== null; event = sink.take()) if (event.kind !== 'log') events.push(event)
    })
    return sink
  }

  const write = (id: number, over: Partial<AddonWrite> = {}): AddonWrite => ({
    id,
    ...addonColumns(batchFromRows([{ id: 1n }, { id: 2n }], parseSchema({ id: 'int64' }))),
    rows: null,
    rowCount: 2,
    value: [0],
    raw: -1,
    key: -1,
    headers: -1,
    timestamp: -1,
    partition: -1,
    tombstone: -1,
    onError: 'fail',
    ...over,
  })

  test('delivers what it was given before it closes', async () => {
    const events: AddonSinkEvent[] = []
    const sink = open('rows', events)
    expect(JSON.parse(await sink.metadata(5000))).toEqual([{ name: 'rows', partitions: 1 }])
    sink.write(write(7))
    sink.write(write(8, { rows: Uint32Array.of(1) }))
    await sink.close(false)
    for (let event = sink.take(); event !== null; event = sink.take()) events.push(event)
    expect(events).toEqual([
      { kind: 'delivered', id: 7, rows: 2, bytes: 16, errors: [] },
      { kind: 'delivered', id: 8, rows: 1, bytes: 8, errors: [] },
    ])
  })

  test('refuses writes that do not fit', async () => {
    const sink = open()
    const detached = new Uint32Array(1)
    structuredClone(detached.buffer, { transfer: [detached.buffer] })
    expect(() => sink.write(undefined as never)).toThrow('Sink.write: expected a write as argument 1; got undefined')
    expect(() => sink.write(write(1.5))).toThrow(/"id"/)
    expect(() => sink.write(write(1, { onError: 'retry' as never }))).toThrow(/"onError" to be "fail" or "skip"/)
    expect(() => sink.write(write(1, { key: -2 }))).toThrow(/"key" to be an integer from -1/)
    expect(() => sink.write(write(1, { key: 5 }))).toThrow(expect.objectContaining({ code: 'SCHEMA' }))
    expect(() => sink.write(write(1, { value: [9] }))).toThrow(expect.objectContaining({ code: 'SCHEMA' }))
    expect(() => sink.write(write(1, { value: 'id' as never }))).toThrow(/"value" to be an array of indices/)
    expect(() => sink.write(write(1, { rowCount: 3 }))).toThrow(expect.objectContaining({ code: 'SCHEMA' }))
    expect(() => sink.write(write(1, { rows: Uint32Array.of(2) }))).toThrow(/"rows" below 2; got 2/)
    expect(() => sink.write(write(1, { rows: detached }))).toThrow(/not detached/)
    expect(() => sink.write(write(1, { rows: [0] as never }))).toThrow(/"rows" to be a Uint32Array/)
    await sink.close(true)
  })

  test('that is closed says so', async () => {
    const sink = open()
    expect(() => (sink.close as (abort?: boolean) => void)()).toThrow(/Sink\.close: expected true to abort or false/)
    const closing = [sink.close(true), sink.close(false)]
    expect(() => sink.write(write(1))).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    await Promise.all(closing)
    await sink.close(true)
    await expect(sink.metadata(1000)).rejects.toMatchObject({ code: 'CLOSED' })
    while (sink.take() !== null);
  })

  test('gives an unfinished question up when it is closed', async () => {
    const config = {
      properties: { 'bootstrap.servers': '127.0.0.1:1' },
      topic: 't',
      codec: 'json',
      codecOptions: {},
      partitioner: 'murmur2',
    }
    const sink = new addon.Sink(JSON.stringify(config), () => {})
    const asked = sink.metadata(300_000)
    const answer = expect(asked).rejects.toMatchObject({ code: 'CLOSED' })
    await sink.close(true)
    await answer
  })
})
