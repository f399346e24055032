/** What the install script says and does on a machine that lacks something, and when nothing has changed. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { packageRoot } from '../../src/kafka/platform.ts'

const script = join(packageRoot(), 'scripts', 'build-native.mjs')
const folder = mkdtempSync(join(tmpdir(), 'sabot-build-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs the install script; `commands`: what is found on PATH. */
const install = (commands: readonly string[], env: NodeJS.ProcessEnv = {}) => {
  const bin = mkdtempSync(join(folder, 'bin-'))
  for (const command of commands) {
    const found = process.env.PATH!.split(delimiter).map((path) => join(path, command))
    const target = found.find((path) => spawnSync('test', ['-x', path]).status === 0)
    symlinkSync(target!, join(bin, command))
  }
  const result = spawnSync(process.execPath, [script], {
    env: { ...process.env, PATH: bin, SABOT_BUILD_DIR: join(folder, 'build'), ...env },
    encoding: 'utf8',
  })
  return { status: result.status, lines: result.stdout.trimEnd().split('\n'), stderr: result.stderr }
}

test('without a compiler, installing succeeds and says in one line what is missing and how to get it', () => {
  const { status, lines, stderr } = install([])
  expect(status).toBe(0)
  expect(stderr).toBe('')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatch(/^sabot: the native backend was not built: missing a C\+\+20 compiler, cmake, make \(/)
  expect(lines[0]).toContain('apt install g++ cmake make')
  expect(lines[0]).toMatch(/then: node .*build-native\.mjs$/)
})

test('where only cmake is missing, it is named alone', () => {
  const { status, lines } = install(['c++', 'as', 'make', 'bash'])
  expect(status).toBe(0)
  expect(lines).toEqual([expect.stringMatching(/missing cmake \(apt install cmake \| /)])
})

test('a build with nothing changed compiles nothing', () => {
  const env = { PATH: process.env.PATH, SABOT_BUILD_DIR: join(packageRoot(), 'build') }
  install([], env) // up to date from here on, whatever was edited before
  const { status, lines } = install([], env)
  expect(status).toBe(0)
  expect(lines).toEqual([expect.stringMatching(/^sabot: building the addon \.\.\. /)])
  expect(readFileSync(join(packageRoot(), 'build', 'addon.log'), 'utf8')).not.toMatch(/Building C/)
}, 300_000)

test('where npm installs the addon for this platform as well, nothing is built', () => {
  const clone = join(folder, 'node_modules', 'sabot')
  const platform = join(folder, 'node_modules', '@sabot', `${process.platform}-${process.arch}-gnu`)
  for (const path of [join(clone, 'scripts'), platform]) mkdirSync(path, { recursive: true })
  copyFileSync(script, join(clone, 'scripts', 'build-native.mjs'))
  writeFileSync(join(platform, 'package.json'), '{}')
  const env = { ...process.env, npm_lifecycle_event: 'install' }
  const result = spawnSync(process.execPath, [join(clone, 'scripts', 'build-native.mjs')], { env, encoding: 'utf8' })
  expect(result).toMatchObject({ status: 0, stdout: '', stderr: '' })
})
