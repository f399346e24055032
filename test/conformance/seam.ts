/** The Backend seam on a real Kafka, for the suites that hold every implementation. */
import type { Backend, DecodePlan, Source, SourceEvent } from '../../src/kafka/backend.ts'
import { jsBackend } from '../../src/kafka/js.ts'
import { nativeBackend } from '../../src/kafka/native.ts'
import {
  type KafkaSinkOptions,
  type KafkaSourceOptions,
  parseSinkOptions,
  parseSourceOptions,
} from '../../src/kafka/options.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
export const backends: Readonly<Record<'native' | 'js', () => Backend>> = { native: nativeBackend, js: jsBackend }

export const plan: DecodePlan = {
  codec: 'bytes',
  columns: [{ field: { name: 'value', type: { kind: 'binary' } }, emit: true }],
  message: ['$key', '$topic', '$partition', '$offset', '$timestamp', '$headers', '$tombstone'],
  keyType: 'binary',
  maxDepth: 64,
}

export type Options = Partial<Omit<KafkaSourceOptions, 'schema'>>

export const sourceOf = (backend: Backend, options: Options): Source =>
  backend.source(
    parseSourceOptions({ bootstrapServers, topic: 'none', codec: 'bytes', ...options } as KafkaSourceOptions).source,
  )

export const sinkOf = (backend: Backend, options: Partial<KafkaSinkOptions>) =>
  backend.sink(parseSinkOptions({ bootstrapServers, topic: 'none', codec: 'string', ...options }).sink)

export type BatchEvent = Extract<SourceEvent, { kind: 'batch' }>

/** Every batch up to the end of a bounded read; revocations are answered. */
export async function batchesOf(source: Source): Promise<BatchEvent[]> {
  const batches: BatchEvent[] = []
  for (;;) {
    const event = await source.next()
    if (event.kind === 'end') return batches
    if (event.kind === 'revoked') source.revoked(event.token)
    if (event.kind === 'batch') batches.push(event)
  }
}

export async function read(backend: Backend, options: Options): Promise<BatchEvent[]> {
  const source = sourceOf(backend, { until: 'end', ...options })
  await source.open()
  source.start(plan)
  const batches = await batchesOf(source)
  await source.close()
  return batches
}

export const column = ({ batch }: BatchEvent, name: string) =>
  batch.columns.find(({ field }) => field.name === name)!.data

/** Offsets by partition. */
export function offsetsOf(batches: readonly BatchEvent[]): Record<string, number[]> {
  const offsets: Record<string, number[]> = {}
  for (const event of batches) {
    const { topic, partition } = event.position
    const list = offsets[`${topic}:${partition}`] ?? []
    offsets[`${topic}:${partition}`] = list
    for (const offset of column(event, '$offset').values.subarray(0, event.batch.numRows)) list.push(Number(offset))
  }
  return offsets
}

export const committedOf = async (group: string): Promise<Record<number, number>> =>
  Object.fromEntries((await kafka.committed(group)).map(({ partition, offset }) => [partition, offset]))

export async function topicOf(
  name: string,
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
): Promise<string> {
  const topic = unique(name)
  await kafka.createTopic(topic, partitions, config)
  return topic
}

export const numbered = (count: number, partition = 0, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ partition, value: `${from + i}`, timestamp: 1_000_000 + from + i }))
