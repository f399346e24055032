/** Sabot's pipelines: rows with an amount over 1,000 to another topic. With a group, as one runs them. */
import { col, Stream } from '../../src/index.ts'
import { schemaOf } from '../data.ts'
import { freshGroup, job, Window } from '../window.ts'
import { listen } from './listener.ts'

const { bootstrapServers, topic, output, rows, passing, wide, mode, listened } = job()
const source = Stream.fromKafka({
  bootstrapServers,
  topic,
  until: 'end',
  schema: schemaOf(wide),
  groupId: freshGroup(),
})
const passed = source.filter(col('amount').gt(1000))

const pipelines = {
  // The bytes of the values pass as they are.
  fused: () => passed.toKafka({ topic: output }),
  withColumns: () => passed.withColumns({ tax: col('amount').mul(0.08) }).toKafka({ topic: output }),
  // A function of the user's sees every batch; its result is encoded anew.
  mapBatches: () => passed.mapBatches((batch) => batch).toKafka({ topic: output }),
}
const pipeline = pipelines[mode as keyof typeof pipelines]()
const window = new Window()
if (listened) listen(() => run)
const run = pipeline.start({ signals: false })

// The counters are looked at instead of the end of the run, which also commits and leaves the group. Often only where
// something is about to happen: looking takes time of the JavaScript thread, whose share is measured.
async function watch(): Promise<void> {
  for (;;) {
    const { messagesIn, rowsOut } = run.metrics()
    if (messagesIn > 0) window.open()
    if (rowsOut >= passing) return window.close()
    await new Promise((resolve) => setTimeout(resolve, messagesIn > 0 && messagesIn < rows ? 25 : 2))
  }
}
await Promise.race([watch(), run.done.then(() => new Promise((resolve) => setTimeout(resolve, 50)))])
const { messagesIn, batches } = await run.done
const fusion = /^\s*((not )?fused\b.*)$/m.exec(pipeline.explain())?.[1]
window.print({ rows: messagesIn, batches, fusion: fusion ?? 'not fused' })
