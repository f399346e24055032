/** Times of every type for kernels of times: columns, zones as Intl has them, and how an interpreter of one row sees both. */
import fc from 'fast-check'
import { batchToRows } from '../../src/batch.ts'
import { col, type Expr } from '../../src/expr/expr.ts'
import { parseSchema } from '../../src/schema.ts'
import { batches, expectColumn, nullable, type Row, RowFailed } from './kernel-cases.ts'

export const NS: Readonly<Record<string, bigint>> = {
  d: 86_400_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  ns: 1n,
}
export const DAY = NS.d!
export const int64 = (min = -(2n ** 63n), max = 2n ** 63n - 1n) => fc.bigInt({ min, max })
/** What a Date can hold, in seconds: the interpreter's calendar. */
export const SPAN = 8_640_000_000_000n

/** Seconds at which the clocks of the zones below go forward or back: by an hour, by half of one, by a day. */
const transitions = [
  ...['2024-03-31T01:00Z', '2024-10-27T01:00Z', '2024-03-10T07:00Z', '2024-11-03T06:00Z', '2011-12-30T10:00Z'],
  ...['2024-04-06T15:00Z', '2024-10-05T15:30Z', '2024-03-10T02:00Z', '2024-04-14T02:00Z'],
].map((text) => BigInt(Date.parse(text) / 1000))
/** Around them, to the minute, or to the last digit of the unit. */
const clockChanges = (unit: bigint): fc.Arbitrary<bigint> =>
  fc
    .tuple(fc.constantFrom(...transitions), fc.integer({ min: -1600, max: 1600 }), fc.constantFrom(0n, -1n, 1n))
    .map(([second, minutes, rest]) => ((second + BigInt(minutes) * 60n) * 1_000_000_000n) / unit + rest)

export const columns: Record<string, [string, fc.Arbitrary<unknown>]> = Object.fromEntries([
  ['d', ['date', fc.oneof(fc.integer({ min: -(10 ** 8), max: 10 ** 8 }), fc.integer({ min: -40_000, max: 40_000 }))]],
  ...['s', 'ms', 'us', 'ns'].map((unit) => {
    const most = (SPAN * 1_000_000_000n) / NS[unit]!
    const limit = most > 2n ** 63n - 1n ? 2n ** 63n - 1n : most
    const near = (3_000_000_000n * 1_000_000_000n) / NS[unit]!
    const edges = [0n, -1n, 1n, (951_782_400n * 1_000_000_000n) / NS[unit]!, limit, -limit]
    return [
      unit,
      [
        `timestamp[${unit}]`,
        fc.oneof(int64(-limit, limit), int64(-near, near), clockChanges(NS[unit]!), fc.constantFrom(...edges)),
      ],
    ]
  }),
  ['n', ['int64', fc.oneof(int64(), int64(-5000n, 5000n))]],
  ['k', ['int16', fc.integer({ min: -32768, max: 32767 })]],
] as [string, [string, fc.Arbitrary<unknown>]][])
export const names = ['d', 's', 'ms', 'us', 'ns'] as const
/** Rows have the columns' integers, so that nothing is lost to a Date; the expressions cast them to times. */
export const fields = parseSchema(
  Object.fromEntries(
    Object.entries(columns).map(([name, [type]]) => [name, name === 'd' ? 'int32' : type === 'int16' ? type : 'int64']),
  ) as never,
)
const row = fc.record(Object.fromEntries(Object.entries(columns).map(([name, [, values]]) => [name, nullable(values)])))
export const given = batches(row as fc.Arbitrary<Row>, fields)
export const runs = { numRuns: 40 }
export const time = (name: string) => col(name).cast(columns[name]![0] as 'timestamp[ns]')

export const floor = (value: bigint, by: bigint): bigint => value / by - (value % by < 0n ? 1n : 0n)
export const nanosOf = (name: string, value: unknown): bigint => BigInt(value as bigint) * NS[name]!
export const dateOf = (ns: bigint): Date => new Date(Number(floor(ns, 1_000_000n)))

/** A time of the column's type: its integer again; a row that does not fit fails. */
export function asColumn(name: string, ns: bigint): bigint | number {
  const value = floor(ns, NS[name]!)
  if (name === 'd') return value >= -(2n ** 31n) && value < 2n ** 31n ? Number(value) : fail()
  return BigInt.asIntN(64, value) === value ? value : fail()
}

export const fail = (): never => {
  throw new RowFailed()
}

export const integers = (name: string, expr: Expr): Expr => expr.cast(name === 'd' ? 'int32' : 'int64') as Expr

export function check(expr: Expr, wanted: (row: Row) => unknown): void {
  fc.assert(
    fc.property(given, (batch) => expectColumn(expr, fields, batch, wanted)),
    runs,
  )
}

// ---------------------------------------------------------------- zones, as Intl has them for one instant

const formats = new Map<string, Intl.DateTimeFormat>()

/** Seconds ahead of UTC. */
export function intlOffset(zone: string, second: bigint): bigint {
  const made = formats.get(zone) ?? new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
  formats.set(zone, made)
  const limited = second > SPAN ? SPAN : second < -SPAN ? -SPAN : second
  const text = made.formatToParts(Number(limited) * 1000).find(({ type }) => type === 'timeZoneName')!.value
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = /^GMT(?:([+-])(\d+):(\d+)(?::(\d+))?)?$/.exec(text)!
  return (sign === '-' ? -1n : 1n) * BigInt(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds))
}

export const localOf = (zone: string, ns: bigint): bigint => ns + intlOffset(zone, floor(ns, NS.s!)) * NS.s!

export const zones = [
  'UTC',
  '+05:45',
  'Europe/Berlin',
  'America/New_York',
  'Pacific/Apia',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
]
export const zoneFor = (name: string, zone: string): string => (name === 'd' || zone === 'UTC' ? '+00:00' : zone)

/** The offset of a fixed zone, which Intl knows too. */
export const options = (zone: string) => ({ zone })

/** The last day of what a Date holds may be past it in a zone, and so may the year's first day. */
export const inside = (ns: bigint): boolean => ns > -(SPAN - 40_000_000n) * NS.s! && ns < (SPAN - 40_000_000n) * NS.s!

export function insideRows(batch: Parameters<typeof batchToRows>[0], name: string): Uint32Array {
  const rows = batchToRows({ ...batch, selection: null })
  return Uint32Array.from(
    [...rows.keys()].filter((i) => rows[i]![name] === null || inside(nanosOf(name, rows[i]![name]))),
  )
}
