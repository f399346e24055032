/** Keys as Kafka's own serializers write them, on the embedded broker. */
import { Binary, Float64, Table, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { col, EmbeddedBroker, SabotError, Stream } from '../../src/index.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const keys = {
  ints: ['00000005', 'fffffffe', null, '7fffffff', '80000000'],
  longs: ['0000000000000005', '7fffffffffffffff', null, '8000000000000000', 'ffffffffffffffff'],
  doubles: ['3ff8000000000000', '8000000000000000', null, '7ff0000000000000', 'c000000000000000'],
  odd: ['00000005', '000005', null, '', '00000006'],
}

let broker: EmbeddedBroker
beforeAll(async () => {
  broker = await EmbeddedBroker.start({ topics: [...Object.keys(keys), 'out', 'none'] })
  for (const [topic, list] of Object.entries(keys)) {
    const rows = new Table({
      n: vectorFromArray(
        list.map((_, i) => i),
        new Float64(),
      ),
      $key: vectorFromArray(
        list.map((key) => (key === null ? null : hex(key))),
        new Binary(),
      ),
    })
    await Stream.fromBatches(rows).toKafka({ bootstrapServers: broker.bootstrapServers, topic }).run()
  }
})
afterAll(() => broker?.close())

const read = (
  topic: string,
  key: 'bytes' | 'string' | 'int32' | 'int64' | 'float64',
  onError: 'fail' | 'skip' = 'fail',
) =>
  Stream.fromKafka({
    bootstrapServers: broker.bootstrapServers,
    topic,
    key,
    onError,
    until: 'end',
    schema: { n: 'float64' },
  })

const values = async (stream: Stream<never>, name: string): Promise<unknown[]> => [
  ...(await (stream as unknown as Stream).collect()).getChild(name)!,
]

describe('a key that one of Kafka serializers wrote', () => {
  it('is the number', async () => {
    const numbers = (topic: string, key: 'int32' | 'int64' | 'float64') =>
      values(read(topic, key).select({ k: col('$key') }) as never, 'k')
    expect(await numbers('ints', 'int32')).toEqual([5, -2, null, 2 ** 31 - 1, -(2 ** 31)])
    expect(await numbers('longs', 'int64')).toEqual([5n, 2n ** 63n - 1n, null, -(2n ** 63n), -1n])
    expect(await numbers('doubles', 'float64')).toEqual([1.5, -0, null, Number.POSITIVE_INFINITY, -2])
  })

  it('is compared and computed with, under its own name too', async () => {
    expect(await values(read('ints', 'int32').filter(col('$key').gt(0)) as never, 'n')).toEqual([0, 3])
    expect(await values(read('ints', 'int32').filter(col('$key').isNull()) as never, 'n')).toEqual([2])
    expect(
      await values(
        read('longs', 'int64')
          .filter(col('$key').lt(0))
          .select({ k: col('$key').add(1) }) as never,
        'k',
      ),
    ).toEqual([-(2n ** 63n) + 1n, 0n])
    expect(await values(read('ints', 'int32').select('$key') as never, '$key')).toEqual([
      5,
      -2,
      null,
      2 ** 31 - 1,
      -(2 ** 31),
    ])
  })

  it('keeps its bytes on its way to a topic', async () => {
    const to = { bootstrapServers: broker.bootstrapServers, topic: 'out' }
    await read('ints', 'int32').filter(col('$key').ne(-2)).toKafka(to).run()
    await read('longs', 'int64')
      .filter(col('$key').eq(5))
      .withColumns({ k: col('$key') })
      .toKafka(to)
      .run()
    await read('doubles', 'float64')
      .filter(col('$key').eq(0))
      .map(({ n }) => ({ n }))
      .toKafka(to)
      .run()
    const kept = await values(read('out', 'bytes').select({ k: col('$key') }) as never, 'k')
    expect(kept.map((key) => Buffer.from(key as Uint8Array).toString('hex')).sort()).toEqual(
      ['00000005', '7fffffff', '80000000', '0000000000000005', '8000000000000000'].sort(),
    )
  })

  it('is an error of its row where it has another length', async () => {
    const run = (onError: 'fail' | 'skip') =>
      values(read('odd', 'int32', onError).select({ k: col('$key') }) as never, 'k')
    await expect(run('fail')).rejects.toThrow(
      /\$key: expected 4 bytes, a big-endian int32; got 3 \(read the key as binary/,
    )
    expect(await run('skip')).toEqual([5, null, 6])
  })

  it('is not asked for where nobody names it', async () => {
    expect(await values(read('odd', 'int32').select('n') as never, 'n')).toEqual([0, 1, 2, 3, 4])
  })

  it('that has become a column is no record key by itself', () => {
    const to = { bootstrapServers: broker.bootstrapServers, topic: 'none' }
    const error = (): unknown => read('ints', 'int32').select('n', '$key').toKafka(to).explain()
    expect(error).toThrow(SabotError)
    expect(error).toThrow(/the column "\$key" is int32 here, and a record's key is bytes/)
  })
})
