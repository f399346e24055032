/** kafkajs: whole batches, the original bytes of the rows that pass in one request a batch, idempotent, acks from all. */
import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { freshGroup, job, Window } from '../window.ts'

const { bootstrapServers, topic, output, rows } = job()
const kafka = new Kafka({ brokers: [bootstrapServers], logLevel: logLevel.NOTHING })
const consumer = kafka.consumer({
  groupId: freshGroup(),
  maxBytesPerPartition: 8 << 20,
  maxBytes: 64 << 20,
  maxWaitTimeInMs: 100,
})
const producer = kafka.producer({ idempotent: true, createPartitioner: Partitioners.DefaultPartitioner })
const window = new Window()
let read = 0
await Promise.all([consumer.connect(), producer.connect()])
await consumer.subscribe({ topic, fromBeginning: true })
await new Promise<void>((resolve, reject) => {
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
  // Concurrency lets the next batch be parsed while the last one is written.
  consumer.run({
    partitionsConsumedConcurrently: 4,
    eachBatch: async ({ batch }) => {
      window.open()
      const messages = batch.messages
        .filter(({ value }) => JSON.parse(value!.toString()).amount > 1000)
        .map(({ key, value }) => ({ key, value }))
      // Half of them at a time: a request may have a megabyte by the broker's default, and a batch has up to eight.
      const share = 4000
      for (let from = 0; from < messages.length; from += share) {
        await producer.send({ topic: output, acks: -1, messages: messages.slice(from, from + share) })
      }
      read += batch.messages.length
      if (read < rows) return
      window.close()
      resolve()
    },
  })
})
await consumer.disconnect()
await producer.disconnect()
window.print({ rows: read })
