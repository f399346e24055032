/** An addon that loads and then does not start: what `auto` does then, before a row was handed over, and what it leaves alone. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromArrays } from 'apache-arrow'
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { col, SabotError, Stream } from '../../src/index.ts'
import type { Backend, Source } from '../../src/kafka/backend.ts'
import type * as select from '../../src/kafka/select.ts'
import { MemoryBroker } from '../support/memory.ts'
import { failure, recordingLogger, until } from '../support/outcome.ts'

/** undefined: the backends that there are. */
const held = vi.hoisted(() => ({ selection: undefined as select.Selection | undefined }))
vi.mock('../../src/kafka/select.ts', async (original) => {
  const actual = await original<typeof select>()
  const selectBackend: typeof actual.selectBackend = (...args) => held.selection ?? actual.selectBackend(...args)
  return { ...actual, selectBackend }
})

const quiet = { signals: false } as const

beforeEach(() => {
  held.selection = undefined
  vi.stubEnv('SABOT_BACKEND', '')
})
afterEach(() => vi.unstubAllEnvs())

describe('an addon that loads', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sabot-addon-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  let count = 0

  /** Loads like any addon. Its source and its sink begin well, but for `parts` of the source. */
  const addon = (parts: string): void => {
    const path = join(folder, `${++count}.cjs`)
    writeFileSync(
      path,
      `const coded = (code, text) => Object.assign(new Error(text), { code })
       class Source {
         metadata() { return Promise.resolve('[{"name":"orders","partitions":1}]') }
         subscribe() {}
         take() { return null }
         stats() {
           return '{"messages":0,"bytes":0,"queuedBytes":0,"pollNanoseconds":0,"decodeNanoseconds":0,"lag":[]}'
         }
         fuse() {}
         halt() {}
         decode() {}
         close() { return Promise.resolve() }
         ${parts}
       }
       class Sink {
         metadata() { return Promise.resolve('[{"name":"out","partitions":1}]') }
         take() { return null }
         stats() { return '{"encodeNanoseconds":0,"deliverNanoseconds":0}' }
         close() { return Promise.resolve() }
       }
       module.exports = { Source, Sink, Broker: class {} }`,
    )
    vi.stubEnv('SABOT_ADDON', path)
  }

  // Nobody listens there: js says so when it runs.
  const source = { bootstrapServers: '127.0.0.1:1', topic: 'orders', codec: 'bytes', connectTimeoutMs: 300 } as const

  const ended = async (backend: 'auto' | 'native', more: object = {}) => {
    const logger = recordingLogger()
    const stream = Stream.fromKafka({ ...source, backend, logger, ...more })
    const run = stream.toKafka({ topic: 'out' }).start(quiet)
    expect(run.backend).toBe('native')
    const error = await failure(run.done)
    const said = logger.lines.filter(({ message }) => message.startsWith('backend '))
    return { error, run, said, explained: stream.explain() }
  }

  test.each([
    ['throws as its client is made', "constructor() { throw new TypeError('no such function') }"],
    ['throws as it is told the topics', "subscribe() { throw new TypeError('no such function') }"],
    ['throws as it is told the plan', "decode() { throw new TypeError('no such function') }"],
    ['fails as it is asked for topics', "metadata() { return Promise.reject(new Error('no such function')) }"],
    ['says that it cannot run', "constructor() { throw coded('BACKEND', 'no such function') }"],
  ])('and %s: js runs, and that is said once', async (_, parts) => {
    addon(parts)
    const { error, run, said, explained } = await ended('auto')
    expect(error).toMatchObject({ code: 'CONNECT', where: { option: 'bootstrapServers' } })
    expect(run.backend).toBe('js')
    const why =
      /native backend: the addon at .*\.cjs loads, but does not start: no such function\. Correct or unset SABOT_ADDON/
    expect(said.map(({ level }) => level)).toEqual(['info', 'warn'])
    expect(said[1]).toMatchObject({
      fields: { backend: 'js', why: expect.stringMatching(why) },
      message: expect.stringMatching(/^backend js: native backend: the addon at/),
    })
    expect(explained).toMatch(
      /backend: auto \(native: the addon is there; when it last did not start, js ran: native backend/,
    )

    const named = await ended('native')
    expect(named.error).toMatchObject({ code: 'BACKEND', message: expect.stringMatching(why) })
    expect(named.run.backend).toBe('native')
    expect(named.said).toEqual([])
  })

  test.each([
    ['as its client is made', "constructor() { throw coded('MEMORY', 'a thread could not be started: EAGAIN') }"],
    ['for a call', "metadata() { return Promise.reject(coded('MEMORY', 'a thread could not be started: EAGAIN')) }"],
  ])('and gets no thread %s: js runs; where native is asked for, the error says what to do', async (_, parts) => {
    addon(parts)
    expect((await ended('auto')).run.backend).toBe('js')
    const { error } = await ended('native')
    expect(error).toMatchObject({
      code: 'BACKEND',
      message: expect.stringMatching(/EAGAIN\. Let the process have more/),
    })
  })

  test.each(['CONFIG', 'CONNECT', 'UNKNOWN_TOPIC', 'KAFKA', 'SCHEMA'])(
    "and refuses with %s: that is no fault of the addon's, and stays the run's error",
    async (code) => {
      addon(`constructor() { throw coded('${code}', 'client property x: no') }`)
      const { error, run, said } = await ended('auto')
      expect(error).toMatchObject({ code, message: expect.stringContaining('client property x: no') })
      expect(run.backend).toBe('native')
      expect(said.map(({ level }) => level)).toEqual(['info'])
    },
  )

  test('and does not start, with options that js does not have: the error names both', async () => {
    addon("constructor() { throw new Error('no such function') }")
    const { error, run } = await ended('auto', { parallelism: 2 })
    expect(error).toMatchObject({
      code: 'UNSUPPORTED',
      where: { option: 'parallelism' },
      message: expect.stringMatching(/"parallelism".*cannot run: native backend: the addon at .* does not start/),
    })
    expect(run.backend).toBe('native')
  })
})

describe('a run that falls back', () => {
  const schema = { id: 'int64' } as const
  const base = { bootstrapServers: 'b:9092', topic: 'in', groupId: 'g', schema, commitIntervalMs: 10 } as const
  const dead = () => new SabotError('BACKEND', 'the addon does not start')

  /** Where the first begins with `broken`, the second runs. */
  const selection = (first: MemoryBroker, second: MemoryBroker, broken: (source: Source) => void) => {
    const fell: string[] = []
    const backend: Backend = {
      ...first.backend(),
      source(options) {
        const source = first.backend().source(options)
        broken(source)
        return source
      },
    }
    held.selection = {
      ...backend,
      fallBack(error) {
        if (error.code !== 'BACKEND') return undefined
        fell.push(error.message)
        return { ...second.backend(), name: 'js' }
      },
    }
    return fell
  }

  const brokers = () =>
    [0, 1].map(() =>
      new MemoryBroker().create('in').create('out').produce('in', 0, { id: 1 }, { id: 2 }, { id: 3 }),
    ) as [MemoryBroker, MemoryBroker]

  test.each<[string, (source: Source) => void]>([
    ['opens', (source) => void vi.spyOn(source, 'open').mockRejectedValue(dead())],
    [
      'starts',
      (source) =>
        void vi.spyOn(source, 'start').mockImplementation(() => {
          throw dead()
        }),
    ],
  ])('as it %s reads, writes and commits there alone; what had opened is closed', async (_, broken) => {
    const [first, second] = brokers()
    // The plan is made for what runs: only the first has native programs.
    second.programs = false
    const fell = selection(first, second, broken)
    const run = Stream.fromKafka({ ...base, until: 'end' })
      .filter(col('id').gt(1))
      .withColumns({ more: col('id').add(1) })
      .toKafka({ topic: 'out' })
      .start(quiet)
    expect((await run.done).rowsOut).toBe(2)
    expect(run.backend).toBe('js')
    expect(fell).toEqual(['the addon does not start'])
    expect(second.values('out')).toEqual([
      { id: 2, more: 3 },
      { id: 3, more: 4 },
    ])
    expect([...second.committed]).toEqual([['in/0', 3n]])
    expect([first.records('out'), [...first.committed]]).toEqual([[], []])
    await expect(first.sources[0]!.next()).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(first.sinks[0]!.write({} as never, {} as never, 'fail')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  test('falls back once', async () => {
    const [first, second] = brokers()
    const fell = selection(first, second, (source) => void vi.spyOn(source, 'open').mockRejectedValue(dead()))
    const js = held.selection!.fallBack!
    held.selection = {
      ...held.selection!,
      fallBack: (error) => {
        const backend = js(error)!
        const broken = (options: Parameters<Backend['source']>[0]) => {
          const source = backend.source(options)
          vi.spyOn(source, 'open').mockRejectedValue(dead())
          return source
        }
        return { ...backend, source: broken }
      },
    }
    const run = Stream.fromKafka(base).toKafka({ topic: 'out' }).start(quiet)
    expect((await failure(run.done)).code).toBe('BACKEND')
    expect(fell).toHaveLength(1)
  })

  test('does so no more once a batch was handed over', async () => {
    const [first, second] = brokers()
    const fell = selection(first, second, (source) => {
      const next = source.next.bind(source)
      let batches = 0
      vi.spyOn(source, 'next').mockImplementation(async () => {
        if (batches > 0) throw dead()
        const event = await next()
        if (event.kind === 'batch') batches++
        return event
      })
    })
    const run = Stream.fromKafka(base).toKafka({ topic: 'out' }).start(quiet)
    expect(await failure(run.done)).toMatchObject({ code: 'BACKEND' })
    expect([run.backend, fell]).toEqual(['native', []])
    expect(second.records('out')).toEqual([])
  })

  test('stops when it is told to while it changes over', async () => {
    const [first, second] = brokers()
    const closed = Promise.withResolvers<void>()
    let closing = false
    selection(first, second, (source) => {
      vi.spyOn(source, 'open').mockRejectedValue(dead())
      vi.spyOn(source, 'close').mockImplementation(() => {
        closing = true
        return closed.promise
      })
    })
    const run = Stream.fromKafka(base).toKafka({ topic: 'out' }).start(quiet)
    await until(() => closing)
    await run.stop()
    expect((await run.done).messagesIn).toBe(0)
    closed.resolve()
    expect(second.records('out')).toEqual([])
  })

  test('has each batch of fromBatches once', async () => {
    const [first, second] = brokers()
    const sink = first.backend().sink
    held.selection = {
      ...first.backend(),
      sink(options) {
        const made = sink(options)
        vi.spyOn(made, 'open').mockRejectedValue(dead())
        return made
      },
      fallBack: () => ({ ...second.backend(), name: 'js' }),
    }
    // It gives its batches once: to the run, not to a backend.
    function* batches() {
      yield* tableFromArrays({ id: [1, 2] }).batches
      yield* tableFromArrays({ id: [3] }).batches
    }
    const run = Stream.fromBatches(batches()).toKafka({ bootstrapServers: 'b:9092', topic: 'out' }).start(quiet)
    expect((await run.done).rowsOut).toBe(3)
    expect(second.values('out')).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }])
  })

  test.each(['collect', 'for await'] as const)('gives its rows to %s', async (how) => {
    const [first, second] = brokers()
    selection(first, second, (source) => void vi.spyOn(source, 'open').mockRejectedValue(dead()))
    const stream = Stream.fromKafka({ ...base, until: 'end' })
    let rows = 0
    if (how === 'collect') rows = (await stream.collect(quiet)).numRows
    else for await (const batch of stream) rows += batch.numRows
    expect(rows).toBe(3)
  })
})
