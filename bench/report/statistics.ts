/** From rounds to one figure: the median, and the range that it lies in. */
import type { Result } from '../results.ts'

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly rounds: number
}

/** Of an even number of values, the mean of the two in the middle. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('expected at least one value to take the median of; got none')
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  return { median, min: sorted[0]!, max: sorted.at(-1)!, rounds: sorted.length }
}

/** What became of one contender on one load. */
export interface Summary {
  readonly load: string
  readonly contender: string
  /** By name, over the rounds that count. */
  readonly figures: ReadonlyMap<string, Spread>
  readonly notes: readonly string[]
  /** Why rounds do not count, each reason once. */
  readonly failures: readonly string[]
}

export function summarise(results: readonly Result[]): readonly Summary[] {
  const groups = Map.groupBy(results, ({ load, contender }) => `${load}\n${contender}`)
  return [...groups.values()].map((rounds) => {
    const counted = rounds.filter(({ failed }) => failed === undefined)
    const names = new Set(counted.flatMap(({ figures }) => Object.keys(figures ?? {})))
    const figures = [...names].map((name): [string, Spread] => [
      name,
      spreadOf(counted.flatMap((round) => round.figures?.[name] ?? [])),
    ])
    return {
      load: rounds[0]!.load,
      contender: rounds[0]!.contender,
      figures: new Map(figures),
      notes: [...new Set(counted.flatMap(({ notes }) => notes ?? []))],
      failures: [...new Set(rounds.flatMap(({ failed }) => failed ?? []))],
    }
  })
}

/** The median of a contender's figure; undefined where it has none that counts. */
export function medianOf(
  summaries: readonly Summary[],
  load: string,
  contender: string,
  figure: string,
): number | undefined {
  return summaries.find((one) => one.load === load && one.contender === contender)?.figures.get(figure)?.median
}

/** The largest of several contenders' medians. */
export function bestOf(
  summaries: readonly Summary[],
  load: string,
  contenders: readonly string[],
  figure: string,
): number | undefined {
  const medians = contenders.flatMap((contender) => medianOf(summaries, load, contender, figure) ?? [])
  return medians.length === 0 ? undefined : Math.max(...medians)
}

/** Undefined where one of them is. */
export const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || b === 0 ? undefined : a / b
