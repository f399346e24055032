/**
 * What metrics cost. Their counters cannot be switched off, so it is measured from both sides: runs that nobody listens
 * to beside runs that somebody does, and the counters' calls of one batch by themselves.
 */
import type { Kafka } from '../../test/support/kafka-admin.ts'
import type { Contender } from '../contenders.ts'
import { nodeScript, runProgram, yardstick } from '../processes.ts'
import type { Recorder } from '../results.ts'
import { type TopicName, type Topics, wrong } from '../topics.ts'
import { inTurn, jobOf, measure } from './consume.ts'
import { measurePipeline } from './pipeline.ts'

export const metricsTopics: readonly TopicName[] = ['transactions-8']

/** Each program times its calls in so many passes, and gives the best one. */
const passes = 10

export interface Measured {
  readonly readers: readonly Contender[]
  readonly pipes: readonly Contender[]
  /** Whether the counters' calls are timed by themselves. */
  readonly counters: boolean
}

export async function measureMetrics(
  kafka: Kafka,
  topics: Topics,
  names: readonly TopicName[],
  { readers, pipes, counters }: Measured,
  rounds: number,
  recorder: Recorder,
): Promise<void> {
  const { bootstrapServers } = kafka
  if (counters) await measureCounters(rounds, recorder)
  await inTurn(topics, names, [...readers, ...pipes], rounds, recorder, (turn) =>
    pipes.includes(turn.contender)
      ? measurePipeline(kafka, turn)
      : measure(turn.contender, jobOf(bootstrapServers, turn.topic), (got) => wrong(got, turn.topic)),
  )
}

async function measureCounters(rounds: number, recorder: Recorder): Promise<void> {
  const programs = [
    nodeScript('contenders/counters.ts', String(passes)),
    { file: yardstick('counter-bench'), args: [String(passes)] },
  ]
  for (let round = 1; round <= rounds; round++) {
    for (const program of programs) {
      const { last } = await runProgram(program)
      for (const [contender, nsEach] of Object.entries(last as Record<string, number>)) {
        const place = { load: 'counters', contender, round }
        if (!recorder.has(place)) recorder.add({ ...place, figures: { nsEach } })
      }
    }
  }
}
