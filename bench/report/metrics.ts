/** What counting costs, as a share of the CPU that a batch takes. */
import { medianOf, type Summary } from './statistics.ts'

export const counterTitles: Readonly<Record<string, string>> = {
  'counters-nobody-listens': "the counters' calls of a batch, nobody listens",
  'counters-listened': "the counters' calls of a batch, a subscriber on every channel",
  'native-span': "a native thread's clock, read before and after a piece of work",
}

/** The producer thread reads its clock twice around every so many rows, or around all of a write (native/sink.cc). */
const rowsPerSinkRun = 1024

/** A line for each run that nobody listened to: what counting takes of it. */
export function countingSentence(summaries: readonly Summary[]): readonly string[] {
  const calls = medianOf(summaries, 'counters', 'counters-nobody-listens', 'nsEach')
  const span = medianOf(summaries, 'counters', 'native-span', 'nsEach')
  if (calls === undefined || span === undefined) return []
  return summaries.flatMap(({ load, contender }) => {
    if (load === 'counters' || contender.endsWith('-listened')) return []
    const rows = medianOf(summaries, load, contender, 'rowsPerBatch')
    const cpuNs = medianOf(summaries, load, contender, 'cpuNs')
    if (rows === undefined || cpuNs === undefined) return []
    // The poll thread and a worker once a batch each; every row is taken to be written where rows are written.
    const spans = 2 + (contender.includes('fused') ? 2 * Math.ceil(rows / rowsPerSinkRun) : 0)
    const counting = calls + spans * span
    const batch = rows * cpuNs
    return [
      `**Nobody listens** to ${contender}: a batch of ${Math.round(rows).toLocaleString('en-US')} messages takes ${(batch / 1e6).toFixed(2)} ms of CPU, counting it ${(counting / 1e3).toFixed(2)} us ` +
        `(the calls, and ${spans} native readings), which is ${((counting / batch) * 100).toPrecision(2)} %.`,
    ]
  })
}
