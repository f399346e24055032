/** A topic of 1 GB through a step that sleeps: how much memory it takes, and whether the group keeps the member. */
import type { Kafka } from '../../test/support/kafka-admin.ts'
import { runProgram, script } from '../processes.ts'
import type { Recorder, Result } from '../results.ts'
import { type Topics, wrong } from '../topics.ts'

const load = 'gigabyte-8'

/** The members that a group had, looked at twice a second until `stop`. */
function watchGroup(kafka: Kafka, group: string): { stop(): Promise<ReadonlySet<string>> } {
  const members = new Set<string>()
  let stopped = false
  const watching = (async () => {
    while (!stopped) {
      const description = await kafka.describeGroup(group).catch(() => undefined)
      for (const { id } of description?.members ?? []) members.add(id)
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  })()
  return {
    async stop() {
      stopped = true
      await watching
      return members
    },
  }
}

async function measure(kafka: Kafka, topics: Topics): Promise<Pick<Result, 'figures' | 'failed' | 'notes'>> {
  const topic = await topics.load(load)
  const { bootstrapServers } = kafka
  const group = `bench-slow-${Date.now().toString(36)}`
  const watch = watchGroup(kafka, group)
  try {
    const job = { bootstrapServers, topic: topic.name, output: group }
    const { idle, peak, seconds, longest, ...got } = (
      await runProgram(script('contenders/sabot-slow-step.ts', job), 400)
    ).last as Record<string, number>
    const problem = wrong(got, topic)
    if (problem !== undefined) return { failed: `wrong result: ${problem}` }
    const members = await watch.stop()
    // A member that was put out comes back under another id.
    if (members.size !== 1)
      return { failed: `expected one member of the group from beginning to end; got ${members.size}` }
    const figures = {
      idleMb: idle! / 1e6,
      peakMb: peak! / 1e6,
      aboveIdleMb: (peak! - idle!) / 1e6,
      seconds: seconds!,
      longestSleepSeconds: longest!,
    }
    return { figures, notes: ['one member of the group from beginning to end'] }
  } catch (error) {
    return { failed: (error as Error).message }
  } finally {
    await watch.stop()
  }
}

/** Once: nothing about it is a matter of chance. */
export async function measureMemory(kafka: Kafka, topics: Topics, recorder: Recorder): Promise<void> {
  const place = { load, contender: 'sabot-slow-step', round: 1 }
  if (!recorder.has(place)) recorder.add({ ...place, ...(await measure(kafka, topics)) })
}
