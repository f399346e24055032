/** Ends a process in the middle of a run, in the way that the first argument says. */
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedBroker, Stream } from '../../../src/index.ts'
import { brokerWithRows, copying, flowing, fused, say } from './flow.ts'

const end = (how: string): void => {
  if (how.endsWith('exit')) process.exit(7)
  if (how.endsWith('throw')) setImmediate(() => fail())
  else if (how.endsWith('reject')) void Promise.reject(new Error('meant to end the process'))
}
const fail = (): never => {
  throw new Error('meant to end the process')
}

const how = process.argv[2]!
if (how.startsWith('opening')) {
  // Nothing answers at that port: the source asks for its topics again and again.
  const run = Stream.fromKafka({
    bootstrapServers: '127.0.0.1:1',
    topic: 'in',
    groupId: 'g',
    connectTimeoutMs: 300_000,
  })
    .toKafka({ topic: 'out' })
    .start()
  run.done.catch(() => {})
  await sleep(300)
  await say('ready')
  end(how)
} else if (how.startsWith('idle')) {
  const broker = await EmbeddedBroker.start({ topics: ['in', 'out'] })
  const run = copying(broker.bootstrapServers).start()
  while (run.metrics().assigned.length === 0) await sleep(5)
  await say('ready')
  end(how)
} else if (how.startsWith('step')) {
  // From within the user's own function, on a batch that is held; where the process goes on after it, so does the function.
  const broker = await brokerWithRows()
  await say('ready')
  const run = copying(broker.bootstrapServers, () => {
    end(how)
    return new Promise(() => {})
  }).start()
  await run.done
} else {
  const broker = await brokerWithRows()
  const run = (how.startsWith('fused') ? fused : copying)(broker.bootstrapServers).start()
  await flowing(run)
  await say('ready')
  end(how)
}
