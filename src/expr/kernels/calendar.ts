/** The proleptic Gregorian calendar, on days since 1970-01-01 (Howard Hinnant's days_from_civil and civil_from_days). */

/** What `civil` found last: one object for all, since one a row would be garbage a row. */
export const found = { year: 0, month: 0, day: 0 }

/** Year (0 is 1 BC), month and day of the month, from 1, into `found`. */
export function civil(days: number): typeof found {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + (yearOfEra >> 2) - Math.floor(yearOfEra / 100))
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153)
  found.day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1
  found.month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
  found.year = yearOfEra + era * 400 + (found.month <= 2 ? 1 : 0)
  return found
}

/** Days since 1970-01-01 of a date. */
export function daysOf(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + (yearOfEra >> 2) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

const isLeap = (year: number): boolean => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)

export function daysInMonth(year: number, month: number): number {
  return month === 2 ? (isLeap(year) ? 29 : 28) : month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Monday 1 to Sunday 7, as ISO 8601 has them. */
export const dayOfWeek = (days: number): number => days + 4 - Math.floor((days + 3) / 7) * 7

/** ISO 8601: week 1 is the one with the year's first Thursday. */
export function weekOf(days: number): number {
  const thursday = days - dayOfWeek(days) + 4
  const { year } = civil(thursday)
  return Math.floor((thursday - daysOf(year, 1, 1)) / 7) + 1
}

const digits = (value: number, width: number): string => String(value).padStart(width, '0')

/** As ISO 8601 and Date have it: 2024-02-29; six digits and a sign for years before 0 and past 9999. */
export function dateText(days: number): string {
  const { year, month, day } = civil(days)
  const text = year >= 0 && year <= 9999 ? digits(year, 4) : `${year < 0 ? '-' : '+'}${digits(Math.abs(year), 6)}`
  return `${text}-${digits(month, 2)}-${digits(day, 2)}`
}

/** 12:30:00.250, with so many digits of the second's fraction. */
export function timeText(nanos: number, fraction: number): string {
  const second = Math.floor(nanos / 1e9)
  const text = `${digits(Math.floor(second / 3600), 2)}:${digits(Math.floor(second / 60) % 60, 2)}:${digits(second % 60, 2)}`
  return fraction === 0 ? text : `${text}.${digits(nanos - second * 1e9, 9).slice(0, fraction)}`
}
