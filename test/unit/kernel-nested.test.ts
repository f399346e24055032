import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Batch, batchFromRows, batchToRows } from '../../src/batch.ts'
import { col, type Expr, hash, lit } from '../../src/expr/expr.ts'
import { compileColumn, compileFilter } from '../../src/expr/kernel.ts'
import { murmur3 } from '../../src/expr/kernels/hash.ts'
import type { Literal } from '../../src/expr/nodes.ts'
import { type Field, parseSchema } from '../../src/schema.ts'
import { batches, expectColumn, nullable, type Row } from '../support/kernel-cases.ts'

/** Lists, structs and hashes against plain values, a row at a time. */
const fields: readonly Field[] = parseSchema({
  t: 'utf8',
  l: ['utf8'],
  n: ['int64'],
  f: ['float64'],
  deep: [{ p: ['int32'], q: 'utf8' }],
  s: { city: 'utf8', geo: { lat: 'float64', tags: ['utf8'] }, ok: 'bool' },
  i: 'int64',
  k: 'int32',
  'a.b': 'int32',
})

const texts = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('', 'a', 'b', 'é', '\u{1f600}'))
const ints = fc.oneof(fc.bigInt({ min: -4n, max: 4n }), fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n)))
const doubles = fc.oneof(fc.constantFrom(Number.NaN, -0, 0, 1.5, 2), fc.double())
const list = <T>(items: fc.Arbitrary<T>) => nullable(fc.array(nullable(items), { maxLength: 4 }))
const small = fc.integer({ min: -5, max: 5 })

const tables: fc.Arbitrary<Batch> = batches(
  fc.record({
    t: nullable(texts),
    l: list(texts),
    n: list(ints),
    f: list(doubles),
    deep: list(fc.record({ p: list(small), q: nullable(texts) })),
    s: nullable(
      fc.record({
        city: nullable(texts),
        geo: nullable(fc.record({ lat: nullable(doubles), tags: list(texts) })),
        ok: nullable(fc.boolean()),
      }),
    ),
    i: nullable(ints),
    k: nullable(small),
    'a.b': nullable(small),
  }),
  fields,
)

interface Case {
  readonly expr: Expr
  readonly of: (row: Row) => unknown
}

type List = readonly unknown[] | null
type Struct = Readonly<Record<string, unknown>> | null

const lists: Readonly<Record<string, (row: Row) => List>> = {
  l: (row) => row.l as List,
  n: (row) => row.n as List,
  f: (row) => row.f as List,
  deep: (row) => row.deep as List,
  's.geo.tags': (row) => ((row.s as Struct)?.geo as Struct)?.tags as List,
}
const listCases = fc.constantFrom(...Object.keys(lists)).map((name): Case => ({ expr: col(name), of: lists[name]! }))
const splits: fc.Arbitrary<Case> = fc.constant({
  expr: (col('t') as Expr).str.split('a'),
  of: (row: Row) => (row.t as string | null)?.split('a') ?? null,
})

const contains = (items: List, value: unknown): boolean | null => {
  if (items === null || value === null) return null
  // Items and values of one kind: neither above nor below.
  const equal = (a: never, b: never): boolean => a <= b && a >= b
  if (items.some((item) => item !== null && equal(item as never, value as never))) return true
  return items.includes(null) ? null : false
}

const contained = (name: string, value: Expr | Literal, of: (row: Row) => unknown): Case => ({
  expr: col(name).list.contains(value),
  of: (row) => contains(lists[name]!(row) ?? null, of(row)),
})

const cases: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  length: fc.oneof(listCases, splits).map(({ expr, of }) => ({
    expr: expr.list.length(),
    of: (row) => (of(row) === null || of(row) === undefined ? null : BigInt((of(row) as unknown[]).length)),
  })),
  element: fc
    .tuple(fc.oneof(listCases, splits), fc.oneof(small, fc.constantFrom('i', 'k')))
    .map(([{ expr, of }, place]) => ({
      expr: expr.list.element(typeof place === 'string' ? col(place) : place),
      of: (row) => {
        const at = typeof place === 'string' ? row[place] : place
        return at === null ? null : ((of(row) as List)?.at(clamp(at as number | bigint)) ?? null)
      },
    })),
  contains: fc.oneof(
    nullable(texts).map((value) => contained('l', value, () => value)),
    fc.constant(contained('l', col('t'), (row) => row.t)),
    nullable(texts).map((value) => contained('s.geo.tags', value, () => value)),
    fc.oneof(ints, doubles).map((value) => contained('n', value, () => value)),
    fc.constantFrom('i', 'k').map((name) => contained('n', col(name), (row) => row[name])),
    doubles.map((value) => contained('f', value, () => value)),
    fc.constant(contained('f', col('k'), (row) => row.k)),
  ),
  field: fc.constantFrom<Case>(
    { expr: col('s').field('city'), of: (row) => (row.s as Struct)?.city ?? null },
    { expr: col('s.ok'), of: (row) => (row.s as Struct)?.ok ?? null },
    { expr: col('s.geo'), of: (row) => (row.s as Struct)?.geo ?? null },
    { expr: col('s').field('geo').field('lat'), of: (row) => ((row.s as Struct)?.geo as Struct)?.lat ?? null },
    { expr: col('s.geo.lat'), of: (row) => ((row.s as Struct)?.geo as Struct)?.lat ?? null },
    { expr: col('deep').list.element(0).field('q'), of: (row) => ((row.deep as List)?.[0] as Struct)?.q ?? null },
    { expr: col('s.geo').isNull(), of: (row) => ((row.s as Struct)?.geo ?? null) === null },
    // A column of this name is there: it is no path.
    { expr: col('a.b'), of: (row) => row['a.b'] },
  ),
}

const clamp = (place: number | bigint): number => Math.max(-100, Math.min(100, Number(place)))

describe('functions of lists and structs give what plain values give', () => {
  test.each(Object.keys(cases))('%s', (name) => {
    fc.assert(
      fc.property(cases[name]!, tables, ({ expr, of }, batch) => expectColumn(expr, fields, batch, of)),
      { numRuns: 600 },
    )
  })

  test('a condition over a field filters', () => {
    fc.assert(
      fc.property(tables, (given) => {
        const batch = { ...given, selection: null }
        const kept = compileFilter(col('s.geo.lat').gt(1), fields)(batch)
        const rows = batchToRows(batch)
        const wanted = rows.flatMap((row, i) =>
          ((((row.s as Struct)?.geo as Struct)?.lat ?? 0) as number) > 1 ? [i] : [],
        )
        expect([...(kept ?? rows.keys())]).toEqual(wanted)
      }),
      { numRuns: 200 },
    )
  })
})

describe('a field or a list that is not there is refused', () => {
  const compiled = (expr: Expr) => () => compileColumn(expr, fields)

  test('with the nearest name', () => {
    expect(compiled(col('s').field('ctiy'))).toThrow(
      /s\.ctiy: there is no field "ctiy"\. Did you mean "city"\? The fields here: city, geo, ok/,
    )
    expect(compiled(col('s.geo.lta'))).toThrow(/s\.geo\.lta: there is no field "lta"\. Did you mean "lat"\?/)
    expect(compiled(col('z.geo'))).toThrow(/There is no column "z\.geo"/)
  })

  test('with what stands there instead', () => {
    expect(compiled(col('t').field('city'))).toThrow(/t\.city: it takes a struct, and utf8 is none/)
    expect(compiled((col('t') as Expr).list.length())).toThrow(/length\(t\): it takes a list, and utf8 is none/)
    expect(compiled((col('l') as Expr).list.element('a' as never))).toThrow(
      /an integer for the place, and the literal "a" is none/,
    )
    expect(compiled((col('l') as Expr).list.contains(5))).toThrow(
      /contains\(l, 5\): utf8 can not be compared with the literal 5/,
    )
    expect(compiled((col('deep') as Expr).list.contains(5))).toThrow(/a struct can not be compared/)
    expect(compiled((col('l') as Expr).hash())).toThrow(/hash\(l\): it takes no list and no struct/)
  })
})

// ---------------------------------------------------------------- hash

test('the hash is MurmurHash3_x86_128: the verification value of SMHasher', () => {
  // Keys 0, 01, 0102 ... with the seeds 256, 255 ...; their hashes, hashed with the seed 0.
  const key = Uint8Array.from({ length: 256 }, (_, i) => i)
  const hashes = new Int32Array(256 * 4)
  for (let i = 0; i < 256; i++) hashes.set(murmur3(key, 0, i, 256 - i), i * 4)
  expect(murmur3(new Uint8Array(hashes.buffer), 0, 4096, 0)[0]! >>> 0).toBe(0xb3ece62a)
})

describe('equal values hash alike', () => {
  const types = parseSchema({
    i8: 'int8',
    u16: 'uint16',
    i32: 'int32',
    i64: 'int64',
    u64: 'uint64',
    date: 'date',
    second: 'timestamp[s]',
    f32: 'float32',
    f64: 'float64',
    text: 'utf8',
    bytes: 'binary',
    flag: 'bool',
    money: 'decimal(9,2)',
  })
  const row = (of: Row): Row => ({ ...Object.fromEntries(types.map(({ name }) => [name, null])), ...of })
  const hashOf = (name: string, value: unknown): unknown => {
    const batch = batchFromRows([row({ [name]: value })], types)
    return batchToRows({ ...batch, columns: [compileColumn(col(name).hash(), types)(batch)] }).map(
      (made) => Object.values(made)[0],
    )[0]
  }

  test('integers of every width, literals, dates and timestamps by their number', () => {
    const five = hashOf('i64', 5n)
    for (const [name, value] of [
      ['i8', 5],
      ['u16', 5],
      ['i32', 5],
      ['u64', 5n],
      ['date', 5],
      ['second', 5n],
    ] as const) {
      expect(hashOf(name, value), name).toBe(five)
    }
    expect(hashOf('i8', -5)).toBe(hashOf('i64', -5n))
    expect(hashOf('u64', 2n ** 64n - 1n)).toBe(hashOf('i64', -1n))
    expect(hashOf('flag', true)).toBe(hashOf('i64', 1n))
    expect(hashOf('i64', 6n)).not.toBe(five)
  })

  test('floats of both widths, both zeros, text and its bytes', () => {
    expect(hashOf('f32', 1.5)).toBe(hashOf('f64', 1.5))
    expect(hashOf('f64', -0)).toBe(hashOf('f64', 0))
    expect(hashOf('f32', Number.NaN)).toBe(hashOf('f64', Number.NaN))
    expect(hashOf('text', 'é')).toBe(hashOf('bytes', Uint8Array.of(0xc3, 0xa9)))
    expect(hashOf('money', '1.5')).toBe(hashOf('money', '1.50'))
  })

  test('null is null; of several, order counts and borders do not blur', () => {
    expect(hashOf('text', null)).toBe(null)
    const batch = batchFromRows(
      [
        { a: 'ab', b: 'c' },
        { a: 'a', b: 'bc' },
        { a: 'c', b: 'ab' },
        { a: null, b: 'c' },
      ],
      parseSchema({ a: 'utf8', b: 'utf8' }),
    )
    const own = batch.columns.map(({ field }) => field)
    const hashes = batchToRows({ ...batch, columns: [compileColumn(hash(col('a'), col('b')), own)(batch)] }).map(
      (made) => Object.values(made)[0],
    )
    expect(new Set(hashes).size).toBe(4)
    expect(hashes[3]).toBe(null)
    // The two hashes of the row, one behind the other.
    const bytes = new Uint8Array(16)
    const pairs = new Int32Array(bytes.buffer)
    pairs.set(murmur3(new TextEncoder().encode('ab'), 0, 2, 0).subarray(0, 2), 0)
    pairs.set(murmur3(new TextEncoder().encode('c'), 0, 1, 0).subarray(0, 2), 2)
    const both = new BigInt64Array(murmur3(bytes, 0, 16, 0).slice().buffer)[0]
    expect(hashes[0]).toBe(both)
  })

  test('a literal hashes as a column of its value', () => {
    const batch = batchFromRows([row({})], types)
    const made = compileColumn(
      lit(5)
        .hash()
        .eq(hashOf('i32', 5) as bigint),
      types,
    )(batch)
    expect(batchToRows({ ...batch, columns: [made] }).map((one) => Object.values(one)[0])).toEqual([true])
  })
})
