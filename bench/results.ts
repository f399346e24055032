/**
 * What was measured, in bench/results/ (not committed): one file a part, written after every process, so that a run
 * that was broken off can go on (`--resume`) and a part can be repeated alone (`--part`).
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Environment } from './environment.ts'

const results = fileURLToPath(new URL('./results/', import.meta.url))

export const partNames = ['consume', 'pipeline', 'decode', 'latency', 'memory', 'metrics'] as const
export type PartName = (typeof partNames)[number]

/** One process of one contender. */
export interface Result {
  /** What it was given: the name of a topic, a rate, a kind of document. */
  readonly load: string
  readonly contender: string
  readonly round: number
  /** Figures by name; absent where it failed. */
  readonly figures?: Readonly<Record<string, number>>
  readonly notes?: readonly string[]
  /** Why it does not count: its checksum is wrong, or it ended with an error, or it was not built. */
  readonly failed?: string
}

export interface PartResults {
  readonly environment: Environment
  readonly rows: number
  readonly seconds: number
  readonly results: readonly Result[]
}

export function readResults(part: PartName, folder = results): PartResults | undefined {
  const file = join(folder, `${part}.json`)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as PartResults) : undefined
}

export class Recorder {
  readonly #folder: string
  readonly #part: PartName
  readonly #environment: Environment
  readonly #rows: number
  readonly #began = performance.now()
  #results: Result[] = []
  #secondsBefore = 0

  /** `keep`: which of the results that were measured before with as many rows stay, and are not measured again. */
  constructor(
    part: PartName,
    environment: Environment,
    rows: number,
    keep: (result: Result) => boolean,
    folder = results,
  ) {
    this.#folder = folder
    this.#part = part
    this.#environment = environment
    this.#rows = rows
    const before = readResults(part, folder)
    if (before?.rows !== rows) return
    this.#results = before.results.filter(keep)
    if (this.#results.length > 0) this.#secondsBefore = before.seconds
  }

  has({ load, contender, round }: Pick<Result, 'load' | 'contender' | 'round'>): boolean {
    return this.#results.some((one) => one.load === load && one.contender === contender && one.round === round)
  }

  add(result: Result): void {
    this.#results.push(result)
    const seconds = this.#secondsBefore + (performance.now() - this.#began) / 1000
    const all: PartResults = { environment: this.#environment, rows: this.#rows, seconds, results: this.#results }
    const file = join(this.#folder, `${this.#part}.json`)
    mkdirSync(this.#folder, { recursive: true })
    writeFileSync(`${file}.new`, `${JSON.stringify(all, null, 1)}\n`)
    renameSync(`${file}.new`, file)
    const { load, contender, round, figures, failed } = result
    const shown = Object.entries(figures ?? {}).map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
    console.log(`${load.padEnd(15)} ${contender.padEnd(22)} round ${round}  ${failed ?? shown.join('  ')}`)
  }
}
