/**
 * The native backend's own logic, over an addon that plays a script: order of calls, waiting, errors. What the real
 * addon does is tested in test/integration and test/lifecycle.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Batch } from '../../src/batch.ts'
import { SabotError } from '../../src/errors.ts'
import type { Addon, AddonSinkEvent, AddonSourceEvent, AddonWrite } from '../../src/kafka/addon.ts'
import type { DecodePlan, SourceEvent } from '../../src/kafka/backend.ts'
import { EmbeddedBroker } from '../../src/kafka/broker.ts'
import { loadAddon } from '../../src/kafka/load.ts'
import { NativeSink } from '../../src/kafka/native-sink.ts'
import { NativeSource } from '../../src/kafka/native-source.ts'
import { parseSinkOptions, parseSourceOptions } from '../../src/kafka/options.ts'
import { planFields } from '../../src/kafka/plan-fields.ts'
import { packageRoot } from '../../src/kafka/platform.ts'
import { selectBackend } from '../../src/kafka/select.ts'
import { matchingTopics } from '../../src/kafka/topics.ts'
import { type Logger, silent } from '../../src/logger.ts'

/** Plays one source and one sink. `say` puts an event into the queue and wakes, as the addon's threads do. */
class Script {
  topics: Record<string, number> = { orders: 2 }
  refuse: { code: string; message: string } | undefined
  readonly calls: unknown[][] = []
  readonly events: unknown[] = []
  readonly writes: AddonWrite[] = []
  takes = 0
  config: Record<string, unknown> = {}
  #wake = () => {}
  #asleep = false

  say(event: AddonSourceEvent | AddonSinkEvent): void {
    this.events.push(event)
    if (this.#asleep) setImmediate(this.#wake)
    this.#asleep = false
  }

  addon(): Addon {
    const script = this
    const take = () => {
      script.takes++
      const event = script.events.shift() ?? null
      script.#asleep = event === null
      return event
    }
    const metadata = async (names: readonly string[] | null) => {
      script.calls.push(['metadata', names])
      if (script.refuse !== undefined) throw Object.assign(new Error(script.refuse.message), script.refuse)
      const list = (names ?? Object.keys(script.topics)).map((name) => {
        const partitions = script.topics[name]
        return partitions === undefined
          ? { name, partitions: 0, error: 'Broker: Unknown topic or partition' }
          : { name, partitions }
      })
      return JSON.stringify(list)
    }
    const began = (config: string, wake: () => void) => {
      script.config = JSON.parse(config)
      script.#wake = wake
    }
    class Source {
      constructor(config: string, wake: () => void) {
        began(config, wake)
      }
      metadata = metadata
      take = take
      subscribe = (topics: readonly string[]) => void script.calls.push(['subscribe', topics])
      decode = (spec: string) => void script.calls.push(['decode', JSON.parse(spec)])
      revoked = (token: number) => void script.calls.push(['revoked', token])
      commit = async (json: string) => {
        script.calls.push(['commit', JSON.parse(json)])
        if (script.refuse !== undefined) throw Object.assign(new Error(script.refuse.message), script.refuse)
      }
      stats = () =>
        '{"messages":1,"bytes":2,"queuedBytes":3,"pollNanoseconds":1500000,"decodeNanoseconds":2500000,"lag":[{"topic":"orders","partition":0,"messages":"9007199254740993"}]}'
      close = async () => void script.calls.push(['close'])
    }
    class Sink {
      readonly topic: string
      constructor(config: string, wake: () => void) {
        began(config, wake)
        this.topic = JSON.parse(config).topic
      }
      metadata = () =>
        metadata(this.topic in script.topics ? [this.topic] : [this.topic, ...Object.keys(script.topics)])
      take = take
      stats = () => '{"encodeNanoseconds":3500000,"deliverNanoseconds":4500000}'
      write = (write: AddonWrite) => {
        script.writes.push(write)
      }
      close = async (abort: boolean) => {
        script.calls.push(['close', abort])
      }
    }
    return { Source, Sink } as unknown as Addon
  }
}

const schema = { id: 'int64' }
const plan: DecodePlan = {
  codec: 'json',
  columns: [
    { field: { name: 'amount', type: { kind: 'float64' } }, emit: false },
    { field: { name: 'id', type: { kind: 'int64' } }, emit: true },
  ],
  predicate: ['gt', 0, { f: 10 }],
  message: ['$partition', '$key'],
  keyType: 'utf8',
  maxDepth: 64,
}

function newSource(script: Script, options: object = {}): NativeSource {
  const given = { bootstrapServers: 'localhost:9092', topic: 'orders', groupId: 'g', schema, ...options }
  return new NativeSource(script.addon(), parseSourceOptions(given).source)
}

function newSink(script: Script, options: object = {}): NativeSink {
  return new NativeSink(
    script.addon(),
    parseSinkOptions({ bootstrapServers: 'localhost:9092', topic: 'orders', ...options }).sink,
  )
}

async function started(script: Script, options: object = {}): Promise<NativeSource> {
  const source = newSource(script, options)
  await source.open()
  source.start(plan)
  return source
}

async function failure(promise: Promise<unknown>): Promise<SabotError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(SabotError)
  return error as SabotError
}

/** Two rows of (id int64, $partition int32, $key utf8) in one allocation, as native/sabot.h lays them out. */
function slab() {
  const buffer = new ArrayBuffer(320)
  new BigInt64Array(buffer, 0, 2).set([2n ** 60n, 2n])
  new Int32Array(buffer, 64, 2).set([1, 1])
  new Uint8Array(buffer, 128, 1).set([0b01])
  new Int32Array(buffer, 192, 3).set([0, 3, 3])
  new Uint8Array(buffer, 256, 3).set(Buffer.from('abc'))
  const layout = [
    [2, 0, 0, 0, 0, 0, 0, 16],
    [2, 0, 0, 0, 0, 0, 64, 8],
    [2, 1, 128, 1, 192, 12, 256, 3],
  ]
  return { rows: 2, buffer, layout: new Float64Array(layout.flat()) }
}

const batchOf = (over: object = {}): AddonSourceEvent => ({
  kind: 'batch',
  topic: 'orders',
  partition: 1,
  epoch: 4,
  nextOffset: 12n,
  messages: 3,
  bytes: 99,
  slab: slab(),
  write: null,
  rows: 0,
  errors: [{ offset: 11n, code: 'DECODE', message: 'expected a document' }],
  ...over,
})

describe('opening a source', () => {
  test('subscribes to the topics, with its options in the addon’s terms', async () => {
    const script = new Script()
    const from = { offsets: { orders: { 1: 2n ** 62n } } }
    await newSource(script, { from, until: { timestamp: new Date(5000) }, parallelism: 2 }).open()
    expect(script.calls).toEqual([
      ['metadata', ['orders']],
      ['subscribe', ['orders']],
    ])
    expect(script.config).toMatchObject({
      mode: 'group',
      from: { offsets: { orders: { 1: '4611686018427387904' } } },
      until: { timestamp: 5000 },
      parallelism: 2,
      maxRows: 8192,
      infer: false,
      properties: { 'bootstrap.servers': 'localhost:9092', 'group.id': 'g' },
    })
  })

  test('without a group reads every partition', async () => {
    const script = new Script()
    await newSource(script, { groupId: undefined }).open()
    expect(script.config.mode).toBe('assign')
  })

  test('gives the client its secrets as they are', async () => {
    const script = new Script()
    await newSource(script, { sasl: { mechanism: 'plain', username: 'u', password: 'hunter2' } }).open()
    expect(script.config.properties).toMatchObject({ 'sasl.password': 'hunter2' })
  })

  test('of an unknown topic names the nearest', async () => {
    const error = await failure(newSource(new Script(), { topic: 'order' }).open())
    expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC', where: { topic: 'order' } })
    expect(error.message).toBe('fromKafka: topic "order" does not exist at localhost:9092. Did you mean "orders"?')
  })

  test('waits a moment for a topic that was just created', async () => {
    const script = new Script()
    script.topics = {}
    setTimeout(() => {
      script.topics = { orders: 1 }
    }, 50)
    await newSource(script).open()
    expect(script.calls.at(-1)).toEqual(['subscribe', ['orders']])
  })

  test('where no broker answers says where, how long and what to check', async () => {
    const script = new Script()
    script.refuse = { code: 'CONNECT', message: 'Local: Broker transport failure' }
    const error = await failure(newSource(script, { connectTimeoutMs: 500 }).open())
    expect(error).toMatchObject({ code: 'CONNECT', retriable: true })
    expect(error.message).toContain('expected a broker at localhost:9092; none answered within 500 ms')
    expect(error.message).toContain('Check "bootstrapServers"')
  })
})

describe('a RegExp', () => {
  test('chooses topics, and Kafka’s own only where it names them', () => {
    const names = ['orders.b', '__consumer_offsets', 'orders.a', 'events']
    expect(matchingTopics(/^orders\./g, names)).toEqual(['orders.a', 'orders.b'])
    expect(matchingTopics(/./, names)).toEqual(['events', 'orders.a', 'orders.b'])
    expect(matchingTopics(/^__consumer/, names)).toEqual(['__consumer_offsets'])
  })

  test('finds topics that are created later', async () => {
    const script = new Script()
    const source = newSource(script, { topic: /^orders/, metadataRefreshMs: 100 })
    await source.open()
    script.topics = { orders: 2, orders2: 1, other: 1 }
    await vi.waitFor(() => expect(script.calls.at(-1)).toEqual(['subscribe', ['orders', 'orders2']]))
    const subscribed = script.calls.filter(([name]) => name === 'subscribe').length
    await new Promise((resolve) => setTimeout(resolve, 250))
    expect(script.calls.filter(([name]) => name === 'subscribe').length).toBe(subscribed)
    await source.close()
  })

  test('that matches nothing is an error where the read is bounded', async () => {
    const error = await failure(newSource(new Script(), { topic: /^none/, until: 'end' }).open())
    expect(error.code).toBe('UNKNOWN_TOPIC')
    expect(error.message).toContain('/^none/ matches none at localhost:9092, which has: orders')
  })
})

describe('reading', () => {
  test("gives batches with the columns of the plan's program, where it has one", () => {
    const output = [
      { name: 'k', column: 3 },
      { name: 'fee', column: 4 },
      { name: 'id', column: 1 },
    ]
    const fee = { kind: 'compute', expr: ['mul', ['col', 0], ['lit', { f: 0.5 }]], type: { kind: 'float64' } } as const
    const program = { steps: [{ ...fee, text: 'amount * 0.5' }], output }
    expect(planFields({ ...plan, program })).toEqual([
      { name: 'k', type: { kind: 'utf8' } },
      { name: 'fee', type: { kind: 'float64' } },
      { name: 'id', type: { kind: 'int64' } },
    ])
  })

  test('gives batches with the columns of the plan, then message columns', async () => {
    const script = new Script()
    const source = await started(script)
    expect(planFields(plan).map(({ name }) => name)).toEqual(['id', '$partition', '$key'])
    expect(script.calls.at(-1)).toEqual([
      'decode',
      {
        codec: 'json',
        columns: [
          { name: 'amount', type: 'float64', emit: false },
          { name: 'id', type: 'int64', emit: true },
        ],
        predicate: ['gt', 0, { f: 10 }],
        message: ['$partition', '$key'],
        program: null,
        keyType: 'utf8',
        maxDepth: 64,
      },
    ])
    script.say(batchOf())
    const event = (await source.next()) as Extract<SourceEvent, { kind: 'batch' }>
    expect(event).toMatchObject({
      position: { topic: 'orders', partition: 1, offset: 12n, epoch: 4 },
      messages: 3,
      bytes: 99,
      errors: [{ offset: 11n, code: 'DECODE' }],
    })
    const [id, partition, key] = event.batch.columns
    expect([...(id!.data.values as BigInt64Array)]).toEqual([2n ** 60n, 2n])
    expect([...(partition!.data.values as Int32Array)]).toEqual([1, 1])
    expect([...key!.data.valueOffsets]).toEqual([0, 3, 3])
    expect(key!.data.nullCount).toBe(1)
  })

  test('a batch without rows still moves the position', async () => {
    const script = new Script()
    const source = await started(script)
    script.say(batchOf({ slab: null, errors: [] }))
    const event = (await source.next()) as Extract<SourceEvent, { kind: 'batch' }>
    expect(event.position.offset).toBe(12n)
    expect(event.batch.numRows).toBe(0)
    expect(event.batch.columns.map(({ field }) => field.name)).toEqual(['id', '$partition', '$key'])
  })

  test('waits without polling', async () => {
    const script = new Script()
    const source = await started(script)
    const next = source.next()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(script.takes).toBe(1)
    script.say({ kind: 'end' })
    expect(await next).toEqual({ kind: 'end' })
  })

  test('passes the client’s log on to the logger', async () => {
    const lines: unknown[] = []
    const logger: Logger = { ...silent, warn: (fields, message) => void lines.push([fields, message]) }
    const script = new Script()
    const source = await started(script, { logger })
    script.say({ kind: 'log', level: 'warn', message: 'broker down' })
    script.say({ kind: 'end' })
    await source.next()
    expect(lines).toEqual([[{ topic: 'orders' }, 'broker down']])
  })

  test('a source that failed says where, each time', async () => {
    const script = new Script()
    const source = await started(script)
    script.say({
      kind: 'error',
      code: 'KAFKA',
      message: 'not authorised',
      retriable: false,
      topic: 'orders',
      partition: 1,
    })
    const error = await failure(source.next())
    expect(error).toMatchObject({ code: 'KAFKA', retriable: false, where: { topic: 'orders', partition: 1 } })
    expect(await failure(source.next())).toBe(error)
  })

  test('commits positions, and tells why the broker refused', async () => {
    const script = new Script()
    const source = await started(script)
    await source.commit([{ topic: 'orders', partition: 1, offset: 2n ** 62n, epoch: 4 }])
    expect(script.calls.at(-1)).toEqual([
      'commit',
      [{ topic: 'orders', partition: 1, offset: '4611686018427387904', epoch: 4 }],
    ])
    script.refuse = { code: 'KAFKA', message: 'Broker: Unknown member' }
    expect(await failure(source.commit([]))).toMatchObject({ code: 'KAFKA', message: 'Broker: Unknown member' })
    expect(source.stats()).toMatchObject({ queuedBytes: 3, pollMs: 1.5, decodeMs: 2.5 })
    expect(source.stats().lag).toEqual([{ topic: 'orders', partition: 0, messages: 9007199254740993n }])
  })
})

describe('inferring the schema', () => {
  test('waits for the first rows and keeps what came before', async () => {
    const script = new Script()
    const source = newSource(script, { schema: undefined })
    const opening = source.open()
    script.say({ kind: 'assigned', partitions: [{ topic: 'orders', partition: 0, epoch: 1 }] })
    script.say({ kind: 'schema', schema: '[{"name":"at","type":"timestamp[ms]"}]', rows: 5 })
    expect(await opening).toEqual([{ name: 'at', type: { kind: 'timestamp', unit: 'ms' } }])
    expect(await source.next()).toMatchObject({ kind: 'assigned' })
  })

  test('does not hold up a rebalance', async () => {
    const script = new Script()
    const source = newSource(script, { schema: undefined })
    const opening = source.open()
    const [zero, one] = [
      { topic: 'orders', partition: 0 },
      { topic: 'orders', partition: 1 },
    ]
    script.say({
      kind: 'assigned',
      partitions: [
        { ...zero!, epoch: 1 },
        { ...one!, epoch: 1 },
      ],
    })
    script.say({ kind: 'revoked', token: 7, lost: false, partitions: [zero!] })
    await vi.waitFor(() => expect(script.calls).toContainEqual(['revoked', 7]))
    script.say({ kind: 'schema', schema: '[]', rows: 0 })
    await opening
    expect(await source.next()).toEqual({ kind: 'assigned', partitions: [{ ...one!, epoch: 1 }] })
  })

  test('is ended by close()', async () => {
    const source = newSource(new Script(), { schema: undefined })
    const opening = source.open()
    await new Promise((resolve) => setTimeout(resolve, 10))
    await source.close()
    expect((await failure(opening)).code).toBe('CLOSED')
  })
})

describe('a closed source', () => {
  test('rejects the next() that waits, and every call after', async () => {
    const script = new Script()
    const source = await started(script)
    const waiting = failure(source.next())
    await source.close()
    expect((await waiting).code).toBe('CLOSED')
    expect((await failure(source.next())).code).toBe('CLOSED')
    expect((await failure(source.commit([]))).code).toBe('CLOSED')
    source.revoked(1)
    expect(source.stats().messages).toBe(1)
  })

  test('closes once, even while it opens, or before', async () => {
    const script = new Script()
    const source = await started(script)
    await Promise.all([source.close(), source.close()])
    expect(script.calls.filter(([name]) => name === 'close')).toHaveLength(1)
    const never = newSource(new Script())
    await never.close()
    expect((await failure(never.open())).code).toBe('CLOSED')
    const opening = newSource(script)
    const opened = failure(opening.open())
    await opening.close()
    expect((await opened).code).toBe('CLOSED')
  })
})

describe('writing', () => {
  /** A batch whose columns only carry their names: the script reads no values. */
  async function rows(selection: Uint32Array | null = null): Promise<Batch> {
    const script = new Script()
    const source = await started(script)
    script.say(batchOf())
    const event = (await source.next()) as Extract<SourceEvent, { kind: 'batch' }>
    return { ...event.batch, selection }
  }
  const columns = { value: { kind: 'columns', names: ['id'] }, key: '$key' } as const

  test('hands over the columns that the plan names, and resolves when they are delivered', async () => {
    const script = new Script()
    const sink = newSink(script)
    await sink.open()
    const written = sink.write(await rows(Uint32Array.of(1)), columns, 'skip')
    await vi.waitFor(() => expect(script.writes).toHaveLength(1))
    const write = script.writes[0]!
    expect(write).toMatchObject({
      value: [0],
      key: 1,
      raw: -1,
      headers: -1,
      tombstone: -1,
      rowCount: 2,
      onError: 'skip',
    })
    expect([...write.rows!]).toEqual([1])
    expect(JSON.parse(write.schema)).toEqual([
      { name: 'id', type: 'int64' },
      { name: '$key', type: 'utf8' },
    ])
    expect(write.nodes).toHaveLength(6)
    expect(write.buffers).toHaveLength(6)
    expect(write.buffers[0]).toBeNull()
    script.say({ kind: 'delivered', id: write.id, rows: 1, bytes: 10, errors: [] })
    await sink.close()
    expect(await written).toEqual({ rows: 1, bytes: 10, errors: [] })
  })

  test('a batch without selected rows is delivered at once', async () => {
    const script = new Script()
    const sink = newSink(script)
    await sink.open()
    expect(await sink.write(await rows(new Uint32Array(0)), columns, 'fail')).toMatchObject({ rows: 0 })
    expect(script.writes).toEqual([])
  })

  test('fails with topic, partition and the broker’s reason', async () => {
    const script = new Script()
    const sink = newSink(script)
    await sink.open()
    const written = failure(sink.write(await rows(), columns, 'fail'))
    await vi.waitFor(() => expect(script.writes).toHaveLength(1))
    script.say({
      kind: 'failed',
      id: script.writes[0]!.id,
      code: 'DELIVERY',
      message: 'Broker: Message size too large',
      retriable: false,
      topic: 'orders',
      partition: 1,
      row: -1,
      offset: null,
    })
    await sink.close()
    expect(await written).toMatchObject({
      code: 'DELIVERY',
      message: 'toKafka: orders[1]: Broker: Message size too large',
      retriable: false,
      where: { topic: 'orders', partition: 1 },
    })
  })

  test('a column that does not exist is named with those that do', async () => {
    const sink = newSink(new Script())
    await sink.open()
    const error = await failure(sink.write(await rows(), { ...columns, key: 'user' }, 'fail'))
    expect(error).toMatchObject({ code: 'SCHEMA', where: { column: 'user' } })
    expect(error.message).toContain('The columns here: id, $partition, $key')
  })

  test('to an unknown topic is refused before the first row', async () => {
    const error = await failure(newSink(new Script(), { topic: 'nowhere' }).open())
    expect(error).toMatchObject({ code: 'UNKNOWN_TOPIC', where: { topic: 'nowhere' } })
    expect(error.message).toContain('toKafka: topic "nowhere" does not exist at localhost:9092. Create it')
    const near = await failure(newSink(new Script(), { topic: 'order' }).open())
    expect(near.message).toContain('"order" does not exist at localhost:9092. Did you mean "orders"?')
  })

  test('an abort hurries a close that waits for deliveries', async () => {
    const script = new Script()
    const sink = newSink(script)
    await sink.open()
    await Promise.all([sink.close(), sink.close({ abort: true })])
    expect(script.calls.filter(([name]) => name === 'close')).toEqual([
      ['close', false],
      ['close', true],
    ])
  })

  test('a closed sink leaves nobody waiting and takes no more', async () => {
    const script = new Script()
    const sink = newSink(script)
    await sink.open()
    const written = failure(sink.write(await rows(), columns, 'fail'))
    await vi.waitFor(() => expect(script.writes).toHaveLength(1))
    await Promise.all([sink.close({ abort: true }), sink.close()])
    expect((await written).code).toBe('CLOSED')
    expect((await failure(sink.write(await rows(), columns, 'fail'))).code).toBe('CLOSED')
    expect(script.calls.filter(([name]) => name === 'close')).toEqual([['close', true]])
    expect(sink.stats()).toEqual({ encodeMs: 3.5, deliverMs: 4.5 })
  })
})

describe('where there is no addon', () => {
  afterEach(() => vi.unstubAllEnvs())

  test('the error says where it was expected and how to build it', () => {
    vi.stubEnv('SABOT_ADDON', '/nowhere/sabot.node')
    const load = () => selectBackend('native', silent)
    expect(load).toThrow(/expected the addon at \/nowhere\/sabot\.node; there is none\. Correct or unset SABOT_ADDON/)
    expect(load).toThrow(expect.objectContaining({ code: 'BACKEND' }))
  })

  test('or why it does not load, the same each time', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sabot-'))
    const path = join(folder, 'sabot.node')
    writeFileSync(path, 'not a library')
    vi.stubEnv('SABOT_ADDON', path)
    const errors = [0, 1].map(() => {
      try {
        return loadAddon()
      } catch (error) {
        return error
      }
    })
    rmSync(folder, { recursive: true })
    expect(errors[0]).toMatchObject({ code: 'BACKEND', cause: expect.any(Error) })
    expect((errors[0] as Error).message).toContain('scripts/build-native.mjs')
    expect(errors[1]).toBe(errors[0])
  })

  test('the package finds its own root', () => {
    expect(packageRoot()).toBe(join(import.meta.dirname, '../..'))
  })
})

describe('the option backend', () => {
  afterEach(() => vi.unstubAllEnvs())

  test('a name that is none is refused', () => {
    vi.stubEnv('SABOT_BACKEND', 'nativ')
    expect(() => selectBackend('auto', silent)).toThrow(/Did you mean "native"\?/)
    const message = expect.stringContaining('must be "auto" or "native" or "js"; got "nativ"')
    expect(() => selectBackend('nativ', silent)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED', message }))
  })
})

describe('EmbeddedBroker.start', () => {
  test.each<[unknown, RegExp]>([
    [{ topics: 'orders' }, /an array of names, or an object/],
    [{ topics: { orders: 0 } }, /topic "orders" must have 1 to 10000 partitions; got 0/],
    [{ topics: ['a b'] }, /must be named with letters.*got "a b"/],
    [5, /got 5/],
  ])('refuses %j', async (options, message) => {
    const error = await failure(EmbeddedBroker.start(options as object))
    expect(error.code).toBe('CONFIG')
    expect(error.message).toMatch(message)
  })
})
