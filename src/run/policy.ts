/** What happens to a row that failed: `fail` ends the run at it, `skip` counts and logs it and goes on. */
import { type ErrorCode, type ErrorPlace, errorCode, SabotError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { Counters } from '../metrics.ts'

export type RowErrorPolicy = 'fail' | 'skip'

export interface RowError {
  readonly topic: string
  readonly partition: number
  /** undefined: the row does not come from one message (a user's function made it). */
  readonly offset: bigint | undefined
  readonly code: string
  readonly message: string
}

/** Any thrown value as a SabotError; what is one already stays as it is. */
export const asSabotError = (error: unknown, code: ErrorCode): SabotError =>
  error instanceof SabotError
    ? error
    : new SabotError(code, error instanceof Error ? error.message : String(error), { cause: error })

/** A bad topic must not flood the log: so many lines a window, then one line with how many were left out. */
const LINES_A_WINDOW = 20
const WINDOW_MS = 10_000

export class RowErrors {
  readonly policy: RowErrorPolicy
  readonly #counters: Counters
  readonly #logger: Logger
  readonly #remedy: string
  #windowBegan = 0
  #lines = 0
  #left = 0

  /** `remedy`: a sentence for who wants to go on behind such a row. */
  constructor(policy: RowErrorPolicy, counters: Counters, logger: Logger, remedy = '') {
    this.policy = policy
    this.#remedy = remedy
    this.#counters = counters
    this.#logger = logger
  }

  /** Under `fail` throws; the run ends and nothing at or past the row is committed. */
  report(error: RowError): void {
    this.#counters.rowFailed(error)
    const { topic, partition, offset, code, message } = error
    if (this.policy === 'fail') {
      const place = `${topic}[${partition}]${offset === undefined ? '' : ` at offset ${offset}`}`
      const where: ErrorPlace = { topic, partition, ...(offset === undefined ? {} : { offset }) }
      const end = this.#remedy === '' ? '' : `. ${this.#remedy}`
      throw new SabotError(errorCode(code), `${place}: ${message.replace(/\.$/, '')}${end}`, { where })
    }
    const now = performance.now()
    if (now - this.#windowBegan > WINDOW_MS) {
      this.flush()
      this.#windowBegan = now
      this.#lines = 0
    }
    if (this.#lines < LINES_A_WINDOW) {
      this.#lines++
      this.#logger.warn({ topic, partition, offset, code, reason: message }, 'row skipped')
    } else this.#left++
  }

  /** Says how many rows the log left out; at the end of a window and of the run. */
  flush(): void {
    if (this.#left === 0) return
    this.#logger.warn({ rows: this.#left }, 'more rows skipped than were logged')
    this.#left = 0
  }
}
