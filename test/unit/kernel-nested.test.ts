import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Batch, batchToRows } from '../../src/batch.ts'
import { col, type Expr } from '../../src/expr/expr.ts'
import { compileColumn, compileFilter } from '../../src/expr/kernel.ts'
import type { Literal } from '../../src/expr/nodes.ts'
import { type Field, parseSchema } from '../../src/schema.ts'
import { batches, expectColumn, nullable, type Row } from '../support/kernel-cases.ts'

/** Lists and structs against plain values, a row at a time. */
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

const kinds: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  uint64: fc.constantFrom(0n, 5n, 2n ** 63n, 2n ** 64n - 1n),
  int8: fc.integer({ min: -128, max: 127 }),
  float32: fc.constantFrom(Number.NaN, -0, 0, 0.5, Infinity),
  binary: fc.uint8Array({ maxLength: 2, max: 1 }),
  date: fc.integer({ min: -2, max: 2 }).map((day) => new Date(day * 86_400_000)),
  'timestamp[us]': fc.constantFrom(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)),
  'decimal(9,2)': fc.integer({ min: -2, max: 2 }).map((n) => `${n}.25`),
}

/** As `eq` has it: NaN equals nothing, and -0 is 0. */
const same = (a: unknown, b: unknown): boolean =>
  a instanceof Date || a instanceof Uint8Array ? String(a.valueOf()) === String((b as Date).valueOf()) : a === b

describe.each(Object.keys(kinds))('a list of %s', (kind) => {
  const own = parseSchema({ l: [kind as 'bool'], v: kind as 'bool', k: 'int32' })
  const values = kinds[kind]!
  const given = batches(fc.record({ l: list(values), v: nullable(values), k: nullable(small) }), own)
  const check = (expr: Expr, of: (row: Row) => unknown): void =>
    fc.assert(
      fc.property(given, (batch) => expectColumn(expr, own, batch, of)),
      { numRuns: 100 },
    )

  test('has items, and contains them', () => {
    check(col('l').list.length() as Expr, ({ l }) => (l === null ? null : BigInt((l as unknown[]).length)))
    check((col('l') as Expr).list.element(col('k')), ({ l, k }) =>
      l === null || k === null ? null : ((l as unknown[]).at(k as number) ?? null),
    )
    check((col('l') as Expr).list.contains(col('v')), ({ l, v }) => {
      if (l === null || v === null) return null
      const items = l as unknown[]
      return items.some((item) => item !== null && same(item, v)) || (items.includes(null) ? null : false)
    })
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
