/**
 * `npm run package`: the tarballs of this version, ready to publish.
 *
 *   npm run package                                  sabot and the platform package of this machine, in build/package
 *   npm run package -- --only sabot|platform         one of the two
 *   npm run package -- --out folder                  elsewhere
 *   npm run package -- --max-glibc 2.28              fails where the addon needs a newer glibc (Linux)
 *
 * What is published differs from this folder's package.json: the platform packages are its optional dependencies, and
 * it has no install script. They cannot stand in the package.json of the repository: `npm ci` would ask a registry for
 * packages of a version that is not published yet, and would install whatever somebody else published by that name.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { machine, packageRoot, platformPackage, platformPackages } from '../src/kafka/platform.ts'
import { type Binary, inspectBinary, problemsOf } from './package-binary.ts'
import { licences } from './package-licences.ts'

const root = packageRoot()

interface Manifest {
  name: string
  version: string
  license: string
  engines: Record<string, string>
  scripts?: Record<string, string>
  allowScripts?: Record<string, boolean>
  optionalDependencies?: Record<string, string>
}

const readManifest = (folder: string) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest

function writeManifest(folder: string, manifest: object): void {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
}

function emptyFolder(path: string): string {
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  return path
}

/** Runs a command whose output is of interest only where it fails. */
function run(command: string, args: readonly string[], cwd = root): void {
  const { status, error, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed: ${error?.message ?? `${stdout}${stderr}`}`)
}

/** Packs a folder into another one; the path of the tarball. `scripts`: whether prepack runs. */
function pack(folder: string, out: string, scripts = false): string {
  const args = ['pack', '--silent', `--ignore-scripts=${!scripts}`, '--pack-destination', out]
  run('npm', args, folder)
  const { name, version } = readManifest(folder)
  return join(out, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`)
}

/** The tarball of sabot: what `npm pack` takes (`files` in package.json), with the published package.json. */
export function packSabot(out: string): string {
  const staged = emptyFolder(join(out, 'staged', 'sabot'))
  const plain = pack(root, staged, true)
  run('tar', ['-xzf', plain, '-C', staged, '--strip-components=1'])
  rmSync(plain)
  const { scripts, allowScripts, ...manifest } = readManifest(staged)
  const versions = Object.keys(platformPackages).map((name) => [name, manifest.version])
  writeManifest(staged, { ...manifest, optionalDependencies: Object.fromEntries(versions) })
  return pack(staged, out)
}

export interface PackedPlatform {
  readonly name: string
  readonly tarball: string
  readonly binary: Binary
}

/** The tarball of the platform package, with an addon that was built on this machine. Throws where it would not do. */
export function packPlatform(out: string, addon: string, maxGlibc?: string): PackedPlatform {
  const name = platformPackage()
  if (name === undefined) throw new Error(`there is no platform package for ${machine()}`)
  const staged = emptyFolder(join(out, 'staged', name.replace('/', '-')))
  const file = join(staged, 'sabot.node')
  copyFileSync(addon, file)
  if (process.platform === 'darwin') {
    run('strip', ['-x', file])
    run('codesign', ['--force', '--sign', '-', file]) // which strip broke
  } else {
    run('strip', ['--strip-all', file])
  }
  const binary = inspectBinary(file)
  const problems = problemsOf(binary, maxGlibc)
  if (problems.length > 0) throw new Error(`${addon} cannot be published:\n${problems.join('\n')}`)

  const { version, license, engines } = readManifest(root)
  const { os, cpu, libc } = platformPackages[name]!
  const needs = binary.glibc === undefined ? '' : `, with glibc ${binary.glibc} or newer`
  const description = `The native addon of sabot for ${os}-${cpu}${needs}.`
  writeManifest(staged, {
    name,
    version,
    description,
    license,
    files: ['sabot.node', 'THIRD-PARTY-LICENSES'],
    main: 'sabot.node',
    engines,
    os: [os],
    cpu: [cpu],
    ...(libc === undefined ? {} : { libc: [libc] }),
  })
  const lines = [
    `# ${name}`,
    '',
    `${description} It is an optional dependency of [sabot](https://www.npmjs.com/package/sabot): install that.`,
    '',
    'It is linked statically but for the C library; THIRD-PARTY-LICENSES has the licences of what is in it.',
  ]
  writeFileSync(join(staged, 'README.md'), `${lines.join('\n')}\n`)
  copyFileSync(join(root, 'LICENSE'), join(staged, 'LICENSE'))
  writeFileSync(join(staged, 'THIRD-PARTY-LICENSES'), licences())
  return { name, tarball: pack(staged, out), binary }
}

function say(tarball: string, more = ''): void {
  console.log(`${tarball}  ${(statSync(tarball).size / 2 ** 20).toFixed(2)} MiB${more}`)
}

function main(): void {
  const { values } = parseArgs({
    options: {
      out: { type: 'string', default: join(root, 'build', 'package') },
      only: { type: 'string' },
      'max-glibc': { type: 'string' },
    },
  })
  if (values.only !== undefined && !['sabot', 'platform'].includes(values.only)) {
    throw new Error(`--only must be sabot or platform; got ${values.only}`)
  }
  const out = resolve(values.out)
  emptyFolder(out)
  if (values.only !== 'sabot') {
    run(process.execPath, [join(root, 'scripts', 'build-native.mjs')])
    const { tarball, binary } = packPlatform(out, join(root, 'build', 'sabot.node'), values['max-glibc'])
    const glibc = binary.glibc === undefined ? '' : `; glibc ${binary.glibc} or newer`
    say(tarball, `; needs ${binary.libraries.join(', ')}${glibc}`)
  }
  if (values.only !== 'platform') say(packSabot(out))
}

if (import.meta.main) main()
