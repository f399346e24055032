/**
 * From a bound plan to what runs: which columns the decoder builds, which conjuncts it answers itself, whether the
 * value's bytes pass through, and the steps that are left for TypeScript. The passes, in order:
 *
 *   fold.ts      constants are computed
 *   filters.ts   filters move towards the source, cheap ones first, and into the decoder
 *   union.ts     into the decoder, too, what the branches of a fanOut let through together
 *   paths.ts     backward from the sink, or from those of all branches,
 *   needs.ts     with the columns that each step needs of the one before
 *   common.ts    what is computed twice is computed once
 *   structs.ts   structs without the fields that nobody reads
 *   lower.ts     the longest beginning that the source can run itself
 */
import type { Expr } from '../expr/expr.ts'
import type { Field } from '../schema.ts'
import { type BoundPlan, type BoundStep, bind, fieldsInScope, type Scope } from './bind.ts'
import { shareCommon } from './common.ts'
import { fuseFilters, hoistFilters, orderFilters, pushFilters, splitFilters } from './filters.ts'
import { foldSinks, foldSteps } from './fold.ts'
import { lower, type NativeProgram, type Note, unlowered } from './lower.ts'
import { close, inOrder } from './needs.ts'
import { type OptimisedPath, optimisePath } from './paths.ts'
import type { PhysicalStep } from './physical.ts'
import { allPredicates, type Predicate } from './pushdown.ts'
import { isInternal, type MessageName, messageField, type Plan } from './steps.ts'
import { pruneStructs } from './structs.ts'
import { noUnion, pushUnion } from './union.ts'

export interface Optimised extends OptimisedPath {
  readonly bound: BoundPlan
  /** undefined: every column of the source, whose names are not known yet. */
  readonly columns: readonly { readonly field: Field; readonly emit: boolean }[] | undefined
  /** Names, where types are not known; for explain(). */
  readonly needed: readonly string[] | undefined
  readonly predicate: Predicate | undefined
  readonly pushed: readonly { readonly number: number; readonly predicate: Expr }[]
  /** Filters that the decoder does not answer, and why; none where no column is known. */
  readonly unpushed: readonly Note[]
  readonly message: readonly MessageName[]
  /** What the source does after decoding; undefined: nothing. */
  readonly program: NativeProgram | undefined
  /** What the program does, and why the first step behind it stays in TypeScript. */
  readonly native: readonly Note[]
  readonly reasons: readonly Note[]
}

/** What may be switched off: for a test that compares, and for a source that does not know it. */
export interface Passes {
  /** Constants are computed before the run. */
  readonly fold?: boolean
  /** Filters move, and are ordered by cost. */
  readonly filters?: boolean
  /** What is computed twice is computed once. */
  readonly common?: boolean
  /** Of a struct only those fields are decoded that are read. */
  readonly structs?: boolean
  /** The source runs native programs. Default false. */
  readonly native?: boolean
}

export const optimise = (plan: Plan, fields: readonly Field[] | undefined, passes: Passes = {}): Optimised => {
  const { fold = true, filters = true, common = true, structs = true, native = false } = passes
  const written = bind(plan, fields)
  const bound = fold ? { ...written, ...foldSinks(written, written.source.messages) } : written
  const arrange = (steps: readonly BoundStep[]): readonly BoundStep[] => {
    const split = splitFilters(fold ? foldSteps(steps) : steps)
    return filters ? orderFilters(hoistFilters(split, native)) : split
  }
  const { remaining, ...own } = pushFilters(bound.source, arrange(bound.steps))
  // Behind filters alone columns are the source's own.
  const ofBranches = remaining.every(({ step }) => step.kind === 'filter')
    ? pushUnion(bound.source, bound, arrange)
    : noUnion
  const pushed = [...own.pushed, ...ofBranches.pushed]
  const predicates = [...own.predicates, ...ofBranches.predicates]
  const refine = (steps: readonly PhysicalStep[], before: Scope): readonly PhysicalStep[] => {
    const fused = fuseFilters(steps)
    return common ? shareCommon(fused, fieldsAt(before, bound.source)) : fused
  }
  const trunk = { step: plan.source, scope: bound.source, arrange, refine }
  const { path, need, end } = optimisePath({ ...bound, steps: remaining }, trunk)
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
  const built = bound.source.fields === undefined ? [] : (emitted ?? []).map((name) => sourceFields.get(name)!)
  const columns =
    bound.source.fields === undefined
      ? undefined
      : [
          ...(structs ? pruneStructs(built, path) : built).map((field) => ({ field, emit: true })),
          ...predicateOnly.map((name) => ({ field: sourceFields.get(name)!, emit: false })),
        ]
  const index = (name: string): number => columns!.findIndex(({ field }) => field.name === name)
  const { keyType } = bound.source
  const lowered =
    native && columns !== undefined && bound.source.messages
      ? lower(path.steps, { columns, message: message.map((name) => messageField(name, keyType)) }, end)
      : unlowered(path.steps)
  const pushedDown = columns && predicates.map((make) => make(index))
  return {
    ...path,
    ...lowered,
    bound,
    columns,
    needed: emitted,
    predicate: pushedDown === undefined || pushedDown.length === 0 ? undefined : allPredicates(pushedDown),
    pushed: pushed.map(({ number, predicate }) => ({ number, predicate })),
    unpushed: [...own.unpushed, ...ofBranches.unpushed],
    message,
  }
}

/** The columns at a point and their types, where all are known: those that only the optimiser names too. */
const fieldsAt = (scope: Scope, source: Scope): readonly Field[] | undefined => {
  if (!source.messages) return scope.fields
  // Behind a function of the user the message columns that go along have lost their names.
  if (!scope.messages) return undefined
  return fieldsInScope(scope)?.concat((['$value', '$tombstone'] as const).map((name) => messageField(name, 'utf8')))
}
