/**
 * `npm start`: real flights through Kafka, as columns. Read this file first: it holds the pipelines, the others hold
 * what a demo needs beside them (options, data, progress, tables).
 *
 *   npm start                                                        on a broker inside this process; nothing to install
 *   npm start -- --bootstrap-servers localhost:9092                  on a real Kafka
 *   npm start -- --bootstrap-servers localhost:9092 --rows 2000000   how fast it is there: measure.ts
 *
 * A project of your own imports from 'sabot' what is imported here from the source.
 */
import { col, createTopics, EmbeddedBroker, SabotError, Stream } from '../../src/index.ts'
import { checked, count, rate } from './figures.ts'
import { batchesOf, DelayTable, isDelayed, readFlights } from './flights.ts'
import { measure } from './measure.ts'
import { type DemoOptions, parseOptions, usage } from './options.ts'
import { Progress, watch } from './progress.ts'

async function main(options: DemoOptions): Promise<boolean> {
  if (options.bootstrapServers === undefined) {
    // Eight partitions: the embedded broker keeps at most 5 MiB of each.
    await using broker = await EmbeddedBroker.start({ topics: { flights: 8, delayed: 8 } })
    console.log(`A broker inside this process, at ${broker.bootstrapServers}.\n`)
    return await flightsDemo(broker.bootstrapServers, 'flights', 'delayed')
  }
  const { bootstrapServers, rows } = options
  if (rows !== undefined) return measure(bootstrapServers, rows)
  const run = Date.now().toString(36)
  const [flights, delayed] = [`sabot-demo-${run}-flights`, `sabot-demo-${run}-delayed`]
  await createTopics({ bootstrapServers, topics: { [flights]: 8, [delayed]: 8 } })
  console.log(`Kafka at ${bootstrapServers}. Topics that stay: ${flights}, ${delayed}.\n`)
  return flightsDemo(bootstrapServers, flights, delayed)
}

async function flightsDemo(bootstrapServers: string, flightsTopic: string, delayedTopic: string): Promise<boolean> {
  const flights = readFlights()

  // 1. Arrow record batches into a topic, a JSON object a row.
  const produce = Stream.fromBatches(batchesOf(flights))
    .toKafka({ bootstrapServers, topic: flightsTopic, partitioner: 'roundRobin' })
    .start({ signals: false })
  const produced = await watch('flights -> Kafka', produce, ({ rowsOut }) => rowsOut, flights.length)

  // 2. The main job: a topic read as columns, filtered, extended, written to another topic.
  const pipeline = Stream.fromKafka({
    bootstrapServers,
    topic: flightsTopic,
    groupId: `${flightsTopic}-demo`,
    until: 'end',
    schema: { delay: 'int32', distance: 'int32', time: 'float64' },
  })
    .filter(col('delay').gt(15))
    .withColumns({ hours: col('delay').div(60), km: col('distance').mul(1.609344) })
    .toKafka({ topic: delayedTopic })
  const piped = await watch(
    'filter, extend, write',
    pipeline.start({ signals: false }),
    (m) => m.messagesIn,
    flights.length,
  )

  // 3. The result read back, batch by batch, without a group.
  const results = new DelayTable()
  const progress = new Progress('results <- Kafka', piped.rowsOut)
  await Stream.fromKafka({
    bootstrapServers,
    topic: delayedTopic,
    until: 'end',
    schema: { delay: 'int32', distance: 'int32', hours: 'float64', km: 'float64' },
  }).forEachBatch(
    (batch) => {
      results.addBatch(batch)
      progress.update(results.rows)
    },
    { signals: false },
  )
  progress.end(results.rows)

  console.log(`\nThe plan:\n${pipeline.explain().replace(/^(?=.)/gm, '  ')}\n`)
  console.log(results.toString())
  console.log(`\nThe pipeline took ${rate(piped)}.\n`)

  // The same in plain JavaScript, over the file that the flights came from.
  const expected = new DelayTable()
  for (const flight of flights) if (isDelayed(flight)) expected.addFlight(flight)
  return checked([
    { what: 'flights written', expected: count(flights.length), got: count(produced.rowsOut) },
    { what: 'flights read', expected: count(flights.length), got: count(piped.messagesIn) },
    { what: 'delayed flights written', expected: count(expected.rows), got: count(piped.rowsOut) },
    { what: 'delayed flights read back', expected: count(expected.rows), got: count(results.rows) },
    { what: 'minutes of delay, summed', expected: count(expected.minutes), got: count(results.minutes) },
    { what: 'values that were computed wrongly', expected: '0', got: count(results.wrong) },
    { what: 'the table, row by row', expected: expected.fingerprint(), got: results.fingerprint() },
  ])
}

const options = parseOptions(process.argv.slice(2))
if (options === 'help') console.log(usage)
else if ('problem' in options) {
  console.error(`demo: ${options.problem}\n\n${usage}`)
  process.exitCode = 2
} else {
  try {
    process.exitCode = (await main(options)) ? 0 : 1
  } catch (error) {
    if (!(error instanceof SabotError)) throw error
    console.error(`\ndemo: ${error.code}: ${error.message}`)
    process.exitCode = 1
  }
}
