/** coalesce, nullIf, when: for each row, which of several columns its value comes from. */
import { allNull, bitmapBytes, concatData, type Data, type NumericArray, takeColumn, valuesArray } from '../../batch.ts'
import type { ColumnType } from '../../schema.ts'
import {
  type Argument,
  bitAt,
  boolVector,
  bothValid,
  dataOf,
  type Evaluate,
  evaluated,
  type Kernel,
  type Run,
  type Vector,
  vectorOf,
} from '../vector.ts'
import { inType } from './adapt.ts'
import { newBits } from './bits.ts'
import { compareKernel } from './compare.ts'
import { words } from './numbers.ts'
import { sameness } from './sameness.ts'

const BOOL: ColumnType = { kind: 'bool' }

/** Rows that no source was chosen for: null. Those that failed are null too, and their errors are reported. */
const OPEN = 0xffff
const FAILED = 0xfffe

export const coalesceKernel: Kernel = (args, type) => {
  const sources = args.map((arg) => inType(arg, type))
  return (run) => {
    const { numRows } = run.batch
    const chosen = new Uint16Array(numRows).fill(OPEN)
    const vectors: Vector[] = []
    let open = numRows
    for (const [k, source] of sources.entries()) {
      if (open === 0) break
      const vector = evaluateFor(source, run, chosen, OPEN)
      if (k === 0 && vector.validity === null && !chosen.includes(FAILED)) return vector
      vectors.push(vector)
      open = 0
      for (let i = 0; i < numRows; i++) {
        if (chosen[i] !== OPEN) continue
        if (vector.validity === null || bitAt(vector.validity, i) === 1) chosen[i] = k
        else open++
      }
    }
    return choose(type, vectors, chosen)
  }
}

/** when p then x, when q then y, otherwise z: arguments p, x, q, y, z. */
export const whenKernel: Kernel = (args, type) => {
  const conditions: Evaluate[] = []
  const values: Evaluate[] = []
  for (let i = 0; i + 1 < args.length; i += 2) {
    conditions.push(evaluated(args[i]!, BOOL))
    values.push(inType(args[i + 1]!, type))
  }
  values.push(inType(args.at(-1)!, type))
  return (run) => {
    const { numRows } = run.batch
    const chosen = new Uint16Array(numRows).fill(OPEN)
    for (const [k, condition] of conditions.entries()) {
      const { values: bits, validity } = evaluateFor(condition, run, chosen, OPEN)
      for (let i = 0; i < numRows; i++) {
        const holds = bitAt(bits as Uint8Array, i) & (validity === null ? 1 : bitAt(validity, i))
        if (holds === 1 && chosen[i] === OPEN) chosen[i] = k
      }
    }
    for (let i = 0; i < numRows; i++) if (chosen[i] === OPEN) chosen[i] = conditions.length
    const vectors = values.map((value, k) => (chosen.includes(k) ? evaluateFor(value, run, chosen, k) : undefined))
    return choose(type, vectors, chosen)
  }
}

/** Of the rows that fail, those that wait for this source (`chosen` is `mark`) are errors; others never needed it. */
function evaluateFor(source: Evaluate, run: Run, chosen: Uint16Array, mark: number): Vector {
  const errors: Run['errors'] = []
  const vector = source({ ...run, errors })
  for (const error of errors) {
    if (chosen[error.row] !== mark) continue
    chosen[error.row] = FAILED
    run.errors.push(error)
  }
  return vector
}

export const nullIfKernel: Kernel = ([left, right], type) => {
  if (left!.type === null || right!.type === null) return evaluated(left!, type)
  const source = evaluated(left!, type)
  let vector: Vector | undefined
  const again: Argument = { type, evaluate: () => vector! }
  const equal = isNested(type)
    ? nestedEqual(type, again.evaluate, evaluated(right!, type))
    : compareKernel('eq')([left!.literal === undefined ? again : left!, right!], BOOL)
  return (run) => {
    vector = source(run)
    const { length, validity } = vector
    const { values, validity: known } = equal(run)
    const valid = newBits(length)
    for (let i = 0; i < valid.length; i++) {
      valid[i] = (validity?.[i] ?? 255) & ~((values as Uint8Array)[i]! & (known?.[i] ?? 255))
    }
    const made = { ...vector, validity: valid }
    vector = undefined
    return made
  }
}

const isNested = ({ kind }: ColumnType): boolean => kind === 'list' || kind === 'struct'

function nestedEqual(type: ColumnType, left: Evaluate, right: Evaluate): Evaluate {
  return (run) => {
    const [a, b] = [left(run), right(run)]
    // Nulls of the two themselves are the caller's.
    const same = sameness(type, dataOf(type, { ...a, validity: null }), dataOf(type, { ...b, validity: null }))
    const bits = newBits(a.length)
    for (let i = 0; i < a.length; i++) if (same(i, i)) bits[i >> 3]! |= 1 << (i & 7)
    return boolVector(a.length, bits, bothValid(a.validity, b.validity, a.length))
  }
}

/** Each row from the source that was chosen for it. Sources that no row takes may be missing. */
function choose(type: ColumnType, sources: readonly (Vector | undefined)[], chosen: Uint16Array): Vector {
  if (isNested(type)) return chosenNested(type, sources, chosen)
  const { length } = chosen
  const validity = new Uint8Array(bitmapBytes(length))
  for (const [k, source] of sources.entries()) {
    if (source === undefined) continue
    for (let i = 0; i < length; i++) {
      if (chosen[i] === k && (source.validity === null || bitAt(source.validity, i) === 1)) {
        validity[i >> 3]! |= 1 << (i & 7)
      }
    }
  }
  if (type.kind === 'utf8' || type.kind === 'binary') return chosenBytes(sources, chosen, validity)
  if (type.kind === 'bool') return chosenBits(sources, chosen, validity)
  const { of, stride } = valuesArray(type)!
  const values = new of(length * stride)
  for (const [k, source] of sources.entries()) {
    if (source === undefined) continue
    const wide = values instanceof BigInt64Array || values instanceof BigUint64Array
    // Elements of 64 bits are copied as two words: reading one is an allocation.
    if (wide) copyChosen(words(values, length), words(source.values, length), 2, chosen, k)
    else copyChosen(values, source.values, stride, chosen, k)
  }
  return { length, values, offsets: null, validity }
}

/** The sources one after another, with a null behind them; then the rows of these, copied. */
function chosenNested(type: ColumnType, sources: readonly (Vector | undefined)[], chosen: Uint16Array): Vector {
  const { length } = chosen
  const parts: Data[] = []
  const first = new Map<number, number>()
  for (const [k, source] of sources.entries()) {
    if (source === undefined) continue
    first.set(k, parts.length * length)
    parts.push(dataOf(type, source))
  }
  const none = parts.length * length
  const data = concatData(type, [...parts, allNull(type, 1)])
  const rows = Uint32Array.from(chosen, (k, i) => (first.has(k) ? first.get(k)! + i : none))
  return vectorOf(takeColumn({ field: { name: 'chosen', type }, data }, rows).data)
}

function copyChosen(to: NumericArray, from: NumericArray, stride: number, chosen: Uint16Array, k: number): void {
  for (let i = 0; i < chosen.length; i++) {
    if (chosen[i] !== k) continue
    for (let j = i * stride; j < (i + 1) * stride; j++) to[j] = from[j]!
  }
}

function chosenBits(sources: readonly (Vector | undefined)[], chosen: Uint16Array, validity: Uint8Array): Vector {
  const { length } = chosen
  const values = newBits(length)
  for (const [k, source] of sources.entries()) {
    if (source === undefined) continue
    const bits = source.values as Uint8Array
    for (let i = 0; i < length; i++) if (chosen[i] === k) values[i >> 3]! |= bitAt(bits, i) << (i & 7)
  }
  return { length, values, offsets: null, validity }
}

/** Lengths first, then the bytes of each row behind those of the row before. */
function chosenBytes(sources: readonly (Vector | undefined)[], chosen: Uint16Array, validity: Uint8Array): Vector {
  const { length } = chosen
  const offsets = new Int32Array(length + 1)
  for (let i = 0; i < length; i++) {
    const from = bitAt(validity, i) === 1 ? sources[chosen[i]!]!.offsets! : null
    offsets[i + 1] = offsets[i]! + (from === null ? 0 : from[i + 1]! - from[i]!)
  }
  const values = new Uint8Array(offsets[length]!)
  for (let i = 0; i < length; i++) {
    let at = offsets[i]!
    if (offsets[i + 1] === at) continue
    const source = sources[chosen[i]!]!
    const bytes = source.values as Uint8Array
    for (let j = source.offsets![i]!; j < source.offsets![i + 1]!; j++) values[at++] = bytes[j]!
  }
  return { length, values, offsets, validity }
}
