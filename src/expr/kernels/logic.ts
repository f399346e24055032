/** and, or, not, isNull, isNotNull: bitmaps against bitmaps. A row is true, false or null (SQL's three values). */
import type { ColumnType } from '../../schema.ts'
import type { LogicOp } from '../nodes.ts'
import { boolVector, evaluated, type Kernel, type Vector } from '../vector.ts'
import { inverted, newBits } from './bits.ts'

const BOOL: ColumnType = { kind: 'bool' }

export function logicKernel(op: LogicOp): Kernel {
  return ([left, right]) => {
    const a = evaluated(left!, BOOL)
    const b = evaluated(right!, BOOL)
    return (run) => kleene(op, a(run), b(run))
  }
}

export function kleene(op: LogicOp, a: Vector, b: Vector): Vector {
  const { length } = a
  const out = newBits(length)
  const [x, y] = [a.values as Uint8Array, b.values as Uint8Array]
  if (a.validity === null && b.validity === null) {
    if (op === 'and') for (let i = 0; i < out.length; i++) out[i] = x[i]! & y[i]!
    else for (let i = 0; i < out.length; i++) out[i] = x[i]! | y[i]!
    return boolVector(length, out, null)
  }
  const validity = newBits(length)
  for (let i = 0; i < out.length; i++) {
    const [validA, validB] = [a.validity?.[i] ?? 255, b.validity?.[i] ?? 255]
    const [trueA, trueB] = [x[i]! & validA, y[i]! & validB]
    const [falseA, falseB] = [~x[i]! & validA, ~y[i]! & validB]
    const isTrue = op === 'and' ? trueA & trueB : trueA | trueB
    const isFalse = op === 'and' ? falseA | falseB : falseA & falseB
    out[i] = isTrue
    validity[i] = isTrue | isFalse
  }
  return boolVector(length, out, validity)
}

export const notKernel: Kernel = ([arg]) => {
  const a = evaluated(arg!, BOOL)
  return (run) => {
    const { length, values, validity } = a(run)
    return boolVector(length, inverted((values as Uint8Array).slice()), validity)
  }
}

export function nullKernel(wanted: 'null' | 'value'): Kernel {
  return ([arg]) => {
    const a = evaluated(arg!, arg!.type ?? BOOL)
    return (run) => {
      const { length, validity } = a(run)
      const valid = validity === null ? newBits(length).fill(255) : validity.slice()
      return boolVector(length, wanted === 'value' ? valid : inverted(valid), null)
    }
  }
}
