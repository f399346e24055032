/** Ends that a person brings about: stop(), AbortSignal, signals of the process. In this process, but for signals. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Run, Stream } from '../../src/index.ts'
import { backend } from '../support/backend.ts'
import { eventually } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'
import { startJob } from './job.ts'
import { arrived, committedOf, missing, numbered, twoTopics } from './rows.ts'

const partitions = 3
const quiet = { signals: false } as const

const topics = (rows: number) => twoTopics(kafka, [unique('in'), unique('out'), unique('group')], partitions, rows)

const members = async (group: string) => (await kafka.describeGroup(group)).members

test('stop() delivers what was taken, commits exactly that, and leaves the group at once', async () => {
  const rows = 20_000
  const { input, output, group, source, sink } = await topics(rows)
  // Neither the clock's commits nor the end of the session would do it in time.
  const run = Stream.fromKafka({
    ...source,
    commitIntervalMs: 3_600_000,
    sessionTimeoutMs: 600_000,
    maxPollIntervalMs: 600_000,
    batch: { maxRows: 100 },
  })
    .mapBatches(async (batch) => {
      await sleep(2)
      return batch
    })
    .toKafka(sink)
    .start(quiet)
  await eventually(() => run.metrics().rowsOut > 500, 'rows are delivered')
  expect(await members(group)).toHaveLength(1)
  await run.stop()
  expect(await members(group)).toEqual([])

  const metrics = await run.done
  expect(metrics.inFlight).toBe(0)
  const result = await arrived(kafka, output, partitions)
  expect(result.records).toBe(metrics.rowsOut)
  expect(result.records).toBeLessThan(partitions * rows)
  const committed = await committedOf(kafka, group, input, partitions)
  expect(result.times.map((times) => times.size)).toEqual(committed)
  for (let p = 0; p < partitions; p++) expect(missing(result, p, committed[p]!)).toEqual([])
})

test('a stopped pipeline runs again, and goes on where it was', async () => {
  const { input, output, group, source, sink } = await topics(100)
  const pipeline = Stream.fromKafka({ ...source, until: 'end' }).toKafka(sink)
  expect((await pipeline.run(quiet)).rowsOut).toBe(partitions * 100)
  await kafka.produce(input, numbered(1, 100, 150))
  expect((await pipeline.run(quiet)).rowsOut).toBe(50)
  expect((await pipeline.run(quiet)).rowsOut).toBe(0)
  expect((await arrived(kafka, output, partitions)).records).toBe(partitions * 100 + 50)
  expect(await committedOf(kafka, group, input, partitions)).toEqual([100, 150, 100])
})

test('an AbortSignal ends run(), which resolves; one that came before does not even connect', async () => {
  const { input, group, source, sink } = await topics(100)
  const pipeline = Stream.fromKafka(source).toKafka(sink)
  const controller = new AbortController()
  const running = pipeline.run({ ...quiet, signal: controller.signal })
  await eventually(
    async () => (await kafka.offsets(sink.topic)).reduce((a, b) => a + b) === 300,
    'every row is delivered',
  )
  controller.abort()
  expect((await running).rowsOut).toBe(300)
  expect(await members(group)).toEqual([])
  expect(await committedOf(kafka, group, input, partitions)).toEqual([100, 100, 100])
  expect((await pipeline.run({ ...quiet, signal: AbortSignal.abort() })).messagesIn).toBe(0)
})

test('start() tells how it goes: partitions, rows, lag, commits; and how it was when it is over', async () => {
  const { input, source, sink } = await topics(500)
  const run = Stream.fromKafka({ ...source, commitIntervalMs: 20 })
    .toKafka(sink)
    .start(quiet)
  expect(run.backend).toBe(backend)
  await eventually(() => {
    const { rowsOut, lag, inFlight } = run.metrics()
    return (
      rowsOut === 1500 && inFlight === 0 && lag.length === partitions && lag.every(({ messages }) => messages === 0n)
    )
  }, 'it is up to date')
  await eventually(() => run.metrics().commits > 0, 'it has committed')
  const going = run.metrics()
  expect([...going.assigned].sort((a, b) => a.partition - b.partition)).toEqual(
    Array.from({ length: partitions }, (_, partition) => ({ topic: input, partition })),
  )
  expect(going).toMatchObject({ messagesIn: 1500, rowsIn: 1500, queuedBytes: 0, errors: {} })
  expect(going.bytesOut).toBe(going.bytesIn)
  await run.stop()
  expect(run.metrics()).toMatchObject({ messagesIn: 1500, rowsOut: 1500 })
  expect(run.metrics()).toEqual(await run.done)
})

test('stop() ends a run that still waits for the first row of a topic without a schema', async () => {
  const { group, source, sink } = await topics(0)
  const { schema: _, ...inferring } = source
  const run = Stream.fromKafka(inferring).toKafka(sink).start(quiet)
  await eventually(async () => (await members(group)).length === 1, 'it is in the group')
  await run.stop()
  expect((await run.done).messagesIn).toBe(0)
  expect(await members(group)).toEqual([])
})

test('stop() at any moment of the beginning resolves and leaves no member behind', async () => {
  const { output, group, input, source, sink } = await topics(3_000)
  // The first milliseconds most of all: the member is joining then.
  const moments = [...Array.from({ length: 30 }, (_, i) => i * 3), 100, 150, 200, 300, 400]
  for (const ms of moments) {
    const run = Stream.fromKafka({ ...source, batch: { maxRows: 50 } })
      .toKafka(sink)
      .start(quiet)
    await sleep(ms)
    await run.stop()
    await run.done
    expect(await members(group), `after ${ms} ms`).toEqual([])
  }
  const committed = await committedOf(kafka, group, input, partitions)
  const result = await arrived(kafka, output, partitions)
  expect(result.times.map((times) => times.size)).toEqual(committed)
  expect(result.duplicates).toBe(0)
})

test('stop() of two members while the group moves partitions resolves; each row comes once', async () => {
  const { output, group, input, source, sink } = await topics(3_000)
  const stream = Stream.fromKafka({
    ...source,
    batch: { maxRows: 50 },
    kafka: { 'heartbeat.interval.ms': 100 },
  }).mapBatches(async (batch) => {
    await sleep(3)
    return batch
  })
  for (const ms of [50, 150, 250, 350]) {
    const one = stream.toKafka(sink).start(quiet)
    await eventually(() => one.metrics().assigned.length > 0, 'the first has partitions')
    const two = stream.toKafka(sink).start(quiet)
    await sleep(ms)
    await Promise.all([one.stop(), two.stop()])
  }
  expect(await members(group)).toEqual([])
  const committed = await committedOf(kafka, group, input, partitions)
  const result = await arrived(kafka, output, partitions)
  expect(result.times.map((times) => times.size)).toEqual(committed)
  expect(result.duplicates).toBe(0)
})

test.each(['SIGINT', 'SIGTERM'] as const)('%s drains, commits, leaves, and the process ends with 0', async (signal) => {
  const { output, group, input, source, sink } = await topics(5_000)
  const job = startJob({ source: { ...source, batch: { maxRows: 50 } }, sink, stepMs: 2 })
  await job.tick(({ rowsOut }) => rowsOut > 500)
  job.signal(signal)
  expect(await job.exited, job.stderr()).toBe(0)
  expect(await members(group)).toEqual([])
  const result = await arrived(kafka, output, partitions)
  expect(result.times.map((times) => times.size)).toEqual(await committedOf(kafka, group, input, partitions))
  expect(result.duplicates).toBe(0)
})

test('a second SIGINT aborts a run whose step never returns: nothing of it is committed', async () => {
  const { group, input, source, sink } = await topics(100)
  const job = startJob({ source, sink, stepMs: -1 })
  await job.tick(({ batches }) => batches > 0)
  job.signal('SIGINT')
  // It is told, and waits for the step.
  const ticks = job.lines.length
  await job.line((_) => job.lines.length > ticks + 5)
  expect(job.lines.at(-1)).toMatchObject({ kind: 'tick' })
  job.signal('SIGINT')
  expect(await job.exited, job.stderr()).toBe(1)
  expect(job.lines.at(-1)).toMatchObject({ kind: 'failed', code: 'ABORTED', message: expect.stringMatching('SIGINT') })
  expect(await committedOf(kafka, group, input, partitions)).toEqual([0, 0, 0])
})

test('a run that has ended leaves the signals of the process alone', async () => {
  const { source, sink } = await topics(1)
  const before = process.listenerCount('SIGTERM')
  const run: Run = Stream.fromKafka({ ...source, until: 'end' })
    .toKafka(sink)
    .start()
  expect(process.listenerCount('SIGTERM')).toBe(before + 1)
  await run.done
  expect(process.listenerCount('SIGTERM')).toBe(before)
})
