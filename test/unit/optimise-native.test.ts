import { describe, expect, it } from 'vitest'
import { coalesce, col, concat, type Expr, lit } from '../../src/expr/expr.ts'
import { when } from '../../src/expr/when.ts'
import { optimise } from '../../src/plan/optimise.ts'
import type { SinkStep, Step } from '../../src/plan/steps.ts'
import { parseSchema } from '../../src/schema.ts'
import { collect, filter, fromKafka, select, toKafka, withColumns } from '../support/plans.ts'

const fields = parseSchema({
  id: 'int64',
  amount: 'float64',
  country: 'utf8',
  ok: 'bool',
  at: 'timestamp[us]',
  seen: 'timestamp[ms]',
  price: 'decimal(10,2)',
  raw: 'binary',
})
const planned = (steps: readonly Step[], sink: SinkStep = collect, native = true) => {
  return optimise({ source: fromKafka(fields), steps, sink }, fields, { native })
}
const reasons = (...steps: readonly Step[]) => planned(steps).reasons.map(({ text }) => text)

describe('the native program', () => {
  it('filters by what the decoder can not answer, and computes columns, in order', () => {
    const plan = planned([
      filter(col('id').mul(2).gt(4)),
      withColumns({ tax: col('amount').mul(0.08) }),
      filter(col('tax').lt(100)),
      select({ id: col('id'), tax: col('tax') }),
    ])
    expect(plan.columns!.map(({ field }) => field.name)).toEqual(['id', 'amount'])
    expect(plan.message).toEqual(['$offset'])
    expect(plan.program).toEqual({
      steps: [
        {
          kind: 'filter',
          expr: ['gt', ['mul', ['col', 0], ['lit', { i: '2' }]], ['lit', { i: '4' }]],
          text: 'id * 2 > 4',
        },
        {
          kind: 'compute',
          expr: ['mul', ['col', 1], ['lit', { f: 0.08 }]],
          type: { kind: 'float64' },
          text: 'amount * 0.08',
        },
        { kind: 'filter', expr: ['lt', ['col', 3], ['lit', { i: '100' }]], text: 'tax < 100' },
      ],
      output: [
        { name: 'id', column: 0 },
        { name: 'tax', column: 3 },
      ],
    })
    expect(plan.steps).toEqual([])
  })

  it('hands over renamed columns, and the parts of the record with them', () => {
    const plan = planned([select({ n: col('id') })], { ...toKafka, key: col('n'), headers: null })
    expect(plan.steps).toEqual([])
    expect(plan.program!.steps).toEqual([])
    expect(plan.program!.output.map(({ name }) => name)).toEqual(['n', '$timestamp', '$tombstone', '$offset'])
  })

  it('computes the key of a record', () => {
    const plan = planned([], { ...toKafka, key: col('id').add(1), headers: null, timestamp: null })
    expect(plan).toMatchObject({ value: 'bytes', envelope: { key: '$key' }, steps: [] })
    expect(plan.program).toMatchObject({
      steps: [{ kind: 'compute', text: 'id + 1' }],
      output: [
        { name: '$key', column: 3 },
        { name: '$value', column: 1 },
        { name: '$offset', column: 2 },
      ],
    })
  })

  it('reads message columns', () => {
    const plan = planned([filter(col('$partition').eq(1)), select({ key: col('$key'), o: col('$offset') })])
    expect(plan.steps).toEqual([])
    expect(plan.program!.steps).toMatchObject([{ kind: 'filter', text: '$partition = 1' }])
    expect(plan.program!.output.map(({ name }) => name)).toEqual(['key', 'o'])
  })

  it('does not hand over what only it reads', () => {
    const plan = planned([filter(col('amount').add(col('id')).gt(1)), select({ country: col('country') })])
    expect(plan.program!.output.map(({ name }) => name)).toEqual(['country'])
  })

  it('ends where JavaScript begins: a function of the user, a limit', () => {
    const fn = () => {}
    const barriers: Step[] = [
      { kind: 'map', fn, fields },
      { kind: 'limit', count: 2 },
    ]
    for (const barrier of barriers) {
      const plan = planned([withColumns({ id: col('id').add(1) }), barrier, filter(col('id').add(1).gt(1))])
      expect(plan.program!.steps).toMatchObject([{ kind: 'compute', text: 'id + 1' }])
      expect(plan.steps.map(({ kind }) => kind)).toEqual([barrier.kind, 'filter'])
    }
  })

  it('leaves to TypeScript what it does not know, and what stands behind that and may fail', () => {
    const plan = planned([
      filter(col('raw').eq(lit(new Uint8Array(1)))),
      filter(col('id').add(1).gt(1)),
      filter(col('amount').add(1).gt(1)),
    ])
    expect(plan.program!.steps).toMatchObject([{ text: 'amount + 1 > 1' }])
    expect(plan.steps).toMatchObject([{ kind: 'filter', terms: [{ number: 1 }, { number: 2 }] }])
  })

  it('computes columns before a filter of TypeScript that could come first', () => {
    const steps = [withColumns({ tax: col('amount').mul(0.08) }), filter(col('country').str.lower().eq('de'))]
    expect(planned(steps)).toMatchObject({ program: { steps: [{ kind: 'compute' }] }, steps: [{ kind: 'filter' }] })
    expect(planned(steps, collect, false).steps.map(({ kind }) => kind)).toEqual(['filter', 'project'])
  })

  it('computes the columns that it can, and leaves the others of a step', () => {
    const plan = planned([
      withColumns({ amount: col('amount').mul(2), c: col('country').str.lower(), d: col('amount').gt(1) }),
      select({ amount: col('amount'), c: col('c'), d: col('d') }),
    ])
    expect(plan.program).toMatchObject({
      steps: [{ text: 'amount * 2' }, { text: 'amount > 1' }],
      output: [{ name: 'country' }, { name: '$1' }, { name: '$2' }],
    })
    expect(plan.steps).toMatchObject([{ kind: 'project' }])
    const [project] = plan.steps
    expect(project?.kind === 'project' && project.columns.map(({ name, expr }) => `${name} = ${expr}`)).toEqual([
      'amount = $1',
      'c = lower(country)',
      'd = $2',
    ])
    expect(plan.reasons).toEqual([{ number: 1, text: 'c = lower(country): lower is not native' }])
  })

  it('says why not', () => {
    expect(reasons(filter(col('price').gt(1)))).toEqual(['filter price > 1: gt of decimal(10,2) is not native'])
    expect(reasons(filter(col('amount').lt(2 ** 64)))).toEqual([
      'filter amount < 18446744073709552000: the literal 18446744073709552000 is not native',
    ])
    expect(reasons(filter(col('country').str.contains(lit(null))))).toEqual([
      'filter contains(country, null): contains with the literal null is not native',
    ])
    expect(reasons(select({ price: coalesce(col('price'), 1) }))).toEqual([
      'price = coalesce(price, 1): coalesce of decimal(10,2) is not native',
    ])
    expect(reasons(select({ raw: coalesce(col('raw'), new Uint8Array(1)) }))).toEqual([
      "raw = coalesce(raw, x'00'): the literal x'00' is not native",
    ])
    expect(reasons(select({ at: when(col('ok')).then(new Date(0)).otherwise(null) }))).toEqual([
      "at = when(ok, '1970-01-01T00:00:00.000Z', null): when of no times but literals is not native",
    ])
    expect(reasons(select({ n: lit(5).nullIf(col('id')) }))).toEqual([
      'n = nullif(5, id): nullIf of a literal is not native',
    ])
    expect(reasons({ kind: 'limit', count: 1 })).toEqual(['limit: rows are counted in JavaScript, over all partitions'])
  })

  it('gives numbers that JSON has not', () => {
    const plan = planned([select({ a: col('amount').mul(-0), b: col('amount').add(Number.NEGATIVE_INFINITY) })])
    expect(plan.program!.steps.map(({ expr }) => expr[2])).toEqual([
      ['lit', { i: '-0' }],
      ['lit', { f: '-Infinity' }],
    ])
  })

  it('gives times in the unit of their column', () => {
    const plan = planned([filter(col('at').gt(new Date(1)).or(col('id').add(1).gt(2)))])
    expect(plan.program!.steps[0]!.expr).toEqual([
      'or',
      ['gt', ['col', expect.any(Number)], ['lit', { i: '1000' }]],
      ['gt', ['add', ['col', expect.any(Number)], ['lit', { i: '1' }]], ['lit', { i: '2' }]],
    ])
    expect(reasons(filter(col('seen').gt('2024-01-01T00:00:00.0000001Z')))).toMatchObject([
      /no whole number of the units of timestamp\[ms\]/,
    ])
  })

  it('gives literals of a choice as values of the type that it gives', () => {
    const made = when(col('ok')).then(col('at')).when(true).then('2024-01-01').otherwise(new Date(1))
    expect(planned([select({ at: made })]).program!.steps).toMatchObject([
      {
        expr: [
          'when',
          ['col', 0],
          ['col', 1],
          ['lit', { b: true }],
          ['lit', { i: '1704067200000000' }],
          ['lit', { i: '1000' }],
        ],
        type: { kind: 'timestamp', unit: 'us' },
      },
    ])
  })

  it('makes texts and tests them, so that nothing is left for TypeScript', () => {
    const plan = planned([
      filter(col('country').str.trim().str.contains('D')),
      select({ name: concat(col('country'), '-', col('country').str.substring(0, 1)) }),
    ])
    expect(plan.steps).toEqual([])
    expect(plan.program!.steps).toMatchObject([
      { kind: 'filter', text: "contains(trim(country), 'D')" },
      { kind: 'compute', expr: ['concat', ['col', 0], ['lit', { s: '-' }], ['substring', ['col', 0], {}, {}]] },
    ])
  })

  it('writes a long chain as one level, and leaves what nests deeper than it takes', () => {
    const terms: Expr[] = Array.from({ length: 500 }, (_, i) => col('id').add(1).eq(i))
    const plan = planned([filter(terms.reduce((a, b) => a.or(b)))])
    expect(plan.program!.steps[0]!.expr).toHaveLength(501)
    const deep = Array.from({ length: 100 }).reduce<Expr>((a) => a.neg(), col('amount'))
    expect(reasons(filter(deep.gt(1)))[0]).toMatch('it nests deeper than 100 levels')
  })

  it('is not made where the source runs none', () => {
    const plan = planned([withColumns({ id: col('id').add(1) })], collect, false)
    expect(plan.program).toBeUndefined()
    expect(plan.steps).toMatchObject([{ kind: 'project' }])
  })
})
