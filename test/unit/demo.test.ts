/** `npm start`, as a newcomer runs it: no server, no terminal. */
import { execFile } from 'node:child_process'
import { stripVTControlCharacters } from 'node:util'
import { expect, test, vi } from 'vitest'
import { checked } from '../../examples/demo/figures.ts'
import { readFlights } from '../../examples/demo/flights.ts'
import { root } from '../support/doc-blocks.ts'

interface Finished {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const demo = (...args: string[]): Promise<Finished> =>
  new Promise((resolve) => {
    const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined }
    execFile(process.execPath, ['examples/demo/main.ts', ...args], { cwd: root, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
    })
  })

test('npm start sends every flight through Kafka, finds the delayed ones, and says so', {
  timeout: 60_000,
}, async () => {
  const flights = readFlights()
  const delayed = flights.filter(({ delay }) => delay > 15)
  const minutes = delayed.reduce((sum, { delay }) => sum + delay, 0)
  const { code, stdout, stderr } = await demo()
  expect(stderr).toBe('')
  const said = stdout.split('\n')
  expect(said).toContain(`ok      flights read: ${flights.length.toLocaleString('en-US')}`)
  expect(said).toContain(`ok      delayed flights read back: ${delayed.length.toLocaleString('en-US')}`)
  expect(said).toContain(`ok      minutes of delay, summed: ${minutes.toLocaleString('en-US')}`)
  // Plain lines: no colours, nothing redrawn.
  expect(stdout).not.toContain('\r')
  expect(stdout).not.toContain('\x1b')
  expect(code).toBe(0)
})

test('a count that is not what plain JavaScript counts is told, and the demo has failed', () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  const good = { what: 'flights read', expected: '3', got: '3' }
  expect(checked([good])).toBe(true)
  expect(checked([good, { what: 'flights written', expected: '3', got: '2' }])).toBe(false)
  const said = log.mock.calls.map(([line]) => stripVTControlCharacters(String(line)))
  log.mockRestore()
  expect(said.at(-1)).toBe('wrong   flights written: expected 3; got 2')
})

test.each([
  [['--bootstrap-server', 'localhost:9092'], /Unknown option '--bootstrap-server'/],
  [['--rows', '2000000'], /--rows needs --bootstrap-servers/],
  [['--bootstrap-servers', 'localhost:9092', '--rows', 'many'], /--rows: expected a whole number .*; got "many"/],
  [['surprise'], /Unexpected argument 'surprise'/],
])('%j is refused with what was expected', async (args, problem) => {
  const { code, stderr } = await demo(...args)
  expect(stderr).toMatch(problem)
  expect(stderr).toContain('Usage: npm start')
  expect(code).toBe(2)
})

test('servers that are none are refused in the words of the library', async () => {
  const { code, stderr } = await demo('--bootstrap-servers', 'localhost')
  expect(stderr).toMatch(/^\s*demo: CONFIG: .*bootstrapServers.*"host:port"/)
  expect(code).toBe(1)
})

test('--help prints what there is', async () => {
  const { code, stdout } = await demo('--help')
  expect(stdout).toContain('--bootstrap-servers HOST:PORT')
  expect(code).toBe(0)
})
