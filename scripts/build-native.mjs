// Builds build/sabot.node from source: zstd and librdkafka once, then CMake for simdjson and our own sources.
// Runs in `npm ci` (the `install` script of a clone; the published package has none), and by hand where sabot is
// installed on a platform without a prebuilt addon: so it is plain JavaScript that any Node of our range runs.
// The sources come with the npm packages, but the allocator's, a crate: where cargo is missing or has no network, the
// addon has the C library's allocator. What is missing on the machine is said in one line and is no failure; a build
// that breaks is one.
//
//   SABOT_ALLOCATOR=system    takes the C library's allocator instead of mimalloc
//   SABOT_LIBRDKAFKA=system   links the distribution's librdkafka (pkg-config rdkafka) instead of building ours
//   SABOT_BUILD_DIR           builds there instead of build/
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
export const build = resolve(root, process.env.SABOT_BUILD_DIR ?? 'build')
const deps = join(build, 'deps')
const jobs = `-j${availableParallelism()}`
const system = process.env.SABOT_LIBRDKAFKA === 'system'
// What redirects the calls of malloc (-Wl,--wrap) is a linker's of ELF; a shared librdkafka would not be redirected.
const mimalloc = process.env.SABOT_ALLOCATOR !== 'system' && process.platform === 'linux' && !system

/** The folder of an npm package, in our node_modules or (installed as a dependency) in one above; or undefined. */
function packageFolder(name) {
  for (let folder = root; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name)
    if (existsSync(join(found, 'package.json'))) return found
    if (folder === dirname(folder)) return undefined
  }
}

const manifestOf = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
const versionOf = (name) => manifestOf(packageFolder(name)).version

/** Runs a command with its output in <log>.log; on failure shows the end of it and ends this process. */
function run(log, command, args, options = {}) {
  const file = join(build, `${log}.log`)
  const out = openSync(file, 'w')
  const result = spawnSync(command, args, { stdio: ['ignore', out, out], ...options })
  closeSync(out)
  if (result.status === 0) return
  const lines = readFileSync(file, 'utf8').split('\n')
  const errors = lines.slice(0, -40).filter((line) => /\berror\b|undefined reference/i.test(line))
  console.error(`\n${[...errors.slice(0, 20), ...lines.slice(-40)].join('\n')}`)
  console.error(
    `sabot: ${command} failed (${result.error?.message ?? result.signal ?? result.status}); all of it: ${file}`,
  )
  process.exit(1)
}

/** Says what a step does, runs it, and says what it took. */
function step(what, action) {
  const start = performance.now()
  process.stdout.write(`sabot: ${what} ... `)
  action()
  console.log(`${((performance.now() - start) / 1000).toFixed(1)} s`)
}

// ---- what the machine must have

const works = (command, args, input) =>
  spawnSync(command, args, { input, stdio: ['pipe', 'ignore', 'ignore'] }).status === 0
const compiles = (source) => works('c++', ['-std=c++20', '-fsyntax-only', '-x', 'c++', '-'], source)

/** What is missing and how to get it, in one line; undefined: nothing. */
function missing() {
  const needs = [
    { what: 'a C++20 compiler', found: compiles('#include <span>\n'), apt: 'g++', dnf: 'gcc-c++', brew: 'llvm' },
    { what: 'cmake', found: works('cmake', ['--version']), apt: 'cmake', dnf: 'cmake', brew: 'cmake' },
    { what: 'make', found: works('make', ['--version']), apt: 'make', dnf: 'make', brew: 'make' },
  ]
  if (system) {
    const found = works('pkg-config', ['--exists', 'rdkafka'])
    const apt = 'pkg-config librdkafka-dev'
    needs.push({ what: 'librdkafka', found, apt, dnf: 'pkgconf librdkafka-devel', brew: 'pkg-config librdkafka' })
  } else if (needs[0].found) {
    const openssl = compiles('#include <openssl/ssl.h>\n')
    needs.push({ what: 'bash', found: works('bash', ['-c', 'true']), apt: 'bash', dnf: 'bash', brew: 'bash' })
    needs.push({
      what: "OpenSSL's headers",
      found: openssl,
      apt: 'libssl-dev',
      dnf: 'openssl-devel',
      brew: 'openssl@3',
    })
    needs.push({
      what: "zlib's headers",
      found: compiles('#include <zlib.h>\n'),
      apt: 'zlib1g-dev',
      dnf: 'zlib-devel',
      brew: 'zlib',
    })
  }
  const absent = needs.filter((need) => !need.found)
  if (absent.length > 0) {
    const install = (manager) => absent.map((need) => need[manager]).join(' ')
    const how = `apt install ${install('apt')} | dnf install ${install('dnf')} | brew install ${install('brew')}`
    return `${absent.map((need) => need.what).join(', ')} (${how})`
  }
  const sources = ['@nozbe/simdjson', 'node-addon-api', 'node-api-headers']
  if (!system) sources.push('@confluentinc/kafka-javascript', 'zstd-napi')
  const packages = sources.filter((name) => packageFolder(name) === undefined)
  if (packages.length === 0) return undefined
  const { devDependencies } = manifestOf(root)
  const versions = packages.map((name) => `${name}@${devDependencies[name]}`)
  // Their own install scripts would build what is in them another way.
  return `the sources in ${packages.join(', ')} (npm install --save-dev --ignore-scripts ${versions.join(' ')})`
}

// ---- zstd and librdkafka

const stampOf = (name) => join(deps, `${name}.stamp`)
const contentOf = (source) => `${source} ${process.platform}-${process.arch} recipe 2\n`
const isMade = (name, source) => existsSync(stampOf(name)) && readFileSync(stampOf(name), 'utf8') === contentOf(source)

/** Makes a library unless it was already made from the same source, by the same recipe, for the same machine. */
function once(name, source, make) {
  if (isMade(name, source)) return
  rmSync(stampOf(name), { force: true })
  step(`building ${name}`, make)
  writeFileSync(stampOf(name), contentOf(source))
}

const zstdSource = () => join(packageFolder('zstd-napi'), 'deps', 'zstd', 'lib')

function buildZstd() {
  once('zstd', `zstd-napi ${versionOf('zstd-napi')}`, () => {
    const objects = join(deps, 'zstd')
    rmSync(objects, { recursive: true, force: true })
    mkdirSync(objects, { recursive: true })
    const sources = ['common', 'compress', 'decompress'].flatMap((part) =>
      readdirSync(join(zstdSource(), part))
        .filter((file) => file.endsWith('.c'))
        .map((file) => join(zstdSource(), part, file)),
    )
    // A makefile for -j: one rule for every object.
    const rules = sources.map((file, i) => `${i}.o: ${file}\n\tcc -c -O3 -fPIC -w -DZSTD_DISABLE_ASM $< -o $@\n`)
    const names = sources.map((_, i) => `${i}.o`).join(' ')
    writeFileSync(join(objects, 'Makefile'), `../libzstd.a: ${names}\n\trm -f $@ && ar rcs $@ $^\n${rules.join('')}`)
    run('zstd', 'make', [jobs], { cwd: objects })
    rmSync(objects, { recursive: true })
  })
}

function buildLibrdkafka() {
  const version = versionOf('@confluentinc/kafka-javascript')
  once('librdkafka', `@confluentinc/kafka-javascript ${version}`, () => {
    const source = join(deps, 'librdkafka')
    rmSync(source, { recursive: true, force: true })
    cpSync(join(packageFolder('@confluentinc/kafka-javascript'), 'deps', 'librdkafka'), source, { recursive: true })
    // The package's CMakeLists misses files that its tarball leaves out; librdkafka's own configure works. npm may
    // have taken the executable bits.
    for (const script of ['configure', 'lds-gen.py']) chmodSync(join(source, script), 0o755)
    // C11 threads: glibc's are unknown to the thread sanitizer; without them librdkafka goes through pthreads.
    const without = ['curl', 'gssapi', 'lz4-ext', 'c11threads'].map((feature) => `--disable-${feature}`)
    const env = {
      ...process.env,
      STATIC_LIB_libzstd: join(deps, 'libzstd.a'),
      CPPFLAGS: `-I${realpathSync(zstdSource())}`,
      CFLAGS: '-fPIC',
    }
    run('librdkafka-configure', 'bash', ['./configure', ...without], { cwd: source, env })
    run('librdkafka', 'make', [jobs, '-C', 'src', 'librdkafka-static.a'], { cwd: source })
    mkdirSync(join(deps, 'include'), { recursive: true })
    for (const header of ['rdkafka.h', 'rdkafka_mock.h']) {
      copyFileSync(join(source, 'src', header), join(deps, 'include', header))
    }
    // Its inside, for native/record_sets.
    const inside = join(deps, 'librdkafka-inside')
    rmSync(inside, { recursive: true, force: true })
    mkdirSync(join(inside, 'src'), { recursive: true })
    copyFileSync(join(source, 'config.h'), join(inside, 'config.h'))
    for (const file of readdirSync(join(source, 'src')).filter((name) => name.endsWith('.h'))) {
      copyFileSync(join(source, 'src', file), join(inside, 'src', file))
    }
    renameSync(join(source, 'src', 'librdkafka-static.a'), join(deps, 'librdkafka-static.a'))
    rmSync(source, { recursive: true })
  })
}

// ---- the allocator

const allocator = join(root, 'native', 'allocator')

/** The crate that holds mimalloc's source, as Cargo.lock has it. */
function allocatorCrate() {
  const lock = readFileSync(join(allocator, 'Cargo.lock'), 'utf8')
  return `libmimalloc-sys ${/name = "libmimalloc-sys"\nversion = "(.+)"/.exec(lock)[1]}`
}

/** Whether addon and tests get mimalloc. */
const hasAllocator = () => mimalloc && isMade('mimalloc', allocatorCrate())

/** The folder of the crate, which cargo fetches and checks where it has not got it; or what is in the way. */
function fetchAllocator() {
  const args = ['metadata', '--locked', '--format-version', '1', '--manifest-path', join(allocator, 'Cargo.toml')]
  const env = { ...process.env, CARGO_NET_RETRY: '1' }
  const cargo = spawnSync('cargo', args, { encoding: 'utf8', env, timeout: 60_000, maxBuffer: 1 << 24 })
  if (cargo.status === 0) {
    const { packages } = JSON.parse(cargo.stdout)
    return { folder: dirname(packages.find(({ name }) => name === 'libmimalloc-sys').manifest_path) }
  }
  if (cargo.error?.code === 'ENOENT') return { problem: 'there is no cargo' }
  const lines = (cargo.stderr ?? '').trim().split('\n')
  return { problem: `cargo: ${lines.at(-1).trim() || (cargo.error?.message ?? cargo.status)}` }
}

function buildAllocator() {
  if (!mimalloc || hasAllocator()) return
  const { folder, problem } = fetchAllocator()
  if (problem !== undefined) {
    console.log(
      `sabot: with the C library's allocator, with which reading is slower than with mimalloc: ${problem} to fetch ${allocatorCrate()} with`,
    )
    return
  }
  once('mimalloc', allocatorCrate(), () => {
    const source = join(folder, 'c_src', 'mimalloc', 'v2')
    const object = join(deps, 'mimalloc.o')
    const defines = ['-DNDEBUG', '-DMI_BUILD_RELEASE', '-DMI_DEBUG=0']
    // Its thread-locals are those of a module that dlopen loads: initial-exec may find no room.
    const flags = ['-O3', '-fPIC', '-w', '-fvisibility=hidden', '-fno-builtin-malloc', '-ftls-model=local-dynamic']
    const includes = [`-I${join(source, 'include')}`, `-I${join(source, 'src')}`]
    const input = join(source, 'src', 'static.c')
    run('mimalloc', 'cc', [...flags, ...defines, ...includes, '-c', input, '-o', object])
    run('mimalloc-archive', 'ar', ['rcs', join(deps, 'libmimalloc.a'), object])
    mkdirSync(join(deps, 'include'), { recursive: true })
    copyFileSync(join(source, 'include', 'mimalloc.h'), join(deps, 'include', 'mimalloc.h'))
    copyFileSync(join(source, 'LICENSE'), join(deps, 'mimalloc.LICENSE'))
    rmSync(object)
  })
}

/** Builds the libraries where that was not done before. Returns what is missing on this machine, or undefined. */
export function buildDependencies() {
  const what = missing()
  if (what !== undefined) return what
  mkdirSync(deps, { recursive: true })
  if (system) return undefined
  buildZstd()
  buildLibrdkafka()
  buildAllocator()
  return undefined
}

// ---- our own sources

/** Configures native/ into a folder of build/ and builds the targets there. */
export function cmake(folder, definitions, targets) {
  const at = join(build, folder)
  const configure = [
    '-S',
    join(root, 'native'),
    '-B',
    at,
    `-DSABOT_DEPS=${deps}`,
    `-DSABOT_SYSTEM_LIBRDKAFKA=${system ? 'ON' : 'OFF'}`,
    `-DSABOT_MIMALLOC=${hasAllocator() ? 'ON' : 'OFF'}`,
    `-DSABOT_SIMDJSON=${join(packageFolder('@nozbe/simdjson'), 'src')}`,
    `-DSABOT_NODE_INCLUDES=${packageFolder('node-addon-api')};${join(packageFolder('node-api-headers'), 'include')}`,
    // npm gives every file the same date: a new version is seen by its number.
    `-DSABOT_PARTS=${['@nozbe/simdjson', 'node-addon-api', 'node-api-headers'].map((name) => `${name} ${versionOf(name)}`)}`,
    ...definitions,
  ]
  run(`${folder}-configure`, 'cmake', configure)
  run(folder, 'cmake', ['--build', at, jobs, '--target', ...targets])
  return at
}

/** Copies a built file into build/ in one step: a process that has the old one mapped keeps the old one. */
function install(from, name) {
  const to = join(build, name)
  if (existsSync(to) && readFileSync(from).equals(readFileSync(to))) return
  copyFileSync(from, `${to}.new`)
  renameSync(`${to}.new`, to)
}

/** Whether npm runs this while it installs sabot together with the package that has the addon for this platform. */
function isPrebuilt() {
  const platform = `@sabot/${process.platform}-${process.arch}`
  const names = [platform, `${platform}-gnu`]
  return process.env.npm_lifecycle_event === 'install' && names.some((name) => packageFolder(name) !== undefined)
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (isPrebuilt()) process.exit()
  const what = buildDependencies()
  if (what !== undefined) {
    const again = relative(process.env.INIT_CWD ?? process.cwd(), fileURLToPath(import.meta.url))
    console.log(`sabot: the native backend was not built: missing ${what}; then: node ${again}`)
  } else {
    step('building the addon', () => {
      // Arguments are further CMake definitions.
      const at = cmake('addon', process.argv.slice(2), ['all'])
      install(join(at, 'sabot.node'), 'sabot.node')
      install(join(at, 'raw-consume'), 'raw-consume')
    })
  }
}
