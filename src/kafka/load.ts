/** Loads the addon, once a thread. Node itself loads it once a process; it is context-aware. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { errorCodes, SabotError } from '../errors.ts'
import type { Addon } from './addon.ts'
import { fromAddon } from './metadata.ts'
import { addonPath, builtPath, machine, packageRoot, platformPackage } from './platform.ts'

/** What loading a path came to: kept, since neither changes while the process runs. */
const loaded = new Map<string | undefined, Addon | SabotError>()

/** The addon, or a SabotError BACKEND that says why there is none and what to do; the same one each time. */
export function loadAddon(): Addon {
  const path = addonPath()
  let result = loaded.get(path)
  if (result === undefined) {
    result = path === undefined ? missing() : tryLoad(path)
    loaded.set(path, result)
  }
  if (result instanceof SabotError) throw result
  return result
}

/** The script, not `npm rebuild`: the published package has no install script for that to run. */
const mend = (): string =>
  `Build it: \`node ${join(packageRoot(), 'scripts', 'build-native.mjs')}\`, which needs CMake and a C++20 compiler; docs/troubleshooting.md tells more.`

/**
 * What the addon threw when a client of it was to begin. An error with a code of ours speaks of options, topics or
 * brokers, which every backend would meet, and stays what it is. Any other is the addon's own, BACKEND, and `auto` falls
 * back on it (select.ts). So is MEMORY, which here means that the system gave it no thread.
 */
export function startFailure(cause: unknown): SabotError {
  if (cause instanceof SabotError) return cause
  const { code, message } = (cause ?? {}) as { code?: unknown; message?: unknown }
  const threads = code === 'MEMORY'
  if (typeof code === 'string' && errorCodes.has(code) && code !== 'BACKEND' && !threads) return fromAddon(cause)
  const advice = threads
    ? "Let the process have more threads (ulimit -u, the container's limit of pids), or use backend: 'js'."
    : process.env.SABOT_ADDON
      ? "Correct or unset SABOT_ADDON, or use backend: 'js'."
      : `${mend()} Or use backend: 'js'.`
  const reason = String(message ?? cause).replace(/\.$/, '')
  return new SabotError(
    'BACKEND',
    `native backend: the addon at ${addonPath()} loads, but does not start: ${reason}. ${advice}`,
    { cause },
  )
}

function missing(): SabotError {
  const name = platformPackage()
  const why =
    name === undefined
      ? `expected the addon at ${builtPath()}; there is none, and no package has it for ${machine()}.`
      : `expected the package ${name}, or the addon at ${builtPath()}; there is neither. npm installs the package with sabot, unless optional dependencies are left out.`
  return new SabotError('BACKEND', `native backend: ${why} ${mend()}`)
}

function tryLoad(path: string): Addon | SabotError {
  if (!existsSync(path)) {
    const advice = process.env.SABOT_ADDON ? 'Correct or unset SABOT_ADDON.' : mend()
    return new SabotError('BACKEND', `native backend: expected the addon at ${path}; there is none. ${advice}`)
  }
  let addon: Partial<Addon>
  try {
    addon = createRequire(import.meta.url)(path) as Partial<Addon>
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    return new SabotError(
      'BACKEND',
      `native backend: the addon at ${path} does not load in Node ${process.version} on ${machine()}: ${reason}. ${mend()}`,
      { cause },
    )
  }
  for (const name of ['Source', 'Sink', 'Broker'] as const) {
    if (typeof addon[name] !== 'function') {
      return new SabotError('BACKEND', `native backend: ${path} is of another version: it has no ${name}. ${mend()}`)
    }
  }
  return addon as Addon
}
