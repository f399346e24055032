/** Compiled, never run: what the compiler accepts of expressions, and what it must not. */

import type { ColumnsOf, FitAll, TypesOf } from '../../src/expr/columns.ts'
import { coalesce, col, concat, type Expr, type Fits, hash, lit, type TypeOf } from '../../src/expr/expr.ts'
import { when } from '../../src/expr/when.ts'
import type { AnySchema, RowInput, RowOf, SchemaLiteral } from '../../src/schema.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const isTrue = <T extends true>(): T | undefined => undefined

interface Trade {
  readonly id: 'int64'
  readonly amount: 'float64'
  readonly count: 'int32'
  readonly country: 'utf8'
  readonly paid: 'bool'
  readonly at: 'timestamp[ms]'
  readonly exact: 'timestamp[ns]'
  readonly price: 'decimal(18,4)'
  readonly raw: 'binary'
  readonly tags: readonly ['utf8']
  readonly address: { readonly city: 'utf8'; readonly geo: readonly [{ readonly lat: 'float64' }] }
}

declare function schema<const S extends SchemaLiteral>(literal: S): S
declare function filter<N>(predicate: Expr<N> & Fits<N, Trade, 'bool'>): void
declare function filterTyped<N>(predicate: (b: ColumnsOf<Trade>) => Expr<N> & Fits<N, Trade, 'bool'>): void
declare function filterAny<N>(predicate: Expr<N> & Fits<N, AnySchema, 'bool'>): void
declare function typeIn<N>(expr: Expr<N>): TypeOf<N, Trade>
declare function columns<const C extends { readonly [name: string]: Expr | number }>(
  c: C & FitAll<C, Trade>,
): TypesOf<C, Trade>

// Schema literals keep their names, and reject what is no type.
const literal = schema({ id: 'int64', price: 'decimal(18,4)', tags: ['utf8'], address: { city: 'utf8' } })
isTrue<Equal<(typeof literal)['id'], 'int64'>>()
isTrue<Equal<(typeof literal)['tags'], readonly ['utf8']>>()
// @ts-expect-error there is no type "string"
schema({ id: 'string' })
// @ts-expect-error a list has one item type
schema({ tags: ['utf8', 'int64'] })
// @ts-expect-error a unit that is none
schema({ at: 'timestamp[m]' })

// Rows: every value may be null.
type Row = RowOf<Trade>
isTrue<Equal<Row['id'], bigint | null>>()
isTrue<Equal<Row['amount'], number | null>>()
isTrue<Equal<Row['country'], string | null>>()
isTrue<Equal<Row['at'], Date | null>>()
isTrue<Equal<Row['exact'], bigint | null>>()
isTrue<Equal<Row['price'], string | null>>()
isTrue<Equal<Row['raw'], Uint8Array | null>>()
isTrue<Equal<Row['tags'], (string | null)[] | null>>()
isTrue<Equal<NonNullable<Row['address']>['geo'], ({ lat: number | null } | null)[] | null>>()
// @ts-expect-error no such column
export type NoColumn = Row['nope']
export const input: RowInput<Trade> = { id: 1, price: 12, at: '2024-01-01', tags: ['a', null], address: { city: null } }
// @ts-expect-error text is no number
export const wrongInput: RowInput<Trade> = { amount: 'much' }
export const anyRow = (row: RowOf<AnySchema>): unknown => row.whatever.deep

// Predicates fit.
filter(col('amount').gt(1000))
filter(col('amount').gt(1000).and(col('country').eq('DE')).or(col('paid')).not())
filter(col('count').eq(col('amount')))
filter(col('at').ge('2024-01-01').and(col('at').lt(new Date())))
filter(col('price').le('12.50'))
filter(col('country').in(['DE', 'FR', null]))
filter(col('$key').eq('a').and(col('$partition').eq(0)).and(col('$timestamp').gt(new Date())))
filter(col('amount').isNull())
filter(lit(true))
filterTyped((b) => b.amount.gt(1000).and(b.$offset.gt(10n)))
filterAny(col('whatever').gt(1).and(col('other').eq('a')))
const general: Expr = col('amount').gt(1)
filter(general)

// And these do not.
// @ts-expect-error no such column
filter(col('nope').gt(1000))
const inner = col('country').eq('DE').or(col('nope').isNull())
// @ts-expect-error no such column, deep inside
filter(col('amount').gt(1).and(inner))
// @ts-expect-error text with a number
filter(col('country').gt(1000))
// @ts-expect-error a number with text
filter(col('amount').eq('1000'))
// @ts-expect-error one of the values is text
filter(col('amount').in([1, 'a']))
// @ts-expect-error two columns that can not be compared
filter(col('country').eq(col('amount')))
// @ts-expect-error a time with a number
filter(col('at').gt(5))
// @ts-expect-error lists are not compared
filter(col('tags').eq(col('tags')))
// @ts-expect-error a number is no predicate
filter(col('amount').mul(2))
// @ts-expect-error text is no number
filter(col('country').add(1).gt(2))
// @ts-expect-error a decimal has no arithmetic yet
filter(col('price').mul(2).gt(2))
// @ts-expect-error a number is no bool
filter(col('paid').and(col('amount')))
// @ts-expect-error a number is no bool
filter(col('amount').not())
// @ts-expect-error no such column of the lambda's
filterTyped((b) => b.nope.gt(1))
// @ts-expect-error wrong type in the lambda
filterTyped((b) => b.country.gt(1))
// @ts-expect-error objects are no literals
col('amount').eq({})
// @ts-expect-error undefined is no literal
col('amount').eq(undefined)

// Functions of text.
filter(col('country').str.lower().eq('de').and(col('country').str.like('D%')).and(col('country').str.matches(/E$/)))
filter(col('country').str.contains(col('$topic')).and(col('$key').str.startsWith('a')))
filter(col('country').str.substring(col('count'), 2).str.concat('-', col('country')).str.length().gt(3))
filterAny(col('whatever').str.trim().str.endsWith(col('other')))
// @ts-expect-error a number is no text
filter(col('amount').str.contains('a'))
// @ts-expect-error a number is no text to look for
filter(col('country').str.contains(col('amount')))
// @ts-expect-error a number is no text to look for
col('country').str.contains(5)
// @ts-expect-error text is no place
filter(col('country').str.substring(col('country')).eq('a'))
// @ts-expect-error a float is no place
filter(col('country').str.substring(col('amount')).eq('a'))
// @ts-expect-error a pattern is a regular expression
col('country').str.matches('a')
// @ts-expect-error one of them is no text
columns({ name: concat(col('country'), col('id')) })
// @ts-expect-error nothing to join
concat()

// Lists, structs and hashes.
filter(col('tags').list.contains('a').and(col('tags').list.length().gt(1)).and(col('tags').list.element(0).eq('a')))
filter(col('address').field('city').eq('Bern').and(col('address.city').str.startsWith('B')))
filter(
  col('address.geo').list.element(-1).field('lat').gt(0.5).and(col('$headers').list.element(0).field('key').eq('a')),
)
filter(hash(col('id'), col('country'), 1).mod(10).eq(col('amount').hash()))
filterAny(col('a.b').field('c').list.contains(1))
filterTyped((b) => b.address.field('city').eq('Bern'))
// @ts-expect-error no such field
filter(col('address').field('ctiy').eq('Bern'))
// @ts-expect-error no such field at the end of the path
filter(col('address.ctiy').eq('Bern'))
// @ts-expect-error no such column at the start of the path
filter(col('adress.city').eq('Bern'))
// @ts-expect-error a list has no fields
filter(col('address.geo.lat').gt(1))
// @ts-expect-error text has no fields
filter(col('country').field('city').eq('Bern'))
// @ts-expect-error text is no list
filter(col('country').list.length().gt(1))
// @ts-expect-error items of text beside a number
filter(col('tags').list.contains(5))
// @ts-expect-error an item is found by an integer
filter(col('tags').list.element(col('country')).eq('a'))
// @ts-expect-error lists have no hash
filter(col('tags').hash().gt(1))

// Types of results.
isTrue<Equal<ReturnType<typeof typeOfMul>, 'float64'>>()
const typeOfMul = () => typeIn(col('amount').mul(0.08))
const typeOfInts = () => typeIn(col('count').add(col('id')).mul(2).mod(7n).neg())
isTrue<Equal<ReturnType<typeof typeOfInts>, 'int64'>>()
const typeOfIntAndFloat = () => typeIn(col('count').mul(1.5))
isTrue<Equal<ReturnType<typeof typeOfIntAndFloat>, 'float64'>>()
const typeOfQuotient = () => typeIn(col('count').div(2))
isTrue<Equal<ReturnType<typeof typeOfQuotient>, 'float64'>>()
const typeOfText = () => typeIn(lit('x'))
isTrue<Equal<ReturnType<typeof typeOfText>, 'utf8'>>()
const typeOfColumn = () => typeIn(col('tags'))
isTrue<Equal<ReturnType<typeof typeOfColumn>, readonly ['utf8']>>()
const typeOfKey = () => typeIn(col('$key'))
isTrue<Equal<ReturnType<typeof typeOfKey>, 'any'>>()
const typeOfFlag = () => typeIn(col('amount').gt(1))
isTrue<Equal<ReturnType<typeof typeOfFlag>, 'bool'>>()
const typeOfUnknownNumber = (n: number) => typeIn(col('count').add(n))
isTrue<Equal<ReturnType<typeof typeOfUnknownNumber>, 'int64' | 'float64'>>()

const typeOfLower = () => typeIn(col('country').str.lower())
isTrue<Equal<ReturnType<typeof typeOfLower>, 'utf8'>>()
const typeOfPart = (n: number) => typeIn(col('country').str.substring(n, n))
isTrue<Equal<ReturnType<typeof typeOfPart>, 'utf8'>>()
const typeOfJoined = () => typeIn(concat(col('country'), ' ', col('$topic')))
isTrue<Equal<ReturnType<typeof typeOfJoined>, 'utf8'>>()
const typeOfParts = () => typeIn(col('country').str.split(','))
isTrue<Equal<ReturnType<typeof typeOfParts>, readonly ['utf8']>>()

const typeOfItem = () => typeIn(col('tags').list.element(0))
isTrue<Equal<ReturnType<typeof typeOfItem>, 'utf8'>>()
const typeOfGeo = () => typeIn(col('address.geo').list.element(0))
isTrue<Equal<ReturnType<typeof typeOfGeo>, { readonly lat: 'float64' }>>()
const typeOfLat = () => typeIn(col('address').field('geo').list.element(0).field('lat'))
isTrue<Equal<ReturnType<typeof typeOfLat>, 'float64'>>()
const typeOfPath = () => typeIn(col('address.city'))
isTrue<Equal<ReturnType<typeof typeOfPath>, 'utf8'>>()
const typeOfHash = () => typeIn(hash(col('id'), col('country')))
isTrue<Equal<ReturnType<typeof typeOfHash>, 'int64'>>()

const made = columns({ tax: col('amount').mul(0.08), total: col('count').add(1), one: 1 })
isTrue<Equal<typeof made, { readonly tax: 'float64'; readonly total: 'int64'; readonly one: 'int64' }>>()
// @ts-expect-error no such column
columns({ tax: col('nope').mul(0.08) })
// @ts-expect-error text is no number
columns({ good: col('amount'), tax: col('country').mul(0.08) })

// Choices.
filter(col('amount').between(1, 2.5).and(col('at').between('2024-01-01', new Date())))
// @ts-expect-error text with numbers
filter(col('country').between(1, 2))
const chosen = columns({
  same: coalesce(col('count'), 0),
  wide: coalesce(col('count'), col('id')),
  mixed: col('id').coalesce(col('amount'), null),
  time: coalesce(col('at'), '2024-01-01'),
  price: coalesce(col('price'), 1.5, '0.25'),
  absent: col('country').nullIf('n/a'),
  band: when(col('amount').gt(1000)).then('high').when(col('paid')).then('paid').otherwise('low'),
  open: when(col('paid')).then(col('count')),
  number: when(col('paid')).then(1).otherwise(0.5),
  list: coalesce(col('tags'), col('tags')),
  struct: when(col('paid')).then(col('address')).otherwise(null),
  other: col('address').nullIf(col('address')),
})
isTrue<
  Equal<
    typeof chosen,
    {
      readonly same: 'int32'
      readonly wide: 'int64'
      readonly mixed: 'float64'
      readonly time: 'timestamp[ms]'
      readonly price: 'decimal(18,4)'
      readonly absent: 'utf8'
      readonly band: 'utf8'
      readonly open: 'int32'
      readonly number: 'float64'
      readonly list: Trade['tags']
      readonly struct: Trade['address']
      readonly other: Trade['address']
    }
  >
>()
// @ts-expect-error text and a number
columns({ bad: coalesce(col('country'), 0) })
// @ts-expect-error a condition is bool
columns({ bad: when(col('amount')).then(1) })
// @ts-expect-error a number and text
columns({ bad: when(col('paid')).then(1).otherwise('x') })
// @ts-expect-error no such column, in a condition
columns({ bad: when(col('nope').gt(1)).then(1) })
// @ts-expect-error text with a number
columns({ bad: col('country').nullIf(5) })
// @ts-expect-error a list and a struct
columns({ bad: coalesce(col('tags'), col('address')) })
// @ts-expect-error a list with a struct
columns({ bad: col('tags').nullIf(col('address')) })

// Casts.
const cast = columns({
  wide: col('count').cast('int64'),
  text: col('price').tryCast('utf8'),
  exact: col('country').cast('decimal(18,4)'),
  time: col('id').cast('timestamp[us]'),
  cents: col('price').cast('float64').mul(100),
  day: col('at').cast('date'),
})
isTrue<
  Equal<
    typeof cast,
    {
      readonly wide: 'int64'
      readonly text: 'utf8'
      readonly exact: 'decimal(18,4)'
      readonly time: 'timestamp[us]'
      readonly cents: 'float64'
      readonly day: 'date'
    }
  >
>()
// @ts-expect-error there is no type "string"
columns({ bad: col('count').cast('string') })
// @ts-expect-error a time is no bool
columns({ bad: col('at').cast('bool') })
// @ts-expect-error lists become nothing else
columns({ bad: col('tags').tryCast('utf8') })
// @ts-expect-error no such column
columns({ bad: col('nope').cast('utf8') })

// Times.
const times = columns({
  year: col('at').dt.year({ zone: 'Europe/Berlin' }),
  day: col('at').dt.truncate('day'),
  later: col('exact').dt.add(col('count'), 'month'),
  age: col('at').dt.difference(col('exact'), 'day'),
  since: col('exact').dt.difference('2024-01-01', 'second'),
  ms: col('exact').dt.epoch('ms'),
  text: col('at').dt.format('yyyy-MM-dd', { zone: '+02:00' }),
  read: col('country').str.toTimestamp('yyyy-MM-dd', { unit: 'us' }),
  tried: col('country').str.tryToTimestamp(),
})
isTrue<
  Equal<
    typeof times,
    {
      readonly year: 'int32'
      readonly day: 'timestamp[ms]'
      readonly later: 'timestamp[ns]'
      readonly age: 'int64'
      readonly since: 'int64'
      readonly ms: 'int64'
      readonly text: 'utf8'
      readonly read: 'timestamp[us]'
      readonly tried: 'timestamp[ms]'
    }
  >
>()
// @ts-expect-error text has no year
columns({ bad: col('country').dt.year() })
// @ts-expect-error there is no such unit
col('at').dt.truncate('decade')
// @ts-expect-error the amount is an integer
columns({ bad: col('at').dt.add(col('amount'), 'day') })
// @ts-expect-error a number is no text
columns({ bad: col('count').str.toTimestamp() })
// @ts-expect-error no such column
columns({ bad: col('nope').dt.truncate('day') })
// @ts-expect-error a number is no time
columns({ bad: col('at').dt.difference(col('count'), 'day') })
