/** Generated keys that are JSON, from a broker: both backends read the same, or say the same of them. */
import { Binary, Table, vectorFromArray } from 'apache-arrow'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { batchToRows } from '../../src/batch.ts'
import { EmbeddedBroker, Stream } from '../../src/index.ts'
import type { Backend, DecodePlan } from '../../src/kafka/backend.ts'
import { jsBackend } from '../../src/kafka/js.ts'
import { nativeBackend } from '../../src/kafka/native.ts'
import { parseSourceOptions } from '../../src/kafka/options.ts'
import { bytesOf, type Document } from '../support/addon-rows.ts'
import { type, valueDocument } from './documents.ts'

vi.setConfig({ testTimeout: 120_000 })

let broker: EmbeddedBroker
beforeAll(async () => {
  broker = await EmbeddedBroker.start()
})
afterAll(() => broker?.close())

const KEYS = 60
/** Beside the keys; a third of the values is not what the plan asks for, and some are none. */
const value = (i: number): Uint8Array | null =>
  i % 11 === 0 ? null : Buffer.from(i % 7 === 0 ? '{"n":' : `{"n":${i % 3}}`)

async function write(topic: string, keys: readonly Document[]): Promise<void> {
  const { bootstrapServers } = broker
  broker.createTopic(topic)
  const table = new Table({
    value: vectorFromArray(
      keys.map((_, i) => value(i)),
      new Binary(),
    ),
    $key: vectorFromArray(keys.map(bytesOf), new Binary()),
  })
  await Stream.fromBatches(table).toKafka({ bootstrapServers, topic, codec: 'bytes' }).run()
}

/** What each offset became: a row, or an error. */
async function read(backend: Backend, topic: string, plan: DecodePlan): Promise<Record<string, object | string>> {
  const { bootstrapServers } = broker
  const source = backend.source(parseSourceOptions({ bootstrapServers, topic, until: 'end' }).source)
  await source.open()
  source.start(plan)
  const found: Record<string, object | string> = {}
  for (;;) {
    const event = await source.next()
    if (event.kind === 'end') break
    if (event.kind !== 'batch') continue
    for (const { $offset, ...row } of batchToRows(event.batch)) found[String($offset)] = row
    for (const { offset, code, message } of event.errors) found[String(offset)] = `${code}: ${message}`
  }
  await source.close()
  return found
}

it('6,000 generated keys of a hundred types: equal values, or the same error', async () => {
  const counts = { keys: 0, misfits: 0, notJson: 0 }
  let topics = 0
  const cases = type.chain((json) =>
    fc.record({
      json: fc.constant(json),
      keys: fc.array(valueDocument(json), { minLength: KEYS, maxLength: KEYS }),
      maxDepth: fc.constantFrom(64, 64, 1),
    }),
  )
  await fc.assert(
    fc.asyncProperty(cases, async ({ json, keys, maxDepth }) => {
      const topic = `keys-${topics++}`
      await write(topic, keys)
      const plan: DecodePlan = {
        codec: 'json',
        columns: [{ field: { name: 'n', type: { kind: 'int64' } }, emit: true }],
        predicate: [
          'or',
          [
            ['ge', 0, { i: '1' }],
            ['isNull', 0],
          ],
        ],
        message: ['$offset', '$keyValue'],
        keyType: { json },
        maxDepth,
      }
      const expected = await read(nativeBackend(), topic, plan)
      expect(await read(jsBackend(), topic, plan)).toStrictEqual(expected)
      for (const [offset, row] of Object.entries(expected)) {
        const i = Number(offset)
        // Whatever its key is, a row that is left out is none, and of two errors the value's comes first.
        expect(i % 11 !== 0 && i % 7 !== 0 && i % 3 === 0).toBe(false)
        if (typeof row === 'object') counts.keys += (row as { $keyValue: unknown }).$keyValue === null ? 0 : 1
        else if (i % 11 !== 0 && i % 7 === 0) expect(row).toMatch(/^DECODE: not JSON: /)
        else if (row.startsWith('SCHEMA: column $key')) counts.misfits++
        else if (row.startsWith('DECODE: $key: not JSON')) counts.notJson++
        else expect.unreachable(row)
      }
    }),
    { numRuns: 100 },
  )
  // Many are sound, and many are not.
  for (const [kind, count] of Object.entries(counts)) expect(count, kind).toBeGreaterThan(300)
})
