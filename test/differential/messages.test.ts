/** Generated messages from a broker, with everything that stands beside a value: both backends read the same of each. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type Batch, batchFromRows, batchToRows } from '../../src/batch.ts'
import { EmbeddedBroker } from '../../src/index.ts'
import type { Backend, DecodePlan } from '../../src/kafka/backend.ts'
import { jsBackend } from '../../src/kafka/js.ts'
import { nativeBackend } from '../../src/kafka/native.ts'
import { parseSinkOptions, parseSourceOptions } from '../../src/kafka/options.ts'
import { parseSchema } from '../../src/schema.ts'

vi.setConfig({ testTimeout: 120_000 })

let broker: EmbeddedBroker
beforeAll(async () => {
  broker = await EmbeddedBroker.start({ topics: ['messages'] })
})
afterAll(() => broker?.close())

const text = fc.string({ unit: 'grapheme', maxLength: 20 }).map((one) => new Uint8Array(Buffer.from(one)))
const bytes = fc.oneof(
  { arbitrary: text, weight: 3 },
  { arbitrary: fc.constantFrom(4, 8).chain((size) => fc.uint8Array({ minLength: size, maxLength: size })), weight: 3 },
  { arbitrary: fc.uint8Array({ maxLength: 20 }), weight: 2 },
  { arbitrary: fc.constant(new Uint8Array(0)), weight: 1 },
)
const orNull = fc.option(bytes, { freq: 5 })
const message = fc.record({
  value: orNull,
  $key: orNull,
  $timestamp: fc.date({ min: new Date(1), max: new Date(4e12), noInvalidDate: true }),
  $headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 8 }), value: orNull }), {
    maxLength: 4,
  }),
})
const schema = {
  value: 'binary',
  $key: 'binary',
  $timestamp: 'timestamp[ms]',
  $headers: [{ key: 'utf8', value: 'binary' }],
} as const

/** Whichever backend writes: the records are the same. */
async function write(backend: Backend, batch: Batch): Promise<void> {
  const { bootstrapServers } = broker
  const sink = backend.sink(parseSinkOptions({ bootstrapServers, topic: 'messages', codec: 'bytes' }).sink)
  await sink.open()
  const parts = { key: '$key', timestamp: '$timestamp', headers: '$headers' }
  const { rows } = await sink.write(batch, { value: { kind: 'columns', names: ['value'] }, ...parts }, 'fail')
  expect(rows).toBe(batch.numRows)
  await sink.close()
}

/** What each offset became: a row, or an error. */
async function read(backend: Backend, plan: DecodePlan): Promise<Map<bigint, unknown>> {
  const { bootstrapServers } = broker
  const source = backend.source(parseSourceOptions({ bootstrapServers, topic: 'messages', until: 'end' }).source)
  await source.open()
  source.start(plan)
  const found = new Map<bigint, unknown>()
  for (;;) {
    const event = await source.next()
    if (event.kind === 'end') break
    if (event.kind !== 'batch') continue
    for (const row of batchToRows(event.batch)) found.set(row.$offset as bigint, row)
    for (const { offset, code, message } of event.errors) found.set(offset, `${code}: ${message}`)
  }
  await source.close()
  return found
}

it('4,000 generated messages, written by either and read in ten ways: equal rows, or the same error', async () => {
  const seed = Date.now()
  const messages = fc.sample(message, { numRuns: 2000, seed })
  const batch = batchFromRows(messages, parseSchema(schema))
  for (const backend of [nativeBackend(), jsBackend()]) await write(backend, batch)
  for (const codec of ['string', 'bytes'] as const) {
    for (const keyType of ['binary', 'utf8', 'int32', 'int64', 'float64'] as const) {
      const value = { name: 'value', type: { kind: codec === 'string' ? 'utf8' : 'binary' } } as const
      const isRaw = keyType === 'binary' || keyType === 'utf8'
      const key = isRaw ? '$key' : '$keyValue'
      const beside = ['$topic', '$partition', '$offset', '$timestamp', '$headers', '$value', '$tombstone'] as const
      const plan: DecodePlan = {
        codec,
        columns: [{ field: value, emit: true }],
        message: [key, ...beside],
        keyType,
        maxDepth: 64,
      }
      const expected = await read(nativeBackend(), plan)
      expect(expected.size).toBe(2 * messages.length)
      const found = await read(jsBackend(), plan)
      for (const [offset, row] of expected)
        expect(found.get(offset), `seed ${seed}, ${codec} ${keyType} ${offset}`).toStrictEqual(row)
      // What the second backend wrote, beside the first one's.
      const count = BigInt(messages.length)
      for (let i = 0n; i < count; i++) {
        const [first, second] = [found.get(i), found.get(i + count)]
        const rest = (row: unknown) => (typeof row === 'string' ? row : { ...(row as object), $offset: undefined })
        expect(rest(second), `seed ${seed}, ${codec} ${keyType} ${i}`).toStrictEqual(rest(first))
      }
      const errors = [...expected.values()].filter((row) => typeof row === 'string').length
      if (keyType === 'binary' && codec === 'bytes') expect(errors).toBe(0)
      else expect(errors).toBeGreaterThan(100)
    }
  }
})
