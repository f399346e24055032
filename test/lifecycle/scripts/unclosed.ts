/** What keeps a process alive: an open run does, a broker that was forgotten does not. */
import { EmbeddedBroker } from '../../../src/index.ts'
import { brokerWithRows, copying, flowing, say } from './flow.ts'

if (process.argv[2] === 'broker') {
  await EmbeddedBroker.start({ topics: ['forgotten'] })
  await say('ready')
} else {
  const broker = await brokerWithRows()
  const run = copying(broker.bootstrapServers).start({ signals: false })
  await flowing(run)
  await say('ready')
  // Nothing else holds the process: not this timer, and no promise.
  setTimeout(() => void run.stop().then(() => say('stopped')), 1000).unref()
}
