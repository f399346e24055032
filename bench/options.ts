/** The command line of the bench. */
import { parseArgs } from 'node:util'
import { type PartName, partNames } from './results.ts'

export const usage = `Usage: npm run bench [-- options]

  --part NAME      ${partNames.join(', ')}, or report, which only writes docs/performance.md anew; repeatable
  --rounds N       how often each contender runs (default 5)
  --rows N         rows of the large topics (default 2000000); the 1 KB one has a quarter of them
  --only TEXT      only contenders whose name contains it; repeatable
  --topic NAME     only this one of the topics that are read
  --resume         keep what was measured before with as many rows, and measure what is missing
  --help           this text

The results of quick runs (other --rows or --only) are reported as well, with the rows that they had.`

export interface Options {
  readonly parts: readonly PartName[]
  readonly rounds: number
  readonly rows: number
  readonly only: readonly string[]
  readonly topic: string | undefined
  readonly resume: boolean
}

/** What was asked for, or what is wrong with it. */
export function parseOptions(args: readonly string[]): Options | 'help' | { readonly problem: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        part: { type: 'string', multiple: true, default: [...partNames] },
        rounds: { type: 'string', default: '5' },
        rows: { type: 'string', default: '2000000' },
        only: { type: 'string', multiple: true, default: [] },
        topic: { type: 'string' },
        resume: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help === true) return 'help'
    const unknown = values.part.find((part) => part !== 'report' && !partNames.includes(part as PartName))
    if (unknown !== undefined) return { problem: `--part: expected ${partNames.join(', ')} or report; got ${unknown}.` }
    const [rounds, rows] = [Number(values.rounds), Number(values.rows.replaceAll(/[_,]/g, ''))]
    if (!Number.isSafeInteger(rounds) || rounds < 1) {
      return { problem: `--rounds: expected a whole number from 1; got ${values.rounds}.` }
    }
    if (!Number.isSafeInteger(rows) || rows < 10_000) {
      return { problem: `--rows: expected a whole number from 10000; got ${values.rows}.` }
    }
    const parts = values.part.filter((part): part is PartName => part !== 'report')
    return { parts, rounds, rows, only: values.only, topic: values.topic, resume: values.resume }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}
