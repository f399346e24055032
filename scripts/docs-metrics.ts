/** docs/metrics.md, from the docstrings of RunMetrics and ChannelMessages in src/metrics.ts, their one place. */
import { readFileSync } from 'node:fs'

const source = readFileSync(new URL('../src/metrics.ts', import.meta.url), 'utf8')

const cell = (text: string): string => text.replaceAll('|', '\\|')
const code = (text: string): string => `\`${cell(text)}\``

interface Member {
  readonly name: string
  readonly type: string
  readonly text: string
  readonly tags: Readonly<Record<string, string>>
}

/** A message's type as its subscriber sees it. */
const plainType = (type: string): string =>
  type
    .replace(/(?<=\w|'|\])\n\s+(?=readonly)/g, '; ')
    .replace(/\s+/g, ' ')
    .replace(/^RunMessage & /, '')
    .replaceAll('Partition & { ', '{ topic: string; partition: number; ')
    .replaceAll('Partition[]', '{ topic: string; partition: number }[]')
    .replaceAll('readonly ', '')
    .trim()

/** The members of an exported interface that have a docstring, in order. */
function membersOf(name: string): readonly Member[] {
  const body = new RegExp(`^export interface ${name} \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(source)?.[1]
  if (body === undefined) throw new Error(`src/metrics.ts: expected an exported interface ${name}; there is none`)
  const members = body.matchAll(
    /(?<=^|\n) {2}\/\*\*([\s\S]*?)\*\/\n {2}readonly ('?)([\w:]+)\2: ([\s\S]*?)(?=\n {2}\/\*\*|$(?![\s\S]))/g,
  )
  return [...members].map(([, comment, , member, type]) => {
    const lines = comment!.split('\n').map((line) => line.replace(/^\s*\* ?/, '').trim())
    const [text, ...tags] = lines
      .filter((line) => line !== '')
      .join(' ')
      .split(/ ?@(?=unit|counted)/)
    return {
      name: member!,
      type: plainType(type!),
      text: text!.trim(),
      tags: Object.fromEntries(
        tags.map((tag) => [tag.slice(0, tag.indexOf(' ')), tag.slice(tag.indexOf(' ') + 1).trim()]),
      ),
    }
  })
}

export function metricsPage(): string {
  const metrics = membersOf('RunMetrics').map(({ name, text, tags }) => {
    if (tags.unit === undefined || tags.counted === undefined) {
      throw new Error(`src/metrics.ts: ${name}: expected @unit and @counted in its docstring`)
    }
    return `| ${code(name)} | ${cell(tags.unit)} | ${cell(text)} | ${cell(tags.counted)} |`
  })
  const channels = membersOf('ChannelMessages').map(
    ({ name, text, type }) => `| ${code(name)} | ${cell(text)} | ${code(type)} |`,
  )
  return [
    '# Metrics',
    '',
    'Made from the docstrings in src/metrics.ts by `npm run docs`. How to use them: [guide](guide.md#metrics).',
    '',
    '## `run.metrics()`',
    '',
    'A snapshot, plain data; `run()` resolves with the last one. Nothing is counted once a row.',
    '',
    '| metric | unit | what | counted |',
    '|---|---|---|---|',
    ...metrics,
    '',
    'A histogram has `count`, `min`, `max`, `mean`, `p50` and `p99`. The percentiles come from buckets whose bounds are powers of',
    'two, with even spread within a bucket assumed: they are off by less than a factor of two.',
    '',
    'Times of native threads are wall-clock time between two readings around a piece of work; they hold what the machine did',
    'meanwhile. Times of several threads are summed, so they may be more than has elapsed.',
    '',
    '## Channels',
    '',
    'Of `node:diagnostics_channel`. Every message has `run`, a number that counts the runs of the process (of a worker, in a',
    'worker).',
    '',
    '| channel | when | message, beside `run` |',
    '|---|---|---|',
    ...channels,
    '',
  ].join('\n')
}
