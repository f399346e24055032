/** Which backend runs. An implementation that is asked for by name is the one that runs, or nothing does. */
import { didYouMean, SabotError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Backend } from './backend.ts'
import { jsBackend } from './js.ts'
import { nativeBackend } from './native.ts'
import { type Asked, refusedByJs } from './refusals.ts'

/** Every backend of this version. Each throws a SabotError BACKEND where it cannot run. */
const backends = { native: nativeBackend, js: jsBackend } as const

export interface Selected {
  readonly backend: Backend
  /** Why it is this one, in words. */
  readonly why: string
}

/**
 * The backend for the option `backend`. `auto` takes SABOT_BACKEND where it is set, else native, and js where the addon
 * does not load. Throws BACKEND where native is asked for by name and cannot be had, UNSUPPORTED where js is taken and
 * does not do all that is `asked`.
 */
export function chooseBackend(choice: string, asked: readonly Asked[]): Selected {
  const variable = process.env.SABOT_BACKEND
  if (choice !== 'auto')
    return { backend: make(choice, 'option "backend"', asked), why: 'option "backend" asks for it' }
  if (variable !== undefined && variable !== '' && variable !== 'auto') {
    const backend = make(variable, 'environment variable SABOT_BACKEND', asked)
    return { backend, why: 'SABOT_BACKEND asks for it' }
  }
  try {
    return { backend: nativeBackend(), why: 'the addon is there' }
  } catch (error) {
    if (!(error instanceof SabotError) || error.code !== 'BACKEND') throw error
    const refused = refusedByJs(asked)
    if (refused !== undefined) {
      const message = `${refused.message} The native backend, which has it, cannot run: ${error.message}`
      throw new SabotError('UNSUPPORTED', message, { cause: error, ...(refused.where && { where: refused.where }) })
    }
    return { backend: jsBackend(), why: `the addon is not: ${error.message}` }
  }
}

/** The same for a run: under `auto` it says once, at info, which runs and why. */
export function selectBackend(choice: string, logger: Logger, asked: readonly Asked[] = []): Backend {
  const { backend, why } = chooseBackend(choice, asked)
  if (choice === 'auto') logger.info({ backend: backend.name, why }, `backend ${backend.name}: ${why}`)
  return backend
}

function make(name: string, source: string, asked: readonly Asked[]): Backend {
  if (name === 'native') return backends.native()
  if (name === 'js') {
    const refused = refusedByJs(asked)
    if (refused !== undefined) throw refused
    return backends.js()
  }
  const names = ['auto', ...Object.keys(backends)].map((text) => `"${text}"`).join(' or ')
  const hint = didYouMean(name, Object.keys(backends))
  throw new SabotError('UNSUPPORTED', `${source} must be ${names}; got ${JSON.stringify(name)}.${hint}`, {
    where: { option: 'backend' },
  })
}
