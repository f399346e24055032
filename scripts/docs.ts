/**
 * Writes what is made from the option declarations (src/kafka/options-*.ts): the public option types with their
 * docstrings, and docs/options.md; from the operators (src/expr/operators/)
 * docs/expressions.md; from the docstrings of src/metrics.ts docs/metrics.md; and from src/kafka/refusals.ts
 * docs/backends.md.
 *
 *   node scripts/docs.ts           writes all
 *   node scripts/docs.ts --check   exits 1 and names what is stale
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { codecs } from '../src/codecs/codec.ts'
import { type Option, type OptionTable, pathsOf } from '../src/kafka/option.ts'
import { createTopicsOptions } from '../src/kafka/options-admin.ts'
import { runOptions, sinkOptions } from '../src/kafka/options-sink.ts'
import { sourceOptions } from '../src/kafka/options-source.ts'
import {
  allowedProperties,
  consumerDefaults,
  consumerFixed,
  governedProperties,
  optionOf,
  producerDefaults,
  producerFixed,
} from '../src/kafka/properties.ts'
import { backendsPage } from './docs-backends.ts'
import { expressionsPage } from './docs-expressions.ts'
import { metricsPage } from './docs-metrics.ts'

const root = new URL('..', import.meta.url)

const calls: readonly {
  readonly title: string
  readonly of: string
  readonly type: string
  readonly table: OptionTable
}[] = [
  { title: 'Source', of: 'Stream.fromKafka', type: 'KafkaSourceOptions', table: sourceOptions },
  { title: 'Sink', of: '.toKafka', type: 'KafkaSinkOptions', table: sinkOptions },
  { title: 'Run', of: '.run` and `.start', type: 'RunOptions', table: runOptions },
  { title: 'Topics', of: 'createTopics', type: 'CreateTopicsOptions', table: createTopicsOptions },
]

const binary = ['bytes', 'KiB', 'MiB', 'GiB']

/** 4194304 bytes as 4 MiB, 30000 ms as 30,000 ms. */
function amount(value: number, unit = ''): string {
  if (unit === 'bytes') {
    let step = 0
    while (value >= 1024 && value % 1024 === 0 && step < binary.length - 1) {
      value /= 1024
      step++
    }
    unit = binary[step]!
  }
  return `${value.toLocaleString('en-US')} ${unit}`.trimEnd()
}

function defaultOf(option: Option): string | undefined {
  if (option.defaultText !== undefined) return option.defaultText
  if (option.type === 'object' || option.default === undefined) return undefined
  if (option.type === 'integer') return amount(option.default as number, option.unit)
  return typeof option.default === 'string' ? `'${option.default}'` : String(option.default)
}

function typeOf(option: Option): string {
  switch (option.type) {
    case 'integer':
      return 'number'
    case 'choice':
      return option.values.map((value) => `'${value}'`).join(' | ')
    case 'object':
      return option.orBoolean === true ? `boolean | ${option.typeName}` : option.typeName
    case 'custom':
      return option.ts
    default:
      return option.type
  }
}

function rangeOf(option: Option): string {
  switch (option.type) {
    case 'integer':
      return `${amount(option.min, option.unit)} to ${amount(option.max, option.unit)}`
    case 'custom':
      return option.range ?? option.expected
    case 'choice':
      return ''
    case 'object':
      return 'see below'
    case 'string':
      return 'not empty'
    case 'boolean':
      return ''
  }
}

// ---- the types

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

function docstring(option: Option): string[] {
  const facts = [option.doc]
  if (option.type === 'integer') facts.push(`In ${option.unit ?? 'whole numbers'}, ${rangeOf(option)}.`)
  const byDefault = defaultOf(option)
  if (byDefault !== undefined) facts.push(`Default: ${byDefault}.`)
  if (option.kafka !== undefined) facts.push(`Kafka: \`${option.kafka}\`.`)
  const text = facts.join(' ')
  if (text.length <= 110) return [`  /** ${text} */`]
  return ['  /**', ...wrap(text, 114).map((line) => `   * ${line}`), '   */']
}

function interfaceOf(name: string, table: OptionTable, parameters = ''): string {
  const members = Object.entries(table).flatMap(([key, option]) => {
    const member = option.required === true ? `${key}: ${typeOf(option)}` : `${key}?: ${typeOf(option)} | undefined`
    return [...docstring(option), `  readonly ${member}`]
  })
  return `export interface ${name}${parameters} {\n${members.join('\n')}\n}\n`
}

function nestedTables(table: OptionTable): [string, OptionTable][] {
  return Object.values(table).flatMap((option) =>
    option.type === 'object' ? [[option.typeName, option.of] as [string, OptionTable], ...nestedTables(option.of)] : [],
  )
}

export function optionTypes(): string {
  const nested = new Map(calls.flatMap((call) => nestedTables(call.table)))
  const parts = [...nested].map(([name, table]) => interfaceOf(name, table))
  for (const call of calls) {
    const parameters =
      call.table === sourceOptions ? '<S extends object = object, K extends TypeLiteral = TypeLiteral>' : ''
    parts.push(`/** The options of \`${call.of}\`. */\n${interfaceOf(call.type, call.table, parameters)}`)
  }
  const head = [
    '/** Generated by scripts/docs.ts from the declarations in options-*.ts: change those, then run it. */',
    "import type { Logger } from '../logger.ts'",
    "import type { TypeLiteral } from '../schema.ts'",
    "import type { From, Until } from './backend.ts'",
    "import type { NewTopics } from './options-admin.ts'",
  ]
  return `${head.join('\n')}\n\n${parts.join('\n')}`
}

// ---- the page

const cell = (text: string): string => text.replaceAll('|', '\\|')
const code = (text: string): string => (text === '' ? '' : `\`${cell(text)}\``)

function row(path: string, option: Option): string {
  const range = rangeOf(option)
  const byDefault = option.required === true ? 'required' : (defaultOf(option) ?? '')
  const kafka = option.kafka === undefined ? '' : code(option.kafka)
  const unit = option.type === 'integer' ? (option.unit ?? '') : ''
  return `| ${code(path)} | ${code(typeOf(option))} | ${unit} | ${cell(byDefault)} | ${cell(range)} | ${kafka} | ${cell(option.doc)} |`
}

function rows(table: OptionTable, prefix = ''): string[] {
  return Object.entries(table).flatMap(([name, option]) => {
    const own = row(prefix + name, option)
    return option.type === 'object' ? [own, ...rows(option.of, `${prefix}${name}.`)] : [own]
  })
}

function properties(given: Readonly<Record<string, string>>): string[] {
  return Object.entries(given).map(([name, value]) => `| ${code(name)} | ${code(value)} |`)
}

export function optionsPage(): string {
  const lines = [
    '# Options',
    '',
    '<!-- Generated by scripts/docs.ts from the option declarations: do not edit. -->',
    '',
    'Every option, from the declarations that check it. A misspelled option, a wrong type or a value out of range is a',
    '`SabotError` with the code `CONFIG` before anything connects. An option that is `undefined` counts as absent.',
  ]
  for (const call of calls) {
    lines.push('', `## ${call.title}: \`${call.of}\``, '')
    lines.push('| option | type | unit | default | allowed | Kafka property | meaning |')
    lines.push('|---|---|---|---|---|---|---|', ...rows(call.table))
  }
  lines.push(
    '',
    '## Codecs',
    '',
    '| codec | columns | option | default | allowed | meaning |',
    '|---|---|---|---|---|---|',
  )
  for (const codec of Object.values(codecs)) {
    const columns =
      codec.columns?.map((field) => `${field.name}: ${field.type.kind}`).join(', ') ?? 'schema, or inferred'
    lines.push(`| ${code(codec.name)} | ${columns} |  |  |  | ${cell(codec.doc)} |`)
    for (const [name, option] of Object.entries(codec.options)) {
      const values = option.values.map((value) => `'${value}'`).join(', ')
      lines.push(
        `| ${code(codec.name)} |  | ${code(name)} (${option.side}) | '${option.default}' | ${values} | ${option.doc} |`,
      )
    }
  }
  lines.push(
    '',
    '## Client properties',
    '',
    "What the option `kafka` may set, under librdkafka's names (its CONFIGURATION.md explains each). Everything else is",
    'refused: what an option sets is set there, and what carries a guarantee is governed by Sabot.',
    '',
    '| property | for | default of Sabot, source | sink |',
    '|---|---|---|---|',
    ...Object.keys(allowedProperties)
      .sort()
      .map((name) => {
        const side = allowedProperties[name]
        return `| ${code(name)} | ${side} | ${code(consumerDefaults[name] ?? '')} | ${code(producerDefaults[name] ?? '')} |`
      }),
    '',
    'Always so:',
    '',
    '| source | value |',
    '|---|---|',
    ...properties(consumerFixed),
    '',
    '| sink | value |',
    '|---|---|',
    ...properties(producerFixed),
    '',
    'Refused, and why:',
    '',
    '| property | reason |',
    '|---|---|',
    ...Object.entries(governedProperties).map(([name, reason]) => `| ${code(name)} | ${cell(reason)} |`),
    ...Object.values(propertyOptions()),
  )
  return `${lines.join('\n')}\n`
}

/** Client properties that an option sets: refused in `kafka` with the option's name. */
function propertyOptions(): string[] {
  const set = new Map<string, string>()
  for (const { table } of calls) {
    for (const property of propertiesOf(table)) {
      const option = optionOf(table, property)
      if (option !== undefined && !set.has(property) && !Object.hasOwn(governedProperties, property))
        set.set(property, option)
    }
  }
  return [...set].sort().map(([property, option]) => `| ${code(property)} | set the option ${code(option)} |`)
}

function propertiesOf(table: OptionTable): string[] {
  return Object.values(table).flatMap((option) =>
    option.type === 'object' ? propertiesOf(option.of) : option.kafka === undefined ? [] : [option.kafka],
  )
}

/** What this script writes: path from the root of the package, and its text. */
export const generated = (): readonly { readonly path: string; readonly text: string }[] => [
  { path: 'src/kafka/options-types.ts', text: optionTypes() },
  { path: 'docs/options.md', text: optionsPage() },
  { path: 'docs/expressions.md', text: expressionsPage() },
  { path: 'docs/metrics.md', text: metricsPage() },
  { path: 'docs/backends.md', text: backendsPage() },
]

function read(path: string): string {
  try {
    return readFileSync(new URL(path, root), 'utf8')
  } catch {
    return ''
  }
}

export const stale = (): string[] =>
  generated()
    .filter(({ path, text }) => read(path) !== text)
    .map(({ path }) => path)

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const paths = stale()
  if (process.argv.includes('--check')) {
    if (paths.length > 0) {
      console.error(`stale: ${paths.join(', ')}. Run: node scripts/docs.ts`)
      process.exitCode = 1
    }
  } else {
    for (const { path, text } of generated()) if (paths.includes(path)) writeFileSync(new URL(path, root), text)
    const count = calls.reduce((sum, call) => sum + pathsOf(call.table).length, 0)
    console.log(`${count} options; ${paths.length === 0 ? 'nothing was stale' : `wrote ${paths.join(', ')}`}`)
  }
}
