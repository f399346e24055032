import { describe, expect, it, vi } from 'vitest'
import type { Expr } from '../../src/expr/expr.ts'
import { col, lit, Stream } from '../../src/index.ts'
import { explain } from '../../src/plan/explain.ts'
import type { Plan, Step } from '../../src/plan/steps.ts'
import { parseSchema } from '../../src/schema.ts'

const schema = { id: 'int64', amount: 'float64', country: 'utf8' } as const
const source = { bootstrapServers: 'b:9092', topic: 'orders', groupId: 'processor' } as const

describe('explain', () => {
  it('shows the plan as written and as it runs', () => {
    const text = Stream.fromKafka({ ...source, schema })
      .filter(col('amount').gt(100).and(col('id').mul(2).gt(4)))
      .withColumns({ tax: col('amount').mul(0.08) })
      .drop('country')
      .toKafka({ topic: 'processed', key: 'id' })
      .explain()
    expect(text).toBe(
      [
        'Plan as written',
        '  fromKafka orders, json: id int64, amount float64, country utf8',
        '  1 filter amount > 100 and id * 2 > 4',
        '  2 withColumns tax = amount * 0.08',
        '  3 drop country',
        '  4 toKafka processed, json, key id',
        '',
        'Plan as it runs',
        '  decode 2 of 3 columns: id, amount',
        '  answered by the decoder:',
        '    1 filter amount > 100',
        '  not answered by the decoder: 1 filter id * 2 > 4: id * 2 is computed',
        '  of each message: $headers, $timestamp, $tombstone, $offset',
        '  natively, after decoding:',
        '    1 filter id * 2 > 4',
        '    2 columns tax = amount * 0.08',
        '  no step runs in TypeScript',
        '  write processed: json of id, amount, tax',
        '  encodes columns: step 2 withColumns changes the value',
        '  records keep their headers, timestamp',
        '  fused: rows go from the decoder to the sink natively',
        '  backend: auto (native: the addon is there); at-least-once, positions in the group processor',
      ].join('\n'),
    )
  })

  it('says that nothing is decoded where a filter is never true', () => {
    const orders = Stream.fromKafka({ ...source, schema })
    const expected = (filter: string) => [
      'Plan as it runs',
      `  decode nothing: no row passes ${filter}; positions move on`,
      '  no step runs in TypeScript',
      "  write processed: the value's bytes as they came (no step changes it)",
      '  records keep their key, headers, timestamp',
      '  fused: rows go from the decoder to the sink natively',
      '  backend: auto (native: the addon is there); at-least-once, positions in the group processor',
    ]
    const running = (stream: Pick<typeof orders, 'toKafka'>): string[] => {
      const text = stream.toKafka({ topic: 'processed' }).explain()
      return text.slice(text.indexOf('Plan as it runs')).split('\n')
    }
    const never = orders.filter(col('amount').gt(100)).filter(col('id').mul(2).gt(4)).filter(lit(1).gt(2))
    expect(running(never)).toEqual(expected('3 filter false'))
    // Of branches one has to be possible.
    const branches = (first: Expr) =>
      orders
        .fanOut((s) => [s.filter(first as never).toKafka({ topic: 'a' }), s.filter(lit(false)).toKafka({ topic: 'b' })])
        .explain()
    expect(branches(lit(false))).toMatch('decode nothing: no row passes 1 filter false or false; positions move on')
    expect(branches(col('amount').gt(100))).toMatch('answered by the decoder:\n    1 filter amount > 100 or false')
  })

  it('says what runs natively, and why the rest does not', () => {
    const step = (predicate: Expr): Step => ({ kind: 'filter', predicate })
    const fields = parseSchema(schema)
    const twice = col('amount').mul(1.5)
    const plan: Plan = {
      source: { kind: 'kafka', title: 'orders', codec: 'json', codecOptions: {}, fields, keyType: 'utf8' },
      steps: [
        step(col('id').mul(2).gt(4)),
        {
          kind: 'withColumns',
          columns: [
            { name: 'a', expr: twice },
            { name: 'b', expr: twice.add(1) },
          ],
        },
        step(col('country').str.lower().eq('de')),
      ],
      sink: { kind: 'collect' },
    }
    const text = explain(plan, { backend: 'auto', programs: true, unfused: undefined, guarantee: 'no group' })
    expect(text.slice(text.indexOf('Plan as it runs'))).toBe(
      [
        'Plan as it runs',
        '  decode 3 of 3 columns: id, amount, country',
        '  not answered by the decoder: 1 filter id * 2 > 4: id * 2 is computed',
        "  not answered by the decoder: 3 filter lower(country) = 'de': it stands behind step 2",
        '  of each message: $offset',
        '  natively, after decoding:',
        '    1 filter id * 2 > 4',
        '    2 computed once: $1 = amount * 1.5',
        '    2 columns a = $1, b = $1 + 1',
        "  not native: 3 filter lower(country) = 'de': lower is not native",
        '  in TypeScript:',
        "    3 filter lower(country) = 'de'",
        '  collect',
        '  backend: auto; no group',
      ].join('\n'),
    )
  })

  it('says why the decoder does not answer a filter', () => {
    const orders = Stream.fromKafka({ ...source, key: 'string', schema: { ...schema, price: 'decimal(9,2)' } })
    const left = (stream: { explain(): string }): string[] =>
      [...stream.explain().matchAll(/not answered by the decoder: (.*)/g)].map(([, why]) => why!)
    expect(
      left(
        orders.filter(
          col('amount')
            .gt(1)
            .or(col('country').in(['a', 'b']).not()),
        ),
      ),
    ).toEqual([])
    expect(left(orders.filter(col('amount').gt(col('id')).and(col('price').gt('1.5'))))).toEqual([
      '1 filter amount > id: it compares two columns',
      "1 filter price > '1.5': the literal '1.5' beside decimal(9,2) is not for the decoder",
    ])
    expect(left(orders.filter(col('$key').eq('a').or(col('amount').gt(1))))).toEqual([
      "1 filter $key = 'a' or amount > 1: $key is no column of the value",
    ])
    expect(left(orders.filter(col('country').str.contains('x')).limit(5).filter(col('amount').gt(1)))).toEqual([
      "1 filter contains(country, 'x'): contains(country, 'x') is computed",
      '3 filter amount > 1: it stands behind step 2',
    ])
    const branches = orders.fanOut((s) => [
      s.filter(col('amount').gt(1)).toKafka({ topic: 'a' }),
      s.fanOut((t) => [t.filter(col('id').gt(1)).toKafka({ topic: 'b' }), t.toKafka({ topic: 'c' })]),
    ])
    expect(left(branches)).toEqual(['1 filters of branches: branch 2 of branch 2 begins with none that it could'])
  })

  it('says why steps run in TypeScript: those behind one that does, of branches, and all of the js backend', () => {
    const orders = Stream.fromKafka({ ...source, schema })
    const why = (stream: { explain(): string }): string[] =>
      [...stream.explain().matchAll(/not (?:native|fused): .*/g)].map(([line]) => line)
    const twice = { twice: col('amount').mul(2) }
    expect(
      why(
        orders
          .mapBatches((batch) => batch, { schema })
          .withColumns(twice)
          .toKafka({ topic: 'x' }),
      ),
    ).toEqual([
      'not native: 1 mapBatches: a function of yours runs in JavaScript',
      'not native: what comes behind that',
      'not fused: step 1 (mapBatches) runs in TypeScript',
    ])
    const branches = orders.fanOut((s) => [
      s.withColumns(twice).toKafka({ topic: 'a' }),
      s.filter(col('id').gt(1)).toKafka({ topic: 'b' }),
    ])
    expect(why(branches)).toEqual(['not native: steps of branches', 'not fused: there are several sinks'])
    const js = Stream.fromKafka({ ...source, schema, backend: 'js' })
    expect(why(js.filter(col('amount').gt(1)).toKafka({ topic: 'x' }))).toEqual([
      'not fused: this backend runs on the JavaScript thread',
    ])
    expect(why(js.withColumns(twice).toKafka({ topic: 'x' }))).toEqual([
      'not native: this backend computes in TypeScript',
      'not fused: this backend runs on the JavaScript thread',
    ])
  })

  it('says that the environment does not let a run be fused', () => {
    vi.stubEnv('SABOT_FUSED', '0')
    const text = Stream.fromKafka({ ...source, schema })
      .toKafka({ topic: 'x' })
      .explain()
    vi.unstubAllEnvs()
    expect(text).toMatch('  not fused: SABOT_FUSED=0 is set')
  })

  it('says why the bytes do not pass', () => {
    const encodes = (stream: { explain(): string }) => /encodes columns: (.*)/.exec(stream.explain())?.[1]
    const read = Stream.fromKafka({ ...source, schema })
    expect(encodes(read.drop('id').toKafka({ topic: 'x' }))).toBe('step 1 drop changes the value')
    expect(encodes(read.limit(3).toKafka({ topic: 'x' }))).toBeUndefined()
    expect(encodes(read.select('country').toKafka({ topic: 'x', codec: 'string' }))).toBe(
      'step 1 select changes the value',
    )
    const text = Stream.fromKafka({ ...source, codec: 'string' })
    expect(encodes(text.toKafka({ topic: 'x', codec: 'json' }))).toBe('string is read, json is written')
  })

  it('says that bytes pass and that nothing is left to TypeScript', () => {
    const text = Stream.fromKafka({ ...source, schema })
      .filter(col('country').eq('DE'))
      .toKafka({ topic: 'de' })
      .explain()
    expect(text).toMatch('decode 1 of 3 columns: none')
    expect(text).toMatch('read for the predicate alone: country')
    expect(text).toMatch('no step runs in TypeScript')
    expect(text).toMatch("write de: the value's bytes as they came (no step changes it)")
    expect(text).toMatch('  fused: rows go from the decoder to the sink natively')
  })

  it('says why a run is not fused', () => {
    const orders = Stream.fromKafka({ ...source, schema })
    const step = orders.mapBatches((batch) => batch).toKafka({ topic: 'x' })
    expect(step.explain()).toMatch('not fused: step 1 (mapBatches) runs in TypeScript')
    const limited = orders.filter(col('id').gt(1)).limit(3).toKafka({ topic: 'x' })
    expect(limited.explain()).toMatch('not fused: step 2 (limit) runs in TypeScript')
    const inferred = Stream.fromKafka(source).filter(col('id').gt(1)).toKafka({ topic: 'x' })
    expect(inferred.explain()).toMatch('not fused: columns are inferred at run time')
    expect(Stream.fromKafka(source).toKafka({ topic: 'x' }).explain()).toMatch('  fused: ')
  })

  it('says that columns are inferred at run time where there is no schema', () => {
    const text = Stream.fromKafka(source).filter(col('amount').gt(1)).select('id').toKafka({ topic: 'x' }).explain()
    expect(text).toMatch('fromKafka orders, json: columns are inferred at run time')
    expect(text).toMatch(/decode amount, id|decode id, amount/)
  })

  it('works on a stream without a sink, and on batches', () => {
    expect(Stream.fromBatches([]).limit(3).explain()).toMatch('backend: none')
    expect(Stream.fromKafka(source).explain()).toMatch('decode every column')
  })
})
