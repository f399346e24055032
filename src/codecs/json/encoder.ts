/** Columns -> one JSON object a row, or one column -> one JSON value a row (native/json_encoder.cc). */
import { type Batch, type Data, validityOf } from '../../batch.ts'
import type { ColumnType, Field } from '../../schema.ts'
import type { Encoder, RowError } from '../convert.ts'
import { utf8Of } from '../utf8.ts'
import { appendString, scalarText, TextBuffer } from './text.ts'

/** What is wrong with a row: the path from the column down, and the reason. */
interface Failure {
  where: string
  readonly what: string
}

/** Writes the value of a row. */
type Write = (row: number) => Failure | null

interface Member {
  /** `{"name":` or `,"name":` */
  readonly prefix: Uint8Array
  readonly write: Write
}

/** Columns in order, nulls written as null. */
export class JsonEncoder implements Encoder {
  readonly #out = new TextBuffer()
  readonly #writers: Writers
  /** What writes the columns of the batch that came last. */
  #batch: Batch | null = null
  #members: readonly Member[] = []

  constructor(nonFinite: 'error' | 'null') {
    this.#writers = new Writers(this.#out, nonFinite === 'null', "use codecOptions.nonFinite 'null' or filter it")
  }

  encode(batch: Batch, row: number): Uint8Array | RowError {
    if (batch !== this.#batch) {
      this.#members = batch.columns.map(({ field, data }, i) => this.#writers.member(field, data, i))
      this.#batch = batch
    }
    this.#out.size = 0
    return encoded(this.#out, this.#writers.object(this.#members, row))
  }
}

/**
 * Of exactly one column, each value as a document of its own; a null is a null. NaN and Infinity are that row's error.
 * What keys that are lists or structs become.
 */
export class JsonValueEncoder implements Encoder {
  readonly #out = new TextBuffer()
  readonly #writers = new Writers(this.#out, false, 'filter it')
  #batch: Batch | null = null
  #valid: Uint8Array | null = null
  #write: Write = () => null

  encode(batch: Batch, row: number): Uint8Array | null | RowError {
    if (batch !== this.#batch) {
      const { field, data } = batch.columns[0]!
      this.#valid = validityOf(data)
      this.#write = this.#writers.value(field.name, field.type, data)
      this.#batch = batch
    }
    if (this.#valid !== null && !isSet(this.#valid, row)) return null
    this.#out.size = 0
    return encoded(this.#out, this.#write(row))
  }
}

function encoded(out: TextBuffer, failure: Failure | null): Uint8Array | RowError {
  if (failure === null) return out.take()
  return { code: 'ENCODE', message: `column ${failure.where}: ${failure.what}` }
}

const isSet = (bits: Uint8Array, row: number): boolean => ((bits[row >> 3]! >> (row & 7)) & 1) === 1

/** What writes the values of columns to `out`. */
class Writers {
  readonly #out: TextBuffer
  readonly #nonFiniteAsNull: boolean
  /** How the message of NaN and Infinity ends. */
  readonly #nonFiniteRemedy: string

  constructor(out: TextBuffer, nonFiniteAsNull: boolean, nonFiniteRemedy: string) {
    this.#out = out
    this.#nonFiniteAsNull = nonFiniteAsNull
    this.#nonFiniteRemedy = nonFiniteRemedy
  }

  member({ name, type }: Field, data: Data, i: number): Member {
    const prefix = utf8Of(`${i === 0 ? '{' : ','}${JSON.stringify(name.toWellFormed())}:`)
    return { prefix, write: this.#nullable(name, type, data) }
  }

  object(members: readonly Member[], row: number): Failure | null {
    const out = this.#out
    if (members.length === 0) out.text('{}')
    else {
      for (const { prefix, write } of members) {
        out.append(prefix, 0, prefix.length)
        const failure = write(row)
        if (failure !== null) return failure
      }
      out.text('}')
    }
    return null
  }

  #nullable(name: string, type: ColumnType, data: Data): Write {
    const write = this.value(name, type, data)
    const valid = validityOf(data)
    if (valid === null) return write
    const out = this.#out
    return (row) => {
      if (isSet(valid, row)) return write(row)
      out.text('null')
      return null
    }
  }

  /** Of rows that are not null. */
  value(name: string, type: ColumnType, data: Data): Write {
    switch (type.kind) {
      case 'utf8':
      case 'binary':
        return this.#bytesWriter(name, type.kind, data)
      case 'list':
        return this.#listWriter(name, type.item, data)
      case 'struct':
        return this.#structWriter(name, type.fields, data)
      default:
        return this.#scalarWriter(name, type, data)
    }
  }

  #scalarWriter(name: string, type: ColumnType, data: Data): Write {
    const out = this.#out
    const textOf = scalarText(type)!
    const values = data.values as never
    const quoted = type.kind === 'date' || type.kind === 'timestamp'
    return (row) => {
      const text = textOf(values, row)
      if (text !== null) out.text(quoted ? `"${text}"` : text)
      else if (this.#nonFiniteAsNull) out.text('null')
      else {
        const number = String(data.values[row])
        return { where: name, what: `${number} is not JSON; ${this.#nonFiniteRemedy}` }
      }
      return null
    }
  }

  #bytesWriter(name: string, kind: 'utf8' | 'binary', data: Data): Write {
    const out = this.#out
    const offsets: Int32Array = data.valueOffsets
    const values: Uint8Array = data.values ?? new Uint8Array(0)
    if (kind === 'binary') {
      const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength)
      return (row) => {
        out.text(`"${bytes.toString('base64', offsets[row], offsets[row + 1])}"`)
        return null
      }
    }
    const what = 'utf8 value is not valid UTF-8; declare the column as binary to write base64, or filter it'
    return (row) => (appendString(out, values, offsets[row]!, offsets[row + 1]!) ? null : { where: name, what })
  }

  #listWriter(name: string, type: ColumnType, data: Data): Write {
    const out = this.#out
    const offsets: Int32Array = data.valueOffsets
    const item = this.#nullable('[]', type, data.children[0]!)
    return (row) => {
      const [from, to] = [offsets[row]!, offsets[row + 1]!]
      out.text('[')
      for (let i = from; i < to; i++) {
        if (i > from) out.text(',')
        const failure = item(i)
        if (failure !== null) return within(name, failure)
      }
      out.text(']')
      return null
    }
  }

  #structWriter(name: string, fields: readonly Field[], data: Data): Write {
    const members = fields.map((field, i) => this.member(field, data.children[i]!, i))
    return (row) => {
      const failure = this.object(members, row)
      return failure === null ? null : within(name, failure)
    }
  }
}

/** "items[].price" */
function within(name: string, failure: Failure): Failure {
  failure.where = `${name}${failure.where.startsWith('[') ? '' : '.'}${failure.where}`
  return failure
}
