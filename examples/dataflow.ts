/**
 * Orders over 100, with their tax and total: from the topic `orders` to the topic `processed_orders`. Both must exist.
 *
 *   node examples/dataflow.ts [HOST:PORT] [--until-end]      default: localhost:9092, until Ctrl-C
 *
 * In a project of your own the import is: import { col, Stream } from 'sabot'
 */
import { parseArgs } from 'node:util'
import { col, Stream } from '../src/index.ts'

const { positionals, values } = parseArgs({ allowPositionals: true, options: { 'until-end': { type: 'boolean' } } })
const bootstrapServers = positionals[0] ?? 'localhost:9092'

const dataflow = Stream.fromKafka(bootstrapServers, 'orders', 'order-processor', {
  schema: { id: 'int64', customer: 'utf8', amount: 'float64' },
  parallelism: 2,
  // --until-end: what is there when the run starts, and then no more.
  ...(values['until-end'] && { until: 'end' }),
})
  .filter(col('amount').gt(100))
  .withColumns({ tax: col('amount').mul(0.08) })
  .withColumns({ total: col('amount').add(col('tax')) })
  .toKafka(bootstrapServers, 'processed_orders')

console.log(dataflow.explain())
const { messagesIn, rowsOut } = await dataflow.run()
console.log(`${messagesIn} orders read, ${rowsOut} of them over 100 written to processed_orders`)
