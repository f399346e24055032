/** A topic that Sabot wrote, read back by Kafka's own console consumer and compared line by line. */
import { expect, test } from 'vitest'
import { col, Stream } from '../../src/index.ts'
import { movies } from '../support/datasets.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka

test('every line is the record that JavaScript makes of the source file', async () => {
  const [from, to] = [unique('console'), unique('console-out')]
  await kafka.createTopic(from)
  await kafka.createTopic(to)
  const { documents, rows } = movies()
  await kafka.produce(
    from,
    documents.map((value, i) => ({ value, timestamp: 1_600_000_000_000 + i, headers: [['i', String(i)]] as const })),
  )
  await Stream.fromKafka({
    bootstrapServers,
    topic: from,
    until: 'end',
    schema: { Title: 'utf8', Director: 'utf8', 'US Gross': 'int64', 'IMDB Rating': 'float64' },
  })
    .filter(col('Director').isNotNull())
    .withColumns({ millions: col('US Gross').div(1_000_000) })
    .toKafka({ topic: to, key: 'Director' })
    .run({ signals: false })
  const expected = rows.flatMap((row, i) => {
    const { Title, Director, 'US Gross': gross, 'IMDB Rating': rating } = row
    if (Director === null) return []
    const title = typeof Title === 'number' ? String(Title) : Title
    const millions = gross === null ? null : Number(gross) / 1_000_000
    const value = JSON.stringify({ Title: title, Director, 'US Gross': gross, 'IMDB Rating': rating, millions })
    return [`CreateTime:${1_600_000_000_000 + i}\tPartition:0\ti:${i}\t${Director}\t${value}`]
  })
  const properties = ['print.key', 'print.headers', 'print.timestamp', 'print.partition']
  const { stdout } = await kafka.tool('org.apache.kafka.tools.consumer.ConsoleConsumer', [
    ...['--bootstrap-server', bootstrapServers, '--topic', to, '--from-beginning', '--timeout-ms', '30000'],
    ...['--max-messages', String(expected.length)],
    ...properties.flatMap((property) => ['--property', `${property}=true`]),
  ])
  expect(expected.length).toBeGreaterThan(1500)
  expect(stdout.trimEnd().split('\n')).toEqual(expected)
})
