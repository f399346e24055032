import { describe, expect, it } from 'vitest'
import { col, type Expr, lit } from '../../src/expr/expr.ts'
import { when } from '../../src/expr/when.ts'
import { optimise } from '../../src/plan/optimise.ts'
import type { Step } from '../../src/plan/steps.ts'
import { parseSchema } from '../../src/schema.ts'
import { collect, filter, fromKafka, select } from '../support/plans.ts'

const fields = parseSchema({ id: 'int64', amount: 'float64', country: 'utf8', ok: 'bool' })
const planned = (steps: readonly Step[], source = fields) =>
  optimise({ source: fromKafka(source), steps, sink: collect }, source)
/** What runs, a line a step. */
const lines = (...steps: readonly Step[]): string[] =>
  planned(steps).steps.map((step) => {
    if (step.kind === 'filter') return `filter ${step.terms.map(({ predicate }) => predicate).join(', ')}`
    return step.kind === 'project' ? step.columns.map(({ name, expr }) => `${name} = ${expr}`).join(', ') : step.kind
  })

describe('an expression that stands in two places', () => {
  it('is computed once', () => {
    const taxed = col('amount').mul(1.08)
    expect(lines(select({ a: taxed, b: taxed.add(1), c: col('id') }))).toEqual([
      '$1 = amount * 1.08',
      'a = $1, b = $1 + 1, c = id',
    ])
  })

  it('is computed once for a filter and the columns behind it', () => {
    const taxed = col('amount').mul(1.08)
    expect(lines(filter(taxed.gt(1)), select({ taxed }))).toEqual(['$1 = amount * 1.08', 'filter $1 > 1', 'taxed = $1'])
  })

  it('is found within another one', () => {
    const inner = col('amount').add(1.5)
    const outer = inner.mul(2.5)
    expect(lines(select({ a: outer, b: outer.neg(), c: inner }))).toEqual([
      '$2 = amount + 1.5',
      '$1 = $2 * 2.5',
      'a = $1, b = -$1, c = $2',
    ])
  })

  it('is worth no column where it is a comparison, or a column itself', () => {
    const big = col('amount').gt(1)
    expect(lines(select({ a: big.and(col('ok')), b: big }))).toEqual(['a = amount > 1 and ok, b = amount > 1'])
  })

  it('is not asked about more rows where it may fail', () => {
    const doubled = col('id').mul(2)
    const guarded = filter(col('id').add(1).gt(1).and(doubled.gt(1)))
    // The filter's first term has left fewer rows.
    expect(lines(guarded, select({ a: doubled }))).toEqual(['filter id + 1 > 1, id * 2 > 1', 'a = id * 2'])
    expect(lines(guarded, select({ a: doubled.neg(), b: doubled }))).toHaveLength(2)
    expect(lines(filter(doubled.gt(1)), select({ a: doubled }))[0]).toBe('$1 = id * 2')
    // Only rows that take the branch.
    const chosen = (p: Expr) => when(p).then(doubled).otherwise(0)
    expect(lines(select({ a: chosen(col('ok')), b: chosen(col('ok').not()) }))).toHaveLength(1)
    expect(lines(select({ a: chosen(col('ok')), b: doubled }))).toHaveLength(2)
  })

  it('tells literals of different types and values apart', () => {
    const two = (a: Expr, b: Expr) => lines(select({ a: col('amount').mul(a), b: col('amount').mul(b) }))
    expect(two(lit(0), lit(-0))).toHaveLength(1)
    expect(two(lit(1), lit(1))).toHaveLength(2)
    expect(lines(select({ a: col('country').in(['1', '2']), b: lit(1).in([1, 2]) }))).toHaveLength(1)
  })

  it('has a name that no column has', () => {
    const odd = parseSchema({ $1: 'float64', amount: 'float64' })
    const sum = col('amount').add(col('$1'))
    const plan = planned([select({ a: sum, b: sum })], odd)
    expect(plan.steps[0]).toMatchObject({ columns: [{ name: '$2' }] })
  })
})
