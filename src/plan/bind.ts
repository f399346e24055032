/** Resolves a plan against the source's fields: which columns, of which types, stand before and after each step. */
import { didYouMean, SabotError } from '../errors.ts'
import { exprColumns, exprRenamed, exprType, exprWithPaths } from '../expr/columns.ts'
import { Expr } from '../expr/expr.ts'
import { type Field, typeText } from '../schema.ts'
import { checkPart, checkValue } from './sink-columns.ts'
import {
  envelopeColumns,
  isInternal,
  isMessageColumn,
  isRawKey,
  type KafkaSinkStep,
  type KeyType,
  type MessageName,
  messageColumns,
  messageField,
  type Plan,
  type SinkStep,
  type SourceStep,
  type Step,
} from './steps.ts'

/** What can be named at a point of the plan. */
export interface Scope {
  /** The columns, where their types are known. */
  readonly fields: readonly Field[] | undefined
  /** Their names; known more often than their types. */
  readonly names: readonly string[] | undefined
  /** Whether the message columns can be named too: they end at mapBatches, whose rows may be new ones. */
  readonly messages: boolean
  readonly keyType: KeyType
}

export interface BoundStep {
  readonly step: Step
  /** Counted from 1 along its path from the source, as explain() prints it. */
  readonly number: number
  readonly before: Scope
  readonly after: Scope
}

/** Steps one after the other, and what they lead to. */
export interface BoundPath {
  readonly steps: readonly BoundStep[]
  readonly sink: SinkStep
  /** The sink's; counted as those of the steps. */
  readonly number: number
  /** The columns that reach the sink. */
  readonly result: Scope
  /** Of a fanOut; else none. */
  readonly branches: readonly BoundPath[]
}

export interface BoundPlan extends BoundPath {
  readonly plan: Plan
  readonly source: Scope
}

const scopeOf = (fields: readonly Field[] | undefined, from: Scope, names?: readonly string[]): Scope => ({
  ...from,
  fields,
  names: fields?.map(({ name }) => name) ?? names,
})

/** What a source gives. `fields`: undefined where they are not known yet. */
export const sourceScope = (source: SourceStep, fields: readonly Field[] | undefined): Scope => {
  // A document's own "$key" would stand in the way of the message's: the names of message columns are reserved.
  const own = source.kind === 'kafka' ? fields?.filter(({ name }) => !isInternal(name)) : fields
  return {
    fields: own,
    names: own?.map(({ name }) => name),
    messages: source.kind === 'kafka',
    keyType: source.keyType,
  }
}

const recordParts = ['key', 'headers', 'timestamp', 'partition'] as const

/** `fields`: the source's; undefined where they are not known yet (explain() before a run). */
export const bind = (plan: Plan, fields: readonly Field[] | undefined): BoundPlan => {
  const source = sourceScope(plan.source, fields)
  return { plan, source, ...bindPath(plan, source, source.messages, 1, '') }
}

/** `first`: the number of the first step. `where`: the branch, for messages; empty where there are none. */
const bindPath = (
  path: Pick<Plan, 'steps' | 'sink'>,
  before: Scope,
  messages: boolean,
  first: number,
  where: string,
): BoundPath => {
  const steps: BoundStep[] = []
  let scope = before
  for (const [index, step] of path.steps.entries()) {
    const number = first + index
    const after = bindStep(step, scope, `${where}${number} ${step.kind}`)
    steps.push({ step: stepWithPaths(step, scope), number, before: scope, after })
    scope = after
  }
  // A row that continues a message keeps its message columns up to the sink.
  const sink = sinkWithPaths(path.sink, { ...scope, messages })
  const next = first + steps.length
  if (sink.kind === 'kafka') bindSink(sink, scope, messages, `${where}${next} toKafka`)
  const branches =
    sink.kind === 'fanOut'
      ? sink.branches.map((branch, i) => bindPath(branch, scope, messages, next, `${where}branch ${i + 1}, `))
      : []
  return { steps, sink, number: next, result: scope, branches }
}

/**
 * `col('a.b')` as the field b of the column a, where names are known: what reads it reads the column a. Where keys are
 * decoded, `$key` is another column than the one that a record keeps, and may have fields too.
 */
const withPaths = <T extends Expr | 'keep' | null>(given: T, scope: Scope): T => {
  if (!(given instanceof Expr)) return given
  const { names, messages, keyType } = scope
  const decoded = messages && !isRawKey(keyType) && names?.includes('$key') !== true
  if (!decoded) return (names === undefined ? given : exprWithPaths(given, names)) as T
  const expr = exprWithPaths(given, [...(names ?? []), '$key'])
  return exprRenamed(expr, (name) => (name === '$key' ? '$keyValue' : name)) as T
}

const stepWithPaths = (step: Step, scope: Scope): Step => {
  switch (step.kind) {
    case 'filter':
      return { ...step, predicate: withPaths(step.predicate, scope) }
    case 'select':
    case 'withColumns':
      return { ...step, columns: step.columns.map(({ name, expr }) => ({ name, expr: withPaths(expr, scope) })) }
    default:
      return step
  }
}

const sinkWithPaths = (sink: SinkStep, scope: Scope): SinkStep => {
  if (sink.kind !== 'kafka') return sink
  const [key, headers, timestamp] = [sink.key, sink.headers, sink.timestamp].map((part) => withPaths(part, scope))
  return { ...sink, key: key!, headers: headers!, timestamp: timestamp!, partition: withPaths(sink.partition, scope) }
}

/** Throws SCHEMA where the columns can not become records. `messages`: the rows may continue messages. */
const bindSink = (sink: KafkaSinkStep, scope: Scope, messages: boolean, place: string): void => {
  // A row that continues a message keeps its message columns up to the sink.
  const open: Scope = { ...scope, messages }
  for (const part of recordParts) {
    const given = sink[part]
    if (given === null) continue
    // What is kept is a column of this name where a step gave one.
    const kept = scope.fields?.find(({ name }) => name === `$${part}`)
    if (part === 'key' && given === 'keep' && kept !== undefined && !isRawKey(scope.keyType)) checkKept(kept, place)
    const type = given === 'keep' ? kept?.type : checkExpr(given, open, place)
    if (type !== undefined) checkPart(part, given === 'keep' ? `$${part}` : String(given), type, place)
  }
  if (scope.fields !== undefined) checkValue(sink.codec, scope.fields, place)
}

/** Types one step. Throws SCHEMA where it names a column that does not exist or does not fit. */
export const bindStep = (step: Step, before: Scope, place: string): Scope => {
  switch (step.kind) {
    case 'filter': {
      const type = checkExpr(step.predicate, before, place)
      if (type !== undefined && type.kind !== 'bool') {
        throw new SabotError('SCHEMA', `${place}: a filter needs a bool expression, this one is ${type.kind}.`, {
          where: { step: place },
        })
      }
      return before
    }
    case 'select': {
      const typed = step.columns.map(({ name, expr }) => ({ name, type: checkExpr(expr, before, place) }))
      checkNames(
        step.columns.map(({ name }) => name),
        place,
        step.columns,
      )
      return scopeOf(
        complete(typed),
        before,
        typed.map(({ name }) => name),
      )
    }
    case 'withColumns': {
      const typed = step.columns.map(({ name, expr }) => ({ name, type: checkExpr(expr, before, place) }))
      checkNames(
        step.columns.map(({ name }) => name),
        place,
        [],
      )
      const added = new Map(typed.map((column) => [column.name, column.type]))
      const names = before.names && [...new Set([...before.names, ...added.keys()])]
      const kept = before.fields?.map(({ name, type }) => ({ name, type: added.has(name) ? added.get(name) : type }))
      const fields = kept && complete([...kept, ...typed.filter(({ name }) => !before.names?.includes(name))])
      return scopeOf(fields, before, names)
    }
    case 'rename': {
      const map = new Map(step.names)
      for (const name of map.keys()) checkVisible(name, before, place)
      const names = before.names?.map((name) => map.get(name) ?? name)
      checkNames([...map.values()], place, [])
      if (names !== undefined) checkNames(names, place, undefined)
      const fields = before.fields?.map(({ name, type }) => ({ name: map.get(name) ?? name, type }))
      return scopeOf(fields, before, names)
    }
    case 'drop': {
      const gone = new Set(step.names)
      for (const name of gone) checkVisible(name, before, place)
      return scopeOf(
        before.fields?.filter(({ name }) => !gone.has(name)),
        before,
        before.names?.filter((name) => !gone.has(name)),
      )
    }
    case 'mapBatches':
      return { ...scopeOf(step.fields, before), messages: false }
    case 'map':
    case 'flatMap':
      return scopeOf(step.fields, before)
    case 'unnest': {
      checkVisible(step.column, before, place)
      return scopeOf(
        before.fields?.map((field) => (field.name === step.column ? itemOf(field, place) : field)),
        before,
        before.names,
      )
    }
    case 'limit':
      return before
  }
}

/** A key that is kept keeps its bytes; a column `$key` that is a number has them no more. */
const checkKept = ({ type }: Field, place: string): void => {
  if (type.kind === 'utf8' || type.kind === 'binary') return
  const text = type.kind === 'struct' || type.kind === 'list' ? 'JSON' : 'text'
  throw new SabotError(
    'SCHEMA',
    `${place}: the column "$key" is ${typeText(type)} here, and a record's key is bytes. Leave it out of the columns, or ` +
      `under another name, and the record keeps the message's own key; or say key: '$key' to write it as ${text}.`,
    { where: { column: '$key', step: place } },
  )
}

/** The names that an expression may use here. */
const nameable = (scope: Scope): readonly string[] => [
  ...(scope.names ?? []),
  ...(scope.messages ? messageColumns.filter((name) => !scope.names?.includes(name)) : []),
]

const messageNames = (keyType: KeyType): readonly MessageName[] =>
  isRawKey(keyType) ? messageColumns : [...messageColumns, '$keyValue']

export const fieldsInScope = (scope: Scope): readonly Field[] | undefined =>
  scope.fields && [
    ...scope.fields,
    ...(scope.messages
      ? messageNames(scope.keyType)
          .filter((name) => !scope.names?.includes(name))
          .map((name) => messageField(name, scope.keyType))
      : []),
  ]

const checkExpr = (written: Expr, scope: Scope, place: string): Field['type'] | undefined => {
  const expr = withPaths(written, scope)
  for (const name of exprColumns(expr)) {
    if (scope.names?.includes(name)) continue
    if (isMessageColumn(name) || (name === '$keyValue' && expr !== written)) {
      if (!scope.messages) throw messagesEnded(name, place)
      continue
    }
    if (scope.names !== undefined) throw noColumn(name, scope, place)
  }
  const fields = fieldsInScope(scope)
  if (fields === undefined) return undefined
  try {
    return exprType(expr, fields)
  } catch (error) {
    if (!(error instanceof SabotError)) throw error
    throw new SabotError(error.code, `${place}: ${error.message}`, {
      cause: error,
      where: { ...error.where, step: place },
    })
  }
}

const itemOf = ({ name, type }: Field, place: string): Field => {
  if (type.kind === 'list') return { name, type: type.item }
  throw new SabotError('SCHEMA', `${place}: expected a column of lists; "${name}" is ${typeText(type)}.`, {
    where: { column: name, step: place },
  })
}

const checkVisible = (name: string, scope: Scope, place: string): void => {
  if (scope.names !== undefined && !scope.names.includes(name)) throw noColumn(name, scope, place)
}

const noColumn = (name: string, scope: Scope, place: string): SabotError => {
  const names = nameable(scope)
  const columns = scope.names?.length ? scope.names.join(', ') : 'none'
  return new SabotError(
    'SCHEMA',
    `${place}: there is no column "${name}".${didYouMean(name, names)} The columns here: ${columns}.`,
    { where: { column: name, step: place } },
  )
}

const messagesEnded = (name: string, place: string): SabotError =>
  new SabotError(
    'SCHEMA',
    `${place}: "${name}" is a message column, and there are none here: a stream of batches has none, and after ` +
      `mapBatches rows may be new ones. Take it along as a column before: .withColumns({ key: col('${name}') }).`,
    { where: { column: name, step: place } },
  )

/** Names are unique, not empty; of the message columns only the new record's may be given values. */
const checkNames = (
  names: readonly string[],
  place: string,
  passing: readonly { readonly name: string; readonly expr: Expr }[] | undefined,
): void => {
  const seen = new Set<string>()
  for (const name of names) {
    if (seen.has(name)) {
      throw new SabotError('SCHEMA', `${place}: the column "${name}" is named twice.`, {
        where: { column: name, step: place },
      })
    }
    seen.add(name)
    if (passing === undefined || envelopeColumns.includes(name)) continue
    const itself = passing.some((column) => column.name === name && isColumn(column.expr, name))
    if (!itself && isInternal(name)) {
      throw new SabotError(
        'SCHEMA',
        `${place}: "${name}" is where a message came from and can not be given a value; ${envelopeColumns.join(', ')} can.`,
        { where: { column: name, step: place } },
      )
    }
  }
}

const isColumn = (expr: Expr, name: string): boolean => expr.node.kind === 'col' && expr.node.name === name

const complete = (
  columns: readonly { readonly name: string; readonly type: Field['type'] | undefined }[],
): readonly Field[] | undefined =>
  columns.every((column): column is Field => column.type !== undefined) ? columns : undefined
