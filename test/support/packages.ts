/**
 * The packages as users get them: packed, published in a registry of this process, and installed by npm into an empty
 * project, on a machine where nothing is to be had but Node and npm.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { packPlatform, packSabot } from '../../scripts/package.ts'
import { builtPath, packageRoot, platformPackages } from '../../src/kafka/platform.ts'

const run = promisify(execFile)

export interface Packages {
  /** A folder for whoever packed; removed by `remove()`. */
  readonly folder: string
  readonly sabot: string
  readonly platform: ReturnType<typeof packPlatform>
  remove(): void
}

/** Packs sabot, and the addon that is in build/: nothing is compiled but the TypeScript. */
export function packages(): Packages {
  // Its symbolic links resolved, as module resolution does.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'sabot-package-')))
  const sabot = packSabot(folder)
  const platform = packPlatform(folder, builtPath())
  return { folder, sabot, platform, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** The paths in a tarball, without npm's first folder. */
export async function filesOf(tarball: string): Promise<string[]> {
  const { stdout } = await run('tar', ['-tzf', tarball])
  const paths = stdout.trimEnd().split('\n')
  return paths.map((path) => path.replace(/^package\//, '')).sort()
}

/**
 * A registry that has the platform packages, and nothing else: npm chooses between them by their os, cpu and libc. Only
 * the one of this machine has a tarball. `missing`: it has none of them, as for a platform that nobody built for.
 */
async function registry(platform: Packages['platform'], missing: boolean): Promise<{ url: string; close(): void }> {
  const version = JSON.parse(readFileSync(join(packageRoot(), 'package.json'), 'utf8')).version as string
  const tarball = readFileSync(platform.tarball)
  const file = basename(platform.tarball)
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url!).slice(1)
    const { os, cpu, libc } = platformPackages[path] ?? {}
    if (path === file) return void response.end(tarball)
    if (missing || os === undefined) return void response.writeHead(404).end('{}')
    const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
    const manifest = {
      name: path,
      version,
      os: [os],
      cpu: [cpu],
      ...(libc && { libc: [libc] }),
      dist: { tarball: `${url}${file}`, integrity },
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ name: path, 'dist-tags': { latest: version }, versions: { [version]: manifest } }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    url,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

/** A folder whose links are all that PATH finds: no compiler, no CMake, no shell. */
function onlyNode(folder: string): string {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const npm = process.env.PATH!.split(delimiter).map((path) => join(path, 'npm'))
  symlinkSync(process.execPath, join(bin, 'node'))
  symlinkSync(realpathSync(npm.find(existsSync)!), join(bin, 'npm'))
  return bin
}

/** The versions of what sabot depends on, as package-lock.json has them: npm's cache holds these since `npm ci`. */
function lockedVersions(): Record<string, string> {
  type Lock = { packages: Record<string, { version: string; dev?: boolean }> }
  const { packages } = JSON.parse(readFileSync(join(packageRoot(), 'package-lock.json'), 'utf8')) as Lock
  const needed = Object.entries(packages).filter(
    ([path, { dev }]) => /^node_modules\/(@[^/]+\/)?[^/]+$/.test(path) && !dev,
  )
  return Object.fromEntries(needed.map(([path, { version }]) => [path.replace('node_modules/', ''), version]))
}

export interface Project {
  readonly folder: string
  /** What npm printed. */
  readonly log: string
  /** Runs a file of it to its end, with nothing on PATH but node and npm. Throws where it fails. */
  run(file: string, env?: NodeJS.ProcessEnv): Promise<{ stdout: string; stderr: string }>
}

/** An empty project with sabot installed, and the platform package where npm finds one. */
export async function installedProject(
  { folder: parent, sabot, platform }: Packages,
  files: Readonly<Record<string, string>>,
  { platformMissing = false } = {},
): Promise<Project> {
  const folder = mkdtempSync(join(parent, 'project-'))
  const path = onlyNode(folder)
  const { url, close } = await registry(platform, platformMissing)
  const { 'apache-arrow': _, '@platformatic/kafka': __, ...overrides } = lockedVersions()
  const manifest = { name: 'project', private: true, dependencies: { sabot: `file:${sabot}` }, overrides }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(folder, '.npmrc'), `@sabot:registry=${url}\n`)
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  // Where a proxy signs what it passes on, npm has to know its certificate.
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_(package|lifecycle|command)|INIT_CWD|SABOT_|NODE_(?!EXTRA_CA_CERTS$))/.test(name),
  )
  const env = { ...Object.fromEntries(kept), PATH: path }
  try {
    const { stdout, stderr } = await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], {
      cwd: folder,
      env,
    })
    const start = (file: string, more: NodeJS.ProcessEnv = {}) =>
      run('node', [file], { cwd: folder, env: { ...env, ...more }, timeout: 60_000 })
    return { folder, log: stdout + stderr, run: start }
  } finally {
    close()
  }
}
