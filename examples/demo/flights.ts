/** The flights of the npm package vega-datasets: real ones, from the U.S. Bureau of Transportation Statistics. */
import { readFileSync } from 'node:fs'
import { type Table, tableFromArrays } from 'apache-arrow'
import type { RecordBatch } from '../../src/index.ts'
import { count, table } from './figures.ts'

/** Delay in minutes, distance in miles, time of departure in hours. */
export interface Flight {
  readonly delay: number
  readonly distance: number
  readonly time: number
}

const file = new URL('../../node_modules/vega-datasets/data/flights-200k.json', import.meta.url)

export const readFlights = (): readonly Flight[] => JSON.parse(readFileSync(file, 'utf8')) as Flight[]

/** As columns: what a stream begins with. Each table is made when it is asked for. */
export function* batchesOf(flights: readonly Flight[], rows = 8192): Generator<Table> {
  for (let from = 0; from < flights.length; from += rows) {
    const some = flights.slice(from, from + rows)
    yield tableFromArrays({
      delay: Int32Array.from(some, ({ delay }) => delay),
      distance: Int32Array.from(some, ({ distance }) => distance),
      time: Float64Array.from(some, ({ time }) => time),
    })
  }
}

/** What the pipeline's filter keeps. */
export const isDelayed = ({ delay }: Flight): boolean => delay > 15

const bands = [250, 500, 1000, 2000, Number.POSITIVE_INFINITY]

interface Band {
  rows: number
  minutes: number
  worst: number
}

/** Delayed flights by distance. All of it is sums of whole numbers, so the order of the rows changes nothing. */
export class DelayTable {
  rows = 0
  minutes = 0
  /** Rows whose computed columns are not what JavaScript computes. */
  wrong = 0
  readonly #bands: readonly Band[] = bands.map(() => ({ rows: 0, minutes: 0, worst: 0 }))

  addFlight({ delay, distance }: Pick<Flight, 'delay' | 'distance'>): void {
    const band = this.#bands[bands.findIndex((limit) => distance < limit)]!
    band.rows++
    band.minutes += delay
    band.worst = Math.max(band.worst, delay)
    this.rows++
    this.minutes += delay
  }

  /** Columns of a batch are typed arrays: no object is made for a row. */
  addBatch(batch: RecordBatch): void {
    const [delay, distance, hours, km] = ['delay', 'distance', 'hours', 'km'].map(
      (name) => batch.getChild(name)!.toArray() as Int32Array | Float64Array,
    ) as [Int32Array, Int32Array, Float64Array, Float64Array]
    for (let row = 0; row < batch.numRows; row++) {
      this.addFlight({ delay: delay[row]!, distance: distance[row]! })
      if (hours[row] !== delay[row]! / 60 || km[row] !== distance[row]! * 1.609344) this.wrong++
    }
  }

  /** All of it in one line, to compare. */
  fingerprint(): string {
    return this.#bands.map(({ rows, minutes, worst }) => `${rows}/${minutes}/${worst}`).join(' ')
  }

  toString(): string {
    const names = bands.map((limit, i) => (i === 0 ? `under ${limit}` : `${bands[i - 1]} to ${limit}`))
    names[names.length - 1] = `${bands.at(-2)} and more`
    return table(
      ['distance (miles)', 'flights delayed', 'mean delay (min)', 'worst (min)'],
      this.#bands.map(({ rows, minutes, worst }, i) => [
        names[i]!,
        count(rows),
        rows === 0 ? '-' : (minutes / rows).toFixed(1),
        count(worst),
      ]),
    )
  }
}
