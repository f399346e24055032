/** The codecs in TypeScript, as the js backend uses them: rows added, taken back, handed over. */
import { describe, expect, it } from 'vitest'
import { batchToRows } from '../../src/batch.ts'
import { decoder, encoder, inferSchema } from '../../src/codecs/conversions.ts'
import type { Decoder, DecoderPlan } from '../../src/codecs/convert.ts'
import { parseSchema, type SchemaLiteral } from '../../src/schema.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)
const plan = (schema: SchemaLiteral, more: Partial<DecoderPlan> = {}): DecoderPlan => ({
  columns: parseSchema(schema).map((field) => ({ field, emit: true })),
  maxDepth: 64,
  ...more,
})
const rowsOf = (from: Decoder): unknown => {
  const numRows = from.rows
  return batchToRows({ columns: from.take(), numRows, selection: null })
}

describe('JSON to columns', () => {
  it('keeps int64 and uint64 exact beyond 2^53, where JSON.parse rounds', () => {
    const into = decoder('json', plan({ id: 'int64', big: 'uint64' }))
    expect(into.add(bytes('{"id":9007199254740993,"big":18446744073709551615}'))).toBe(true)
    expect(into.add(bytes('{"id":-9223372036854775808,"big":9007199254740993}'))).toBe(true)
    expect(rowsOf(into)).toEqual([
      { id: 9007199254740993n, big: 18446744073709551615n },
      { id: -9223372036854775808n, big: 9007199254740993n },
    ])
  })

  it('says column, expected, found and the schema that would accept it', () => {
    const into = decoder('json', plan({ items: [{ price: 'int64' }] }))
    expect(into.add(bytes('{"items":[{"price":1},{"price":12.5}]}'))).toEqual({
      code: 'SCHEMA',
      message: 'column items[].price: expected int64, found 12.5; the schema type "float64" would accept it',
    })
    expect(into.add(bytes('{"items" [1]}'))).toEqual({
      code: 'DECODE',
      message: "not JSON: expected ':' at byte 9, found '['",
    })
    expect(into.rows).toBe(0)
  })

  it('leaves no trace of rows that fail, are rejected or are taken back', () => {
    const into = decoder('json', plan({ a: 'utf8', n: 'int64' }, { predicate: ['gt', 1, { i: '10' }] }))
    expect(into.add(bytes('{"a":"first","n":11}'))).toBe(true)
    expect(into.add(bytes('{"a":"small","n":10,"rest":"not read'))).toMatchObject({ code: 'DECODE' })
    expect(into.add(bytes('{"a":"small","n":10,"rest":tru}'))).toBe(false)
    expect(into.add(null)).toBe(false)
    expect(into.add(bytes('{"a":null,"n":12}'))).toBe(true)
    expect(into.add(bytes('{"a":"back","n":13}'))).toBe(true)
    into.pop()
    expect(into.add(bytes('{"n":14,"a":"last"}'))).toBe(true)
    expect(into.rows).toBe(3)
    expect(into.bytes).toBeGreaterThan(0)
    expect(rowsOf(into)).toEqual([
      { a: 'first', n: 11n },
      { a: null, n: 12n },
      { a: 'last', n: 14n },
    ])
  })

  it('hands over buffers that it does not write to again, and only the columns that are wanted', () => {
    const { columns } = plan({ a: 'utf8', n: 'int64' })
    const into = decoder('json', {
      columns: columns.map((column, i) => ({ ...column, emit: i === 0 })),
      predicate: ['ne', 1, { i: '0' }],
      maxDepth: 64,
    })
    const many = Array.from({ length: 300 }, (_, i) => `{"a":"row ${i}","n":${i}}`)
    for (const document of many) into.add(bytes(document))
    const first = into.take()
    for (const document of many) into.add(bytes(document.replace('row', 'other')))
    const second = rowsOf(into) as { a: string }[]
    expect(first.map(({ field }) => field.name)).toEqual(['a'])
    const rows = batchToRows({ columns: first, numRows: 299, selection: null })
    expect([rows[0], rows[298]]).toEqual([{ a: 'row 1' }, { a: 'row 299' }])
    expect([second.length, second[0], second[298]]).toEqual([299, { a: 'other 1' }, { a: 'other 299' }])
  })

  it('refuses a column that is named twice, and what cannot be compared', () => {
    const [column] = plan({ a: 'binary' }).columns
    expect(() => decoder('json', { columns: [column!, column!], maxDepth: 64 })).toThrow('"a" is named twice')
    expect(() => decoder('json', plan({ a: 'binary' }, { predicate: ['eq', 0, { s: 'x' }] }))).toThrow(
      'column "a" is binary, which can not be compared with a string',
    )
  })
})

describe('text and bytes', () => {
  it('a value is a row of the one column, a tombstone is null, and empty is empty', () => {
    const into = decoder('string', plan({ value: 'utf8' }))
    for (const value of [bytes('é'), null, bytes('')]) expect(into.add(value)).toBe(true)
    expect(into.add(Uint8Array.of(0x61, 0xff))).toEqual({
      code: 'DECODE',
      message: "expected UTF-8 text; the value has none at byte 1. Correct the producer, or read it with codec 'bytes'",
    })
    expect(rowsOf(into)).toEqual([{ value: 'é' }, { value: null }, { value: '' }])
    const raw = decoder('bytes', plan({ value: 'binary' }))
    expect(raw.add(Uint8Array.of(0x61, 0xff))).toBe(true)
    expect(rowsOf(raw)).toEqual([{ value: Uint8Array.of(0x61, 0xff) }])
  })

  it('has no other columns', () => {
    expect(() => decoder('string', plan({ text: 'utf8' }))).toThrow(
      'the codec string has the one column value utf8; got text utf8',
    )
  })
})

describe('columns to JSON', () => {
  it('writes int64 exact, and says which column holds what JSON has not', () => {
    const into = decoder('json', plan({ id: 'int64', x: 'float64' }))
    into.add(bytes('{"id":9007199254740993,"x":0.1}'))
    const batch = { columns: into.take(), numRows: 1, selection: null }
    expect(Buffer.from(encoder('json').encode(batch, 0) as Uint8Array).toString()).toBe(
      '{"id":9007199254740993,"x":0.1}',
    )
    ;(batch.columns[1]!.data.values as Float64Array)[0] = Number.NaN
    expect(encoder('json').encode(batch, 0)).toEqual({
      code: 'ENCODE',
      message: "column x: NaN is not JSON; use codecOptions.nonFinite 'null' or filter it",
    })
    const asNull = encoder('json', { nonFinite: 'null' }).encode(batch, 0) as Uint8Array
    expect(Buffer.from(asNull).toString()).toBe('{"id":9007199254740993,"x":null}')
  })
})

describe('inference', () => {
  it('finds columns in the order in which keys first appear', () => {
    const found = inferSchema(
      [bytes('{"id":1,"at":"2024-02-29T12:00:00Z"}'), null, bytes('{"tags":["a"],"id":1.5}')],
      64,
    )
    expect(found).toEqual(parseSchema({ id: 'float64', at: 'timestamp[ms]', tags: ['utf8'] }))
  })
})
