/** Opens and closes many handles; afterwards there are as many threads and files as after the first, and memory settles. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedBroker, Stream } from '../../../src/index.ts'
import { say } from './flow.ts'

const threads = () => Number(/^Threads:\s+(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1])
const files = () => readdirSync('/proc/self/fd').length

/** Two runs, opened and closed. */
async function cycle(): Promise<void> {
  const broker = await EmbeddedBroker.start({ topics: { in: 2, out: 2 } })
  const { bootstrapServers } = broker
  const runs = ['a', 'b'].map((groupId) =>
    Stream.fromKafka({ bootstrapServers, topic: 'in', groupId, schema: { id: 'int64' } })
      .toKafka({ topic: 'out' })
      .start(),
  )
  await sleep(20)
  await Promise.all(runs.map((run) => run.stop()))
  await broker.close()
}

/** Megabytes, when everything that can be collected is. */
async function used(): Promise<{ heap: number; memory: number }> {
  for (let i = 0; i < 3; i++) {
    global.gc!()
    await sleep(10)
  }
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed / 2 ** 20, memory: rss / 2 ** 20 }
}

const rounds = async (count: number) => {
  for (let round = 0; round < count; round++) await cycle()
}

/** What grows with every run would be far above these by the second hundred. Megabytes. */
const NOISE = { heap: 1, memory: 12 }

await rounds(5)
const before = { threads: threads(), files: files() }
await rounds(45)
const halfway = await used()
await rounds(50)
// A thread that is joined may be listed for a moment longer.
for (let wait = 0; wait < 100 && (threads() > before.threads || files() > before.files); wait++) await sleep(20)
await say(`threads: ${threads() <= before.threads ? 'same' : `${before.threads} -> ${threads()}`}`)
await say(`files: ${files() <= before.files ? 'same' : `${before.files} -> ${files()}`}`)
const after = await used()
for (const kind of ['heap', 'memory'] as const) {
  const settled = after[kind] <= halfway[kind] + NOISE[kind]
  await say(`${kind}: ${settled ? 'settled' : `${halfway[kind].toFixed(1)} -> ${after[kind].toFixed(1)} MB`}`)
}
await say('ready')
