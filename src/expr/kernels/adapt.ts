/** Arguments in the one type that commonType() found for them: never a row error. */
import { type ColumnType, sameType } from '../../schema.ts'
import { literalIn } from '../common-type.ts'
import { type Argument, type Evaluate, evaluated, type Vector } from '../vector.ts'
import { toDoubles, toInt64 } from './numbers.ts'

export function inType(argument: Argument, type: ColumnType): Evaluate {
  if (argument.literal !== undefined) {
    const value = literalIn(type, argument.literal.value) ?? null
    return evaluated({ type, literal: { value } }, type)
  }
  const { type: own, evaluate } = argument
  if (sameType(own, type)) return evaluate
  return type.kind === 'int64' ? (run) => int64s(evaluate(run)) : (run) => float64s(evaluate(run))
}

const float64s = (vector: Vector): Vector => ({ ...vector, values: toDoubles(vector).values })

/** Of integers of up to 32 bits; null rows, which hold anything, do too. */
const int64s = (vector: Vector): Vector => ({
  ...vector,
  values: toInt64(toDoubles(vector).values, vector.length)!,
})
