/** Units and rules of the functions of times, and their parameters: literal nodes behind the operands. */
import { describe, didYouMean, SabotError } from '../errors.ts'
import { type ColumnType, parseType } from '../schema.ts'
import { literalTime } from './literals.ts'
import type { Literal } from './nodes.ts'
import { familyOf, type Misfit, misfit, name, type Rule, type Typed } from './rules.ts'

const units = [
  'year',
  'quarter',
  'month',
  'week',
  'day',
  'hour',
  'minute',
  'second',
  'millisecond',
  'microsecond',
  'nanosecond',
] as const

/** What times are cut to, moved by and measured in. */
export type CalendarUnit = (typeof units)[number]

/** Nanoseconds of the units that have always the same; 0: days and longer, which a zone may stretch. */
export const clockNanos = (unit: CalendarUnit): number =>
  ({ hour: 3600e9, minute: 60e9, second: 1e9, millisecond: 1e6, microsecond: 1e3, nanosecond: 1 })[unit as 'hour'] ?? 0

export function checkUnit(unit: unknown, method: string): void {
  if ((units as readonly unknown[]).includes(unit)) return
  const hint = typeof unit === 'string' ? didYouMean(unit, units) : ''
  throw new SabotError(
    'SCHEMA',
    `${method}() takes a unit, not ${describe(unit)}.${hint} The units: ${units.join(', ')}.`,
  )
}

export const parameter = ({ literal }: { readonly literal?: { readonly value: Literal } | undefined }): Literal =>
  literal?.value ?? null

const isTime = ({ type }: Typed): boolean => type === null || familyOf(type) === 'time'

const noTime = (arg: Typed): Misfit => misfit(`it takes a date or timestamp, and ${name(arg)} is none`)

/** A function of a time, with parameters behind it. */
export function timeRule(gives: 'int32' | 'int64' | 'utf8'): Rule {
  const type: ColumnType = Object.freeze({ kind: gives })
  return ([time]) => (isTime(time!) ? type : noTime(time!))
}

const milliseconds: ColumnType = Object.freeze({ kind: 'timestamp', unit: 'ms' })

/** truncate: the type of the time. */
export const truncateRule: Rule = ([time]) => (isTime(time!) ? (time!.type ?? milliseconds) : noTime(time!))

/** time, amount, unit. */
export const addTimeRule: Rule = ([time, amount, unit]) => {
  if (!isTime(time!)) return noTime(time!)
  if (amount!.type !== null && familyOf(amount!.type) !== 'int') {
    return misfit(`the amount is an integer, and ${name(amount!)} is none`)
  }
  if (amount!.type?.kind === 'uint64') return misfit('the amount is int64 or smaller; cast the uint64 first')
  const clock = unit !== undefined && clockNanos(parameter(unit) as CalendarUnit) > 0
  if (clock && time!.type?.kind === 'date') {
    return misfit(`a date has no ${parameter(unit)}s; cast it to a timestamp first`)
  }
  return time!.type ?? milliseconds
}

/** time, time (or ISO 8601 in a literal), unit. */
export const differenceRule: Rule = ([time, other]) => {
  if (!isTime(time!)) return noTime(time!)
  const literal = other!.literal !== undefined && literalTime(other!.literal.value) !== null
  return isTime(other!) || literal ? { kind: 'int64' } : noTime(other!)
}

/** text, the name of the type, pattern, zone. */
export const parseRule: Rule = ([text, type]) => {
  if (text!.type !== null && familyOf(text!.type) !== 'text') return misfit(`it takes utf8, and ${name(text!)} is none`)
  return parseType(parameter(type!), 'toTimestamp')
}
