/** What ends a run from outside: an AbortSignal, and the process's own signals. */

export type StopSignals = boolean | readonly NodeJS.Signals[]

/** The two ways out: `stop` finishes what was taken, `abort` ends at once. */
export interface Stoppable {
  stop(): Promise<void>
  abort(reason: string): void
}

/**
 * Stops the run when `signal` is aborted, and on the first of the process's signals; aborts it on the second. Returns
 * what takes the listeners away again: a run that has ended must not keep Ctrl-C for itself.
 */
export const listen = (run: Stoppable, signal: AbortSignal | undefined, signals: StopSignals): (() => void) => {
  // stop() rejects where the run fails; whoever holds the run's `done` sees that.
  const stop = (): void => void run.stop().catch(() => {})
  const names: readonly NodeJS.Signals[] = signals === true ? ['SIGINT', 'SIGTERM'] : signals || []
  let seen = 0
  const onSignal = (name: NodeJS.Signals): void => {
    seen++
    if (seen === 1) stop()
    else run.abort(`${name} came a second time`)
  }
  for (const name of names) process.on(name, onSignal)
  if (signal?.aborted) stop()
  else signal?.addEventListener('abort', stop, { once: true })
  return () => {
    for (const name of names) process.removeListener(name, onSignal)
    signal?.removeEventListener('abort', stop)
  }
}
