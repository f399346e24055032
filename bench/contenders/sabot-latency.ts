/** Sabot's filter pipeline with the preset for latency, which the sink takes from the source: from the end of the input until SIGTERM. Says "ready". */
import { col, Stream } from '../../src/index.ts'
import { schemaOf } from '../data.ts'
import { freshGroup, job, Window } from '../window.ts'

const { bootstrapServers, topic, output } = job()
const window = new Window()
const run = Stream.fromKafka({
  bootstrapServers,
  topic,
  from: 'latest',
  schema: schemaOf(false),
  groupId: freshGroup(),
  preset: 'latency',
})
  .filter(col('amount').gt(1000))
  .toKafka({ topic: output })
  .start()
while (run.metrics().assigned.length === 0) await new Promise((resolve) => setTimeout(resolve, 20))
// The ends of the partitions are asked for after the assignment.
await new Promise((resolve) => setTimeout(resolve, 1000))
window.open()
console.log('ready')
const { messagesIn } = await run.done
window.close()
window.print({ rows: messagesIn })
