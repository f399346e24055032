import { describe, expect, it } from 'vitest'
import { col, lit } from '../../src/expr/expr.ts'
import { bind } from '../../src/plan/bind.ts'
import type { Plan, Step } from '../../src/plan/steps.ts'
import { fieldsText, parseSchema } from '../../src/schema.ts'
import { collect, fromKafka } from '../support/plans.ts'

const fields = parseSchema({ id: 'int64', amount: 'float64', country: 'utf8' })
const plan = (...steps: readonly Step[]): Plan => ({
  source: fromKafka(fields),
  steps,
  sink: collect,
})

/** The columns behind each step, as a schema literal. */
const behind = (...steps: readonly Step[]) =>
  bind(plan(...steps), fields).steps.map(({ after: { fields: known } }) => known && fieldsText(known))

describe('a plan, bound to its source', () => {
  it('knows the columns and types behind every step', () => {
    expect(
      behind(
        { kind: 'filter', predicate: col('amount').gt(1) },
        { kind: 'withColumns', columns: [{ name: 'tax', expr: col('amount').mul(0.1) }] },
        { kind: 'withColumns', columns: [{ name: 'id', expr: lit('x') }] },
        { kind: 'rename', names: [['amount', 'price']] },
        { kind: 'drop', names: ['country'] },
        {
          kind: 'select',
          columns: [
            { name: 'price', expr: col('price') },
            { name: 'key', expr: col('$key') },
            { name: 'part', expr: col('$partition') },
          ],
        },
        { kind: 'map', fn: () => {}, fields: parseSchema({ n: 'int32' }) },
        { kind: 'limit', count: 3 },
      ),
    ).toEqual([
      "{ id: 'int64', amount: 'float64', country: 'utf8' }",
      "{ id: 'int64', amount: 'float64', country: 'utf8', tax: 'float64' }",
      "{ id: 'utf8', amount: 'float64', country: 'utf8', tax: 'float64' }",
      "{ id: 'utf8', price: 'float64', country: 'utf8', tax: 'float64' }",
      "{ id: 'utf8', price: 'float64', tax: 'float64' }",
      "{ price: 'float64', key: 'utf8', part: 'int32' }",
      "{ n: 'int32' }",
      "{ n: 'int32' }",
    ])
  })

  it('knows nothing behind a function without a schema, and names again behind a select', () => {
    const bound = bind(
      plan(
        { kind: 'mapBatches', fn: () => {}, fields: undefined },
        { kind: 'select', columns: [{ name: 'a', expr: col('a') }] },
      ),
      fields,
    )
    expect(bound.steps.map(({ after: { names } }) => names)).toEqual([undefined, ['a']])
    expect(bound.result.fields).toBeUndefined()
  })

  it('names the step and the columns there are where an expression does not fit', () => {
    expect(() => behind({ kind: 'limit', count: 1 }, { kind: 'filter', predicate: col('nope').isNull() })).toThrow(
      /^2 filter: there is no column "nope"\. The columns here: id, amount, country\.$/,
    )
    expect(() => behind({ kind: 'filter', predicate: col('country').gt(3) })).toThrow(/^1 filter: .*country/)
  })
})
