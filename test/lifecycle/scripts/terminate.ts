/** Workers that are terminated in the middle of a run, with batches held; the main thread goes on. */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { RecordBatch } from '../../../src/index.ts'
import { Stream } from '../../../src/index.ts'
import { brokerWithRows, say, schema } from './flow.ts'

if (isMainThread) {
  const broker = await brokerWithRows()
  await say('ready')
  for (let round = 0; round < 5; round++) {
    const worker = new Worker(new URL(import.meta.url), { workerData: [broker.bootstrapServers, `group-${round}`] })
    await once(worker, 'message')
    const code = await worker.terminate()
    await say(`terminated: ${code}`)
  }
  await broker.close()
} else {
  const held: RecordBatch[] = []
  // A group of its own each time: the embedded broker keeps the place of a member that left for its session timeout.
  const [bootstrapServers, groupId] = workerData as [string, string]
  const stream = Stream.fromKafka({
    bootstrapServers,
    topic: 'in',
    groupId,
    schema,
    batch: { maxRows: 100 },
  })
  for await (const batch of stream) {
    held.push(batch)
    if (held.length === 10) parentPort!.postMessage('holding')
  }
}
