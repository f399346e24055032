/** Sabot reading: all columns of every row, or one column of the rows that a pushed-down filter lets pass. */
import { col, Stream } from '../../src/index.ts'
import { schemaOf } from '../data.ts'
import { job, Tally, Window } from '../window.ts'
import { listen } from './listener.ts'

const { bootstrapServers, topic, wide, mode, listened, ...expected } = job()
if (listened) listen()
const window = new Window()
const tally = new Tally()
const source = Stream.fromKafka({ bootstrapServers, topic, until: 'end', schema: schemaOf(wide) })
// Every column is built and lies there as a typed array; one is summed, as a check.
const isFiltered = mode === 'filter'
const rows = isFiltered ? source.filter(col('amount').gt(1000)).select('amount') : source
const last = isFiltered ? expected.passing : expected.rows

const { messagesIn, batches } = await rows.forEachBatch(
  (batch) => {
    window.open()
    for (const amount of batch.getChild('amount')!.toArray() as Float64Array) tally.add(amount)
    if (tally.rows >= last) window.close()
  },
  { signals: false },
)
window.print({ rows: messagesIn, over: tally.over, sum: tally.sum, batches })
