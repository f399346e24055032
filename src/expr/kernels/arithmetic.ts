/** add, sub, mul, div, mod, neg: int64 of integers, float64 where one side is a float (div: always). */
import { bitmapBytes, fitsInt64 } from '../../batch.ts'
import type { ColumnType } from '../../schema.ts'
import { literalType } from '../literals.ts'
import type { ArithmeticOp } from '../nodes.ts'
import { type Argument, bitAt, bothValid, evaluated, type Kernel, nulls, type Run, type Vector } from '../vector.ts'
import { reader, toDoubles, toInt64 } from './numbers.ts'

type Loop = (a: Float64Array, b: Float64Array, length: number) => Float64Array

/** One loop an operator: each stays fast for seeing one kind of array only. */
const loops: Readonly<Record<ArithmeticOp, Loop>> = {
  add(a, b, length) {
    const out = new Float64Array(length)
    for (let i = 0; i < length; i++) out[i] = a[i]! + b[i]!
    return out
  },
  sub(a, b, length) {
    const out = new Float64Array(length)
    for (let i = 0; i < length; i++) out[i] = a[i]! - b[i]!
    return out
  },
  mul(a, b, length) {
    const out = new Float64Array(length)
    for (let i = 0; i < length; i++) out[i] = a[i]! * b[i]!
    return out
  },
  div(a, b, length) {
    const out = new Float64Array(length)
    for (let i = 0; i < length; i++) out[i] = a[i]! / b[i]!
    return out
  },
  mod(a, b, length) {
    const out = new Float64Array(length)
    for (let i = 0; i < length; i++) out[i] = a[i]! % b[i]!
    return out
  },
}

const onBigInts: Readonly<Record<ArithmeticOp, (a: bigint, b: bigint) => bigint>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  mod: (a, b) => a % b,
}

const symbols: Readonly<Record<ArithmeticOp, string>> = { add: '+', sub: '-', mul: '*', div: '/', mod: '%' }

export function arithmeticKernel(op: ArithmeticOp): Kernel {
  return ([left, right], type) => {
    if (left!.type === null || right!.type === null) return ({ batch }) => nulls(type, batch.numRows)
    const floats = type.kind === 'float64'
    const [leftType, rightType] = [operandType(left!, floats), operandType(right!, floats)]
    const a = evaluated(left!, leftType)
    const b = evaluated(right!, rightType)
    return (run) => {
      const [x, y] = [a(run), b(run)]
      const { length } = x
      const validity = bothValid(x.validity, y.validity, length)
      const [p, q] = [toDoubles(x), toDoubles(y)]
      if (floats) return { length, values: loops[op](p.values, q.values, length), offsets: null, validity }
      const made = p.exact && q.exact && integers(op, p.values, q.values, length, validity)
      return made || exactly(op, run, [leftType, x], [rightType, y], validity)
    }
  }
}

/** -x is x * -1: so 0 becomes -0 as IEEE has it, and the least int64 is an overflow. */
export const negKernel: Kernel = ([arg], type) => {
  const minusOne: Argument = { type, literal: { value: -1 } }
  return arithmeticKernel('mul')([arg!, minusOne], type)
}

/** A literal is a double where that holds it, so that the loops take it as it is. */
function operandType({ type, literal }: Argument, floats: boolean): ColumnType {
  if (literal === undefined) return type!
  return floats || Number.isSafeInteger(Number(literal.value)) ? { kind: 'float64' } : literalType(literal.value)!
}

/** On doubles; null where a result may not be exact. */
function integers(
  op: ArithmeticOp,
  a: Float64Array,
  b: Float64Array,
  length: number,
  validity: Uint8Array | null,
): Vector | null {
  const zeros = op === 'mod' ? withoutZeros(b, length, validity) : { divisor: b, validity }
  const values = toInt64(loops[op](a, zeros.divisor, length), length)
  return values && { length, values, offsets: null, validity: zeros.validity }
}

/** By zero: null. The divisor becomes 1 there, for the loop to go on. */
function withoutZeros(b: Float64Array, length: number, validity: Uint8Array | null) {
  if (!b.subarray(0, length).includes(0)) return { divisor: b, validity }
  const divisor = b.slice(0, length)
  const valid = validity?.slice() ?? new Uint8Array(bitmapBytes(length)).fill(255)
  for (let i = 0; i < length; i++) {
    if (divisor[i] !== 0) continue
    divisor[i] = 1
    valid[i >> 3]! &= ~(1 << (i & 7))
  }
  return { divisor, validity: valid }
}

/** Row by row on BigInt, where doubles may have been rounded. A result past int64 is that row's error. */
function exactly(
  op: ArithmeticOp,
  run: Run,
  [leftType, x]: readonly [ColumnType, Vector],
  [rightType, y]: readonly [ColumnType, Vector],
  validity: Uint8Array | null,
): Vector {
  const { length } = x
  const [left, right] = [reader(leftType, x), reader(rightType, y)]
  const values = new BigInt64Array(length)
  const valid = validity?.slice() ?? new Uint8Array(bitmapBytes(length)).fill(255)
  for (let i = 0; i < length; i++) {
    if (bitAt(valid, i) === 0) continue
    const [a, b] = [BigInt(left(i)), BigInt(right(i))]
    const byZero = op === 'mod' && b === 0n
    const result = byZero ? 0n : onBigInts[op](a, b)
    if (byZero || !fitsInt64(result)) valid[i >> 3]! &= ~(1 << (i & 7))
    else values[i] = result
    if (!byZero && !fitsInt64(result)) {
      run.errors.push({ row: i, message: `${a} ${symbols[op]} ${b} is ${result}, which does not fit int64` })
    }
  }
  return { length, values, offsets: null, validity: valid }
}
