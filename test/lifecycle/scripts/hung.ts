/** A broker that answers no more (a stopped process of its own) while a run reads and writes: exit, or two SIGINTs. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { SabotError } from '../../../src/index.ts'
import { brokerWithRows, copying, flowing, say } from './flow.ts'

const how = process.argv[2]
if (how === 'broker') {
  const broker = await brokerWithRows()
  await say(broker.bootstrapServers)
  setInterval(() => {}, 1 << 30)
} else {
  const child = spawn(process.execPath, [import.meta.filename, 'broker'], { stdio: ['ignore', 'pipe', 'inherit'] })
  process.once('exit', () => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  const run = copying(String(line).trim()).start()
  await flowing(run)
  child.kill('SIGSTOP')
  await new Promise((resolve) => setTimeout(resolve, 200))
  await say('ready')
  if (how === 'exit') process.exit(7)
  process.once('SIGINT', () => void say('stopping'))
  try {
    await run.done
    await say('stopped')
  } catch (error) {
    await say(`failed: ${error instanceof SabotError ? error.code : error}`)
    process.exitCode = 3
  }
  child.kill('SIGKILL')
}
