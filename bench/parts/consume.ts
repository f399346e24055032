/** Reading a topic to its end. */
import type { Contender } from '../contenders.ts'
import { runProgram } from '../processes.ts'
import type { Recorder, Result } from '../results.ts'
import { type LoadedTopic, type TopicName, type Topics, wrong } from '../topics.ts'
import type { Measurement } from '../window.ts'

export const consumeTopics: readonly TopicName[] = ['transactions-1', 'transactions-8', 'wide-8']

/** What the tables are made of. */
export function figuresOf(
  { rows, seconds, cpuSeconds, processCpuSeconds, peakBytes, threadSeconds, batches }: Measurement,
  wholeSeconds: number,
): Record<string, number> {
  return {
    perSecond: rows / seconds,
    cpuNs: (cpuSeconds / rows) * 1e9,
    peakMb: peakBytes / 1e6,
    wholePerSecond: rows / wholeSeconds,
    processCpuNs: (processCpuSeconds / rows) * 1e9,
    ...(threadSeconds === undefined ? {} : { threadShare: threadSeconds / seconds }),
    ...(batches === undefined ? {} : { rowsPerBatch: rows / batches }),
  }
}

/** What a round of a contender is to be about. */
export interface Turn {
  readonly contender: Contender
  readonly topic: LoadedTopic
  readonly round: number
}

/** The same in another order in each round, and mostly behind another one: who writes much leaves the disk busy. */
export function orderOf<T>(all: readonly T[], round: number): readonly T[] {
  const order = [...all]
  for (let i = order.length - 1, seed = round; i > 0; i--) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
    const k = (seed >>> 16) % (i + 1)
    ;[order[i], order[k]] = [order[k]!, order[i]!]
  }
  return order
}

/**
 * Rounds and not contenders are the outer loop: what else the machine does in a while falls on all alike. What the
 * recorder has already is passed over.
 */
export async function inTurn(
  topics: Topics,
  names: readonly TopicName[],
  contenders: readonly Contender[],
  rounds: number,
  recorder: Recorder,
  measured: (turn: Turn) => Promise<Pick<Result, 'figures' | 'failed' | 'notes'>>,
): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    for (const load of names) {
      const topic = await topics.load(load)
      for (const contender of orderOf(contenders, round)) {
        const place = { load, contender: contender.name, round }
        if (recorder.has(place)) continue
        recorder.add({ ...place, ...(await measured({ contender, topic, round })) })
      }
    }
  }
}

export const jobOf = (bootstrapServers: string, { name, rows, over, wide }: LoadedTopic, output = '') => ({
  bootstrapServers,
  topic: name,
  rows,
  output,
  passing: over,
  wide,
})

export function measureConsume(
  bootstrapServers: string,
  topics: Topics,
  names: readonly TopicName[],
  contenders: readonly Contender[],
  rounds: number,
  recorder: Recorder,
): Promise<void> {
  return inTurn(topics, names, contenders, rounds, recorder, ({ contender, topic }) =>
    measure(contender, jobOf(bootstrapServers, topic), (got) => wrong(got, topic)),
  )
}

/** One process. Its figures count only where `problem` finds none. */
export async function measure(
  contender: Contender,
  job: Parameters<Contender['command']>[0],
  problem: (got: Measurement) => string | undefined | Promise<string | undefined>,
): Promise<Pick<Result, 'figures' | 'failed' | 'notes'>> {
  const missing = contender.missing?.()
  if (missing !== undefined) return { failed: missing }
  try {
    const { last, wholeSeconds } = await runProgram(contender.command(job))
    const got = last as Measurement
    const failed = await problem(got)
    if (failed !== undefined) return { failed: `wrong result: ${failed}` }
    const figures = figuresOf(got, wholeSeconds)
    return got.fusion === undefined ? { figures } : { figures, notes: [got.fusion] }
  } catch (error) {
    return { failed: (error as Error).message }
  }
}
