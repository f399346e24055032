/** Text within text, found by bytes: in UTF-8 no code point's bytes begin in the middle of another's. */
import type { ColumnType } from '../../schema.ts'
import { ANY_POINT, ANY_TEXT, likeTokens } from '../patterns.ts'
import { type Argument, boolVector, bothValid, type Evaluate, evaluated, type Kernel, literalBytes } from '../vector.ts'
import { newBits } from './bits.ts'
import { continues } from './strings.ts'
import { isEqual } from './text.ts'

const UTF8: ColumnType = { kind: 'utf8' }

/** Whether bytes `from` to `to` of `sought` lie in bytes `start` to `end`. */
type Found = (bytes: Uint8Array, start: number, end: number, sought: Uint8Array, from: number, to: number) => boolean

const within: Found = (bytes, start, end, sought, from, to) => {
  if (from === to) return true
  const first = sought[from]!
  const last = end - (to - from)
  for (let at = start; at <= last; at++) {
    if (bytes[at] === first && same(bytes, at, sought, from, to)) return true
  }
  return false
}

const atStart: Found = (bytes, start, end, sought, from, to) =>
  end - start >= to - from && same(bytes, start, sought, from, to)

const atEnd: Found = (bytes, start, end, sought, from, to) =>
  end - start >= to - from && same(bytes, end - (to - from), sought, from, to)

function same(bytes: Uint8Array, at: number, sought: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++, at++) if (bytes[at] !== sought[i]) return false
  return true
}

const places = { contains: within, startsWith: atStart, endsWith: atEnd }

export function searchKernel(place: keyof typeof places): Kernel {
  const found = places[place]
  return ([text, sought]) => {
    const a = evaluated(text!, UTF8)
    if (sought!.literal !== undefined && sought!.literal.value !== null) {
      return oneSought(a, literalBytes(sought!.literal.value), found)
    }
    return eachSought(a, sought!, found)
  }
}

function oneSought(text: Evaluate, sought: Uint8Array, found: Found): Evaluate {
  return (run) => {
    const { length, values, offsets, validity } = text(run)
    const bytes = values as Uint8Array
    const out = newBits(length)
    const size = sought.length
    for (let i = 0; i < length; i++) {
      out[i >> 3]! |= Number(found(bytes, offsets![i]!, offsets![i + 1]!, sought, 0, size)) << (i & 7)
    }
    return boolVector(length, out, validity)
  }
}

function eachSought(text: Evaluate, other: Argument, found: Found): Evaluate {
  const sought = evaluated(other, UTF8)
  return (run) => {
    const [a, b] = [text(run), sought(run)]
    const { length } = a
    const [x, y] = [a.values as Uint8Array, b.values as Uint8Array]
    const out = newBits(length)
    for (let i = 0; i < length; i++) {
      const holds = found(x, a.offsets![i]!, a.offsets![i + 1]!, y, b.offsets![i]!, b.offsets![i + 1]!)
      out[i >> 3]! |= Number(holds) << (i & 7)
    }
    return boolVector(length, out, bothValid(a.validity, b.validity, length))
  }
}

// ---------------------------------------------------------------- like

export const likeKernel: Kernel = ([text, pattern]) => {
  const a = evaluated(text!, UTF8)
  const matches = likeMatcher(likeTokens(String(pattern!.literal!.value)))
  return (run) => {
    const { length, values, offsets, validity } = a(run)
    const bytes = values as Uint8Array
    const out = newBits(length)
    for (let i = 0; i < length; i++) {
      out[i >> 3]! |= Number(matches(bytes, offsets![i]!, offsets![i + 1]!)) << (i & 7)
    }
    return boolVector(length, out, validity)
  }
}

type Matcher = (bytes: Uint8Array, start: number, end: number) => boolean

/** 'a', 'a%', '%a' and '%a%' are what contains and its kin do. */
function likeMatcher(tokens: readonly number[]): Matcher {
  const opens = tokens[0] === ANY_TEXT
  const closes = tokens.at(-1) === ANY_TEXT
  const middle = tokens.slice(Number(opens), tokens.length - Number(closes && tokens.length > 1))
  if (middle.some((token) => token < 0)) return wildcards(Int32Array.from(tokens))
  const sought = Uint8Array.from(middle)
  if (!opens && !closes) return (bytes, start, end) => isEqual(bytes, start, end, sought)
  const found = opens && closes ? within : opens ? atEnd : atStart
  return (bytes, start, end) => found(bytes, start, end, sought, 0, sought.length)
}

/** From the left; where it goes wrong, the last % takes one code point more. */
function wildcards(tokens: Int32Array): Matcher {
  return (bytes, start, end) => {
    let [at, token] = [start, 0]
    let [taken, behind] = [0, -1]
    while (at < end) {
      const wanted = token < tokens.length ? tokens[token]! : undefined
      if (wanted === ANY_TEXT) {
        behind = ++token
        taken = at
      } else if (wanted === ANY_POINT) {
        at = next(bytes, at, end)
        token++
      } else if (wanted === bytes[at]) {
        at++
        token++
      } else if (behind >= 0) {
        taken = next(bytes, taken, end)
        at = taken
        token = behind
      } else return false
    }
    while (tokens[token] === ANY_TEXT) token++
    return token === tokens.length
  }
}

function next(bytes: Uint8Array, at: number, end: number): number {
  at++
  while (at < end && continues(bytes[at]!)) at++
  return at
}
