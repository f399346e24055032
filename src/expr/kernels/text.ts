/** Text and bytes, compared where they lie: no string is made. Byte order of UTF-8 is the order of code points. */
import type { CompareOp } from '../nodes.ts'
import { type Argument, boolVector, bothValid, type Evaluate, literalBytes, type Vector } from '../vector.ts'
import { newBits, truth } from './bits.ts'

export function compareText(op: CompareOp, left: Evaluate, right: Argument): Evaluate {
  if (right.literal !== undefined) {
    const bytes = literalBytes(right.literal.value)
    return (run) => {
      const a = left(run)
      const bits = op === 'eq' || op === 'ne' ? equalBits(a, bytes, op === 'ne') : orderBits(a, bytes, truth[op])
      return boolVector(a.length, bits, a.validity)
    }
  }
  return (run) => {
    const a = left(run)
    const b = right.evaluate(run)
    return boolVector(a.length, pairBits(a, b, truth[op]), bothValid(a.validity, b.validity, a.length))
  }
}

function equalBits({ length, values, offsets }: Vector, literal: Uint8Array, invert: boolean): Uint8Array {
  const bytes = values as Uint8Array
  const out = newBits(length)
  const flip = Number(invert)
  for (let i = 0; i < length; i++) {
    out[i >> 3]! |= (Number(isEqual(bytes, offsets![i]!, offsets![i + 1]!, literal)) ^ flip) << (i & 7)
  }
  return out
}

export function isEqual(bytes: Uint8Array, start: number, end: number, literal: Uint8Array): boolean {
  if (end - start !== literal.length) return false
  for (let i = 0; i < literal.length; i++) if (bytes[start + i] !== literal[i]) return false
  return true
}

function orderBits({ length, values, offsets }: Vector, literal: Uint8Array, holds: number): Uint8Array {
  const bytes = values as Uint8Array
  const out = newBits(length)
  for (let i = 0; i < length; i++) {
    const order = orderOf(bytes, offsets![i]!, offsets![i + 1]!, literal, 0, literal.length)
    out[i >> 3]! |= ((holds >> order) & 1) << (i & 7)
  }
  return out
}

function pairBits(a: Vector, b: Vector, holds: number): Uint8Array {
  const [x, y] = [a.values as Uint8Array, b.values as Uint8Array]
  const out = newBits(a.length)
  for (let i = 0; i < a.length; i++) {
    const order = orderOf(x, a.offsets![i]!, a.offsets![i + 1]!, y, b.offsets![i]!, b.offsets![i + 1]!)
    out[i >> 3]! |= ((holds >> order) & 1) << (i & 7)
  }
  return out
}

/** 0: less, 1: equal, 2: greater. */
function orderOf(a: Uint8Array, start: number, end: number, b: Uint8Array, from: number, to: number): 0 | 1 | 2 {
  const common = Math.min(end - start, to - from)
  for (let i = 0; i < common; i++) {
    const difference = a[start + i]! - b[from + i]!
    if (difference !== 0) return difference < 0 ? 0 : 2
  }
  const difference = end - start - (to - from)
  return difference < 0 ? 0 : difference === 0 ? 1 : 2
}
