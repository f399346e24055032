/** Where the addon lies: built here, or in the package that has it built for this platform. */
import { closeSync, existsSync, openSync, readFileSync, readSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SabotError } from '../errors.ts'

/** As a package.json says it, by which npm chooses what it installs. */
export interface Platform {
  readonly os: NodeJS.Platform
  readonly cpu: NodeJS.Architecture
  readonly libc?: 'glibc'
}

/**
 * The packages with the addon built for a platform: optional dependencies of the published package, of its version.
 * Elsewhere (Windows, musl) the addon is built from source, or the js backend runs.
 */
export const platformPackages: Readonly<Record<string, Platform>> = {
  '@sabot/linux-x64-gnu': { os: 'linux', cpu: 'x64', libc: 'glibc' },
  '@sabot/linux-arm64-gnu': { os: 'linux', cpu: 'arm64', libc: 'glibc' },
  '@sabot/darwin-x64': { os: 'darwin', cpu: 'x64' },
  '@sabot/darwin-arm64': { os: 'darwin', cpu: 'arm64' },
}

const isOfThisMachine = ({ os, cpu }: Platform): boolean => os === process.platform && cpu === process.arch

/** Whether this Node was linked with musl instead of glibc: its file names the loader close to its beginning. */
function isMusl(): boolean {
  if (process.platform !== 'linux') return false
  const file = openSync(process.execPath, 'r')
  try {
    const head = Buffer.alloc(4096)
    readSync(file, head)
    return head.includes('/ld-musl-')
  } finally {
    closeSync(file)
  }
}

/** What runs here, such as linux-x64. */
export const machine = (): string => `${process.platform}-${process.arch}${isMusl() ? ' with musl' : ''}`

/** The package with the addon for this machine, whether or not it is installed; undefined: there is none. */
export function platformPackage(): string | undefined {
  const [name, platform] = Object.entries(platformPackages).find(([, each]) => isOfThisMachine(each)) ?? []
  return platform?.libc === 'glibc' && isMusl() ? undefined : name
}

/** The root of the package: this file lies in src/kafka, or in dist/ once it is built. */
export function packageRoot(from = import.meta.url): string {
  let folder = dirname(fileURLToPath(from))
  while (!isSabot(folder)) {
    const above = dirname(folder)
    if (above === folder) {
      throw new SabotError('BACKEND', `sabot: expected the package's own package.json above ${from}; found none.`)
    }
    folder = above
  }
  return folder
}

function isSabot(folder: string): boolean {
  const path = join(folder, 'package.json')
  return existsSync(path) && manifestOf(path).name === 'sabot'
}

const manifestOf = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown; version?: unknown }

/** Where scripts/build-native.mjs puts the addon. */
export const builtPath = (): string => join(packageRoot(), 'build', 'sabot.node')

/**
 * Where the addon lies: at the environment variable SABOT_ADDON, else where it was built, else in the package for this
 * platform; undefined: nowhere. Throws a SabotError BACKEND where that package is of another version.
 */
export function addonPath(): string | undefined {
  const given = process.env.SABOT_ADDON
  if (given !== undefined && given !== '') return resolve(given)
  const built = builtPath()
  return existsSync(built) ? built : prebuiltPath()
}

function prebuiltPath(): string | undefined {
  const [name] = Object.entries(platformPackages).find(([, each]) => isOfThisMachine(each)) ?? []
  if (name === undefined) return undefined
  let manifest: string
  try {
    manifest = createRequire(import.meta.url).resolve(`${name}/package.json`)
  } catch {
    return undefined // It is not installed.
  }
  const { version } = manifestOf(manifest)
  const expected = manifestOf(join(packageRoot(), 'package.json')).version
  if (version !== expected) {
    throw new SabotError(
      'BACKEND',
      `native backend: expected ${name} ${expected}, the version of sabot; got ${version}. Run \`npm install ${name}@${expected}\`.`,
    )
  }
  return join(dirname(manifest), 'sabot.node')
}
