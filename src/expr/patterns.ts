/** Patterns of text as literals of a node: regular expressions, and SQL's like. */
import { describe, SabotError } from '../errors.ts'

/** A regular expression as frozen data. Throws SCHEMA for what is none, and for flags that keep a position. */
export function regExpParts(given: unknown, method: string): { readonly source: string; readonly flags: string } {
  if (!(given instanceof RegExp)) {
    throw new SabotError('SCHEMA', `${method}() takes a regular expression, such as /^a+$/, not ${describe(given)}.`)
  }
  const { source, flags } = given
  if (/[gy]/.test(flags)) {
    throw new SabotError(
      'SCHEMA',
      `${method}(): /${source}/${flags} has the flag ${flags.includes('g') ? 'g' : 'y'}, which keeps a position from one ` +
        'row to the next. Leave it out.',
    )
  }
  // Places of matches are not asked for.
  return { source, flags: flags.replace('d', '') }
}

/** A group that the pattern has. Throws SCHEMA, naming those that it has. */
export function regExpGroup({ source, flags }: { source: string; flags: string }, group: unknown): number | string {
  // An alternative that is empty matches everything: the match then lists all groups.
  const all = new RegExp(`${source}|`, flags).exec('')!
  const names = Object.keys(all.groups ?? {})
  const fits =
    typeof group === 'number'
      ? Number.isInteger(group) && group >= 0 && group < all.length
      : names.includes(group as string)
  if (fits) return group as number | string
  throw new SabotError(
    'SCHEMA',
    `extract(): /${source}/${flags} has no group ${describe(group)}. Its groups: 0 (the whole match)` +
      `${all.length > 1 ? ` to ${all.length - 1}` : ''}${names.length > 0 ? `, ${names.join(', ')}` : ''}.`,
  )
}

/** A pattern of like, taken apart: bytes, and these two. */
export const ANY_POINT = -1
export const ANY_TEXT = -2

/** Bytes of UTF-8, ANY_POINT for `_`, ANY_TEXT for `%`. A backslash takes the next character as it is. */
export function likeTokens(pattern: string): readonly number[] {
  const tokens: number[] = []
  const points = [...pattern]
  for (let i = 0; i < points.length; i++) {
    const point = points[i]!
    if (point === '%') {
      if (tokens.at(-1) !== ANY_TEXT) tokens.push(ANY_TEXT)
    } else if (point === '_') tokens.push(ANY_POINT)
    else if (point !== '\\') tokens.push(...Buffer.from(point))
    else {
      const escaped = points[++i]
      if (escaped === undefined) {
        throw new SabotError(
          'SCHEMA',
          `like(): the pattern ${JSON.stringify(pattern)} ends in a backslash, which escapes what comes next. A backslash ` +
            'itself is written as two.',
        )
      }
      tokens.push(...Buffer.from(escaped))
    }
  }
  return tokens
}
