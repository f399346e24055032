/**
 * Backward from the sink: which columns each step needs of the one before. What nobody reads afterwards is not computed,
 * and so can not fail either: an error is always that of a value which somebody wanted.
 */

import { exprColumns } from '../expr/columns.ts'
import { col, type Expr } from '../expr/expr.ts'
import { type BoundStep, fieldsInScope, type Scope } from './bind.ts'
import { mayFail } from './cost.ts'
import type { Envelope, PhysicalStep } from './physical.ts'
import { isInternal, type NamedExpr, type SinkStep, type SourceStep } from './steps.ts'

/** What is needed of the columns at a point. `all`: every one, where only the run knows which there are. */
export interface Need {
  all: boolean
  names: Set<string>
}

/** Says "all" in names, where they are known. */
export const close = (need: Need, names: readonly string[] | undefined): void => {
  if (!need.all || names === undefined) return
  need.all = false
  need.names = new Set([...names, ...need.names])
}

/** Needed names in the order of the columns; message columns behind them. */
export const inOrder = (need: Need, visible: readonly string[] | undefined): string[] => [
  ...(visible?.filter((name) => need.names.has(name)) ?? []),
  ...[...need.names].filter((name) => !visible?.includes(name)),
]

/** Adds a projection that gives the `given` columns, and the rest of what is needed as it is. */
export const project = (
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

/** What the end of a path needs. `computed`: the sink's own expressions, one more projection behind the last step. */
export const sinkNeeds = (
  sink: SinkStep,
  source: SourceStep,
  value: 'bytes' | 'columns' | undefined,
): { readonly envelope: Envelope; readonly computed: readonly NamedExpr[]; readonly need: Need } => {
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
    // A path that is not resolved yet is a column or a field of one: only the run knows.
    if (given.node.kind === 'col' && !given.node.name.includes('.')) {
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
const isExact = (source: Scope, earlier: readonly BoundStep[]): boolean =>
  source.messages &&
  earlier.every(({ step: { kind } }) => kind !== 'mapBatches' && kind !== 'flatMap' && kind !== 'unnest')

/**
 * Backward over the steps: what is needed behind them becomes what is needed before them. `earlier`: the steps before
 * these, on the way from the source.
 */
export const stepsBefore = (
  source: Scope,
  earlier: readonly BoundStep[],
  steps: readonly BoundStep[],
  need: Need,
): readonly PhysicalStep[] => {
  const through = [...earlier, ...steps]
  const physical: PhysicalStep[] = []
  for (const [index, step] of steps.toReversed().entries()) {
    needBefore(step, need, physical, isExact(source, through.slice(0, through.length - 1 - index)))
  }
  return physical.reverse()
}

/** Whether a name may be a path into a column that only the run knows: then every column is kept for it. */
const hasOpenPath = (exprs: readonly Expr[], { names }: Scope): boolean =>
  names === undefined && exprs.some((expr) => exprColumns(expr).some((name) => name.includes('.')))

/** Turns what is needed after a step into what is needed before it, and adds the step as it runs. */
const needBefore = (
  { step, number, before, after }: BoundStep,
  need: Need,
  steps: PhysicalStep[],
  exact: boolean,
): void => {
  switch (step.kind) {
    case 'filter':
      steps.push({ kind: 'filter', terms: [{ number, predicate: step.predicate }] })
      for (const name of exprColumns(step.predicate)) need.names.add(name)
      if (hasOpenPath([step.predicate], before)) need.all = true
      if (exact && mayFail(step.predicate.node, fieldsInScope(before))) need.names.add('$offset')
      return
    case 'select':
    case 'withColumns':
      project(steps, number, step.columns, need, after.names)
      if (
        hasOpenPath(
          step.columns.map(({ expr }) => expr),
          before,
        )
      )
        need.all = true
      if (exact && step.columns.some(({ expr }) => mayFail(expr.node, fieldsInScope(before)))) need.names.add('$offset')
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
    case 'unnest':
      steps.push({ ...step, number, keep: need.all ? undefined : [...need.names] })
      // How many rows there are is what the lists say, whether or not somebody reads their items.
      need.names.add(step.column)
      return
    case 'limit':
      steps.push({ kind: 'limit', number, count: step.count, exact })
      if (exact) need.names.add('$offset')
      return
  }
}

/** Which names are read before these steps run, where `sink` is what is read behind them. */
export const readBefore = (steps: readonly PhysicalStep[], sink: Need): Need => {
  const need: Need = { all: sink.all, names: new Set(sink.names) }
  for (const step of steps.toReversed()) {
    switch (step.kind) {
      case 'filter':
        for (const { predicate } of step.terms) for (const name of exprColumns(predicate)) need.names.add(name)
        break
      case 'project': {
        const given = step.columns.map(({ name }) => name)
        const kept = step.open ? [...need.names].filter((name) => !given.includes(name)) : []
        if (!step.open) need.all = false
        need.names = new Set([...kept, ...step.without, ...step.columns.flatMap(({ expr }) => exprColumns(expr))])
        break
      }
      case 'unnest':
        need.names.add(step.column)
        break
      case 'limit':
        break
      default:
        need.all = step.visible === undefined
        need.names = new Set([...step.carry, ...(step.visible ?? [])])
    }
    // Rows that fail, and a limit that cuts a batch, are told by their offset.
    need.names.add('$offset')
  }
  return need
}
