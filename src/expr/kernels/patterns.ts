/** Regular expressions: JavaScript's own engine, on strings. */
import type { ColumnType } from '../../schema.ts'
import type { Argument, Kernel } from '../vector.ts'
import { bitAt, boolVector, evaluated } from '../vector.ts'
import { newBits } from './bits.ts'
import { madeText, strings } from './bytes.ts'

const UTF8: ColumnType = { kind: 'utf8' }

/** One a kernel, without flags that keep a position: nothing goes from row to row. */
const regExpOf = (source: Argument, flags: Argument): RegExp =>
  new RegExp(String(source.literal!.value), String(flags.literal!.value))

export const matchesKernel: Kernel = ([arg, source, flags]) => {
  const text = evaluated(arg!, UTF8)
  const pattern = regExpOf(source!, flags!)
  return (run) => {
    const vector = text(run)
    const { length, validity } = vector
    const row = strings(vector)
    const out = newBits(length)
    for (let i = 0; i < length; i++) {
      if (validity !== null && bitAt(validity, i) === 0) continue
      out[i >> 3]! |= Number(pattern.test(row(i))) << (i & 7)
    }
    return boolVector(length, out, validity)
  }
}

/** Null where nothing matches, and where the group took no part in the match. */
export const extractKernel: Kernel = ([arg, source, flags, group]) => {
  const text = evaluated(arg!, UTF8)
  const pattern = regExpOf(source!, flags!)
  const wanted = group!.literal!.value as number | string
  return (run) => {
    const vector = text(run)
    const row = strings(vector)
    return madeText(vector, vector.length * 8, (i) => {
      const match = pattern.exec(row(i))
      if (match === null) return null
      return (typeof wanted === 'number' ? match[wanted] : match.groups?.[wanted]) ?? null
    })
  }
}
