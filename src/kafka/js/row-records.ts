/** Rows of a write -> records: value, key, headers, partition and timestamp, or why a row is none (native/sink_records.cc). */
import { type Batch, type Column, columnNamed, numSelected } from '../../batch.ts'
import type { Encoder, RowError } from '../../codecs/convert.ts'
import { typeName } from '../../codecs/json/misfit.ts'
import { SabotError } from '../../errors.ts'
import { type ColumnType, typeText } from '../../schema.ts'
import type { Partitioner, RecordPlan } from '../backend.ts'
import { keyEncoder } from './codecs.ts'
import { lengthSize, type Record } from './record-batch.ts'

export interface RowFailure {
  readonly row: number
  readonly code: string
  readonly message: string
}

export interface RecordLimits {
  /** message.max.bytes */
  readonly messageBytes: number
  readonly queueBytes: number
}

/** RD_KAFKAP_MESSAGE_V2_MAX_OVERHEAD: five-byte varints, ten for the time. */
const MAX_OVERHEAD = 36
const MAX_PARTITION = 0x7fff_ffff

type Data = Column['data']

const isBytes = ({ kind }: ColumnType): boolean => kind === 'utf8' || kind === 'binary'
const isInteger = ({ kind }: ColumnType): boolean => /^u?int\d+$/.test(kind)

function isHeaders(type: ColumnType): boolean {
  if (type.kind !== 'list' || type.item.kind !== 'struct') return false
  return type.item.fields.length === 2 && type.item.fields.every((field) => isBytes(field.type))
}

const isValid = ({ nullCount, nullBitmap }: Data, row: number): boolean =>
  nullCount === 0 || ((nullBitmap[row >> 3] as number) & (1 << (row & 7))) !== 0

const bytesAt = ({ values, valueOffsets }: Data, row: number): Uint8Array =>
  values.subarray(valueOffsets[row]!, valueOffsets[row + 1]!)

/** How one write's rows become records. Throws SCHEMA where a column does not fit its part. */
export class RowRecords {
  readonly #batch: Batch
  readonly #limits: RecordLimits
  readonly #encode: (row: number) => Uint8Array | null | RowError
  readonly #encodeKey: (row: number) => Uint8Array | null | RowError
  readonly #headers: Column | undefined
  readonly #timestamp: Column | undefined
  readonly #partition: Column | undefined
  readonly #tombstone: Column | undefined

  constructor(batch: Batch, plan: RecordPlan, partitioner: Partitioner, encoder: Encoder, limits: RecordLimits) {
    const named = (part: string, name: string | undefined, fits: (type: ColumnType) => boolean, expected: string) => {
      if (name === undefined) return undefined
      const column = columnNamed(batch, name)
      if (fits(column.field.type)) return column
      const found = typeName(column.field.type)
      throw new SabotError('SCHEMA', `column ${name}: expected ${expected} for the ${part}; got ${found}`)
    }
    this.#batch = batch
    this.#limits = limits
    const key = plan.key === undefined ? undefined : columnNamed(batch, plan.key)
    this.#headers = named('headers', plan.headers, isHeaders, 'list<struct<key: utf8, value: binary>>')
    this.#timestamp = named('timestamp', plan.timestamp, ({ kind }) => kind === 'timestamp', 'a timestamp')
    this.#partition = named('partition', plan.partition, isInteger, 'an integer')
    this.#tombstone = named('tombstone', plan.tombstone, ({ kind }) => kind === 'bool', 'bool')
    if (partitioner === 'source' && this.#partition === undefined) {
      throw new SabotError('SCHEMA', "partitioner 'source': expected a column with the partition; got none")
    }
    if (plan.value.kind === 'bytes') {
      const { data } = named('raw', '$value', isBytes, 'binary or utf8')!
      this.#encode = (row) => (isValid(data, row) ? bytesAt(data, row) : null)
    } else {
      const columns = plan.value.names.map((name) => columnNamed(batch, name))
      const values = { ...batch, columns }
      const problem = encoder.check?.(values)
      if (problem) throw new SabotError('SCHEMA', problem.message)
      this.#encode = (row) => encoder.encode(values, row)
    }
    if (key === undefined) this.#encodeKey = () => null
    else if (isBytes(key.field.type)) {
      this.#encodeKey = (row) => (isValid(key.data, row) ? bytesAt(key.data, row) : null)
    } else {
      const keys = { ...batch, columns: [key] }
      const text = keyEncoder(key.field.type)
      this.#encodeKey = (row) => text.encode(keys, row)
    }
  }

  /** Every selected row, in order: as a record or as what is wrong with it. */
  build(): { readonly records: readonly Record[]; readonly errors: readonly RowFailure[] } {
    const { selection } = this.#batch
    const count = numSelected(this.#batch)
    const records: Record[] = []
    const errors: RowFailure[] = []
    for (let i = 0; i < count; i++) {
      const row = selection === null ? i : selection[i]!
      const record = this.#record(row)
      if ('code' in record) errors.push(record)
      else records.push(record)
    }
    return { records, errors }
  }

  #record(row: number): Record | RowFailure {
    const isTombstone = this.#tombstone !== undefined && trueAt(this.#tombstone.data, row)
    // The value of a tombstone is not sent, whatever is wrong with it.
    const value = isTombstone ? null : this.#encode(row)
    if (value !== null && 'code' in value) return { row, code: value.code, message: value.message }
    const key = this.#encodeKey(row)
    if (key !== null && 'code' in key) return { row, code: key.code, message: key.message }
    const refuse = (message: string): RowFailure => ({ row, code: 'ENCODE', message })

    let partition = -1
    if (this.#partition !== undefined) {
      const { field, data } = this.#partition
      if (!isValid(data, row)) return refuse(`column ${field.name}: null is not a partition`)
      partition = Number(data.values[row])
      if (partition < 0 || partition > MAX_PARTITION) {
        const found = partition < 0 ? String(data.values[row]) : 'a greater number'
        return refuse(`column ${field.name}: expected a partition, 0 to 2147483647; got ${found}`)
      }
    }
    let timestamp = 0
    if (this.#timestamp !== undefined && isValid(this.#timestamp.data, row)) {
      const { field, data } = this.#timestamp
      const time = data.values[row] as bigint
      const ms = milliseconds(time, field.type)
      if (ms === undefined) {
        const type = typeText(field.type)
        return refuse(`column ${field.name}: a record's timestamp is from 1970 on; got ${time} in ${type}`)
      }
      timestamp = ms
    }
    let headers: Record['headers'] = []
    if (this.#headers !== undefined) {
      const { field, data } = this.#headers
      const found = headersAt(data, row)
      if (found === undefined) return refuse(`column ${field.name}: a header's key is null`)
      headers = found
    }
    const problem = this.#tooLarge(key, value, headers)
    return problem === undefined ? { row, key, value, headers, timestamp, partition } : refuse(problem)
  }

  #tooLarge(key: Uint8Array | null, value: Uint8Array | null, headers: Record['headers']): string | undefined {
    let size = MAX_OVERHEAD + (key?.length ?? 0) + (value?.length ?? 0)
    for (const [name, content] of headers) {
      const length = content?.length ?? 0
      size += name.length + length + lengthSize(name.length) + lengthSize(length)
    }
    const { messageBytes, queueBytes } = this.#limits
    if (size > messageBytes) return `the record has ${size} bytes; message.max.bytes allows ${messageBytes}`
    if (value !== null && value.length > queueBytes) {
      return `the value has ${value.length} bytes; queue.buffering.max.kbytes allows ${queueBytes}`
    }
    return undefined
  }
}

function trueAt(data: Data, row: number): boolean {
  return isValid(data, row) && ((data.values[row >> 3] as number) & (1 << (row & 7))) !== 0
}

/** undefined: before 1970, or more milliseconds than int64 holds. */
function milliseconds(time: bigint, type: ColumnType): number | undefined {
  if (time < 0n) return undefined
  switch (type.kind === 'timestamp' ? type.unit : 'ms') {
    case 's':
      return time * 1000n >= 1n << 63n ? undefined : Number(time * 1000n)
    case 'us':
      return Number(time / 1000n)
    case 'ns':
      return Number(time / 1_000_000n)
    default:
      return Number(time)
  }
}

/** undefined: one has no key. */
function headersAt(list: Data, row: number): Record['headers'] | undefined {
  if (!isValid(list, row)) return []
  const entries = list.children[0]!
  const [keys, values] = entries.children as [Data, Data]
  const headers: [Uint8Array, Uint8Array | null][] = []
  for (let i = list.valueOffsets[row]!; i < list.valueOffsets[row + 1]!; i++) {
    if (!isValid(entries, i) || !isValid(keys, i)) return undefined
    headers.push([bytesAt(keys, i), isValid(values, i) ? bytesAt(values, i) : null])
  }
  return headers
}
