/**
 * Filters, one conjunct a step while they are moved about: towards the source, past projections that do not compute what
 * they read and past unnest; then cheap ones first; then into the decoder what it can answer.
 *
 * No move adds an error. A conjunct that may fail is never asked about rows that it would not have been asked about as
 * the plan was written: it passes no other conjunct. What cannot fail may come before it, and then there may be fewer
 * errors than as written: rows that are filtered out are nobody's.
 */

import { exprColumns } from '../expr/columns.ts'
import { Expr } from '../expr/expr.ts'
import { type Node, withColumnNames } from '../expr/nodes.ts'
import type { Field } from '../schema.ts'
import { type BoundStep, fieldsInScope, type Scope } from './bind.ts'
import { costOf, mayFail } from './cost.ts'
import type { Note } from './lower.ts'
import { isNativeExpr } from './native.ts'
import type { PhysicalStep } from './physical.ts'
import { conjuncts, isFalse, never, type Predicate, pushDown } from './pushdown.ts'
import { isInternal, type Step } from './steps.ts'

type BoundFilter = BoundStep & { readonly step: Extract<Step, { kind: 'filter' }> }

const isFilter = (step: BoundStep): step is BoundFilter => step.step.kind === 'filter'

/** One step a conjunct. */
export const splitFilters = (steps: readonly BoundStep[]): readonly BoundStep[] =>
  steps.flatMap((step) =>
    isFilter(step)
      ? conjuncts(step.step.predicate).map((predicate): BoundStep => ({ ...step, step: { kind: 'filter', predicate } }))
      : [step],
  )

const fails = ({ step, before }: BoundFilter): boolean => mayFail(step.predicate.node, fieldsInScope(before))

/**
 * Moves filters before the projections that do not compute what they read. `native`: the source runs programs; then a
 * filter for TypeScript stays behind a projection that the source can compute, which else would have to follow it.
 */
export const hoistFilters = (steps: readonly BoundStep[], native: boolean): readonly BoundStep[] => {
  const moved: BoundStep[] = []
  for (const step of steps) {
    if (!isFilter(step)) {
      moved.push(step)
      continue
    }
    const fallible = fails(step)
    const stays = native && !isNativeExpr(step.step.predicate.node, fieldsInScope(step.before))
    let place = moved.length
    let { node } = step.step.predicate
    for (let i = moved.length - 1; i >= 0; i--) {
      const passed = moved[i]!
      if (isFilter(passed)) {
        if (fallible) break
        continue
      }
      // A row without items is not asked as it is written; an error of it would be one more.
      if (fallible && passed.step.kind === 'unnest') break
      const before = nodeBefore(passed, node)
      if (before === undefined || (stays && isNativeStep(passed))) break
      node = before
      place = i
    }
    if (place === moved.length) moved.push(step)
    else {
      const scope = moved[place]!.before
      const predicate = new Expr(node)
      moved.splice(place, 0, { ...step, step: { kind: 'filter', predicate }, before: scope, after: scope })
    }
  }
  return moved
}

const isNativeStep = ({ step, before }: BoundStep): boolean =>
  step.kind === 'select' || step.kind === 'withColumns'
    ? step.columns.every(({ expr }) => isNativeExpr(expr.node, fieldsInScope(before)))
    : step.kind !== 'unnest'

/** The same expression over the columns before a step; undefined where the step makes what it reads, or rows may be others. */
const nodeBefore = ({ step, before: { names: known } }: BoundStep, node: Node): Node | undefined => {
  const name = nameBefore(step)
  if (name === undefined) return undefined
  // Where only the run knows the columns, `a.b` may be a path: it is found among those that the filter was written for.
  if (known === undefined && exprColumns(new Expr(node)).some((column) => column.includes('.'))) return undefined
  const names = new Map(exprColumns(new Expr(node)).map((after) => [after, name(after)]))
  for (const before of names.values()) if (before === undefined) return undefined
  return withColumnNames(node, (after) => names.get(after)!)
}

const nameBefore = (step: Step): ((after: string) => string | undefined) | undefined => {
  switch (step.kind) {
    case 'drop':
      return (name) => name
    case 'select':
    case 'withColumns': {
      const given = new Map(step.columns.map(({ name, expr }) => [name, expr.node]))
      return (name) => {
        const node = given.get(name)
        if (node !== undefined) return node.kind === 'col' ? node.name : undefined
        // Message columns go along with a select too.
        return step.kind === 'withColumns' || isInternal(name) ? name : undefined
      }
    }
    case 'rename': {
      const from = new Map(step.names.map(([before, after]) => [after, before]))
      return (name) => from.get(name) ?? name
    }
    case 'unnest':
      return (name) => (name === step.column ? undefined : name)
    default:
      return undefined
  }
}

/** Within neighbours, cheap ones first; whatever was before one that may fail stays before it. */
export const orderFilters = (steps: readonly BoundStep[]): readonly BoundStep[] => {
  const ordered: BoundStep[] = []
  let run: BoundFilter[] = []
  const end = (): void => {
    ordered.push(...cheapFirst(run))
    run = []
  }
  for (const step of steps) {
    if (isFilter(step)) run.push(step)
    else {
      end()
      ordered.push(step)
    }
  }
  end()
  return ordered
}

const cheapFirst = (run: readonly BoundFilter[]): readonly BoundFilter[] => {
  if (run.length < 2) return run
  const fields = fieldsInScope(run[0]!.before)
  const waiting = run.map((step, place) => ({
    step,
    place,
    cost: costOf(step.step.predicate.node, fields),
    fallible: fails(step),
  }))
  const ordered: BoundFilter[] = []
  while (waiting.length > 0) {
    const [first] = waiting
    // One that may fail is ready once nothing that was written before it waits.
    const ready = waiting.filter((one) => !one.fallible || one.place === first!.place)
    const next = ready.reduce((best, one) => (one.cost < best.cost ? one : best))
    waiting.splice(waiting.indexOf(next), 1)
    ordered.push(next.step)
  }
  return ordered
}

export interface PushedFilters {
  /** What is left, in order. */
  readonly remaining: readonly BoundStep[]
  readonly pushed: readonly {
    readonly number: number
    readonly predicate: Expr
    /** The source's columns that it reads. */
    readonly columns: readonly string[]
  }[]
  readonly predicates: readonly ((index: (name: string) => number) => Predicate)[]
  /** The filters that are left, and why. */
  readonly unpushed: readonly Note[]
}

/** Takes the conjuncts that the decoder can answer out of the filters that the plan begins with. */
export const pushFilters = (source: Scope, steps: readonly BoundStep[]): PushedFilters => {
  const fields: readonly Field[] = (source.messages ? source.fields : undefined) ?? []
  if (fields.length === 0) return { remaining: steps, pushed: [], predicates: [], unpushed: [] }
  const origins = new Map(fields.map((field) => [field.name, field]))
  const end = steps.findIndex((step) => !isFilter(step))
  const filters = steps.slice(0, end === -1 ? steps.length : end) as readonly BoundFilter[]
  const behind = steps.slice(filters.length)
  const impossible = filters.find(({ step }) => isFalse(step.predicate))
  if (impossible !== undefined) {
    // No row is left for the others to be asked about.
    const { number, step } = impossible
    const pushed = [{ number, predicate: step.predicate, columns: [] }]
    return { remaining: behind, pushed, predicates: [() => never], unpushed: [] }
  }
  const left: BoundStep[] = []
  const pushed: PushedFilters['pushed'][number][] = []
  const predicates: PushedFilters['predicates'][number][] = []
  const unpushed: Note[] = []
  const stays = ({ number, step }: BoundFilter, reason: string): void => {
    unpushed.push({ number, text: `filter ${step.predicate}: ${reason}` })
  }
  for (const filter of filters) {
    const { predicate } = filter.step
    const make = pushDown(predicate, origins)
    if ('reason' in make) {
      left.push(filter)
      stays(filter, make.reason)
    } else {
      predicates.push(make)
      pushed.push({ number: filter.number, predicate, columns: exprColumns(predicate) })
    }
  }
  for (const step of behind) if (isFilter(step)) stays(step, `it stands behind step ${behind[0]!.number}`)
  return { remaining: [...left, ...behind], pushed, predicates, unpushed }
}

/** Neighbouring filters as one: one selection is made of all. */
export const fuseFilters = (steps: readonly PhysicalStep[]): readonly PhysicalStep[] => {
  const fused: PhysicalStep[] = []
  for (const step of steps) {
    const before = fused.at(-1)
    if (step.kind === 'filter' && before?.kind === 'filter') {
      fused[fused.length - 1] = { ...before, terms: [...before.terms, ...step.terms] }
    } else fused.push(step)
  }
  return fused
}
