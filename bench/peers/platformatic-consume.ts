/** @platformatic/kafka: its stream of messages, few large fetches, JSON.parse. */
import { Consumer, MessagesStreamModes } from '@platformatic/kafka'
import { freshGroup, job, Tally, Window } from '../window.ts'

const { bootstrapServers, topic, rows } = job()
const consumer = new Consumer({ groupId: freshGroup(), clientId: 'bench', bootstrapBrokers: [bootstrapServers] })
const stream = await consumer.consume({
  topics: [topic],
  mode: MessagesStreamModes.EARLIEST,
  autocommit: false,
  minBytes: 1,
  maxBytes: 64 << 20,
  maxBytesPerPartition: 8 << 20,
  maxWaitTime: 100,
  highWaterMark: 65_536,
})
const window = new Window()
const tally = new Tally()
await new Promise<void>((resolve, reject) => {
  stream.on('error', reject)
  stream.on('data', (message) => {
    window.open()
    tally.add(JSON.parse(message.value!.toString()).amount)
    if (tally.rows < rows) return
    window.close()
    resolve()
  })
})
window.print(tally)
await consumer.close(true)
