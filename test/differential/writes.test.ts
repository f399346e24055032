/** Writes of columns that are no records, or not in every row, through both backends: the same of each. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { batchFromRows } from '../../src/batch.ts'
import { EmbeddedBroker, SabotError } from '../../src/index.ts'
import type { Backend, RecordPlan } from '../../src/kafka/backend.ts'
import { jsBackend } from '../../src/kafka/js.ts'
import { nativeBackend } from '../../src/kafka/native.ts'
import { type KafkaSinkOptions, parseSinkOptions } from '../../src/kafka/options.ts'
import { parseSchema } from '../../src/schema.ts'

let broker: EmbeddedBroker
beforeAll(async () => {
  broker = await EmbeddedBroker.start({ topics: ['out'] })
})
afterAll(() => broker?.close())

const schema = {
  text: 'utf8',
  object: { id: 'int64' },
  list: ['int64'],
  at: 'timestamp[ms]',
  whole: 'int64',
  ratio: 'float64',
  is: 'bool',
  headers: [{ key: 'utf8', value: 'binary' }],
} as const
const batch = batchFromRows(
  [
    {
      text: 'a',
      object: { id: 1n },
      list: [1n],
      at: new Date(-5),
      whole: -1n,
      ratio: Number.NaN,
      is: true,
      headers: [{ key: null, value: null }],
    },
    { text: 'b', object: null, list: [], at: new Date(5), whole: 7n, ratio: 1.5, is: null, headers: [] },
  ],
  parseSchema(schema),
)

type Options = Pick<KafkaSinkOptions, 'codec' | 'partitioner'>

async function outcome(backend: Backend, options: Options, plan: RecordPlan, onError: 'fail' | 'skip') {
  const { bootstrapServers } = broker
  const sink = backend.sink(parseSinkOptions({ bootstrapServers, topic: 'out', ...options }).sink)
  await sink.open()
  try {
    return await sink.write(batch, plan, onError)
  } catch (error) {
    const { code, message, where, retriable } = error as SabotError
    expect(error).toBeInstanceOf(SabotError)
    return { code, message, where, retriable }
  } finally {
    await sink.close({ abort: true })
  }
}

const of = (...names: string[]): RecordPlan => ({ value: { kind: 'columns', names } })
const text = of('text')

it.each<[string, RecordPlan, Options?]>([
  ['two columns as text', of('text', 'whole'), { codec: 'string' }],
  ['no column as text', of(), { codec: 'string' }],
  ['a struct as text', of('object'), { codec: 'string' }],
  ['a number as bytes', of('whole'), { codec: 'bytes' }],
  ['NaN as text', of('ratio'), { codec: 'string' }],
  ['NaN as JSON', of('ratio')],
  ['NaN as JSON in a tombstone', { ...of('ratio'), tombstone: 'is' }],
  ['NaN as key', { ...text, key: 'ratio' }],
  ['NaN as key and value', { ...of('ratio'), key: 'ratio' }],
  ['a struct as key', { ...text, key: 'object' }],
  ['a list as key', { ...text, key: 'list' }],
  ['a struct as time', { ...text, timestamp: 'object' }],
  ['a time before 1970', { ...text, timestamp: 'at' }],
  ['a list of numbers as headers', { ...text, headers: 'list' }],
  ['a header without a key', { ...text, headers: 'headers' }],
  ['text as tombstone', { ...text, tombstone: 'text' }],
  ['a fraction as partition', { ...text, partition: 'ratio' }],
  ['a negative partition', { ...text, partition: 'whole' }, { partitioner: 'source' }],
  ['no partition', text, { partitioner: 'source' }],
  ['a key that is not there', { ...text, key: 'texts' }],
  ['bytes that are not there', { value: { kind: 'bytes' } }],
])('%s', async (_, plan, options = {}) => {
  for (const onError of ['fail', 'skip'] as const) {
    const expected = await outcome(nativeBackend(), options, plan, onError)
    expect(await outcome(jsBackend(), options, plan, onError), onError).toEqual(expected)
  }
})
