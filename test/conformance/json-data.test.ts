/**
 * Real data that nobody here wrote: its schema is inferred, every document decodes under it, every value is that of
 * JSON.parse, and what is encoded again parses to the same.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { valueReader } from '../../src/batch.ts'
import { type ColumnType, type Field, fieldsText } from '../../src/schema.ts'
import { decodeJson, encodeJson, inferJson } from '../support/addon-rows.ts'

type Json = Readonly<Record<string, unknown>>

function dataset(name: string): unknown {
  const path = fileURLToPath(new URL(`../../node_modules/vega-datasets/data/${name}.json`, import.meta.url))
  return JSON.parse(readFileSync(path, 'utf8'))
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
const own = (object: Json, name: string): unknown => (Object.hasOwn(object, name) ? object[name] : undefined)

/** What a column of the type gives for a value of JSON, in rows. */
function rowValue(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (type.kind) {
    case 'int64':
      // Its digits: beyond 2^53 those are not the digits of the double.
      return BigInt(JSON.stringify(value))
    case 'timestamp':
      return new Date(value as string)
    case 'list':
      return (value as readonly unknown[]).map((item) => rowValue(type.item, item))
    case 'struct':
      return rowOf(type.fields, value as Json)
    case 'utf8':
      return typeof value === 'string' ? value : JSON.stringify(value)
    default:
      return value
  }
}

const rowOf = (fields: readonly Field[], document: Json): Json =>
  Object.fromEntries(fields.map(({ name, type }) => [name, rowValue(type, own(document, name))]))

/** The same as JSON gives it back: absent keys are null, times are written to the millisecond. */
function jsonValue(type: ColumnType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  switch (type.kind) {
    case 'timestamp':
      return new Date(value as string).toISOString()
    case 'list':
      return (value as readonly unknown[]).map((item) => jsonValue(type.item, item))
    case 'struct':
      return jsonOf(type.fields, value as Json)
    case 'utf8':
      return typeof value === 'string' ? value : JSON.stringify(value)
    default:
      // -0 is written as JavaScript writes it.
      return value === 0 ? 0 : value
  }
}

const jsonOf = (fields: readonly Field[], document: Json): Json =>
  Object.fromEntries(fields.map(({ name, type }) => [name, jsonValue(type, own(document, name))]))

/** Inferred, decoded, compared and encoded again. Returns the schema as one would write it. */
function expectRoundTrip(documents: readonly Json[]): string {
  const texts = documents.map((document) => JSON.stringify(document))
  const fields = inferJson(texts)
  const { batch, kept, errors, rows } = decodeJson(texts, fields)
  expect([...errors.values()]).toEqual([])
  expect(kept.length).toBe(documents.length)
  for (const [i, document] of documents.entries()) expect(rows[i], texts[i]).toEqual(rowOf(fields, document))
  const encoded = encodeJson(batch)
  expect(encoded.errors).toEqual([])
  for (const [i, document] of documents.entries()) {
    expect(JSON.parse(encoded.documents[i]!), texts[i]).toEqual(jsonOf(fields, document))
  }
  return fieldsText(fields)
}

describe('inferred, decoded and encoded again', () => {
  it('movies: mixed types and nulls', () => {
    const schema = expectRoundTrip(dataset('movies') as readonly Json[])
    // Titles are text but for a few that are numbers; those keep their digits.
    expect(schema).toContain("Title: 'utf8'")
    expect(schema).toContain(`"IMDB Rating": 'float64'`)
    expect(schema).toContain(`"IMDB Votes": 'int64'`)
  })

  it('earthquakes: nested structs and lists', () => {
    const { features } = dataset('earthquakes') as { readonly features: readonly Json[] }
    const schema = expectRoundTrip(features)
    expect(schema).toContain("geometry: { type: 'utf8', coordinates: ['float64'] }")
    expect(schema).toContain("mag: 'float64'")
    expect(schema).toContain("time: 'int64'")
  })

  it('flights: 231,083 documents, every value', () => {
    const documents = dataset('flights-200k') as readonly Json[]
    expect(documents.length).toBe(231_083)
    const texts = documents.map((document) => JSON.stringify(document))
    const fields = inferJson(texts)
    expect(fieldsText(fields)).toBe("{ delay: 'int64', distance: 'int64', time: 'float64' }")
    const { batch, kept } = decodeJson(texts, fields)
    expect(kept.length).toBe(documents.length)
    // Without an assertion a value, of which there are 693,249.
    const readers = batch.columns.map(({ field, data }) => valueReader(field.type, data))
    const wrong = documents.filter((document, row) =>
      fields.some(({ name, type }, i) => readers[i]!(row) !== rowValue(type, document[name])),
    )
    expect(wrong).toEqual([])
    const encoded = encodeJson(batch).documents
    expect(documents.filter((_, row) => encoded[row] !== texts[row])).toEqual([])
  })

  it.each([
    'barley',
    'budget',
    'cars',
    'countries',
    'crimea',
    'driving',
    'flare',
    'football',
    'gapminder',
    'income',
    'jobs',
    'monarchs',
    'obesity',
    'ohlc',
    'penguins',
    'political-contributions',
    'us-state-capitals',
    'wheat',
  ])('%s', (name) => {
    const documents = dataset(name) as readonly unknown[]
    expectRoundTrip(documents.filter(isObject))
  })

  it('documents of any shape', () => {
    const key = fc.constantFrom('a', 'b', 'c', '', 'a.b', '"', '\u00e9', '__proto__', 'toString')
    const scalar = fc.oneof(
      fc.constantFrom(0, 1, -1, 1.5, 2 ** 53, 1e20, 1e21, 2 ** 63, 2 ** 64, 5e-324, 1.7976931348623157e308),
      fc.integer(),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('2024-02-29T12:00:00Z', '2024-02-29T12:00:00.5+02:00', '2024-02-29', '12'),
      fc.constant(null),
    )
    const { value } = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4, withCrossShrink: true },
        scalar,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4 }),
      ),
    }))
    // -0 becomes 0 in JSON.
    const document = fc.dictionary(key, value, { maxKeys: 5 }).map((one) => JSON.parse(JSON.stringify(one)) as Json)
    fc.assert(
      fc.property(fc.array(document, { minLength: 1, maxLength: 6 }), (documents) => {
        const texts = documents.map((one) => JSON.stringify(one))
        if (inferJson(texts).length > 0) expectRoundTrip(documents)
      }),
      { numRuns: 1000 },
    )
  })
})
