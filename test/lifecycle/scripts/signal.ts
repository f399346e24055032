/** A run that a signal stops. With `stuck` its step never returns, so that only a second signal ends it. */
import { once } from 'node:events'
import { type EmbeddedBroker, SabotError, Stream } from '../../../src/index.ts'
import { brokerWithRows, copying, flowing, say, schema } from './flow.ts'

const [, , name, how] = process.argv as [string, string, NodeJS.Signals, string?]
const stuck = how === 'stuck'
const broker: EmbeddedBroker = await brokerWithRows()
const never = new Promise<void>(() => {})
let steps = 0
const run = copying(broker.bootstrapServers, () => {
  steps++
  return stuck ? never : undefined
}).start()
if (stuck) while (steps === 0) await new Promise((resolve) => setTimeout(resolve, 5))
else await flowing(run)
process.once(name, () => void say('stopping'))
await say('ready')
try {
  const { rowsIn, rowsOut } = await run.done
  // What was taken was delivered, and lies in the topic.
  const written = await Stream.fromKafka({
    bootstrapServers: broker.bootstrapServers,
    topic: 'out',
    until: 'end',
    schema,
  })
    .select('id')
    .collect()
  await say(
    `stopped: ${rowsIn === rowsOut && written.numRows === rowsOut ? 'all' : `${rowsIn} ${rowsOut} ${written.numRows}`}`,
  )
} catch (error) {
  await say(`failed: ${error instanceof SabotError ? error.code : error}`)
  process.exitCode = 3
}
await broker.close()
// A run that has ended gives the signal back: a third one would end the process as ever.
if (process.listenerCount(name) > 0) await once(process, name)
