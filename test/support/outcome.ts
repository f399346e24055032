/** What came of a run: its failure, what it logged, the rows it collected; and waiting for something to come to pass. */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { type Logger, SabotError, type Table } from '../../src/index.ts'

/** The SabotError that the work failed with; anything else is thrown. */
export async function failure(work: Promise<unknown> | (() => unknown)): Promise<SabotError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    if (error instanceof SabotError) return error
    throw error
  }
  throw new Error('expected a SabotError; nothing failed')
}

/** Waits until it holds. The patience is long, so that only what never comes fails. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string, patienceMs = 30_000) {
  const end = performance.now() + patienceMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${patienceMs} ms`)
    await sleep(20)
  }
}

/** The same where nothing outside the process is waited for: looks again in every turn of the event loop. */
export async function until(holds: () => boolean, what = 'it'): Promise<void> {
  const end = performance.now() + 5_000
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what} did not come to pass in 5 seconds`)
    await turn()
  }
}

export interface LogLine {
  readonly level: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

/** A logger that keeps its lines. */
export function recordingLogger(): Logger & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message })
  }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** A table's rows as plain objects. */
export function plainRows(table: Table): Record<string, unknown>[] {
  return table.toArray().map((row) => plain(row) as Record<string, unknown>)
}

function plain(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  const json: unknown = 'toJSON' in value && typeof value.toJSON === 'function' ? value.toJSON() : value
  if (ArrayBuffer.isView(json)) return [...(json as unknown as Iterable<unknown>)]
  if (Array.isArray(json)) return json.map(plain)
  return Object.fromEntries(Object.entries(json as object).map(([name, item]) => [name, plain(item)]))
}
