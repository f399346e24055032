/** Casts against an interpreter of one row: numbers as BigInt or double, times as nanoseconds. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchFromRows, batchToRows, parseDecimal, parseTime, valueReader } from '../../src/batch.ts'
import { exprType } from '../../src/expr/columns.ts'
import { col, type Expr, lit } from '../../src/expr/expr.ts'
import { compileColumn } from '../../src/expr/kernel.ts'
import { parseSchema, type TypeName } from '../../src/schema.ts'
import { batches, expectColumn, nullable, type Row, RowFailed } from '../support/kernel-cases.ts'

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  int8: [-128n, 127n],
  int16: [-32768n, 32767n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 255n],
  uint16: [0n, 65535n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
}
const edges = [
  0n,
  1n,
  -1n,
  127n,
  128n,
  -129n,
  255n,
  256n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n + 1n,
  2n ** 63n - 1n,
  -(2n ** 63n),
]
const integers = (name: string): fc.Arbitrary<bigint> => {
  const [min, max] = ranges[name]!
  const inside = edges.filter((edge) => edge >= min && edge <= max)
  const small = fc.bigInt({ min: min < -300n ? -300n : min, max: max > 300n ? 300n : max })
  return fc.oneof(fc.bigInt({ min, max }), small, fc.constantFrom(...inside))
}
const isWide = (name: string): boolean => name === 'int64' || name === 'uint64'
const doubles = fc.oneof(
  fc.double(),
  fc.integer({ min: -300, max: 300 }),
  fc.constantFrom(
    Number.NaN,
    -0,
    0.5,
    -1.5,
    2 ** 31,
    2 ** 53,
    2 ** 63,
    -(2 ** 63),
    2 ** 64,
    1e300,
    Infinity,
    -Infinity,
  ),
)
const times = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -100_000n, max: 100_000n }),
  fc.constantFrom(0n, -1n, 86_399n, 86_400n, -86_400n, 2n ** 63n - 1n, -(2n ** 63n)),
)
const texts = fc.oneof(
  fc.constantFrom(
    '',
    ' 1',
    '1 ',
    '+5',
    '-0',
    '007',
    '1.50',
    '.5',
    '1.',
    '1e3',
    '1e999',
    'NaN',
    'Infinity',
    '-Infinity',
  ),
  fc.constantFrom('true', 'false', 'TRUE', 'abc', '9223372036854775807', '9223372036854775808', '-9223372036854775809'),
  fc.constantFrom('18446744073709551615', '0x10', '1_000', '\u0661', '2024-02-29', '2023-02-29', '1e-7'),
  integers('int64').map(String),
  doubles.map(String),
)

const columns = {
  ...Object.fromEntries(
    Object.keys(ranges).map((name) => [
      name,
      [name, integers(name).map((value) => (isWide(name) ? value : Number(value)))],
    ]),
  ),
  float64: ['float64', doubles],
  float32: ['float32', doubles.map(Math.fround)],
  bool: ['bool', fc.boolean()],
  text: ['utf8', texts],
  e: ['decimal(20,3)', fc.bigInt({ min: -(10n ** 20n) + 1n, max: 10n ** 20n - 1n }).map((n) => `${n}e-3`)],
  small: ['decimal(9,2)', fc.integer({ min: -999, max: 999 }).map((n) => String(n / 4))],
  d: ['date', fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })],
  s: ['timestamp[s]', times],
  ms: ['timestamp[ms]', times],
  us: ['timestamp[us]', times],
  ns: ['timestamp[ns]', times],
} as Record<string, [TypeName, fc.Arbitrary<unknown>]>
const fields = parseSchema(Object.fromEntries(Object.entries(columns).map(([name, [type]]) => [name, type])))
const row = fc.record(Object.fromEntries(Object.entries(columns).map(([name, [, values]]) => [name, nullable(values)])))
const given = batches(row as fc.Arbitrary<Row>, fields)
const runs = { numRuns: 25 }

const fail = (): never => {
  throw new RowFailed()
}

/** An integer, or a double that is one, as a value of an integer type. */
function asInteger(name: string, value: bigint | number): bigint | number {
  if (typeof value === 'number' && !Number.isInteger(value)) return fail()
  const [least, greatest] = ranges[name]!
  const whole = BigInt(value)
  if (whole < least || whole > greatest) return fail()
  return isWide(name) ? whole : Number(whole)
}

function asFloat(name: string, value: number): number {
  if (name === 'float64') return value
  const single = Math.fround(value)
  return Number.isFinite(value) && !Number.isFinite(single) ? fail() : single
}

const check = (expr: (column: Expr) => Expr, from: string, wanted: (value: never) => unknown): void =>
  fc.assert(
    fc.property(given, (batch) =>
      expectColumn(expr(col(from) as Expr), fields, batch, (r) => (r[from] === null ? null : wanted(r[from] as never))),
    ),
    runs,
  )

const numbers = [...Object.keys(ranges), 'float64', 'float32', 'bool']

describe('numbers and bools', () => {
  test.each(numbers)('%s to every other', (from) => {
    for (const to of Object.keys(ranges)) {
      check(
        (c) => c.cast(to as 'int8'),
        from,
        (value: number) => asInteger(to, from === 'bool' ? Number(value) : value),
      )
    }
    for (const to of ['float64', 'float32'] as const) {
      check(
        (c) => c.cast(to),
        from,
        (value: number) => asFloat(to, Number(value)),
      )
    }
    check(
      (c) => c.cast('bool'),
      from,
      (value: number) => Number(value) !== 0,
    )
  })

  test('to text, as JSON has them', () => {
    const text = (value: number): string => String(value)
    for (const from of numbers.filter((name) => name !== 'float32')) check((c) => c.cast('utf8'), from, text)
    // The digits are the fewest that read back as the same float32.
    check(
      (c) => c.cast('utf8').cast('float32'),
      'float32',
      (value: number) => (Object.is(value, -0) ? 0 : value),
    )
    const own = parseSchema({ f: 'float32' })
    const batch = batchFromRows([{ f: 0.1 }, { f: 16777216 }, { f: 1e-7 }], own)
    const made = compileColumn(col('f').cast('utf8'), own)(batch)
    expect(batchToRows({ ...batch, columns: [made] }).map((r) => Object.values(r)[0])).toEqual([
      '0.1',
      '16777216',
      '1e-7',
    ])
  })
})

describe('text', () => {
  test('all of it is the integer', () => {
    for (const to of Object.keys(ranges)) {
      check(
        (c) => c.cast(to as 'int8'),
        'text',
        (value: string) => (/^[+-]?[0-9]+$/.test(value) ? asInteger(to, BigInt(value.replace('+', ''))) : fail()),
      )
    }
  })

  test('all of it is the float', () => {
    check(
      (c) => c.cast('float64'),
      'text',
      (value: string) => {
        if (['NaN', 'Infinity', '-Infinity'].includes(value)) return Number(value)
        const number = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(value) ? Number(value) : Number.NaN
        return Number.isFinite(number) ? number : fail()
      },
    )
  })

  test('is true, false, or no bool', () => {
    check(
      (c) => c.cast('bool'),
      'text',
      (value: string) => (value === 'true' ? true : value === 'false' ? false : fail()),
    )
  })

  test('becomes bytes and comes back', () => {
    check(
      (c) => c.cast('binary').cast('utf8'),
      'text',
      (value: string) => value,
    )
    const own = parseSchema({ y: 'binary' })
    const batch = batchFromRows([{ y: Buffer.from('\u00e9') }, { y: Buffer.of(0xc3) }, { y: Buffer.of(0xa9) }, {}], own)
    expectColumn(col('y').cast('utf8'), own, batch, (r) =>
      r.y === null ? null : (r.y as Uint8Array).length === 2 ? '\u00e9' : fail(),
    )
  })

  test('is a float32 where it is the nearest', () => {
    check(
      (c) => c.cast('float32'),
      'text',
      (value: string) => {
        if (['NaN', 'Infinity', '-Infinity'].includes(value)) return Number(value)
        const number = /^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?$/i.test(value) ? Number(value) : Number.NaN
        return Number.isFinite(number) ? asFloat('float32', number) : fail()
      },
    )
  })

  test('is a time where it is ISO 8601, and within the type', () => {
    const own = parseSchema({ t: 'utf8' })
    const times = fc.oneof(
      texts,
      fc
        .date({ min: new Date('0000-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
        .map((at) => at.toISOString()),
      fc.constantFrom(
        '2262-04-11T23:47:16.854775807Z',
        '2262-04-11T23:47:16.854775808Z',
        '1677-09-21T00:12:43.145224192Z',
      ),
      fc.constantFrom(
        '1677-09-21T00:12:43.145224191Z',
        '2024-02-29T23:59:59.999999999+02:00',
        '1969-12-31T23:59:59.9Z',
      ),
    )
    const units = { date: 86_400_000_000_000n, 'timestamp[s]': 1_000_000_000n, 'timestamp[ms]': 1_000_000n }
    for (const [to, unit] of Object.entries({ ...units, 'timestamp[us]': 1_000n, 'timestamp[ns]': 1n })) {
      const integer = to === 'date' ? 'int32' : 'int64'
      fc.assert(
        fc.property(batches(fc.record({ t: nullable(times) }) as fc.Arbitrary<Row>, own), (batch) =>
          expectColumn(
            col('t')
              .cast(to as 'date')
              .cast(integer) as Expr,
            own,
            batch,
            ({ t }) => {
              if (t === null) return null
              const time = parseTime(t as string)
              return time === null ? fail() : asInteger(integer, time / unit - (time % unit < 0n ? 1n : 0n))
            },
          ),
        ),
        { numRuns: 100 },
      )
    }
  })
})

describe('decimals', () => {
  const unscaled = (value: string): bigint => BigInt(value.replace('.', ''))

  test('to integers, where they have no fraction', () => {
    for (const to of Object.keys(ranges) as 'int8'[]) {
      check(
        (c) => c.cast(to),
        'e',
        (value: string) => (unscaled(value) % 1000n === 0n ? asInteger(to, unscaled(value) / 1000n) : fail()),
      )
    }
  })

  test('to floats and text', () => {
    check(
      (c) => c.cast('float64'),
      'e',
      (value: string) => Number(value),
    )
    check(
      (c) => c.cast('float32'),
      'e',
      (value: string) => asFloat('float32', Number(value)),
    )
    check(
      (c) => c.cast('utf8'),
      'e',
      (value: string) => value,
    )
  })

  test('to decimals, where no digit is lost', () => {
    check(
      (c) => c.cast('decimal(9,2)'),
      'e',
      (value: string) => {
        if (
          unscaled(value) % 10n !== 0n ||
          unscaled(value) / 10n > 999_999_999n ||
          unscaled(value) / 10n < -999_999_999n
        ) {
          return fail()
        }
        return value.slice(0, -1)
      },
    )
    check(
      (c) => c.cast('decimal(38,10)'),
      'small',
      (value: string) => `${value}00000000`,
    )
  })

  test('from integers and text', () => {
    const fits = (value: bigint): string => (value > 9_999_999n || value < -9_999_999n ? fail() : `${value}.00`)
    for (const from of Object.keys(ranges)) {
      check(
        (c) => c.cast('decimal(9,2)'),
        from,
        (value: number) => fits(BigInt(value)),
      )
    }
    check(
      (c) => c.cast('decimal(20,3)').cast('float64'),
      'text',
      (value: string) => {
        const digits = /\s/.test(value) ? null : parseDecimal(value)
        if (digits === null || Math.abs(Number(value)) >= 1e17 || !Number.isInteger(Number(value) * 1000)) return fail()
        return Number(value) + 0
      },
    )
  })

  test('from floats, rounded', () => {
    const own = parseSchema({ f: 'float64' })
    const given = [0.1 + 0.2, 1.005, -0.125, 2.5e-9, 1e300, Number.NaN]
    const batch = batchFromRows(
      given.map((f) => ({ f })),
      own,
    )
    const wanted = ['0.30', '1.01', '-0.13', '0.00']
    expectColumn(col('f').cast('decimal(9,2)'), own, batch, (r) => wanted[given.indexOf(r.f as number)] ?? fail())
  })
})

describe('times', () => {
  const nanos: Readonly<Record<string, bigint>> = {
    d: 86_400_000_000_000n,
    s: 1_000_000_000n,
    ms: 1_000_000n,
    us: 1_000n,
    ns: 1n,
  }
  const names: Readonly<Record<string, TypeName>> = {
    d: 'date',
    s: 'timestamp[s]',
    ms: 'timestamp[ms]',
    us: 'timestamp[us]',
    ns: 'timestamp[ns]',
  }
  const floor = (value: bigint, by: bigint): bigint => value / by - (value % by < 0n ? 1n : 0n)
  /** The columns' own integers: what rows have for them may be a Date, which does not hold all of them. */
  const own = (name: string) => parseSchema({ [name]: name === 'd' ? 'int32' : 'int64' })

  test.each(Object.keys(nanos))('%s to every other, and to integers', (from) => {
    const values = fc.array(
      nullable<bigint | number>(from === 'd' ? fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }) : times),
    )
    fc.assert(
      fc.property(values, (list) => {
        const batch = batchFromRows(
          list.map((value) => ({ [from]: value })),
          own(from),
        )
        for (const to of Object.keys(nanos)) {
          const integer = to === 'd' ? 'int32' : 'int64'
          const expr = col(from).cast(names[from]!).cast(names[to]!).cast(integer)
          expectColumn(expr as Expr, own(from), batch, (r) => {
            if (r[from] === null) return null
            const made = floor(BigInt(r[from] as bigint) * nanos[from]!, nanos[to]!)
            return asInteger(integer, made)
          })
        }
      }),
      runs,
    )
  })

  test.each(Object.keys(nanos))('%s to text, as ISO 8601, and back', (from) => {
    const digits = { d: 0, s: 0, ms: 3, us: 6, ns: 9 }[from]!
    const limit = 8_640_000_000_000_000n
    const values = fc.array(
      nullable<bigint | number>(from === 'd' ? fc.integer({ min: -(10 ** 8), max: 10 ** 8 }) : times),
    )
    fc.assert(
      fc.property(values, (list) => {
        const seen = list.filter((value) => {
          const ms = value === null ? 0n : floor(BigInt(value) * nanos[from]!, 1_000_000n)
          return ms >= -limit && ms <= limit
        })
        const batch = batchFromRows(
          seen.map((value) => ({ [from]: value })),
          own(from),
        )
        expectColumn(col(from).cast(names[from]!).cast('utf8') as Expr, own(from), batch, (r) => {
          if (r[from] === null) return null
          const ns = BigInt(r[from] as bigint) * nanos[from]!
          const iso = new Date(Number(floor(ns, 1_000_000n))).toISOString()
          if (from === 'd') return iso.slice(0, iso.indexOf('T'))
          const fraction = String(ns - floor(ns, 1_000_000_000n) * 1_000_000_000n)
            .padStart(9, '0')
            .slice(0, digits)
          return `${iso.slice(0, iso.indexOf('.'))}${digits > 0 ? '.' : ''}${fraction}Z`
        })
      }),
      runs,
    )
  })
})

describe('tryCast', () => {
  const targets = [...numbers, 'utf8', 'binary', 'date', 'timestamp[s]', 'timestamp[ms]', 'timestamp[us]'] as TypeName[]
  const all = [...targets, 'timestamp[ns]', 'decimal(9,2)', 'decimal(20,3)', 'decimal(38,0)'] as TypeName[]

  test.each(Object.keys(columns))('of %s, to whatever it can become, is cast with null for an error', (from) => {
    const column = (op: 'cast' | 'tryCast', to: TypeName): Expr => (col(from) as Expr)[op](to) as Expr
    const possible = all.filter((to) => {
      try {
        exprType(column('cast', to), fields)
        return true
      } catch {
        return false
      }
    })
    expect(possible).toContain('utf8')
    fc.assert(
      fc.property(given, fc.constantFrom(...possible), (batch, to) => {
        const failed = new Set<number>()
        const cast = compileColumn(column('cast', to), fields)(batch, ({ row }) => failed.add(row))
        const tried = compileColumn(column('tryCast', to), fields)(batch)
        expect(tried.field.type).toEqual(cast.field.type)
        const read = [cast, tried].map(({ field, data }) => valueReader(field.type, data))
        const rows = batchToRows({ ...batch, selection: null })
        for (const row of batch.selection ?? rows.keys()) {
          expect(read[1]!(row)).toEqual(read[0]!(row))
          // Null of nothing but nulls and errors.
          expect(read[1]!(row) === null).toBe(rows[row]![from] === null || failed.has(row))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('is null where cast is an error', () => {
    fc.assert(
      fc.property(given, (batch) =>
        expectColumn(col('float64').tryCast('int16'), fields, batch, ({ float64 }) => {
          const value = float64 as number | null
          return value !== null && Number.isInteger(value) && Math.abs(value + 0.5) < 32768 ? value + 0 : null
        }),
      ),
      runs,
    )
  })
})

test('an error says the value and the type', () => {
  const own = parseSchema({ t: 'utf8', i: 'int64', f: 'float64' })
  const batch = batchFromRows([{ t: '12 kg', i: 300n, f: 2.5 }], own)
  const run = (expr: Expr): unknown => compileColumn(expr, own)(batch)
  expect(() => run(col('t').cast('int32'))).toThrow(`cast(t, 'int32'): row 0 of the batch: "12 kg" is no int32.`)
  expect(() => run(col('i').cast('int8'))).toThrow(/300 does not fit int8/)
  expect(() => run(col('f').cast('int64'))).toThrow(/2.5 has a fraction/)
  expect(() => run(col('t').cast('date'))).toThrow(/"12 kg" is no ISO 8601 date or time/)
})

test('what can not be cast is said before the run', () => {
  const own = parseSchema({ l: ['utf8'], at: 'date' })
  expect(() => exprType(col('l').cast('utf8'), own)).toThrow(/a \['utf8'\] can not become a utf8/)
  expect(() => exprType(col('at').cast('bool'), own)).toThrow(/a date can not become a bool/)
  expect(() => col('at').cast('string' as 'utf8')).toThrow(/cast\(\): there is no type "string". Did you mean "utf8"/)
  expect(() => col('at').tryCast(5 as never)).toThrow(/tryCast\(\) takes the name of a type/)
  expect(exprType(lit(null).cast('int8'), own)).toEqual({ kind: 'int8' })
})
