/** Who is measured, and how each is started. A program of ours lies in contenders/, one that needs a peer in peers/. */
import { existsSync } from 'node:fs'
import { type Command, script, yardstick } from './processes.ts'
import type { Job } from './window.ts'

export interface Contender {
  readonly name: string
  /** As the tables have it. */
  readonly title: string
  /** Among these the best one is what Sabot is compared with. */
  readonly nodePeer?: boolean
  /** Why it cannot run here; undefined: it can. */
  readonly missing?: () => string | undefined
  command(job: Omit<Job, 'mode'>): Command
}

/** The same twice: nobody asks how the run goes, and somebody does. */
const listenedTo = (file: string, mode: string, title: string): readonly Contender[] => [
  {
    name: `sabot-${mode}`,
    title: `${title}; nobody listens`,
    command: (job) => script(file, { ...job, mode }),
  },
  {
    name: `sabot-${mode}-listened`,
    title: `${title}; listened to`,
    command: (job) => script(file, { ...job, mode, listened: true }),
  },
]
export const listenedConsumers = listenedTo('contenders/sabot-consume.ts', 'columns', 'reading, every column')
export const listenedPipelines = listenedTo('contenders/sabot-pipeline.ts', 'fused', 'filter to another topic')

/** The programs with the allocator that the addon is linked with exist where it is linked with one. */
const allocator = (name: string): Pick<Contender, 'missing'> => ({
  missing: () =>
    existsSync(yardstick(`${name}-allocator`)) ? undefined : "the addon is linked with the C library's allocator",
})

/** On the js backend. */
const inTypeScript = (command: Command): Command => ({ ...command, env: { ...command.env, SABOT_BACKEND: 'js' } })

export function consumers(confluentProblem: string | undefined): readonly Contender[] {
  const raw = (name: string): Contender['command'] => {
    return ({ bootstrapServers, topic }) => ({ file: yardstick(name), args: [bootstrapServers, topic] })
  }
  const confluent = (mode: string): Contender['command'] => {
    return (job) => script('peers/confluent-consume.ts', { ...job, mode })
  }
  const missing = (): string | undefined => confluentProblem && `did not build: ${confluentProblem}`
  return [
    { name: 'raw', title: 'librdkafka alone, C, glibc', command: raw('raw-consume') },
    {
      name: 'raw-allocator',
      title: "librdkafka alone, C, Sabot's allocator",
      ...allocator('raw-consume'),
      command: raw('raw-consume-allocator'),
    },
    {
      name: 'sabot-columns',
      title: 'sabot, every column, typed',
      command: (job) => script('contenders/sabot-consume.ts', { ...job, mode: 'columns' }),
    },
    {
      name: 'sabot-filter',
      title: 'sabot, amount > 1000, one column',
      command: (job) => script('contenders/sabot-consume.ts', { ...job, mode: 'filter' }),
    },
    {
      name: 'sabot-js-columns',
      title: 'sabot in pure TypeScript, every column, typed',
      command: (job) => inTypeScript(script('contenders/sabot-consume.ts', { ...job, mode: 'columns' })),
    },
    {
      name: 'sabot-js-filter',
      title: 'sabot in pure TypeScript, amount > 1000, one column',
      command: (job) => inTypeScript(script('contenders/sabot-consume.ts', { ...job, mode: 'filter' })),
    },
    {
      name: 'kafkajs',
      title: 'kafkajs, eachBatch, JSON.parse',
      nodePeer: true,
      command: (job) => script('peers/kafkajs-consume.ts', job),
    },
    {
      name: 'platformatic',
      title: '@platformatic/kafka, JSON.parse',
      nodePeer: true,
      command: (job) => script('peers/platformatic-consume.ts', job),
    },
    {
      name: 'confluent-kafkajs',
      title: "@confluentinc/kafka-javascript, KafkaJS's interface",
      nodePeer: true,
      missing,
      command: confluent('promised'),
    },
    {
      name: 'confluent-rdkafka',
      title: "@confluentinc/kafka-javascript, node-rdkafka's interface",
      nodePeer: true,
      missing,
      command: confluent('callbacks'),
    },
  ]
}

export function pipelines(streams: (job: Omit<Job, 'mode'>) => Command): readonly Contender[] {
  const raw = (name: string, which: 'all' | 'over'): Contender['command'] => {
    return ({ bootstrapServers, topic, output }) => ({
      file: yardstick(name),
      args: [bootstrapServers, topic, output, which],
    })
  }
  const sabot = (mode: string): Contender['command'] => {
    return (job) => script('contenders/sabot-pipeline.ts', { ...job, mode })
  }
  return [
    { name: 'raw-over', title: 'librdkafka alone, C, rows that pass', command: raw('raw-pipeline', 'over') },
    { name: 'raw-all', title: 'librdkafka alone, C, every row', command: raw('raw-pipeline', 'all') },
    {
      name: 'raw-over-allocator',
      title: "librdkafka alone, C, rows that pass, Sabot's allocator",
      ...allocator('raw-pipeline'),
      command: raw('raw-pipeline-allocator', 'over'),
    },
    { name: 'sabot-fused', title: 'sabot, filter', command: sabot('fused') },
    { name: 'sabot-with-columns', title: 'sabot, filter, withColumns, encoded', command: sabot('withColumns') },
    { name: 'sabot-map-batches', title: 'sabot, filter, mapBatches, encoded', command: sabot('mapBatches') },
    {
      name: 'kafkajs',
      title: 'kafkajs, eachBatch, JSON.parse',
      nodePeer: true,
      command: (job) => script('peers/kafkajs-pipeline.ts', job),
    },
    { name: 'kafka-streams', title: 'Kafka Streams, Jackson, 2 threads', command: streams },
  ]
}
