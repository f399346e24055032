/** A group under load while a member comes and goes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { eventually } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'
import { startJob } from './job.ts'
import { arrived, committedOf, missing, numbered, schema } from './rows.ts'

const partitions = 4

test.each(['cooperative', 'range'] as const)(
  'a process that joins and leaves ten times under load costs no row and no order: %s',
  async (assignment) => {
    const [input, output, group] = [unique('in'), unique('out'), unique('group')]
    await kafka.createTopic(input, partitions)
    await kafka.createTopic(output, partitions)
    const source = {
      bootstrapServers: kafka.bootstrapServers,
      topic: input,
      groupId: group,
      assignment,
      schema,
      sessionTimeoutMs: 6_000,
      // A member that is there learns of the next one with its heartbeat.
      kafka: { 'heartbeat.interval.ms': 100 },
      batch: { maxRows: 200, maxWaitMs: 10 },
      commitIntervalMs: 100,
    } as const
    const sink = { topic: output }
    const steady = startJob({ source, sink, stepMs: 1 })
    await steady.tick(({ assigned }) => assigned.length === partitions)
    const guest = startJob({ source, sink, stepMs: 1, joins: 10, stayMs: 300 })

    let count = 0
    let done = false
    const load = (async () => {
      while (!done) {
        const rows = Array.from({ length: partitions }, (_, p) => numbered(p, count, count + 60)).flat()
        await kafka.produce(input, rows)
        count += 60
        await sleep(30)
      }
    })()
    try {
      expect(await guest.exited, guest.stderr()).toBe(0)
    } finally {
      done = true
      await load
    }
    const stays = guest.lines.filter((line) => line.kind === 'done')
    expect(stays).toHaveLength(10)
    // It has not only been there: it took rows each time, and the rest went on meanwhile.
    for (const { metrics } of stays) expect(metrics.rowsOut).toBeGreaterThan(0)

    await eventually(
      async () => (await committedOf(kafka, group, input, partitions)).every((offset) => offset === count),
      'everything is committed',
    )
    steady.signal('SIGTERM')
    expect(await steady.exited, steady.stderr()).toBe(0)
    expect((await kafka.describeGroup(group)).members).toEqual([])

    const result = await arrived(kafka, output, partitions)
    for (let p = 0; p < partitions; p++) expect(missing(result, p, count), `partition ${p}`).toEqual([])
    expect(result.disordered).toEqual([])
    // Whoever gives a partition away has committed its rows before.
    expect(result.duplicates).toBe(0)
  },
)
