/** Both plans as text: what was written, and what runs. */
import type { Expr } from '../expr/expr.ts'
import { shownName } from '../expr/print.ts'
import { type Field, sameType, typeText } from '../schema.ts'
import { fusion } from './fusion.ts'
import type { Note } from './lower.ts'
import { optimise } from './optimise.ts'
import type { OptimisedPath } from './paths.ts'
import type { PhysicalStep } from './physical.ts'
import { isNever } from './pushdown.ts'
import {
  envelopeColumns,
  isInternal,
  type KafkaSinkStep,
  type NamedExpr,
  type Plan,
  type SinkStep,
  type Step,
} from './steps.ts'

/** What explain() says beside the plan itself. */
export interface ExplainContext {
  /** The option `backend` and what it comes to; undefined: the plan needs none. */
  readonly backend: string | undefined
  /** Its source runs native programs. */
  readonly programs: boolean
  /** Why a run is not fused here, whatever its plan; undefined: it may be. */
  readonly unfused: string | undefined
  readonly guarantee: string
}

/** Throws SCHEMA where the plan names columns that its source does not have. */
export const explain = (plan: Plan, context: ExplainContext): string => {
  const optimised = optimise(plan, plan.source.fields, { native: context.programs })
  return [
    'Plan as written',
    ...[sourceTitle(plan), ...writtenText(plan, 1)].map(indent),
    '',
    'Plan as it runs',
    ...decodeText(plan, optimised).map(indent),
    ...nativeText(optimised, context).map(indent),
    ...runningText(plan, optimised).map(indent),
    ...fusedText(optimised, context).map(indent),
    indent(`backend: ${context.backend ?? 'none: nothing is read from or written to Kafka'}; ${context.guarantee}`),
  ].join('\n')
}

const indent = (line: string): string => `  ${line}`

const branchesText = <T>(branches: readonly T[], text: (branch: T) => readonly string[]): string[] =>
  branches.flatMap((branch, i) => [`branch ${i + 1}`, ...text(branch).map(indent)])

/** Steps are counted along each path from the source; a fanOut itself is none. */
const writtenText = ({ steps, sink }: Pick<Plan, 'steps' | 'sink'>, first: number): string[] => {
  const next = first + steps.length
  const end =
    sink.kind === 'fanOut'
      ? ['fanOut', ...branchesText(sink.branches, (branch) => writtenText(branch, next)).map(indent)]
      : [`${next} ${sinkText(sink)}`]
  return [...steps.map((step, i) => `${first + i} ${stepText(step)}`), ...end]
}

/** What the source computes after decoding, and why it does not go on. */
const nativeText = (optimised: ReturnType<typeof optimise>, { programs }: ExplainContext): string[] => {
  const { bound, native, reasons, steps, branches } = optimised
  // Of inferred columns it is known at run time.
  if (bound.plan.source.kind !== 'kafka' || optimised.columns === undefined) return []
  const why = (text: string): string => `not native: ${text}`
  const inBranches = branches.some(hasSteps)
  if (!programs) return steps.length > 0 || inBranches ? [why('this backend computes in TypeScript')] : []
  const first = reasons.length === 0 ? Number.POSITIVE_INFINITY : Math.max(...reasons.map(({ number }) => number))
  return [
    ...(native.length === 0 ? [] : ['natively, after decoding:', ...native.map(noteText).map(indent)]),
    ...reasons.map((note) => why(noteText(note))),
    ...(steps.flatMap(numbersOf).some((number) => number > first) ? [why('what comes behind that')] : []),
    ...(inBranches ? [why('steps of branches')] : []),
  ]
}

const hasSteps = ({ steps, branches }: OptimisedPath): boolean => steps.length > 0 || branches.some(hasSteps)

const numbersOf = (step: PhysicalStep): readonly number[] =>
  step.kind === 'filter' ? step.terms.map(({ number }) => number) : [step.number]

const noteText = ({ number, text }: Note): string => `${number} ${text}`

const runningText = (plan: Plan, path: OptimisedPath): string[] => {
  const { steps, branches } = path
  const shared = branches.length === 0 ? '' : ', once for all branches'
  return [
    ...(steps.length === 0
      ? [`no step runs in TypeScript${shared}`]
      : [`in TypeScript${shared}:`, ...steps.flatMap(physicalText).map(indent)]),
    ...(branches.length === 0 ? writeText(plan, path) : branchesText(branches, (branch) => runningText(plan, branch))),
  ]
}

const sourceTitle = ({ source }: Plan): string => {
  const columns = source.fields === undefined ? 'columns are inferred at run time' : fieldList(source.fields)
  return source.kind === 'kafka'
    ? `fromKafka ${source.title}, ${source.codec}: ${columns}`
    : `fromBatches: ${source.fields === undefined ? 'columns are those of the first batch' : columns}`
}

const fieldList = (fields: readonly Field[]): string =>
  fields.map(({ name, type }) => `${name} ${typeText(type)}`).join(', ')

const named = ({ name, expr }: NamedExpr): string => {
  const shown = shownName(name)
  return isColumn(expr, shown) ? shown : `${shown} = ${expr}`
}

const isColumn = (expr: Expr, name: string): boolean => expr.node.kind === 'col' && shownName(expr.node.name) === name

const functionText = (kind: string, fields: readonly Field[] | undefined): string =>
  fields === undefined ? kind : `${kind} -> ${fieldList(fields)}`

const stepText = (step: Step): string => {
  switch (step.kind) {
    case 'filter':
      return `filter ${step.predicate}`
    case 'select':
    case 'withColumns':
      return `${step.kind} ${step.columns.map(named).join(', ')}`
    case 'rename':
      return `rename ${step.names.map(([from, to]) => `${from} to ${to}`).join(', ')}`
    case 'drop':
      return `drop ${step.names.join(', ')}`
    case 'unnest':
      return `unnest ${step.column}${step.keepEmpty ? ', empty ones too' : ''}`
    case 'limit':
      return `limit ${step.count}`
    default:
      return functionText(step.kind, step.fields)
  }
}

const sinkText = (sink: SinkStep): string => {
  if (sink.kind !== 'kafka') return sink.kind === 'iterate' ? 'for await' : sink.kind
  const parts = (['key', 'headers', 'timestamp'] as const).flatMap((part) => {
    const given = sink[part]
    return given === 'keep' ? [] : [`${part} ${given === null ? 'none' : given}`]
  })
  if (sink.partition !== null) parts.push(`partition ${sink.partition}`)
  return [`toKafka ${sink.title}, ${sink.codec}`, ...parts].join(', ')
}

const decodeText = (plan: Plan, optimised: ReturnType<typeof optimise>): string[] => {
  const { columns, needed, pushed, unpushed, predicate, message } = optimised
  if (predicate !== undefined && isNever(predicate)) {
    const filters = pushed.map(({ number, predicate }) => `${number} filter ${predicate}`)
    return [`decode nothing: no row passes ${filters.join(' and ')}; positions move on`]
  }
  if (plan.source.kind === 'batches') {
    return [`take ${needed === undefined ? 'every column' : list(needed)} of each batch`]
  }
  const lines: string[] = []
  if (columns !== undefined) {
    const whole = new Map(plan.source.fields!.map(({ name, type }) => [name, type]))
    // A struct without the fields that nobody reads.
    const emitted = columns
      .filter(({ emit }) => emit)
      .map(({ field: { name, type } }) => (sameType(type, whole.get(name)!) ? name : `${name} ${typeText(type)}`))
    const tested = columns.filter(({ emit }) => !emit).map(({ field }) => field.name)
    const all = plan.source.fields!.length
    lines.push(`decode ${columns.length} of ${all} columns: ${list(emitted)}`)
    if (tested.length > 0) lines.push(`read for the predicate alone: ${list(tested)}`)
    if (pushed.length > 0) {
      lines.push('answered by the decoder:')
      for (const { number, predicate } of pushed) lines.push(indent(`${number} filter ${predicate}`))
    }
    lines.push(...unpushed.map((note) => `not answered by the decoder: ${noteText(note)}`))
  } else {
    lines.push(
      `decode ${needed === undefined ? 'every column' : list(needed)}; columns are inferred at run time, and then ` +
        'simple filters move into the decoder',
    )
  }
  if (message.length > 0) lines.push(`of each message: ${list(message)}`)
  return lines
}

const list = (names: readonly string[]): string =>
  names.length === 0 ? 'none' : [...new Set(names.map(shownName))].join(', ')

const physicalText = (step: PhysicalStep): string | string[] => {
  switch (step.kind) {
    case 'filter':
      return step.terms.map(({ number, predicate }) => `${number} filter ${predicate}`)
    case 'project': {
      const columns = step.columns.map(named)
      if (step.hidden) return `${step.number} computed once: ${columns.join(', ')}`
      const rest = step.open ? ['the other columns'] : []
      return `${step.number} columns ${[...columns, ...rest].join(', ')}`
    }
    case 'unnest':
      return `${step.number} unnest ${step.column}, repeats ${
        step.keep === undefined ? 'every column' : list(step.keep.filter((name) => name !== step.column))
      }`
    case 'limit':
      return `${step.number} limit ${step.count}`
    default:
      return `${step.number} ${step.kind} of ${step.visible === undefined ? 'every column' : list(step.visible)}`
  }
}

const writeText = (plan: Plan, { value, encodes, envelope, bound }: OptimisedPath): string[] => {
  const { sink } = bound
  if (sink.kind !== 'kafka') return [sinkText(sink)]
  const names = bound.result.names?.filter((name) => !isInternal(name))
  const what =
    value === 'bytes'
      ? "the value's bytes as they came (no step changes it)"
      : `${sink.codec} of ${names === undefined ? 'every column' : list(names)}`
  const why = encodes === undefined ? [] : [`encodes columns: ${encodes}`]
  return [`write ${sink.title}: ${what}`, ...why, ...keptText(plan, sink, Object.keys(envelope))]
}

const fusedText = (optimised: ReturnType<typeof optimise>, { unfused }: ExplainContext): string[] => {
  const { source, sink } = optimised.bound.plan
  if (source.kind !== 'kafka' || (sink.kind !== 'kafka' && sink.kind !== 'fanOut')) return []
  if (unfused !== undefined) return [`not fused: ${unfused}`]
  const result = fusion(optimised)
  return [result.fused ? 'fused: rows go from the decoder to the sink natively' : `not fused: ${result.why}`]
}

const keptText = (plan: Plan, sink: KafkaSinkStep, envelope: readonly string[]): string[] => {
  if (plan.source.kind !== 'kafka') return []
  const kept = envelopeColumns
    .map((name) => name.slice(1) as 'key' | 'headers' | 'timestamp')
    .filter((part) => sink[part] === 'keep' && envelope.includes(part))
  return kept.length === 0 ? [] : [`records keep their ${kept.join(', ')}`]
}
