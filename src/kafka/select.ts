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
  /** It may turn out not to start, and js runs then. */
  readonly fallsBack?: true
}

/** The backend of a run. */
export interface Selection extends Backend {
  /**
   * Of `auto`: what runs instead, where nothing was handed over yet and it failed with this error. undefined: nothing,
   * since the error is not the addon's own. Throws UNSUPPORTED where js does not do all that was asked.
   */
  fallBack?(error: SabotError): Backend | undefined
}

/** Why the addon did not start, the last time that js took over; of this thread. */
let lastFallBack: SabotError | undefined

/**
 * The backend for the option `backend`. `auto` takes SABOT_BACKEND where it is set, else native, and js where the addon
 * does not load; a run goes on with js where it loads and does not start. Throws BACKEND where native is asked for by name and cannot be had, UNSUPPORTED where js is taken and
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
    const before = lastFallBack && `; when it last did not start, js ran: ${lastFallBack.message}`
    return { backend: nativeBackend(), why: `the addon is there${before ?? ''}`, fallsBack: true }
  } catch (error) {
    if (!(error instanceof SabotError) || error.code !== 'BACKEND') throw error
    return { backend: jsInstead(error, asked), why: `the addon is not: ${error.message}` }
  }
}

/** js, where the addon cannot run for that reason. */
function jsInstead(why: SabotError, asked: readonly Asked[]): Backend {
  const refused = refusedByJs(asked)
  if (refused === undefined) return jsBackend()
  const message = `${refused.message} The native backend, which has it, cannot run: ${why.message}`
  throw new SabotError('UNSUPPORTED', message, { cause: why, ...(refused.where && { where: refused.where }) })
}

/** The same for a run: under `auto` it says once, at info, which runs and why; at warn where it then runs on js after all. */
export function selectBackend(choice: string, logger: Logger, asked: readonly Asked[] = []): Selection {
  const { backend, why, fallsBack } = chooseBackend(choice, asked)
  if (choice === 'auto') logger.info({ backend: backend.name, why }, `backend ${backend.name}: ${why}`)
  if (fallsBack === undefined) return backend
  return {
    ...backend,
    fallBack(error) {
      if (error.code !== 'BACKEND') return undefined
      const other = jsInstead(error, asked)
      lastFallBack = error
      logger.warn({ backend: other.name, why: error.message }, `backend ${other.name}: ${error.message}`)
      return other
    },
  }
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
