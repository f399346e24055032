/** Reading, filtering and writing: rows with an amount over 1,000 to another topic, a fresh one every time. */
import type { Kafka } from '../../test/support/kafka-admin.ts'
import type { Contender } from '../contenders.ts'
import type { Recorder, Result } from '../results.ts'
import { type LoadedTopic, readBack, type TopicName, type Topics } from '../topics.ts'
import type { Measurement } from '../window.ts'
import { inTurn, jobOf, measure, type Turn } from './consume.ts'

export const pipelineTopics: readonly TopicName[] = ['transactions-8']

export function measurePipelines(
  kafka: Kafka,
  topics: Topics,
  names: readonly TopicName[],
  contenders: readonly Contender[],
  rounds: number,
  recorder: Recorder,
): Promise<void> {
  return inTurn(topics, names, contenders, rounds, recorder, (turn) => measurePipeline(kafka, turn))
}

/** Its output topic is deleted again. */
export async function measurePipeline(
  kafka: Kafka,
  { contender, topic, round }: Turn,
): Promise<Pick<Result, 'figures' | 'failed' | 'notes'>> {
  const { bootstrapServers } = kafka
  const output = `out-${contender.name}-${round}-${Date.now().toString(36)}`
  await kafka.createTopic(output, topic.partitions)
  const all = contender.name === 'raw-all'
  const job = jobOf(bootstrapServers, topic, output)
  const outcome = await measure(contender, job, (got) => wrongOutput(bootstrapServers, topic, output, all, got))
  await kafka.deleteTopic(output)
  return outcome
}

/** What was written is read back by librdkafka alone, which looks for the amounts itself. */
async function wrongOutput(
  bootstrapServers: string,
  topic: LoadedTopic,
  output: string,
  all: boolean,
  got: Measurement,
): Promise<string | undefined> {
  if (got.rows !== topic.rows) return `rows read: expected ${topic.rows}; got ${got.rows}`
  const written = await readBack(bootstrapServers, output)
  const expected = { rows: all ? topic.rows : topic.over, over: topic.over, sum: topic.sum }
  for (const name of ['rows', 'over', 'sum'] as const) {
    if (written[name] !== expected[name]) return `${name} written: expected ${expected[name]}; got ${written[name]}`
  }
  return undefined
}
