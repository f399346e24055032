/** Five compressions, both ways: what Java wrote is read, what is written Java and Kafka's own tools read. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { lit, Stream } from '../../src/index.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const prefix = unique('compressed')
const [fromJava, byUs] = [(name: string) => `${prefix}.java.${name}`, (name: string) => `${prefix}.ours.${name}`]
const rows = Array.from({ length: 5000 }, (_, i) => ({ id: i, text: `row ${i} of many that are much alike` }))
const written = (compression: string) => rows.map((row) => JSON.stringify({ ...row, compression }))

beforeAll(async () => {
  for (const name of compressions) {
    await kafka.createTopic(fromJava(name))
    await kafka.createTopic(byUs(name))
    await kafka.produce(
      fromJava(name),
      rows.map((row) => ({ value: JSON.stringify(row) })),
      { config: { 'compression.type': name, 'linger.ms': '20', 'batch.size': '100000' } },
    )
  }
})

test.each(compressions)('%s is read and written', async (compression) => {
  const metrics = await Stream.fromKafka({
    bootstrapServers,
    topic: fromJava(compression),
    schema: { id: 'int64', text: 'utf8' },
    until: 'end',
  })
    .withColumns({ compression: lit(compression) })
    .toKafka({ topic: byUs(compression), compression, lingerMs: 20 })
    .run({ signals: false })
  expect(metrics.rowsOut).toBe(rows.length)
  const read = await kafka.consume(byUs(compression))
  expect(read.map(({ value }) => String(value))).toEqual(written(compression))
})

test("Kafka's own console consumer reads what was written with each", async () => {
  const { stdout } = await kafka.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', bootstrapServers, '--include', `${prefix}.ours.*`, '--from-beginning'],
    ...['--max-messages', String(rows.length * compressions.length), '--timeout-ms', '30000'],
  ])
  const lines = stdout.trimEnd().split('\n')
  for (const compression of compressions) {
    const own = lines.filter((line) => line.endsWith(`"compression":"${compression}"}`))
    expect(own).toEqual(written(compression))
  }
})

test("the broker's log holds batches of each compression, on both sides", async () => {
  const listing = await kafka.tool('org.apache.kafka.tools.LogDirsCommand', [
    ...['--bootstrap-server', bootstrapServers, '--describe', '--topic-list', compressions.map(byUs).join()],
  ])
  const json = listing.stdout.split('\n').find((line) => line.startsWith('{'))
  const folder = JSON.parse(json!).brokers[0].logDirs[0].logDir as string
  const topics = [...compressions.map(fromJava), ...compressions.map(byUs)]
  const files = topics.flatMap((topic) =>
    readdirSync(join(folder, `${topic}-0`))
      .filter((file) => file.endsWith('.log'))
      .map((file) => join(folder, `${topic}-0`, file)),
  )
  const dump = await kafka.tool('kafka.tools.DumpLogSegments', ['--files', files.join()])
  const found = new Map<string, Set<string>>()
  let topic = ''
  for (const line of dump.stdout.split('\n')) {
    topic = /^Dumping .*\/([^/]+)-0\//.exec(line)?.[1] ?? topic
    const codec = /compresscodec: (\w+)/i.exec(line)?.[1]
    if (codec !== undefined) found.set(topic, (found.get(topic) ?? new Set()).add(codec.toLowerCase()))
  }
  for (const name of compressions) {
    expect([...(found.get(fromJava(name)) ?? [])]).toEqual([name])
    expect([...(found.get(byUs(name)) ?? [])]).toEqual([name])
  }
})
