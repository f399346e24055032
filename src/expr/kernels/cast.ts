/** cast, tryCast: a column as another type. A value that the type does not have is that row's error, or null. */
import { isUtf8 } from 'node:buffer'
import { type ColumnType, sameType, typeText } from '../../schema.ts'
import { rangeOf } from '../common-type.ts'
import { familyOf } from '../rules.ts'
import { bitAt, evaluated, type Kernel, nulls, type Run, type Vector } from '../vector.ts'
import { newBits } from './bits.ts'
import { isAsciiText, strings } from './bytes.ts'
import { castDecimal, toDecimal } from './cast-decimal.ts'
import { toText } from './cast-text.ts'
import { type Convert, exactly, type Fail, fromDoubles, shown } from './conversion.ts'
import { fromInstants, toInstants, Valid } from './instants.ts'
import { iso, readIso } from './iso.ts'
import { toDoubles } from './numbers.ts'

export function castKernel(otherwise: 'error' | 'null'): Kernel {
  return ([arg], type) => {
    const from = arg!.type
    if (from === null) return ({ batch }) => nulls(type, batch.numRows)
    const source = evaluated(arg!, from)
    if (sameType(from, type)) return source
    const convert = converter(from, type)
    return (run) => converted(convert, source(run), otherwise === 'error' ? run : null)
  }
}

/** `run`: null where rows that fail are null, and no error. */
export function converted(convert: Convert, vector: Vector, run: Run | null): Vector {
  const valid = new Valid(vector)
  const { values, offsets } = convert(vector, valid, (row, message) => {
    if (!valid.has(row)) return
    valid.drop(row)
    run?.errors.push({ row, message })
  })
  return { length: vector.length, values, offsets, validity: valid.bits }
}

function converter(from: ColumnType, type: ColumnType): Convert {
  if (type.kind === 'utf8') return from.kind === 'binary' ? checkedText : toText(from)
  if (type.kind === 'binary') return ({ values, offsets }) => ({ values, offsets })
  if (type.kind === 'decimal') return toDecimal(from, type)
  if (from.kind === 'decimal') return castDecimal(from, type)
  if (familyOf(type) === 'time') return toTime(from, type)
  if (from.kind === 'utf8') return type.kind === 'bool' ? textToBool : textToNumber(type)
  return type.kind === 'bool' ? numberToBool : numberTo(from, type)
}

const checkedText: Convert = (vector, _, fail) => {
  const { values, offsets, length } = vector
  if (!isAsciiText(vector)) {
    // One by one: two rows may share a code point that neither has alone.
    for (let i = 0; i < length; i++) {
      if (!isUtf8((values as Uint8Array).subarray(offsets![i], offsets![i + 1]))) fail(i, 'the bytes are no UTF-8')
    }
  }
  return { values, offsets }
}

// ---------------------------------------------------------------- numbers and bools

const numberToBool: Convert = (vector) => {
  const { values } = toDoubles(vector)
  const out = newBits(vector.length)
  // An integer that a double rounds is not rounded to 0; NaN is not 0.
  for (let i = 0; i < vector.length; i++) out[i >> 3]! |= Number(values[i] !== 0) << (i & 7)
  return { values: out, offsets: null }
}

/** From bool, integers (times as integers of their unit) and floats. */
function numberTo(from: ColumnType, type: ColumnType): Convert {
  return (vector, valid, fail) => {
    if (from.kind === 'bool') return { values: fromDoubles(type, bitDoubles(vector), valid, fail), offsets: null }
    const { values, exact } = toDoubles(vector)
    const misfits: Fail = (row, why) => fail(row, `${vector.values[row]} ${why}`)
    if (!exact && familyOf(type) === 'int') return { values: exactly(type, vector, valid, misfits), offsets: null }
    return { values: fromDoubles(type, values, valid, misfits), offsets: null }
  }
}

function bitDoubles({ values, length }: Vector): Float64Array {
  const doubles = new Float64Array(length)
  for (let i = 0; i < length; i++) doubles[i] = bitAt(values as Uint8Array, i)
  return doubles
}

// ---------------------------------------------------------------- from text

const textToBool: Convert = (vector, valid, fail) => {
  const text = strings(vector)
  const out = newBits(vector.length)
  for (let i = 0; i < vector.length; i++) {
    if (!valid.has(i)) continue
    const value = text(i)
    if (value === 'true') out[i >> 3]! |= 1 << (i & 7)
    else if (value !== 'false') fail(i, `${shown(value)} is no bool; true and false are`)
  }
  return { values: out, offsets: null }
}

const FLOAT = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|Infinity)$/i

/** All of the text is the number: no spaces, no units. */
function textToNumber(type: ColumnType): Convert {
  const isFloat = familyOf(type) === 'float'
  return (vector, valid, fail) => {
    const text = strings(vector)
    const no = (row: number): void => fail(row, `${shown(text(row))} is no ${type.kind}`)
    const doubles = new Float64Array(vector.length)
    let beyond = false
    for (let i = 0; i < vector.length; i++) {
      if (!valid.has(i)) continue
      const value = text(i)
      const digits = isFloat ? FLOAT.test(value) || value === 'NaN' : /^[+-]?\d+$/.test(value)
      if (digits) doubles[i] = Number(value)
      else no(i)
      beyond ||= !Number.isSafeInteger(doubles[i])
    }
    if (isFloat || !beyond) {
      for (let i = 0; isFloat && i < vector.length; i++) {
        if (!Number.isFinite(doubles[i]) && valid.has(i) && /\d/.test(text(i))) no(i)
      }
      return { values: fromDoubles(type, doubles, valid, no), offsets: null }
    }
    const values = new BigInt64Array(vector.length)
    const [least, greatest] = rangeOf(type.kind)
    for (let i = 0; i < vector.length; i++) {
      if (!valid.has(i)) continue
      const value = BigInt(text(i).replace('+', ''))
      if (value < least || value > greatest) no(i)
      else values[i] = value
    }
    if (type.kind === 'int64') return { values, offsets: null }
    // The words of an int64 are those of the uint64 too.
    if (type.kind === 'uint64') return { values: new BigUint64Array(values.buffer), offsets: null }
    return { values: exactly(type, { ...vector, values }, valid, no), offsets: null }
  }
}

// ---------------------------------------------------------------- to times

/** From other times, from integers of the type's unit, from ISO 8601. A coarser unit rounds down. */
function toTime(from: ColumnType, type: ColumnType): Convert {
  if (from.kind === 'utf8') return textToTime(type)
  if (familyOf(from) === 'int') return numberTo(from, { kind: type.kind === 'date' ? 'int32' : 'int64' })
  return (vector, valid, fail) => ({
    values: fromInstants(type, toInstants(from, vector), vector.length, (row) => {
      if (valid.has(row)) fail(row, `the time does not fit ${typeText(type)}`)
    }),
    offsets: null,
  })
}

function textToTime(type: ColumnType): Convert {
  return (vector, valid, fail) => {
    const { values, offsets, length } = vector
    const text = strings(vector)
    const days = new Float64Array(length)
    const nanos = new Float64Array(length)
    for (let i = 0; i < length; i++) {
      if (!valid.has(i)) continue
      if (readIso(values as Uint8Array, offsets![i]!, offsets![i + 1]!)) {
        const time = iso.nanos - (Number.isNaN(iso.offset) ? 0 : iso.offset * 1e9)
        const day = Math.floor(time / 86_400e9)
        days[i] = iso.days + day
        nanos[i] = time - day * 86_400e9
      } else fail(i, `${shown(text(i))} is no ISO 8601 date or time`)
    }
    const made = fromInstants(type, { days, nanos }, length, (row) => {
      if (valid.has(row)) fail(row, `${shown(text(row))} does not fit ${typeText(type)}`)
    })
    return { values: made, offsets: null }
  }
}
