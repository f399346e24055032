import { describe, expect, it } from 'vitest'
import { coalesce, col, type Expr, lit } from '../../src/expr/expr.ts'
import { optimise } from '../../src/plan/optimise.ts'
import type { Plan, Step } from '../../src/plan/steps.ts'
import { parseSchema } from '../../src/schema.ts'
import { filter, fromKafka, toKafka } from '../support/plans.ts'

const fields = parseSchema({ id: 'int64', amount: 'float64', country: 'utf8', ok: 'bool', small: 'int8' })
const planned = (...steps: readonly Step[]) => {
  const source = { kind: 'batches', title: 'in', codec: 'json', codecOptions: {}, fields, keyType: 'utf8' } as const
  const plan: Plan = { source, steps, sink: { kind: 'collect' } }
  return optimise(plan, fields)
}
const withColumn = (expr: Expr): Step => ({ kind: 'withColumns', columns: [{ name: 'x', expr }] })

/** A computed column as it runs. */
const folded = (expr: Expr): string => {
  const [step] = planned(withColumn(expr)).steps
  return step?.kind === 'project' ? String(step.columns.find(({ name }) => name === 'x')!.expr) : ''
}
/** The terms of the filters as they run. */
const asked = (predicate: Expr): string[] =>
  planned(filter(predicate)).steps.flatMap((step) =>
    step.kind === 'filter' ? step.terms.map((term) => String(term.predicate)) : [step.kind],
  )

describe('constants', () => {
  it('are computed once, before the run', () => {
    expect(folded(col('id').add(lit(2).mul(3)))).toBe('id + 6')
    expect(folded(col('amount').mul(lit(7).div(2)))).toBe('amount * 3.5')
    expect(folded(lit(9007199254740993n).add(1))).toBe('9007199254740994')
    expect(folded(col('ok').and(lit(1).lt(2).not()))).toBe('false')
    expect(folded(lit('a').in(['a', 'b']))).toBe('true')
  })

  it('stay calls where no literal has their type and value', () => {
    expect(folded(lit(6).div(2))).toBe('6 / 2')
    expect(folded(col('id').add(lit(6).div(2)))).toBe('id + 6 / 2')
    expect(folded(lit(null).and(true))).toBe('null and true')
    expect(folded(lit(1).mod(0))).toBe('1 % 0')
  })

  it('stay calls where a literal would stand for another type', () => {
    expect(folded(coalesce(col('small'), lit(1).add(1)))).toBe('coalesce(small, 1 + 1)')
    expect(folded(coalesce(col('small'), lit(150).add(150)))).toBe('coalesce(small, 150 + 150)')
    expect(folded(coalesce(col('id'), lit(1).add(1)))).toBe('coalesce(id, 2)')
  })

  it('that fail are left for the run: each row is an error', () => {
    const overflow = lit(2n ** 63n - 1n).add(1)
    expect(folded(overflow)).toBe('9223372036854775807 + 1')
    expect(asked(overflow.gt(0))).toEqual(['9223372036854775807 + 1 > 0'])
    expect(asked(overflow.gt(0).or(true))).toEqual(['9223372036854775807 + 1 > 0 or true'])
  })
})

describe('terms that say nothing', () => {
  it('are left out', () => {
    expect(folded(col('ok').and(true))).toBe('ok')
    expect(folded(lit(false).or(col('ok')))).toBe('ok')
    expect(folded(col('ok').not().not())).toBe('ok')
    expect(folded(col('ok').not().not().not())).toBe('not ok')
    expect(folded(col('ok').or(lit(1).eq(1)))).toBe('true')
    expect(folded(col('ok').and(null))).toBe('ok and null')
  })

  it('stay where the other side may be an error', () => {
    const fallible = col('id').mul(3).gt(1)
    expect(folded(fallible.and(false))).toBe('id * 3 > 1 and false')
    expect(folded(fallible.or(true))).toBe('id * 3 > 1 or true')
    expect(folded(fallible.and(true))).toBe('id * 3 > 1')
    expect(folded(col('amount').mul(3).gt(1).or(true))).toBe('true')
  })
})

describe('the parts of a record', () => {
  const six = lit(2).mul(3)
  const keyed = { ...toKafka, key: col('id').add(six), partition: col('$partition').add(lit(1).sub(1)) }
  const computed = ({ steps }: Pick<ReturnType<typeof optimise>, 'steps'>): string[] =>
    steps.flatMap((step) => (step.kind === 'project' ? step.columns : [])).map(({ name, expr }) => `${name} = ${expr}`)
  const expected = ['$key = id + 6', '$partition = $partition + 0']

  it('are folded as columns are', () => {
    const plan = optimise({ source: fromKafka(fields), steps: [], sink: keyed }, fields)
    expect(computed(plan)).toEqual(expect.arrayContaining(expected))
    const unfolded = optimise({ source: fromKafka(fields), steps: [], sink: keyed }, fields, { fold: false })
    expect(computed(unfolded)).toContain('$key = id + 2 * 3')
    // What stands for another type stays: the key is the text of an int8.
    const small = { ...toKafka, key: coalesce(col('small'), lit(1).add(1)) }
    expect(computed(optimise({ source: fromKafka(fields), steps: [], sink: small }, fields))).toContain(
      '$key = coalesce(small, 1 + 1)',
    )
  })

  it('are folded in every branch', () => {
    const branch = { steps: [filter(col('ok'))], sink: keyed }
    const nested = { steps: [], sink: { kind: 'fanOut', branches: [branch] } } as const
    const sink = { kind: 'fanOut', branches: [branch, nested] } as const
    const { branches } = optimise({ source: fromKafka(fields), steps: [], sink }, fields)
    for (const path of [branches[0]!, branches[1]!.branches[0]!]) {
      expect(computed(path)).toEqual(expect.arrayContaining(expected))
    }
  })
})

describe('a filter', () => {
  it('that is always true vanishes', () => {
    expect(planned(filter(lit(1).lt(2)), filter(col('ok').or(true))).steps).toEqual([])
    expect(asked(col('ok').and(lit(2).gt(1)))).toEqual(['ok'])
  })

  it('that never is asks for nothing else', () => {
    expect(asked(lit(1).gt(2))).toEqual(['false'])
    expect(asked(lit(null).eq(1))).toEqual(['false'])
    expect(asked(col('ok').and(lit(1).gt(2)))).toEqual(['false'])
    // Asked first: it is the cheapest.
    expect(planned(filter(col('id').mul(2).gt(1)), filter(lit(false))).steps).toMatchObject([
      { terms: [{ number: 2 }, { number: 1 }] },
    ])
  })
})
