import { Condition } from '../condition.ts'

/**
 * The few batches between the reader and the steps. Two lie here at most: decoding runs ahead on native threads,
 * whose own queue is bounded in bytes, and a revocation must not wait behind many slow steps.
 */
export class Inbox<T> {
  #items: T[] = []
  #closed = false
  readonly #changed = new Condition()
  readonly #capacity: number

  constructor(capacity = 2) {
    this.#capacity = capacity
  }

  /** Waits for room; false: closed, the item was not taken. */
  async put(item: T): Promise<boolean> {
    while (!this.#closed && this.#items.length >= this.#capacity) await this.#changed.wait()
    if (this.#closed) return false
    this.#items.push(item)
    this.#changed.notify()
    return true
  }

  /** The next item; undefined: closed and empty. */
  async take(): Promise<T | undefined> {
    while (this.#items.length === 0) {
      if (this.#closed) return undefined
      await this.#changed.wait()
    }
    const item = this.#items.shift()
    this.#changed.notify()
    return item
  }

  /** Takes out what has not begun. */
  remove(matches: (item: T) => boolean): T[] {
    const removed = this.#items.filter(matches)
    if (removed.length > 0) this.#items = this.#items.filter((item) => !matches(item))
    this.#changed.notify()
    return removed
  }

  /** Nothing more comes; what lies here is still handed out. */
  close(): void {
    this.#closed = true
    this.#changed.notify()
  }
}
