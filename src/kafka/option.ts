/**
 * How an option is declared, and how given options are checked against a table of declarations. The tables are the
 * one place that knows an option: the public types (options-types.ts) and docs/options.md are generated from them.
 */
import { describe, didYouMean, SabotError } from '../errors.ts'
import { isSecret } from '../logger.ts'

interface Declared {
  /** One or two sentences; the generated docstring. */
  readonly doc: string
  /** The client property that it sets, in librdkafka's name. */
  readonly kafka?: string
  readonly required?: boolean
  /** Where the default is worked out at run time: how the documentation says it. */
  readonly defaultText?: string
}

/** One option. The `type` says how it is checked; `custom` ones bring their own check and TypeScript type. */
export type Option = Declared &
  (
    | { readonly type: 'string'; readonly default?: string }
    | { readonly type: 'boolean'; readonly default?: boolean }
    | {
        readonly type: 'integer'
        readonly unit?: string
        readonly min: number
        readonly max: number
        readonly default?: number
      }
    | { readonly type: 'choice'; readonly values: readonly string[]; readonly default?: string }
    | {
        readonly type: 'object'
        readonly of: OptionTable
        readonly typeName: string
        /** `true` stands for an object without options, `false` for none; both stay as they are. */
        readonly orBoolean?: boolean
        /** Its defaults hold even where it is not given. */
        readonly filled?: boolean
      }
    | {
        readonly type: 'custom'
        /** The TypeScript type, as it stands in options-types.ts. */
        readonly ts: string
        /** What is expected, in words: ends the sentence "must be ...". */
        readonly expected: string
        readonly accepts: (value: unknown) => boolean
        readonly default?: unknown
        /** What values are allowed, for the documentation. */
        readonly range?: string
      }
  )

export type OptionTable = Readonly<Record<string, Option>>

/** The options `Given` (a type of options-types.ts) after the check against `Table`: those with a default are there. */
export type Checked<Given, Table extends OptionTable> = {
  readonly [Name in keyof Given]-?: Name extends keyof Table
    ? Table[Name] extends { readonly filled: true }
      ? { readonly [Nested in keyof NonNullable<Given[Name]>]-?: Exclude<NonNullable<Given[Name]>[Nested], undefined> }
      : Table[Name] extends { readonly default: unknown } | { readonly required: true }
        ? Exclude<Given[Name], undefined>
        : Given[Name] | undefined
    : never
}

/** The call that the options were given to; begins every message. */
export type Call = 'fromKafka' | 'toKafka' | 'run' | 'createTopics'

export function configError(option: string, message: string): SabotError {
  return new SabotError('CONFIG', message, { where: { option } })
}

/** The error of an option with the wrong type or range. The value of a secret is told by its type alone. */
export function wrongOption(call: Call, name: string, expected: string, value: unknown): SabotError {
  const came = isSecret(name) ? `${value === null ? 'null' : `a ${typeof value}`} (not shown)` : describe(value)
  return configError(name, `${call}: option "${name}" must be ${expected}; got ${came}.`)
}

/** Plain objects only: a class instance or array in place of options is a mistake. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/**
 * Checks `raw` against the table: unknown names, missing ones, types and ranges. An option that is `undefined` counts
 * as absent, so that `{ groupId: process.env.GROUP }` reads as expected.
 */
export function checkOptions(call: Call, table: OptionTable, raw: unknown, prefix = ''): Record<string, unknown> {
  if (!isPlainObject(raw)) {
    if (prefix !== '') throw wrongOption(call, prefix.slice(0, -1), 'an object', raw)
    throw new SabotError('CONFIG', `${call}: expected an object of options; got ${describe(raw)}.`)
  }
  for (const name of Object.keys(raw)) {
    if (!Object.hasOwn(table, name)) throw unknownOption(call, table, name, prefix)
  }
  const checked: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(table)) {
    const value = raw[name]
    const path = prefix + name
    if (value === undefined) {
      if (option.required === true) {
        throw configError(path, `${call}: option "${path}" is required and is missing. Expected ${expectedOf(option)}.`)
      }
      if (option.type === 'object') {
        if (option.filled === true) checked[name] = checkOptions(call, option.of, {}, `${path}.`)
      } else if (option.default !== undefined) checked[name] = option.default
      continue
    }
    if (option.type === 'object') {
      const isBoolean = option.orBoolean === true && typeof value === 'boolean'
      checked[name] = isBoolean ? value : checkOptions(call, option.of, value, `${path}.`)
    } else if (accepts(option, value)) checked[name] = value
    else throw wrongOption(call, path, expectedOf(option), value)
  }
  return checked
}

function unknownOption(call: Call, table: OptionTable, name: string, prefix: string): SabotError {
  const path = prefix + name
  const hint = didYouMean(path, pathsOf(table, prefix))
  const all = hint === '' ? ` It has: ${Object.keys(table).join(', ')}.` : hint
  return configError(path, `${call}: there is no option "${path}".${all}`)
}

/** Every dotted path of a table. */
export function pathsOf(table: OptionTable, prefix = ''): string[] {
  return Object.entries(table).flatMap(([name, option]) =>
    option.type === 'object' ? [prefix + name, ...pathsOf(option.of, `${prefix}${name}.`)] : [prefix + name],
  )
}

function accepts(option: Option, value: unknown): boolean {
  switch (option.type) {
    case 'string':
      // A NUL would end the text early in C; no property of Kafka holds one.
      return typeof value === 'string' && value !== '' && !value.includes('\0')
    case 'boolean':
      return typeof value === 'boolean'
    case 'integer':
      return Number.isSafeInteger(value) && (value as number) >= option.min && (value as number) <= option.max
    case 'choice':
      return typeof value === 'string' && option.values.includes(value)
    case 'object':
      return isPlainObject(value)
    case 'custom':
      return option.accepts(value)
  }
}

/** What an option expects, in words. */
export function expectedOf(option: Option): string {
  switch (option.type) {
    case 'string':
      return 'a string that is not empty'
    case 'boolean':
      return 'true or false'
    case 'integer': {
      const unit = option.unit === undefined ? '' : ` (${option.unit})`
      return `an integer from ${option.min} to ${option.max}${unit}`
    }
    case 'choice':
      return option.values.length === 1
        ? `"${option.values[0]}"`
        : `one of ${option.values.map((value) => `"${value}"`).join(', ')}`
    case 'object':
      return option.orBoolean === true ? 'true, false or an object' : 'an object'
    case 'custom':
      return option.expected
  }
}
