/**
 * Whether values that lie in lists and structs are the same, as nullIf asks. What is compared is what `=` compares: NaN is
 * no number's equal, -0 is 0's. Nulls in there are each other's equals, as they are to PostgreSQL in a composite value.
 */
import { type Data, type NumericArray, validityOf, valuesArray } from '../../batch.ts'
import type { ColumnType } from '../../schema.ts'
import { bitAt } from '../vector.ts'

/** Of a row of one column, and a row of the other. */
export type Same = (i: number, j: number) => boolean

/** For columns of one type. */
export function sameness(type: ColumnType, a: Data, b: Data): Same {
  const values = valuesSame(type, a, b)
  const [left, right] = [validityOf(a), validityOf(b)]
  if (left === null && right === null) return values
  const isValid = (validity: Uint8Array | null, i: number): boolean => validity === null || bitAt(validity, i) === 1
  return (i, j) => {
    const valid = isValid(left, i)
    return valid === isValid(right, j) && (!valid || values(i, j))
  }
}

function valuesSame(type: ColumnType, a: Data, b: Data): Same {
  switch (type.kind) {
    case 'bool':
      return (i, j) => bitAt(a.values, i) === bitAt(b.values, j)
    case 'float32':
    case 'float64': {
      const [left, right] = [a.values as Float64Array, b.values as Float64Array]
      return (i, j) => left[i] === right[j]
    }
    case 'utf8':
    case 'binary': {
      const [left, right] = [a.values as Uint8Array, b.values as Uint8Array]
      return ranges(a, b, (i, j) => left[i] === right[j])
    }
    case 'list':
      return ranges(a, b, sameness(type.item, a.children[0]!, b.children[0]!))
    case 'struct': {
      const fields = type.fields.map((field, k) => sameness(field.type, a.children[k]!, b.children[k]!))
      return (i, j) => fields.every((same) => same(i, j))
    }
    default: {
      // As bytes: reading an element of 64 bits would allocate it.
      const { of, stride } = valuesArray(type)!
      const each = of.BYTES_PER_ELEMENT * stride
      const [left, right] = [bytesOf(a.values), bytesOf(b.values)]
      return (i, j) => sameRange(i * each, j * each, each, (at, to) => left[at] === right[to])
    }
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: NumericArray): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength)

/** What lies between the offsets of a row, in both. */
function ranges(a: Data, b: Data, same: Same): Same {
  const [left, right] = [a.valueOffsets as Int32Array, b.valueOffsets as Int32Array]
  return (i, j) => {
    const [from, to] = [left[i]!, right[j]!]
    const count = left[i + 1]! - from
    return count === right[j + 1]! - to && sameRange(from, to, count, same)
  }
}

function sameRange(i: number, j: number, count: number, same: Same): boolean {
  for (let k = 0; k < count; k++) if (!same(i + k, j + k)) return false
  return true
}
