/** How long a row takes through the filter pipeline at a steady rate, beside librdkafka alone with the same settings. */
import { existsSync } from 'node:fs'
import { presets } from '../../src/kafka/presets.ts'
import type { Kafka } from '../../test/support/kafka-admin.ts'
import { type Command, runProgram, script, startProgram, yardstick } from '../processes.ts'
import type { Recorder, Result } from '../results.ts'

const rates = [5000, 50_000]
const [seconds, warmUpSeconds] = [8, 3]
const partitions = 8

/** What the preset sets, as arguments of raw-pipeline. */
const rawSettings: readonly string[] = [
  ...Object.entries(presets.latency.consumer).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ...Object.entries(presets.latency.producer).flatMap(([name, value]) => ['-p', `${name}=${value}`]),
  ...['-p', `linger.ms=${presets.latency.sink.lingerMs}`],
]

interface Pipeline {
  readonly name: string
  command(bootstrapServers: string, topic: string, output: string): Command
}

const raw = (name: string, program: string): Pipeline => ({
  name,
  command: (...topics) => ({ file: yardstick(program), args: [...topics, 'over', 'follow', ...rawSettings] }),
})

const pipelines = (): readonly Pipeline[] => [
  raw('raw', 'raw-pipeline'),
  ...(existsSync(yardstick('raw-pipeline-allocator')) ? [raw('raw-allocator', 'raw-pipeline-allocator')] : []),
  {
    name: 'sabot',
    command: (bootstrapServers, topic, output) =>
      script('contenders/sabot-latency.ts', { bootstrapServers, topic, output }),
  },
]

async function measure(kafka: Kafka, pipeline: Pipeline, rate: number): Promise<Pick<Result, 'figures' | 'failed'>> {
  const { bootstrapServers } = kafka
  const run = Date.now().toString(36)
  const [topic, output] = [`latency-in-${run}`, `latency-out-${run}`]
  await kafka.createTopic(topic, partitions)
  await kafka.createTopic(output, partitions)
  const started = startProgram(pipeline.command(bootstrapServers, topic, output))
  try {
    await started.line('ready')
    const settings = [rate, seconds, warmUpSeconds].map(String)
    const probe = { file: yardstick('latency-probe'), args: [bootstrapServers, topic, output, ...settings] }
    const { expected, received, ...figures } = (await runProgram(probe)).last as Record<string, number>
    started.stop()
    const { rows, seconds: took, cpuSeconds } = (await started.ended).last as Record<string, number>
    if (received !== expected) return { failed: `wrong result: rows: expected ${expected}; got ${received}` }
    return { figures: { ...figures, cpuNs: (cpuSeconds! / rows!) * 1e9, cpuShare: cpuSeconds! / took! } }
  } catch (error) {
    return { failed: (error as Error).message }
  } finally {
    started.stop()
    await kafka.deleteTopic(topic)
    await kafka.deleteTopic(output)
  }
}

/** The broker's code is compiled while it runs: what it does for the first time takes hundreds of milliseconds. */
async function warmUp(kafka: Kafka): Promise<void> {
  const topic = 'latency-warm-up'
  await kafka.createTopic(topic, partitions)
  const settings = ['20000', '5', '1']
  await runProgram({ file: yardstick('latency-probe'), args: [kafka.bootstrapServers, topic, topic, ...settings] })
  await kafka.deleteTopic(topic)
}

export async function measureLatency(
  kafka: Kafka,
  chosen: (name: string) => boolean,
  rounds: number,
  recorder: Recorder,
): Promise<void> {
  await warmUp(kafka)
  for (let round = 1; round <= rounds; round++) {
    for (const rate of rates) {
      for (const pipeline of pipelines().filter(({ name }) => chosen(name))) {
        const place = { load: `${rate}/s`, contender: pipeline.name, round }
        if (!recorder.has(place)) recorder.add({ ...place, ...(await measure(kafka, pipeline, rate)) })
      }
    }
  }
}
