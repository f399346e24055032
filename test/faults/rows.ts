/** Rows that know their own place, and what became of them in another topic. */
import type { Kafka, KafkaRecord } from '../support/kafka-admin.ts'

/** Columns of a numbered row: the partition it was written to, and its offset there. */
export const schema = { p: 'int32', n: 'int64' } as const

/** Rows `from` to `to` of a partition: `n` is the offset. Keys keep a partition's rows together, 5 keys each. */
export const numbered = (partition: number, from: number, to: number): KafkaRecord[] =>
  Array.from({ length: to - from }, (_, i) => ({
    partition,
    key: `${partition}.${(from + i) % 5}`,
    value: `{"p":${partition},"n":${from + i}}`,
  }))

/** Fills every partition of an empty topic with so many rows. */
export async function fill(kafka: Kafka, topic: string, partitions: number, count: number): Promise<void> {
  for (let p = 0; p < partitions; p++) await kafka.produce(topic, numbered(p, 0, count))
}

export interface Arrived {
  /** By partition of the input: how often each `n` came. */
  readonly times: readonly ReadonlyMap<number, number>[]
  readonly records: number
  readonly duplicates: number
  /** Keys whose rows did not come in order, the first time that each came. */
  readonly disordered: readonly string[]
}

/** What of numbered rows lies in a topic. */
export async function arrived(kafka: Kafka, topic: string, partitions: number): Promise<Arrived> {
  const records = await kafka.consume(topic)
  const times = Array.from({ length: partitions }, () => new Map<number, number>())
  const last = new Map<string, number>()
  const disordered = new Set<string>()
  for (const { key, value } of records) {
    const { p, n } = JSON.parse(value!.toString()) as { p: number; n: number }
    const seen = times[p]!.get(n) ?? 0
    times[p]!.set(n, seen + 1)
    if (seen > 0) continue
    if (n < (last.get(key!.toString()) ?? -1)) disordered.add(key!.toString())
    last.set(key!.toString(), n)
  }
  const distinct = times.reduce((sum, each) => sum + each.size, 0)
  return { times, records: records.length, duplicates: records.length - distinct, disordered: [...disordered] }
}

/** Rows of `from` (inclusive) to `to` (exclusive) of a partition that did not come. */
export const missing = ({ times }: Arrived, partition: number, to: number, from = 0): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i).filter((n) => !times[partition]!.has(n))

/** A group's committed offsets of a topic; 0 where nothing is. */
export async function committedOf(kafka: Kafka, group: string, topic: string, partitions: number): Promise<number[]> {
  const committed = await kafka.committed(group)
  return Array.from(
    { length: partitions },
    (_, p) => committed.find((each) => each.topic === topic && each.partition === p)?.offset ?? 0,
  )
}

/** A filled topic and an empty one, and the options that read the first with a group. */
export async function twoTopics(
  kafka: Kafka,
  names: readonly [string, string, string],
  partitions: number,
  rows: number,
) {
  const [input, output, group] = names
  await kafka.createTopic(input, partitions)
  await kafka.createTopic(output, partitions)
  await fill(kafka, input, partitions, rows)
  const source = { bootstrapServers: kafka.bootstrapServers, topic: input, groupId: group, schema } as const
  return { input, output, group, source, sink: { topic: output } }
}
