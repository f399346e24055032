/**
 * A process of its own that copies one topic to another, as the JSON of its argument says (Job), and says how it goes:
 * one line of JSON a tick. It never calls process.exit: a thread left behind would keep it alive.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Run, type SabotError, Stream } from '../../../src/index.ts'
import type { Job, JobLine } from '../job.ts'

const job = JSON.parse(process.argv[2]!) as Job
const say = (line: JobLine): void => {
  process.stdout.write(`${JSON.stringify(line, (_, value) => (typeof value === 'bigint' ? Number(value) : value))}\n`)
}

const start = (): Run => {
  const stream = Stream.fromKafka(job.source)
  if (job.stepMs === undefined && job.blockMs === undefined) return stream.toKafka(job.sink).start()
  return stream
    .mapBatches(async (batch) => {
      const end = performance.now() + (job.blockMs ?? 0)
      while (performance.now() < end);
      // -1: it never returns.
      if (job.stepMs === -1) await new Promise(() => {})
      await sleep(job.stepMs ?? 0)
      return batch
    })
    .toKafka(job.sink)
    .start()
}

/** The most memory since the last tick: sampled more often than it is told. */
let rss = process.memoryUsage.rss()
const sample = setInterval(() => {
  rss = Math.max(rss, process.memoryUsage.rss())
}, 10)
say({ kind: 'idle', rss })

const follow = async (run: Run): Promise<void> => {
  const tick = setInterval(() => {
    say({ kind: 'tick', rss, metrics: run.metrics() })
    rss = 0
  }, job.tickMs ?? 50)
  try {
    say({ kind: 'done', metrics: await run.done })
  } catch (error) {
    const { code, message } = error as SabotError
    say({ kind: 'failed', code, message })
    process.exitCode = 1
  } finally {
    clearInterval(tick)
  }
}

if (job.joins === undefined) await follow(start())
else {
  for (let i = 0; i < job.joins; i++) {
    const run = start()
    const followed = follow(run)
    while (run.metrics().assigned.length === 0) await Promise.race([sleep(5), run.done])
    await sleep(job.stayMs ?? 0)
    await run.stop()
    await followed
  }
}
clearInterval(sample)
