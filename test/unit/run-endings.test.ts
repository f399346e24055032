import { beforeEach, describe, expect, it, vi } from 'vitest'
import { SabotError } from '../../src/errors.ts'
import { col, type Run, Stream } from '../../src/index.ts'
import { MemoryBroker } from '../support/memory.ts'
import { until } from '../support/outcome.ts'

const held = vi.hoisted(() => ({ broker: undefined as unknown as MemoryBroker }))
vi.mock('../../src/kafka/select.ts', () => ({ selectBackend: () => held.broker.backend() }))

let broker: MemoryBroker
beforeEach(() => {
  broker = new MemoryBroker().create('in', 2).create('out')
  held.broker = broker
})

const schema = { id: 'int64', amount: 'float64' } as const
const base = { bootstrapServers: 'b:9092', topic: 'in', groupId: 'g', schema } as const
/** Commits by the clock do not come within a test. */
const endless = (more: object = {}) =>
  Stream.fromKafka({ ...base, batch: { maxRows: 2 }, commitIntervalMs: 60_000, ...more })
const row = (id: number) => ({ id, amount: id * 10 })
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i))
const quiet = { signals: false } as const
const loading = () => new SabotError('KAFKA', 'the coordinator is loading', { retriable: true })

const outcome = (run: Run): Promise<SabotError | 'resolved'> =>
  run.done.then(
    () => 'resolved' as const,
    (error: SabotError) => error,
  )

describe('a commit that is refused for a while', () => {
  it('before partitions are given away does not end the run: they are given away, the rest goes on', async () => {
    broker.produce('in', 0, ...rows(2))
    const lines: string[] = []
    const log = () => {}
    const warn = (_: object, message?: string) => void lines.push(message ?? '')
    const run = endless({ logger: { debug: log, info: log, error: log, warn } })
      .toKafka({ topic: 'out' })
      .start(quiet)
    await until(() => broker.records('out').length === 2)
    broker.beforeCommit = () => {
      throw loading()
    }
    const source = broker.sources[0]!
    const token = source.revoke(false, { topic: 'in', partition: 0 })
    await until(() => source.answered.includes(token))
    broker.beforeCommit = () => {}
    broker.produce('in', 1, row(7))
    await until(() => broker.records('out').length === 3)
    await run.stop()
    expect(await outcome(run)).toBe('resolved')
    expect([...broker.committed]).toEqual([['in/1', 1n]])
    expect(lines).toEqual([expect.stringMatching(/will be read again: the coordinator is loading/)])
  })

  it('for good, before partitions are given away, ends the run', async () => {
    broker.produce('in', 0, ...rows(2))
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => broker.records('out').length === 2)
    broker.beforeCommit = () => {
      throw new SabotError('KAFKA', 'not authorised for the group')
    }
    broker.sources[0]!.revoke(false, { topic: 'in', partition: 0 })
    expect(await outcome(run)).toMatchObject({ message: 'not authorised for the group' })
  })

  it('at the end of the run is tried again', async () => {
    broker.produce('in', 0, ...rows(2))
    let tries = 0
    broker.beforeCommit = () => {
      if (++tries < 3) throw loading()
    }
    const run = endless().toKafka({ topic: 'out' }).start(quiet)
    await until(() => broker.records('out').length === 2)
    await run.stop()
    expect(await outcome(run)).toBe('resolved')
    expect(tries).toBe(3)
    expect(broker.committed.get('in/0')).toBe(2n)
  })
})

describe('a second signal', () => {
  const signals = { signals: ['SIGUSR2'] } as const

  it('aborts a run whose last commit is refused again and again', async () => {
    broker.produce('in', 0, ...rows(2))
    let tries = 0
    broker.beforeCommit = () => {
      tries++
      throw loading()
    }
    const run = endless().toKafka({ topic: 'out' }).start(signals)
    await until(() => broker.records('out').length === 2)
    process.emit('SIGUSR2')
    await until(() => tries > 0)
    process.emit('SIGUSR2')
    expect(await outcome(run)).toMatchObject({ code: 'ABORTED' })
    expect(broker.sources[0]!.closed).toBe(true)
  })

  it('ends a run that has failed and waits for its commit', async () => {
    broker.produce('in', 0, ...rows(4))
    let committing = false
    broker.beforeCommit = () => {
      committing = true
      return new Promise(() => {})
    }
    let calls = 0
    const run = endless()
      .mapBatches((batch) => {
        if (++calls === 2) throw new Error('no such row')
        return batch
      })
      .toKafka({ topic: 'out' })
      .start(signals)
    await until(() => committing)
    process.emit('SIGUSR2')
    process.emit('SIGUSR2')
    // What failed it stays what it is told.
    expect(await outcome(run)).toMatchObject({ code: 'STEP' })
    expect(broker.sources[0]!.closed).toBe(true)
  })
})

describe('a limit behind a limit', () => {
  it('commits behind the last row that both let through', async () => {
    broker.produce('in', 0, ...rows(8))
    await endless({ batch: { maxRows: 8 } })
      .limit(6)
      .filter(col('id').ge(2))
      .limit(2)
      .toKafka({ topic: 'out' })
      .run(quiet)
    expect(broker.values('out')).toEqual([row(2), row(3)])
    expect(broker.committed.get('in/0')).toBe(4n)
  })
})

describe('a bounded run whose source has read everything', () => {
  it.each([true, false])(
    'loses partitions (%s) or gives them back: rows that it dropped are no good end',
    async (lost) => {
      // One batch in the step, two that wait for it.
      broker.produce('in', 0, ...rows(6))
      const gate = Promise.withResolvers<void>()
      let calls = 0
      const run = endless({ until: 'end' })
        .mapBatches(async (batch) => {
          calls++
          await gate.promise
          return batch
        })
        .toKafka({ topic: 'out' })
        .start(quiet)
      await until(() => calls === 1)
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
      broker.sources[0]!.revoke(lost, { topic: 'in', partition: 0 })
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
      gate.resolve()
      const end = await outcome(run)
      // Given back in good order they are the next owner's to read.
      if (!lost) return expect(end).toBe('resolved')
      expect(end).toMatchObject({ code: 'KAFKA', retriable: true, where: { topic: 'in', partition: 0 } })
      expect((end as SabotError).message).toMatch(/gave up in\[0\] before its last rows.*Run again/)
      expect([...broker.committed]).toEqual([])
    },
  )
})
