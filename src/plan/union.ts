/**
 * What the branches of a fanOut let through together. Where each begins with filters that the decoder can answer, it
 * also answers their disjunction: a row that no branch keeps is never written. The branches go on asking for themselves.
 */

import { allOf } from '../expr/columns.ts'
import type { Expr } from '../expr/expr.ts'
import type { BoundPath, BoundStep, Scope } from './bind.ts'
import { type PushedFilters, pushFilters } from './filters.ts'
import { allPredicates, anyPredicate, type MakePredicate } from './pushdown.ts'

interface Alternative {
  readonly predicate: Expr
  readonly make: MakePredicate
  readonly columns: readonly string[]
}

/**
 * `arrange`: what is done to a branch's steps before. Only for branches whose columns are the source's own. Gives none
 * where some branch takes rows that the decoder knows nothing of.
 */
export const pushUnion = (
  source: Scope,
  { branches, number }: BoundPath,
  arrange: (steps: readonly BoundStep[]) => readonly BoundStep[],
): Pick<PushedFilters, 'pushed' | 'predicates'> => {
  const alternatives = branches.length === 0 ? undefined : alternativesOf(source, branches, arrange)
  if (alternatives === undefined) return { pushed: [], predicates: [] }
  const { predicate, make, columns } = anyOf(alternatives)
  return { pushed: [{ number, predicate, columns }], predicates: [make] }
}

/** One a branch, or of a branch that only fans out again one a branch of it. */
const alternativesOf = (
  source: Scope,
  branches: readonly BoundPath[],
  arrange: (steps: readonly BoundStep[]) => readonly BoundStep[],
): readonly Alternative[] | undefined => {
  const found: Alternative[] = []
  for (const branch of branches) {
    const { remaining, pushed, predicates } = pushFilters(source, arrange(branch.steps))
    if (pushed.length > 0) {
      found.push({
        predicate: allOf(pushed.map(({ predicate }) => predicate)),
        make: (index) => allPredicates(predicates.map((make) => make(index))),
        columns: [...new Set(pushed.flatMap(({ columns }) => columns))],
      })
      continue
    }
    const inner = remaining.length === 0 ? alternativesOf(source, branch.branches, arrange) : undefined
    if (inner === undefined || inner.length === 0) return undefined
    found.push(...inner)
  }
  return found
}

const anyOf = (alternatives: readonly Alternative[]): Alternative => {
  const [first, ...more] = alternatives
  if (more.length === 0) return first!
  return {
    predicate: more.reduce<Expr>((any, { predicate }) => any.or(predicate as never) as Expr, first!.predicate),
    make: (index) => anyPredicate(alternatives.map(({ make }) => make(index))),
    columns: [...new Set(alternatives.flatMap(({ columns }) => columns))],
  }
}
