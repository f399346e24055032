/** Functions of times against an interpreter of one row: BigInt nanoseconds, Date for the calendar, Intl for zones. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchFromRows, batchToRows, parseTime } from '../../src/batch.ts'
import { exprType } from '../../src/expr/columns.ts'
import { col, type Expr, lit } from '../../src/expr/expr.ts'
import { compileColumn } from '../../src/expr/kernel.ts'
import type { CalendarUnit } from '../../src/expr/times.ts'
import { parseSchema } from '../../src/schema.ts'
import { expectColumn, nullable } from '../support/kernel-cases.ts'
import {
  asColumn,
  check,
  DAY,
  dateOf,
  fail,
  fields,
  floor,
  given,
  insideRows,
  integers,
  intlOffset,
  localOf,
  NS,
  names,
  nanosOf,
  options,
  runs,
  SPAN,
  time,
  zoneFor,
  zones,
} from '../support/time-cases.ts'

/** The earliest instant that a clock of the zone shows so; where it shows none, moved on by what it leaves out. */
function instantOf(zone: string, local: bigint, own?: bigint): bigint {
  const at = (offset: bigint): bigint => local - offset * NS.s!
  const shows = (offset: bigint): boolean => localOf(zone, at(offset)) === local
  if (own !== undefined && shows(own)) return at(own)
  const second = floor(local, NS.s!)
  const before = intlOffset(zone, second - 93_600n)
  const after = intlOffset(zone, second + 93_600n)
  return shows(before) ? at(before) : shows(after) ? at(after) : at(before)
}

function isoWeek(date: Date): number {
  const thursday = new Date(date)
  thursday.setUTCDate(date.getUTCDate() + 4 - (date.getUTCDay() || 7))
  const first = new Date(thursday)
  first.setUTCMonth(0, 1)
  return Math.floor((thursday.getTime() - first.getTime()) / 86_400_000 / 7) + 1
}

function dayOfYear(date: Date): number {
  const first = new Date(date)
  first.setUTCMonth(0, 1)
  return Math.round((date.getTime() - first.getTime()) / 86_400_000 - 0.5) + 1
}

const dayStart = (date: Date): Date => new Date(Math.floor(date.getTime() / 86_400_000) * 86_400_000)
const fraction = (ns: bigint): bigint => ns - floor(ns, NS.s!) * NS.s!

const parts: Readonly<Record<string, (ns: bigint) => number>> = {
  year: (ns) => dateOf(ns).getUTCFullYear(),
  month: (ns) => dateOf(ns).getUTCMonth() + 1,
  day: (ns) => dateOf(ns).getUTCDate(),
  hour: (ns) => dateOf(ns).getUTCHours(),
  minute: (ns) => dateOf(ns).getUTCMinutes(),
  second: (ns) => dateOf(ns).getUTCSeconds(),
  millisecond: (ns) => Number(fraction(ns) / 1_000_000n),
  microsecond: (ns) => Number(fraction(ns) / 1_000n),
  nanosecond: (ns) => Number(fraction(ns)),
  dayOfWeek: (ns) => dateOf(ns).getUTCDay() || 7,
  dayOfYear: (ns) => dayOfYear(dayStart(dateOf(ns))),
  week: (ns) => isoWeek(dayStart(dateOf(ns))),
}

describe.each(names)('parts of %s', (name) => {
  test.each(Object.keys(parts))('%s', (part) => {
    for (const zone of part === 'year' || part === 'hour' ? zones : zones.slice(0, 3)) {
      const expr = (time(name).dt as unknown as Record<string, (o: object) => Expr>)[part]!(options(zone))
      fc.assert(
        fc.property(given, (batch) =>
          expectColumn(expr, fields, { ...batch, selection: insideRows(batch, name) }, (r) =>
            r[name] === null ? null : parts[part]!(localOf(zoneFor(name, zone), nanosOf(name, r[name]))),
          ),
        ),
        { numRuns: 12 },
      )
    }
  })
})

describe.each(names)('truncate and add of %s', (name) => {
  const starts: Partial<Record<CalendarUnit, (date: Date) => void>> = {
    day: () => {},
    week: (date) => date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() || 7) - 1)),
    month: (date) => date.setUTCDate(1),
    quarter: (date) => date.setUTCMonth(date.getUTCMonth() - (date.getUTCMonth() % 3), 1),
    year: (date) => date.setUTCMonth(0, 1),
  }
  const clock: Partial<Record<CalendarUnit, bigint>> = {
    hour: 3600n * NS.s!,
    minute: 60n * NS.s!,
    second: NS.s!,
    millisecond: NS.ms!,
    microsecond: NS.us!,
    nanosecond: 1n,
  }

  test.each([...Object.keys(starts), ...Object.keys(clock)] as CalendarUnit[])('to the %s', (unit) => {
    for (const zone of zones) {
      const expr = integers(name, time(name).dt.truncate(unit, options(zone)) as Expr)
      fc.assert(
        fc.property(given, (batch) =>
          expectColumn(expr, fields, { ...batch, selection: insideRows(batch, name) }, (r) => {
            if (r[name] === null) return null
            const ns = nanosOf(name, r[name])
            const own = zoneFor(name, zone)
            const local = localOf(own, ns)
            const by = clock[unit] ?? DAY
            let start = floor(local, by) * by
            if (starts[unit] !== undefined) {
              const date = dateOf(start)
              starts[unit](date)
              start = BigInt(date.getTime()) * NS.ms!
            }
            return asColumn(name, instantOf(own, start, intlOffset(own, floor(ns, NS.s!))))
          }),
        ),
        { numRuns: 10 },
      )
    }
  })

  test('by units of a clock', () => {
    if (name === 'd') return
    for (const [unit, ns] of Object.entries(clock)) {
      for (const amount of ['n', 'k']) {
        check(integers(name, time(name).dt.add(col(amount) as never, unit as 'hour') as Expr), (r) =>
          r[name] === null || r[amount] === null
            ? null
            : asColumn(name, nanosOf(name, r[name]) + BigInt(r[amount] as bigint) * ns),
        )
      }
    }
  })

  test.each(['day', 'week', 'month', 'quarter', 'year'] as const)('by %ss', (unit) => {
    for (const zone of zones) {
      const expr = integers(name, time(name).dt.add(col('k'), unit, options(zone)) as Expr)
      fc.assert(
        fc.property(given, (batch) => {
          const rows = batchToRows({ ...batch, selection: null })
          const near = [...rows.keys()].filter((i) => {
            const value = rows[i]![name]
            // 32,767 years on a Date must not leave it.
            return (
              value === null ||
              (nanosOf(name, value) < SPAN * 500_000_000n && nanosOf(name, value) > -SPAN * 500_000_000n)
            )
          })
          expectColumn(expr, fields, { ...batch, selection: Uint32Array.from(near) }, (r) => {
            if (r[name] === null || r.k === null) return null
            const ns = nanosOf(name, r[name])
            const own = zoneFor(name, zone)
            const local = localOf(own, ns)
            const ofDay = local - floor(local, DAY) * DAY
            const date = dateOf(local - ofDay)
            const k = r.k as number
            if (unit === 'day' || unit === 'week') date.setUTCDate(date.getUTCDate() + k * (unit === 'week' ? 7 : 1))
            else {
              const day = date.getUTCDate()
              date.setUTCDate(1)
              date.setUTCMonth(date.getUTCMonth() + k * { month: 1, quarter: 3, year: 12 }[unit])
              const last = new Date(date)
              last.setUTCMonth(last.getUTCMonth() + 1, 0)
              date.setUTCDate(Math.min(day, last.getUTCDate()))
            }
            const moved = BigInt(date.getTime()) * NS.ms! + ofDay
            return asColumn(name, instantOf(own, moved, intlOffset(own, floor(ns, NS.s!))))
          })
        }),
        { numRuns: 12 },
      )
    }
  })
})

test('epoch is the integer of a unit', () => {
  for (const name of names) {
    for (const unit of ['s', 'ms', 'us', 'ns'] as const) {
      check(time(name).dt.epoch(unit) as Expr, (r) => {
        if (r[name] === null) return null
        const value = floor(nanosOf(name, r[name]), NS[unit]!)
        return BigInt.asIntN(64, value) === value ? value : fail()
      })
    }
  }
})

describe('zones', () => {
  const own = parseSchema({ t: 'utf8' })
  const instants = (text: string, zone: string): string => {
    const batch = batchFromRows([{ t: text }], own)
    const made = compileColumn(col('t').str.toTimestamp(null, { zone }), own)(batch)
    return (Object.values(batchToRows({ ...batch, columns: [made] })[0]!)[0] as Date).toISOString()
  }

  test('a time that a clock shows twice is the earlier one', () => {
    expect(instants('2024-10-27T02:30:00', 'Europe/Berlin')).toBe('2024-10-27T00:30:00.000Z')
    expect(instants('2024-10-27T03:00:00', 'Europe/Berlin')).toBe('2024-10-27T02:00:00.000Z')
  })

  test('a time that a clock leaves out moves on by what was left out', () => {
    expect(instants('2024-03-31T02:30:00', 'Europe/Berlin')).toBe('2024-03-31T01:30:00.000Z')
    // Samoa had no 30 December 2011.
    expect(instants('2011-12-30T12:00:00', 'Pacific/Apia')).toBe('2011-12-30T22:00:00.000Z')
  })

  test('an offset in the text counts more than the zone', () => {
    expect(instants('2024-03-31T02:30:00+05:00', 'Europe/Berlin')).toBe('2024-03-30T21:30:00.000Z')
  })

  test('a zone that is none is said when the expression is written', () => {
    expect(() => col('t').dt.year({ zone: 'Europe/Bärlin' })).toThrow(
      /There is no time zone "Europe\/Bärlin": a zone is 'UTC'/,
    )
    expect(() => col('t').dt.year({ zone: '+25:00' })).toThrow(/no time zone/)
  })
})

describe('format and toTimestamp', () => {
  const pattern = "yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSXXX"
  const text = (zone: string, ns: bigint): string => {
    const offset = intlOffset(zone, floor(ns, NS.s!))
    const local = ns + offset * NS.s!
    const iso = dateOf(local).toISOString()
    const minutes = (offset < 0n ? -offset : offset) / 60n
    const two = (value: bigint): string => String(value).padStart(2, '0')
    const ahead = offset === 0n ? 'Z' : `${offset < 0n ? '-' : '+'}${two(minutes / 60n)}:${two(minutes % 60n)}`
    return `${iso.slice(0, iso.indexOf('.'))}.${String(fraction(local)).padStart(9, '0')}${ahead}`
  }

  test.each(names)('of %s', (name) => {
    for (const zone of zones) {
      const expr = time(name).dt.format(pattern, options(zone)) as Expr
      fc.assert(
        fc.property(given, (batch) =>
          expectColumn(expr, fields, { ...batch, selection: insideRows(batch, name) }, (r) =>
            r[name] === null ? null : text(zoneFor(name, zone), nanosOf(name, r[name])),
          ),
        ),
        { numRuns: 15 },
      )
    }
  })

  test('what is written is read again', () => {
    const years = fc.array(nullable(fc.bigInt({ min: -60_000_000_000_000_000n, max: 200_000_000_000_000_000n })))
    const own = parseSchema({ us: 'int64' })
    for (const zone of ['UTC', 'Europe/Berlin', '-03:30']) {
      const written = col('us').cast('timestamp[us]').dt.format("dd.MM.yyyy 'at' HH:mm:ss.SSSSSS XXX", { zone })
      const read = written.str.toTimestamp("dd.MM.yyyy 'at' HH:mm:ss.SSSSSS XXX", { unit: 'us' }).cast('int64')
      fc.assert(
        fc.property(years, (list) =>
          expectColumn(
            read as Expr,
            own,
            batchFromRows(
              list.map((us) => ({ us })),
              own,
            ),
            (r) => {
              if (r.us === null) return null
              // Zones of before 1900 have seconds, which XXX does not write.
              const seconds = intlOffset(zone, floor(r.us as bigint, 1_000_000n)) % 60n
              return (r.us as bigint) + seconds * 1_000_000n
            },
          ),
        ),
        runs,
      )
    }
  })

  test('ISO 8601 is what rows are read with', () => {
    const own = parseSchema({ t: 'utf8' })
    const two = (max: number) => fc.integer({ min: 0, max }).map((value) => String(value).padStart(2, '0'))
    const texts = fc.oneof(
      fc
        .tuple(
          fc.integer({ min: 1678, max: 2261 }),
          two(13),
          two(32),
          fc.constantFrom('T', ' ', 't'),
          two(24),
          two(60),
          two(60),
        )
        .chain(([y, m, d, t, h, min, s]) =>
          fc
            .constantFrom(
              '',
              `${t}${h}:${min}`,
              `${t}${h}:${min}Z`,
              `${t}${h}:${min}:${s}`,
              `${t}${h}:${min}:${s}.5z`,
              `${t}${h}:${min}:${s},123456789123+02:00`,
              `${t}${h}:${min}:${s}-0330`,
              `${t}${h}:${min}:${s}+24:00`,
              `${t}${h}:${min}:${s}.`,
            )
            .map((rest) => `${y}-${m}-${d}${rest}`),
        ),
      fc.string({ maxLength: 12 }),
      fc.constantFrom(
        ' 2024-02-29 ',
        '2023-02-29',
        '2024-2-29',
        '24-02-29',
        '2024-02-29T',
        '2024-02-29Z',
        '2024-02-29T10',
        '',
      ),
    )
    fc.assert(
      fc.property(fc.array(nullable(texts)), (list) => {
        const batch = batchFromRows(
          list.map((t) => ({ t })),
          own,
        )
        expectColumn(col('t').str.toTimestamp(null, { unit: 'ns' }) as Expr, own, batch, (r) =>
          r.t === null ? null : (parseTime(r.t as string) ?? fail()),
        )
        expectColumn(col('t').str.tryToTimestamp(null, { unit: 'ns' }) as Expr, own, batch, (r) =>
          r.t === null ? null : parseTime(r.t as string),
        )
      }),
      { numRuns: 300 },
    )
  })

  test('a text that is not as the pattern has it is an error of its row', () => {
    const own = parseSchema({ t: 'utf8' })
    const run = (t: string): unknown =>
      compileColumn(col('t').str.toTimestamp('dd.MM.yyyy'), own)(batchFromRows([{ t }], own))
    for (const t of ['2024-02-29', '30.02.2024', '1.2.2024', '01.02.2024 ', '01.13.2024', '']) {
      expect(() => run(t)).toThrow(/is not as dd\.MM\.yyyy/)
    }
    expect(() => run('01.02.2024')).not.toThrow()
  })

  test('what means nothing in a pattern is said when the expression is written', () => {
    expect(() => col('t').dt.format('YYYY-MM-dd')).toThrow(
      /format\(\): YYYY means nothing in a pattern. It takes yyyy, MM/,
    )
    expect(() => col('t').dt.format('yyyy-MM-ddTHH')).toThrow(/T means nothing/)
    expect(() => col('t').dt.format("yyyy'T")).toThrow(/a quote of the pattern .* does not end/)
    expect(() => col('t').str.toTimestamp('HH:mm')).toThrow(/has no year/)
    expect(() => col('t').dt.truncate('weeks' as 'week')).toThrow(/Did you mean "week"/)
  })

  test('a quote is written twice', () => {
    const own = parseSchema({ at: 'date' })
    const batch = batchFromRows([{ at: new Date('2024-02-29') }], own)
    expectColumn(col('at').dt.format("yyyy'''s' ''MM''") as Expr, own, batch, () => "2024's '02'")
  })
})

describe('at the ends of a type', () => {
  test('seconds of int64 have a calendar, and a year past int32 is null', () => {
    const own = parseSchema({ s: 'int64' })
    const batch = batchFromRows([{ s: 2n ** 63n - 1n }, { s: -(2n ** 63n) }, { s: 0n }], own)
    const at = col('s').cast('timestamp[s]')
    expectColumn(at.dt.year({ zone: 'Europe/Berlin' }) as Expr, own, batch, (r) => (r.s === 0n ? 1970 : null))
    // 2^63 - 1 seconds: the 4th of December 292277026596, 15:30:07.
    expectColumn(at.dt.second() as Expr, own, batch, (r) => (r.s === 0n ? 0 : (r.s as bigint) > 0n ? 7 : 52))
    expectColumn(at.dt.format('yyyy-MM-dd HH:mm:ss') as Expr, own, batch, (r) =>
      r.s === 0n
        ? '1970-01-01 00:00:00'
        : (r.s as bigint) > 0n
          ? '+292277026596-12-04 15:30:07'
          : '-292277022657-01-27 08:29:52',
    )
    expectColumn(at.dt.add(0, 'hour').cast('int64') as Expr, own, batch, (r) => r.s)
    expectColumn(at.dt.add(0, 'day').cast('int64') as Expr, own, batch, (r) => r.s)
    expectColumn(at.dt.difference(at as never, 'minute') as Expr, own, batch, () => 0n)
    const far = at.dt.difference(col('s').sub(col('s')).cast('timestamp[s]') as never, 'minute') as Expr
    expectColumn(far, own, batch, (r) => (r.s as bigint) / 60n)
  })

  test('nanoseconds before the least are errors of their rows', () => {
    const own = parseSchema({ n: 'int64' })
    const batch = batchFromRows([{ n: -(2n ** 63n) }, { n: 5n }], own)
    expectColumn(col('n').cast('timestamp[ns]').dt.truncate('year').cast('int64') as Expr, own, batch, (r) =>
      r.n === 5n ? 0n : fail(),
    )
  })
})

test('what fits no time is said before the run', () => {
  const own = parseSchema({ d: 'date', u: 'uint64', t: 'utf8', f: 'float64' })
  expect(() => exprType(col('t').dt.year(), own)).toThrow(/it takes a date or timestamp, and utf8 is none/)
  expect(() => exprType(col('d').dt.add(1, 'hour'), own)).toThrow(/a date has no hours; cast it to a timestamp first/)
  expect(() => exprType(col('d').dt.add(col('u') as never, 'day'), own)).toThrow(/cast the uint64 first/)
  expect(() => exprType(col('d').dt.add(col('f') as never, 'day'), own)).toThrow(/the amount is an integer/)
  expect(() => exprType(col('d').dt.difference('soon', 'day'), own)).toThrow(/it takes a date or timestamp/)
  expect(() => exprType(col('f').str.toTimestamp(), own)).toThrow(/it takes utf8, and float64 is none/)
  expect(exprType(lit(null).dt.truncate('day'), own)).toEqual({ kind: 'timestamp', unit: 'ms' })
})
