/** Row types follow a schema literal through every step. Checked by the compiler alone; nothing here runs. */
import { expectTypeOf } from 'vitest'
import { type AnySchema, col, lit, type Pipeline, type RowOf, Stream } from '../../src/index.ts'

type ShapeOf<T> = T extends Stream<infer S> ? S : never

const orders = Stream.fromKafka({
  bootstrapServers: 'b:9092',
  topic: 'orders',
  schema: { id: 'int64', amount: 'float64', country: 'utf8', at: 'timestamp[ms]', tags: ['utf8'] },
})
const untyped = Stream.fromKafka({ bootstrapServers: 'b:9092', topic: 'orders' })

type Row<T> = RowOf<ShapeOf<T>>

// ---- the source

expectTypeOf<Row<typeof orders>>().toEqualTypeOf<{
  id: bigint | null
  amount: number | null
  country: string | null
  at: Date | null
  tags: (string | null)[] | null
}>()
expectTypeOf<ShapeOf<typeof untyped>>().toEqualTypeOf<AnySchema>()
expectTypeOf(Stream.fromKafka({ bootstrapServers: 'b:9092', topic: 't', codec: 'string' })).toEqualTypeOf<
  Stream<{ readonly value: 'utf8' }>
>()
expectTypeOf(Stream.fromKafka('b:9092', 't', 'g', { schema: { id: 'int64' } })).toEqualTypeOf<
  Stream<{ readonly id: 'int64' }>
>()

// @ts-expect-error there is no such type
Stream.fromKafka({ bootstrapServers: 'b:9092', topic: 't', schema: { id: 'int46' } })
// @ts-expect-error there is no such option
Stream.fromKafka({ bootstrapServers: 'b:9092', topic: 't', schema: { id: 'int64' }, groupID: 'g' })

// ---- keys that are JSON

const keyed = Stream.fromKafka({
  bootstrapServers: 'b:9092',
  topic: 'orders',
  schema: { id: 'int64', amount: 'float64' },
  key: 'json',
  keySchema: { id: 'int64', region: 'utf8', at: { day: 'date' } },
})
expectTypeOf<Row<typeof keyed>>().toEqualTypeOf<{ id: bigint | null; amount: number | null }>()
keyed.filter(col('$key').field('id').gt(5).and(col('$key.region').eq('eu')))
keyed.filter((b) => b.$key.field('id').eq(b.id))
const keyParts = keyed.select('id', { day: col('$key.at.day'), region: col('$key').field('region') })
expectTypeOf<Row<typeof keyParts>>().toEqualTypeOf<{ id: bigint | null; day: Date | null; region: string | null }>()
// The key goes through steps, and is a column where one takes it.
const later = keyed
  .withColumns({ n: col('id') })
  .rename({ id: 'order' })
  .drop('amount')
  .select('n')
expectTypeOf<Row<typeof later>>().toEqualTypeOf<{ n: bigint | null }>()
later.filter(col('$key.id').gt(5)).toKafka({ topic: 'out', key: col('$key.region') })
const taken = keyed.select('$key')
expectTypeOf<NonNullable<Row<typeof taken>['$key']>['id']>().toEqualTypeOf<bigint | null>()
const scalarKey = Stream.fromKafka('b:9092', 't', 'g', { schema: { id: 'int64' }, key: 'json', keySchema: 'int64' })
expectTypeOf<Row<ReturnType<typeof scalarKey.select<['$key']>>>>().toEqualTypeOf<{ $key: bigint | null }>()
const textAndKey = Stream.fromKafka({
  bootstrapServers: 'b:9092',
  topic: 't',
  codec: 'string',
  key: 'json',
  keySchema: ['int32'],
})
textAndKey.filter(col('$key').list.contains(7).and(col('value').eq('a')))
untyped.filter(col('$key.id').gt(5))

// Of what the option `key` says, the compiler knows as much.
const byText = Stream.fromKafka({ bootstrapServers: 'b:9092', topic: 't', schema: { id: 'int64' }, key: 'string' })
byText.filter(col('$key').str.startsWith('a'))
const byNumber = Stream.fromKafka('b:9092', 't', 'g', { schema: { id: 'int64' }, key: 'int32' })
const next = byNumber.select({ next: col('$key').add(1), key: col('$key') })
expectTypeOf<Row<typeof next>>().toEqualTypeOf<{ next: bigint | null; key: number | null }>()
const ofBytes = Stream.fromKafka({ bootstrapServers: 'b:9092', topic: 't', codec: 'bytes', key: 'bytes' })
expectTypeOf<Row<ReturnType<typeof ofBytes.select<['$key']>>>>().toEqualTypeOf<{ $key: Uint8Array | null }>()
const anyKey = (key: 'string' | 'int64') =>
  Stream.fromKafka({ bootstrapServers: 'b:9092', topic: 't', schema: { id: 'int64' }, key }).filter(col('$key').gt(1))
anyKey('int64').map((row) => row)
// It stays what it is behind functions of the user.
const behind = keyed.map(({ id }) => ({ id }), { schema: { id: 'int64' } })
behind.filter(col('$key.id').gt(5))
expectTypeOf<Row<typeof behind>>().toEqualTypeOf<{ id: bigint | null }>()
keyed.flatMap(({ id }) => [{ id }, { id }], { schema: { id: 'int64' } }).filter(col('$key.region').eq('eu'))

// @ts-expect-error the key is text
byText.filter(col('$key').gt(5))
// @ts-expect-error the key is a number
byNumber.filter(col('$key').str.startsWith('a'))
// @ts-expect-error the key is bytes
ofBytes.filter(col('$key').eq('a'))
// @ts-expect-error there is no such key
Stream.fromKafka({ bootstrapServers: 'b:9092', topic: 't', schema: { id: 'int64' }, key: 'text' })
// @ts-expect-error the key has no field ids
behind.filter(col('$key.ids').gt(5))
// @ts-expect-error the key has no field ids
keyed.filter(col('$key').field('ids').gt(5))
// @ts-expect-error the key has no field ids
later.filter(col('$key.ids').gt(5))
// @ts-expect-error region is text
keyed.filter(col('$key.region').gt(5))
// @ts-expect-error a key that is a number has no fields
scalarKey.filter(col('$key.id').gt(5))
// @ts-expect-error there is no type int46
Stream.fromKafka({ bootstrapServers: 'b', topic: 't', schema: { id: 'int64' }, key: 'json', keySchema: 'int46' })

// ---- filter

orders.filter((b) => b.amount.gt(1000))
orders.filter((b) => b.$partition.eq(3))
orders.filter(
  col('amount')
    .gt(1000)
    .and(col('country').in(['DE', 'FR'])),
)
untyped.filter(col('whatever').gt(1))
untyped.filter((b) => b.whatever!.gt(1))

// @ts-expect-error there is no column amonut
orders.filter((b) => b.amonut.gt(1000))
// @ts-expect-error there is no column amonut
orders.filter(col('amonut').gt(1000))
// @ts-expect-error a filter is a bool
orders.filter(col('amount').add(1))
// @ts-expect-error text is not compared with numbers
orders.filter(col('country').gt(3))

// ---- select

const selected = orders.select('id', { total: col('amount').mul(1.19) }, '$topic')
expectTypeOf<Row<typeof selected>>().toEqualTypeOf<{
  id: bigint | null
  total: number | null
  $topic: string | null
}>()

// @ts-expect-error there is no column amonut
orders.select('amonut')
// @ts-expect-error there is no column amonut
orders.select({ x: col('amonut').mul(2) })
// @ts-expect-error amount was left out
orders.select('id').filter((b) => b.amount.gt(1))

const named = untyped.select('a', { b: col('c').mul(2.5) })
named.filter(col('a').eq(1))
// @ts-expect-error there is no column c any more
named.filter(col('c').eq(1))

// ---- withColumns

const extended = orders.withColumns({ tax: col('amount').mul(0.08), country: lit(1), big: col('amount').gt(1000) })
expectTypeOf<Row<typeof extended>>().toEqualTypeOf<{
  id: bigint | null
  amount: number | null
  country: bigint | null
  at: Date | null
  tags: (string | null)[] | null
  tax: number | null
  big: boolean | null
}>()
const byLambda = orders.withColumns((b) => ({ twice: b.id.add(b.id) }))
expectTypeOf<Row<typeof byLambda>['twice']>().toEqualTypeOf<bigint | null>()

// @ts-expect-error there is no column amonut
orders.withColumns({ tax: col('amonut').mul(0.08) })
// @ts-expect-error text has no product
orders.withColumns({ tax: col('country').mul(0.08) })

// ---- rename and drop

const renamed = orders.rename({ amount: 'price' })
expectTypeOf<keyof ShapeOf<typeof renamed>>().toEqualTypeOf<'id' | 'price' | 'country' | 'at' | 'tags'>()
const dropped = orders.drop('tags', 'at')
expectTypeOf<keyof ShapeOf<typeof dropped>>().toEqualTypeOf<'id' | 'amount' | 'country'>()

// @ts-expect-error there is no column amonut
orders.rename({ amonut: 'price' })
// @ts-expect-error there is no column amonut
orders.drop('amonut')

// ---- unnest

const unnested = orders.unnest('tags')
expectTypeOf<Row<typeof unnested>['tags']>().toEqualTypeOf<string | null>()
expectTypeOf<Row<typeof unnested>['id']>().toEqualTypeOf<bigint | null>()
unnested.filter((b) => b.tags.eq('new'))
const lines = Stream.fromKafka({
  bootstrapServers: 'b:9092',
  topic: 'orders',
  schema: { id: 'int64', lines: [{ sku: 'utf8', sizes: ['int32'] }] },
}).unnest('lines', { keepEmpty: true })
expectTypeOf<ShapeOf<typeof lines>['lines']>().toEqualTypeOf<{
  readonly sku: 'utf8'
  readonly sizes: readonly ['int32']
}>()
expectTypeOf(untyped.unnest('whatever')).toEqualTypeOf<Stream>()

// @ts-expect-error amount is no list
orders.unnest('amount')
// @ts-expect-error there is no column tgas
orders.unnest('tgas')
// @ts-expect-error there is no such option
orders.unnest('tags', { keepNull: true })

// ---- functions of the user

const mapped = orders.map((row) => ({ id: row.id, n: row.tags?.length ?? 0 }), { schema: { id: 'int64', n: 'int32' } })
expectTypeOf<Row<typeof mapped>>().toEqualTypeOf<{ id: bigint | null; n: number | null }>()
expectTypeOf(orders.map((row) => row)).toEqualTypeOf<Stream>()
expectTypeOf(orders.flatMap((row) => [row, row])).toEqualTypeOf<Stream>()
expectTypeOf(orders.mapBatches((batch) => batch)).toEqualTypeOf<Stream>()
expectTypeOf(orders.mapBatches(async (batch) => batch, { schema: { id: 'int64' } })).toEqualTypeOf<
  Stream<{ readonly id: 'int64' }>
>()
untyped.map((row) => ({ n: row.anything.length }))

// @ts-expect-error there is no column amonut
orders.map((row) => ({ x: row.amonut }))
// @ts-expect-error n is text
orders.map((row) => ({ n: row.country }), { schema: { n: 'int32' } })
// @ts-expect-error flatMap gives rows
orders.flatMap((_row) => 3)
// @ts-expect-error mapBatches gives a record batch
orders.mapBatches((_batch) => 3)

// ---- several sinks

const fanned = orders.fanOut((s) => {
  expectTypeOf(s).toEqualTypeOf<typeof orders>()
  return [s.filter((b) => b.amount.gt(1)).toKafka({ topic: 'a' }), s.select('id').toKafka({ topic: 'b', key: 'id' })]
})
expectTypeOf(fanned).toEqualTypeOf<Pipeline>()
orders.fanOut((s) => ['DE', 'FR'].map((country) => s.filter(col('country').eq(country)).toKafka({ topic: country })))
orders.fanOut((s) => [s.fanOut((t) => [t.toKafka({ topic: 'a' })])])

// @ts-expect-error there is no column amonut
orders.fanOut((s) => [s.filter((b) => b.amonut.gt(1)).toKafka({ topic: 'a' })])
// @ts-expect-error a branch ends in a sink
orders.fanOut((s) => [s.filter((b) => b.amount.gt(1))])
// @ts-expect-error the function returns an array
orders.fanOut((s) => s.toKafka({ topic: 'a' }))

// ---- ends

orders.toKafka({ topic: 'out', key: 'id', compression: 'zstd' })
orders.toKafka({ topic: 'out', key: col('id').add(1) })
orders.toKafka('b:9092', 'out', { key: null })
// @ts-expect-error there is no such compression
orders.toKafka({ topic: 'out', compression: 'zip' })
