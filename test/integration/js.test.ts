/** The js backend, from a topic to a topic, against a real Kafka. */
import { expect, test } from 'vitest'
import { col, Stream } from '../../src/index.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka

test('rows go from topic to topic with their keys, headers and times, and the run says that js ran', async () => {
  const [from, to] = [unique('js-in'), unique('js-out')]
  await kafka.createTopic(from, 3)
  await kafka.createTopic(to, 3)
  const headers = [
    ['trace', 'a'],
    ['trace', 'b'],
    ['none', null],
  ] as const
  const records = Array.from({ length: 2000 }, (_, i) => ({
    key: i % 5 === 0 ? null : `key ${i % 37}`,
    value: i % 11 === 0 ? null : i % 13 === 0 ? '' : `value ${i}`,
    timestamp: 1_700_000_000_000 + i,
    ...(i % 3 === 0 && { headers }),
  }))
  await kafka.produce(from, records)
  const run = Stream.fromKafka({ bootstrapServers, topic: from, codec: 'bytes', until: 'end', backend: 'js' })
    .filter(col('$partition').ge(0))
    .toKafka({ topic: to, partitioner: 'source' })
    .start({ signals: false })
  expect(run.backend).toBe('js')
  const metrics = await run.done
  expect([metrics.rowsIn, metrics.rowsOut]).toEqual([2000, 2000])
  const plain = async (topic: string) =>
    (await kafka.consume(topic)).map(({ partition, offset, ...record }) => ({ partition, offset, ...record }))
  expect(await plain(to)).toEqual(await plain(from))
})
