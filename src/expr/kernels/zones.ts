/**
 * Time zones: how far local time is ahead of UTC, by Intl's own table. A call of Intl costs microseconds, so what it
 * says is kept: for each stretch of three days the offset, and where it changes in between, found once by bisection.
 */
import { SabotError } from '../../errors.ts'
import { daysOf } from './calendar.ts'

export interface Zone {
  /** UTC and zones that never change. */
  readonly fixed: number | null
  /** Seconds east of UTC, at a second since the epoch. */
  offsetAt(second: number): number
}

const zones = new Map<string, Zone>()

/** 'UTC', '+02:00', or a name of the IANA database, such as 'Europe/Berlin'. Throws SCHEMA for anything else. */
export function zoneOf(name: unknown): Zone {
  const known = zones.get(name as string)
  if (known !== undefined) return known
  const made = typeof name === 'string' ? (fixedZone(name) ?? namedZone(name)) : null
  if (made === null) {
    throw new SabotError(
      'SCHEMA',
      `There is no time zone ${typeof name === 'string' ? JSON.stringify(name.slice(0, 60)) : typeof name}: a zone is ` +
        `'UTC', an offset such as '+02:00', or a name such as 'Europe/Berlin'.`,
    )
  }
  zones.set(name as string, made)
  return made
}

function fixedZone(name: string): Zone | null {
  if (name === 'UTC' || name === 'Z') return { fixed: 0, offsetAt: () => 0 }
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(name)
  if (match === null || Number(match[2]) > 23 || Number(match[3]) > 59) return null
  const offset = (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 3600 + Number(match[3]) * 60)
  return { fixed: offset, offsetAt: () => offset }
}

/** Three days and 51 minutes: no zone changes its clocks twice within one such stretch. */
const STRETCH = 2 ** 18
/** What a Date can hold. Before and after, the offsets of the ends hold. */
const LIMIT = 8.64e12
/** A century of them; more are forgotten, for data of all ages at once. */
const MAX_STRETCHES = 16_384

interface Stretch {
  readonly before: number
  /** The first second of the offset `after`. */
  readonly change: number
  readonly after: number
}

function namedZone(name: string): Zone | null {
  let ask: (second: number) => number
  try {
    ask = offsetsOf(name)
  } catch {
    return null
  }
  const stretches = new Map<number, Stretch>()
  let lastIndex = Number.NaN
  let last: Stretch
  return {
    fixed: null,
    offsetAt(second) {
      const within = Math.min(Math.max(second, -LIMIT), LIMIT)
      const index = Math.floor(within / STRETCH)
      if (index !== lastIndex) {
        lastIndex = index
        const known = stretches.get(index)
        if (known === undefined) {
          if (stretches.size >= MAX_STRETCHES) stretches.clear()
          last = stretchAt(ask, index)
          stretches.set(index, last)
        } else last = known
      }
      return within < last.change ? last.before : last.after
    },
  }
}

function stretchAt(ask: (second: number) => number, index: number): Stretch {
  let low = Math.max(index * STRETCH, -LIMIT)
  let high = Math.min((index + 1) * STRETCH, LIMIT)
  const before = ask(low)
  const after = ask(high)
  if (before === after) return { before, change: high, after }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (ask(middle) === before) low = middle
    else high = middle
  }
  return { before, change: high, after }
}

/** The difference between what a clock of the zone shows and what one of UTC does. */
function offsetsOf(name: string): (second: number) => number {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: name,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    era: 'short',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  return (second) => {
    const shown: Record<string, string> = {}
    for (const { type, value } of format.formatToParts(second * 1000)) shown[type] = value
    const year = shown.era === 'BC' || shown.era === 'B' ? 1 - Number(shown.year) : Number(shown.year)
    const days = daysOf(year, Number(shown.month), Number(shown.day))
    return days * 86_400 + Number(shown.hour) * 3600 + Number(shown.minute) * 60 + Number(shown.second) - second
  }
}

/** More than the greatest change of a clock: Samoa left out a whole day. */
const DAY_AND_MORE = 26 * 3600

/**
 * The offset of a local time, in seconds as if it were UTC: as java.time has it. Where a clock shows the time twice,
 * `preferred` where that is one of the two, else that of the earlier instant; where it leaves the time out, the offset
 * from before, so that the time moves on by what was left out.
 */
export function localOffset(zone: Zone, local: number, preferred = Number.NaN): number {
  if (zone.fixed !== null) return zone.fixed
  if (!Number.isNaN(preferred) && zone.offsetAt(local - preferred) === preferred) return preferred
  const before = zone.offsetAt(local - DAY_AND_MORE)
  if (zone.offsetAt(local - before) === before) return before
  const after = zone.offsetAt(local + DAY_AND_MORE)
  return zone.offsetAt(local - after) === after ? after : before
}
