import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Positions } from '../../src/run/positions.ts'

const at = (offset: number, epoch = 1, partition = 0) => ({ topic: 't', partition, offset: BigInt(offset), epoch })

describe('the committable position', () => {
  it('is the end of the longest delivered prefix, in whatever order batches are delivered', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }).chain((n) =>
          fc.record({
            order: fc.shuffledSubarray(
              Array.from({ length: n }, (_, i) => i),
              { minLength: 0, maxLength: n },
            ),
            n: fc.constant(n),
          }),
        ),
        ({ n, order }) => {
          const positions = new Positions()
          const tickets = Array.from({ length: n }, (_, i) => positions.take(at((i + 1) * 10)))
          const done = new Set<number>()
          for (const i of order) {
            tickets[i]!.delivered()
            done.add(i)
            let prefix = 0
            while (done.has(prefix)) prefix++
            expect(positions.committable()).toEqual(prefix === 0 ? [] : [at(prefix * 10)])
          }
        },
      ),
    )
  })

  it('never passes a dropped batch, and never goes back', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('deliver', 'drop', 'commit'), { minLength: 1, maxLength: 30 }),
        fc.infiniteStream(fc.nat()),
        (actions, picks) => {
          const positions = new Positions()
          const open: { index: number; ticket: ReturnType<Positions['take']> }[] = []
          for (let i = 0; i < 12; i++) open.push({ index: i, ticket: positions.take(at(i + 1)) })
          let firstDropped = 12
          let last = 0n
          for (const action of actions) {
            if (action === 'commit') positions.committed(positions.committable())
            else if (open.length > 0) {
              const [picked] = open.splice(Number(picks.next().value) % open.length, 1)
              if (action === 'deliver') picked!.ticket.delivered()
              else {
                picked!.ticket.dropped()
                firstDropped = Math.min(firstDropped, picked!.index)
              }
            }
            for (const { offset } of positions.committable()) {
              expect(offset).toBeGreaterThan(last - 1n)
              expect(offset).toBeLessThanOrEqual(BigInt(firstDropped))
              last = offset
            }
          }
        },
      ),
    )
  })

  it('is offered until the store has taken it', () => {
    const positions = new Positions()
    positions.take(at(5)).delivered()
    expect(positions.committable()).toEqual([at(5)])
    positions.committed([at(5)])
    expect(positions.committable()).toEqual([])
    positions.take(at(9)).delivered()
    expect(positions.committable()).toEqual([at(9)])
  })

  it('may be the position of the last row taken where a limit cut the batch', () => {
    const positions = new Positions()
    positions.take(at(100)).delivered(42n)
    expect(positions.committable()).toEqual([at(42)])
  })

  it('of one partition does not wait for another', () => {
    const positions = new Positions()
    positions.take(at(1, 1, 0))
    positions.take(at(7, 1, 1)).delivered()
    expect(positions.committable()).toEqual([at(7, 1, 1)])
  })
})

describe('an assignment', () => {
  it('ends: batches of a closed partition are not accepted, what is under way still counts', () => {
    const positions = new Positions()
    positions.assign('t', 0, 1)
    const ticket = positions.take(at(5))
    positions.close('t', 0)
    expect(positions.accepts(at(6))).toBe(false)
    ticket.delivered()
    expect(positions.committable()).toEqual([at(5)])
  })

  it('that is lost is never committed, however late its rows are delivered', () => {
    const positions = new Positions()
    positions.assign('t', 0, 1)
    const first = positions.take(at(5))
    const second = positions.take(at(9))
    first.delivered()
    positions.forget('t', 0)
    second.delivered()
    expect(positions.committable()).toEqual([])
  })

  it('under a newer epoch forgets the older: a late delivery does not count for it', () => {
    const positions = new Positions()
    positions.assign('t', 0, 1)
    const old = positions.take(at(50, 1))
    positions.forget('t', 0)
    positions.assign('t', 0, 2)
    expect(positions.accepts(at(60, 1))).toBe(false)
    const now = positions.take(at(10, 2))
    old.delivered()
    expect(positions.committable()).toEqual([])
    now.delivered()
    expect(positions.committable()).toEqual([at(10, 2)])
  })

  it('is idle when nothing of it is under way', async () => {
    const positions = new Positions()
    const ticket = positions.take(at(5))
    let idle = false
    const waiting = positions.idle([{ topic: 't', partition: 0 }]).then(() => {
      idle = true
    })
    await Promise.resolve()
    expect(idle).toBe(false)
    await positions.idle([{ topic: 't', partition: 1 }])
    ticket.delivered()
    await waiting
    expect(idle).toBe(true)
  })
})
