/** Waiting until something has changed. */

/** Whoever waits looks, at each notify(), again for what it waits for: so nobody is told what has changed. */
export class Condition {
  #waiting = new Set<() => void>()

  /** Resolves at the next notify(), or after so many milliseconds. */
  wait(ms = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((resolve) => {
      if (!Number.isFinite(ms)) {
        this.#waiting.add(resolve)
        return
      }
      const wake = () => {
        clearTimeout(timer)
        this.#waiting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, ms)
      this.#waiting.add(wake)
    })
  }

  notify(): void {
    const waiting = this.#waiting
    this.#waiting = new Set()
    for (const wake of waiting) wake()
  }
}
