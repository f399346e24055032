/** kafkajs at its best: whole batches, few large fetches, JSON.parse. */
import { Kafka, logLevel } from 'kafkajs'
import { freshGroup, job, Tally, Window } from '../window.ts'

const { bootstrapServers, topic, rows } = job()
const kafka = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING })
const consumer = kafka.consumer({
  groupId: freshGroup(),
  maxBytesPerPartition: 8 << 20,
  maxBytes: 64 << 20,
  maxWaitTimeInMs: 100,
})
const window = new Window()
const tally = new Tally()
await consumer.connect()
await consumer.subscribe({ topic, fromBeginning: true })
await new Promise<void>((resolve) => {
  consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      window.open()
      for (const message of batch.messages) tally.add(JSON.parse(message.value!.toString()).amount)
      if (tally.rows < rows) return
      window.close()
      resolve()
    },
  })
})
await consumer.disconnect()
window.print(tally)
