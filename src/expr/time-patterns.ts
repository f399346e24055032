/** Patterns of times: a few letters of java.time's, and text. Read when a plan is built; kernels write and read by them. */
import { SabotError } from '../errors.ts'

export type TimeField = 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second' | 'fraction' | 'offset'

export type TimeToken =
  | { readonly field: TimeField; readonly width: number }
  | { readonly field: 'text'; readonly bytes: Uint8Array }

const letters: Readonly<Record<string, TimeField>> = {
  yyyy: 'year',
  MM: 'month',
  dd: 'day',
  HH: 'hour',
  mm: 'minute',
  ss: 'second',
  XXX: 'offset',
}

const known =
  "yyyy, MM, dd, HH, mm, ss, S to SSSSSSSSS (a second's fraction) and XXX (the offset); other letters stand in quotes, " +
  "such as yyyy-MM-dd'T'HH:mm"

const encoder = new TextEncoder()

/** Throws SCHEMA for a letter that means nothing, and a quote that does not end. */
export function timePattern(pattern: unknown, method: string): readonly TimeToken[] {
  if (typeof pattern !== 'string' || pattern === '') {
    throw new SabotError('SCHEMA', `${method}() takes a pattern of ${known}.`)
  }
  const tokens: TimeToken[] = []
  let text = ''
  const endText = (): void => {
    if (text !== '') tokens.push({ field: 'text', bytes: encoder.encode(text) })
    text = ''
  }
  // A quoted text ('' in it is a quote), a quote alone, letters of one kind, anything else.
  for (const [part] of pattern.matchAll(/'(?:[^']|'')*'|'|([A-Za-z])\1*|[^A-Za-z']+/g)) {
    if (part === "'")
      throw new SabotError('SCHEMA', `${method}(): a quote of the pattern ${JSON.stringify(pattern)} does not end.`)
    if (part.startsWith("'")) {
      text += part === "''" ? "'" : part.slice(1, -1).replaceAll("''", "'")
      continue
    }
    if (!/^[A-Za-z]/.test(part)) {
      text += part
      continue
    }
    const field = Object.hasOwn(letters, part) ? letters[part] : /^S{1,9}$/.test(part) ? 'fraction' : undefined
    if (field === undefined) {
      throw new SabotError('SCHEMA', `${method}(): ${part} means nothing in a pattern. It takes ${known}.`)
    }
    endText()
    tokens.push({ field, width: part.length })
  }
  endText()
  return tokens
}

/** For reading, a pattern needs a year. */
export function checkParsePattern(pattern: unknown, method: string): void {
  if (timePattern(pattern, method).some(({ field }) => field === 'year')) return
  throw new SabotError('SCHEMA', `${method}(): the pattern ${JSON.stringify(pattern)} has no year (yyyy).`)
}
