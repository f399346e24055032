/**
 * The one error class. Its message has one form: for which option or row, what was expected, what came, what to do.
 * Secrets never enter a message, `where` or `inspect()`: callers describe a secret by its type and length only.
 */

export type ErrorCode =
  /** An option is unknown, of the wrong type or out of range. Correct the option that `where.option` names. */
  | 'CONFIG'
  /** A column does not exist, or a value does not fit its column. Correct the column, or give the `schema` it names. */
  | 'SCHEMA'
  /** The bytes of a message do not parse. Correct the producer, or read on with `onError: 'skip'`. */
  | 'DECODE'
  /** A row cannot be written in the sink's codec. Correct the row, or go on with `onError: 'skip'`. */
  | 'ENCODE'
  /** The broker or the client refused. Read the reason in the message; `retriable` says whether a new run may pass. */
  | 'KAFKA'
  /** No broker answered. Check `bootstrapServers`, the network, and `tls` and `sasl`. */
  | 'CONNECT'
  /** A topic does not exist. Create it, or correct `topic`. */
  | 'UNKNOWN_TOPIC'
  /** A record was not acknowledged; nothing past it was committed. Run again: the rows are read and sent again. */
  | 'DELIVERY'
  /** The stream, source or sink was closed before the call. Start a new run. */
  | 'CLOSED'
  /** The run was ended by its signal. Nothing to mend. */
  | 'ABORTED'
  /** This version, backend or broker cannot do what was asked. The message names what can. */
  | 'UNSUPPORTED'
  /** The backend could not be loaded or started, mostly for want of the addon. The message says how to get it. */
  | 'BACKEND'
  /** A function given to a step, or the iterable given to `fromBatches`, threw; `cause` is what it threw. Correct it. */
  | 'STEP'
  /** There is no memory for a batch. Lower `batch.maxBytes` or `batch.maxQueueBytes`. */
  | 'MEMORY'

/** Every code, for checks at run time (the addon sends codes as text). */
export const errorCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'CONFIG',
  'SCHEMA',
  'DECODE',
  'ENCODE',
  'KAFKA',
  'CONNECT',
  'UNKNOWN_TOPIC',
  'DELIVERY',
  'CLOSED',
  'ABORTED',
  'UNSUPPORTED',
  'BACKEND',
  'STEP',
  'MEMORY',
])

/** The place of an error: a record, a column, an option or a step. */
export interface ErrorPlace {
  readonly topic?: string
  readonly partition?: number
  readonly offset?: bigint
  /** The row of a batch, from 0: where no message tells the place. */
  readonly row?: number
  readonly column?: string
  readonly option?: string
  /** The step of the plan, as `explain()` prints it. */
  readonly step?: string
}

export interface SabotErrorOptions {
  readonly cause?: unknown
  /** Whether the same run, started again, may succeed. Default: true for CONNECT and DELIVERY. */
  readonly retriable?: boolean
  readonly where?: ErrorPlace
}

export class SabotError extends Error {
  readonly code: ErrorCode
  /** Whether the same run, started again, may succeed without a change. */
  readonly retriable: boolean
  readonly where?: ErrorPlace

  constructor(code: ErrorCode, message: string, options: SabotErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.code = code
    this.retriable = options.retriable ?? (code === 'CONNECT' || code === 'DELIVERY')
    if (options.where !== undefined) this.where = Object.freeze({ ...options.where })
  }

  static {
    // On the prototype, so that `inspect()` does not print the name as a property of each error.
    Object.defineProperty(SabotError.prototype, 'name', { value: 'SabotError', configurable: true, writable: true })
  }
}

/** The code as one of ours; what the addon should never send becomes KAFKA. */
export function errorCode(code: string): ErrorCode {
  return errorCodes.has(code) ? (code as ErrorCode) : 'KAFKA'
}

/**
 * The candidate that a misspelled name most likely meant, or undefined where none is near: at most a third of the
 * letters differ (a swap of neighbours counts as one; case counts for nothing).
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const limit = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3))
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase())
    if (distance <= limit && distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** ` Did you mean "x"?`, or nothing. */
export function didYouMean(name: string, candidates: Iterable<string>): string {
  const near = nearest(name, candidates)
  return near === undefined ? '' : ` Did you mean "${near}"?`
}

/** A value as it may stand in a message: short, typed, on one line. Never hand it a secret. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'undefined'
  if (typeof value === 'string')
    return value.length > 60 ? `${JSON.stringify(value.slice(0, 57))}...` : JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`
  if (typeof value === 'symbol') return 'a symbol'
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`
  if (value instanceof RegExp) return String(value)
  const name = value.constructor?.name
  return name === undefined || name === 'Object' ? 'an object' : `a ${name}`
}

/** Optimal string alignment distance: insertions, deletions, replacements, swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, beforeLast[j - 2]! + 1)
      }
      row.push(distance)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
