/** Batches of any values that columns can hold, also those that no decoder gives: NaN, bytes that are no UTF-8. */
import { inspect } from 'node:util'
import fc from 'fast-check'
import { type Batch, bitmapBytes, type Column, type Data, makeData, valuesArray } from '../../src/batch.ts'
import type { ColumnType, Field } from '../../src/schema.ts'
import { schema } from './documents.ts'

/** Bytes of values, mostly such that they are usual ones of the type: zeros, small, or anything. */
const raw = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ minLength: length, maxLength: length }),
    fc
      .uint8Array({ minLength: length, maxLength: length })
      .map((bytes) => bytes.map((byte, i) => (i % 8 < 2 ? byte : 0))),
  )

const floats = (type: ColumnType, length: number): fc.Arbitrary<ArrayBufferLike> => {
  const each =
    type.kind === 'float32'
      ? fc.float()
      : fc.oneof(
          fc.double(),
          fc.integer().map((n) => n / 100),
        )
  const array = type.kind === 'float32' ? Float32Array : Float64Array
  return fc.array(each, { minLength: length, maxLength: length }).map((all) => array.from(all).buffer)
}

const sizes = (length: number, max: number): fc.Arbitrary<Int32Array> =>
  fc.array(fc.nat({ max }), { minLength: length, maxLength: length }).map((all) => {
    const offsets = new Int32Array(length + 1)
    for (const [i, size] of all.entries()) offsets[i + 1] = offsets[i]! + size
    return offsets
  })

/** A bitmap, or none. */
const validity = (length: number): fc.Arbitrary<{ nullCount: number; validity: Uint8Array | null }> =>
  fc.option(fc.array(fc.boolean(), { minLength: length, maxLength: length }), { freq: 2 }).map((all) => {
    if (all === null) return { nullCount: 0, validity: null }
    const bits = new Uint8Array(bitmapBytes(length))
    for (const [i, valid] of all.entries()) if (valid) bits[i >> 3]! |= 1 << (i & 7)
    return { nullCount: all.filter((valid) => !valid).length, validity: bits }
  })

function data(type: ColumnType, length: number): fc.Arbitrary<Data> {
  const parts = validity(length)
  if (type.kind === 'struct') {
    const children = fc.tuple(...type.fields.map((field) => data(field.type, length)))
    return fc.tuple(parts, children).map(([nulls, all]) => makeData(type, length, { ...nulls, children: all }))
  }
  if (type.kind === 'list') {
    return fc
      .tuple(parts, sizes(length, 3))
      .chain(([nulls, offsets]) =>
        data(type.item, offsets[length]!).map((item) =>
          makeData(type, length, { ...nulls, offsets, children: [item] }),
        ),
      )
  }
  if (type.kind === 'utf8' || type.kind === 'binary') {
    const text = fc.oneof(
      { arbitrary: fc.string({ unit: 'grapheme' }).map((one) => Buffer.from(one)), weight: 12 },
      {
        arbitrary: fc.constantFrom('"\\\b\f\n\r\t\u0000\u001f\u007f', 'x'.repeat(100)).map((one) => Buffer.from(one)),
        weight: 2,
      },
      {
        arbitrary: fc.uint8Array({ maxLength: 9 }).map((one) => Buffer.from(one)),
        weight: type.kind === 'utf8' ? 1 : 9,
      },
    )
    return fc.tuple(parts, fc.array(text, { minLength: length, maxLength: length })).map(([nulls, all]) => {
      const offsets = new Int32Array(length + 1)
      for (const [i, bytes] of all.entries()) offsets[i + 1] = offsets[i]! + bytes.length
      return makeData(type, length, { ...nulls, offsets, values: new Uint8Array(Buffer.concat(all)) })
    })
  }
  const array = valuesArray(type)
  if (array === null) {
    return fc
      .tuple(parts, raw(bitmapBytes(length)))
      .map(([nulls, values]) => makeData(type, length, { ...nulls, values }))
  }
  const count = length * array.stride
  const isFloat = type.kind === 'float32' || type.kind === 'float64'
  const buffer = isFloat
    ? floats(type, length)
    : raw(count * array.of.BYTES_PER_ELEMENT).map((bytes) => bytes.slice().buffer)
  return fc
    .tuple(parts, buffer)
    .map(([nulls, values]) => makeData(type, length, { ...nulls, values: new array.of(values, 0, count) }))
}

export function batchOf(fields: readonly Field[], rows: number): fc.Arbitrary<Batch> {
  const columns = fc.tuple(
    ...fields.map((field) => data(field.type, rows).map((each): Column => ({ field, data: each }))),
  )
  // fast-check takes Arrow's Date type for a Date, and can't print it.
  const printed = (all: readonly Column[]) => () =>
    inspect(
      all.map(({ field, data: { values, valueOffsets, nullBitmap } }) => ({ field, values, valueOffsets, nullBitmap })),
      { depth: 8 },
    )
  return columns.map((all) => ({ columns: all, numRows: rows, selection: null, [fc.toStringMethod]: printed(all) }))
}

export const batch = fc.tuple(schema, fc.integer({ min: 1, max: 12 })).chain(([fields, rows]) => batchOf(fields, rows))
