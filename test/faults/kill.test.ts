/** kill -9 while rows are on their way: what is committed has arrived, and what is not committed comes again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventually } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'
import { startJob } from './job.ts'
import { arrived, committedOf, fill, missing, twoTopics } from './rows.ts'

const partitions = 4

const topics = async (rows: number) => {
  const made = await twoTopics(kafka, [unique('in'), unique('out'), unique('group')], partitions, rows)
  // The group gives up a member that was killed after this time.
  const source = { ...made.source, sessionTimeoutMs: 1_000, batch: { maxRows: 100 } } as const
  return { ...made, source }
}

test('kill -9 at eight random moments and a last run to the end: no row is lost, no commit ran ahead', async () => {
  const rows = 12_000
  const { input, output, group, source, sink } = await topics(rows)
  const committing = { ...source, commitIntervalMs: 30 }
  let uncommitted = 0
  for (let round = 0; round < 8; round++) {
    const job = startJob({ source: committing, sink, stepMs: 5, tickMs: 10 })
    await job.tick(({ rowsOut }) => rowsOut > 0)
    await sleep(Math.random() * 150)
    await job.kill()
    const committed = await committedOf(kafka, group, input, partitions)
    const result = await arrived(kafka, output, partitions)
    for (let p = 0; p < partitions; p++) {
      expect(missing(result, p, committed[p]!), `committed ${committed[p]} of partition ${p}`).toEqual([])
    }
    uncommitted += result.times.reduce(
      (sum, times, p) => sum + Math.max(0, Math.max(...times.keys()) + 1 - committed[p]!),
      0,
    )
    if (committed.every((offset) => offset === rows)) throw new Error('the topic is too small for eight kills')
  }
  // The kills came between produce and commit.
  expect(uncommitted).toBeGreaterThan(0)

  const last = startJob({ source: { ...committing, until: 'end' }, sink })
  expect(await last.exited, last.stderr()).toBe(0)
  expect(await committedOf(kafka, group, input, partitions)).toEqual(Array(partitions).fill(rows))
  const result = await arrived(kafka, output, partitions)
  for (let p = 0; p < partitions; p++) expect(missing(result, p, rows)).toEqual([])
  expect(result.disordered).toEqual([])
  expect(result.duplicates).toBeLessThanOrEqual(uncommitted)
})

test('kill -9 when everything is produced and nothing is committed: the next run does all of it again', async () => {
  const rows = 1_000
  const { input, output, group, source, sink } = await topics(rows)
  const job = startJob({ source: { ...source, commitIntervalMs: 3_600_000 }, sink })
  await job.tick(({ rowsOut }) => rowsOut === partitions * rows)
  await job.kill()
  expect(await committedOf(kafka, group, input, partitions)).toEqual(Array(partitions).fill(0))

  const again = startJob({ source: { ...source, until: 'end' }, sink })
  expect(await again.exited, again.stderr()).toBe(0)
  const { times } = await arrived(kafka, output, partitions)
  for (const each of times) expect([...each.values()]).toEqual(Array(rows).fill(2))
  expect(await committedOf(kafka, group, input, partitions)).toEqual(Array(partitions).fill(rows))
})

test('kill -9 of one of two members: the other takes over and leaves no row out', async () => {
  const rows = 6_000
  const { input, output, group, source, sink } = await topics(0)
  const committing = { ...source, commitIntervalMs: 50, kafka: { 'heartbeat.interval.ms': 100 } }
  const [survivor, victim] = [0, 1].map(() => startJob({ source: committing, sink, stepMs: 5 }))
  const both = [survivor!, victim!]
  await Promise.all(both.map((job) => job.tick(({ assigned }) => assigned.length === 2)))
  // Not before: the first of them could be through with all rows when the second joins.
  await fill(kafka, input, partitions, rows)
  const shares = await Promise.all(both.map((job) => job.tick(({ rowsOut }) => rowsOut > 0)))
  expect(new Set(shares.flatMap(({ assigned }) => assigned.map(({ partition }) => partition))).size).toBe(partitions)
  await victim!.kill()
  await survivor!.tick(({ assigned }) => assigned.length === partitions)
  await eventually(
    async () => (await committedOf(kafka, group, input, partitions)).every((offset) => offset === rows),
    'everything is committed',
  )
  survivor!.signal('SIGTERM')
  expect(await survivor!.exited, survivor!.stderr()).toBe(0)
  const result = await arrived(kafka, output, partitions)
  for (let p = 0; p < partitions; p++) expect(missing(result, p, rows)).toEqual([])
  expect(result.disordered).toEqual([])
})
