/** Live progress: one line that is redrawn on a terminal; elsewhere a plain line a second, and one at the end. */
import { styleText } from 'node:util'
import type { Run, RunMetrics } from '../../src/index.ts'
import { count, perSecond } from './figures.ts'

const barWidth = 24

export class Progress {
  readonly #label: string
  readonly #total: number
  readonly #began = performance.now()
  /** A terminal is redrawn ten times a second, a log gets a line a second. */
  readonly #redraws = process.stdout.isTTY === true
  #drawn = this.#began

  constructor(label: string, total: number) {
    this.#label = label.padEnd(22)
    this.#total = total
  }

  /** `rows`: those done so far. Draws where it is time to. */
  update(rows: number): void {
    const now = performance.now()
    if (now - this.#drawn < (this.#redraws ? 100 : 1000)) return
    this.#drawn = now
    const line = this.#line(rows, now - this.#began)
    if (this.#redraws) process.stdout.write(`\r${line}\x1b[K`)
    else console.log(line)
  }

  end(rows: number, ms = performance.now() - this.#began): void {
    console.log(`${this.#redraws ? '\r' : ''}${this.#line(rows, ms)}${this.#redraws ? '\x1b[K' : ''}`)
  }

  #line(rows: number, ms: number): string {
    const share = this.#total === 0 ? 1 : Math.min(1, rows / this.#total)
    const full = Math.round(share * barWidth)
    const bar = this.#redraws ? `${styleText('green', '#'.repeat(full))}${'.'.repeat(barWidth - full)}  ` : ''
    const speed = `${count(Math.round(perSecond(rows, ms)))} rows/s`
    return `${this.#label}  ${bar}${count(rows)} of ${count(this.#total)} rows  ${speed}`
  }
}

/** Waits for a run and draws how it goes. `rowsOf`: which of its counters is the progress. */
export async function watch(
  label: string,
  run: Run,
  rowsOf: (metrics: RunMetrics) => number,
  total: number,
): Promise<RunMetrics> {
  const progress = new Progress(label, total)
  const timer = setInterval(() => progress.update(rowsOf(run.metrics())), 50)
  try {
    const metrics = await run.done
    progress.end(rowsOf(metrics), metrics.elapsedMs)
    return metrics
  } finally {
    clearInterval(timer)
  }
}
