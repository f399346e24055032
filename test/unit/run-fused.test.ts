/** Fused runs: the source writes to the sink itself, and the loop keeps positions, errors and endings as ever. */
import { setImmediate as turn } from 'node:timers/promises'
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
  broker.fuses = true
  held.broker = broker
  vi.unstubAllEnvs()
})

const schema = { id: 'int64', amount: 'float64' } as const
const base = { bootstrapServers: 'b:9092', topic: 'in', groupId: 'g', schema } as const
/** Commits by the clock do not come within a test. */
const stream = (more: object = {}) =>
  Stream.fromKafka({ ...base, batch: { maxRows: 2 }, commitIntervalMs: 60_000, ...more })
const row = (id: number) => ({ id, amount: id * 10 })
const rows = (count: number) => Array.from({ length: count }, (_, i) => row(i))
const quiet = { signals: false } as const

const outcome = (run: Run): Promise<SabotError | 'resolved'> =>
  run.done.then(
    () => 'resolved' as const,
    (error: SabotError) => error,
  )

/** Deliveries wait until they are let go. */
const holding = () => {
  const waiting: (() => void)[] = []
  broker.beforeDelivery = () => new Promise((resolve) => void waiting.push(resolve))
  const release = (): void => {
    for (const resolve of waiting.splice(0)) resolve()
  }
  return { waiting, release }
}

describe('a fused run', () => {
  it('writes what an unfused one writes, commits as far, and counts the same', async () => {
    const outcomes = []
    for (const fused of ['1', '0']) {
      vi.stubEnv('SABOT_FUSED', fused)
      broker = new MemoryBroker().create('in', 2).create('out')
      broker.fuses = true
      held.broker = broker
      broker
        .produce('in', 0, ...rows(5))
        .produce('in', 1, ...rows(4))
        .send('in', 1, { value: 'no JSON' })
      const metrics = await stream({ until: 'end', onError: 'skip' })
        .filter(col('id').ge(1))
        .toKafka({ topic: 'out' })
        .run(quiet)
      expect(broker.sources[0]!.fused !== undefined).toBe(fused === '1')
      const { messagesIn, bytesIn, rowsIn, rowsOut, bytesOut, batches, errors } = metrics
      outcomes.push({
        records: broker.records('out'),
        committed: [...broker.committed].sort(),
        counted: { messagesIn, bytesIn, rowsIn, rowsOut, bytesOut, batches, errors },
      })
    }
    expect(outcomes[0]).toEqual(outcomes[1])
    expect(outcomes[0]!.records).toHaveLength(7)
    expect(outcomes[0]!.counted.errors).toEqual({ DECODE: 1 })
  })

  it('commits nothing that is not delivered, and at its stop everything that was written', async () => {
    const { waiting, release } = holding()
    broker.produce('in', 0, ...rows(6))
    const run = stream().toKafka({ topic: 'out' }).start(quiet)
    await until(() => waiting.length === 3)
    const stopped = run.stop()
    broker.produce('in', 0, ...rows(6))
    for (let i = 0; i < 20; i++) await turn()
    expect(broker.committed.size).toBe(0)
    release()
    await stopped
    expect(broker.committed.get('in/0')).toBe(6n)
    expect(broker.records('out')).toHaveLength(6)
  })

  it('answers a revocation when the writes of the partition are delivered and committed', async () => {
    const { waiting, release } = holding()
    broker.produce('in', 0, ...rows(4))
    const run = stream().toKafka({ topic: 'out' }).start(quiet)
    await until(() => waiting.length === 2)
    const source = broker.sources[0]!
    const token = source.revoke(false, { topic: 'in', partition: 0 })
    for (let i = 0; i < 20; i++) await turn()
    expect(source.answered).toEqual([])
    release()
    await until(() => source.answered.includes(token))
    expect(broker.committed.get('in/0')).toBe(4n)
    await run.stop()
  })

  it('ends at a row that cannot be read, and commits what stands before it', async () => {
    broker
      .produce('in', 0, ...rows(2))
      .send('in', 0, { value: 'no JSON' })
      .produce('in', 0, ...rows(3))
    const run = stream().toKafka({ topic: 'out' }).start(quiet)
    expect(await outcome(run)).toMatchObject({ code: 'DECODE', where: { topic: 'in', partition: 0, offset: 2n } })
    expect(broker.records('out')).toHaveLength(2)
    expect(broker.committed.get('in/0')).toBe(2n)
  })

  it('names the offset of a row that cannot be sent', async () => {
    const sent = stream({ batch: { maxRows: 4 } })
      .select('id', 'amount')
      .toKafka({ topic: 'out' })
    broker.produce('in', 0, ...rows(2)).send('in', 0, { value: '{"id": 3, "amount": 1e999}' })
    const error = await outcome(sent.start(quiet))
    expect(broker.sources[0]!.fused?.record.value).toEqual({ kind: 'columns', names: ['id', 'amount'] })
    expect(error).toMatchObject({ code: 'ENCODE', where: { topic: 'in', partition: 0, offset: 2n } })
    expect(broker.records('out')).toEqual([])
  })

  it('fails with the reason of a delivery that fails, and commits nothing past it', async () => {
    broker.produce('in', 0, ...rows(6))
    let deliveries = 0
    broker.beforeDelivery = () => {
      if (++deliveries === 2) throw new SabotError('DELIVERY', 'toKafka: out[0]: refused')
    }
    const run = stream().toKafka({ topic: 'out' }).start(quiet)
    expect(await outcome(run)).toMatchObject({ code: 'DELIVERY', message: 'toKafka: out[0]: refused' })
    expect(broker.committed.get('in/0') ?? 0n).toBeLessThanOrEqual(2n)
  })

  it('is aborted by a second signal while nothing is delivered', async () => {
    const { waiting } = holding()
    broker.produce('in', 0, ...rows(6))
    const run = stream()
      .toKafka({ topic: 'out' })
      .start({ signals: ['SIGUSR2'] })
    await until(() => waiting.length === 3)
    process.emit('SIGUSR2')
    process.emit('SIGUSR2')
    expect(await outcome(run)).toMatchObject({ code: 'ABORTED' })
    expect(broker.sources[0]!.closed).toBe(true)
    expect(broker.sinks[0]!.closed).toBe('aborted')
    expect(broker.committed.size).toBe(0)
  })
})
