/** The topics that are read, each loaded when a part first asks for it, and read back before anyone is measured on it. */
import { Stream } from '../src/index.ts'
import type { Kafka } from '../test/support/kafka-admin.ts'
import { data } from './data.ts'
import { runProgram, yardstick } from './processes.ts'
import type { Measurement } from './window.ts'

export interface TopicPlan {
  readonly name: string
  readonly title: string
  readonly partitions: number
  readonly wide: boolean
  /** A share of the 2,000,000 rows that `--rows` changes. */
  readonly share: number
}

export const topicPlans = [
  { name: 'transactions-1', title: '210 B, 11 fields, 1 partition', partitions: 1, wide: false, share: 1 },
  { name: 'transactions-8', title: '210 B, 11 fields, 8 partitions', partitions: 8, wide: false, share: 1 },
  { name: 'wide-8', title: '1 KB, 31 fields, 8 partitions', partitions: 8, wide: true, share: 0.25 },
  { name: 'gigabyte-8', title: '1 GB of 1 KB, 31 fields, 8 partitions', partitions: 8, wide: true, share: 0.5 },
] as const satisfies readonly TopicPlan[]

export type TopicName = (typeof topicPlans)[number]['name']

export interface LoadedTopic extends TopicPlan {
  readonly rows: number
  readonly bytes: number
  readonly over: number
  readonly sum: number
}

export class Topics {
  readonly #kafka: Kafka
  readonly #rows: number
  readonly #loaded = new Map<TopicName, Promise<LoadedTopic>>()

  constructor(kafka: Kafka, rows: number) {
    this.#kafka = kafka
    this.#rows = rows
  }

  load(name: TopicName): Promise<LoadedTopic> {
    let topic = this.#loaded.get(name)
    if (topic === undefined) {
      topic = this.#load(topicPlans.find((plan) => plan.name === name)!)
      this.#loaded.set(name, topic)
    }
    return topic
  }

  async #load(plan: TopicPlan): Promise<LoadedTopic> {
    const { bootstrapServers } = this.#kafka
    const began = performance.now()
    await this.#kafka.createTopic(plan.name, plan.partitions)
    const { batches, ...expected } = data(Math.round(this.#rows * plan.share), plan.wide)
    const { bytesOut: bytes } = await Stream.fromBatches(batches)
      .toKafka({ bootstrapServers, topic: plan.name, partitioner: 'roundRobin' })
      .run({ signals: false })
    const topic = { ...plan, ...expected, bytes }
    const got = await readBack(bootstrapServers, plan.name)
    const problem = got.bytes === bytes ? wrong(got, topic) : `expected ${bytes} bytes; got ${got.bytes}`
    if (problem !== undefined) throw new Error(`topic ${plan.name} was not loaded as it should be: ${problem}`)
    const seconds = ((performance.now() - began) / 1000).toFixed(1)
    const each = (bytes / topic.rows).toFixed(0)
    console.log(`loaded ${plan.name}: ${topic.rows.toLocaleString('en-US')} rows of ${each} bytes in ${seconds} s`)
    return topic
  }
}

/** What lies in a topic, by a reader that has nothing of Sabot in it. */
export async function readBack(bootstrapServers: string, topic: string): Promise<Measurement> {
  const { last } = await runProgram({ file: yardstick('raw-consume'), args: [bootstrapServers, topic, 'sum'] })
  return last as Measurement
}

/** Why a measurement does not count; undefined where it does. */
export function wrong(
  got: Partial<Measurement>,
  expected: Pick<LoadedTopic, 'rows' | 'over' | 'sum' | 'bytes'>,
): string | undefined {
  for (const name of ['rows', 'over', 'sum', 'bytes'] as const) {
    // Who reads without looking inside knows bytes instead of sums.
    if (
      got[name] === undefined &&
      (name === 'bytes' ? got.sum !== undefined : name !== 'rows' && got.bytes !== undefined)
    )
      continue
    if (got[name] !== expected[name]) return `${name}: expected ${expected[name]}; got ${got[name]}`
  }
  return undefined
}
