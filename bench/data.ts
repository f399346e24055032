/**
 * The transactions that everyone reads: those of the demo, the same at every run. `wide`: with twenty more fields,
 * which make 1 KB of them.
 */
import { Bool, makeVector, Table, Utf8, type Vector, vectorFromArray } from 'apache-arrow'
import { schema, transactions } from '../examples/demo/transactions.ts'

const wideNames = Array.from({ length: 20 }, (_, i) => `attribute_${String(i + 1).padStart(2, '0')}`)
const typeOf = (i: number): 'utf8' | 'float64' | 'bool' | 'int32' =>
  i % 5 === 1 ? 'float64' : i % 5 === 2 ? 'bool' : i % 5 === 3 ? 'int32' : 'utf8'

const wideSchema = { ...schema, ...Object.fromEntries(wideNames.map((name, i) => [name, typeOf(i)])) }

/** As `Stream.fromKafka` takes it. */
export const schemaOf = (wide: boolean): typeof schema => (wide ? wideSchema : schema)

const words = 'the quick brown fox jumps over a lazy dog while nine wizards box with five pensive jugglers'.split(' ')

/** Values for one batch; every batch has the same ones. */
function wideColumn(column: number, rows: number): Vector {
  const numbers = Int32Array.from({ length: rows }, (_, row) => (row * 7919 + column * 104_729) % 1_000_003)
  switch (typeOf(column)) {
    case 'float64':
      return makeVector(Float64Array.from(numbers, (each) => each / 64))
    case 'bool':
      return vectorFromArray(
        Array.from(numbers, (each) => each % 3 === 0),
        new Bool(),
      )
    case 'int32':
      return makeVector(numbers)
    default:
      return vectorFromArray(
        Array.from(numbers, (each) =>
          Array.from({ length: 10 }, (_, i) => words[(each + i * i) % words.length]).join(' '),
        ),
        new Utf8(),
      )
  }
}

export interface Data {
  readonly batches: Iterable<Table>
  readonly rows: number
  /** Rows with an amount over 1,000, and the sum of their amounts in cents. */
  readonly over: number
  readonly sum: number
}

function* widened(batches: Iterable<Table>): Generator<Table> {
  let columns: Record<string, Vector> | undefined
  for (const batch of batches) {
    columns ??= Object.fromEntries(wideNames.map((name, i) => [name, wideColumn(i, batch.numRows)]))
    const own = Object.fromEntries(batch.schema.names.map((name) => [name, batch.getChild(name as string)!]))
    const others = Object.entries(columns).map(([name, column]) => [name, column.slice(0, batch.numRows)])
    yield new Table({ ...own, ...Object.fromEntries(others) })
  }
}

export function data(rows: number, wide: boolean): Data {
  const { batches, over } = transactions(rows)
  const passing = over(1000)
  return { batches: wide ? widened(batches) : batches, rows, over: passing.rows, sum: passing.cents }
}
