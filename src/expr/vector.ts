/** What kernels compute on: plain arrays, and the bitmaps beside them. Everything here runs on the JavaScript thread. */
import {
  allNull,
  type Batch,
  bitmapBytes,
  countBits,
  type Data,
  makeData,
  type NumericArray,
  validityOf,
  valuesArray,
} from '../batch.ts'
import type { ColumnType } from '../schema.ts'
import type { Literal } from './nodes.ts'

/**
 * Values of one type. Arrays may be longer than `length`; bool is a bitmap, and bits past `length` mean nothing, as
 * do the values of null rows. Never written to once made: a vector may be a batch's own column.
 */
export interface Vector {
  readonly length: number
  readonly values: NumericArray
  /** Of text, bytes and lists. */
  readonly offsets: Int32Array | null
  /** LSB bitmap; null: no nulls. */
  readonly validity: Uint8Array | null
  /** Of a list its items, of a struct its fields, as Arrow has them; `values` is empty then. */
  readonly children?: readonly Data[]
}

/** A row that an expression could not be computed for. */
export interface RowError {
  readonly row: number
  readonly message: string
}

/** One evaluation of an expression: the batch, and the rows that failed so far. */
export interface Run {
  readonly batch: Batch
  readonly errors: RowError[]
}

export type Evaluate = (run: Run) => Vector

/** An argument of a kernel. */
export type Argument =
  | { readonly type: ColumnType; readonly evaluate: Evaluate; readonly literal?: undefined }
  /** `type` null: a null without a type. */
  | { readonly type: ColumnType | null; readonly literal: { readonly value: Literal } }

/** Makes the function of one operator: once for an expression, for arguments of known types. */
export type Kernel = (args: readonly Argument[], type: ColumnType) => Evaluate

export function vectorOf(data: Data): Vector {
  const { length, values, valueOffsets, children } = data
  const flat = { length, values: values ?? noValues, offsets: valueOffsets ?? null, validity: validityOf(data) }
  return children.length === 0 ? flat : { ...flat, children }
}

export function dataOf(type: ColumnType, { length, values, offsets, validity, children }: Vector): Data {
  const nullCount = validity === null ? 0 : length - countBits(validity, length)
  if (children === undefined) return makeData(type, length, { nullCount, validity, offsets, values })
  return makeData(type, length, { nullCount, validity, offsets, children })
}

/** What stands in `values` of lists and structs. */
export const noValues = new Uint8Array(0)

export function boolVector(length: number, bits: Uint8Array, validity: Uint8Array | null): Vector {
  return { length, values: bits, offsets: null, validity }
}

/** Rows that are valid on both sides. The result may be one of the two. */
export function bothValid(a: Uint8Array | null, b: Uint8Array | null, length: number): Uint8Array | null {
  if (a === null || a === b) return b
  if (b === null) return a
  const both = new Uint8Array(bitmapBytes(length))
  for (let i = 0; i < both.length; i++) both[i] = a[i]! & b[i]!
  return both
}

export const bitAt = (bitmap: Uint8Array, i: number): number => (bitmap[i >> 3]! >> (i & 7)) & 1

/** Keeps the vector of the greatest length asked for so far: batches of one run are about as long as each other. */
export function grown(make: (length: number) => Vector): (length: number) => Vector {
  let made: Vector | undefined
  return (length) => {
    if (made === undefined || made.length < length) made = make(length)
    return made.length === length ? made : { ...made, length }
  }
}

/** A literal in every row, in the array of a type; for a decimal the integer of its scale. */
export function constant(type: ColumnType, value: Literal): (length: number) => Vector {
  return grown((length) => {
    if (value === null) return nulls(type, length)
    if (type.kind === 'bool') {
      return boolVector(length, new Uint8Array(bitmapBytes(length)).fill(value === true ? 255 : 0), null)
    }
    if (type.kind === 'utf8' || type.kind === 'binary') return repeated(literalBytes(value), length)
    if (type.kind === 'decimal') return decimals(BigInt(value as bigint), length)
    const values = newValues(type, length)
    if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
      values.fill(value instanceof Date ? BigInt(value.getTime()) : BigInt(value as number | bigint))
    } else values.fill(Number(value))
    return { length, values, offsets: null, validity: null }
  })
}

function decimals(unscaled: bigint, length: number): Vector {
  const words = Uint32Array.from({ length: 4 }, (_, k) => Number((unscaled >> BigInt(32 * k)) & 0xffffffffn))
  const values = new Uint32Array(length * 4)
  for (let i = 0; i < values.length; i++) values[i] = words[i & 3]!
  return { length, values, offsets: null, validity: null }
}

/** Nothing but nulls. */
export function nulls(type: ColumnType, length: number): Vector {
  if (type.kind === 'list' || type.kind === 'struct') return vectorOf(allNull(type, length))
  const offsets = type.kind === 'utf8' || type.kind === 'binary' ? new Int32Array(length + 1) : null
  const validity = new Uint8Array(bitmapBytes(length))
  return { length, values: offsets === null ? newValues(type, length) : new Uint8Array(0), offsets, validity }
}

function newValues(type: ColumnType, length: number): NumericArray {
  const array = valuesArray(type)
  return array === null ? new Uint8Array(bitmapBytes(length)) : new array.of(length * array.stride)
}

function repeated(bytes: Uint8Array, length: number): Vector {
  const values = new Uint8Array(bytes.length * length)
  const offsets = new Int32Array(length + 1)
  for (let i = 0; i < length; i++) {
    values.set(bytes, i * bytes.length)
    offsets[i + 1] = (i + 1) * bytes.length
  }
  return { length, values, offsets, validity: null }
}

const encoder = new TextEncoder()

export function literalBytes(value: Literal): Uint8Array {
  return value instanceof Uint8Array ? value : encoder.encode(String(value))
}

/** An argument as a vector in every case. */
export function evaluated(argument: Argument, type: ColumnType): Evaluate {
  if (argument.literal === undefined) return argument.evaluate
  const repeat = constant(type, argument.literal.value)
  return ({ batch }) => repeat(batch.numRows)
}
