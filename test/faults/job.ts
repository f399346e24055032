/** Starts scripts/copy.ts in a process of its own and listens to it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'
import type { KafkaSourceOptions, RunMetrics, SchemaLiteral, ToKafkaOptions } from '../../src/index.ts'

export interface Job {
  /** Without a RegExp and what else JSON has not. */
  readonly source: KafkaSourceOptions<SchemaLiteral> & { readonly schema: SchemaLiteral }
  readonly sink: ToKafkaOptions
  /** Each batch waits so long in a step; -1: for ever. */
  readonly stepMs?: number
  /** Each batch keeps the JavaScript thread busy for so long. */
  readonly blockMs?: number
  /** Starts and stops the run so many times: each time it stays `stayMs` from when it has partitions. */
  readonly joins?: number
  readonly stayMs?: number
  /** How often it says how it goes. Default 50. */
  readonly tickMs?: number
}

export type JobLine =
  /** Before the run has begun. */
  | { readonly kind: 'idle'; readonly rss: number }
  /** `rss`: the most since the last tick. */
  | { readonly kind: 'tick'; readonly rss: number; readonly metrics: RunMetrics }
  | { readonly kind: 'done'; readonly metrics: RunMetrics }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

export interface RunningJob {
  /** Every line so far. */
  readonly lines: readonly JobLine[]
  /** Resolves with the first line, also one of before, that fits; rejects where the process ends first. */
  line<T extends JobLine>(fits: (line: JobLine) => line is T): Promise<T>
  line(fits: (line: JobLine) => boolean): Promise<JobLine>
  /** The first tick whose metrics fit. */
  tick(fits: (metrics: RunMetrics) => boolean): Promise<RunMetrics>
  signal(signal: NodeJS.Signals): void
  /** Sends SIGKILL and waits for the end. */
  kill(): Promise<void>
  /** The exit code; null where a signal ended it. */
  readonly exited: Promise<number | null>
  /** What it wrote to stderr: crashes, warnings. */
  stderr(): string
}

const running = new Set<ChildProcess>()
afterEach(async () => {
  await Promise.all(
    [...running].map(async (child) => {
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    }),
  )
})

const script = fileURLToPath(new URL('scripts/copy.ts', import.meta.url))

export function startJob(job: Job): RunningJob {
  const child = spawn(process.execPath, [script, JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'pipe'] })
  running.add(child)
  const lines: JobLine[] = []
  let waiting: (() => void)[] = []
  let ended = false
  let stderr = ''
  const wake = () => {
    const now = waiting
    waiting = []
    for (const resolve of now) resolve()
  }
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(JSON.parse(text) as JobLine)
    wake()
  })
  child.stderr.on('data', (data: Buffer) => {
    stderr = (stderr + data.toString()).slice(-20_000)
  })
  child.on('exit', () => running.delete(child))
  // Not before its last lines are read.
  const exited = once(child, 'close').then(([code]) => {
    ended = true
    wake()
    return code as number | null
  })
  const line = async (fits: (line: JobLine) => boolean): Promise<JobLine> => {
    for (let next = 0; ; ) {
      for (; next < lines.length; next++) if (fits(lines[next]!)) return lines[next]!
      if (ended) {
        throw new Error(`the process ended before what was waited for: ${JSON.stringify(lines.at(-1))}\n${stderr}`)
      }
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  return {
    lines,
    line: line as RunningJob['line'],
    async tick(fits) {
      const found = await line((one) => one.kind === 'tick' && fits(one.metrics))
      return (found as Extract<JobLine, { kind: 'tick' }>).metrics
    },
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill('SIGKILL')
      await exited
    },
    exited,
    stderr: () => stderr,
  }
}
