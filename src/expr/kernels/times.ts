/** Functions of times: parts, truncate, add, difference, epoch. Local times are those of a zone; dates have none. */
import { floorDivide } from '../../batch.ts'
import { type ColumnType, type TimeUnit, typeText } from '../../schema.ts'
import { literalTime } from '../literals.ts'
import { type CalendarUnit, clockNanos, parameter } from '../times.ts'
import { type Argument, bothValid, type Evaluate, type Kernel, nulls, type Run, type Vector } from '../vector.ts'
import { inType } from './adapt.ts'
import { civil, dayOfWeek, daysInMonth, daysOf, weekOf } from './calendar.ts'
import {
  compose,
  fromInstants,
  type Instants,
  NANOS_A_DAY,
  putTime,
  toDurations,
  toInstants,
  Valid,
} from './instants.ts'
import { toDoubles, words } from './numbers.ts'
import { localOffset, type Zone, zoneOf } from './zones.ts'

const utc = zoneOf('UTC')
const INT64: ColumnType = { kind: 'int64' }

/** The zone of a call; a date is the same day everywhere. */
export const zoneArgument = (argument: Argument | undefined, type: ColumnType): Zone =>
  argument === undefined || type.kind === 'date' ? utc : zoneOf(parameter(argument))

/** Local times, and how far each is ahead of UTC. */
interface Local extends Instants {
  /** Seconds; null: all as the zone says. */
  readonly offsets: Float64Array | null
}

/** Moves instants, in place, to what a clock of the zone shows. Days far past all calendars have the last offset. */
export function toLocal(instants: Instants, zone: Zone, length: number): Local {
  if (zone.fixed === 0) return { ...instants, offsets: null }
  const { days, nanos } = instants
  const offsets = zone.fixed === null ? new Float64Array(length) : null
  for (let i = 0; i < length; i++) {
    const offset = zone.fixed ?? zone.offsetAt(days[i]! * 86_400 + Math.floor(nanos[i]! / 1e9))
    if (offsets !== null) offsets[i] = offset
    move(instants, i, offset)
  }
  return { ...instants, offsets }
}

/** By less than a day. */
function move({ days, nanos }: Instants, i: number, seconds: number): void {
  const moved = nanos[i]! + seconds * 1e9
  const by = moved < 0 ? -1 : moved >= NANOS_A_DAY ? 1 : 0
  days[i]! += by
  nanos[i] = moved - by * NANOS_A_DAY
}

/** The other way round, in place. */
export function fromLocal(local: Local, zone: Zone, length: number): Instants {
  if (zone.fixed === 0) return local
  const { days, nanos, offsets } = local
  for (let i = 0; i < length; i++) {
    const second = days[i]! * 86_400 + Math.floor(nanos[i]! / 1e9)
    move(local, i, -(zone.fixed ?? localOffset(zone, second, offsets?.[i])))
  }
  return local
}

/** A time argument as instants; text in a literal is ISO 8601. */
function instantsOf(argument: Argument): (run: Run) => { vector: Vector; instants: Instants } {
  if (argument.literal !== undefined) {
    const time = literalTime(argument.literal.value) ?? 0n
    const day = floorDivide(time, BigInt(NANOS_A_DAY))
    const [days, nanos] = [Number(day), Number(time - day * BigInt(NANOS_A_DAY))]
    return ({ batch: { numRows } }) => ({
      vector: { length: numRows, values: new Uint8Array(0), offsets: null, validity: null },
      instants: { days: new Float64Array(numRows).fill(days), nanos: new Float64Array(numRows).fill(nanos) },
    })
  }
  const { type, evaluate } = argument
  return (run) => {
    const vector = evaluate(run)
    return { vector, instants: toInstants(type, vector) }
  }
}

const nothing =
  (type: ColumnType): Evaluate =>
  ({ batch }) =>
    nulls(type, batch.numRows)

// ---------------------------------------------------------------- parts

export type Part = (days: number, nanos: number) => number

const INT32_MAX = 2 ** 31 - 1

/** int32; a year past that is null (a timestamp[s] can be so far away). */
export function partKernel(part: Part): Kernel {
  return ([time, zoneName], type) => {
    if (time!.type === null) return nothing(type)
    const source = instantsOf(time!)
    const zone = zoneArgument(zoneName, time!.type)
    return (run) => {
      const { vector, instants } = source(run)
      const { length } = vector
      const { days, nanos } = toLocal(instants, zone, length)
      const values = new Int32Array(length)
      const valid = new Valid(vector)
      for (let i = 0; i < length; i++) {
        const value = part(days[i]!, nanos[i]!)
        if (Math.abs(value) > INT32_MAX) valid.drop(i)
        else values[i] = value
      }
      return { length, values, offsets: null, validity: valid.bits }
    }
  }
}

export const parts = {
  year: (days) => civil(days).year,
  month: (days) => civil(days).month,
  day: (days) => civil(days).day,
  hour: (_, nanos) => Math.floor(nanos / 3600e9),
  minute: (_, nanos) => Math.floor(nanos / 60e9) % 60,
  second: (_, nanos) => Math.floor(nanos / 1e9) % 60,
  millisecond: (_, nanos) => Math.floor((nanos % 1e9) / 1e6),
  microsecond: (_, nanos) => Math.floor((nanos % 1e9) / 1e3),
  nanosecond: (_, nanos) => nanos % 1e9,
  dayOfWeek: (days) => dayOfWeek(days),
  dayOfYear: (days) => days - daysOf(civil(days).year, 1, 1) + 1,
  week: (days) => weekOf(days),
} satisfies Record<string, Part>

/** The time as an integer of a unit: int64. */
export const epochKernel: Kernel = ([time, unit], type) => {
  if (time!.type === null) return nothing(type)
  const source = instantsOf(time!)
  const wanted: ColumnType = { kind: 'timestamp', unit: parameter(unit!) as TimeUnit }
  return (run) => {
    const { vector, instants } = source(run)
    return put(wanted, instants, vector, run, `the time does not fit int64 in ${wanted.unit}`)
  }
}

/** Instants as a column; a valid row past the type is that row's error. */
function put(type: ColumnType, instants: Instants, vector: Vector, run: Run, message: string): Vector {
  const valid = new Valid(vector)
  const values = fromInstants(type, instants, vector.length, (row) => {
    if (!valid.has(row)) return
    valid.drop(row)
    run.errors.push({ row, message })
  })
  return { length: vector.length, values, offsets: null, validity: valid.bits }
}

// ---------------------------------------------------------------- truncate and add

export const truncateKernel: Kernel = ([time, unit, zoneName], type) => {
  if (time!.type === null) return nothing(type)
  const source = instantsOf(time!)
  const zone = zoneArgument(zoneName, time!.type)
  const wanted = parameter(unit!) as CalendarUnit
  const clock = clockNanos(wanted)
  return (run) => {
    const { vector, instants } = source(run)
    const { length } = vector
    const local = toLocal(instants, zone, length)
    const { days, nanos } = local
    for (let i = 0; i < length; i++) {
      if (clock > 0) nanos[i]! -= nanos[i]! % clock
      else {
        nanos[i] = 0
        days[i] = firstDay(days[i]!, wanted)
      }
    }
    return put(type, fromLocal(local, zone, length), vector, run, `its ${wanted} begins before ${typeText(type)} does`)
  }
}

/** Of the day, week (Monday), month, quarter or year. */
function firstDay(days: number, unit: CalendarUnit): number {
  if (unit === 'day') return days
  if (unit === 'week') return days - dayOfWeek(days) + 1
  const { year, month } = civil(days)
  return daysOf(year, unit === 'year' ? 1 : unit === 'quarter' ? month - ((month - 1) % 3) : month, 1)
}

const monthsOf = (unit: CalendarUnit): number => ({ year: 12, quarter: 3, month: 1 })[unit as 'year'] ?? 0

export const addTimeKernel: Kernel = ([time, amount, unit, zoneName], type) => {
  if (time!.type === null || amount!.type === null) return nothing(type)
  const source = instantsOf(time!)
  const amounts = inType(amount!, INT64)
  const wanted = parameter(unit!) as CalendarUnit
  const clock = clockNanos(wanted)
  // Hours are counted on the line of time, days and months on the calendar of the zone.
  const zone = clock > 0 ? utc : zoneArgument(zoneName, time!.type)
  const [months, week] = [monthsOf(wanted), wanted === 'week' ? 7 : 1]
  return (run) => {
    const { vector, instants } = source(run)
    const { length } = vector
    const given = amounts(run)
    const local = toLocal(instants, zone, length)
    if (clock > 0) addDurations(local, toDurations(given, clock), length)
    else {
      // Of more than 2^53 days or months, which a double may round, no result fits.
      const by = toDoubles(given).values
      const { days } = local
      for (let i = 0; i < length; i++) {
        days[i] = months > 0 ? addMonths(days[i]!, by[i]! * months) : days[i]! + by[i]! * week
      }
    }
    const both = { ...vector, validity: bothValid(vector.validity, given.validity, length) }
    return put(type, fromLocal(local, zone, length), both, run, `the result does not fit ${typeText(type)}`)
  }
}

function addDurations({ days, nanos }: Instants, by: Instants, length: number): void {
  for (let i = 0; i < length; i++) {
    const total = nanos[i]! + by.nanos[i]!
    const carry = total >= NANOS_A_DAY ? 1 : 0
    days[i]! += by.days[i]! + carry
    nanos[i] = total - carry * NANOS_A_DAY
  }
}

/** The same day of another month, or that month's last. */
function addMonths(days: number, months: number): number {
  const { year, month, day } = civil(days)
  const total = year * 12 + month - 1 + months
  const [y, m] = [Math.floor(total / 12), total - Math.floor(total / 12) * 12 + 1]
  return daysOf(y, m, Math.min(day, daysInMonth(y, m)))
}

// ---------------------------------------------------------------- difference

/** How many whole units from `other` to `time`, towards zero. */
export const differenceKernel: Kernel = ([time, other, unit, zoneName], type) => {
  if (time!.type === null || other!.type === null) return nothing(type)
  const [left, right] = [instantsOf(time!), instantsOf(other!)]
  const wanted = parameter(unit!) as CalendarUnit
  const clock = clockNanos(wanted)
  const dates = time!.type.kind === 'date' && other!.type.kind === 'date'
  const zone = clock > 0 || dates || zoneName === undefined ? utc : zoneOf(parameter(zoneName))
  const [months, week] = [monthsOf(wanted), wanted === 'week' ? 7 : 1]
  return (run) => {
    const [a, b] = [left(run), right(run)]
    const { length } = a.vector
    const valid = new Valid({ length, validity: bothValid(a.vector.validity, b.vector.validity, length) })
    const [x, y] = [inZone(a.instants, time!, zone, length), inZone(b.instants, other!, zone, length)]
    const values = new BigInt64Array(length)
    const pairs = words(values, length)
    for (let i = 0; i < length; i++) {
      if (!valid.has(i)) continue
      const fits =
        clock > 0
          ? putClock(pairs, i, x.days[i]! - y.days[i]!, x.nanos[i]! - y.nanos[i]!, clock)
          : putWhole(pairs, i, months > 0 ? monthsBetween(x, y, i) : daysBetween(x, y, i), months > 0 ? months : week)
      if (fits) continue
      valid.drop(i)
      run.errors.push({ row: i, message: `the difference in ${wanted}s does not fit int64` })
    }
    return { length, values, offsets: null, validity: valid.bits }
  }
}

const inZone = (instants: Instants, { type }: Argument, zone: Zone, length: number): Instants =>
  type?.kind === 'date' ? instants : toLocal(instants, zone, length)

function daysBetween(x: Instants, y: Instants, i: number): number {
  const days = x.days[i]! - y.days[i]!
  return days - begun(days, x.nanos[i]! - y.nanos[i]!)
}

function monthsBetween(x: Instants, y: Instants, i: number): number {
  const from = civil(y.days[i]!)
  const [fromMonth, fromDay] = [from.year * 12 + from.month, from.day]
  const to = civil(x.days[i]!)
  const months = to.year * 12 + to.month - fromMonth
  const days = to.day - fromDay
  return months - begun(months, days !== 0 ? days : x.nanos[i]! - y.nanos[i]!)
}

/** The last unit that has begun, but is not whole: 1 or -1, away from zero; 0 where there is none. */
const begun = (units: number, rest: number): number => (units > 0 && rest < 0 ? 1 : units < 0 && rest > 0 ? -1 : 0)

/** Below 2^53 units. */
function putWhole(pairs: Int32Array, i: number, units: number, by: number): boolean {
  return compose(pairs, i, Math.trunc(units / by), 1, 0)
}

/** By units of a clock: the size of the difference as a time of the unit, then its sign. */
function putClock(pairs: Int32Array, i: number, days: number, nanos: number, clock: number): boolean {
  const negative = days < 0 || (days === 0 && nanos < 0)
  let [d, n] = negative ? [-days, -nanos] : [days, nanos]
  if (n < 0) [d, n] = [d - 1, n + NANOS_A_DAY]
  const fits =
    clock === 1 ? putTime(pairs, i, 'ns', d, n) : compose(pairs, i, d, NANOS_A_DAY / clock, Math.floor(n / clock))
  return fits && signed(pairs, i, negative)
}

/** The two's complement, in place. */
function signed(pairs: Int32Array, i: number, negative: boolean): boolean {
  if (!negative) return true
  const low = -pairs[2 * i]! | 0
  pairs[2 * i + 1] = ~pairs[2 * i + 1]! + (low === 0 ? 1 : 0)
  pairs[2 * i] = low
  return true
}
