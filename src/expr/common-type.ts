/** The one type of several values: what `coalesce` and the branches of `when` give. */
import { type Digits, nanoseconds, rescale } from '../batch.ts'
import { type ColumnType, sameType, typeText } from '../schema.ts'
import { literalDecimal, literalTime } from './literals.ts'
import type { Literal } from './nodes.ts'
import { familyOf, type Misfit, misfit, name, type Typed } from './rules.ts'

const int64: ColumnType = Object.freeze({ kind: 'int64' })
const float64: ColumnType = Object.freeze({ kind: 'float64' })
const utf8: ColumnType = Object.freeze({ kind: 'utf8' })

/**
 * Columns first: of one type that type, integers of several int64, integers and floats float64. Literals then stand
 * for a value of it, as they do when they are compared. Nothing but nulls: utf8.
 */
export function commonType(args: readonly Typed[]): ColumnType | Misfit {
  const given = args.filter(({ type }) => type !== null)
  const literals = given.filter(({ literal }) => literal !== undefined)
  const columns = given.filter(({ literal }) => literal === undefined)
  let common: ColumnType | null = null
  for (const one of columns.length > 0 ? columns : literals) {
    const joined: ColumnType | null = common === null ? one.type : pair(common, one.type!)
    if (joined === null) {
      const problem = `${typeText(common!)} and ${typeText(one.type!)} have no type in common`
      // Nothing is cast to a list or a struct.
      const isNested = [common!, one.type!].some((type) => familyOf(type) === 'nested')
      return misfit(isNested ? problem : `${problem}; cast one of them`)
    }
    common = joined
  }
  if (common === null) return utf8
  // A float among the literals makes integers floats, and takes part with float64 alone.
  const numbers = ['int', 'float'].includes(familyOf(common))
  if (numbers && literals.some(({ type }) => familyOf(type!) === 'float')) common = float64
  if (common.kind === 'float32' && literals.length > 0) common = float64
  for (const literal of literals) {
    if (literalIn(common, literal.literal!.value) === undefined) {
      return misfit(`${name(literal)} is no ${typeText(common)}`)
    }
  }
  return common
}

function pair(a: ColumnType, b: ColumnType): ColumnType | null {
  if (sameType(a, b)) return a
  const [one, other] = [familyOf(a), familyOf(b)]
  if (one === 'int' && other === 'int') return a.kind === 'uint64' || b.kind === 'uint64' ? null : int64
  return [one, other].every((family) => family === 'int' || family === 'float') ? float64 : null
}

/** The least and the greatest value of an integer type. */
export function rangeOf(kind: ColumnType['kind']): readonly [bigint, bigint] {
  const bits = BigInt(/\d+/.exec(kind)![0])
  return kind.startsWith('u') ? [0n, (1n << bits) - 1n] : [-(1n << (bits - 1n)), (1n << (bits - 1n)) - 1n]
}

/** The value that a literal stands for in a type: times in its unit, decimals in its scale; undefined: none. */
export function literalIn(type: ColumnType, value: Literal): Exclude<Literal, null | Date> | undefined {
  if (value === null) return undefined
  switch (familyOf(type)) {
    case 'int': {
      const whole = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value))
      if (!whole) return undefined
      const [least, greatest] = rangeOf(type.kind)
      return BigInt(value) >= least && BigInt(value) <= greatest ? BigInt(value) : undefined
    }
    case 'float':
      return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined
    case 'time': {
      const time = literalTime(value)
      const unit = nanoseconds(type)
      if (time === null || time % unit !== 0n) return undefined
      const count = time / unit
      const [least, greatest] = rangeOf(type.kind === 'date' ? 'int32' : 'int64')
      return count >= least && count <= greatest ? count : undefined
    }
    case 'decimal':
      return type.kind === 'decimal' ? (decimalIn(type, literalDecimal(value)) ?? undefined) : undefined
    case 'bool':
      return typeof value === 'boolean' ? value : undefined
    case 'text':
      return typeof value === 'string' ? value : undefined
    case 'bytes':
      return value instanceof Uint8Array ? value : undefined
    default:
      return undefined
  }
}

/** A number as the integer that a decimal column holds; null where it is none, has more digits, or does not fit. */
export function decimalIn(type: ColumnType & { kind: 'decimal' }, digits: Digits | null): bigint | null {
  const unscaled = digits && rescale(digits, type.scale)
  if (unscaled === null) return null
  const limit = 10n ** BigInt(type.precision)
  return unscaled < limit && unscaled > -limit ? unscaled : null
}
