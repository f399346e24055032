/** JSON text <-> columns, a row at a time: the codec of the broker in memory. Slow and plain on purpose. */
import {
  Field as ArrowField,
  Binary,
  Bool,
  type DataType,
  Float64,
  Int32,
  Int64,
  List,
  Struct,
  TimestampMillisecond,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow'
import type { Batch, Column } from '../../src/batch.ts'
import { SabotError } from '../../src/errors.ts'
import type {
  DecodePlan,
  Delivery,
  PushedLiteral,
  PushedPredicate,
  RecordPlan,
  SourceRowError,
} from '../../src/kafka/backend.ts'
import { messageField } from '../../src/plan/steps.ts'
import type { Field } from '../../src/schema.ts'
import { runProgram } from './memory-program.ts'

export interface MemoryRecord {
  readonly key: string | null
  /** JSON text; null: a tombstone. */
  readonly value: string | null
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array }[]
  readonly timestamp: number | null
}

type Row = Record<string, unknown>

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export const parse = (value: string | null): Row | undefined => {
  if (value === null) return undefined
  try {
    const parsed: unknown = JSON.parse(value)
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as Row) : undefined
  } catch {
    return undefined
  }
}

export const inferFields = (rows: readonly Row[]): Field[] => {
  const types = new Map<string, Field['type']['kind']>()
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      const kind =
        typeof value === 'number'
          ? Number.isInteger(value) && types.get(name) !== 'float64'
            ? 'int64'
            : 'float64'
          : typeof value === 'boolean'
            ? 'bool'
            : 'utf8'
      types.set(name, kind)
    }
  }
  return [...types].map(([name, kind]) => ({ name, type: { kind } as Field['type'] }))
}

const arrowType = (type: Field['type']): DataType => {
  switch (type.kind) {
    case 'int64':
      return new Int64()
    case 'int32':
      return new Int32()
    case 'float64':
      return new Float64()
    case 'bool':
      return new Bool()
    case 'utf8':
      return new Utf8()
    case 'binary':
      return new Binary()
    case 'timestamp':
      return new TimestampMillisecond()
    case 'list':
      return new List(new ArrowField('item', arrowType(type.item), true))
    case 'struct':
      return new Struct(type.fields.map((field) => new ArrowField(field.name, arrowType(field.type), true)))
    default:
      throw new Error(`the memory broker has no ${type.kind}`)
  }
}

const toArrow = (value: unknown, type: Field['type']): unknown => {
  if (value === null || value === undefined) return null
  if (type.kind === 'int64') return BigInt(value as number)
  if (type.kind === 'binary') return typeof value === 'string' ? encoder.encode(value) : value
  if (type.kind === 'list') return (value as readonly unknown[]).map((item) => toArrow(item, type.item))
  if (type.kind === 'struct') {
    return Object.fromEntries(type.fields.map(({ name, type: t }) => [name, toArrow((value as Row)[name], t)]))
  }
  return value
}

const column = (field: Field, values: readonly unknown[]): Column => {
  const vector = vectorFromArray(
    values.map((value) => toArrow(value, field.type)),
    arrowType(field.type),
  )
  return { field, data: vector.data[0]! }
}

/** Of a key that is no JSON, or no struct where one is wanted; what the fields hold is not looked at. */
const jsonKeyError = (key: string, type: Field['type']): { code: string; message: string } | undefined => {
  try {
    const value: unknown = JSON.parse(key)
    if (type.kind !== 'struct' || value === null || (typeof value === 'object' && !Array.isArray(value)))
      return undefined
    return { code: 'SCHEMA', message: `column $key: expected a struct, found ${key}` }
  } catch {
    return { code: 'DECODE', message: `$key: not JSON: ${key}` }
  }
}

export const decode = (
  plan: DecodePlan,
  topic: string,
  partition: number,
  first: number,
  records: readonly MemoryRecord[],
): { batch: Batch; errors: SourceRowError[] } => {
  const errors: SourceRowError[] = []
  const kept: { readonly row: Row; readonly record: MemoryRecord; readonly offset: number }[] = []
  const jsonKey = typeof plan.keyType !== 'string' && plan.message.includes('$keyValue') && plan.keyType.json
  // A predicate that is never true: nothing is decoded.
  const never = plan.predicate?.[0] === 'or' && plan.predicate[1].length === 0
  for (const [i, record] of (never ? [] : records).entries()) {
    const offset = first + i
    const row = record.value === null ? {} : parse(record.value)
    if (row === undefined) {
      errors.push({ offset: BigInt(offset), code: 'DECODE', message: `not an object: ${record.value}` })
      continue
    }
    const values = plan.columns.map(({ field }) => row[field.name] ?? null)
    if (plan.predicate !== undefined && holds(plan.predicate, values) !== true) continue
    const error = jsonKey && record.key !== null ? jsonKeyError(record.key, jsonKey) : undefined
    if (error === undefined) kept.push({ row, record, offset })
    else errors.push({ offset: BigInt(offset), ...error })
  }
  const emitted = plan.columns.filter(({ emit }) => emit || plan.program !== undefined)
  const message = (name: string): unknown[] =>
    kept.map(({ record, offset }) => {
      switch (name) {
        case '$key':
          return record.key
        case '$keyValue':
          // The memory broker has keys of text: the digits of the number.
          if (record.key === null) return null
          if (typeof plan.keyType !== 'string') return JSON.parse(record.key)
          return plan.keyType === 'int64' ? BigInt(record.key) : Number(record.key)
        case '$topic':
          return topic
        case '$partition':
          return partition
        case '$offset':
          return offset
        case '$timestamp':
          return record.timestamp
        case '$headers':
          return record.headers
        case '$value':
          return record.value
        default:
          return record.value === null
      }
    })
  const columns = [
    ...emitted.map(({ field }) =>
      column(
        field,
        kept.map(({ row }) => row[field.name]),
      ),
    ),
    ...plan.message.map((name) => column(messageField(name, plan.keyType), message(name))),
  ]
  const batch: Batch = { columns, numRows: kept.length, selection: null }
  if (plan.program === undefined) return { batch, errors }
  const ran = runProgram(plan.program, batch)
  const failed = ran.errors.map(({ row, ...error }) => ({ offset: BigInt(kept[row]!.offset), ...error }))
  return { batch: ran.batch, errors: [...errors, ...failed] }
}

const literal = (value: PushedLiteral): unknown =>
  'i' in value ? BigInt(value.i) : 'f' in value ? value.f : 's' in value ? value.s : value.b

const holds = (predicate: PushedPredicate, values: readonly unknown[]): boolean | null => {
  const [op, first, second] = predicate as readonly [string, unknown, unknown]
  if (op === 'and' || op === 'or') {
    const parts = (first as readonly PushedPredicate[]).map((part) => holds(part, values))
    const deciding = op === 'or'
    if (parts.includes(deciding)) return deciding
    return parts.includes(null) ? null : !deciding
  }
  if (op === 'not') {
    const inner = holds(first as PushedPredicate, values)
    return inner === null ? null : !inner
  }
  const value = values[first as number]
  if (op === 'isNull') return value === null
  if (value === null) return null
  if (op === 'col') return value as boolean
  // Neither above nor below: also true of a bigint literal beside a number.
  const equal = (a: number, b: number): boolean => a <= b && a >= b
  if (op === 'in') {
    return (second as readonly PushedLiteral[]).some((l) => equal(value as number, literal(l) as number))
  }
  const other = literal(second as PushedLiteral) as number
  switch (op) {
    case 'eq':
      return equal(value as number, other)
    case 'ne':
      return !equal(value as number, other)
    case 'lt':
      return (value as number) < other
    case 'le':
      return (value as number) <= other
    case 'gt':
      return (value as number) > other
    default:
      return (value as number) >= other
  }
}

type Encoded = MemoryRecord & { readonly partition: number | undefined }

export const encode = (batch: Batch, plan: RecordPlan): { records: Encoded[]; errors: Delivery['errors'] } => {
  const vectors = new Map(batch.columns.map(({ field, data }) => [field.name, new Vector([data])]))
  const at = (name: string | undefined, row: number): unknown => {
    if (name === undefined) return null
    const vector = vectors.get(name)
    if (vector === undefined) throw new SabotError('SCHEMA', `toKafka: there is no column "${name}"`)
    return vector.get(row) as unknown
  }
  const text = (value: unknown): string | null =>
    value === null ? null : value instanceof Uint8Array ? decoder.decode(value) : String(value)
  const json = (value: unknown): string | null => (value === null ? null : JSON.stringify(value, (_, v) => plain(v)))
  const keyKind = batch.columns.find(({ field }) => field.name === plan.key)?.field.type.kind
  const nestedKey = keyKind === 'struct' || keyKind === 'list'
  const records: Encoded[] = []
  const errors: { row: number; code: string; message: string }[] = []
  const count = batch.selection?.length ?? batch.numRows
  for (let n = 0; n < count; n++) {
    const row = batch.selection === null ? n : batch.selection[n]!
    let value: string | null
    if (plan.value.kind === 'bytes') value = text(at('$value', row))
    else {
      const names = plan.value.names
      const bad = names.find((name) => typeof at(name, row) === 'number' && !Number.isFinite(at(name, row)))
      if (bad !== undefined) {
        errors.push({ row, code: 'ENCODE', message: `"${bad}" is not finite` })
        continue
      }
      const object = Object.fromEntries(names.map((name) => [name, plain(at(name, row))]))
      value = at(plan.tombstone, row) === true ? null : JSON.stringify(object)
    }
    const headers = at(plan.headers, row) as Iterable<{ key: string; value: Uint8Array }> | null
    records.push({
      key: nestedKey ? json(at(plan.key, row)) : text(at(plan.key, row)),
      value,
      headers: [...(headers ?? [])].map((header) => ({ key: header.key, value: header.value })),
      timestamp: at(plan.timestamp, row) as number | null,
      partition: plan.partition === undefined ? undefined : Number(at(plan.partition, row)),
    })
  }
  return { records, errors }
}

const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value)
