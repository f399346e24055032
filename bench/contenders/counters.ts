/**
 * The counters of a run by themselves, on the JavaScript thread: what the loop calls for one batch (src/run/loop.ts), with
 * the clock readings around the steps and the delivery. There is no run without counters to compare one with, so their
 * calls are timed: first nobody listens, then somebody does. Called over and over, compiled and in the caches: in a run, with
 * other work between two batches, a call costs more.
 */
import { Counters } from '../../src/metrics.ts'
import { listen } from './listener.ts'

const [, , passes] = process.argv
const batches = 100_000

const position = { topic: 'transactions', partition: 3, offset: 1_000_000n }

/** Nanoseconds a batch in the best of the passes. */
function nanosecondsEach(): number {
  let best = Number.POSITIVE_INFINITY
  for (let pass = 0; pass < Number(passes); pass++) {
    const counters = new Counters()
    const began = performance.now()
    for (let i = 0; i < batches; i++) {
      counters.taken(position, 4000 + (i & 1023), 900_000 + i, 2000 + (i & 511))
      const stepped = performance.now()
      counters.stepped(performance.now() - stepped)
      const written = performance.now()
      counters.acknowledged(2000 + (i & 511), 450_000 + i, performance.now() - written)
    }
    best = Math.min(best, ((performance.now() - began) / batches) * 1e6)
  }
  return best
}

const nobodyListens = nanosecondsEach()
const listener = listen()
const listenedTo = nanosecondsEach()
if (listener.heard !== batches * Number(passes)) throw new Error(`expected a message a batch; heard ${listener.heard}`)
console.log(JSON.stringify({ 'counters-nobody-listens': nobodyListens, 'counters-listened': listenedTo }))
