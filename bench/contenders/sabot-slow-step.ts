/**
 * Sabot behind a slow step: a topic of 1 GB through mapBatches that sleeps. One sleep is longer than the group's
 * session time-out and its longest time between polls; a member that stopped polling would be put out of the group.
 */
import { readFileSync } from 'node:fs'
import { Stream } from '../../src/index.ts'
import { schemaOf } from '../data.ts'
import { job, peakBytes, Tally } from '../window.ts'

const residentBytes = (): number => {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'))![1]) * 1024
  } catch {
    return process.memoryUsage.rss()
  }
}
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const { bootstrapServers, topic, output: groupId } = job()
const longest = 12_000
// The library is loaded, nothing is connected.
await sleep(500)
const idle = residentBytes()
const began = performance.now()
const tally = new Tally()
let batches = 0
const { messagesIn } = await Stream.fromKafka({
  bootstrapServers,
  topic,
  until: 'end',
  schema: schemaOf(true),
  groupId,
  sessionTimeoutMs: 6000,
  maxPollIntervalMs: 8000,
})
  .mapBatches(
    async (batch) => {
      await sleep(++batches === 2 ? longest : 40)
      for (const amount of batch.getChild('amount')!.toArray() as Float64Array) tally.add(amount)
      return batch
    },
    { schema: schemaOf(true) },
  )
  .forEachBatch(() => undefined, { signals: false })
const seconds = (performance.now() - began) / 1000
const peak = peakBytes()
console.log(
  JSON.stringify({ rows: messagesIn, over: tally.over, sum: tally.sum, idle, peak, seconds, longest: longest / 1000 }),
)
