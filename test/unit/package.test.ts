/** The packages that users install: what is in them, how they resolve, and that they run where no compiler is. */
import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inspectBinary, problemsOf } from '../../scripts/package-binary.ts'
import { builtPath, packageRoot } from '../../src/kafka/platform.ts'
import { blocksOf, readDoc } from '../support/doc-blocks.ts'
import { filesOf, installedProject, type Packages, type Project, packages } from '../support/packages.ts'

const run = promisify(execFile)
const root = packageRoot()
const linux = process.platform === 'linux'

let packed: Packages
let project: Project

/** The first example of the README as it stands there, but for the address. */
const sixLines = blocksOf(readDoc('README.md'))[0]!.code.replace("'localhost:9092'", 'process.env.KAFKA')

/** Runs it on a broker of its own until it has flagged what it should, and stops it as Ctrl+C does. */
const main = `
import { tableFromArrays } from 'apache-arrow'
import { EmbeddedBroker, Stream } from 'sabot'

const { bootstrapServers } = await EmbeddedBroker.start({ topics: ['transactions', 'flagged'] })
process.env.KAFKA = bootstrapServers
const amounts = Array.from({ length: 2000 }, (_, i) => i + 0.5)
const table = tableFromArrays({ id: Int32Array.from(amounts, Math.floor), amount: Float64Array.from(amounts) })
await Stream.fromBatches(table).toKafka({ bootstrapServers, topic: 'transactions' }).run()

const example = import('./example.mjs')
const say = (fields, message) => console.log(message)
const flagged = await Stream.fromKafka({
  bootstrapServers,
  topic: 'flagged',
  schema: { id: 'int32' },
  logger: { debug() {}, info: say, warn: say, error: say },
})
  .limit(1000)
  .collect()
process.kill(process.pid, 'SIGINT')
await example
console.log('flagged', flagged.numRows, 'from', flagged.get(0).id)
`

const common = `
const sabot = require('sabot')
const { plan } = require('./plan.cjs')
console.log(typeof sabot.Stream.fromKafka, plan(sabot).explain().includes('filter'))
`
const plan = `
exports.plan = ({ Stream, col }) =>
  Stream.fromKafka({ bootstrapServers: 'localhost:9092', topic: 'a', schema: { n: 'int32' } }).filter(col('n').gt(1))
`

const native = `
import { Stream } from 'sabot'
const from = { bootstrapServers: 'localhost:1', topic: 'a', backend: 'native' }
await Stream.fromKafka(from).collect().catch((error) => console.log(error.code, error.message))
`

beforeAll(async () => {
  packed = packages()
  const files = {
    'example.mjs': sixLines,
    'main.mjs': main,
    'common.cjs': common,
    'plan.cjs': plan,
    'native.mjs': native,
  }
  project = await installedProject(packed, files)
}, 120_000)
afterAll(() => packed?.remove())

describe('npm pack', () => {
  const walk = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? walk(`${folder}/${entry.name}`) : [`${folder}/${entry.name}`],
    )

  test('takes dist, docs and the native sources, and nothing else', async () => {
    const compiled = walk('src').flatMap((path) => {
      const name = path.replace(/^src/, 'dist').replace(/\.ts$/, '')
      return [`${name}.js`, `${name}.d.ts`]
    })
    const native = walk('native').filter((path) => !/^native\/(test|fuzz)\//.test(path))
    const always = ['LICENSE', 'README.md', 'package.json', 'scripts/build-native.mjs']
    expect(await filesOf(packed.sabot)).toEqual([...always, ...compiled, ...walk('docs'), ...native].sort())
  })

  test('gives a package that has the platform packages of its version, and no install script', () => {
    const manifest = JSON.parse(readFileSync(join(project.folder, 'node_modules/sabot/package.json'), 'utf8'))
    expect(manifest.scripts).toBeUndefined()
    const versions = Object.entries(manifest.optionalDependencies)
    expect(versions).toContainEqual(['@sabot/linux-x64-gnu', manifest.version])
    expect(new Set(versions.map(([, version]) => version))).toEqual(new Set([manifest.version]))
  })

  test('of a platform takes the addon and the licences of what is in it', async () => {
    const files = ['LICENSE', 'README.md', 'THIRD-PARTY-LICENSES', 'package.json', 'sabot.node']
    expect(await filesOf(packed.platform.tarball)).toEqual(files)
  })
})

describe('the addon of a platform package', () => {
  test('is stripped, needs the C library alone, and shows Node-API alone', () => {
    const { binary } = packed.platform
    expect(problemsOf(binary)).toEqual([])
    expect(binary.stripped).toBe(true)
    expect(binary.libraries).not.toEqual([])
    expect(binary.exports).toContainEqual(expect.stringContaining('napi_register_module'))
  })

  test.runIf(linux)('is refused with a symbol table, another library, or too new a glibc', () => {
    expect(problemsOf(inspectBinary(builtPath()))).toEqual([expect.stringContaining('expected it to be stripped')])
    const { binary } = packed.platform
    const foreign = { ...binary, libraries: [...binary.libraries, 'libssl.so.3'], exports: ['SSL_new'] }
    expect(problemsOf(foreign)).toEqual([
      "expected no shared libraries beside the C library's; got libssl.so.3",
      "expected no symbols but Node-API's; got SSL_new",
    ])
    expect(problemsOf(binary, binary.glibc)).toEqual([])
    expect(problemsOf(binary, '2.9')).toEqual([expect.stringContaining('expected it to need glibc 2.9 at most')])
  })

  test('was compiled for every machine of its architecture', () => {
    type Commands = { file: string; command: string; output: string }[]
    const commands = JSON.parse(readFileSync(join(root, 'build/addon/compile_commands.json'), 'utf8')) as Commands
    const parts = commands.filter(({ file }) => !file.includes('/tools/'))
    expect(parts.length).toBeGreaterThan(50)
    expect(parts.filter(({ command }) => /\s-m(arch|cpu|tune|avx|bmi|sse)/.test(command))).toEqual([])
    const script = readFileSync(join(root, 'scripts/build-native.mjs'), 'utf8')
    expect(script).not.toMatch(/-m(arch|cpu|tune)=/)
  })
})

describe('the package resolves', () => {
  test('as publint wants it', async () => {
    const tarball = readFileSync(packed.sabot)
    const bytes = tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength)
    expect((await publint({ pack: { tarball: bytes }, strict: true })).messages).toEqual([])
  })

  test('as are-the-types-wrong wants it', async () => {
    // .attw.json leaves out node10, which knows no "exports", and that require() gets an ES module: Node of our range
    // loads it.
    const attw = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js')
    const { stdout } = await run(process.execPath, [attw, packed.sabot, '--format', 'json'], { cwd: root })
    type Problem = { kind: string; resolutionKind?: string }
    const { analysis } = JSON.parse(stdout) as { analysis: { problems: Problem[] } }
    expect(analysis.problems.map(({ kind, resolutionKind }) => `${kind} ${resolutionKind}`)).toEqual([
      'NoResolution node10',
      'CJSResolvesToESM node16-cjs',
    ])
  })

  const program = (imported: string) => `${imported}
const stream: Stream<{ n: 'int32' }> = Stream.fromKafka({ bootstrapServers: 'b:1', topic: 't', schema: { n: 'int32' } })
export const rows = stream.filter(col('n').gt(1)).withColumns({ double: col('n').mul(2) })
// @ts-expect-error: there is no such column
stream.select('m')
`
  const imported = "import { col, Stream } from 'sabot'"

  test.each([
    ['node16', 'node16', 'main.mts', imported],
    ['nodenext', 'nodenext', 'main.mts', imported],
    ['nodenext, from CommonJS', 'nodenext', 'main.cts', imported],
    ['a bundler', 'bundler', 'main.ts', imported],
  ])('for TypeScript with the module resolution of %s', async (_, moduleResolution, file, line) => {
    const folder = join(project.folder, `types-${file}-${moduleResolution}`)
    mkdirSync(folder)
    writeFileSync(join(folder, file), program(line))
    const module = moduleResolution === 'bundler' ? 'esnext' : moduleResolution
    const compilerOptions = { module, moduleResolution, strict: true, noEmit: true, target: 'es2024', types: [] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error) => error as { stdout: string })
    expect(stdout).toBe('')
  })

  test('for a CommonJS program, by require()', async () => {
    const { stdout, stderr } = await project.run('common.cjs')
    expect(stderr).toBe('')
    expect(stdout).toBe('function true\n')
  })
})

describe('installed where there is no compiler', () => {
  test('npm takes the platform package of this machine alone', () => {
    const installed = readdirSync(join(project.folder, 'node_modules/@sabot'))
    expect(installed).toEqual([packed.platform.name.replace('@sabot/', '')])
  })

  test("the README's six lines run natively, on the embedded broker", async () => {
    const { stdout, stderr } = await project.run('main.mjs')
    expect(stderr).toBe('')
    const lines = stdout.trimEnd().split('\n')
    expect(lines).toContainEqual(expect.stringMatching(/^backend native: /))
    expect(lines.at(-1)).toBe('flagged 1000 from 1000')
  })

  test('where no registry has the package of the platform, npm succeeds, and `backend: native` names it', async () => {
    const without = await installedProject(packed, { 'native.mjs': native }, { platformMissing: true })
    expect(readdirSync(join(without.folder, 'node_modules'))).not.toContain('@sabot')
    const { stdout, stderr } = await without.run('native.mjs')
    expect(stderr).toBe('')
    expect(stdout).toMatch(
      /^BACKEND .*expected the package @sabot\/[\w-]+, or the addon at .*sabot\.node; there is neither\. npm installs .*: `node .*build-native\.mjs`/,
    )
  })

  test('and with a platform package of another version: both versions are named', async () => {
    const path = join(project.folder, 'node_modules', packed.platform.name, 'package.json')
    const manifest = readFileSync(path, 'utf8')
    writeFileSync(path, JSON.stringify({ ...JSON.parse(manifest), version: '0.0.7' }))
    const { stdout } = await project.run('native.mjs')
    writeFileSync(path, manifest)
    expect(stdout).toMatch(
      /^BACKEND .*expected (@sabot\/[\w-]+) [\d.]+, the version of sabot; got 0\.0\.7\. Run `npm install \1@/,
    )
  })
})
