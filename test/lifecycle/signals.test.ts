/** How processes end whose runs get a signal, or whose broker answers no more, on either backend. */
import { describe, test } from 'vitest'
import { expectEnd, often, run } from './child.ts'

describe.each(['native', 'js'] as const)('%s', (backend) => {
  describe('a signal', () => {
    test.each(['SIGINT', 'SIGTERM'] as const)(
      '%s: what was taken is delivered, and the process ends well',
      async (name) => {
        await often(5, async () => {
          const ended = await run('signal', [name], (line, kill) => line === 'ready' && kill(name), backend)
          expectEnd(ended, 0, ['stopping', 'stopped: all'])
        })
      },
    )

    test('twice: the run is aborted at once, whatever its step does', async () => {
      await often(5, async () => {
        const ended = await run(
          'signal',
          ['SIGINT', 'stuck'],
          (line, kill) => {
            if (line === 'ready' || line === 'stopping') kill('SIGINT')
          },
          backend,
        )
        expectEnd(ended, 3, ['stopping', 'failed: ABORTED'])
      })
    })
  })

  describe('a broker that answers no more', () => {
    test('does not keep a process from its exit', async () => {
      await often(3, async () => expectEnd(await run('hung', ['exit'], undefined, backend), 7))
    })

    test('does not keep a run from its second SIGINT', async () => {
      await often(3, async () => {
        const ended = await run(
          'hung',
          ['signals'],
          (line, kill) => {
            if (line === 'ready' || line === 'stopping') kill('SIGINT')
          },
          backend,
        )
        expectEnd(ended, 3, ['failed: ABORTED'])
      })
    })
  })
})
