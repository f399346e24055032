/**
 * `npm run kafka`: a real Apache Kafka to play with, until Ctrl-C; its data goes with it.
 *
 *   npm run kafka -- [port]     default 9092
 */
import { once } from 'node:events'
import { startKafka } from '../test/support/kafka.ts'

const port = Number(process.argv[2] ?? 9092)
if (!Number.isInteger(port) || port < 1 || port > 65535) {
  console.error(`kafka: expected a port, 1 to 65535; got ${process.argv[2]}`)
  process.exit(2)
}

console.log('kafka: starting (the first time, Maven fetches its jars: 54 MB)')
const kafka = await startKafka({ port, config: { 'auto.create.topics.enable': 'true' } }).catch((error: Error) => {
  console.error(`kafka: ${error.message}`)
  process.exit(1)
})
const signal = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
console.log(`kafka: ready at ${kafka.bootstrapServers}; Ctrl-C stops it and removes its data
  the demo on it:  npm start -- --bootstrap-servers ${kafka.bootstrapServers}
  its own tools:   java -cp '${kafka.address.classpath}' org.apache.kafka.tools.TopicCommand --bootstrap-server ${kafka.bootstrapServers} --list`)
await signal
console.log('kafka: stopping')
await kafka.stop()
