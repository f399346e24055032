/**
 * `npm start -- --bootstrap-servers HOST:PORT --rows N`: how fast reading is on this machine and this Kafka, beside
 * librdkafka's batch consume alone on the same topic (build/raw-consume, from native/tools/raw_consume.cc).
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify, styleText } from 'node:util'
import { col, createTopics, SabotError, Stream } from '../../src/index.ts'
import { checked, count, machine, perSecond, table } from './figures.ts'
import { watch } from './progress.ts'
import { schema, transactions } from './transactions.ts'

const partitions = 4
/** Every reading is done so often, in turn with the others; the best of each counts. */
const rounds = 3
const limit = 1000

interface Figure {
  readonly rows: number
  readonly bytes: number
  readonly ms: number
}

const fastest = (figures: readonly Figure[]): Figure => figures.reduce((a, b) => (b.ms < a.ms ? b : a))

const rawConsume = fileURLToPath(new URL('../../build/raw-consume', import.meta.url))

/** librdkafka alone: messages are counted and thrown away. */
async function readRaw(bootstrapServers: string, topic: string): Promise<Figure> {
  const { stdout } = await promisify(execFile)(rawConsume, [bootstrapServers, topic])
  const { rows, bytes, secondsFromAssign } = JSON.parse(stdout) as Record<string, number>
  return { rows: rows!, bytes: bytes!, ms: secondsFromAssign! * 1000 }
}

/** Every column of every row, as Arrow record batches in JavaScript. */
async function readColumns(bootstrapServers: string, topic: string): Promise<Figure> {
  let rows = 0
  const metrics = await Stream.fromKafka({ bootstrapServers, topic, until: 'end', schema }).forEachBatch(
    (batch) => {
      rows += batch.numRows
    },
    { signals: false },
  )
  return { rows, bytes: metrics.bytesIn, ms: metrics.elapsedMs }
}

export async function measure(bootstrapServers: string, rows: number): Promise<boolean> {
  if (!existsSync(rawConsume)) {
    throw new SabotError('BACKEND', `expected ${rawConsume} to measure against; there is none. Run \`npm rebuild\`.`)
  }
  const run = Date.now().toString(36)
  const [topic, flagged] = [`sabot-demo-${run}-transactions`, `sabot-demo-${run}-flagged`]
  await createTopics({ bootstrapServers, topics: { [topic]: partitions, [flagged]: partitions } })
  console.log(`${machine()}\nKafka at ${bootstrapServers}. Topics that stay: ${topic}, ${flagged}.\n`)

  const { batches, over } = transactions(rows)
  const produce = Stream.fromBatches(batches)
    .toKafka({ bootstrapServers, topic, partitioner: 'roundRobin' })
    .start({ signals: false })
  const produced = await watch('rows -> Kafka', produce, ({ rowsOut }) => rowsOut, rows)

  const [raw, columns]: [Figure[], Figure[]] = [[], []]
  for (let round = 1; round <= rounds; round++) {
    raw.push(await readRaw(bootstrapServers, topic))
    columns.push(await readColumns(bootstrapServers, topic))
    console.log(
      `round ${round} of ${rounds}            raw ${speed(raw.at(-1)!)}, to columns ${speed(columns.at(-1)!)}`,
    )
  }

  const pipeline = Stream.fromKafka({ bootstrapServers, topic, until: 'end', schema })
    .filter(col('amount').gt(limit))
    .withColumns({ tax: col('amount').mul(0.08) })
    .toKafka({ topic: flagged })
    .start({ signals: false })
  const piped = await watch('filter, extend, write', pipeline, ({ messagesIn }) => messagesIn, rows)
  const whole = { rows: piped.messagesIn, bytes: piped.bytesIn, ms: piped.elapsedMs }

  const [bestRaw, bestColumns] = [fastest(raw), fastest(columns)]
  const title = `${count(rows)} rows of ${(produced.bytesOut / rows).toFixed(0)} bytes, ${Object.keys(schema).length} fields`
  printFigures(`${title}, ${partitions} partitions; best of ${rounds}, the pipeline once`, bestRaw, bestColumns, whole)

  const expected = over(limit)
  const written = await readAmounts(bootstrapServers, flagged)
  return checked([
    { what: 'rows written', expected: count(rows), got: count(produced.rowsOut) },
    { what: 'rows read by librdkafka alone', expected: count(rows), got: count(bestRaw.rows) },
    { what: 'rows read as columns', expected: count(rows), got: count(bestColumns.rows) },
    { what: 'rows read by the pipeline', expected: count(rows), got: count(piped.messagesIn) },
    { what: `rows over ${limit} written`, expected: count(expected.rows), got: count(piped.rowsOut) },
    { what: `rows over ${limit} read back`, expected: count(expected.rows), got: count(written.rows) },
    { what: 'their amounts, summed, in cents', expected: count(expected.cents), got: count(written.cents) },
  ])
}

/** What the pipeline wrote: how many rows, and the sum of their amounts in cents. */
async function readAmounts(bootstrapServers: string, topic: string): Promise<{ rows: number; cents: number }> {
  let [rows, cents] = [0, 0]
  await Stream.fromKafka({ bootstrapServers, topic, until: 'end', schema: { amount: 'float64' } }).forEachBatch(
    (batch) => {
      for (const amount of batch.getChild('amount')!.toArray() as Float64Array) cents += Math.round(amount * 100)
      rows += batch.numRows
    },
    { signals: false },
  )
  return { rows, cents }
}

function printFigures(title: string, raw: Figure, columns: Figure, pipeline: Figure): void {
  const ratioOf = ({ rows, ms }: Figure): number => perSecond(rows, ms) / perSecond(raw.rows, raw.ms)
  const line = (name: string, figure: Figure): string[] => [
    name,
    (figure.ms / 1000).toFixed(2),
    count(Math.round(perSecond(figure.rows, figure.ms))),
    (perSecond(figure.bytes, figure.ms) / 1e6).toFixed(0),
    ratioOf(figure).toFixed(2),
  ]
  const lines = [
    line('librdkafka alone: batch consume', raw),
    line('consume to columns, all of them', columns),
    line(`consume, amount > ${limit}, tax, produce`, pipeline),
  ]
  console.log(`\n${title}\n\n${table(['', 'seconds', 'rows/s', 'MB/s', 'of raw'], lines)}\n`)
  judge('Consume to columns', ratioOf(columns))
  judge('The whole pipeline, which also encodes and produces', ratioOf(pipeline))
  console.log()
}

/** Under a third of what the client itself can do would mean that the design is wrong. */
const judge = (what: string, ratio: number): void => {
  const verdict = `${what}: ${ratio.toFixed(2)} of librdkafka's consume alone`
  console.log(ratio >= 1 / 3 ? `${verdict}.` : styleText('yellow', `${verdict}: under a third.`))
}

const speed = ({ rows, ms }: Figure): string => `${count(Math.round(perSecond(rows, ms)))} rows/s`
