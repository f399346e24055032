import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchFromRows } from '../../src/batch.ts'
import { exprType } from '../../src/expr/columns.ts'
import { coalesce, col, type Expr, lit } from '../../src/expr/expr.ts'
import { compileColumn } from '../../src/expr/kernel.ts'
import { when } from '../../src/expr/when.ts'
import { parseSchema, typeText } from '../../src/schema.ts'
import { batchOf, fields as numbers, recipes } from '../support/generated.ts'
import { batches, expectColumn, nullable, type Row, RowFailed } from '../support/kernel-cases.ts'

const pairs = {
  i: ['int64', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  n: ['int16', fc.integer({ min: -32768, max: 32767 })],
  u: ['uint64', fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
  f: ['float64', fc.oneof(fc.double(), fc.constantFrom(Number.NaN, -0, 0))],
  t: ['utf8', fc.string({ unit: 'grapheme', maxLength: 5 })],
  y: ['binary', fc.uint8Array({ maxLength: 4 })],
  p: ['bool', fc.boolean()],
  d: ['date', fc.integer({ min: -100_000, max: 100_000 }).map((day) => new Date(day * 86_400_000))],
  m: ['timestamp[us]', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  e: ['decimal(12,2)', fc.integer({ min: -999, max: 999 }).map((n) => `${n}.25`)],
  l: [['utf8'], fc.array(nullable(fc.constantFrom('', 'a', 'é')), { maxLength: 3 })],
  s: [
    { a: 'int64', r: ['float64'], o: { p: 'bool', e: 'decimal(12,2)', y: 'binary' } },
    fc.record({
      a: nullable(fc.constantFrom(1n, 2n ** 62n)),
      r: nullable(fc.array(nullable(fc.constantFrom(1.5, -0, 0, Number.NaN)), { maxLength: 2 })),
      o: nullable(
        fc.record({
          p: nullable(fc.boolean()),
          e: nullable(fc.constantFrom('1.25', '-1.25')),
          y: nullable(fc.uint8Array({ maxLength: 1, max: 1 })),
        }),
      ),
    }),
  ],
  x: [
    [{ t: ['date'], n: 'int16' }],
    fc.array(
      nullable(
        fc.record({
          t: nullable(fc.array(nullable(fc.constantFrom(new Date(0), new Date(432_000_000))), { maxLength: 2 })),
          n: fc.constantFrom(1, 2),
        }),
      ),
      { maxLength: 2 },
    ),
  ],
} as const

/** As `=` has it; what lies in lists and structs is compared in turn, and nulls in there are the same. */
const same = (a: unknown, b: unknown): boolean => {
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b
  if (a instanceof Date || a instanceof Uint8Array) return String(a.valueOf()) === String(b.valueOf())
  const keys = Object.keys(a)
  const inner = (of: object, key: string): unknown => (of as Record<string, unknown>)[key]
  return keys.length === Object.keys(b).length && keys.every((key) => same(inner(a, key), inner(b, key)))
}
const names = Object.keys(pairs) as (keyof typeof pairs)[]
const types = Object.fromEntries(names.flatMap((name) => [1, 2, 3].map((k) => [`${name}${k}`, pairs[name][0]])))
const fields = parseSchema({ ...types, c1: 'bool', c2: 'bool', z: 'int64' })
const row: fc.Arbitrary<Row> = fc.record({
  ...Object.fromEntries(
    names.flatMap((name) => [1, 2, 3].map((k) => [`${name}${k}`, nullable(pairs[name][1] as fc.Arbitrary<unknown>)])),
  ),
  c1: nullable(fc.boolean()),
  c2: nullable(fc.boolean()),
  z: nullable(fc.constantFrom(1n, 2n ** 63n - 1n)),
})
const given = batches(row, fields)
const runs = { numRuns: 60 }

describe.each(names)('columns of %s, as a row-by-row interpreter has them', (name) => {
  const [a, b, c] = [1, 2, 3].map((k) => col(`${name}${k}`) as Expr)

  test('coalesce', () => {
    fc.assert(
      fc.property(given, (batch) =>
        expectColumn(coalesce(a!, b!, c!), fields, batch, (r) => r[`${name}1`] ?? r[`${name}2`] ?? r[`${name}3`]),
      ),
      runs,
    )
  })

  test('when', () => {
    const expr = when(col('c1')).then(a!).when(col('c2')).then(b!)
    fc.assert(
      fc.property(given, (batch) => {
        const branch = (r: Row, last: unknown) => (r.c1 ? r[`${name}1`] : r.c2 ? r[`${name}2`] : last)
        expectColumn(expr, fields, batch, (r) => branch(r, null))
        expectColumn(expr.otherwise(c!), fields, batch, (r) => branch(r, r[`${name}3`]))
      }),
      runs,
    )
  })

  test('nullIf', () => {
    const nullIf = (x: unknown, y: unknown): unknown => (y !== null && same(x, y) ? null : x)
    fc.assert(
      fc.property(given, (batch) => {
        expectColumn(a!.nullIf(b!), fields, batch, (r) => nullIf(r[`${name}1`], r[`${name}2`]))
        expectColumn(a!.nullIf(a!), fields, batch, (r) => nullIf(r[`${name}1`], r[`${name}1`]))
        expectColumn(a!.nullIf(null), fields, batch, (r) => r[`${name}1`])
      }),
      runs,
    )
  })
})

test('numbers of several types: coalesce and when widen them, nullIf compares them exactly', () => {
  const names = ['f', 's', 'i', 'k', 'b', 'u', 'v']
  const two = fc.constantFrom(...names).chain((x) => fc.tuple(fc.constant(x), fc.constantFrom(...names)))
  fc.assert(
    fc.property(two, recipes, ([x, y], recipe) => {
      const batch = batchOf(recipe)
      const [a, b] = [col(x), col(y)] as [Expr, Expr]
      // biome-ignore lint/suspicious/noDoubleEquals: an integer and a float are equal by value, exactly
      const nullIf = (r: Row): unknown => (r[x] !== null && r[y] !== null && r[x] == r[y] ? null : r[x])
      expectColumn(a.nullIf(b), numbers, batch, nullIf)
      // int64 and uint64 have no type in common.
      if (x !== y && [x, y].includes('u') && ![x, y].some((name) => 'fs'.includes(name))) return
      const { kind } = exprType(coalesce(a, b), numbers)
      const widened = (value: unknown): unknown =>
        value === null || x === y ? value : kind === 'int64' ? BigInt(value as number) : Number(value)
      expectColumn(coalesce(a, b), numbers, batch, (r) => widened(r[x] ?? r[y]))
      expectColumn(when(col('p')).then(a).otherwise(b), numbers, batch, (r) => widened(r.p ? r[x] : r[y]))
    }),
    { numRuns: 600 },
  )
})

test('between is both comparisons', () => {
  fc.assert(
    fc.property(given, (batch) =>
      expectColumn(col('i1').between(col('i2'), 5), fields, batch, ({ i1, i2 }) => {
        const [low, high] = [i1 === null || i2 === null ? null : i1! >= i2!, i1 === null ? null : (i1 as bigint) <= 5n]
        return low === false || high === false ? false : low === null || high === null ? null : true
      }),
    ),
    runs,
  )
})

describe('an error counts only for the rows that need the value', () => {
  const fails = (r: Row): bigint | null => {
    if (r.z === 2n ** 63n - 1n) throw new RowFailed()
    return r.z === null ? null : (r.z as bigint) + 1n
  }

  test('of coalesce', () => {
    fc.assert(
      fc.property(given, (batch) => {
        expectColumn(coalesce(col('i1'), col('z').add(1), 7), fields, batch, (r) => r.i1 ?? fails(r) ?? 7n)
        expectColumn(coalesce(col('z').add(1), col('i1')), fields, batch, (r) => fails(r) ?? r.i1)
      }),
      runs,
    )
  })

  test('of the branches and the conditions of when', () => {
    const expr = when(col('c1')).then(col('z').add(1)).when(col('z').add(1).gt(0)).then(1).otherwise(2)
    fc.assert(
      fc.property(given, (batch) =>
        expectColumn(expr, fields, batch, (r) => (r.c1 ? fails(r) : (fails(r) ?? 0n) > 0n ? 1n : 2n)),
      ),
      runs,
    )
    // Also where the values are lists.
    const lists = when(col('z').add(1).gt(0)).then(col('l1')).otherwise(col('l2'))
    fc.assert(
      fc.property(given, (batch) => expectColumn(lists, fields, batch, (r) => ((fails(r) ?? 0n) > 0n ? r.l1 : r.l2))),
      runs,
    )
  })
})

describe('the one type of several values', () => {
  const typeOf = (expr: Expr): string => typeText(exprType(expr, fields))

  test('columns first, then what literals stand for', () => {
    expect(typeOf(coalesce(col('n1'), 5))).toBe('int16')
    expect(typeOf(coalesce(col('n1'), col('i1')))).toBe('int64')
    expect(typeOf(coalesce(col('n1'), 0.5))).toBe('float64')
    expect(typeOf(coalesce(col('u1'), 0))).toBe('uint64')
    expect(typeOf(coalesce(col('m1'), '2024-01-01T00:00:00.000001Z', new Date()))).toBe('timestamp[us]')
    expect(typeOf(coalesce(null, lit(null)))).toBe('utf8')
    expect(typeOf(when(true).then(1).otherwise(0.5))).toBe('float64')
  })

  test('widens the values', () => {
    const own = parseSchema({ a: 'int8', b: 'int64', e: 'decimal(6,2)', d: 'date' })
    const batch = batchFromRows([{ a: 5 }, { b: 2n ** 60n }, { d: new Date(0) }], own)
    expectColumn(coalesce(col('a'), col('b')), own, batch, (r) => (r.a === null ? r.b : BigInt(r.a as number)))
    expectColumn(coalesce(col('b'), col('a'), 0.5), own, batch, (r) => (r.b === null ? (r.a ?? 0.5) : Number(r.b)))
    expectColumn(coalesce(col('e'), '-1.5'), own, batch, () => '-1.50')
    expectColumn(coalesce(col('d'), '2024-02-29'), own, batch, (r) => r.d ?? new Date('2024-02-29'))
  })

  test('of lists and structs is their own', () => {
    expect(typeOf(coalesce(col('l1'), null, col('l2')))).toBe("['utf8']")
    expect(typeOf(when(col('c1')).then(col('s1')).otherwise(null))).toBe(typeOf(col('s1')))
    expect(typeOf(col('x1').nullIf(col('x2')))).toBe(typeOf(col('x1')))
    expect(() => typeOf(coalesce(col('l1'), col('x1')) as Expr)).toThrow(/\['utf8'\] and .* have no type in common/)
    expect(() => typeOf(coalesce(col('l1'), col('t1')) as Expr)).toThrow(
      /\['utf8'\] and utf8 have no type in common\.$/,
    )
    expect(() => typeOf(coalesce(col('l1'), 'a') as Expr)).toThrow(/the literal "a" is no \['utf8'\]/)
    expect(() => typeOf(col('l1').nullIf(col('s1')) as Expr)).toThrow(/\['utf8'\] can not be compared with/)
    expect(() => typeOf(col('l1').nullIf('a') as Expr)).toThrow(/\['utf8'\] can not be compared with the literal "a"/)
  })

  test('is said to be missing before the run', () => {
    expect(() => typeOf(coalesce(col('n1'), col('t1')) as Expr)).toThrow(/int16 and utf8 have no type in common; cast/)
    expect(() => typeOf(coalesce(col('u1'), col('i1')))).toThrow(/uint64 and int64 have no type in common/)
    expect(() => typeOf(coalesce(col('n1'), 40_000))).toThrow(/the literal 40000 is no int16/)
    expect(() => typeOf(coalesce(col('d1'), '2024-01-01T10:00Z'))).toThrow(/is no date/)
    expect(() => typeOf(when(col('i1') as Expr).then(1))).toThrow(/a condition: it takes bool, and int64 is none/)
    expect(() => (coalesce as () => Expr)()).toThrow(/one expression at least/)
  })
})

test('an unchanged first column is handed out as it is', () => {
  const own = parseSchema({ f: 'float64' })
  const batch = batchFromRows([{ f: 1 }, { f: 2 }], own)
  expect(compileColumn(coalesce(col('f'), 0), own)(batch).data.values).toBe(batch.columns[0]!.data.values)
})
