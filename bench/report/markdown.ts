/** Results as docs/performance.md. */
import { type Contender, consumers, listenedConsumers, listenedPipelines, pipelines } from '../contenders.ts'
import { type PartName, type PartResults, partNames } from '../results.ts'
import { topicPlans } from '../topics.ts'
import { counterTitles, countingSentence } from './metrics.ts'
import { bestOf, medianOf, ratio, type Spread, type Summary, summarise } from './statistics.ts'
import { type Summaries, targets, verdictOf } from './targets.ts'

export type Results = Readonly<Partial<Record<PartName, PartResults>>>

export const summariesOf = (results: Results): Summaries =>
  Object.fromEntries(Object.entries(results).map(([part, { results: rounds }]) => [part, summarise(rounds)]))

const count = (value: number): string => Math.round(value).toLocaleString('en-US')
const plain = (value: number): string => (value >= 100 ? count(value) : value.toFixed(value >= 10 ? 1 : 2))
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map((_, i) => (i === 0 ? '---' : '---:')), ...rows.map((row) => row.map(cell))]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')

/** Median, and the range of the rounds behind it. */
const spread = (figure: Spread | undefined, format = plain): string => {
  if (figure === undefined) return ''
  const { median, min, max, rounds } = figure
  return rounds === 1 ? format(median) : `${format(median)} (${format(min)} to ${format(max)})`
}

const times = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(2))

/** Contenders in their order, with those among the results that are known no more at the end. */
const inOrder = (summaries: readonly Summary[], contenders: readonly Pick<Contender, 'name'>[]): readonly Summary[] => {
  const place = ({ contender }: Summary): number => {
    const at = contenders.findIndex(({ name }) => name === contender)
    return at === -1 ? contenders.length : at
  }
  return summaries.toSorted((a, b) => place(a) - place(b))
}

const millions = (value: number): string => `${(value / 1e6).toFixed(value < 1e6 ? 3 : 2)} M`

function throughput(summaries: readonly Summary[], contenders: readonly Contender[], yardsticks: readonly string[]) {
  const titles = new Map(contenders.map(({ name, title }) => [name, title]))
  return [...Map.groupBy(summaries, ({ load }) => load)].map(([load, group]) => {
    const base = bestOf(group, load, yardsticks, 'perSecond')
    const rows = inOrder(group, contenders).map(({ contender, figures, failures, notes }) => {
      const title = [titles.get(contender) ?? contender, ...notes].join('; ')
      if (figures.size === 0) return [title, failures.join('; '), '', '', '', '']
      return [
        failures.length === 0 ? title : `${title}; rounds that do not count: ${failures.join('; ')}`,
        spread(figures.get('perSecond'), millions),
        times(ratio(medianOf(group, load, contender, 'perSecond'), base)),
        spread(figures.get('cpuNs')),
        spread(figures.get('peakMb')),
        spread(figures.get('wholePerSecond'), millions),
      ]
    })
    const title = topicPlans.find(({ name }) => name === load)?.title ?? load
    const head = ['', 'msg/s', 'of raw', 'CPU ns/msg', 'peak MB', 'msg/s, whole process']
    // Where there is nothing to compare with, the column is left out.
    const shown = (cells: readonly string[]): readonly string[] =>
      yardsticks.length === 0 ? cells.toSpliced(2, 1) : cells
    return `### ${title}\n\n${table(shown(head), rows.map(shown))}`
  })
}

const plainTable = (summaries: readonly Summary[], figures: Readonly<Record<string, string>>): string =>
  table(
    ['', '', ...Object.values(figures)],
    summaries.map(({ load, contender, figures: got, failures, notes }) => [
      load,
      [contender, ...notes, ...failures].join('; '),
      ...Object.keys(figures).map((name) => spread(got.get(name))),
    ]),
  )

/** Rows of the last table: what, at least, aim, measured, verdict. */
export function targetRows(summaries: Summaries): readonly (readonly string[])[] {
  return targets.map((target) => {
    const value = target.measured(summaries)
    const unit = target.unit === undefined ? '' : ` ${target.unit}`
    const limit = (number: number): string => `${target.ceiling ? 'at most ' : ''}${number}${unit}`
    const got = value === undefined ? '' : `${plain(value)}${unit}`
    return [target.what, limit(target.atLeast), limit(target.aim), got, verdictOf(target, value)]
  })
}

export const targetHead = ['', 'must', 'aim', 'measured', '']

export function performancePage(results: Results): string {
  const summaries = summariesOf(results)
  const parts = partNames.flatMap((part) => (results[part] === undefined ? [] : [{ part, ...results[part] }]))
  const sections: string[] = []
  const add = (part: PartName, title: string, what: string, tables: () => readonly string[]): void => {
    if (summaries[part] === undefined) return
    sections.push([`## ${title}`, what, ...tables()].join('\n\n'))
  }
  add('consume', 'Reading', reading, () => throughput(summaries.consume!, consumers(undefined), ['raw']))
  const piping = pipelines(() => ({ file: '', args: [] }))
  add('pipeline', 'Pipelines', pipelining, () => throughput(summaries.pipeline!, piping, ['raw-over', 'raw-all']))
  add('decode', 'JSON without Kafka', withoutKafka, () => [
    plainTable(summaries.decode!, { nsPerDocument: 'ns a document' }),
  ])
  add('latency', 'Latency', latency, () => [
    plainTable(summaries.latency!, { p50: 'p50 ms', p99: 'p99 ms', p999: 'p99.9 ms' }),
  ])
  add('memory', 'Memory', memory, () => [
    plainTable(summaries.memory!, {
      idleMb: 'idle MB',
      peakMb: 'peak MB',
      aboveIdleMb: 'above idle MB',
      seconds: 'seconds',
      longestSleepSeconds: 'longest step, s',
    }),
  ])
  add('metrics', 'The cost of metrics', metrics, () => {
    const runs = summaries.metrics!.filter(({ load }) => load !== 'counters')
    const calls = summaries.metrics!.filter(({ load }) => load === 'counters')
    const timed = calls.map(({ contender, figures }) => [
      counterTitles[contender] ?? contender,
      spread(figures.get('nsEach')),
    ])
    return [
      ...throughput(runs, [...listenedConsumers, ...listenedPipelines], []),
      table(['', 'ns'], timed),
      ...countingSentence(summaries.metrics!),
    ]
  })
  const took = parts.map(({ part, seconds, rows }) => `${part} ${seconds.toFixed(0)} s with ${count(rows)} rows`)
  const machines = [
    ...new Set(
      parts.map(({ environment: { date, machine, versions } }) => {
        const all = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
        return `- ${date}, ${machine}; ${all.join(', ')}`
      }),
    ),
  ]
  return `# Performance

Generated by \`npm run bench\` from what it measured; do not edit. [bench/README.md](../bench/README.md) says how to repeat it.

${machines.join('\n')}
- Took: ${took.join('; ')}.

Every contender is a process of its own. Rounds are interleaved: each contender runs once, in another order every time. A
figure is the median of the rounds, with their range behind it. **A round counts only if its checksum is right**: rows read,
and the number and the sum of the amounts over 1,000 (in cents, exact); who reads without looking inside is held to the rows
and bytes. Broker, contenders and bench share the machine.

**Time** runs from the moment at which a program is first handed a message to the moment at which it has handled the last one
(reading) or knows that the last row that it wrote is acknowledged (pipelines): joining a group and starting up are outside.
What was fetched before that moment counts for whoever fetched it. "Whole process" is from the start of the process to its end,
with everything. **CPU** is user and system time of all threads of the process in the same time as the rate. **Peak** is the
most resident memory over the life of the process. "Of raw" is the ratio of the medians.

${sections.join('\n\n')}

## Targets

${table(targetHead, targetRows(summaries))}
`
}

const reading = `Everyone reads the same topic from beginning to end. Raw is librdkafka's batch consume in C with Sabot's fetch settings and
nothing done with the messages. The Node peers parse each value with JSON.parse; Sabot makes typed Arrow columns of every field,
or of one field of the rows that a filter lets pass.`

const pipelining = `Rows with an amount over 1,000, half of them, go to another topic (a fresh one every time, as many partitions, acks from all,
idempotent). What was written is read back by librdkafka alone. Rates are of messages read. Raw finds the amount by a scan for
its key and strtod, and passes the bytes on; kafkajs and Kafka Streams parse the value and pass the original bytes on. "Of raw" is
the ratio to the faster of the two raw ones that use the C library's allocator.`

const withoutKafka = `The same 210-byte transactions, in memory, one thread. The on-demand walk is simdjson's over every field without
conversion, compiled for this very machine: a floor. "JSON.parse into columns" parses each document and writes its values into
typed arrays, strings as UTF-8 with offsets, as Sabot's columns are.`

const latency = `Transactions at a steady rate through the filter pipeline: from just before a row is given to the producer of the probe until
the probe has read it from the output topic. The probe is the same for both.`

const metrics = `The counters of a run cannot be switched off, so there is no run without them to compare one with. What can be told apart: runs
that nobody listens to beside runs with a subscriber on every channel of node:diagnostics_channel and, where the program has a
Run to ask (reading with forEachBatch has none), run.metrics() once a second; and the counters' calls of one batch timed by
themselves. They are timed in a loop that does nothing else: in a run, after other work, caches are colder and a call costs more.`

const memory = `A topic of 1 GB through a mapBatches step that sleeps. Idle is the resident memory of the process before it connects.
"Longest step" is longer than the session time-out and the poll interval of the group; the run fails the check if the group's
member changes or a row is read twice.`
