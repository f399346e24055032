/** Which backend runs. An implementation that is asked for by name is the one that runs, or nothing does. */
import { didYouMean, SabotError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Backend } from './backend.ts'
import { nativeBackend } from './native.ts'

/** Every backend of this version. Each throws a SabotError BACKEND where it cannot run. */
const backends: Readonly<Record<string, () => Backend>> = { native: nativeBackend }

/**
 * The backend for the option `backend`. `auto` takes SABOT_BACKEND where it is set, else native, and says once a run,
 * at info, which runs and why.
 */
export function selectBackend(choice: string, logger: Logger): Backend {
  if (choice !== 'auto') return make(choice, 'option "backend"')
  const asked = process.env.SABOT_BACKEND
  const byEnvironment = asked !== undefined && asked !== '' && asked !== 'auto'
  const backend = byEnvironment ? make(asked, 'environment variable SABOT_BACKEND') : make('native', 'backend "auto"')
  const why = byEnvironment ? 'SABOT_BACKEND asks for it' : 'the addon is there'
  logger.info({ backend: backend.name, why }, `backend ${backend.name}: ${why}`)
  return backend
}

function make(name: string, source: string): Backend {
  const backend = Object.hasOwn(backends, name) ? backends[name] : undefined
  if (backend !== undefined) return backend()
  const names = ['auto', ...Object.keys(backends)].map((text) => `"${text}"`).join(' or ')
  const reason = name === 'js' ? ', which this version does not have' : `.${didYouMean(name, Object.keys(backends))}`
  const end = name === 'js' ? '.' : ''
  throw new SabotError('UNSUPPORTED', `${source} must be ${names}; got ${JSON.stringify(name)}${reason}${end}`, {
    where: { option: 'backend' },
  })
}
