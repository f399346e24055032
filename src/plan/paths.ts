/**
 * Backward over a plan's tree: each path from its sink to its first step, and what all paths behind a fanOut need of the
 * rows that they share.
 */
import type { BoundPath, BoundStep, Scope } from './bind.ts'
import { close, type Need, project, sinkNeeds, stepsBefore } from './needs.ts'
import type { Envelope, PhysicalStep } from './physical.ts'
import type { KafkaSinkStep, SinkStep, SourceStep } from './steps.ts'

/** Steps that run one after the other, and what they lead to. */
export interface OptimisedPath {
  readonly bound: BoundPath
  readonly steps: readonly PhysicalStep[]
  /** The sink sends `$value` as it came, or encodes columns; undefined: the sink is not Kafka. */
  readonly value: 'bytes' | 'columns' | undefined
  /** Why the bytes that were read can not be what is written; undefined: they are, or there are none. */
  readonly encodes: string | undefined
  readonly envelope: Envelope
  /** Of a fanOut; else none. */
  readonly branches: readonly OptimisedPath[]
}

/** What stands before every path. */
export interface Trunk {
  readonly step: SourceStep
  readonly scope: Scope
  /** What is done to a path's steps before it is walked. */
  readonly arrange: (steps: readonly BoundStep[]) => readonly BoundStep[]
  /** What is done to its steps as they run. `before`: where the first one stands. */
  readonly refine: (steps: readonly PhysicalStep[], before: Scope) => readonly PhysicalStep[]
}

/** `earlier`: the steps that the path's rows went through before. `need`: before its steps; `end`: behind them. */
export const optimisePath = (
  bound: BoundPath,
  trunk: Trunk,
  earlier: readonly BoundStep[] = [],
): { readonly path: OptimisedPath; readonly need: Need; readonly end: Need } => {
  const through = [...earlier, ...bound.steps]
  const branches = bound.branches.map((branch) =>
    optimisePath({ ...branch, steps: trunk.arrange(branch.steps) }, trunk, through),
  )
  const { value, encodes } = valueAt(bound.sink, trunk.step, through)
  const { envelope, computed, need } =
    branches.length === 0 ? sinkNeeds(bound.sink, trunk.step, value) : sharedNeeds(branches, bound.result.names)
  close(need, bound.result.names)
  const end: Need = { all: need.all, names: new Set(need.names) }
  const last: PhysicalStep[] = []
  // The sink's own expressions are one more projection behind the last step.
  if (computed.length > 0) project(last, bound.number, computed, need, bound.result.names)
  const before = bound.steps[0]?.before ?? bound.result
  const steps = trunk.refine([...stepsBefore(trunk.scope, earlier, bound.steps, need), ...last], before)
  return { path: { bound, steps, value, encodes, envelope, branches: branches.map(({ path }) => path) }, need, end }
}

const sharedNeeds = (
  branches: readonly { readonly need: Need }[],
  names: readonly string[] | undefined,
): ReturnType<typeof sinkNeeds> => {
  const needs = branches.map(({ need }) => need)
  for (const need of needs) close(need, names)
  const need: Need = {
    all: needs.some(({ all }) => all),
    names: new Set(needs.flatMap((each) => [...each.names])),
  }
  return { envelope: {}, computed: [], need }
}

/** Whether the value that is written is the value that was read. */
const valueAt = (
  sink: SinkStep,
  source: SourceStep,
  steps: readonly BoundStep[],
): Pick<OptimisedPath, 'value' | 'encodes'> => {
  if (sink.kind !== 'kafka') return { value: undefined, encodes: undefined }
  if (source.kind !== 'kafka') return { value: 'columns', encodes: undefined }
  const encodes = whyEncoded(sink, source, steps)
  return { value: encodes === undefined ? 'bytes' : 'columns', encodes }
}

const whyEncoded = (sink: KafkaSinkStep, source: SourceStep, steps: readonly BoundStep[]): string | undefined => {
  const changes = steps.find(({ step: { kind } }) => kind !== 'filter' && kind !== 'limit')
  if (changes !== undefined) return `step ${changes.number} ${changes.step.kind} changes the value`
  if (source.codec !== sink.codec) return `${source.codec} is read, ${sink.codec} is written`
  // Options of one side alone say how to parse or to print; bytes that pass are neither.
  const differs = Object.keys(sink.codecOptions).find(
    (name) => Object.hasOwn(source.codecOptions, name) && sink.codecOptions[name] !== source.codecOptions[name],
  )
  return differs && `the codec option ${differs} is another than the source's`
}
