/** Two workers, each with a pipeline of its own, at once; the main thread runs a third. */
import { once } from 'node:events'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { Stream } from '../../../src/index.ts'
import { brokerWithRows, ROWS, say, schema } from './flow.ts'

interface Task {
  readonly bootstrapServers: string
  readonly groupId: string
}

const rowsOf = async ({ bootstrapServers, groupId }: Task): Promise<number> => {
  const { rowsOut } = await Stream.fromKafka({ bootstrapServers, topic: 'in', groupId, until: 'end', schema })
    .toKafka({ topic: 'out' })
    .run()
  return rowsOut
}

if (isMainThread) {
  const broker = await brokerWithRows()
  const { bootstrapServers } = broker
  const workers = ['one', 'two'].map(async (groupId) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { bootstrapServers, groupId } })
    const [[rows], [code]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')])
    return code === 0 ? (rows as number) : -1
  })
  const rows = await Promise.all([...workers, rowsOf({ bootstrapServers, groupId: 'main' })])
  await say(`rows: ${rows.map((count) => (count === ROWS ? 'all' : count)).join(' ')}`)
  await say('ready')
  await broker.close()
} else {
  parentPort!.postMessage(await rowsOf(workerData as Task))
}
