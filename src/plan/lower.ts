/**
 * Lowering: the longest beginning of the steps that the source can run after decoding, as `DecodePlan.program`. A filter
 * and a projection of which only a part is native are divided: that part is computed there, the rest reads its result.
 */
import { col } from '../expr/expr.ts'
import { print, shownName } from '../expr/print.ts'
import { typeOf } from '../expr/typing.ts'
import type { ColumnType, Field } from '../schema.ts'
import { mayFail } from './cost.ts'
import { fieldsOf, lowerExpr, type NativeExpr, type Place, type Places, stays } from './native.ts'
import { type Need, readBefore } from './needs.ts'
import type { PhysicalStep } from './physical.ts'
import { isInternal } from './steps.ts'

export type NativeStep =
  | { readonly kind: 'filter'; readonly expr: NativeExpr; readonly text: string }
  | { readonly kind: 'compute'; readonly expr: NativeExpr; readonly type: ColumnType; readonly text: string }

/** Columns by number: those of the decode plan, then its message columns, then one a `compute`, in order. */
export interface NativeProgram {
  readonly steps: readonly NativeStep[]
  /** The columns of the batches that are handed over, in order. */
  readonly output: readonly { readonly name: string; readonly column: number }[]
}

/** What explain() says of a step, or of a part of one. */
export interface Note {
  readonly number: number
  readonly text: string
}

export interface Lowered {
  /** undefined: nothing is native, the batches are what was decoded. */
  readonly program: NativeProgram | undefined
  /** What is left for TypeScript. */
  readonly steps: readonly PhysicalStep[]
  /** What the program does, a line a fact. */
  readonly native: readonly Note[]
  /** Why the first of the remaining steps is not native. */
  readonly reasons: readonly Note[]
}

export interface Decoded {
  readonly columns: readonly { readonly field: Field; readonly emit: boolean }[]
  readonly message: readonly Field[]
}

/** Where the source runs no programs. */
export const unlowered = (steps: readonly PhysicalStep[]): Lowered => ({
  program: undefined,
  steps,
  native: [],
  reasons: [],
})

/** `sink`: what is read behind the steps. */
export const lower = (steps: readonly PhysicalStep[], decoded: Decoded, sink: Need): Lowered => {
  const offset = decoded.columns.length
  let places: Places = new Map<string, Place>([
    // What is read for the predicate alone is not there any more.
    ...decoded.columns.flatMap(({ field, emit }, column): [string, Place][] =>
      emit ? [[field.name, { column, type: field.type }]] : [],
    ),
    ...decoded.message.map((field, i): [string, Place] => [field.name, { column: offset + i, type: field.type }]),
  ])
  const first = places
  const program: NativeStep[] = []
  const native: Note[] = []
  const reasons: Note[] = []
  let computed = offset + decoded.message.length
  let rest = steps
  for (const step of steps) {
    if (step.kind === 'filter') {
      const left: (typeof step.terms)[number][] = []
      for (const term of step.terms) {
        const { node } = term.predicate
        const expr = lowerExpr(node, places)
        const text = print(node)
        if ('reason' in expr) reasons.push({ number: term.number, text: `filter ${text}: ${expr.reason}` })
        // One that may fail is asked after those before it, wherever these are.
        if ('reason' in expr || (left.length > 0 && mayFail(node, fieldsOf(places)))) left.push(term)
        else {
          program.push({ kind: 'filter', expr, text })
          native.push({ number: term.number, text: `filter ${text}` })
        }
      }
      rest = [...(left.length > 0 ? [{ ...step, terms: left }] : []), ...rest.slice(1)]
      if (left.length > 0) break
    } else if (step.kind === 'project') {
      const made = lowerProject(step, places, computed)
      reasons.push(...made.reasons)
      if (made.steps.length === 0 && made.left !== undefined) break
      program.push(...made.steps)
      native.push({ number: step.number, text: made.text })
      computed += made.steps.length
      places = made.places
      rest = [...(made.left === undefined ? [] : [made.left]), ...rest.slice(1)]
      if (made.left !== undefined) break
    } else {
      reasons.push({ number: step.number, text: `${step.kind}: ${whyNot[step.kind]}` })
      break
    }
  }
  if (program.length === 0 && places === first) return { program: undefined, steps: rest, native, reasons }
  const read = readBefore(rest, sink)
  const isRead = (name: string): boolean => read.names.has(name) || (read.all && !isInternal(name))
  const output = [...places].filter(([name]) => isRead(name)).map(([name, { column }]) => ({ name, column }))
  return { program: { steps: program, output }, steps: rest, native, reasons }
}

const yourFunction = 'a function of yours runs in JavaScript'

const whyNot: Readonly<Record<Exclude<PhysicalStep['kind'], 'filter' | 'project'>, string>> = {
  mapBatches: yourFunction,
  map: yourFunction,
  flatMap: yourFunction,
  unnest: 'rows are repeated in TypeScript',
  limit: 'rows are counted in JavaScript, over all partitions',
}

type Project = Extract<PhysicalStep, { kind: 'project' }>

interface LoweredProject {
  readonly places: Places
  readonly steps: readonly NativeStep[]
  /** For explain(). */
  readonly text: string
  /** What is left where some column is not native: it reads those that are by hidden names. */
  readonly left: Project | undefined
  readonly reasons: readonly Note[]
}

const lowerProject = (step: Project, places: Places, next: number): LoweredProject => {
  const { number, columns, open, without } = step
  const fields = fieldsOf(places)
  const after = new Map<string, Place>(open ? [...places].filter(([name]) => !without.includes(name)) : [])
  const computed = new Map<string, Place>()
  const steps: NativeStep[] = []
  const texts: string[] = []
  const reasons: Note[] = []
  for (const { name, expr } of columns) {
    const { node } = expr
    const text = print(node)
    const lowered = node.kind === 'lit' && node.value === null ? stays('a column of nulls') : lowerExpr(node, places)
    if ('reason' in lowered) {
      reasons.push({ number, text: `${name} = ${text}: ${lowered.reason}` })
      continue
    }
    if (node.kind === 'col') {
      after.set(name, places.get(node.name)!)
      if (name !== shownName(node.name)) texts.push(`${name} = ${text}`)
      continue
    }
    const place = { column: next + steps.length, type: typeOf(node, fields) }
    after.set(name, place)
    computed.set(name, place)
    steps.push({ kind: 'compute', expr: lowered, type: place.type, text })
    texts.push(`${name} = ${text}`)
  }
  const what = step.hidden ? 'computed once: ' : 'columns '
  const text = `${what}${(texts.length > 0 ? texts : columns.map(({ name }) => name)).join(', ')}`
  if (reasons.length === 0) return { places: after, steps, text, left: undefined, reasons }
  const hidden = hiddenNames([...computed.keys()], places)
  const shown = [...computed.keys()].map((name) => `${name} = ${columns.find((one) => one.name === name)!.expr}`)
  return {
    places: new Map([...places, ...[...computed].map(([name, place]): [string, Place] => [hidden.get(name)!, place])]),
    steps,
    text: `${what}${shown.join(', ')}`,
    left: {
      ...step,
      columns: columns.map(({ name, expr }) => ({ name, expr: computed.has(name) ? col(hidden.get(name)!) : expr })),
      without: open ? [...without, ...hidden.values()] : without,
    },
    reasons,
  }
}

/** A name that no column has for each: the columns that are left still read what has these names now. */
const hiddenNames = (names: readonly string[], places: Places): ReadonlyMap<string, string> => {
  let next = 1
  const free = (): string => {
    while (places.has(`$${next}`)) next++
    return `$${next++}`
  }
  return new Map(names.map((name) => [name, free()]))
}
