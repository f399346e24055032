/** Records that the broker refuses, and rows that cannot be written. */
import { expect, test } from 'vitest'
import { col, Stream } from '../../src/index.ts'
import { backend } from '../support/backend.ts'
import { eventually, failure } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'
import { arrived, committedOf, fill, missing, numbered, schema } from './rows.ts'

const quiet = { signals: false } as const

const topics = async (config: Readonly<Record<string, string>> = {}) => {
  const [input, output, group] = [unique('in'), unique('out'), unique('group')]
  await kafka.createTopic(input, 1)
  await kafka.createTopic(output, 2, config)
  const source = {
    bootstrapServers: kafka.bootstrapServers,
    topic: input,
    groupId: group,
    schema,
    batch: { maxRows: 10, maxWaitMs: 5 },
    commitIntervalMs: 20,
  } as const
  return { input, output, group, source }
}

/** Every row in front of the committed position lies in the output. */
const expectNothingLost = async (group: string, input: string, output: string, before: number): Promise<number> => {
  const [committed] = await committedOf(kafka, group, input, 1)
  expect(committed).toBeLessThanOrEqual(before)
  expect(missing(await arrived(kafka, output, 1), 0, committed!)).toEqual([])
  return committed!
}

test('a record that is larger than the topic takes fails the run by name; nothing past it is committed', async () => {
  const { input, output, group, source } = await topics({ 'max.message.bytes': '2000' })
  const large = { ...numbered(0, 55, 56)[0]!, value: `{"p":0,"n":55,"filler":"${'x'.repeat(5_000)}"}` }
  await kafka.produce(input, [...numbered(0, 0, 55), large, ...numbered(0, 56, 100)])
  // One record a request: else a batch of records would already be too large for this topic.
  const sink = { topic: output, lingerMs: 0, batchBytes: 1_500 }
  const error = await failure(Stream.fromKafka(source).toKafka(sink).run(quiet))
  expect(error).toMatchObject({ code: 'DELIVERY', where: { topic: output, partition: expect.any(Number) } })
  expect(error.message).toMatch(new RegExp(`^toKafka: ${output}\\[[01]\\]: .*MSG_SIZE_TOO_LARGE`))
  const committed = await expectNothingLost(group, input, output, 55)

  // The next run meets it again: at-least-once. Where the topic takes it, the run goes on.
  expect((await failure(Stream.fromKafka(source).toKafka(sink).run(quiet))).code).toBe('DELIVERY')
  await kafka.alterTopic(output, { 'max.message.bytes': '1000000' })
  const metrics = await Stream.fromKafka({ ...source, until: 'end' })
    .toKafka(sink)
    .run(quiet)
  expect(metrics.rowsOut).toBeGreaterThanOrEqual(45)
  expect(metrics.rowsOut).toBeLessThanOrEqual(100 - committed)
  expect(missing(await arrived(kafka, output, 1), 0, 100)).toEqual([])
  expect(await committedOf(kafka, group, input, 1)).toEqual([100])
})

test('a topic that is deleted under the run fails it by name; nothing past it is committed', async () => {
  const { input, output, group, source } = await topics()
  await fill(kafka, input, 1, 100)
  const run = Stream.fromKafka({
    ...source,
    // Of librdkafka, which waits for a topic that it does not know.
    ...(backend === 'native' && {
      kafka: { 'topic.metadata.propagation.max.ms': 1_000, 'topic.metadata.refresh.fast.interval.ms': 100 },
    }),
  })
    .toKafka({ topic: output, deliveryTimeoutMs: 10_000 })
    .start(quiet)
  await eventually(async () => (await committedOf(kafka, group, input, 1))[0] === 100, 'the rows are committed')
  await kafka.deleteTopic(output)
  await kafka.produce(input, numbered(0, 100, 150))
  const error = await failure(run.done)
  expect(['UNKNOWN_TOPIC', 'DELIVERY']).toContain(error.code)
  expect(error.where).toMatchObject({ topic: output })
  expect(error.message).toMatch(output)
  expect(await committedOf(kafka, group, input, 1)).toEqual([100])
})

interface Line {
  readonly fields: Record<string, unknown>
  readonly message: string
}

const logged = () => {
  const lines: Line[] = []
  const keep = (fields: object, message: string) => void lines.push({ fields: fields as Line['fields'], message })
  return { lines, logger: { debug() {}, info() {}, warn: keep, error: keep } }
}

test('a row that JSON cannot hold (NaN) ends the run at its batch, or under skip is counted and logged', async () => {
  const { input, output, group, source } = await topics()
  await kafka.produce(input, numbered(0, 0, 40))
  // 0 / 0 where n is 7.
  const stream = (more: object) =>
    Stream.fromKafka({ ...source, until: 'end', ...more }).withColumns({
      ratio: col('n').sub(7).div(col('n').sub(7)),
    })
  const error = await failure(stream({}).toKafka({ topic: output }).run(quiet))
  expect(error).toMatchObject({ code: 'ENCODE', where: { topic: input, partition: 0 } })
  expect(error.message).toMatch(/\[0\] at offset 7: toKafka: column ratio: NaN/)
  expect(await committedOf(kafka, group, input, 1)).toEqual([0])

  const { lines, logger } = logged()
  const metrics = await stream({ onError: 'skip', logger }).toKafka({ topic: output }).run(quiet)
  expect(metrics).toMatchObject({ rowsOut: 39, errors: { ENCODE: 1 } })
  expect(lines).toEqual([
    {
      fields: { topic: input, partition: 0, offset: 7n, code: 'ENCODE', reason: expect.stringMatching(/ratio/) },
      message: 'row skipped',
    },
  ])
  expect(await committedOf(kafka, group, input, 1)).toEqual([40])
  expect(missing(await arrived(kafka, output, 1), 0, 40)).toEqual([7])
})

test('a hundred thousand bad rows are counted one by one and logged in a few lines', async () => {
  const { input, output, group, source } = await topics()
  const bad = 100_000
  await kafka.produce(input, [
    ...Array.from({ length: bad }, () => ({ value: '{"p":0,"n":"no number' })),
    ...numbered(0, bad, bad + 10),
  ])
  const { lines, logger } = logged()
  const metrics = await Stream.fromKafka({ ...source, batch: {}, until: 'end', onError: 'skip', logger })
    .toKafka({ topic: output })
    .run(quiet)
  expect(metrics).toMatchObject({ messagesIn: bad + 10, rowsOut: 10, errors: { DECODE: bad } })
  expect(await committedOf(kafka, group, input, 1)).toEqual([bad + 10])
  const skipped = lines.filter(({ message }) => message === 'row skipped')
  const sums = lines.filter(({ fields }) => 'rows' in fields)
  expect(skipped.length).toBeLessThan(200)
  expect(skipped[0]!.fields).toEqual({
    topic: input,
    partition: 0,
    offset: 0n,
    code: 'DECODE',
    reason: expect.stringMatching(/./),
  })
  expect(skipped[0]!.fields.reason).not.toMatch(/x{300}/)
  expect(sums.reduce((sum, { fields }) => sum + (fields.rows as number), skipped.length)).toBe(bad)
})

test('a bad row ends the run with its place; the rows before its batch are committed, the next run meets it again', async () => {
  const { input, output, group, source } = await topics()
  await kafka.produce(input, [...numbered(0, 0, 25), { value: '{"p":0,' }, ...numbered(0, 26, 40)])
  for (let i = 0; i < 2; i++) {
    const error = await failure(Stream.fromKafka(source).toKafka({ topic: output }).run(quiet))
    expect(error).toMatchObject({ code: 'DECODE', where: { topic: input, partition: 0, offset: 25n } })
    expect(error.message).toMatch(`${input}[0] at offset 25: `)
    await expectNothingLost(group, input, output, 25)
  }
  const metrics = await Stream.fromKafka({ ...source, until: 'end', onError: 'skip' })
    .toKafka({ topic: output })
    .run(quiet)
  expect(metrics.errors).toEqual({ DECODE: 1 })
  expect(missing(await arrived(kafka, output, 1), 0, 40)).toEqual([25])
})
