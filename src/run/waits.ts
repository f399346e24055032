/** Waits that are not for something to change (condition.ts): for a while at most, and for everybody else. */

/** The work, or so long. The work goes on. */
export const within = async (work: Promise<unknown>, ms: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  try {
    await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}

/** A whole round of the event loop: timers, sockets, signals. */
export const turn = async (): Promise<void> => {
  // From where sockets are read the first one comes before the timers.
  for (let i = 0; i < 2; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}
