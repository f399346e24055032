/** What the codecs in TypeScript make of generated and of real documents, beside the native ones: the same. */
import { inspect, isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Predicate } from '../../src/plan/pushdown.ts'
import type { Field } from '../../src/schema.ts'
import * as native from '../support/addon-rows.ts'
import { type Dataset, earthquakes, flights, movies } from '../support/datasets.ts'
import * as js from '../support/js-rows.ts'
import { batch, batchOf } from './columns.ts'
import { document, predicate, scalar, schema, type } from './documents.ts'

interface Options {
  readonly predicate?: Predicate | undefined
  readonly maxDepth?: number
}

/** Every cell, and every error's code and message. */
function expectSame(documents: readonly native.Document[], fields: readonly Field[], options: Options = {}): number {
  const [theirs, ours] = [native, js].map(({ decodeJson }) => decodeJson(documents, fields, options))
  for (const [i, document] of documents.entries()) {
    const [found, expected] = [ours, theirs].map((one) => {
      const error = one!.errors.get(i)
      return { row: one!.rows[i], error: error && `${error.code}: ${error.message}` }
    })
    if (isDeepStrictEqual(found, expected)) continue
    const text = typeof document === 'string' || document === null ? document : Buffer.from(document).toString('latin1')
    expect(found, inspect({ text, fields, options }, { depth: null })).toStrictEqual(expected)
  }
  return theirs!.errors.size
}

// For a busy machine; alone these take 25 s together.
vi.setConfig({ testTimeout: 120_000 })

describe('decoding', () => {
  it('25,000 generated documents: equal cells, or the same error', () => {
    let documents = 0
    let errors = 0
    const cases = schema.chain((fields) =>
      fc.record({
        fields: fc.constant(fields),
        all: fc.array(document(fields), { minLength: 25, maxLength: 25 }),
        predicate: predicate(fields),
        maxDepth: fc.constantFrom(64, 64, 2),
      }),
    )
    fc.assert(
      fc.property(cases, ({ fields, all, ...options }) => {
        documents += all.length
        errors += expectSame(all, fields, options)
      }),
      { numRuns: 1000 },
    )
    expect(documents).toBeGreaterThanOrEqual(25_000)
    // Many are sound, and many are not.
    expect(errors).toBeGreaterThan(documents / 20)
    expect(errors).toBeLessThan(documents * 0.8)
  })

  it.each<[string, () => Dataset]>([
    ['flights', flights],
    ['movies', movies],
    ['earthquakes', earthquakes],
  ])('real data, cell by cell: %s', (_, read) => {
    const documents = read().documents
    const fields = native.inferJson(documents)
    expect(js.inferJson(documents)).toStrictEqual(fields)
    expect(expectSame(documents, fields)).toBe(0)
    // The same columns in the other order, so that no key is where it was expected.
    expectSame(documents.slice(0, 2000), fields.toReversed().slice(1))
  })
})

describe('inference', () => {
  it('the same schema of generated documents', () => {
    const cases = schema.chain((fields) => fc.array(document(fields), { maxLength: 6 }))
    fc.assert(
      fc.property(cases, fc.constantFrom(64, 2), (documents, maxDepth) => {
        expect(js.inferJson(documents, maxDepth)).toStrictEqual(native.inferJson(documents, maxDepth))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    // simdjson's own numbers have no exponent of so many digits: this was utf8 natively.
    ['{"a":1e00000000000000000000001}', 'float64'],
    ['{"a":1e400}', 'utf8'],
    ['{"a":-9223372036854775808}', 'int64'],
    ['{"a":9223372036854775808}', 'utf8'],
    ['{"a":100000000000000000000}', 'float64'],
  ])('found once: %s', (document, kind) => {
    for (const { inferJson } of [native, js]) expect(inferJson([document])).toEqual([{ name: 'a', type: { kind } }])
  })
})

describe('encoding', () => {
  it('20,000 generated rows as JSON: the same bytes, which are JSON, or the same error', () => {
    let rows = 0
    fc.assert(
      fc.property(batch, fc.constantFrom('error', 'null'), (given, nonFinite) => {
        const expected = native.encodeJson(given, 'json', { nonFinite })
        expect(js.encodeJson(given, 'json', { nonFinite })).toStrictEqual(expected)
        for (const text of expected.documents) if (text !== null) JSON.parse(text)
        rows += given.numRows
      }),
      { numRuns: 3600 },
    )
    expect(rows).toBeGreaterThanOrEqual(20_000)
  })

  it('keys that are lists and structs: the text that their column has in a document, or the same error', () => {
    const nested = type.filter(({ kind }) => kind === 'list' || kind === 'struct')
    const given = fc.tuple(nested, fc.integer({ min: 1, max: 12 })).chain(([kind, rows]) => {
      return batchOf([{ name: 'k', type: kind }], rows)
    })
    fc.assert(
      fc.property(given, (batch) => {
        const whole = native.encodeJson(batch)
        // Of {"k":...}; and of a key there is no null in JSON, nor an option.
        const documents = whole.documents.map((text) => (text === null ? null : text.slice('{"k":'.length, -1)))
        const errors = whole.errors.map((error) => {
          return { ...error, message: error.message.replace("use codecOptions.nonFinite 'null' or filter", 'filter') }
        })
        const keys = documents.map((text) => (text === 'null' ? null : text))
        expect(js.encodeKeys(batch)).toStrictEqual({ documents: keys, errors })
      }),
      { numRuns: 1000 },
    )
  })

  it.each(['string', 'bytes'] as const)('one column as its text or bytes: %s', (codec) => {
    const one = scalar.chain((type) => batchOf([{ name: 'value', type }], 8))
    const named = batch.filter(({ columns }) => columns.every(({ field }) => field.name !== ''))
    fc.assert(
      fc.property(fc.oneof({ arbitrary: one, weight: 9 }, named), (given) => {
        expect(js.encodeJson(given, codec)).toStrictEqual(native.encodeJson(given, codec))
      }),
      { numRuns: 1000 },
    )
  })
})
