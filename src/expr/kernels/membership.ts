/** in: equal to one of several literals. */
import { nanoseconds } from '../../batch.ts'
import type { ColumnType } from '../../schema.ts'
import { literalTime } from '../literals.ts'
import type { Literal } from '../nodes.ts'
import { familyOf } from '../rules.ts'
import {
  type Argument,
  boolVector,
  type Evaluate,
  evaluated,
  type Kernel,
  literalBytes,
  nulls,
  type Vector,
} from '../vector.ts'
import { newBits } from './bits.ts'
import { compareKernel } from './compare.ts'
import { kleene } from './logic.ts'
import { reader, toDoubles } from './numbers.ts'
import { isEqual } from './text.ts'

const BOOL: ColumnType = { kind: 'bool' }

/** Up to this many, comparing with each is faster than looking up. */
const FEW_NUMBERS = 8
const FEW_TEXTS = 2

export const inKernel: Kernel = ([sought, ...others]) => {
  if (sought!.type === null) return ({ batch }) => nulls(BOOL, batch.numRows)
  const evaluate = evaluated(sought!, sought!.type)
  const values = others.map(({ literal }) => literal!.value)
  const family = familyOf(sought!.type)
  const given = values.filter((value) => value !== null)
  const hits =
    given.length > FEW_TEXTS && (family === 'text' || family === 'bytes')
      ? textHits(evaluate, given)
      : given.length > FEW_NUMBERS && (family === 'int' || family === 'float' || family === 'time')
        ? numberHits(evaluate, sought!.type, given)
        : chain(
            sought!,
            others.filter(({ type }) => type !== null),
          )
  return given.length === values.length ? hits : missesAreNull(hits)
}

/** a = x or a = y or ...; what is sought is computed once. */
function chain(sought: Argument, values: readonly Argument[]): Evaluate {
  const evaluate = evaluated(sought, sought.type!)
  let vector: Vector | undefined
  const again: Argument = { type: sought.type!, evaluate: () => vector! }
  const tests = values.map((value) => compareKernel('eq')([again, value], BOOL))
  return (run) => {
    vector = evaluate(run)
    const none = boolVector(vector.length, newBits(vector.length), vector.validity)
    const found = tests.map((test) => test(run)).reduce((a, b) => kleene('or', a, b), none)
    vector = undefined
    return found
  }
}

/** SQL: beside a null, a value that is not found may still be equal to it. */
function missesAreNull(evaluate: Evaluate): Evaluate {
  return (run) => {
    const { length, values, validity } = evaluate(run)
    const found = (values as Uint8Array).slice()
    if (validity !== null) for (let i = 0; i < found.length; i++) found[i]! &= validity[i]!
    return boolVector(length, found, found)
  }
}

/** By the bytes, hashed; candidates of one hash are compared. */
function textHits(evaluate: Evaluate, literals: readonly Literal[]): Evaluate {
  const candidates = new Map<number, Uint8Array[]>()
  for (const literal of literals) {
    const bytes = literalBytes(literal)
    const hash = hashOf(bytes, 0, bytes.length)
    candidates.set(hash, [...(candidates.get(hash) ?? []), bytes])
  }
  return (run) => {
    const { length, values, offsets, validity } = evaluate(run)
    const bytes = values as Uint8Array
    const out = newBits(length)
    for (let i = 0; i < length; i++) {
      const [start, end] = [offsets![i]!, offsets![i + 1]!]
      const found = candidates.get(hashOf(bytes, start, end))?.some((one) => isEqual(bytes, start, end, one))
      if (found === true) out[i >> 3]! |= 1 << (i & 7)
    }
    return boolVector(length, out, validity)
  }
}

/** FNV-1a, cut to 31 bits. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193)
  return hash & 0x7fffffff
}

/** Numbers where a double holds them, bigints beyond; times in the column's own unit. */
function numberHits(evaluate: Evaluate, type: ColumnType, literals: readonly Literal[]): Evaluate {
  // NaN is equal to nothing, itself included, but a Set finds it.
  const wanted = new Set(literals.flatMap((literal) => keyOf(type, literal)).filter((key) => !Number.isNaN(key)))
  return (run) => {
    const vector = evaluate(run)
    const { length, validity } = vector
    const out = newBits(length)
    const doubles = toDoubles(vector)
    const at = doubles.exact ? (row: number) => doubles.values[row]! : reader(type, vector)
    for (let i = 0; i < length; i++) if (wanted.has(small(at(i)))) out[i >> 3]! |= 1 << (i & 7)
    return boolVector(length, out, validity)
  }
}

function keyOf(type: ColumnType, literal: Literal): (number | bigint)[] {
  if (familyOf(type) !== 'time') return [small(literal as number | bigint)]
  const time = literalTime(literal)!
  const unit = nanoseconds(type)
  return time % unit === 0n ? [small(time / unit)] : []
}

const MAX_EXACT = 2n ** 53n

/** One key a value: integers up to 2^53 as numbers; past that, integers as bigints. */
function small(value: number | bigint): number | bigint {
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) > 2 ** 53 ? BigInt(value) : value
  return value >= -MAX_EXACT && value <= MAX_EXACT ? Number(value) : value
}
