/**
 * From a bound plan to what runs: which columns the decoder builds, which conjuncts it answers itself, whether the
 * value's bytes pass through, and the steps that are left for TypeScript.
 *
 *   forward    each conjunct of each filter is looked at once, with the names its columns have at the source
 *   backward   from the sink: which columns each step needs of the one before
 */
import { col, type Expr, exprColumns } from '../expr/expr.ts'
import type { Node } from '../expr/nodes.ts'
import { operators } from '../expr/operators.ts'
import type { Field } from '../schema.ts'
import { type BoundPlan, type BoundStep, bind } from './bind.ts'
import { conjuncts, type Origins, type Predicate, pushDown } from './pushdown.ts'
import { isInternal, type MessageName, type NamedExpr, type Plan, type Step, type StepFunction } from './steps.ts'

/** A step as it runs. `number` is the plan's own count, for errors and explain(). */
export type PhysicalStep =
  | { readonly kind: 'filter'; readonly number: number; readonly predicate: Expr }
  | {
      readonly kind: 'project'
      readonly number: number
      readonly columns: readonly NamedExpr[]
      /** Where only the run knows the columns: those not named here stay as they are, but for `without`. */
      readonly open: boolean
      readonly without: readonly string[]
    }
  | {
      readonly kind: 'mapBatches' | 'map' | 'flatMap'
      readonly number: number
      readonly fn: StepFunction
      readonly fields: readonly Field[] | undefined
      /** The columns that the function sees; undefined: all but `carry`. */
      readonly visible: readonly string[] | undefined
      /** Message columns that go along with the rows. */
      readonly carry: readonly string[]
    }
  | {
      readonly kind: 'limit'
      readonly number: number
      readonly count: number
      /** Rows still are messages in order, so `$offset` says where a cut batch ends. */
      readonly exact: boolean
    }

/** The columns of the batches at the sink that become a record's parts. */
export interface Envelope {
  readonly key?: string
  readonly headers?: string
  readonly timestamp?: string
  readonly partition?: string
  readonly tombstone?: string
}

export interface Optimised {
  readonly bound: BoundPlan
  /** undefined: every column of the source, whose names are not known yet. */
  readonly columns: readonly { readonly field: Field; readonly emit: boolean }[] | undefined
  /** Names, where types are not known; for explain(). */
  readonly needed: readonly string[] | undefined
  readonly predicate: Predicate | undefined
  readonly pushed: readonly { readonly number: number; readonly predicate: Expr }[]
  readonly message: readonly MessageName[]
  readonly steps: readonly PhysicalStep[]
  /** The sink sends `$value` as it came, or encodes columns; undefined: the sink is not Kafka. */
  readonly value: 'bytes' | 'columns' | undefined
  readonly envelope: Envelope
}

export const optimise = (plan: Plan, fields: readonly Field[] | undefined): Optimised => {
  const bound = bind(plan, fields)
  const { remaining, pushed, predicates } = pushFilters(bound)
  const value = plan.sink.kind === 'kafka' ? (passesBytes(plan) ? 'bytes' : 'columns') : undefined
  const { envelope, computed, need } = sinkNeeds(bound, value)

  const steps: PhysicalStep[] = []
  if (computed.length > 0) {
    // The sink's own expressions are one more projection behind the last step.
    project(steps, bound.steps.length + 1, computed, need, bound.result.names)
  }
  for (const [index, step] of remaining.toReversed().entries()) {
    const earlier = remaining.slice(0, remaining.length - 1 - index)
    needBefore(step, need, steps, isExact(bound, earlier))
  }
  steps.reverse()
  close(need, bound.source.names)

  const known = bound.source.names
  const emitted = need.all
    ? undefined
    : inOrder(need, known).filter((name) => known?.includes(name) ?? !isInternal(name))
  const message = bound.source.messages
    ? ([...need.names].filter((name) => isInternal(name) && !known?.includes(name)) as MessageName[])
    : []
  const predicateOnly = [...new Set(pushed.flatMap(({ origins }) => origins))].filter(
    (name) => emitted !== undefined && !emitted.includes(name),
  )
  const sourceFields = new Map(bound.source.fields?.map((field) => [field.name, field]))
  const columns =
    bound.source.fields === undefined
      ? undefined
      : [
          ...(emitted ?? []).map((name) => ({ field: sourceFields.get(name)!, emit: true })),
          ...predicateOnly.map((name) => ({ field: sourceFields.get(name)!, emit: false })),
        ]
  const index = (name: string): number => columns!.findIndex(({ field }) => field.name === name)
  const pushedDown = columns && predicates.map((make) => make(index))
  return {
    bound,
    columns,
    needed: emitted,
    predicate: pushedDown === undefined || pushedDown.length === 0 ? undefined : conjunction(pushedDown),
    pushed: pushed.map(({ number, predicate }) => ({ number, predicate })),
    message,
    steps,
    value,
    envelope,
  }
}

const conjunction = (predicates: readonly Predicate[]): Predicate =>
  predicates.length === 1 ? predicates[0]! : ['and', predicates]

interface Pushed {
  readonly number: number
  readonly predicate: Expr
  /** The source's columns that it reads. */
  readonly origins: readonly string[]
}

/** Takes the conjuncts that the decoder can answer out of the filters before the first barrier. */
const pushFilters = (bound: BoundPlan) => {
  const remaining: BoundStep[] = []
  const pushed: Pushed[] = []
  const predicates: ((index: (name: string) => number) => Predicate)[] = []
  let origins: Origins | undefined =
    bound.source.messages && bound.source.fields !== undefined
      ? new Map(bound.source.fields.map((field) => [field.name, field]))
      : undefined
  for (const step of bound.steps) {
    const { step: logical, number } = step
    if (logical.kind !== 'filter' || origins === undefined) {
      remaining.push(step)
      origins = origins && originsAfter(logical, origins)
      continue
    }
    for (const predicate of conjuncts(logical.predicate)) {
      const make = pushDown(predicate, origins)
      if (make === undefined) {
        remaining.push({ ...step, step: { kind: 'filter', predicate } })
        continue
      }
      const from = origins
      predicates.push(make)
      pushed.push({ number, predicate, origins: exprColumns(predicate).map((name) => from.get(name)!.name) })
    }
  }
  return { remaining, pushed, predicates }
}

/** Which names still stand for a column of the source after a step; undefined: nothing passes this step. */
const originsAfter = (step: Step, origins: Origins): Origins | undefined => {
  const same = (expr: Expr): Field | undefined => (expr.node.kind === 'col' ? origins.get(expr.node.name) : undefined)
  switch (step.kind) {
    case 'filter':
    case 'drop':
      return origins
    case 'select':
    case 'withColumns': {
      const after = new Map(step.kind === 'select' ? [] : origins)
      for (const { name, expr } of step.columns) {
        const origin = same(expr)
        if (origin === undefined) after.delete(name)
        else after.set(name, origin)
      }
      return after
    }
    case 'rename': {
      const after = new Map(origins)
      for (const [from] of step.names) after.delete(from)
      for (const [from, to] of step.names) {
        const origin = origins.get(from)
        if (origin === undefined) after.delete(to)
        else after.set(to, origin)
      }
      return after
    }
    default:
      return undefined
  }
}

/** Whether the value that is written is the value that was read. */
const passesBytes = ({ source, steps, sink }: Plan): boolean =>
  sink.kind === 'kafka' &&
  source.kind === 'kafka' &&
  source.codec === sink.codec &&
  // Options of one side alone say how to parse or to print; bytes that pass are neither.
  Object.keys(sink.codecOptions).every(
    (name) => !Object.hasOwn(source.codecOptions, name) || sink.codecOptions[name] === source.codecOptions[name],
  ) &&
  steps.every(({ kind }) => kind === 'filter' || kind === 'limit')

/** What is needed of the columns at a point. `all`: every one, where only the run knows which there are. */
interface Need {
  all: boolean
  names: Set<string>
}

/** Says "all" in names, where they are known. */
const close = (need: Need, names: readonly string[] | undefined): void => {
  if (!need.all || names === undefined) return
  need.all = false
  need.names = new Set([...names, ...need.names])
}

/** Needed names in the order of the columns; message columns behind them. */
const inOrder = (need: Need, visible: readonly string[] | undefined): string[] => [
  ...(visible?.filter((name) => need.names.has(name)) ?? []),
  ...[...need.names].filter((name) => !visible?.includes(name)),
]

/** Adds a projection that gives the `given` columns, and the rest of what is needed as it is. */
const project = (
  steps: PhysicalStep[],
  number: number,
  given: readonly NamedExpr[],
  need: Need,
  after: readonly string[] | undefined,
  without: readonly string[] = [],
): void => {
  close(need, after)
  const open = need.all
  const byName = new Map(given.map(({ name, expr }) => [name, expr]))
  const names = open ? [...byName.keys()] : inOrder(need, after)
  const columns = names.map((name) => ({ name, expr: byName.get(name) ?? col(name) }))
  const passes = ({ name, expr }: NamedExpr): boolean => expr.node.kind === 'col' && expr.node.name === name
  // Columns that are not needed may lie in a batch: every reader picks its columns by name.
  if (open ? columns.length + without.length > 0 : !columns.every(passes)) {
    steps.push({ kind: 'project', number, columns, open, without })
  }
  const rest = open ? [...need.names].filter((name) => !byName.has(name)) : []
  need.names = new Set([...columns.flatMap(({ expr }) => exprColumns(expr)), ...rest])
}

const sinkNeeds = (bound: BoundPlan, value: Optimised['value']) => {
  const { sink, source } = bound.plan
  const need: Need = { all: value !== 'bytes', names: new Set() }
  const computed: NamedExpr[] = []
  if (sink.kind !== 'kafka') return { envelope: {}, computed, need }
  const carried = source.kind === 'kafka'
  const part = (given: Expr | 'keep' | null, name: string): string | undefined => {
    if (given === null) return undefined
    if (given === 'keep') {
      // Batches have no envelope, but for the columns that a step or a user's function gave these names.
      if (carried) need.names.add(name)
      return name
    }
    if (given.node.kind === 'col') {
      need.names.add(given.node.name)
      return given.node.name
    }
    computed.push({ name, expr: given })
    need.names.add(name)
    return name
  }
  const key = part(sink.key, '$key')
  const headers = part(sink.headers, '$headers')
  const timestamp = part(sink.timestamp, '$timestamp')
  const partition = part(sink.partition, '$partition')
  if (value === 'bytes') need.names.add('$value')
  const tombstone = value === 'columns' && carried ? '$tombstone' : undefined
  if (tombstone !== undefined) need.names.add(tombstone)
  // A row that can not be sent (its value has no text, or the record is too large) is reported with its offset.
  if (carried) need.names.add('$offset')
  const envelope: Envelope = {
    ...(key === undefined ? {} : { key }),
    ...(headers === undefined ? {} : { headers }),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...(partition === undefined ? {} : { partition }),
    ...(tombstone === undefined ? {} : { tombstone }),
  }
  return { envelope, computed, need }
}

/** Whether the rows before a step still are messages in their order. */
const isExact = (bound: BoundPlan, earlier: readonly BoundStep[]): boolean =>
  bound.source.messages && earlier.every(({ step: { kind } }) => kind !== 'mapBatches' && kind !== 'flatMap')

/** Integers may leave 64 bits: such a row is reported with its offset. */
const mayFail = (node: Node): boolean =>
  node.kind === 'call' && (operators[node.op].fallible || node.args.some(mayFail))

/** Turns what is needed after a step into what is needed before it, and adds the step as it runs. */
const needBefore = (
  { step, number, before, after }: BoundStep,
  need: Need,
  steps: PhysicalStep[],
  exact: boolean,
): void => {
  switch (step.kind) {
    case 'filter':
      steps.push({ kind: 'filter', number, predicate: step.predicate })
      for (const name of exprColumns(step.predicate)) need.names.add(name)
      if (exact && mayFail(step.predicate.node)) need.names.add('$offset')
      return
    case 'select':
    case 'withColumns':
      project(steps, number, step.columns, need, after.names)
      if (exact && step.columns.some(({ expr }) => mayFail(expr.node))) need.names.add('$offset')
      return
    case 'rename': {
      const given = step.names.map(([from, to]) => ({ name: to, expr: col(from) }))
      const from = step.names.map(([name]) => name)
      project(steps, number, given, need, after.names, from)
      return
    }
    case 'drop':
      project(steps, number, [], need, after.names, step.names)
      return
    case 'mapBatches':
    case 'map':
    case 'flatMap': {
      const carry = [...need.names].filter((name) => isInternal(name) && !before.names?.includes(name))
      steps.push({ kind: step.kind, number, fn: step.fn, fields: step.fields, visible: before.names, carry })
      need.all = true
      need.names = new Set(carry)
      close(need, before.names)
      return
    }
    case 'limit':
      steps.push({ kind: 'limit', number, count: step.count, exact })
      if (exact) need.names.add('$offset')
      return
  }
}
