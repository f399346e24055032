/** Numbers and times as text and as integers of a unit: what rows and literals are read with. Room: batch.ts. */
import type { ColumnType, TimeUnit } from '../schema.ts'

export const fitsInt64 = (value: bigint): boolean => BigInt.asIntN(64, value) === value

const unitsASecond: Readonly<Record<TimeUnit, bigint>> = { s: 1n, ms: 1_000n, us: 1_000_000n, ns: 1_000_000_000n }
const NS_A_DAY = 86_400_000_000_000n

/** Nanoseconds in one unit of a time type. */
export const nanoseconds = (type: ColumnType): bigint =>
  type.kind === 'timestamp' ? 1_000_000_000n / unitsASecond[type.unit] : NS_A_DAY

/** The quotient rounded down, also below zero. */
export function floorDivide(value: bigint, by: bigint): bigint {
  return value / by - (value % by < 0n ? 1n : 0n)
}

const ISO = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9})\d*)?)?(Z|[+-]\d{2}:?\d{2})?)?$/i

/** ISO 8601 text as nanoseconds since the epoch, UTC where it names no zone; null where it is none. */
export function parseTime(text: string): bigint | null {
  const match = ISO.exec(text.trim())
  if (match === null) return null
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = match
  // Date.UTC reads the years 0 to 99 as 1900 to 1999; setUTCFullYear does not.
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return null
  const shift = zoneSeconds(zone)
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59 || shift === null) return null
  const seconds = date.getTime() / 1000 + Number(hour) * 3600 + Number(minute) * 60 + Number(second) - shift
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'))
}

function zoneSeconds(zone: string): number | null {
  if (zone.toUpperCase() === 'Z') return 0
  const hours = Number(zone.slice(1, 3))
  const minutes = Number(zone.slice(-2))
  if (hours > 23 || minutes > 59) return null
  return (zone.startsWith('-') ? -1 : 1) * (hours * 3600 + minutes * 60)
}

/** A number as its digits and how many of them are behind the point: '1.50' is 150 and 2. */
export interface Digits {
  readonly unscaled: bigint
  readonly scale: number
}

/** Decimal text, exponents included, exactly; null where it is none. */
export function parseDecimal(text: string): Digits | null {
  const match = /^\s*([+-]?)(\d+)(?:\.(\d*))?(?:e([+-]?\d{1,3}))?\s*$/i.exec(text)
  if (match === null) return null
  const [, sign, whole, fraction = '', exponent = '0'] = match
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n)
  const scale = fraction.length - Number(exponent)
  return scale >= 0 ? { unscaled: digits, scale } : { unscaled: digits * 10n ** BigInt(-scale), scale: 0 }
}

/** The same number with another scale; null where digits would be lost. */
export function rescale({ unscaled, scale }: Digits, wanted: number): bigint | null {
  if (wanted >= scale) return unscaled * 10n ** BigInt(wanted - scale)
  const by = 10n ** BigInt(scale - wanted)
  return unscaled % by === 0n ? unscaled / by : null
}
