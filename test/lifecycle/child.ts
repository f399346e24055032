/** A script of scripts/ as a process of its own: how it ends is what these tests are about. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'

/**
 * The addon under the address sanitizer, and the sanitizer's library, where `npm run test:lifecycle` asks for them. Not
 * for the process of the tests: Node itself is not built with it, so it must be loaded before all else.
 */
const { SABOT_SANITIZED_ADDON: addon, SABOT_SANITIZER: library, SABOT_TIMES: asked } = process.env
const sanitized = addon !== undefined && {
  SABOT_ADDON: addon,
  LD_PRELOAD: library,
  // Node leaves memory behind by itself when it exits.
  ASAN_OPTIONS: 'detect_leaks=0',
  UBSAN_OPTIONS: 'print_stacktrace=1',
}

/** No end may take longer: a thread that nobody joins or wakes would take for ever. */
const LIMIT_MS = sanitized ? 20_000 : 5_000

/** So many processes at once, which makes for other races than one alone. */
const AT_ONCE = 5

/**
 * Ends race with threads: once is no proof. `few` times, or as often as `npm run test:lifecycle` asks; `each`: how
 * often one process does it.
 */
export async function often(few: number, one: () => Promise<void>, each = 1): Promise<void> {
  let left = asked === undefined ? few : Math.ceil(Number(asked) / each)
  const runs = Array.from({ length: Math.min(AT_ONCE, left) }, async () => {
    while (left-- > 0) await one()
  })
  await Promise.all(runs)
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly lines: readonly string[]
  readonly stderr: string
}

/**
 * Runs a script to its end. `onLine` is told each line that it prints. It prints `ready` where its end begins: a process
 * that is not gone LIMIT_MS later is killed, which fails the test by its signal; so is one that does not come to its end.
 */
export async function run(
  script: string,
  args: readonly string[] = [],
  onLine: (line: string, kill: (signal: NodeJS.Signals) => void) => void = () => {},
  backend: 'native' | 'js' = 'native',
): Promise<Ended> {
  const path = fileURLToPath(new URL(`scripts/${script}.ts`, import.meta.url))
  const env = { ...process.env, ...sanitized, SABOT_BACKEND: backend }
  const child = spawn(process.execPath, ['--expose-gc', path, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  let limit = setTimeout(() => child.kill('SIGKILL'), 24 * LIMIT_MS)
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

/** The exit code that was asked for, and no signal: neither a crash nor a hang that was killed; no sanitizer's report. */
export function expectEnd(ended: Ended, code: number, lines: readonly (string | RegExp)[] = []): void {
  const told = `lines: ${ended.lines.join(' | ')}\nstderr: ${ended.stderr}`
  expect({ code: ended.code, signal: ended.signal }, told).toEqual({ code, signal: null })
  expect(ended.stderr).not.toMatch(/AddressSanitizer|runtime error:/)
  for (const line of lines) {
    expect(ended.lines, told).toContainEqual(typeof line === 'string' ? line : expect.stringMatching(line))
  }
}
