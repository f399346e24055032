/**
 * `npm test`: everything, each step even where one before it failed, and the totals of GoogleTest and Vitest in one
 * last line. A step that fails without a test of its own to blame (types, lint, a build, a sanitizer) counts as one failure.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
process.chdir(root)

interface Totals {
  passed: number
  failed: number
  skipped: number
}

const none = (): Totals => ({ passed: 0, failed: 0, skipped: 0 })

function read<T>(path: string): T | undefined {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as T) : undefined
}

/** GoogleTest's results of one kind of build. */
function googleTest(kind: string): Totals {
  type Results = { testsuites: { testsuite: { status: string; result: string; failures?: object[] }[] }[] }
  const totals = none()
  const folder = `build/test-${kind}/results`
  const shards = (existsSync(folder) ? readdirSync(folder) : []).map((file) => read<Results>(`${folder}/${file}`)!)
  for (const one of shards.flatMap(({ testsuites }) => testsuites).flatMap(({ testsuite }) => testsuite)) {
    if (one.failures !== undefined) totals.failed++
    else if (one.status === 'RUN' && one.result === 'COMPLETED') totals.passed++
    else totals.skipped++
  }
  return totals
}

const vitestResults = 'build/vitest.json'

function vitest(): Totals {
  type Results = Record<'numPassedTests' | 'numFailedTests' | 'numPendingTests' | 'numTodoTests', number>
  const results = read<Results>(vitestResults)
  if (results === undefined) return none()
  const { numPassedTests: passed, numFailedTests: failed, numPendingTests, numTodoTests } = results
  return { passed, failed, skipped: numPendingTests + numTodoTests }
}

interface Step {
  readonly command: string
  readonly args: readonly string[]
  /** Where its results will lie: removed first, so that none are an older run's. */
  readonly results?: string
  readonly totals?: () => Totals
}

const native = (kind: string): Step => ({
  command: process.execPath,
  args: ['scripts/test-native.mjs', kind],
  results: `build/test-${kind}/results`,
  totals: () => googleTest(kind),
})

const steps: readonly Step[] = [
  { command: process.execPath, args: ['scripts/build-native.mjs'] },
  { command: 'npm', args: ['run', '--silent', 'check'] },
  native('plain'),
  native('address'),
  native('thread'),
  { command: process.execPath, args: ['scripts/test-native.mjs', 'fuzz'] },
  {
    command: 'vitest',
    args: ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${vitestResults}`],
    results: vitestResults,
    totals: vitest,
  },
]

const sum = none()
const failures: string[] = []
for (const { command, args, results, totals } of steps) {
  const name = [command === process.execPath ? 'node' : command, ...args].join(' ')
  console.log(`\n> ${name}`)
  if (results !== undefined) rmSync(results, { recursive: true, force: true })
  const { status, signal, error } = spawnSync(command, args, { stdio: 'inherit' })
  const counted = totals?.() ?? none()
  if (status !== 0) {
    failures.push(`${name} (${error?.message ?? signal ?? status})`)
    if (counted.failed === 0) counted.failed++
  }
  sum.passed += counted.passed
  sum.failed += counted.failed
  sum.skipped += counted.skipped
}

console.log()
for (const failure of failures) console.log(`failed: ${failure}`)
console.log(`${sum.passed} passed, ${sum.failed} failed, ${sum.skipped} skipped`)
process.exitCode = sum.failed > 0 ? 1 : 0
