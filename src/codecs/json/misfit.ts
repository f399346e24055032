/** What is said of a value that does not fit its column (native/json_misfit.cc). */
import type { ColumnType } from '../../schema.ts'
import { typeText } from '../../schema.ts'
import { textOf, utf8Prefix } from '../utf8.ts'
import { Digits, toDouble } from './numbers.ts'

/** A type in a message: its name, and of lists and structs no more than that. */
export const typeName = (type: ColumnType): string =>
  type.kind === 'list' || type.kind === 'struct' ? type.kind : typeText(type)

/** "column items[].price: expected int64, found 12.5; the schema type "float64" would accept it". `found` is JSON. */
export function misfitMessage(path: string, expected: ColumnType, found: Uint8Array): string {
  return (
    `column ${path}: expected ${typeName(expected)}, found ${shortened(found)}; ` +
    `the schema type "${typeThatHolds(expected, found)}" would accept it`
  )
}

function shortened(found: Uint8Array): string {
  const most = 60
  return found.length <= most ? textOf(found) : `${textOf(found.subarray(0, utf8Prefix(found, 0, most)))}...`
}

const isInteger = (type: ColumnType): boolean => /^u?int/.test(type.kind)

function decimalThatHolds(number: Digits): string {
  const scale = Math.max(0, -number.exponent)
  const precision = Math.max(1, scale, number.count + number.exponent + scale)
  return scale > 38 || precision > 38 ? 'utf8' : `decimal(${precision},${scale})`
}

/** A type that holds this value and, as far as there is one, what the column held until now. */
function typeThatHolds(expected: ColumnType, found: Uint8Array): string {
  const number = new Digits()
  const first = found[0]!
  if (first !== 0x2d && (first < 0x30 || first > 0x39)) {
    // Of a decimal that is written as a string, the digits are wanted.
    const isNumber = first === 0x22 && found.length > 2 && number.read(found, 1, found.length - 1)
    return expected.kind === 'decimal' && isNumber ? decimalThatHolds(number) : 'utf8'
  }
  number.read(found, 0, found.length)
  const whole = number.integer()
  if (expected.kind === 'decimal') return decimalThatHolds(number)
  const finite = Number.isFinite(toDouble(found, 0, found.length))
  if (isInteger(expected)) {
    const withinInt64 =
      number.high < 0x8000_0000 || (number.negative && number.high === 0x8000_0000 && number.low === 0)
    if (whole && withinInt64 && expected.kind !== 'uint64') return 'int64'
    if (whole && !number.negative) return 'uint64'
    return finite ? 'float64' : 'utf8'
  }
  return expected.kind === 'float32' && finite ? 'float64' : 'utf8'
}
