/**
 * `npm run bench`: how fast Sabot is, beside everyone. Read this file first: it says what is measured, in which order;
 * contenders.ts says who, parts/ how, report/ what becomes of it (docs/performance.md).
 */
import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { table } from '../examples/demo/figures.ts'
import { startKafka } from '../test/support/kafka.ts'
import { buildConfluent } from './build-confluent.ts'
import { type Contender, consumers, listenedConsumers, listenedPipelines, pipelines } from './contenders.ts'
import { environment } from './environment.ts'
import { type Options, parseOptions, usage } from './options.ts'
import { consumeTopics, measureConsume } from './parts/consume.ts'
import { measureDecode } from './parts/decode.ts'
import { measureLatency } from './parts/latency.ts'
import { measureMemory } from './parts/memory.ts'
import { measureMetrics, metricsTopics } from './parts/metrics.ts'
import { measurePipelines, pipelineTopics } from './parts/pipeline.ts'
import { performancePage, type Results, summariesOf, targetHead, targetRows } from './report/markdown.ts'
import { type PartName, partNames, Recorder, readResults } from './results.ts'
import { buildStreams, streams } from './streams.ts'
import { Topics } from './topics.ts'

const bench = fileURLToPath(new URL('.', import.meta.url))
const root = fileURLToPath(new URL('..', import.meta.url))
const page = `${root}/docs/performance.md`
const command = promisify(execFile)

/** The addon as it is now, and the programs beside it that are built for the bench alone. */
async function buildYardsticks(): Promise<void> {
  await command(process.execPath, [`${root}/scripts/build-native.mjs`])
  await command('cmake', ['--build', `${root}/build/addon`, '--target', 'yardsticks', '-j', '2'])
}

/** The peers come when they are first needed: they are no dependencies of the library. */
async function installPeers(): Promise<void> {
  if (existsSync(`${bench}/node_modules/kafkajs`)) return
  console.log('bench: installing the peers (bench/package-lock.json)')
  await command('npm', ['ci', '--ignore-scripts'], { cwd: bench })
}

const hasTopics = (part: PartName): boolean => part === 'consume' || part === 'pipeline' || part === 'metrics'

async function run(options: Options): Promise<void> {
  await buildYardsticks()
  const hasPeers = options.parts.some((part) => part === 'consume' || part === 'pipeline')
  if (hasPeers) await installPeers()
  const confluentProblem = hasPeers ? await buildConfluent() : undefined
  const classpath = hasPeers ? await buildStreams() : ''

  const machine = environment()
  const isChosen = (contender: string): boolean =>
    options.only.length === 0 || options.only.some((text) => contender.includes(text))
  const isRead = (topic: string): boolean => options.topic === undefined || topic === options.topic
  const chosen = (all: readonly Contender[]): readonly Contender[] => all.filter(({ name }) => isChosen(name))
  const named = <T extends string>(all: readonly T[]): readonly T[] => all.filter(isRead)
  // What is not measured now stays as it was; --resume keeps the rest as well, where it counts.
  const recorder = (part: PartName): Recorder =>
    new Recorder(part, machine, options.rows, ({ contender, load, failed }) =>
      isChosen(contender) && (isRead(load) || !hasTopics(part)) ? options.resume && failed === undefined : true,
    )

  const kafka = await startKafka({ heap: 2048 })
  const { bootstrapServers } = kafka
  const topics = new Topics(kafka, options.rows)
  const parts: Readonly<Record<PartName, () => Promise<void>>> = {
    consume: () =>
      measureConsume(
        bootstrapServers,
        topics,
        named(consumeTopics),
        chosen(consumers(confluentProblem)),
        options.rounds,
        recorder('consume'),
      ),
    pipeline: () =>
      measurePipelines(
        kafka,
        topics,
        named(pipelineTopics),
        chosen(pipelines((job) => streams(classpath, job))),
        options.rounds,
        recorder('pipeline'),
      ),
    decode: () => measureDecode(options.rows, options.rounds, recorder('decode')),
    latency: () => measureLatency(kafka, isChosen, options.rounds, recorder('latency')),
    memory: () => measureMemory(kafka, topics, recorder('memory')),
    metrics: () =>
      measureMetrics(
        kafka,
        topics,
        named(metricsTopics),
        { readers: chosen(listenedConsumers), pipes: chosen(listenedPipelines), counters: isChosen('counters') },
        options.rounds,
        recorder('metrics'),
      ),
  }
  try {
    for (const part of options.parts) {
      const began = performance.now()
      await parts[part]()
      console.log(`bench: ${part} took ${((performance.now() - began) / 1000).toFixed(0)} s\n`)
    }
  } finally {
    await kafka.stop()
  }
}

/** From everything that was measured, in this run or before. */
function report(): void {
  const results: Results = Object.fromEntries(
    partNames.flatMap((part) => {
      const found = readResults(part)
      return found === undefined ? [] : [[part, found]]
    }),
  )
  const text = performancePage(results)
  writeFileSync(page, text)
  // Its tables, without what is said of them; the targets so that they can be read on a screen.
  const [tables] = text.split('\n## Targets')
  console.log(
    tables!
      .split('\n')
      .filter((line) => /^[#|]/.test(line))
      .join('\n'),
  )
  console.log(`\n${table(targetHead, targetRows(summariesOf(results)))}\n\nbench: written: docs/performance.md`)
}

const options = parseOptions(process.argv.slice(2))
if (options === 'help') console.log(usage)
else if ('problem' in options) {
  console.error(`bench: ${options.problem}\n\n${usage}`)
  process.exitCode = 2
} else {
  if (options.parts.length > 0) await run(options)
  report()
}
