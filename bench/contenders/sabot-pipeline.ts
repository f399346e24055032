/** Sabot's pipelines: rows with an amount over 1,000 to another topic. With a group, as one runs them. */
import { col, Stream } from '../../src/index.ts'
import { schemaOf } from '../data.ts'
import { freshGroup, job, Window } from '../window.ts'
import { listen } from './listener.ts'

const { bootstrapServers, topic, output, passing, wide, mode, listened } = job()
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

// The counters are looked at instead of the end of the run, which also commits and leaves the group. Seldom, and often
// only towards the end: looking takes time of the JavaScript thread, whose share is measured.
async function watch(): Promise<void> {
  let began = 0
  for (;;) {
    const { messagesIn, rowsOut } = run.metrics()
    const now = performance.now()
    if (messagesIn > 0) {
      window.open()
      began ||= now
    }
    if (rowsOut >= passing) return window.close()
    const left = rowsOut === 0 ? 0 : ((now - began) / rowsOut) * (passing - rowsOut)
    await new Promise((resolve) => setTimeout(resolve, Math.max(2, Math.min(left / 2, 100))))
  }
}
await Promise.race([watch(), run.done.then(() => new Promise((resolve) => setTimeout(resolve, 50)))])
const { messagesIn, batches } = await run.done
const fusion = /^\s*((not )?fused\b.*)$/m.exec(pipeline.explain())?.[1]
window.print({ rows: messagesIn, batches, fusion: fusion ?? 'not fused' })
