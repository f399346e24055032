/** What the scripts share: a broker with rows, and a pipeline that copies them without an end. */
import { tableFromArrays } from 'apache-arrow'
import { col, EmbeddedBroker, type Pipeline, type Run, Stream } from '../../../src/index.ts'

export const ROWS = 20_000
export const schema = { id: 'int64', amount: 'float64', name: 'utf8' } as const

/** A broker with the topics `in`, which has ROWS rows in four partitions, and `out`. */
export async function brokerWithRows(): Promise<EmbeddedBroker> {
  const broker = await EmbeddedBroker.start({ topics: { in: 4, out: 4 } })
  const ids = Array.from({ length: ROWS }, (_, i) => i)
  const table = tableFromArrays({
    id: BigInt64Array.from(ids, BigInt),
    amount: Float64Array.from(ids, (id) => id / 8),
    name: ids.map((id) => `row ${id}`),
  })
  // Written natively whatever backend is asked for: the rows are no part of what is tested.
  const { SABOT_BACKEND = 'auto' } = process.env
  process.env.SABOT_BACKEND = 'native'
  await Stream.fromBatches(table).toKafka({ bootstrapServers: broker.bootstrapServers, topic: 'in', key: 'name' }).run()
  process.env.SABOT_BACKEND = SABOT_BACKEND
  return broker
}

/** Copies `in` to `out` for ever; `step` sees every batch. */
export function copying(bootstrapServers: string, step: () => unknown = () => {}): Pipeline {
  return Stream.fromKafka({
    bootstrapServers,
    topic: 'in',
    groupId: 'copying',
    schema,
    batch: { maxRows: 500 },
  })
    .filter(col('amount').ge(0))
    .mapBatches(async (batch) => {
      await step()
      return batch
    })
    .toKafka({ topic: 'out' })
}

/** The same without a step in JavaScript: rows go from the source's threads to the sink's. */
export function fused(bootstrapServers: string, groupId = 'fused'): Pipeline {
  return Stream.fromKafka({ bootstrapServers, topic: 'in', groupId, schema, batch: { maxRows: 50 } })
    .filter(col('amount').ge(0))
    .toKafka({ topic: 'out' })
}

/** Resolves when the run has read some rows. */
export async function flowing(run: Run, messages = 1): Promise<void> {
  while (run.metrics().messagesIn < messages) await new Promise((resolve) => setTimeout(resolve, 5))
}

/** For the parent, at once: what is written at the very end of a process may be lost otherwise. */
export const say = (line: string): Promise<void> =>
  new Promise((resolve) => process.stdout.write(`${line}\n`, () => resolve()))
