/** The demo's command line. */
import { parseArgs } from 'node:util'

export const usage = `Usage: npm start [-- options]

  --bootstrap-servers HOST:PORT   run on this Kafka (several with commas between) instead of a broker inside the process
  --rows N                        measure with N rows of 210 bytes there, beside librdkafka alone
  --help                          this text`

export type DemoOptions =
  | { readonly bootstrapServers: undefined; readonly rows: undefined }
  | { readonly bootstrapServers: string; readonly rows: number | undefined }

/** What was asked for, or what is wrong with it. Whether the servers are well written is the library's to say. */
export function parseOptions(args: readonly string[]): DemoOptions | 'help' | { readonly problem: string } {
  let values: { readonly 'bootstrap-servers'?: string; readonly rows?: string; readonly help?: boolean }
  try {
    values = parseArgs({
      args: [...args],
      options: {
        'bootstrap-servers': { type: 'string' },
        rows: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    // node:util says what is wrong in its first sentence; what follows is about its own syntax.
    return { problem: (error as Error).message.split('. ')[0]!.replace(/\.?$/, '.') }
  }
  if (values.help === true) return 'help'
  const bootstrapServers = values['bootstrap-servers']
  const rows = values.rows === undefined ? undefined : Number(values.rows.replaceAll(/[_,]/g, ''))
  if (rows !== undefined && !(Number.isSafeInteger(rows) && rows >= 1000 && rows <= 1_000_000_000)) {
    return { problem: `--rows: expected a whole number from 1000 to 1000000000; got ${JSON.stringify(values.rows)}.` }
  }
  if (bootstrapServers !== undefined) return { bootstrapServers, rows }
  if (rows === undefined) return { bootstrapServers, rows }
  return {
    problem:
      '--rows needs --bootstrap-servers: the broker inside the process keeps 5 MiB a partition and measures nothing. ' +
      'Start a Kafka with `npm run kafka`.',
  }
}
