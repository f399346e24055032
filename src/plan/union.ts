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
): Omit<PushedFilters, 'remaining'> => {
  if (branches.length === 0) return noUnion
  const alternatives = alternativesOf(source, branches, arrange)
  if ('all' in alternatives) {
    const asks = branches.some(({ steps }) => steps[0]?.step.kind === 'filter')
    const text = `filters of branches: ${alternatives.all} begins with none that it could`
    return asks ? { ...noUnion, unpushed: [{ number, text }] } : noUnion
  }
  const { predicate, make, columns } = anyOf(alternatives)
  return { pushed: [{ number, predicate, columns }], predicates: [make], unpushed: [] }
}

export const noUnion: Omit<PushedFilters, 'remaining'> = { pushed: [], predicates: [], unpushed: [] }

/** A branch that may take any row, by its number. */
interface Unfiltered {
  readonly all: string
}

/** One a branch, or of a branch that only fans out again one a branch of it. */
const alternativesOf = (
  source: Scope,
  branches: readonly BoundPath[],
  arrange: (steps: readonly BoundStep[]) => readonly BoundStep[],
): readonly Alternative[] | Unfiltered => {
  const found: Alternative[] = []
  for (const [i, branch] of branches.entries()) {
    const { remaining, pushed, predicates } = pushFilters(source, arrange(branch.steps))
    if (pushed.length > 0) {
      found.push({
        predicate: allOf(pushed.map(({ predicate }) => predicate)),
        make: (index) => allPredicates(predicates.map((make) => make(index))),
        columns: [...new Set(pushed.flatMap(({ columns }) => columns))],
      })
      continue
    }
    const all = `branch ${i + 1}`
    if (remaining.length > 0 || branch.branches.length === 0) return { all }
    const inner = alternativesOf(source, branch.branches, arrange)
    if ('all' in inner) return { all: `${inner.all} of ${all}` }
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
