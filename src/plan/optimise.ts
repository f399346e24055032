/**
 * From a bound plan to what runs: which columns the decoder builds, which conjuncts it answers itself, whether the
 * value's bytes pass through, and the steps that are left for TypeScript. The passes, in order:
 *
 *   filters.ts   filters move towards the source, cheap ones first, and into the decoder
 *   needs.ts     backward from the sink: which columns each step needs of the one before
 */
import type { Expr } from '../expr/expr.ts'
import type { Field } from '../schema.ts'
import { type BoundPlan, bind } from './bind.ts'
import { fuseFilters, hoistFilters, orderFilters, pushFilters, splitFilters } from './filters.ts'
import { close, inOrder, project, sinkNeeds, stepsBefore } from './needs.ts'
import type { Envelope, PhysicalStep } from './physical.ts'
import type { Predicate } from './pushdown.ts'
import { isInternal, type MessageName, type Plan } from './steps.ts'

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

/** What may be switched off, for a test that compares. */
export interface Passes {
  /** Filters move, and are ordered by cost. */
  readonly filters: boolean
}

const allPasses: Passes = { filters: true }

export const optimise = (plan: Plan, fields: readonly Field[] | undefined, passes: Passes = allPasses): Optimised => {
  const bound = bind(plan, fields)
  const split = splitFilters(bound.steps)
  const moved = passes.filters ? orderFilters(hoistFilters(split)) : split
  const { remaining, pushed, predicates } = pushFilters(bound.source, moved)
  const value = plan.sink.kind === 'kafka' ? (passesBytes(plan) ? 'bytes' : 'columns') : undefined
  const { envelope, computed, need } = sinkNeeds(bound, value)

  const last: PhysicalStep[] = []
  // The sink's own expressions are one more projection behind the last step.
  if (computed.length > 0) project(last, bound.steps.length + 1, computed, need, bound.result.names)
  const steps = fuseFilters([...stepsBefore(bound, remaining, need), ...last])
  close(need, bound.source.names)

  const known = bound.source.names
  const emitted = need.all
    ? undefined
    : inOrder(need, known).filter((name) => known?.includes(name) ?? !isInternal(name))
  const message = bound.source.messages
    ? ([...need.names].filter((name) => isInternal(name) && !known?.includes(name)) as MessageName[])
    : []
  const predicateOnly = [...new Set(pushed.flatMap((filter) => filter.columns))].filter(
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
