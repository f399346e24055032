/** Messages to rows: the decoder's columns, and those of what stands beside the value. */
import { isUtf8 } from 'node:buffer'
import { type Batch, type Column, columnBuilder, makeData } from '../../batch.ts'
import type { Decoder } from '../../codecs/convert.ts'
import type { Field } from '../../schema.ts'
import type { DecodePlan, MessageColumn, SourceRowError } from '../backend.ts'
import { BytesColumn, NumberColumn } from './columns.ts'
import type { RecordCursor } from './records.ts'

/** One message column: what of a message is appended, and taken as a column. */
interface Beside {
  append(record: RecordCursor): void
  take(field: Field): Column
}

interface Place {
  topic: Buffer
  partition: number
}

const keySizes: Readonly<Record<string, number>> = { int32: 4, int64: 8, float64: 8 }

export class RowBuilder {
  readonly #decoder: Decoder
  /** Where keys are JSON: as many rows as #decoder has. */
  readonly #keys: Decoder | null
  readonly #fields: readonly Field[]
  readonly #beside: readonly Beside[]
  readonly #checks: readonly ((record: RecordCursor) => string | undefined)[]
  readonly #place: Place = { topic: Buffer.alloc(0), partition: -1 }
  #errors: SourceRowError[] = []

  /** `fields`: of the message columns, in the plan's order. */
  constructor(plan: DecodePlan, fields: readonly Field[], decoder: Decoder, keys: Decoder | null) {
    this.#decoder = decoder
    this.#keys = keys
    this.#fields = fields
    this.#beside = plan.message.map((name, i) =>
      name === '$keyValue' && keys !== null ? taken(keys) : besideOf(name, fields[i]!, this.#place),
    )
    this.#checks = checksOf(plan)
  }

  /** Where the messages come from, up to take(). */
  begin(topic: string, partition: number): void {
    this.#place.topic = Buffer.from(topic)
    this.#place.partition = partition
  }

  add(record: RecordCursor): void {
    for (const check of this.#checks) {
      const reason = check(record)
      if (reason !== undefined) {
        this.#errors.push({ offset: record.offset, code: 'DECODE', message: reason })
        return
      }
    }
    const { bytes, valueAt, valueLength } = record
    const added = this.#decoder.add(valueLength < 0 ? null : bytes.subarray(valueAt, valueAt + valueLength))
    if (added !== true) {
      if (added !== false) this.#errors.push({ offset: record.offset, ...added })
    } else if (this.#addKey(record)) for (const column of this.#beside) column.append(record)
  }

  /** Of a row that is there; false: the key is none, and the row was taken back. */
  #addKey({ bytes, keyAt, keyLength, offset }: RecordCursor): boolean {
    if (this.#keys === null) return true
    const added = this.#keys.add(keyLength < 0 ? null : bytes.subarray(keyAt, keyAt + keyLength))
    if (typeof added === 'boolean') return added
    this.#decoder.pop()
    this.#errors.push({ offset, ...added })
    return false
  }

  take(): { readonly batch: Batch; readonly errors: readonly SourceRowError[] } {
    const errors = this.#errors
    this.#errors = []
    const numRows = this.#decoder.rows
    const columns = [...this.#decoder.take(), ...this.#beside.map((column, i) => column.take(this.#fields[i]!))]
    return { batch: { columns, numRows, selection: null }, errors }
  }
}

// ---------------------------------------------------------------- what must hold before a message becomes a row

function checksOf(plan: DecodePlan): ((record: RecordCursor) => string | undefined)[] {
  const checks: ((record: RecordCursor) => string | undefined)[] = []
  const { keyType, message } = plan
  if (message.includes('$keyValue') && typeof keyType === 'string') {
    const size = keySizes[keyType]!
    checks.push(({ keyLength }) =>
      keyLength < 0 || keyLength === size
        ? undefined
        : `$key: expected ${size} bytes, a big-endian ${keyType}; got ${keyLength} (read the key as binary to keep it)`,
    )
  }
  if (message.includes('$key') && keyType === 'utf8') {
    checks.push(({ bytes, keyAt, keyLength }) =>
      keyLength <= 0 || isUtf8(bytes.subarray(keyAt, keyAt + keyLength))
        ? undefined
        : '$key: expected UTF-8; got bytes that are not (read the key as binary to keep them)',
    )
  }
  if (message.includes('$headers')) {
    checks.push((record) =>
      record.headers === 0 || record.readHeaders().every(([name]) => isUtf8(name))
        ? undefined
        : '$headers: expected names in UTF-8; got bytes that are not',
    )
  }
  return checks
}

// ---------------------------------------------------------------- message columns

function besideOf(name: MessageColumn, field: Field, place: Place): Beside {
  switch (name) {
    case '$key': {
      const column = new BytesColumn()
      return columnOf(column, ({ bytes, keyAt, keyLength }) => column.append(bytes, keyAt, keyLength))
    }
    case '$value': {
      const column = new BytesColumn()
      return columnOf(column, ({ bytes, valueAt, valueLength }) => column.append(bytes, valueAt, valueLength))
    }
    case '$keyValue':
      return keyColumn(field)
    case '$topic': {
      const column = new BytesColumn()
      return columnOf(column, () => column.append(place.topic, 0, place.topic.length))
    }
    case '$partition': {
      const column = new NumberColumn(new Int32Array(1024))
      return columnOf(column, () => column.append(place.partition))
    }
    case '$offset': {
      const column = new NumberColumn(new BigInt64Array(1024))
      return columnOf(column, (record) => column.append(record.offset))
    }
    case '$timestamp': {
      const column = new NumberColumn(new BigInt64Array(1024))
      return columnOf(column, ({ timestamp }) => column.append(timestamp < 0 ? null : BigInt(timestamp)))
    }
    case '$tombstone':
      return tombstones()
    case '$headers':
      return headersColumn(field)
  }
}

/** Keys that are JSON are appended by RowBuilder, since one may be none. */
const taken = (keys: Decoder): Beside => ({
  append() {},
  take: (field) => ({ field, data: keys.take()[0]!.data }),
})

function columnOf(column: { take(field: Field): Column }, append: (record: RecordCursor) => void): Beside {
  return { append, take: (field) => column.take(field) }
}

/** What Kafka's own serializers write, big-endian. */
function keyColumn(field: Field): Beside {
  switch (field.type.kind) {
    case 'int32': {
      const column = new NumberColumn(new Int32Array(1024))
      return columnOf(column, ({ bytes, keyAt, keyLength }) =>
        column.append(keyLength < 0 ? null : bytes.readInt32BE(keyAt)),
      )
    }
    case 'int64': {
      const column = new NumberColumn(new BigInt64Array(1024))
      return columnOf(column, ({ bytes, keyAt, keyLength }) =>
        column.append(keyLength < 0 ? null : bytes.readBigInt64BE(keyAt)),
      )
    }
    default: {
      const column = new NumberColumn(new Float64Array(1024))
      return columnOf(column, ({ bytes, keyAt, keyLength }) =>
        column.append(keyLength < 0 ? null : bytes.readDoubleBE(keyAt)),
      )
    }
  }
}

function tombstones(): Beside {
  let bits = new Uint8Array(128)
  let rows = 0
  return {
    append({ valueLength }) {
      if (rows >> 3 === bits.length) {
        const larger = new Uint8Array(2 * bits.length)
        larger.set(bits)
        bits = larger
      }
      if (valueLength < 0) bits[rows >> 3]! |= 1 << (rows & 7)
      rows++
    },
    take(field) {
      const column = { field, data: makeData(field.type, rows, { values: bits }) }
      bits = new Uint8Array(128)
      rows = 0
      return column
    },
  }
}

function headersColumn(field: Field): Beside {
  let builder = columnBuilder(field.type)
  return {
    append(record) {
      builder.append(record.readHeaders().map(([key, value]) => ({ key: key.toString(), value })))
    },
    take(of) {
      const column = { field: of, data: builder.finish() }
      builder = columnBuilder(field.type)
      return column
    },
  }
}
