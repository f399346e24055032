/** Column types and schema literals <-> Arrow schema. With batch.ts the only importer of apache-arrow. */
import * as arrow from 'apache-arrow'
import { describe, didYouMean, SabotError } from './errors.ts'

/** The unit of a timestamp: seconds, milliseconds, microseconds, nanoseconds since the epoch, UTC. */
export type TimeUnit = 's' | 'ms' | 'us' | 'ns'

/** A column's type. Every column may hold nulls. */
export type ColumnType =
  | {
      readonly kind:
        | 'bool'
        | 'int8'
        | 'int16'
        | 'int32'
        | 'int64'
        | 'uint8'
        | 'uint16'
        | 'uint32'
        | 'uint64'
        | 'float32'
        | 'float64'
        | 'utf8'
        | 'binary'
        | 'date'
    }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'list'; readonly item: ColumnType }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] }

export interface Field {
  readonly name: string
  readonly type: ColumnType
}

// ---------------------------------------------------------------- literals, as users write them

/** A type without parts, by name. */
export type PlainTypeName = Exclude<ColumnType['kind'], 'timestamp' | 'decimal' | 'list' | 'struct'>
export type TypeName = PlainTypeName | `timestamp[${TimeUnit}]` | `decimal(${number},${number})`

/** A type as it is written in a schema: its name, `[item]` for a list, `{ name: type }` for a struct. */
export type TypeLiteral = TypeName | readonly [TypeLiteral] | { readonly [name: string]: TypeLiteral }

/** `{ id: 'int64', amount: 'float64', tags: ['utf8'], address: { city: 'utf8' } }` */
export type SchemaLiteral = { readonly [name: string]: TypeLiteral }

/** A type that only the run knows. */
export type AnyType = 'any'
/** What is known at compile time of a stream's columns. */
export type Shape = { readonly [name: string]: TypeLiteral | AnyType }
/** Nothing: every name may be used, and every value is `any`. The shape of an inferred schema. */
export type AnySchema = { readonly [name: string]: AnyType }

/**
 * The JavaScript value of a type in rows: int64 and uint64 bigint, other numbers number, decimal string (exact),
 * timestamp[s], timestamp[ms] and date Date (UTC), timestamp[us] and timestamp[ns] bigint in that unit (exact, where
 * a Date would not be).
 */
export type ValueOf<T> = T extends AnyType
  ? // biome-ignore lint/suspicious/noExplicitAny: the type is known at run time only, as with JSON.parse
    any
  : T extends 'bool'
    ? boolean
    : T extends 'int64' | 'uint64' | 'timestamp[us]' | 'timestamp[ns]'
      ? bigint
      : T extends 'timestamp[s]' | 'timestamp[ms]' | 'date'
        ? Date
        : T extends 'utf8' | `decimal(${string}`
          ? string
          : T extends 'binary'
            ? Uint8Array
            : T extends PlainTypeName
              ? number
              : T extends readonly [infer Item]
                ? (ValueOf<Item> | null)[]
                : T extends object
                  ? { -readonly [K in keyof T]: ValueOf<T[K]> | null }
                  : never

/** A row as `map` and `flatMap` get it. Every value may be null. */
export type RowOf<S> = { -readonly [K in keyof S as K extends symbol ? never : K]: ValueOf<S[K]> | null }

/** What `map` may return for a shape: keys may be missing (null), and numbers stand in for exact types. */
export type RowInput<S> = { readonly [K in keyof S]?: InputOf<S[K]> | null | undefined }

export type InputOf<T> = T extends readonly [infer Item]
  ? readonly (InputOf<Item> | null | undefined)[]
  : T extends `timestamp[${string}` | 'date'
    ? Date | string | number | bigint
    : T extends 'int64' | 'uint64'
      ? bigint | number
      : T extends `decimal(${string}`
        ? string | number | bigint
        : T extends string
          ? ValueOf<T>
          : RowInput<T>

/** The types that a name alone says. */
export const plainNames: readonly PlainTypeName[] = [
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float32',
  'float64',
  'utf8',
  'binary',
  'date',
]
const units: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns']

/** Every type by its name; those with parts by an example. */
export const typeNames: readonly string[] = [
  ...plainNames,
  ...units.map((unit) => `timestamp[${unit}]`),
  'decimal(18,4)',
]

/** What people write for a type that has another name here. */
const otherNames: Readonly<Record<string, TypeName>> = {
  string: 'utf8',
  text: 'utf8',
  boolean: 'bool',
  number: 'float64',
  double: 'float64',
  float: 'float32',
  int: 'int32',
  integer: 'int32',
  long: 'int64',
  bigint: 'int64',
  bytes: 'binary',
  datetime: 'timestamp[ms]',
  timestamp: 'timestamp[ms]',
}

/** How deep lists and structs may nest; the decoders hold to the same. */
const MAX_DEPTH = 64

/** A schema literal as fields. Throws SCHEMA, naming the column and what may stand there. */
export function parseSchema(literal: unknown): readonly Field[] {
  if (!isPlainObject(literal)) {
    throw new SabotError(
      'SCHEMA',
      `A schema is an object with a type a column, such as { id: 'int64', amount: 'float64' }; this is ${describe(literal)}.`,
    )
  }
  return parseFields(literal, '', 0)
}

/** One type literal. `column` names it in errors. */
export function parseType(literal: unknown, column: string): ColumnType {
  return typeOfLiteral(literal, column, 0)
}

function parseFields(literal: Readonly<Record<string, unknown>>, path: string, depth: number): readonly Field[] {
  const names = Object.keys(literal)
  if (names.length === 0) {
    const what = path === '' ? 'The schema' : `The struct "${path}"`
    throw misfit(path, `${what} has no columns; it needs one at least.`)
  }
  return Object.freeze(
    names.map((name) => {
      const at = path === '' ? name : `${path}.${name}`
      if (name === '') throw misfit(at, `A column of the schema${path && ` in "${path}"`} has an empty name.`)
      return Object.freeze({ name, type: typeOfLiteral(literal[name], at, depth) })
    }),
  )
}

function typeOfLiteral(literal: unknown, column: string, depth: number): ColumnType {
  if (depth > MAX_DEPTH) throw misfit(column, `Column "${column}" nests deeper than ${MAX_DEPTH} levels.`)
  if (typeof literal === 'string') return typeOfName(literal, column)
  if (Array.isArray(literal)) {
    if (literal.length !== 1) {
      throw misfit(
        column,
        `Column "${column}": a list is one type in brackets, such as ['utf8']; this has ${literal.length}.`,
      )
    }
    return Object.freeze({ kind: 'list', item: typeOfLiteral(literal[0], `${column}[]`, depth + 1) })
  }
  if (isPlainObject(literal)) {
    return Object.freeze({ kind: 'struct', fields: parseFields(literal, column, depth + 1) })
  }
  throw misfit(
    column,
    `Column "${column}": a type is a name such as 'int64', ['utf8'] for a list, { city: 'utf8' } for a struct; ` +
      `this is ${describe(literal)}.`,
  )
}

const plainTypes = new Map<string, ColumnType>(plainNames.map((kind) => [kind, Object.freeze({ kind })]))

function typeOfName(name: string, column: string): ColumnType {
  const plain = plainTypes.get(name)
  if (plain !== undefined) return plain
  const timestamp = /^timestamp\[(s|ms|us|ns)\]$/.exec(name)
  if (timestamp !== null) return Object.freeze({ kind: 'timestamp', unit: timestamp[1] as TimeUnit })
  const decimal = /^decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)$/.exec(name)
  if (decimal !== null) return decimalType(Number(decimal[1]), Number(decimal[2]), column)
  const meant = Object.hasOwn(otherNames, name.toLowerCase()) ? otherNames[name.toLowerCase()] : undefined
  const hint = meant === undefined ? didYouMean(name, typeNames) : ` Did you mean "${meant}"?`
  throw misfit(
    column,
    `Column "${column}": there is no type ${describe(name)}.${hint} The types: ${typeNames.join(', ')}, ` +
      `['utf8'] for a list, { city: 'utf8' } for a struct.`,
  )
}

function decimalType(precision: number, scale: number, column: string): ColumnType {
  if (precision < 1 || precision > 38 || scale > precision) {
    throw misfit(
      column,
      `Column "${column}": decimal(precision,scale) has a precision of 1 to 38 digits and a scale of 0 to that; ` +
        `this is decimal(${precision},${scale}).`,
    )
  }
  return Object.freeze({ kind: 'decimal', precision, scale })
}

const misfit = (column: string, message: string): SabotError =>
  new SabotError('SCHEMA', message, column === '' ? {} : { where: { column } })

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

// ---------------------------------------------------------------- printing and comparing

/** A type as a schema literal prints it: `int64`, `['utf8']`, `{ city: 'utf8' }`; names without quotes outside. */
export function typeText(type: ColumnType): string {
  switch (type.kind) {
    case 'timestamp':
      return `timestamp[${type.unit}]`
    case 'decimal':
      return `decimal(${type.precision},${type.scale})`
    case 'list':
      return `[${quoted(type.item)}]`
    case 'struct':
      return fieldsText(type.fields)
    default:
      return type.kind
  }
}

/** Fields as the schema literal that gives them: `{ id: 'int64', tags: ['utf8'] }`. */
export function fieldsText(fields: readonly Field[]): string {
  if (fields.length === 0) return '{}'
  return `{ ${fields.map(({ name, type }) => `${keyText(name)}: ${quoted(type)}`).join(', ')} }`
}

const quoted = (type: ColumnType): string =>
  type.kind === 'list' || type.kind === 'struct' ? typeText(type) : `'${typeText(type)}'`

const keyText = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name))

export function sameType(a: ColumnType, b: ColumnType): boolean {
  return a === b || typeText(a) === typeText(b)
}

/** A column by its name; for steps and rows that are handed one. */
export function findField(fields: readonly Field[], name: string): Field | undefined {
  return fields.find((field) => field.name === name)
}

// ---------------------------------------------------------------- the wire form of native/sabot.h

export type WireType = string | { readonly list: WireType } | { readonly struct: readonly WireField[] }
export interface WireField {
  readonly name: string
  readonly type: WireType
}

export function typeToWire(type: ColumnType): WireType {
  if (type.kind === 'list') return { list: typeToWire(type.item) }
  if (type.kind === 'struct') return { struct: fieldsToWire(type.fields) }
  return typeText(type)
}

export function fieldsToWire(fields: readonly Field[]): readonly WireField[] {
  return fields.map(({ name, type }) => ({ name, type: typeToWire(type) }))
}

/** Fields from the wire form or its JSON text. */
export function fieldsFromWire(wire: string | readonly WireField[]): readonly Field[] {
  const fields = typeof wire === 'string' ? (JSON.parse(wire) as readonly WireField[]) : wire
  return Object.freeze(fields.map(({ name, type }) => Object.freeze({ name, type: typeFromWire(type, name) })))
}

function typeFromWire(wire: WireType, column: string): ColumnType {
  if (typeof wire === 'string') return typeOfName(wire, column)
  if ('list' in wire) return Object.freeze({ kind: 'list', item: typeFromWire(wire.list, `${column}[]`) })
  return Object.freeze({ kind: 'struct', fields: fieldsFromWire(wire.struct) })
}

// ---------------------------------------------------------------- Arrow

const arrowUnits: Readonly<Record<TimeUnit, arrow.TimeUnit>> = {
  s: arrow.TimeUnit.SECOND,
  ms: arrow.TimeUnit.MILLISECOND,
  us: arrow.TimeUnit.MICROSECOND,
  ns: arrow.TimeUnit.NANOSECOND,
}

/** Arrow's type; timestamps are UTC. One object a type, where types have no parts. */
export function arrowType(type: ColumnType): arrow.DataType {
  const known = arrowTypes.get(type)
  if (known !== undefined) return known
  const made = makeArrowType(type)
  arrowTypes.set(type, made)
  return made
}

const arrowTypes = new WeakMap<ColumnType, arrow.DataType>()

function makeArrowType(type: ColumnType): arrow.DataType {
  switch (type.kind) {
    case 'bool':
      return new arrow.Bool()
    case 'int8':
      return new arrow.Int8()
    case 'int16':
      return new arrow.Int16()
    case 'int32':
      return new arrow.Int32()
    case 'int64':
      return new arrow.Int64()
    case 'uint8':
      return new arrow.Uint8()
    case 'uint16':
      return new arrow.Uint16()
    case 'uint32':
      return new arrow.Uint32()
    case 'uint64':
      return new arrow.Uint64()
    case 'float32':
      return new arrow.Float32()
    case 'float64':
      return new arrow.Float64()
    case 'utf8':
      return new arrow.Utf8()
    case 'binary':
      return new arrow.Binary()
    case 'date':
      return new arrow.DateDay()
    case 'timestamp':
      return new arrow.Timestamp(arrowUnits[type.unit], 'UTC')
    case 'decimal':
      return new arrow.Decimal(type.scale, type.precision, 128)
    case 'list':
      return new arrow.List(new arrow.Field('item', arrowType(type.item), true))
    case 'struct':
      return new arrow.Struct(type.fields.map(arrowField))
  }
}

export function arrowField({ name, type }: Field): arrow.Field {
  return new arrow.Field(name, arrowType(type), true)
}

export function arrowSchema(fields: readonly Field[]): arrow.Schema {
  return new arrow.Schema(fields.map(arrowField))
}

/** The fields of an Arrow schema. Throws UNSUPPORTED for a type that no column here has, naming the column. */
export function fieldsFromArrow(schema: arrow.Schema): readonly Field[] {
  return Object.freeze(schema.fields.map((field) => fieldFromArrow(field)))
}

/** A column of an Arrow schema: dictionaries, large and fixed-size types become the plain type they stand for. */
export function fieldFromArrow(field: arrow.Field, path = ''): Field {
  const column = path === '' ? field.name : `${path}.${field.name}`
  return Object.freeze({ name: field.name, type: typeFromArrow(field.type, column) })
}

export function typeFromArrow(type: arrow.DataType, column: string): ColumnType {
  const { DataType } = arrow
  if (DataType.isBool(type)) return { kind: 'bool' }
  if (DataType.isInt(type)) return { kind: `${type.isSigned ? '' : 'u'}int${type.bitWidth}` }
  if (DataType.isFloat(type)) {
    if (type.precision === arrow.Precision.SINGLE) return { kind: 'float32' }
    if (type.precision === arrow.Precision.DOUBLE) return { kind: 'float64' }
  }
  // Arrow JS calls a column of nothing but nulls Null; utf8 is what JSON inference makes of one too.
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type) || DataType.isUtf8View(type) || DataType.isNull(type)) {
    return { kind: 'utf8' }
  }
  if (DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type)) return { kind: 'binary' }
  if (DataType.isFixedSizeBinary(type)) return { kind: 'binary' }
  if (DataType.isDate(type)) {
    return type.unit === arrow.DateUnit.DAY ? { kind: 'date' } : { kind: 'timestamp', unit: 'ms' }
  }
  // A time zone is how a reader should print it; the values are UTC whatever it says.
  if (DataType.isTimestamp(type)) return { kind: 'timestamp', unit: units[type.unit]! }
  if (DataType.isDecimal(type) && type.bitWidth === 128 && type.scale >= 0) {
    return decimalType(type.precision, type.scale, column)
  }
  if (DataType.isDictionary(type)) return typeFromArrow(type.dictionary, column)
  if (DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type)) {
    return { kind: 'list', item: typeFromArrow(type.children[0]!.type, `${column}[]`) }
  }
  if (DataType.isStruct(type)) {
    return { kind: 'struct', fields: type.children.map((child) => fieldFromArrow(child, column)) }
  }
  throw new SabotError(
    'UNSUPPORTED',
    `Column "${column}" has Arrow's type ${type}, which has no counterpart here. Convert it before, or leave it out. ` +
      `The types: ${typeNames.join(', ')}, lists and structs.`,
    { where: { column } },
  )
}
