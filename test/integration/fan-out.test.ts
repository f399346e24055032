/** Several sinks from one read, on a real Kafka: what Java's clients and the group see of it. */
import { describe, expect, test } from 'vitest'
import { col, Stream } from '../../src/index.ts'
import { failure } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const quiet = { signals: false } as const
const schema = { id: 'int64', amount: 'float64', country: 'utf8' } as const
const partitions = 3
const count = 3_000

const document = (id: number) => `{"id": ${id}, "amount": ${id / 10}, "country": "${['DE', 'FR', 'IT'][id % 3]}"}`

async function topicOf(name: string): Promise<string> {
  const topic = unique(name)
  await kafka.createTopic(topic, partitions)
  return topic
}

async function produced(): Promise<string> {
  const topic = await topicOf('fan-in')
  const records = Array.from({ length: count }, (_, id) => ({ key: `k${id}`, value: document(id) }))
  await kafka.produce(topic, records)
  return topic
}

const ids = Array.from({ length: count }, (_, id) => id)
const text = (bytes: Buffer | null) => bytes?.toString()

describe('one read to several topics', () => {
  test('each branch has its rows, a branch that changes nothing its bytes; the group is at the end', async () => {
    const input = await produced()
    const [copied, taxed, german] = [await topicOf('copied'), await topicOf('taxed'), await topicOf('german')]
    const groupId = unique('fan-group')
    const metrics = await Stream.fromKafka({ bootstrapServers, topic: input, groupId, until: 'end', schema })
      .filter(col('amount').ge(10))
      .fanOut((s) => [
        s.toKafka({ topic: copied }),
        s.select('id', { tax: col('amount').mul(2) }).toKafka({ topic: taxed, compression: 'lz4' }),
        s.fanOut((t) => [
          t.filter(col('country').eq('DE')).toKafka({ topic: german }),
          t.filter(col('country').eq('FR')).toKafka({ topic: german }),
        ]),
      ])
      .run(quiet)

    const kept = ids.filter((id) => id >= 100)
    const read = await kafka.consume(copied)
    expect(read.map(({ value }) => text(value)).sort()).toEqual(kept.map(document).sort())
    for (const { key, value } of read) expect(text(key)).toBe(`k${(JSON.parse(text(value)!) as { id: number }).id}`)

    const taxes = (await kafka.consume(taxed)).map(
      ({ value }) => JSON.parse(text(value)!) as { id: number; tax: number },
    )
    expect(taxes.sort((a, b) => a.id - b.id)).toEqual(kept.map((id) => ({ id, tax: (id / 10) * 2 })))

    const german3 = (await kafka.consume(german)).map(({ value }) => (JSON.parse(text(value)!) as { id: number }).id)
    expect(german3.sort((a, b) => a - b)).toEqual(kept.filter((id) => id % 3 !== 2))
    expect(metrics.rowsOut).toBe(kept.length * 2 + german3.length)

    // A second run of the group finds nothing left.
    const again = await Stream.fromKafka({ bootstrapServers, topic: input, groupId, until: 'end', schema })
      .fanOut((s) => [s.toKafka({ topic: copied })])
      .run(quiet)
    expect(again.messagesIn).toBe(0)
  })

  test('where one sink refuses a record the run fails, and the next one reads its rows again', async () => {
    const input = await produced()
    const [wide, narrow] = [await topicOf('wide'), unique('narrow')]
    await kafka.createTopic(narrow, 1, { 'max.message.bytes': '1000' })
    const groupId = unique('fan-group')
    const stream = Stream.fromKafka({
      bootstrapServers,
      topic: input,
      groupId,
      until: 'end',
      schema,
      batch: { maxRows: 500 },
    })
    const error = await failure(
      stream
        .fanOut((s) => [
          s.toKafka({ topic: wide }),
          s
            .filter(col('id').eq(count - 1))
            .map(({ id }) => ({ id, text: 'x'.repeat(5_000) }), { schema: { id: 'int64', text: 'utf8' } })
            .toKafka({ topic: narrow }),
        ])
        .run(quiet),
    )
    expect(error.where?.topic).toBe(narrow)
    expect(await kafka.consume(narrow)).toEqual([])
    const again = await stream.fanOut((s) => [s.toKafka({ topic: wide })]).run(quiet)
    // At the least the batch of the record that was refused.
    expect(again.messagesIn).toBeGreaterThan(0)
    const written = new Set((await kafka.consume(wide)).map(({ value }) => text(value)))
    expect(written.size).toBe(count)
  })
})
