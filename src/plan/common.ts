/**
 * Common sub-expressions: what a projection, or a filter and the projection behind it, computes twice is computed once,
 * as a hidden column in a projection of its own before them. Hidden columns are named `$1`, `$2`, ... and end at the
 * projection, which gives other columns only.
 *
 * An expression that may fail is shared only where it is computed for the same rows as before: not out of a branch of
 * `when`, and before a filter only if the filter's first term asks for it.
 */
import { Expr } from '../expr/expr.ts'
import { type CallNode, callNode, colNode, type Node } from '../expr/nodes.ts'
import { typeOf } from '../expr/typing.ts'
import type { Field } from '../schema.ts'
import { costOf, mayFail } from './cost.ts'
import type { PhysicalStep } from './physical.ts'

type Filter = Extract<PhysicalStep, { kind: 'filter' }>
type Project = Extract<PhysicalStep, { kind: 'project' }>

/** `fields`: those before the first step, message columns too; undefined: not known. */
export const shareCommon = (
  steps: readonly PhysicalStep[],
  fields: readonly Field[] | undefined,
): readonly PhysicalStep[] => {
  const shared: PhysicalStep[] = []
  const ids = new Identities()
  let known = fields
  for (const step of steps) {
    if (step.kind !== 'project' || step.open) {
      shared.push(step)
      if (step.kind !== 'filter' && step.kind !== 'limit') known = undefined
      continue
    }
    const before = shared.at(-1)
    if (before?.kind === 'filter') shared.pop()
    const filter = before?.kind === 'filter' ? before : undefined
    shared.push(...shareIn(filter, step, known, ids))
    known = fieldsAfter(step, known)
  }
  return shared
}

const fieldsAfter = ({ columns }: Project, before: readonly Field[] | undefined): readonly Field[] | undefined =>
  before && columns.map(({ name, expr }) => ({ name, type: typeOf(expr.node, before) }))

/** Equal nodes have equal numbers: those of their arguments, however deep, stand for these. */
class Identities {
  readonly #numbers = new Map<string, number>()
  readonly #known = new WeakMap<Node, number>()

  of(node: Node): number {
    const known = this.#known.get(node)
    if (known !== undefined) return known
    const parts: (string | number)[] = []
    if (node.kind === 'call') for (const arg of node.args) parts.push(this.of(arg))
    const key = node.kind === 'call' ? `${node.op}(${parts})` : leafKey(node)
    const number = this.#numbers.get(key) ?? this.#numbers.size
    this.#numbers.set(key, number)
    this.#known.set(node, number)
    return number
  }
}

const leafKey = (node: Exclude<Node, CallNode>): string => {
  if (node.kind === 'col') return `col ${node.name}`
  const { value } = node
  if (value instanceof Date) return `date ${value.getTime()}`
  return `${typeof value} ${Object.is(value, -0) ? '-0' : value}`
}

interface Place {
  readonly inFilter: boolean
  /** Computed for every row that comes to the filter, or else to the projection. */
  readonly always: boolean
}

/** One more than a comparison: an addition, a function of text. */
const MIN_COST = 2

const shareIn = (
  filter: Filter | undefined,
  project: Project,
  fields: readonly Field[] | undefined,
  ids: Identities,
): readonly PhysicalStep[] => {
  let terms = filter?.terms ?? []
  let columns = project.columns
  const early: Project[] = []
  const late: Project[] = []
  let types = fields
  for (let next = 1; ; ) {
    const hidden = [...early, ...late].flatMap((step) => step.columns)
    const found = mostCostly(
      [
        ...terms.map(({ predicate }, i) => ({ node: predicate.node, inFilter: true, always: i === 0 })),
        ...hidden.map(({ expr }, i) => ({ node: expr.node, inFilter: i < early.length, always: true })),
        ...columns.map(({ expr }) => ({ node: expr.node, inFilter: false, always: true })),
      ],
      types,
      ids,
    )
    if (found === undefined) break
    while (taken(`$${next}`, fields, terms, columns)) next++
    const name = `$${next++}`
    const stage: Project = {
      kind: 'project',
      number: project.number,
      columns: [{ name, expr: new Expr(found.node) }],
      open: true,
      without: [],
      hidden: true,
    }
    types &&= [...types, { name, type: typeOf(found.node, types) }]
    const wanted = ids.of(found.node)
    const replace = (expr: Expr): Expr => new Expr(replaced(expr.node, wanted, colNode(name), ids))
    const within = (steps: Project[]): void => {
      for (const [i, step] of steps.entries()) {
        steps[i] = { ...step, columns: step.columns.map((one) => ({ ...one, expr: replace(one.expr) })) }
      }
    }
    if (found.inFilter) {
      within(early)
      terms = terms.map((term) => ({ ...term, predicate: replace(term.predicate) }))
    }
    within(late)
    columns = columns.map((column) => ({ ...column, expr: replace(column.expr) }))
    insert(found.inFilter ? early : late, stage)
  }
  return [
    ...early,
    ...(filter === undefined ? [] : [early.length > 0 ? { ...filter, terms } : filter]),
    ...late,
    early.length + late.length > 0 ? { ...project, columns } : project,
  ]
}

/** What was found later mostly is a part of what was found before: first, but behind the hidden columns that it reads. */
const insert = (stages: Project[], stage: Project): void => {
  const { node } = stage.columns[0]!.expr
  const behind = stages.findLastIndex(({ columns }) => reads(node, columns[0]!.name))
  stages.splice(behind + 1, 0, stage)
}

const taken = (
  name: string,
  fields: readonly Field[] | undefined,
  terms: Filter['terms'],
  columns: Project['columns'],
): boolean =>
  fields?.some((field) => field.name === name) === true ||
  columns.some((column) => column.name === name || reads(column.expr.node, name)) ||
  terms.some(({ predicate }) => reads(predicate.node, name))

const reads = (node: Node, name: string): boolean => {
  if (node.kind === 'col') return node.name === name
  if (node.kind === 'call') for (const arg of node.args) if (reads(arg, name)) return true
  return false
}

/** The most costly call that stands at more than one place; undefined: nothing is computed twice. */
const mostCostly = (
  roots: readonly (Place & { readonly node: Node })[],
  fields: readonly Field[] | undefined,
  ids: Identities,
): { readonly node: CallNode; readonly inFilter: boolean } | undefined => {
  const seen = new Map<number, { readonly node: CallNode; readonly places: Place[] }>()
  const visit = (node: Node, place: Place): void => {
    if (node.kind !== 'call') return
    const id = ids.of(node)
    const known = seen.get(id)
    if (known === undefined) seen.set(id, { node, places: [place] })
    else known.places.push(place)
    const chooses = node.op === 'when' || node.op === 'coalesce'
    for (const [i, arg] of node.args.entries()) visit(arg, chooses && i > 0 ? { ...place, always: false } : place)
  }
  for (const { node, ...place } of roots) visit(node, place)
  let best: { readonly node: CallNode; readonly inFilter: boolean; readonly cost: number } | undefined
  for (const { node, places } of seen.values()) {
    if (places.length < 2) continue
    const inFilter = places.some((place) => place.inFilter)
    const cost = costOf(node, fields)
    if (cost < MIN_COST || cost <= (best?.cost ?? 0)) continue
    if (mayFail(node, fields) && !places.some((place) => place.always && place.inFilter === inFilter)) continue
    best = { node, inFilter, cost }
  }
  return best
}

const replaced = (node: Node, wanted: number, by: Node, ids: Identities): Node => {
  if (node.kind !== 'call') return node
  if (ids.of(node) === wanted) return by
  const args: Node[] = []
  for (const arg of node.args) args.push(replaced(arg, wanted, by, ids))
  return args.some((arg, i) => arg !== node.args[i]) ? callNode(node.op, args) : node
}
