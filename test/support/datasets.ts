/** The documents of vega-datasets, each as the text that stands in its file: real data that nobody here wrote. */
import { readFileSync } from 'node:fs'

export type Row = Record<string, unknown>

export interface Dataset {
  /** One JSON document a row, as it is written in the file. */
  readonly documents: readonly string[]
  /** JSON.parse of the file. */
  readonly rows: readonly Row[]
}

function dataset(file: string, rowsOf: (parsed: never) => readonly Row[], split: (text: string) => string[]): Dataset {
  const text = readFileSync(new URL(`../../node_modules/vega-datasets/data/${file}`, import.meta.url), 'utf8')
  const [rows, documents] = [rowsOf(JSON.parse(text) as never), split(text)]
  const same =
    rows.length === documents.length && rows.every((row, i) => jsonText(row) === jsonText(JSON.parse(documents[i]!)))
  if (!same) throw new Error(`${file} is not written as it was: its documents could not be told apart`)
  return { documents, rows }
}

const jsonText = (value: unknown): string => JSON.stringify(value)

/** 231,083 flights: delay and distance are integers, time is a float written as such. */
export const flights = (): Dataset =>
  dataset(
    'flights-200k.json',
    (parsed: Row[]) => parsed,
    (text) =>
      text
        .trim()
        .slice(1, -1)
        .split(/,(?={)/),
  )

/** 3,201 films: nulls everywhere, and titles that are numbers. */
export const movies = (): Dataset =>
  dataset(
    'movies.json',
    (parsed: Row[]) => parsed,
    (text) =>
      text
        .split('\n')
        .map((line) => line.trim().replace(/,$/, ''))
        .filter((line) => line.startsWith('{')),
  )

/** 1,707 earthquakes: structs, and a list of numbers, in each. */
export const earthquakes = (): Dataset =>
  dataset(
    'earthquakes.json',
    (parsed: { features: Row[] }) => parsed.features,
    (text) => text.slice(text.indexOf('[{') + 1, text.lastIndexOf('}]') + 1).split(/,\n(?={)/),
  )
