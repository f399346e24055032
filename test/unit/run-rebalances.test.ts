/** Partitions come, go and are lost while rows are in steps and at the sink: invariants 1 to 3 over random histories. */
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { SabotError } from '../../src/errors.ts'
import { Stream } from '../../src/index.ts'
import { MemoryBroker } from '../support/memory.ts'
import { until } from '../support/outcome.ts'

const held = vi.hoisted(() => ({ broker: undefined as unknown as MemoryBroker }))
vi.mock('../../src/kafka/select.ts', () => ({ selectBackend: () => held.broker.backend() }))

const partitions = 3
const schema = { p: 'int32', n: 'int64' } as const

type Act =
  | { readonly kind: 'revoke' | 'lose' | 'assign' | 'produce'; readonly partition: number }
  | { readonly kind: 'refuseCommit' }
  | { readonly kind: 'wait'; readonly turns: number }

const partition = fc.nat({ max: partitions - 1 })
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('revoke' as const, 'assign' as const), partition }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const), partition }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('produce' as const), partition }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'refuseCommit' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), turns: fc.nat({ max: 12 }) }) },
)

it.each([
  { kind: 'with a step', fuses: false },
  { kind: 'fused', fuses: true },
])(
  '$kind: whatever the group does, no row is lost, no commit runs ahead, rows of a partition keep their order',
  async ({ fuses }) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(act, { maxLength: 30 }),
        fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 8 }),
        async (acts, deliveryTurns, stepTurns) => {
          const broker = new MemoryBroker().create('in', partitions).create('out')
          held.broker = broker
          broker.fuses = fuses
          const lengths = Array<number>(partitions).fill(0)
          const produce = (p: number, count: number): void => {
            for (let i = 0; i < count; i++) broker.produce('in', p, { p, n: lengths[p]!++ })
          }
          for (let p = 0; p < partitions; p++) produce(p, 5)

          const acknowledged = new Set<string>()
          let deliveries = 0
          broker.beforeDelivery = async (records) => {
            const turns = deliveryTurns[deliveries++ % deliveryTurns.length]!
            for (let i = 0; i < turns; i++) await turn()
            for (const { value } of records) acknowledged.add(value!)
          }
          let refuse = 0
          const ahead: string[] = []
          broker.beforeCommit = async (positions) => {
            await turn()
            if (refuse > 0) {
              refuse--
              throw new SabotError('KAFKA', 'the group is moving', { retriable: true })
            }
            for (const { partition: p, offset } of positions) {
              for (let n = 0; n < Number(offset); n++) {
                if (!acknowledged.has(JSON.stringify({ p, n }))) ahead.push(`${n} of ${p} before ${offset}`)
              }
            }
          }
          let steps = 0
          const stream = Stream.fromKafka({
            bootstrapServers: 'b:9092',
            topic: 'in',
            groupId: 'g',
            schema,
            batch: { maxRows: 2 },
            commitIntervalMs: 10,
          })
          const stepped = stream.mapBatches(async (batch) => {
            const turns = stepTurns[steps++ % stepTurns.length]!
            for (let i = 0; i < turns; i++) await turn()
            return batch
          })
          const run = (fuses ? stream.toKafka({ topic: 'out' }) : stepped.toKafka({ topic: 'out' })).start({
            signals: false,
          })
          await until(() => broker.sources[0]?.plan !== undefined, 'it reads')
          const source = broker.sources[0]!
          expect(source.fused !== undefined).toBe(fuses)
          const assigned = new Set(Array.from({ length: partitions }, (_, p) => p))
          /** Partitions whose revocation was not answered yet can not be assigned again. */
          const waiting = new Map<number, number>()
          const assign = async (p: number): Promise<void> => {
            const token = waiting.get(p)
            if (token !== undefined) await until(() => source.answered.includes(token), 'a revocation is answered')
            waiting.delete(p)
            assigned.add(p)
            source.assign({ topic: 'in', partition: p })
          }
          for (const one of acts) {
            if (one.kind === 'wait') for (let i = 0; i < one.turns; i++) await turn()
            else if (one.kind === 'refuseCommit') refuse++
            else if (one.kind === 'produce') produce(one.partition, 3)
            else if (one.kind === 'assign') {
              if (!assigned.has(one.partition)) await assign(one.partition)
            } else if (assigned.delete(one.partition)) {
              const lost = one.kind === 'lose'
              waiting.set(one.partition, source.revoke(lost, { topic: 'in', partition: one.partition }))
            }
          }
          for (let p = 0; p < partitions; p++) if (!assigned.has(p)) await assign(p)
          await until(
            () => lengths.every((length, p) => broker.committed.get(`in/${p}`) === BigInt(length)),
            'everything is committed',
          )
          await run.stop()
          await run.done

          expect(ahead).toEqual([])
          const firsts = lengths.map(() => new Set<number>())
          for (const value of broker.values('out')) {
            const { p, n } = value as { p: number; n: number }
            firsts[p]!.add(n)
          }
          for (const [p, length] of lengths.entries()) {
            expect([...firsts[p]!]).toEqual(Array.from({ length }, (_, n) => n))
          }
          // Who gives a partition away has finished and committed its rows before, where it can.
          const clean = acts.every(({ kind }) => kind !== 'lose' && kind !== 'refuseCommit')
          if (clean) expect(broker.records('out')).toHaveLength(lengths.reduce((a, b) => a + b))
        },
      ),
      { numRuns: 150 },
    )
  },
)
