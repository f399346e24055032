/** What else the JavaScript thread has to do gets its turn while a run keeps the thread busy. */
import { beforeEach, expect, test, vi } from 'vitest'
import { Stream } from '../../src/index.ts'
import { MemoryBroker } from '../support/memory.ts'

const held = vi.hoisted(() => ({ broker: undefined as unknown as MemoryBroker }))
vi.mock('../../src/kafka/select.ts', () => ({ selectBackend: () => held.broker.backend() }))

const batches = 40

let broker: MemoryBroker
beforeEach(() => {
  broker = new MemoryBroker().create('in')
  held.broker = broker
  broker.produce('in', 0, ...Array.from({ length: 2 * batches }, (_, id) => ({ id })))
})

const stream = () =>
  Stream.fromKafka({
    bootstrapServers: 'b:9092',
    topic: 'in',
    groupId: 'g',
    schema: { id: 'int64' },
    until: 'end',
    batch: { maxRows: 2 },
    commitIntervalMs: 20,
  })

/** A function that never waits, and takes its time. */
const busy = (ms: number): void => {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('positions are committed, and timers run, between batches of a function that never waits', async () => {
  let timers = 0
  const timer = setInterval(() => timers++, 1)
  let calls = 0
  const committed: number[] = []
  broker.beforeCommit = () => void committed.push(calls)
  await stream().forEachBatch(
    () => {
      calls++
      busy(8)
    },
    { signals: false },
  )
  clearInterval(timer)
  expect(calls).toBe(batches)
  expect(timers).toBeGreaterThan(batches / 4)
  expect(committed[0]).toBeLessThan(batches / 2)
})
