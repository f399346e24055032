/**
 * The type of every operator's result: what the compiler finds from a schema literal is what the plan finds before it
 * runs. `expected` is held against both: against the compiler by `Equal`, against exprType() by the test.
 */
import { expect, test } from 'vitest'
import { exprType, type FitAll, type TypesOf } from '../../src/expr/columns.ts'
import { coalesce, col, concat, type Expr, hash, lit } from '../../src/expr/expr.ts'
import type { Node } from '../../src/expr/nodes.ts'
import { operators } from '../../src/expr/operators.ts'
import { when } from '../../src/expr/when.ts'
import { parseSchema, parseType, typeText } from '../../src/schema.ts'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

const schema = {
  i8: 'int8',
  i16: 'int16',
  i32: 'int32',
  i64: 'int64',
  u8: 'uint8',
  u16: 'uint16',
  u32: 'uint32',
  u64: 'uint64',
  f32: 'float32',
  f64: 'float64',
  text: 'utf8',
  bytes: 'binary',
  flag: 'bool',
  day: 'date',
  s: 'timestamp[s]',
  ms: 'timestamp[ms]',
  us: 'timestamp[us]',
  ns: 'timestamp[ns]',
  money: 'decimal(12,2)',
  tags: ['utf8'],
  lines: [{ sku: 'utf8', sizes: ['int16'] }],
  address: { city: 'utf8', geo: { lat: 'float32' } },
} as const
type Shape = typeof schema

/** Expressions by name, and the types that the compiler finds for them. */
function typed<const C extends { readonly [name: string]: Expr<unknown> }>(
  columns: C & FitAll<C, Shape>,
): { readonly columns: C; readonly types?: TypesOf<C, Shape> } {
  return { columns }
}

const all = typed({
  eq: col('i64').eq(col('f32')),
  ne: col('text').ne('a'),
  lt: col('day').lt(col('ns')),
  le: col('ms').le('2024-01-01'),
  gt: col('money').gt(1.5),
  ge: col('flag').ge(false),
  isNull: col('tags').isNull(),
  isNotNull: col('address').isNotNull(),
  in: col('bytes').in([null]),
  or: col('flag').or(null),
  and: col('flag').and(col('i8').gt(1)),
  'and, between': col('u64').between(0, col('f64')),
  not: col('flag').not(),
  add: col('i8').add(col('i16')),
  'add a float': col('i64').add(col('f32')),
  'add an integer literal to a float': col('f32').add(1),
  'add a fraction to an integer': col('u32').add(0.5),
  'add a null': col('u8').add(null),
  'add a float to a null': lit(null).add(col('f32')),
  'neg of a null': lit(null).neg(),
  sub: col('u64').sub(col('u64')),
  mul: col('u16').mul(10n),
  'mul of floats': col('f32').mul(col('f32')),
  div: col('i64').div(col('i64')),
  mod: col('i32').mod(7),
  'mod of a float': col('f64').mod(col('i8')),
  neg: col('i8').neg(),
  'neg of a float': col('f32').neg(),
  coalesce: coalesce(col('i8'), 0),
  'coalesce two integers': coalesce(col('i8'), col('u32')),
  'coalesce an integer and a float': col('i8').coalesce(col('f32')),
  'coalesce times': coalesce(col('us'), '2024-01-01', null),
  'coalesce structs': coalesce(col('address'), null, col('address')),
  nullIf: col('u16').nullIf(col('f64')),
  'nullIf of decimals': col('money').nullIf('0.00'),
  when: when(col('flag')).then(1).otherwise(col('f32')),
  'when without otherwise': when(col('flag')).then(col('day')),
  'when, twice': when(col('flag')).then('a').when(null).then(col('text')).otherwise(null),
  year: col('day').dt.year(),
  month: col('s').dt.month({ zone: 'Asia/Tokyo' }),
  day: col('ms').dt.day(),
  hour: col('us').dt.hour(),
  minute: col('ns').dt.minute(),
  second: col('ms').dt.second(),
  millisecond: col('ms').dt.millisecond(),
  microsecond: col('ms').dt.microsecond(),
  nanosecond: col('ms').dt.nanosecond(),
  dayOfWeek: col('ms').dt.dayOfWeek(),
  dayOfYear: col('ms').dt.dayOfYear(),
  week: col('ms').dt.week(),
  epoch: col('day').dt.epoch('ns'),
  truncate: col('us').dt.truncate('hour', { zone: '+02:00' }),
  'truncate a date': col('day').dt.truncate('week'),
  addTime: col('s').dt.add(col('u8'), 'quarter'),
  'addTime to a date': col('day').dt.add(-1, 'month'),
  difference: col('day').dt.difference(col('ns'), 'hour'),
  formatTime: col('day').dt.format('yyyy'),
  toTimestamp: col('text').str.toTimestamp('yyyy-MM-dd', { unit: 'ns' }),
  tryToTimestamp: col('text').str.tryToTimestamp(),
  cast: col('text').cast('decimal(20,4)'),
  'cast to bool': col('f32').cast('bool'),
  tryCast: col('u64').tryCast('int8'),
  'tryCast to bytes': col('text').tryCast('binary'),
  length: col('text').str.length(),
  lower: col('text').str.lower(),
  upper: col('text').str.upper(),
  trim: col('text').str.trim(),
  trimStart: col('text').str.trimStart(),
  trimEnd: col('text').str.trimEnd(),
  contains: col('text').str.contains(col('text')),
  startsWith: col('text').str.startsWith('a'),
  endsWith: col('text').str.endsWith(null),
  concat: concat('a', col('text')),
  substring: col('text').str.substring(col('i8'), 2),
  replace: col('text').str.replace('a', 'b'),
  like: col('text').str.like('a%'),
  matches: col('text').str.matches(/a/),
  extract: col('text').str.extract(/(?<a>b)/, 'a'),
  split: col('text').str.split(','),
  listLength: col('lines').list.length(),
  element: col('lines').list.element(0),
  'element of a list in a struct in a list': col('lines').list.element(-1).field('sizes').list.element(col('u8')),
  listContains: col('tags').list.contains(col('text')),
  field: col('address').field('geo'),
  'field by a path': col('address.geo.lat'),
  hash: col('money').hash(),
  'hash of several': hash(col('day'), col('flag'), 1),
  'eq of message columns': col('$topic').eq('a').and(col('$partition').eq(0)).and(col('$timestamp').gt(new Date())),
  'add to an offset': col('$offset').add(1),
  'element of headers': col('$headers').list.element(0),
  'hash of a literal': lit(5).hash(),
})

const expected = {
  eq: 'bool',
  ne: 'bool',
  lt: 'bool',
  le: 'bool',
  gt: 'bool',
  ge: 'bool',
  isNull: 'bool',
  isNotNull: 'bool',
  in: 'bool',
  or: 'bool',
  and: 'bool',
  'and, between': 'bool',
  not: 'bool',
  add: 'int64',
  'add a float': 'float64',
  'add an integer literal to a float': 'float64',
  'add a fraction to an integer': 'float64',
  'add a null': 'int64',
  'add a float to a null': 'float64',
  'neg of a null': 'int64',
  sub: 'int64',
  mul: 'int64',
  'mul of floats': 'float64',
  div: 'float64',
  mod: 'int64',
  'mod of a float': 'float64',
  neg: 'int64',
  'neg of a float': 'float64',
  coalesce: 'int8',
  'coalesce two integers': 'int64',
  'coalesce an integer and a float': 'float64',
  'coalesce times': 'timestamp[us]',
  'coalesce structs': { city: 'utf8', geo: { lat: 'float32' } },
  nullIf: 'uint16',
  'nullIf of decimals': 'decimal(12,2)',
  when: 'float64',
  'when without otherwise': 'date',
  'when, twice': 'utf8',
  year: 'int32',
  month: 'int32',
  day: 'int32',
  hour: 'int32',
  minute: 'int32',
  second: 'int32',
  millisecond: 'int32',
  microsecond: 'int32',
  nanosecond: 'int32',
  dayOfWeek: 'int32',
  dayOfYear: 'int32',
  week: 'int32',
  epoch: 'int64',
  truncate: 'timestamp[us]',
  'truncate a date': 'date',
  addTime: 'timestamp[s]',
  'addTime to a date': 'date',
  difference: 'int64',
  formatTime: 'utf8',
  toTimestamp: 'timestamp[ns]',
  tryToTimestamp: 'timestamp[ms]',
  cast: 'decimal(20,4)',
  'cast to bool': 'bool',
  tryCast: 'int8',
  'tryCast to bytes': 'binary',
  length: 'int64',
  lower: 'utf8',
  upper: 'utf8',
  trim: 'utf8',
  trimStart: 'utf8',
  trimEnd: 'utf8',
  contains: 'bool',
  startsWith: 'bool',
  endsWith: 'bool',
  concat: 'utf8',
  substring: 'utf8',
  replace: 'utf8',
  like: 'bool',
  matches: 'bool',
  extract: 'utf8',
  split: ['utf8'],
  listLength: 'int64',
  element: { sku: 'utf8', sizes: ['int16'] },
  'element of a list in a struct in a list': 'int16',
  listContains: 'bool',
  field: { lat: 'float32' },
  'field by a path': 'float32',
  hash: 'int64',
  'hash of several': 'int64',
  'eq of message columns': 'bool',
  'add to an offset': 'int64',
  'element of headers': { key: 'utf8', value: 'binary' },
  'hash of a literal': 'int64',
} as const

// The compiler's half: where one of them differs, `none` below does not compile, and the error names it.
type Found = NonNullable<typeof all.types>
type Differing = { [Name in keyof Found]: Equal<Found[Name], (typeof expected)[Name]> extends true ? never : Name }
const differing: readonly Differing[keyof Found][] = []

const fields = [
  ...parseSchema(schema),
  ...parseSchema({
    $topic: 'utf8',
    $partition: 'int32',
    $offset: 'int64',
    $timestamp: 'timestamp[ms]',
    $headers: [{ key: 'utf8', value: 'binary' }],
  }),
]

test.each(Object.entries(all.columns))('%s', (name, expr) => {
  const found = typeText(exprType(expr as Expr, fields))
  expect(found).toBe(typeText(parseType(expected[name as keyof typeof expected], name)))
})

test('every operator is among them', () => {
  const none: readonly never[] = differing
  expect(none).toEqual([])
  const used = new Set<string>()
  const visit = (node: Node): void => {
    if (node.kind !== 'call') return
    used.add(node.op)
    node.args.forEach(visit)
  }
  for (const { node } of Object.values(all.columns)) visit(node as Node)
  expect([...used].sort()).toEqual(Object.keys(operators).sort())
})
