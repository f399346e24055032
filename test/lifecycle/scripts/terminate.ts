/** Workers that end in the middle of a run, with batches held, in the way that the first argument says. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { RecordBatch } from '../../../src/index.ts'
import { Stream } from '../../../src/index.ts'
import { brokerWithRows, flowing, fused, say, schema } from './flow.ts'

/** The worker's exit code, or what it threw: 'error' comes before 'exit'. */
const endOf = (worker: Worker): Promise<unknown> =>
  new Promise((resolve) => {
    worker.once('error', (error: Error) => resolve(error.message))
    worker.once('exit', resolve)
  })

if (isMainThread) {
  const how = process.argv[2]!
  const broker = await brokerWithRows()
  for (let round = 1; round <= 5; round++) {
    // A group of its own each time: the embedded broker keeps the place of a member that left for its session timeout.
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { bootstrapServers: broker.bootstrapServers, groupId: `group-${round}`, how },
    })
    const end = endOf(worker)
    await new Promise((resolve) => worker.once('message', resolve))
    if (how === 'main exits' || round === 5) await say('ready')
    if (how === 'main exits') process.exit(7)
    if (how.endsWith('terminate')) void worker.terminate()
    await say(`ended: ${await end}`)
  }
  await broker.close()
} else {
  const { bootstrapServers, groupId, how } = workerData as Record<string, string>
  if (how!.startsWith('fused')) {
    const run = fused(bootstrapServers!, groupId!).start()
    await flowing(run)
    parentPort!.postMessage('writing')
    if (how === 'fused exit') process.exit(4)
    await run.done
  }
  const held: RecordBatch[] = []
  const stream = Stream.fromKafka({
    bootstrapServers: bootstrapServers!,
    topic: 'in',
    groupId: groupId!,
    schema,
    batch: { maxRows: 100 },
  })
  for await (const batch of stream) {
    held.push(batch)
    if (held.length !== 10) continue
    parentPort!.postMessage('holding')
    if (how === 'exit') process.exit(4)
    if (how === 'throw') setImmediate(() => fail())
  }
}

function fail(): never {
  throw new Error('meant to end the worker')
}
