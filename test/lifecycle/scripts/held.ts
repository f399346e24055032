/** Batches that are held while their run is stopped, their broker closed, and their memory could be taken by others. */
import { type RecordBatch, Stream } from '../../../src/index.ts'
import { brokerWithRows, say, schema } from './flow.ts'

/** What a batch says of its rows, against what brokerWithRows() wrote. */
const isRight = (batch: RecordBatch): boolean =>
  batch.toArray().every(({ id, amount, name }) => Number(id) / 8 === amount && name === `row ${id}`)

const ROUNDS = 5
let same = 0
for (let round = 1; round <= ROUNDS; round++) {
  const broker = await brokerWithRows()
  const { bootstrapServers } = broker
  const held: RecordBatch[] = []
  const stop = new AbortController()
  const options = { bootstrapServers, topic: 'in', groupId: 'held', schema, batch: { maxRows: 100 } }
  const done = Stream.fromKafka(options).forEachBatch((batch) => void held.push(batch), { signal: stop.signal })
  while (held.length < 20) await new Promise((resolve) => setTimeout(resolve, 5))
  if (round === ROUNDS) await say('ready')
  stop.abort()
  await done
  await broker.close()
  // Whatever was freed is taken again and overwritten.
  for (let i = 0; i < 10; i++) {
    Buffer.alloc(1 << 20, 0xee)
    global.gc!()
  }
  if (held.length >= 20 && held.every(isRight)) same++
}
await say(`rows: ${same} times the same`)
