/** Values as text: numbers as JSON has them, times as ISO 8601, as the JSON codec writes both. */
import type { ColumnType, TimeUnit } from '../../schema.ts'
import { bitAt, type Vector } from '../vector.ts'
import { madeText } from './bytes.ts'
import { dateText, timeText } from './calendar.ts'
import { decimalText } from './cast-decimal.ts'
import type { Convert } from './conversion.ts'
import { toInstants } from './instants.ts'
import { toDoubles } from './numbers.ts'

/** About the bytes of a value. */
const TYPICAL = 12

export function toText(from: ColumnType): Convert {
  const make = textOf(from)
  return (vector) => madeText(vector, vector.length * TYPICAL, make(vector))
}

function textOf(from: ColumnType): (vector: Vector) => (row: number) => string {
  switch (from.kind) {
    case 'bool':
      return ({ values }) =>
        (row) =>
          bitAt(values as Uint8Array, row) === 1 ? 'true' : 'false'
    case 'decimal':
      return ({ values }) =>
        (row) =>
          decimalText(values as Uint32Array, row, from.scale)
    case 'float32':
      return ({ values }) =>
        (row) =>
          singleText(values[row] as number)
    case 'date':
      return ({ values }) =>
        (row) =>
          dateText(values[row] as number)
    case 'timestamp':
      return timestampText(from.unit)
    case 'int64':
    case 'uint64':
      return (vector) => {
        const { values, exact } = toDoubles(vector)
        return (row) => String(exact ? values[row] : vector.values[row])
      }
    default:
      return ({ values }) =>
        (row) =>
          String(values[row])
  }
}

/** The shortest digits that read back as the same float32: 0.1, where the double next to it has seventeen. */
function singleText(value: number): string {
  if (!Number.isFinite(value)) return String(value)
  for (let precision = 6; precision < 9; precision++) {
    const short = Number(value.toPrecision(precision))
    if (Math.fround(short) === value) return String(short)
  }
  return String(Number(value.toPrecision(9)))
}

const fractions: Readonly<Record<TimeUnit, number>> = { s: 0, ms: 3, us: 6, ns: 9 }

function timestampText(unit: TimeUnit): (vector: Vector) => (row: number) => string {
  return (vector) => {
    const { days, nanos } = toInstants({ kind: 'timestamp', unit }, vector)
    return (row) => `${dateText(days[row]!)}T${timeText(nanos[row]!, fractions[unit])}Z`
  }
}
