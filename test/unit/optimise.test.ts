import { describe, expect, it } from 'vitest'
import { col, type Expr, lit } from '../../src/expr/expr.ts'
import { optimise } from '../../src/plan/optimise.ts'
import type { Plan, SinkStep, Step } from '../../src/plan/steps.ts'
import { parseSchema } from '../../src/schema.ts'
import { collect, filter, fromKafka, select, toKafka, withColumns } from '../support/plans.ts'

const fields = parseSchema({
  id: 'int64',
  amount: 'float64',
  country: 'utf8',
  ok: 'bool',
  at: 'timestamp[us]',
  tags: ['utf8'],
})

const planned = (steps: readonly Step[], sink: SinkStep = toKafka, source: Partial<Plan['source']> = {}) =>
  optimise(
    {
      source: { ...fromKafka(fields), ...source },
      steps,
      sink,
    },
    source.fields ?? fields,
  )
const names = (plan: ReturnType<typeof planned>) => ({
  emitted: plan.columns!.filter(({ emit }) => emit).map(({ field }) => field.name),
  tested: plan.columns!.filter(({ emit }) => !emit).map(({ field }) => field.name),
})

describe('projection push-down', () => {
  it('reads the offset of a row whose remainder may not fit int64, to report it', () => {
    const source = { fields: parseSchema({ u: 'uint64' }) }
    expect(planned([select({ rest: col('u').mod(lit(2n ** 64n - 1n)) })], collect, source).message).toEqual(['$offset'])
    expect(planned([select({ half: col('u').div(2) })], collect, source).message).toEqual([])
  })

  it('decodes the columns that the sink and the steps need, and no others', () => {
    const plan = planned([select({ id: col('id'), total: col('amount').mul(2) })], collect)
    expect(names(plan)).toEqual({ emitted: ['id', 'amount'], tested: [] })
  })

  it('does not decode what is computed and then left out', () => {
    const plan = planned(
      [withColumns({ tax: col('amount').mul(0.1), n: col('id').add(1) }), select({ n: col('n') })],
      collect,
    )
    expect(names(plan).emitted).toEqual(['id'])
    expect(plan.steps).toMatchObject([{ kind: 'project', number: 1, columns: [{ name: 'n' }] }])
  })

  it('decodes everything for a function of the user', () => {
    const plan = planned([{ kind: 'mapBatches', fn: () => {}, fields: undefined }], collect)
    expect(names(plan).emitted).toEqual(fields.map(({ name }) => name))
  })

  it('sees through rename and drop', () => {
    const plan = planned(
      [
        { kind: 'rename', names: [['amount', 'price']] },
        { kind: 'drop', names: ['country', 'ok', 'at', 'tags', 'id'] },
      ],
      collect,
    )
    expect(names(plan).emitted).toEqual(['amount'])
  })

  it('swaps names in one rename', () => {
    const swap: Step = {
      kind: 'rename',
      names: [
        ['id', 'amount'],
        ['amount', 'id'],
      ],
    }
    const plan = planned([swap, filter(col('id').gt(1.5))], collect)
    expect(plan.predicate).toEqual(['gt', 1, { f: 1.5 }])
    expect(plan.columns![1]!.field.name).toBe('amount')
  })
})

describe('predicate push-down', () => {
  const pushed = (predicate: Expr) => planned([filter(predicate)], collect).predicate

  it('gives the decoder comparisons of a column with a literal of its kind', () => {
    expect(pushed(col('amount').gt(1000))).toEqual(['gt', 1, { f: 1000 }])
    expect(pushed(lit(1000).gt(col('amount')))).toEqual(['lt', 1, { f: 1000 }])
    expect(pushed(col('id').eq(7))).toEqual(['eq', 0, { i: '7' }])
    expect(pushed(col('id').le(9007199254740993n))).toEqual(['le', 0, { i: '9007199254740993' }])
    expect(pushed(col('country').ne('DE'))).toEqual(['ne', 2, { s: 'DE' }])
    expect(pushed(col('ok'))).toEqual(['col', 3])
    expect(pushed(col('ok').eq(false))).toEqual(['eq', 3, { b: false }])
    expect(pushed(col('at').lt(new Date(1)))).toEqual(['lt', 4, { i: '1000' }])
    expect(pushed(col('tags').isNull())).toEqual(['isNull', 5])
    expect(pushed(col('id').isNotNull())).toEqual(['not', ['isNull', 0]])
    expect(pushed(col('country').in(['DE', 'FR']))).toEqual(['in', 2, [{ s: 'DE' }, { s: 'FR' }]])
    expect(pushed(col('ok').not().or(col('id').lt(3)))).toEqual([
      'or',
      [
        ['not', ['col', 3]],
        ['lt', 0, { i: '3' }],
      ],
    ])
  })

  it('gives it numbers of another type, which it compares by value', () => {
    expect(pushed(col('id').gt(1.5))).toEqual(['gt', 0, { f: 1.5 }])
    expect(pushed(col('id').gt(2 ** 60))).toEqual(['gt', 0, { i: '1152921504606846976' }])
    expect(pushed(col('amount').gt(2 ** 63))).toEqual(['gt', 1, { i: '9223372036854775808' }])
    expect(pushed(col('id').lt(2n ** 64n - 1n))).toEqual(['lt', 0, { i: '18446744073709551615' }])
    expect(pushed(col('amount').eq(9007199254740993n))).toEqual(['eq', 1, { i: '9007199254740993' }])
  })

  it('gives it times as the column counts them, written as a Date or as ISO 8601', () => {
    expect(pushed(col('at').gt('2024-01-01T00:00:00Z'))).toEqual(['gt', 4, { i: '1704067200000000' }])
    expect(pushed(col('at').eq('1970-01-01T00:00:00.000001Z'))).toEqual(['eq', 4, { i: '1' }])
    expect(pushed(col('at').in([new Date(0), '1969-12-31']))).toEqual(['in', 4, [{ i: '0' }, { i: '-86400000000' }]])
  })

  it('writes a long chain as one level, and leaves to TypeScript what nests deeper than it takes', () => {
    const chain = Array.from({ length: 2000 }, (_, i) => col('id').eq(i)).reduce<Expr>((a, b) => a.or(b), col('ok'))
    const [op, terms] = pushed(chain) as readonly ['or', readonly unknown[]]
    expect([op, terms.length, terms[2000]]).toEqual(['or', 2001, ['eq', 0, { i: '1999' }]])
    const nested = (levels: number) =>
      Array.from({ length: levels }).reduce<Expr>(
        (a, _, i) => (i % 2 === 0 ? a.and(col('ok')) : a.or(col('id').lt(i))),
        col('ok').not(),
      )
    expect(pushed(nested(96))).toBeDefined()
    expect(pushed(nested(100))).toBeUndefined()
  })

  it('leaves to TypeScript what the decoder would not answer exactly', () => {
    expect(pushed(col('amount').eq(Number.NaN))).toBeUndefined()
    expect(pushed(col('amount').lt(Number.POSITIVE_INFINITY))).toBeUndefined()
    expect(pushed(col('id').lt(Number.POSITIVE_INFINITY))).toBeUndefined()
    expect(pushed(col('amount').lt(2 ** 64))).toBeUndefined()
    expect(pushed(col('id').eq(col('amount')))).toBeUndefined()
    expect(pushed(col('amount').mul(2).gt(1))).toBeUndefined()
    expect(pushed(col('id').in([1, null]))).toBeUndefined()
    expect(pushed(col('ok').or(col('amount').mul(2).gt(1)))).toBeUndefined()
    expect(pushed(col('$key').eq('k'))).toBeUndefined()
    // Between two microseconds there is no literal of the column's own.
    expect(pushed(col('at').gt('2024-01-01T00:00:00.0000001Z'))).toBeUndefined()
    // A string that UTF-8 does not have.
    expect(pushed(col('country').eq('\ud800'))).toBeUndefined()
  })

  it('splits a conjunction, asks for what is cheap first and keeps the rest', () => {
    const plan = planned([filter(col('amount').gt(1).and(col('id').mul(2).gt(3)).and(col('ok')))], collect)
    expect(plan.predicate).toEqual([
      'and',
      [
        ['col', 3],
        ['gt', 1, { f: 1 }],
      ],
    ])
    expect(
      plan.steps.map((step) =>
        step.kind === 'filter' ? step.terms.map(({ predicate }) => String(predicate)).join() : step.kind,
      ),
    ).toEqual(['id * 2 > 3'])
  })

  it('reads a column that only the predicate needs without building it', () => {
    const plan = planned([filter(col('country').eq('DE')), select({ id: col('id') })], collect)
    expect(names(plan)).toEqual({ emitted: ['id'], tested: ['country'] })
    expect(plan.predicate).toEqual(['eq', 1, { s: 'DE' }])
  })

  it('looks through rename and select, and stops at a column that was given another value', () => {
    const through = planned(
      [
        { kind: 'rename', names: [['amount', 'price']] },
        select({ cost: col('price'), id: col('id') }),
        filter(col('cost').gt(1)),
      ],
      collect,
    )
    expect(through.columns!.map(({ field }) => field.name)).toEqual(['id', 'amount'])
    expect(through.predicate).toEqual(['gt', 1, { f: 1 }])
    const given = planned([withColumns({ amount: col('amount').mul(2) }), filter(col('amount').gt(1))], collect)
    expect(given.predicate).toBeUndefined()
    expect(given.steps.map(({ kind }) => kind)).toEqual(['project', 'filter'])
  })

  it('never moves a filter before a limit or a function of the user', () => {
    const fn = () => {}
    const barriers: Step[] = [
      { kind: 'limit', count: 3 },
      { kind: 'mapBatches', fn, fields },
      { kind: 'map', fn, fields },
      { kind: 'flatMap', fn, fields },
    ]
    for (const step of barriers) {
      const plan = planned([filter(col('ok')), step, filter(col('amount').gt(1))], collect)
      expect(plan.predicate).toEqual(['col', expect.any(Number)])
      expect(plan.steps.map(({ kind }) => kind)).toEqual([step.kind, 'filter'])
    }
  })

  it('moves a filter before unnest where it reads no item and can not fail', () => {
    const unnest: Step = { kind: 'unnest', column: 'tags', keepEmpty: false }
    const plan = planned(
      [unnest, filter(col('amount').gt(1)), filter(col('id').add(1).gt(1)), filter(col('tags').eq('x'))],
      collect,
    )
    expect(plan.predicate).toEqual(['gt', expect.any(Number), { f: 1 }])
    expect(plan.steps.map(({ kind }) => kind)).toEqual(['unnest', 'filter'])
    expect(plan.steps[1]).toMatchObject({ terms: [{ number: 4 }, { number: 3 }] })
  })

  it('stays in TypeScript for a stream of batches', () => {
    const plan = planned([filter(col('amount').gt(1))], collect, { kind: 'batches' })
    expect(plan.predicate).toBeUndefined()
    expect(plan.steps).toHaveLength(1)
  })
})

describe('byte pass-through', () => {
  it('sends the bytes where only filters and limits stand between equal codecs', () => {
    const plan = planned([filter(col('amount').gt(1)), { kind: 'limit', count: 5 }])
    expect(plan.value).toBe('bytes')
    expect(names(plan)).toEqual({ emitted: [], tested: ['amount'] })
    expect(new Set(plan.message)).toEqual(new Set(['$key', '$headers', '$timestamp', '$value', '$offset']))
  })

  it('does not where a step, the codec or its options may change the value', () => {
    const steps: Step[] = [
      select({ id: col('id') }),
      withColumns({ id: col('id') }),
      { kind: 'rename', names: [['id', 'n']] },
      { kind: 'drop', names: ['id'] },
      { kind: 'map', fn: () => {}, fields },
    ]
    for (const step of steps) expect(planned([step]).value).toBe('columns')
    expect(planned([], { ...toKafka, codec: 'string' }, { fields: fields.slice(0, 1) }).value).toBe('columns')
    expect(planned([], toKafka, { kind: 'batches' }).value).toBe('columns')
    const options = (value: string) => ({ codecOptions: { both: value } })
    expect(planned([], { ...toKafka, ...options('a') }, options('b')).value).toBe('columns')
    expect(planned([], { ...toKafka, ...options('a') }, options('a')).value).toBe('bytes')
    expect(planned([], { ...toKafka, codecOptions: { nonFinite: 'null' } }).value).toBe('bytes')
  })
})

describe('the envelope', () => {
  it('is carried for a Kafka sink alone', () => {
    expect(planned([], collect).message).toEqual([])
    expect(new Set(planned([select({ id: col('id') })]).message)).toEqual(
      new Set(['$key', '$headers', '$timestamp', '$tombstone', '$offset']),
    )
  })

  it('is not carried where the sink is told otherwise', () => {
    const plan = planned([], { ...toKafka, key: col('id'), headers: null, timestamp: null })
    expect(plan.message).toEqual(['$value', '$offset'])
    expect(plan.envelope).toEqual({ key: 'id' })
    expect(names(plan).emitted).toEqual(['id'])
  })

  it('goes along with rows through a function of the user', () => {
    const plan = planned([{ kind: 'map', fn: () => {}, fields: undefined }])
    expect(plan.steps[0]).toMatchObject({
      kind: 'map',
      carry: ['$key', '$headers', '$timestamp', '$tombstone', '$offset'],
    })
  })
})

describe('message columns', () => {
  it('are built where they are named', () => {
    const plan = planned([filter(col('$partition').eq(1)), select({ k: col('$key') })], collect)
    expect(new Set(plan.message)).toEqual(new Set(['$partition', '$key']))
    expect(plan.columns).toEqual([])
  })

  it('win over a document that has such a key', () => {
    const odd = [...fields, { name: '$key', type: { kind: 'utf8' } as const }]
    const plan = optimise(planned([], collect).bound.plan, odd)
    expect(names(plan).emitted).not.toContain('$key')
  })
})
