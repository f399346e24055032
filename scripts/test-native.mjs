// Builds and runs the C++ tests.
//
//   node scripts/test-native.mjs [plain] [address] [thread] [fuzz] [--gtest_filter=...]     default: all four
//
// plain: optimised, as the addon is; address: with the undefined-behaviour sanitizer; fuzz: the fuzz programs
// under both of these. The results of a kind lie in build/test-<kind>/results/, in GoogleTest's form.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build, buildDependencies, cmake, root } from './build-native.mjs'

const all = ['plain', 'address', 'thread', 'fuzz']
/** Documents that every fuzz program mutates. */
const mutations = '200000'
/** Processes that share the tests of a kind: most of them wait for brokers, and for time to pass. */
const shards = 4

const args = process.argv.slice(2)
const gtest = args.filter((arg) => arg.startsWith('--gtest_'))
const kinds = args.filter((arg) => !gtest.includes(arg))
const unknown = kinds.filter((kind) => !all.includes(kind))
if (unknown.length > 0) {
  console.error(`test-native: expected ${all.join(', ')} or --gtest_...; got ${unknown.join(', ')}`)
  process.exit(2)
}

const suppressions = join(root, 'native', 'test', 'tsan.supp')
const env = {
  ...process.env,
  ASAN_OPTIONS: 'detect_leaks=1:strict_string_checks=1',
  UBSAN_OPTIONS: 'print_stacktrace=1',
  TSAN_OPTIONS: `halt_on_error=1:second_deadlock_stack=1:suppressions=${suppressions}`,
}

async function succeeds(program, args, extra = {}) {
  const [status, signal] = await once(spawn(program, args, { stdio: 'inherit', env: { ...env, ...extra } }), 'exit')
  if (status !== 0) console.error(`sabot: ${program} failed (${signal ?? status})`)
  return status === 0
}

const fuzzFolder = join(root, 'native', 'fuzz')
const fuzzers = (existsSync(fuzzFolder) ? readdirSync(fuzzFolder) : [])
  .filter((file) => file.endsWith('.cc'))
  .map((file) => file.slice(0, -'.cc'.length))

async function passes(kind) {
  console.log(`sabot: C++ tests, ${kind}`)
  if (kind === 'fuzz') {
    const at = cmake('test-address', ['-DSABOT_TESTS=ON', '-DSABOT_SANITIZE=address'], ['fuzzers'])
    const passed = await Promise.all(fuzzers.map((fuzzer) => succeeds(join(at, fuzzer), [mutations])))
    return passed.every(Boolean)
  }
  const results = join(build, `test-${kind}`, 'results')
  rmSync(results, { recursive: true, force: true })
  const sanitize = kind === 'plain' ? '' : kind
  const at = cmake(`test-${kind}`, ['-DSABOT_TESTS=ON', `-DSABOT_SANITIZE=${sanitize}`], ['sabot_test'])
  const run = (_, shard) =>
    succeeds(join(at, 'sabot_test'), ['--gtest_brief=1', `--gtest_output=json:${results}/${shard}.json`, ...gtest], {
      GTEST_TOTAL_SHARDS: String(shards),
      GTEST_SHARD_INDEX: String(shard),
    })
  return (await Promise.all(Array.from({ length: shards }, run))).every(Boolean)
}

const missing = buildDependencies()
if (missing !== undefined) {
  console.error(`sabot: the C++ tests cannot be built: missing ${missing}`)
  process.exit(1)
}
const failed = []
for (const kind of kinds.length > 0 ? kinds : all) if (!(await passes(kind))) failed.push(kind)
if (failed.length > 0) {
  console.error(`sabot: C++ tests failed: ${failed.join(', ')}`)
  process.exit(1)
}
