/** The difference of two times against an interpreter of one row. */
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { batchFromRows } from '../../src/batch.ts'
import { col, type Expr } from '../../src/expr/expr.ts'
import { parseSchema } from '../../src/schema.ts'
import { expectColumn } from '../support/kernel-cases.ts'
import {
  check,
  DAY,
  dateOf,
  fail,
  fields,
  floor,
  given,
  insideRows,
  localOf,
  NS,
  nanosOf,
  options,
  runs,
  time,
  zoneFor,
  zones,
} from '../support/time-cases.ts'

/** Whole units from one local time to another: a month is whole where its day and time of day are reached again. */
function wholeUnits(to: bigint, from: bigint, unit: 'day' | 'week' | 'month' | 'quarter' | 'year'): bigint {
  if (unit === 'day' || unit === 'week') return (to - from) / (unit === 'day' ? DAY : 7n * DAY)
  if (to < from) return -wholeMonths(from, to, 'down') / monthsOf[unit]
  return wholeMonths(to, from, 'up') / monthsOf[unit]
}

const monthsOf = { month: 1n, quarter: 3n, year: 12n }

/** The later is reached from the earlier (`up`), or the earlier from the later. */
function wholeMonths(later: bigint, earlier: bigint, way: 'up' | 'down'): bigint {
  const monthOf = (ns: bigint): bigint => {
    const date = dateOf(ns)
    return BigInt(date.getUTCFullYear() * 12 + date.getUTCMonth())
  }
  // The day of the month and what has passed of it.
  const within = (ns: bigint): bigint => BigInt(dateOf(ns).getUTCDate()) * DAY + (ns - floor(ns, DAY) * DAY)
  const [start, end] = way === 'up' ? [within(earlier), within(later)] : [-within(later), -within(earlier)]
  return monthOf(later) - monthOf(earlier) - (end < start ? 1n : 0n)
}

describe('difference', () => {
  test.each(['hour', 'minute', 'second', 'millisecond', 'microsecond', 'nanosecond', 'day', 'week'] as const)(
    'in %ss',
    (unit) => {
      const by = {
        hour: 3600n * NS.s!,
        minute: 60n * NS.s!,
        second: NS.s!,
        millisecond: NS.ms!,
        microsecond: NS.us!,
        nanosecond: 1n,
        day: DAY,
        week: 7n * DAY,
      }[unit]
      for (const [a, b] of [
        ['ms', 'ns'],
        ['d', 'us'],
        ['s', 's'],
        ['us', 'd'],
      ] as const) {
        check(time(a).dt.difference(time(b) as never, unit) as Expr, (r) => {
          if (r[a] === null || r[b] === null) return null
          const whole = (nanosOf(a, r[a]) - nanosOf(b, r[b])) / by
          return whole < 2n ** 63n && whole > -(2n ** 63n) ? whole : fail()
        })
      }
    },
  )

  test('in months is whole where the day of the month is reached', () => {
    const dates = fc.array(
      fc.record({ a: fc.integer({ min: -40_000, max: 40_000 }), b: fc.integer({ min: -40_000, max: 40_000 }) }),
    )
    const own = parseSchema({ a: 'int32', b: 'int32' })
    const expr = col('a')
      .cast('date')
      .dt.difference(col('b').cast('date') as never, 'month')
    fc.assert(
      fc.property(dates, (list) =>
        expectColumn(expr as Expr, own, batchFromRows(list, own), ({ a, b }) => {
          const [from, to] = [b as number, a as number]
          // A month is whole where its day of the month is reached, or passed, going back.
          const monthOf = (days: number): number => {
            const date = new Date(days * 86_400_000)
            return date.getUTCFullYear() * 12 + date.getUTCMonth()
          }
          const day = (days: number): number => new Date(days * 86_400_000).getUTCDate()
          const [whole, rest] = [monthOf(to) - monthOf(from), day(to) - day(from)]
          return BigInt(whole - (whole > 0 && rest < 0 ? 1 : whole < 0 && rest > 0 ? -1 : 0))
        }),
      ),
      runs,
    )
  })

  test.each(['day', 'week', 'month', 'quarter', 'year'] as const)('in %ss of a calendar and its zone', (unit) => {
    for (const zone of zones) {
      for (const [a, b] of [
        ['ms', 'ns'],
        ['s', 'us'],
        ['ms', 'd'],
        ['d', 'd'],
      ] as const) {
        const expr = time(a).dt.difference(time(b) as never, unit, options(zone)) as Expr
        // A date is the same day everywhere.
        const local = (name: string, value: unknown): bigint => localOf(zoneFor(name, zone), nanosOf(name, value))
        fc.assert(
          fc.property(given, (batch) => {
            const inBoth = insideRows(batch, a).filter((row) => insideRows(batch, b).includes(row))
            expectColumn(expr, fields, { ...batch, selection: inBoth }, (r) =>
              r[a] === null || r[b] === null ? null : wholeUnits(local(a, r[a]), local(b, r[b]), unit),
            )
          }),
          { numRuns: 10 },
        )
      }
    }
  })

  test('takes days of the zone, and literals', () => {
    const own = parseSchema({ at: 'timestamp[ms]' })
    // The clocks go on in between: 23 hours, but a day.
    const batch = batchFromRows([{ at: new Date('2024-03-31T10:00:00Z') }], own)
    const days = (zone: string) => col('at').dt.difference('2024-03-30T11:00:00Z', 'day', { zone }) as Expr
    expectColumn(days('UTC'), own, batch, () => 0n)
    expectColumn(days('Europe/Berlin'), own, batch, () => 1n)
    expectColumn(col('at').dt.difference(new Date('2024-01-31T10:00:00Z'), 'month') as Expr, own, batch, () => 2n)
  })
})
