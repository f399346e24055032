/** Finds and loads the addon, once a thread. Node itself loads it once a process; it is context-aware. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SabotError } from '../errors.ts'
import type { Addon } from './addon.ts'

/** What loading a path came to: kept, since neither changes while the process runs. */
const loaded = new Map<string, Addon | SabotError>()

const mend =
  'Build it with `npm rebuild sabot`, which needs CMake and a C++20 compiler; docs/troubleshooting.md tells more.'

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
  return existsSync(path) && (JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown }).name === 'sabot'
}

/** Where the addon is expected: the environment variable SABOT_ADDON, or build/sabot.node of the package. */
export function addonPath(): string {
  const given = process.env.SABOT_ADDON
  return given === undefined || given === '' ? join(packageRoot(), 'build', 'sabot.node') : resolve(given)
}

/** The addon, or a SabotError BACKEND that says why there is none and what to do; the same one each time. */
export function loadAddon(): Addon {
  const path = addonPath()
  let result = loaded.get(path)
  if (result === undefined) {
    result = tryLoad(path)
    loaded.set(path, result)
  }
  if (result instanceof SabotError) throw result
  return result
}

function tryLoad(path: string): Addon | SabotError {
  if (!existsSync(path)) {
    const advice = process.env.SABOT_ADDON ? 'Correct or unset SABOT_ADDON.' : mend
    return new SabotError('BACKEND', `native backend: expected the addon at ${path}; there is none. ${advice}`)
  }
  let addon: Partial<Addon>
  try {
    addon = createRequire(import.meta.url)(path) as Partial<Addon>
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const runs = `Node ${process.version} on ${process.platform}-${process.arch}`
    return new SabotError(
      'BACKEND',
      `native backend: the addon at ${path} does not load in ${runs}: ${reason}. ${mend}`,
      {
        cause,
      },
    )
  }
  for (const name of ['Source', 'Sink', 'Broker'] as const) {
    if (typeof addon[name] !== 'function') {
      return new SabotError('BACKEND', `native backend: ${path} is of another version: it has no ${name}. ${mend}`)
    }
  }
  return addon as Addon
}
