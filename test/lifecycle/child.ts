/** A script of scripts/ as a process of its own: how it ends is what these tests are about. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

/** No end may take longer: a thread that nobody joins or wakes would take for ever. */
const LIMIT_MS = 10_000

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly lines: readonly string[]
  readonly stderr: string
}

/**
 * Runs a script to its end. `onLine` is told each line that it prints. A process that is not gone LIMIT_MS after it
 * printed `ready` (or, without that, after it began) is killed, which fails the test by its signal.
 */
export async function run(
  script: string,
  args: readonly string[] = [],
  onLine: (line: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
): Promise<Ended> {
  const path = fileURLToPath(new URL(`scripts/${script}.ts`, import.meta.url))
  const child = spawn(process.execPath, ['--expose-gc', path, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let limit = setTimeout(() => child.kill('SIGKILL'), 2 * LIMIT_MS)
  const lines: string[] = []
  let stderr = ''
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    if (line === 'ready') {
      clearTimeout(limit)
      limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MS)
    }
    onLine(line, (signal) => child.kill(signal))
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  clearTimeout(limit)
  return { code, signal, lines, stderr }
}

/** The exit code that was asked for, and no signal: neither a crash nor a hang that was killed. */
export function expectEnd(ended: Ended, code: number, lines: readonly (string | RegExp)[] = []): void {
  const told = `lines: ${ended.lines.join(' | ')}\nstderr: ${ended.stderr}`
  expect({ code: ended.code, signal: ended.signal }, told).toEqual({ code, signal: null })
  for (const line of lines) {
    expect(ended.lines, told).toContainEqual(typeof line === 'string' ? line : expect.stringMatching(line))
  }
}
