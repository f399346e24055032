/** Opens and closes many handles; afterwards there are as many threads and file descriptors as after the first time. */
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedBroker, Stream } from '../../../src/index.ts'
import { say } from './flow.ts'

const threads = () => Number(/^Threads:\s+(\d+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1])
const files = () => readdirSync('/proc/self/fd').length

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

await cycle()
const before = { threads: threads(), files: files() }
await say('ready')
for (let round = 0; round < 20; round++) await cycle()
// A thread that is joined may be listed for a moment longer.
for (let wait = 0; wait < 100 && (threads() > before.threads || files() > before.files); wait++) await sleep(20)
await say(`threads: ${threads() <= before.threads ? 'same' : `${before.threads} -> ${threads()}`}`)
await say(`files: ${files() <= before.files ? 'same' : `${before.files} -> ${files()}`}`)
