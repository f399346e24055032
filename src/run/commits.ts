/** Committing the positions of a run to its offset store: by the clock, before partitions are given away, and at the end. */
import type { Logger } from '../logger.ts'
import type { Counters } from '../metrics.ts'
import type { OffsetStore } from '../offsets/store.ts'
import { asSabotError } from './policy.ts'
import type { Positions } from './positions.ts'

export interface CommitParts {
  /** null: nothing is committed. */
  readonly offsets: OffsetStore | null
  readonly counters: Counters
  readonly logger: Logger
}

/** How long the end of a run tries to commit, in tries so far apart: a coordinator may be moving just now. */
const LAST_COMMIT_MS = 15_000
const LAST_COMMIT_RETRY_MS = 200

export class Commits {
  readonly #parts: CommitParts
  readonly #positions: Positions
  #under: Promise<void> = Promise.resolve()

  constructor(parts: CommitParts, positions: Positions) {
    this.#parts = parts
    this.#positions = positions
  }

  /** One commit at a time, so that an older position never lands after a newer one. */
  now(): Promise<void> {
    const { offsets, counters } = this.#parts
    if (offsets === null) return Promise.resolve()
    const commit = this.#under.then(async () => {
      const positions = this.#positions.committable()
      if (positions.length === 0) return
      await offsets.commit(positions)
      this.#positions.committed(positions)
      counters.committed(positions)
    })
    this.#under = commit.catch(() => {})
    return commit
  }

  /** The rows are delivered. Where the commit has to fail, the next owner reads them again, and the run goes on. */
  async beforeHandOver(): Promise<void> {
    try {
      await this.now()
    } catch (error) {
      const failure = asSabotError(error, 'KAFKA')
      if (!failure.retriable) throw failure
      this.#parts.logger.warn(
        { code: failure.code },
        `partitions are given away without a commit, their last rows will be read again: ${failure.message}`,
      )
    }
  }

  /** Tries again for a while: only a run that ends has no next tick. `failed`: nothing is gained by it any more. */
  async last(failed: () => boolean): Promise<void> {
    const end = performance.now() + LAST_COMMIT_MS
    for (;;) {
      try {
        return await this.now()
      } catch (error) {
        if (!asSabotError(error, 'KAFKA').retriable || performance.now() > end) throw error
      }
      if (failed()) return
      await new Promise((resolve) => setTimeout(resolve, LAST_COMMIT_RETRY_MS))
    }
  }
}
