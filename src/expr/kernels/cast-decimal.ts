/** Decimals and what they become, row by row on BigInt: exact, and slower than other casts. */
import { type Digits, parseDecimal, valuesArray } from '../../batch.ts'
import { type ColumnType, typeText } from '../../schema.ts'
import { decimalIn, rangeOf } from '../common-type.ts'
import type { Vector } from '../vector.ts'
import { strings } from './bytes.ts'
import { type Convert, fromDoubles, shown } from './conversion.ts'
import { decimalAt, reader } from './numbers.ts'

type Decimal = ColumnType & { kind: 'decimal' }

/** With `scale` digits behind the point: 12.50. */
export function decimalText(values: Uint32Array, row: number, scale: number): string {
  const unscaled = decimalAt(values, row)
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  const point = digits.length - scale
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, point)}${scale > 0 ? `.${digits.slice(point)}` : ''}`
}

/** To integers and floats. A fraction is lost to no integer: such a row fails. */
export function castDecimal(from: Decimal, type: ColumnType): Convert {
  const by = 10n ** BigInt(from.scale)
  if (type.kind === 'float64' || type.kind === 'float32') {
    return ({ values, length }, valid, fail) => {
      const doubles = new Float64Array(length)
      for (let i = 0; i < length; i++) doubles[i] = Number(decimalText(values as Uint32Array, i, from.scale))
      return { values: fromDoubles(type, doubles, valid, fail), offsets: null }
    }
  }
  const [least, greatest] = rangeOf(type.kind)
  const { of } = valuesArray(type)!
  return ({ values, length }, valid, fail) => {
    const out = new of(length)
    const wide = out instanceof BigInt64Array || out instanceof BigUint64Array
    for (let i = 0; i < length; i++) {
      if (!valid.has(i)) continue
      const unscaled = decimalAt(values as Uint32Array, i)
      const value = unscaled / by
      const text = (): string => decimalText(values as Uint32Array, i, from.scale)
      if (value * by !== unscaled) fail(i, `${text()} has a fraction`)
      else if (value < least || value > greatest) fail(i, `${text()} does not fit ${type.kind}`)
      else out[i] = wide ? value : Number(value)
    }
    return { values: out, offsets: null }
  }
}

/** From integers, decimals and text, of which no digit may be lost; from floats, which are rounded to the scale. */
export function toDecimal(from: ColumnType, type: Decimal): Convert {
  return (vector, valid, fail) => {
    const { length } = vector
    const values = new Uint32Array(length * 4)
    const read = digitsOf(from, type, vector)
    const text = from.kind === 'utf8' ? strings(vector) : null
    for (let i = 0; i < length; i++) {
      if (!valid.has(i)) continue
      const unscaled = decimalIn(type, read(i))
      if (unscaled !== null) {
        for (let k = 0; k < 4; k++) values[i * 4 + k] = Number((unscaled >> BigInt(32 * k)) & 0xffffffffn)
      } else {
        const given =
          from.kind === 'decimal' ? decimalText(vector.values as Uint32Array, i, from.scale) : vector.values[i]
        fail(i, text === null ? `${given} does not fit ${typeText(type)}` : `${shown(text(i))} is no ${typeText(type)}`)
      }
    }
    return { values, offsets: null }
  }
}

function digitsOf(from: ColumnType, type: Decimal, vector: Vector): (row: number) => Digits | null {
  switch (from.kind) {
    case 'utf8': {
      const text = strings(vector)
      return (row) => (/^\S+$/.test(text(row)) ? parseDecimal(text(row)) : null)
    }
    case 'float32':
    case 'float64':
      return (row) => rounded(parseDecimal(String(vector.values[row])), type.scale)
    default: {
      const read = reader(from, vector)
      const scale = from.kind === 'decimal' ? from.scale : 0
      return (row) => ({ unscaled: BigInt(read(row)), scale })
    }
  }
}

/** To the nearest of the scale, halves away from zero. */
function rounded(digits: Digits | null, scale: number): Digits | null {
  if (digits === null || digits.scale <= scale) return digits
  const by = 10n ** BigInt(digits.scale - scale)
  const half = (by / 2n) * (digits.unscaled < 0n ? -1n : 1n)
  return { unscaled: (digits.unscaled + half) / by, scale }
}
