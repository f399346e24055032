/** What `wake` throws has nobody to catch it: it is an uncaught exception, and the process can go on. */
import { EmbeddedBroker } from '../../../src/index.ts'
import { loadAddon } from '../../../src/kafka/load.ts'
import { say } from './flow.ts'

const broker = await EmbeddedBroker.start({ topics: ['t'] })
const config = {
  properties: { 'bootstrap.servers': broker.bootstrapServers, debug: 'broker' },
  topic: 't',
  codec: 'json',
  codecOptions: {},
  partitioner: 'murmur2',
}
const handles = process.argv[2] === 'caught'
const caught = new Promise<Error>((resolve) => {
  if (handles) process.once('uncaughtException', resolve)
})
let thrown = false
const sink = new (loadAddon().Sink)(JSON.stringify(config), () => {
  if (thrown) return
  thrown = true
  throw new Error('thrown by wake')
})
await say('ready')
await say(`caught: ${(await caught).message}`)
await sink.close(true)
await say('closed')
