import { describe, expect, it } from 'vitest'
import { col, Stream } from '../../src/index.ts'

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
        '  of each message: $headers, $timestamp, $tombstone, $offset',
        '  in TypeScript:',
        '    1 filter id * 2 > 4',
        '    2 columns id, amount, tax = amount * 0.08, $headers, $timestamp, $tombstone, $offset',
        '  write processed: json of id, amount, tax',
        '  records keep their headers, timestamp',
        '  backend: auto; at-least-once, positions in the group processor',
      ].join('\n'),
    )
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
