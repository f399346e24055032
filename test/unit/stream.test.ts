import { describe, expect, it } from 'vitest'
import { col, SabotError, Stream } from '../../src/index.ts'

const schema = { id: 'int64', amount: 'float64', country: 'utf8' } as const
const orders = () => Stream.fromKafka({ bootstrapServers: 'b:9092', topic: 'orders', groupId: 'g', schema })
const untyped = () => Stream.fromKafka({ bootstrapServers: 'b:9092', topic: 'orders' }) as Stream

const thrown = (make: () => unknown): SabotError => {
  try {
    make()
  } catch (error) {
    expect(error).toBeInstanceOf(SabotError)
    return error as SabotError
  }
  throw new Error('it did not throw')
}

describe('a step with a column that does not exist', () => {
  const wrong = orders() as unknown as Stream
  const steps: Record<string, () => unknown> = {
    filter: () => wrong.filter(col('amonut').gt(1)),
    select: () => wrong.select('amonut'),
    withColumns: () => wrong.withColumns({ x: col('amonut').mul(2) }),
    rename: () => wrong.rename({ amonut: 'x' }),
    drop: () => wrong.drop('amonut'),
    'filter by a lambda': () => wrong.filter((b) => b.amonut!.gt(1)),
  }
  for (const [kind, step] of Object.entries(steps)) {
    it(`throws when it is added: ${kind}`, () => {
      const error = thrown(step)
      expect(error.code).toBe('SCHEMA')
      expect(error.message).toMatch(/"amonut".*Did you mean "amount"\?.*id, amount, country/)
    })
  }

  it('throws at the sink', () => {
    expect(thrown(() => orders().toKafka({ topic: 'x', key: 'cuntry' }).explain()).message).toMatch(
      /toKafka.*"cuntry".*"country"/,
    )
  })

  it('is not judged before the run where columns are inferred', () => {
    expect(() => untyped().filter(col('whatever').gt(1)).select('more')).not.toThrow()
  })

  it('is judged where a select has named the columns', () => {
    expect(thrown(() => (untyped().select('a', 'b') as unknown as Stream).filter(col('c').gt(1))).message).toMatch(
      /"c".*a, b/,
    )
  })
})

describe('a step with wrong arguments', () => {
  it('throws', () => {
    const s = untyped()
    expect(thrown(() => s.filter('amount > 3' as never)).message).toMatch(
      /filter: expected an expression.*"amount > 3"/,
    )
    expect(thrown(() => s.limit(-1)).message).toMatch(/limit: expected a whole number/)
    expect(thrown(() => s.map(3 as never)).message).toMatch(/map: expected a function/)
    expect(thrown(() => s.select()).message).toMatch(/select: expected at least one column/)
    expect(thrown(() => s.rename({ a: 3 } as never)).message).toMatch(/rename/)
    expect(thrown(() => s.select('a', { a: col('b') })).message).toMatch(/"a" is named twice/)
    expect(thrown(() => orders().rename({ id: 'amount' })).message).toMatch(/"amount" is named twice/)
    expect(thrown(() => orders().filter(col('amount').add(1) as never)).message).toMatch(/filter.*bool/)
    expect(thrown(() => s.withColumns({ $offset: col('a') })).message).toMatch(/"\$offset".*can not be given a value/)
    expect(thrown(() => s.mapBatches((b) => b, { schema: { a: 'int46' } } as never)).code).toBe('SCHEMA')
  })

  it('throws CONFIG for what is no source or sink', () => {
    expect(thrown(() => Stream.fromBatches(3 as never)).code).toBe('CONFIG')
    expect(thrown(() => Stream.fromKafka({ bootstrapServers: 'b:9092', topik: 't' } as never)).message).toMatch(/topic/)
    expect(thrown(() => Stream.fromBatches([]).toKafka({ topic: 'x' })).message).toMatch(/bootstrapServers/)
  })

  it('refuses exactly-once by name', async () => {
    const run = orders()
      .toKafka({ topic: 'x' })
      .run({ guarantee: 'exactly-once' } as never)
    await expect(run).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })
})

describe('message columns', () => {
  it('can be named before mapBatches and not behind it', () => {
    expect(() => orders().select('id').filter(col('$partition').eq(1))).not.toThrow()
    expect(() =>
      untyped()
        .map((r) => r)
        .filter(col('$partition').eq(1)),
    ).not.toThrow()
    expect(
      thrown(() =>
        untyped()
          .mapBatches((b) => b)
          .filter(col('$partition').eq(1)),
      ).message,
    ).toMatch(/"\$partition" is a message column, and there are none here/)
    expect(thrown(() => Stream.fromBatches([]).filter(col('$key').isNull())).code).toBe('SCHEMA')
  })
})

describe('a Stream', () => {
  it('is immutable: a step gives a new one', () => {
    const stream = orders()
    const filtered = stream.filter(col('amount').gt(1))
    expect(filtered).not.toBe(stream)
    expect(stream.explain()).not.toMatch('filter')
    expect(filtered.explain()).toMatch('filter')
  })

  it('takes positional arguments too', () => {
    expect(Stream.fromKafka('b:9092', 'orders', 'g', { schema }).toKafka('c:9092', 'out').explain()).toBe(
      orders().toKafka({ bootstrapServers: 'c:9092', topic: 'out' }).explain(),
    )
  })
})
