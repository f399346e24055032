/**
 * What goes wrong under a source, on a real Kafka and on each backend: partitions that are lost, bytes that a disk has
 * changed, rows that fail through a whole run. Both end alike, with the same errors, rows and commits.
 */
import { beforeAll, describe, expect, test } from 'vitest'
import { col, Stream } from '../../src/index.ts'
import type { Backend, SourceEvent } from '../../src/kafka/backend.ts'
import type { KafkaRecord } from '../support/kafka-admin.ts'
import { eventually, failure, recordingLogger } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'
import { type BatchEvent, backends, committedOf, numbered, offsetsOf, plan, sourceOf, topicOf } from './seam.ts'

const { bootstrapServers } = kafka
const names = ['native', 'js'] as const
const quiet = { signals: false } as const

describe.each(names)('%s', (name) => {
  let backend: Backend
  beforeAll(() => {
    backend = backends[name]()
  })

  test('a thread of JavaScript that is busy from batch to batch keeps its partitions, where the session is longer than one', async () => {
    const [topic, groupId] = [await topicOf('busy'), unique('group')]
    await kafka.produce(topic, numbered(50))
    const stream = Stream.fromKafka({
      bootstrapServers,
      topic,
      groupId,
      until: 'end',
      codec: 'string',
      backend: name,
      sessionTimeoutMs: 1_500,
      batch: { maxRows: 10 },
      commitIntervalMs: 100,
    })
    const { rebalances, rowsOut } = await stream.forEachBatch(() => {
      const end = performance.now() + 900
      while (performance.now() < end);
    }, quiet)
    expect(rebalances).toMatchObject({ assigned: 1, lost: 0 })
    expect(rowsOut).toBe(50)
    expect(await committedOf(groupId)).toEqual({ 0: 50 })
  })

  test('a thread of JavaScript that is busy for longer than the session: js loses its partitions and reads them again', async () => {
    const [topic, output, groupId] = [await topicOf('stuck'), await topicOf('stuck-out'), unique('group')]
    await kafka.produce(topic, numbered(50))
    const options = {
      bootstrapServers,
      topic,
      groupId,
      codec: 'string',
      backend: name,
      sessionTimeoutMs: 1_500,
    } as const
    let calls = 0
    const run = Stream.fromKafka({ ...options, batch: { maxRows: 10 }, commitIntervalMs: 50 })
      .mapBatches((batch) => {
        const end = performance.now() + (calls++ === 0 ? 3_000 : 0)
        while (performance.now() < end);
        return batch
      })
      .toKafka({ topic: output })
      .start(quiet)
    await eventually(async () => (await committedOf(groupId))[0] === 50, 'everything is committed')
    await run.stop()
    const { rebalances } = await run.done
    expect(rebalances).toEqual(
      name === 'native' ? { assigned: 1, revoked: 0, lost: 0 } : { assigned: 2, revoked: 0, lost: 1 },
    )
    const values = new Set((await kafka.consume(output)).map(({ value }) => Number(value)))
    expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i))
  })

  describe('partitions of a member that the group has removed', () => {
    test.each(['cooperative', 'range'] as const)(
      'come as lost (%s): what was read of them commits nothing, and they are read again in a new epoch',
      async (assignment) => {
        const [topic, groupId] = [await topicOf('lost', 2), unique('group')]
        await kafka.produce(topic, [...numbered(5), ...numbered(5, 1)])
        const source = sourceOf(backend, { topic, groupId, assignment, kafka: { 'heartbeat.interval.ms': 200 } })
        await source.open()
        source.start(plan)
        const seen: BatchEvent[] = []
        const epochs = new Map<number, number>()
        let lost: Extract<SourceEvent, { kind: 'revoked' }> | undefined
        const reading = (async () => {
          for (;;) {
            const event = await source.next()
            if (event.kind === 'batch') seen.push(event)
            else if (event.kind === 'assigned') {
              for (const one of event.partitions) epochs.set(one.partition, one.epoch)
            } else if (event.kind === 'revoked') lost = event
          }
        })().catch((error) => expect(error.code).toBe('CLOSED'))
        const rows = () => seen.reduce((sum, { batch }) => sum + batch.numRows, 0)
        await eventually(() => rows() === 10, 'everything is read')
        const before = new Map(epochs)
        const position = (partition: number) =>
          seen.findLast((event) => event.position.partition === partition)!.position
        await source.commit([{ ...position(0), offset: 2n }])

        seen.length = 0
        await kafka.removeMembers(groupId)
        await eventually(() => lost !== undefined, 'it is told')
        expect(lost!.lost).toBe(true)
        expect(lost!.partitions.map(({ partition }) => partition).sort()).toEqual([0, 1])
        // Whether another member has them is not known: this is dropped, and no error of the run's.
        const late = [0, 1].map((partition) => ({ topic, partition, offset: 5n, epoch: before.get(partition)! }))
        await source.commit(late)
        expect(await committedOf(groupId)).toEqual({ 0: 2 })

        source.revoked(lost!.token)
        await eventually(() => rows() === 8, 'it has joined again, and reads on from what is committed')
        expect(offsetsOf(seen)).toEqual({ [`${topic}:0`]: [2, 3, 4], [`${topic}:1`]: [0, 1, 2, 3, 4] })
        for (const partition of [0, 1]) expect(epochs.get(partition)).toBeGreaterThan(before.get(partition)!)
        await source.commit(late)
        expect(await committedOf(groupId)).toEqual({ 0: 2 })
        await source.commit([{ ...position(1), offset: 4n }])
        expect(await committedOf(groupId)).toEqual({ 0: 2, 1: 4 })
        await source.close()
        await reading
      },
    )

    test.each(['with a step', 'without'] as const)(
      'are read again by the run that goes on: no row is missing, everything is committed (%s)',
      async (how) => {
        const [input, output, groupId] = [await topicOf('lost-in', 2), await topicOf('lost-out'), unique('group')]
        const [first, count] = [2000, 2500]
        await kafka.produce(input, [...numbered(first), ...numbered(first, 1, count)])
        const stream = Stream.fromKafka({
          bootstrapServers,
          topic: input,
          groupId,
          codec: 'string',
          backend: name,
          commitIntervalMs: 20,
          batch: { maxRows: 100 },
          kafka: { 'heartbeat.interval.ms': 100 },
        })
        const slow = stream.mapBatches(async (batch) => {
          await new Promise((resolve) => setTimeout(resolve, 30))
          return batch
        })
        const run = (how === 'without' ? stream : slow).toKafka({ topic: output }).start(quiet)
        await eventually(async () => Object.keys(await committedOf(groupId)).length > 0, 'it commits')
        await kafka.removeMembers(groupId)
        await eventually(() => run.metrics().rebalances.lost === 2, 'it has lost them')
        await kafka.produce(input, [...numbered(count - first, 0, first), ...numbered(count - first, 1, count + first)])
        await eventually(async () => {
          const committed = await committedOf(groupId)
          return committed[0] === count && committed[1] === count
        }, 'everything is committed')
        await run.stop()
        const { assigned, revoked } = (await run.done).rebalances
        expect([assigned, revoked]).toEqual([4, 0])
        const values = new Set((await kafka.consume(output)).map(({ value }) => Number(value)))
        expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: 2 * count }, (_, i) => i))
      },
    )
  })

  describe('a record that the disk has changed', () => {
    const good = Array.from({ length: 5 }, (_, i) => ({ value: `good ${i}` }))
    const damaged = /^fromKafka: partition .*: MessageSet at offset 5 \(\d+ bytes\) failed CRC32C check \(original 0x/

    /** Five records, three that go bad together, five more. */
    async function damagedTopic(): Promise<string> {
      const topic = await topicOf('damaged')
      await kafka.produce(topic, good)
      await kafka.produce(topic, [{ value: 'bad 5' }, { value: 'the needle' }, { value: 'bad 7' }])
      await kafka.produce(topic, good)
      await kafka.corrupt(topic, 0, 'the needle')
      return topic
    }

    test('fails the source at its batch, with the place; nothing of the batch is handed over', async () => {
      const topic = await damagedTopic()
      const source = sourceOf(backend, { topic, until: 'end' })
      await source.open()
      source.start(plan)
      const seen: BatchEvent[] = []
      const error = await failure(async () => {
        for (;;) {
          const event = await source.next()
          expect(event.kind).not.toBe('end')
          if (event.kind === 'batch') seen.push(event)
        }
      })
      expect(error).toMatchObject({ code: 'KAFKA', retriable: false, where: { topic, partition: 0 } })
      expect(error.message).toMatch(damaged)
      for (const { position } of seen) expect(position.offset).toBeLessThanOrEqual(5n)
      await source.close()
    })

    test.each(['fail', 'skip'] as const)(
      'ends the run under onError %s, since it is no bad row; what came before it is written and committed',
      async (onError) => {
        const [input, output, groupId] = [await damagedTopic(), await topicOf('damaged-out'), unique('group')]
        const stream = Stream.fromKafka({
          bootstrapServers,
          topic: input,
          groupId,
          codec: 'string',
          backend: name,
          onError,
        }).toKafka({ topic: output })
        for (let time = 0; time < 2; time++) {
          const error = await failure(stream.run(quiet))
          expect(error).toMatchObject({ code: 'KAFKA', where: { topic: input, partition: 0 } })
          expect(error.message).toMatch(damaged)
        }
        const committed = (await committedOf(groupId))[0] ?? 0
        expect(committed).toBeLessThanOrEqual(5)
        const values = (await kafka.consume(output)).map(({ value }) => String(value))
        expect(values.slice(0, committed)).toEqual(good.map(({ value }) => value).slice(0, committed))
        for (const value of values) expect(value).toMatch(/^good [0-4]$/)

        // Who can do without the records moves the group behind them; the batch is eight offsets long with those before.
        await kafka.commit(groupId, input, 0, 8)
        const rest = Stream.fromKafka({
          bootstrapServers,
          topic: input,
          groupId,
          codec: 'string',
          backend: name,
          until: 'end',
        })
        expect((await rest.collect(quiet)).numRows).toBe(5)
        expect(await committedOf(groupId)).toEqual({ 0: 13 })
      },
    )
  })
})

describe('rows that fail through a whole run', () => {
  const int32 = (value: number): Buffer => {
    const key = Buffer.alloc(4)
    key.writeInt32BE(value)
    return key
  }
  const fine = (id: number): KafkaRecord => ({ key: int32(id), value: `{"id":${id},"amount":${id * 10},"p":0}` })
  /** By what is wrong: a record, the code, and what the message says. */
  const wrong: Readonly<Record<string, readonly [KafkaRecord, string, RegExp]>> = {
    'no JSON': [{ key: int32(1), value: '{"id":1,' }, 'DECODE', /./],
    'no UTF-8': [{ key: int32(1), value: Buffer.from('7b226964ff223a317d', 'hex') }, 'DECODE', /UTF-8/],
    'a value of another type': [
      { key: int32(1), value: '{"id":"x","amount":1,"p":0}' },
      'SCHEMA',
      /id: expected .*int64/,
    ],
    'a number that is too large': [
      { key: int32(1), value: '{"id":1,"amount":9223372036854775808,"p":0}' },
      'SCHEMA',
      /amount: expected/,
    ],
    'a key of another length': [
      { key: 'eight by', value: '{"id":1,"amount":1,"p":0}' },
      'DECODE',
      /^\$key: expected 4/,
    ],
    'an expression without a value': [
      { key: int32(1), value: '{"id":1,"amount":9223372036854775807,"p":0}' },
      'SCHEMA',
      /amount/,
    ],
    'a record that cannot be': [
      { key: int32(1), value: '{"id":1,"amount":1,"p":-1}' },
      'ENCODE',
      /column p: expected a partition/,
    ],
  }

  const plans = ['where no step needs JavaScript', 'with a step in JavaScript'] as const

  interface Ends {
    readonly error?: { readonly code: string; readonly message: string; readonly where: unknown }
    readonly errors: Readonly<Record<string, number>>
    readonly skipped: readonly (readonly [bigint, string, string])[]
    readonly values: readonly string[]
    readonly committed: Readonly<Record<number, number>>
    readonly rows: readonly [number, number]
  }

  async function ended(
    backend: (typeof names)[number],
    how: (typeof plans)[number],
    onError: 'fail' | 'skip',
    input: string,
  ): Promise<Ends> {
    const [output, groupId] = [await topicOf('rows-out'), unique('group')]
    const logger = recordingLogger()
    const source = Stream.fromKafka({
      bootstrapServers,
      topic: input,
      groupId,
      until: 'end',
      schema: { id: 'int64', amount: 'int64', p: 'int32' },
      key: 'int32',
      batch: { maxRows: 4 },
      backend,
      onError,
      logger,
    })
    const columns = source.withColumns({ more: col('amount').add(1), k: col('$key') })
    const stepped = how === 'with a step in JavaScript' ? columns.mapBatches((batch) => batch) : columns
    const run = stepped.toKafka({ topic: output, partition: 'p' }).start(quiet)
    const error = await run.done.then(
      () => undefined,
      ({ code, message, where }) => ({ code, message, where }),
    )
    const { errors, messagesIn, rowsOut } = run.metrics()
    return {
      ...(error !== undefined && { error }),
      errors,
      skipped: logger.lines
        .filter(({ message }) => message === 'row skipped')
        .map(({ fields: { offset, code, reason } }) => [offset as bigint, code as string, reason as string]),
      values: (await kafka.consume(output)).map(({ value }) => String(value)),
      committed: await committedOf(groupId),
      rows: [messagesIn, rowsOut],
    }
  }

  const written = (id: number): string => `{"id":${id},"amount":${id * 10},"p":0,"more":${id * 10 + 1},"k":${id}}`

  describe.each(plans)('%s', (how) => {
    test('skip: the others go on; both backends count, tell, write and commit the same', async () => {
      const input = await topicOf('rows')
      // A good one before and after each.
      const records = Object.values(wrong).flatMap(([record], i) => [fine(2 * i), record])
      await kafka.produce(input, [...records, fine(records.length)])
      const [native, js] = [await ended('native', how, 'skip', input), await ended('js', how, 'skip', input)]
      expect(native.error).toBe(undefined)
      const told = [...native.skipped].sort(([a], [b]) => Number(a - b))
      expect(told).toEqual(
        Object.values(wrong).map(([, code, reason], i) => [BigInt(2 * i + 1), code, expect.stringMatching(reason)]),
      )
      expect(native.errors).toEqual({ DECODE: 3, SCHEMA: 3, ENCODE: 1 })
      expect(native.rows).toEqual([15, 8])
      expect(native.values).toEqual(Array.from({ length: 8 }, (_, i) => written(2 * i)))
      expect(native.committed).toEqual({ 0: 15 })
      expect([...js.skipped].sort(([a], [b]) => Number(a - b))).toEqual(told)
      expect({ ...js, skipped: [] }).toEqual({ ...native, skipped: [] })
    })

    test.each(Object.entries(wrong))(
      'fail, at %s: the run ends with the record; nothing past it is committed',
      async (_, row) => {
        const [record, code, reason] = row
        const [input, at] = [await topicOf('row'), 9]
        const records = Array.from({ length: 15 }, (_, id) => (id === at ? record : fine(id)))
        await kafka.produce(input, records)
        const [native, js] = [await ended('native', how, 'fail', input), await ended('js', how, 'fail', input)]
        for (const one of [native, js]) {
          expect(one.error).toMatchObject({ code, where: { topic: input, partition: 0, offset: BigInt(at) } })
          expect(one.error!.message.slice(`${input}[0] at offset ${at}: `.length)).toMatch(reason)
          expect(one.errors).toEqual({ [code]: 1 })
          expect(one.skipped).toEqual([])
          const committed = one.committed[0] ?? 0
          expect(committed).toBeLessThanOrEqual(at)
          const ids = one.values.map((value) => (JSON.parse(value) as { id: number }).id)
          expect(one.values).toEqual(ids.map(written))
          expect(ids).toEqual([...ids].sort((a, b) => a - b))
          expect(ids.slice(0, committed)).toEqual(Array.from({ length: committed }, (_, id) => id))
          expect(ids).not.toContain(at)
          // What cannot be written is found while later batches are on their way; all else, before they are.
          if (code !== 'ENCODE') expect(ids.filter((id) => id > at)).toEqual([])
        }
        expect(js.error).toEqual(native.error)
      },
    )
  })
})
