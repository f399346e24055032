/** How processes end while runs of the js backend are at work. The broker is the embedded one. */
import { describe, expect, test } from 'vitest'
import { expectEnd, often, run } from './child.ts'

const runJs = (script: string, ...args: string[]) => run(script, args, undefined, 'js')

describe.each(['fused exit', 'idle exit', 'opening exit', 'step exit'])('process.exit: %s', (how) => {
  test('ends with its own code', async () => {
    await often(3, async () => expectEnd(await runJs('end', how), 7))
  })
})

describe.each(['fused throw', 'opening throw', 'fused reject', 'step throw'])('an uncaught error: %s', (how) => {
  test('ends the process as ever', async () => {
    await often(3, async () => {
      const ended = await runJs('end', how)
      expectEnd(ended, 1)
      expect(ended.stderr).toContain('Error: meant to end the process')
    })
  })
})

describe('a worker', () => {
  test.each([
    ['is terminated, with batches held', 'terminate', 'ended: 1'],
    ['is terminated, while it reads and writes', 'fused terminate', 'ended: 1'],
    ['exits', 'exit', 'ended: 4'],
    ['throws', 'throw', 'ended: meant to end the worker'],
  ])('that %s takes nothing with it', async (_, how, line) => {
    const one = async () => {
      const ended = await runJs('terminate', how)
      expectEnd(ended, 0)
      expect(ended.lines.filter((each) => each !== 'ready')).toEqual(Array(5).fill(line))
    }
    await often(1, one, 5)
  })

  test('in the middle of a run does not keep the process from its exit', async () => {
    await often(3, async () => expectEnd(await runJs('terminate', 'main exits'), 7))
  })

  test('and another one, and the main thread, each run a pipeline of their own', async () => {
    await often(2, async () => expectEnd(await runJs('workers'), 0, ['rows: all all all']))
  })
})

test('a batch is readable after its run was stopped and its broker closed', async () => {
  await often(1, async () => expectEnd(await runJs('held'), 0, ['rows: 5 times the same']), 5)
})

test.skipIf(process.platform !== 'linux')('two hundred runs leave threads, files and memory as they were', async () => {
  expectEnd(await runJs('cycles'), 0, ['threads: same', 'files: same', 'heap: settled', 'memory: settled'])
})
