/** @confluentinc/kafka-javascript, by both of its interfaces, with few large fetches and JSON.parse. */
import confluent from '@confluentinc/kafka-javascript'
import { freshGroup, job, Tally, Window } from '../window.ts'

const { bootstrapServers, topic, rows, mode } = job()
const window = new Window()
const tally = new Tally()
const fetching = {
  'fetch.wait.max.ms': 100,
  'fetch.queue.backoff.ms': 5,
  'fetch.max.bytes': 64 << 20,
  'max.partition.fetch.bytes': 4 << 20,
  'queued.max.messages.kbytes': 8192,
  'queued.min.messages': 1_000_000,
}

/** KafkaJS's interface, in batches as large as it gives them. */
async function promised(): Promise<void> {
  const { Kafka, logLevel } = confluent.KafkaJS
  const kafka = new Kafka({ kafkaJS: { brokers: [bootstrapServers], logLevel: logLevel.NOTHING } })
  const consumer = kafka.consumer({
    kafkaJS: { groupId: freshGroup(), fromBeginning: true, autoCommit: false },
    ...fetching,
    'js.consumer.max.batch.size': -1,
  })
  await consumer.connect()
  await consumer.subscribe({ topic })
  await new Promise<void>((resolve) => {
    consumer.run({
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
}

/** node-rdkafka's interface: many messages a call, each call when the last one has answered. */
async function callbacks(): Promise<void> {
  const settings = { 'bootstrap.servers': bootstrapServers, 'group.id': freshGroup(), 'enable.auto.commit': false }
  const consumer = new confluent.KafkaConsumer({ ...settings, ...fetching }, { 'auto.offset.reset': 'earliest' })
  await new Promise<void>((resolve, reject) => {
    const next = (): void => {
      consumer.consume(4096, (error, messages) => {
        if (error) return reject(error)
        if (messages.length > 0) window.open()
        for (const message of messages) tally.add(JSON.parse(message.value!.toString()).amount)
        if (tally.rows < rows) return next()
        window.close()
        resolve()
      })
    }
    consumer.on('ready', () => {
      consumer.setDefaultConsumeTimeout(50)
      consumer.subscribe([topic])
      next()
    })
    consumer.connect(undefined, (error) => {
      if (error) reject(error)
    })
  })
  await new Promise((resolve) => consumer.disconnect(resolve))
}

await (mode === 'promised' ? promised() : callbacks())
window.print(tally)
