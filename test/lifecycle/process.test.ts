/** How processes end while sources, sinks and brokers are at work: with their own exit code, soon, and never by a crash. */
import { describe, expect, test } from 'vitest'
import { expectEnd, often, run } from './child.ts'

describe.each(['exit', 'fused exit', 'idle exit', 'opening exit', 'step exit'])('process.exit: %s', (how) => {
  test('ends with its own code', async () => {
    await often(5, async () => expectEnd(await run('end', [how]), 7))
  })
})

describe.each(['throw', 'idle throw', 'opening throw', 'reject', 'step throw'])('an uncaught error: %s', (how) => {
  test('ends the process as ever', async () => {
    await often(5, async () => {
      const ended = await run('end', [how])
      expectEnd(ended, 1)
      expect(ended.stderr).toContain('Error: meant to end the process')
    })
  })
})

describe('a worker', () => {
  test.each([
    ['is terminated', 'terminate', 'ended: 1'],
    ['exits', 'exit', 'ended: 4'],
    ['throws', 'throw', 'ended: meant to end the worker'],
    ['is terminated, its run fused', 'fused terminate', 'ended: 1'],
    ['exits, its run fused', 'fused exit', 'ended: 4'],
  ])('that %s in the middle of a run, with batches held, takes nothing with it', async (_, how, line) => {
    const one = async () => {
      const ended = await run('terminate', [how])
      expectEnd(ended, 0)
      expect(ended.lines.filter((each) => each !== 'ready')).toEqual(Array(5).fill(line))
    }
    await often(2, one, 5)
  })

  test('in the middle of a run does not keep the process from its exit', async () => {
    await often(3, async () => expectEnd(await run('terminate', ['main exits']), 7))
  })

  test('and another one, and the main thread, each run a pipeline of their own', async () => {
    await often(2, async () => expectEnd(await run('workers'), 0, ['rows: all all all']))
  })
})

describe('what a wake-up throws', () => {
  test('ends the process as an uncaught exception', async () => {
    const ended = await run('wake')
    expectEnd(ended, 1)
    expect(ended.stderr).toContain('Error: thrown by wake')
  })

  test('can be caught as one, and nothing is broken', async () => {
    expectEnd(await run('wake', ['caught']), 0, ['caught: thrown by wake', 'closed'])
  })
})

describe('a batch', () => {
  test('is readable after its run was stopped and its broker closed', async () => {
    await often(2, async () => expectEnd(await run('held'), 0, ['rows: 5 times the same']), 5)
  })
})

describe('a process', () => {
  test.skipIf(process.platform !== 'linux')(
    'has as many threads and files after two hundred runs as after ten, and memory settles',
    async () => {
      expectEnd(await run('cycles'), 0, ['threads: same', 'files: same', 'heap: settled', 'memory: settled'])
    },
  )

  test('stays alive for a run, and ends when it is stopped', async () => {
    expectEnd(await run('unclosed', ['run']), 0, ['stopped'])
  })

  test('does not stay alive for a broker', async () => {
    await often(5, async () => expectEnd(await run('unclosed', ['broker']), 0, ['ready']))
  })
})
