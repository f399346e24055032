/** Which backend runs, who says so, and what the js backend refuses. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SabotError } from '../../src/errors.ts'
import { Stream } from '../../src/index.ts'
import { murmur2, partitioner } from '../../src/kafka/js/partitioner.ts'
import { allowedProperties } from '../../src/kafka/properties.ts'
import { refusals, refusedByJs } from '../../src/kafka/refusals.ts'
import { selectBackend } from '../../src/kafka/select.ts'
import type { Logger } from '../../src/logger.ts'

const lines: string[] = []
const keep = (_: object, message: string) => lines.push(message)
const logger: Logger = { debug: keep, info: keep, warn: keep, error: keep }

beforeEach(() => {
  lines.length = 0
  vi.stubEnv('SABOT_BACKEND', '')
})
afterEach(() => vi.unstubAllEnvs())

const source = { bootstrapServers: 'localhost:1', topic: 'orders', codec: 'bytes' } as const
const refused = (call: 'fromKafka' | 'toKafka', options: object, properties: Readonly<Record<string, string>> = {}) =>
  refusedByJs([{ call, options: { ...options }, properties }])

describe('auto', () => {
  test('takes native where the addon is, and says so once', () => {
    expect(selectBackend('auto', logger).name).toBe('native')
    expect(lines).toEqual(['backend native: the addon is there'])
  })

  test('takes js where the addon is not, and says why', () => {
    vi.stubEnv('SABOT_ADDON', '/nowhere/sabot.node')
    expect(selectBackend('auto', logger).name).toBe('js')
    expect(lines).toEqual([expect.stringContaining('backend js: the addon is not: native backend: expected the addon')])
    expect(Stream.fromKafka(source).explain()).toContain('backend: auto (js: the addon is not: native backend')
  })

  test('takes what SABOT_BACKEND names', () => {
    vi.stubEnv('SABOT_BACKEND', 'js')
    expect(selectBackend('auto', logger).name).toBe('js')
    expect(lines).toEqual(['backend js: SABOT_BACKEND asks for it'])
    expect(selectBackend('native', logger).name).toBe('native')
  })

  test('fails where only native could, and native cannot', () => {
    vi.stubEnv('SABOT_ADDON', '/nowhere/sabot.node')
    const choose = () => Stream.fromKafka({ ...source, parallelism: 4 }).forEachBatch(() => {})
    return expect(choose()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringMatching(/"parallelism".*cannot run: native backend: expected the addon/),
    })
  })
})

describe('by name', () => {
  test('native is never js in silence', () => {
    vi.stubEnv('SABOT_ADDON', '/nowhere/sabot.node')
    expect(() => selectBackend('native', logger)).toThrow(expect.objectContaining({ code: 'BACKEND' }))
  })

  test('js runs where the addon is too', async () => {
    const stream = Stream.fromKafka({ ...source, backend: 'js' })
    expect(stream.explain()).toContain('backend: js; ')
  })
})

describe('the js backend refuses by name', () => {
  test.each(refusals.map((refusal) => [refusal.name, refusal] as const))('%s', (name, refusal) => {
    const value = { parallelism: 2 }[name] ?? 'false'
    const call = refusal.side === 'toKafka' ? 'toKafka' : 'fromKafka'
    const error = refusal.isProperty ? refused(call, {}, { [name]: String(value) }) : refused(call, { [name]: value })
    expect(error).toBeInstanceOf(SabotError)
    expect(error).toMatchObject({ code: 'UNSUPPORTED' })
    expect(error!.message).toContain(`"${name}"`)
    expect(error!.message).toContain(refusal.reason)
    expect(error!.message).toContain(refusal.instead)
  })

  test('what it lacks, when the run begins', () =>
    expect(Stream.fromKafka({ ...source, backend: 'js', parallelism: 2 }).collect()).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      where: { option: 'parallelism' },
    }))

  test('properties that can be set at all, and no others', () => {
    const properties = refusals.filter(({ isProperty }) => isProperty).map(({ name }) => name)
    expect(properties.filter((name) => !Object.hasOwn(allowedProperties, name))).toEqual([])
  })

  test('nothing where nothing is asked for that it lacks', () => {
    expect(refused('fromKafka', { parallelism: 1 }, { 'socket.nagle.disable': 'true', 'fetch.min.bytes': '1' })).toBe(
      undefined,
    )
  })
})

describe('partitioners', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)

  // Of org.apache.kafka.common.utils.Utils.murmur2, as its own tests have them.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])("murmur2 of %s is Java's", (text, hash) => {
    expect(murmur2(bytes(text))).toBe(hash)
  })

  test('keep the rows of a write together (sticky), or take turns (roundRobin)', () => {
    const sticky = partitioner('sticky', 10)()
    expect(new Set(Array.from({ length: 50 }, () => sticky(null, 8))).size).toBe(1)
    const next = partitioner('roundRobin', 10)()
    expect(Array.from({ length: 5 }, () => next(bytes('k'), 3))).toEqual([0, 1, 2, 0, 1])
  })
})
