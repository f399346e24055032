// `npm run test:lifecycle`: the lifecycle tests with every end fifty times instead of a few; then again in processes
// whose addon is under the address sanitizer, of which one report fails the test.
//
//   npm run test:lifecycle [-- plain|address] [--times 50] [vitest's own arguments]
import { execFileSync, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { buildDependencies, cmake, root } from './build-native.mjs'

const all = ['plain', 'address']
const args = process.argv.slice(2)
const at = args.indexOf('--times')
const times = at < 0 ? '50' : args.splice(at, 2)[1]
const kinds = args.filter((arg) => all.includes(arg))
const rest = args.filter((arg) => !all.includes(arg))

const missing = buildDependencies()
if (missing !== undefined) throw new Error(`the addon cannot be built: missing ${missing}`)

/** What test/lifecycle/child.ts takes for the processes that it starts. */
function sanitized() {
  const folder = cmake('addon-address', ['-DSABOT_SANITIZE=address'], ['sabot'])
  // The sanitizer must come before all else into a process that is not built with it.
  const library = execFileSync('c++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim()
  return { SABOT_SANITIZED_ADDON: join(folder, 'sabot.node'), SABOT_SANITIZER: library }
}

const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
for (const kind of kinds.length === 0 ? all : kinds) {
  console.log(`sabot: lifecycle tests, ${kind}, ${times} times`)
  const env = { ...process.env, SABOT_TIMES: times, ...(kind === 'address' ? sanitized() : {}) }
  const command = [vitest, 'run', '--project', 'lifecycle', ...rest]
  const { status } = spawnSync(process.execPath, command, { cwd: root, env, stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
