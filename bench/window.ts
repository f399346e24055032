/**
 * The clock of every contender that is a Node program; native/tools/raw_client.h and the Java one do the same. It runs
 * from the moment at which the program is first handed a message to the moment at which it has the last one (reading),
 * or knows that the last row that it wrote is acknowledged (pipelines).
 */
import { readFileSync } from 'node:fs'

/** What a contender prints: one line of JSON on standard output, the last one. */
export interface Measurement {
  /** Messages read. */
  readonly rows: number
  /** Bytes of the values read; only of those who do not look inside. */
  readonly bytes?: number
  /** Rows with an amount over 1,000, and the sum of their amounts in cents; of those who look inside. */
  readonly over?: number
  readonly sum?: number
  readonly seconds: number
  /** User and system time of the whole process, in that time. */
  readonly cpuSeconds: number
  /** The same from the start of the process to its end. */
  readonly processCpuSeconds: number
  /** The most memory that was resident, over the life of the process. */
  readonly peakBytes: number
  /** CPU time of the JavaScript thread alone, in that time. */
  readonly threadSeconds?: number
  /** Of Sabot: the batches that the rows came in. */
  readonly batches?: number
  /** Of Sabot's pipelines: what `explain()` says of fusion. */
  readonly fusion?: string
}

const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const threadSeconds = (): number => {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1e6
}

/** Linux counts the process alone (VmHWM); elsewhere getrusage's figure has to do. */
export function peakBytes(): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))![1]) * 1024
  } catch {
    return process.resourceUsage().maxRSS * 1024
  }
}

interface Reading {
  readonly ms: number
  readonly cpu: number
  readonly thread: number
}

const readClocks = (): Reading => ({ ms: performance.now(), cpu: cpuSeconds(), thread: threadSeconds() })

export class Window {
  #began: Reading | undefined
  #ended: Reading | undefined

  /** The first call begins it. */
  open(): void {
    this.#began ??= readClocks()
  }

  /** Once, for reading the clocks of all threads takes a while. */
  close(): void {
    this.#ended = readClocks()
  }

  print(outcome: Pick<Measurement, 'rows' | 'over' | 'sum' | 'batches' | 'fusion'>): void {
    const [began, ended] = [this.#began, this.#ended]
    const measurement: Measurement = {
      ...outcome,
      seconds: began && ended ? (ended.ms - began.ms) / 1000 : 0,
      cpuSeconds: began && ended ? ended.cpu - began.cpu : 0,
      threadSeconds: began && ended ? ended.thread - began.thread : 0,
      processCpuSeconds: cpuSeconds(),
      peakBytes: peakBytes(),
    }
    console.log(JSON.stringify(measurement))
  }
}

/** What a contender is told: the one argument of its process, as JSON. */
export interface Job {
  readonly bootstrapServers: string
  readonly topic: string
  /** Messages in the topic. */
  readonly rows: number
  /** Of pipelines: the topic to write to, and how many rows will pass. */
  readonly output: string
  readonly passing: number
  /** 31 fields instead of 11. */
  readonly wide: boolean
  /** Which of the ways that the program knows. */
  readonly mode: string
  /** Of Sabot: somebody listens to the run (contenders/listener.ts). */
  readonly listened?: boolean
}

export const job = (): Job => JSON.parse(process.argv[2]!) as Job

/** Rows whose amount is over 1,000. Amounts have two decimals: in cents, sums are exact. */
export class Tally {
  rows = 0
  over = 0
  sum = 0

  add(amount: number): void {
    this.rows++
    if (!(amount > 1000)) return
    this.over++
    this.sum += Math.round(amount * 100)
  }
}

/** A group that nobody was in before. */
export const freshGroup = (): string => `bench-${process.pid}-${Date.now().toString(36)}`
