/** Where a read begins and where it ends, against a real Kafka: what Java's client wrote is what is there. */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { type From, type KafkaSourceOptions, type RunMetrics, Stream, type Until } from '../../src/index.ts'
import { eventually, plainRows } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka
const quiet = { signals: false } as const

type Options = Partial<Omit<KafkaSourceOptions, 'schema'>>

/** The records that a bounded read gives, as `partition:offset`, in order; whatever their values are. */
async function read(topic: string, options: Options = {}): Promise<string[]> {
  const table = await Stream.fromKafka({ bootstrapServers, topic, until: 'end', ...options, codec: 'bytes' })
    .select('$partition', '$offset')
    .collect(quiet)
  const rows = plainRows(table).map((row) => [Number(row.$partition), Number(row.$offset)] as const)
  const places = rows.map(([partition, offset]) => `${partition}:${offset}`)
  // Rows of a partition come in order; of several in any.
  const byPlace = rows.toSorted(([p, o], [q, n]) => p - q || o - n).map(([p, o]) => `${p}:${o}`)
  for (const partition of new Set(rows.map(([p]) => p))) {
    const of = (list: readonly string[]) => list.filter((place) => place.startsWith(`${partition}:`))
    expect(of(places)).toEqual(of(byPlace))
  }
  return byPlace
}

async function topicOf(name: string, partitions = 1, config: Readonly<Record<string, string>> = {}): Promise<string> {
  const topic = unique(name)
  await kafka.createTopic(topic, partitions, config)
  return topic
}

const committedOf = async (group: string): Promise<Record<number, number>> =>
  Object.fromEntries((await kafka.committed(group)).map(({ partition, offset }) => [partition, offset]))

/** One record a value, each at its own time. */
const timed = (partition: number, ...timestamps: number[]) =>
  timestamps.map((timestamp) => ({ partition, timestamp, value: String(timestamp) }))

describe.each([
  ['without a group', () => ({})],
  ['with a group', () => ({ groupId: unique('group') })],
])('%s', (_, group: () => Options) => {
  /** Partition 2 is empty. */
  let topic: string
  beforeAll(async () => {
    topic = await topicOf('timed', 3)
    await kafka.produce(topic, [...timed(0, 1000, 2000, 3000, 4000), ...timed(1, 1500, 2500)])
  })
  const all = ['0:0', '0:1', '0:2', '0:3', '1:0', '1:1']

  test.each<[string, From, string[]]>([
    ['earliest', 'earliest', all],
    ['latest', 'latest', []],
    ['a time between records', { timestamp: 1700 }, ['0:1', '0:2', '0:3', '1:1']],
    ['the time of a record', { timestamp: new Date(3000) }, ['0:2', '0:3']],
    ['a time before all', { timestamp: 0 }, all],
    ['a time after all', { timestamp: 5000 }, []],
  ])('from %s until the end', async (_, from, expected) => {
    expect(await read(topic, { ...group(), from })).toEqual(expected)
  })

  test('from offsets, and from the earliest where none is named', async () => {
    const from = (offsets: Record<number, number | bigint>) => ({ offsets: { [topic]: offsets } })
    expect(await read(topic, { ...group(), from: from({ 0: 2, 1: 1n }) })).toEqual(['0:2', '0:3', '1:1'])
    expect(await read(topic, { ...group(), from: from({ 0: 3 }) })).toEqual(['0:3', '1:0', '1:1'])
    expect(await read(topic, { ...group(), from: from({ 0: 4, 1: 2, 2: 0 }) })).toEqual([])
  })

  test.each<[string, Until, string[]]>([
    ['a time between records', { timestamp: 2600 }, ['0:0', '0:1', '1:0', '1:1']],
    ['the time of a record, which stays out', { timestamp: new Date(2000) }, ['0:0', '1:0']],
    ['a time before all', { timestamp: 1 }, []],
    ['a time after all', { timestamp: 9000 }, all],
    ['a time that is still to come', { timestamp: Date.now() + 3_600_000 }, all],
  ])('until %s', async (_, until, expected) => {
    expect(await read(topic, { ...group(), until })).toEqual(expected)
  })

  test('from one time until another', async () => {
    expect(await read(topic, { ...group(), from: { timestamp: 1600 }, until: { timestamp: 3500 } })).toEqual([
      '0:1',
      '0:2',
      '1:1',
    ])
    expect(await read(topic, { ...group(), from: { timestamp: 3500 }, until: { timestamp: 1600 } })).toEqual([])
  })

  test('until a time ends before the first record that is as late, whatever comes behind it', async () => {
    const unordered = await topicOf('unordered')
    await kafka.produce(unordered, timed(0, 1000, 3000, 1100, 1200))
    expect(await read(unordered, { ...group(), until: { timestamp: 2000 } })).toEqual(['0:0'])
  })

  test('an empty topic ends at once', async () => {
    expect(await read(await topicOf('empty', 5), group())).toEqual([])
  })

  test('records that were deleted from the beginning are passed over', async () => {
    const deleted = await topicOf('deleted', 2)
    await kafka.produce(deleted, [...timed(0, 1, 2, 3, 4), ...timed(1, 1, 2)])
    await kafka.deleteRecords(deleted, 0, 3)
    await kafka.deleteRecords(deleted, 1, 2)
    expect(await read(deleted, group())).toEqual(['0:3'])
    expect(await read(deleted, { ...group(), from: { offsets: { [deleted]: { 0: 1, 1: 0 } } } })).toEqual(['0:3'])
  })

  test('a topic that a transaction ended: its markers are no rows', async () => {
    const marked = await topicOf('marked')
    await kafka.produce(marked, timed(0, 1, 2), { transactionalId: marked })
    expect(await kafka.offsets(marked)).toEqual([3])
    const options = group()
    expect(await read(marked, options)).toEqual(['0:0', '0:1'])
    // The position lies behind the marker, not behind the last row.
    if (options.groupId !== undefined) expect(await committedOf(options.groupId)).toEqual({ 0: 3 })
  })

  test('aborted transactions at the end, in the middle and in one partition alone', async () => {
    const aborted = await topicOf('aborted', 2)
    const transaction = (...records: ReturnType<typeof timed>) => ({
      with: (end: 'commit' | 'abort') => kafka.produce(aborted, records, { transactionalId: aborted, end }),
    })
    await transaction(...timed(0, 1)).with('commit') // 0:0, marker 0:1
    await transaction(...timed(0, 2), ...timed(1, 2)).with('abort') // 0:2, 1:0, markers 0:3, 1:1
    await transaction(...timed(0, 3)).with('commit') // 0:4, marker 0:5
    await transaction(...timed(0, 4, 5)).with('abort') // 0:6, 0:7, marker 0:8
    expect(await kafka.offsets(aborted)).toEqual([9, 2])
    const options = group()
    expect(await read(aborted, options)).toEqual(['0:0', '0:4'])
    if (options.groupId !== undefined) expect(await committedOf(options.groupId)).toEqual({ 0: 9, 1: 2 })
    const uncommitted = await read(aborted, { ...group(), isolation: 'read_uncommitted' })
    expect(uncommitted).toEqual(['0:0', '0:2', '0:4', '0:6', '0:7', '1:0'])
  })

  test('an open transaction at the end holds nothing up', async () => {
    const open = await topicOf('open')
    await kafka.produce(open, timed(0, 1, 2))
    await kafka.produce(open, timed(0, 3), { transactionalId: open, end: 'open' })
    await kafka.produce(open, timed(0, 4))
    expect(await read(open, group())).toEqual(['0:0', '0:1'])
    const uncommitted = await read(open, { ...group(), isolation: 'read_uncommitted' })
    expect(uncommitted).toEqual(['0:0', '0:1', '0:2', '0:3'])
  })

  test('latest, for ever: only what is written from then on', async () => {
    const live = await topicOf('live', 2)
    await kafka.produce(live, [...timed(0, 1, 2), ...timed(1, 1)])
    const seen: string[] = []
    const stop = new AbortController()
    const done = Stream.fromKafka({
      bootstrapServers,
      topic: live,
      codec: 'string',
      from: 'latest',
      ...group(),
    }).forEachBatch((batch) => seen.push(...batch.toArray().map(({ value }) => String(value))), {
      ...quiet,
      signal: stop.signal,
    })
    // A run that has just begun may miss the first; from the first that it has seen on, it misses none.
    let written = 100
    await eventually(async () => {
      await kafka.produce(live, [...timed(0, ++written), ...timed(1, ++written)])
      return [0, 1].every((rest) => seen.some((value) => Number(value) % 2 === rest))
    }, 'a record that is written later is read')
    await kafka.produce(live, [...timed(0, ++written), ...timed(1, ++written)])
    await eventually(() => seen.includes(String(written)) && seen.includes(String(written - 1)), 'the last is read')
    stop.abort()
    await done
    for (const rest of [0, 1]) {
      const values = seen.map(Number).filter((value) => value % 2 === rest)
      const all = Array.from({ length: values.length }, (_, i) => values[0]! + 2 * i)
      expect(values[0]).toBeGreaterThan(100)
      expect(values).toEqual(all)
    }
  })
})

describe('a group', () => {
  let topic: string
  beforeAll(async () => {
    topic = await topicOf('committed', 3)
    await kafka.produce(topic, [...timed(0, 1000, 2000, 3000, 4000), ...timed(1, 1500, 2500)])
  })

  test.each<[string, From, string[]]>([
    ['earliest', 'earliest', ['0:3', '1:0', '1:1']],
    ['latest', 'latest', ['0:3']],
    ['a time', { timestamp: 2400 }, ['0:3', '1:1']],
  ])('goes on where it has committed, and else from %s', async (_, from, expected) => {
    const groupId = unique('partly')
    await kafka.commit(groupId, topic, 0, 3)
    expect(await read(topic, { groupId, from })).toEqual(expected)
  })

  test('goes on where it has committed, whatever offsets `from` names', async () => {
    const groupId = unique('named')
    await kafka.commit(groupId, topic, 0, 3)
    expect(await read(topic, { groupId, from: { offsets: { [topic]: { 0: 1, 1: 1 } } } })).toEqual(['0:3', '1:1'])
  })

  test('reads each record in one of two runs', async () => {
    const groupId = unique('twice')
    expect(await read(topic, { groupId })).toHaveLength(6)
    expect(await committedOf(groupId)).toMatchObject({ 0: 4, 1: 2 })
    expect(await read(topic, { groupId })).toEqual([])
    const more = await topicOf('more')
    await kafka.produce(more, timed(0, 1, 2))
    expect(await read(more, { groupId })).toEqual(['0:0', '0:1'])
    await kafka.produce(more, timed(0, 3))
    expect(await read(more, { groupId })).toEqual(['0:2'])
  })

  test('commits up to a time and goes on behind it', async () => {
    const groupId = unique('days')
    expect(await read(topic, { groupId, until: { timestamp: 2000 } })).toEqual(['0:0', '1:0'])
    expect(await committedOf(groupId)).toMatchObject({ 0: 1, 1: 1 })
    expect(await read(topic, { groupId, until: { timestamp: 4000 } })).toEqual(['0:1', '0:2', '1:1'])
    expect(await read(topic, { groupId })).toEqual(['0:3'])
  })

  test('whose position was deleted begins at the earliest that is left', async () => {
    const deleted = await topicOf('outrun')
    await kafka.produce(deleted, timed(0, 1, 2, 3, 4))
    const groupId = unique('outrun')
    await kafka.commit(groupId, deleted, 0, 1)
    await kafka.deleteRecords(deleted, 0, 2)
    expect(await read(deleted, { groupId })).toEqual(['0:2', '0:3'])
    expect(await committedOf(groupId)).toEqual({ 0: 4 })
  })

  test('whose position lies beyond the end, since the topic was made anew, begins at the earliest', async () => {
    const anew = await topicOf('anew')
    await kafka.produce(anew, timed(0, 1, 2))
    const groupId = unique('anew')
    await kafka.commit(groupId, anew, 0, 10)
    expect(await read(anew, { groupId })).toEqual(['0:0', '0:1'])
    expect(await committedOf(groupId)).toEqual({ 0: 2 })
  })

  test('reads what is written while it runs, and not behind the end of its start', async () => {
    const growing = await topicOf('growing')
    await kafka.produce(growing, timed(0, 1, 2, 3))
    const groupId = unique('growing')
    const values: number[] = []
    const metrics: RunMetrics = await Stream.fromKafka({
      bootstrapServers,
      topic: growing,
      groupId,
      codec: 'string',
      until: 'end',
      batch: { maxRows: 1 },
    }).forEachBatch(async (batch) => {
      values.push(...batch.toArray().map(({ value }) => Number(value)))
      await kafka.produce(growing, timed(0, 100 + values.length))
    }, quiet)
    expect(values).toEqual([1, 2, 3])
    expect(metrics.rowsOut).toBe(3)
    expect(await committedOf(groupId)).toEqual({ 0: 3 })
    expect(await read(growing, { groupId })).toEqual(['0:3', '0:4', '0:5'])
  })
})

describe('a compacted topic', () => {
  test('ends rightly where its last records are gone and nothing but a marker is left behind them', async () => {
    const topic = await topicOf('compacted', 1, {
      'cleanup.policy': 'compact',
      'segment.ms': '1000',
      'min.cleanable.dirty.ratio': '0.001',
      'delete.retention.ms': '1',
    })
    // Old times: a marker, which has the time of now, begins a segment, and the one before it is compacted.
    const at = (key: string, value: string | null) => ({ timestamp: 1000, key, value })
    await kafka.produce(topic, [at('a', '1'), at('b', '1'), at('a', '2'), at('c', '1')])
    await kafka.produce(topic, [at('b', null), at('c', null)], { transactionalId: topic })
    const left = async () => (await kafka.consume(topic)).map(({ offset }) => offset).join()
    await eventually(async () => (await left()) === '2,4,5', 'Kafka has compacted the values')
    // Tombstones go in a second round, which a marker that is a segment's age older than the last one sets off.
    await sleep(1100)
    await kafka.produce(topic, [at('d', '1')], { transactionalId: topic, end: 'abort' })
    await eventually(async () => (await left()) === '2', 'Kafka has compacted the tombstones')
    expect(await kafka.offsets(topic)).toEqual([9])

    expect(await read(topic)).toEqual(['0:2'])
    const groupId = unique('compacted')
    expect(await read(topic, { groupId })).toEqual(['0:2'])
    expect(await committedOf(groupId)).toEqual({ 0: 9 })
    expect(await read(topic, { groupId })).toEqual([])
    expect(await read(topic, { from: { offsets: { [topic]: { 0: 1 } } } })).toEqual(['0:2'])
    expect(await read(topic, { from: { offsets: { [topic]: { 0: 4 } } } })).toEqual([])
  })
})
