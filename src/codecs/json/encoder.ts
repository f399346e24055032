/** Columns -> JSON: one object a row, columns in order, nulls written as null (native/json_encoder.cc). */
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

export class JsonEncoder implements Encoder {
  readonly #out = new TextBuffer()
  readonly #nonFiniteAsNull: boolean
  /** What writes the columns of the batch that came last. */
  #batch: Batch | null = null
  #members: readonly Member[] = []

  constructor(nonFinite: 'error' | 'null') {
    this.#nonFiniteAsNull = nonFinite === 'null'
  }

  encode(batch: Batch, row: number): Uint8Array | RowError {
    if (batch !== this.#batch) {
      this.#members = batch.columns.map(({ field, data }, i) => this.#member(field, data, i))
      this.#batch = batch
    }
    this.#out.size = 0
    const failure = this.#object(this.#members, row)
    if (failure === null) return this.#out.take()
    return { code: 'ENCODE', message: `column ${failure.where}: ${failure.what}` }
  }

  #member({ name, type }: Field, data: Data, i: number): Member {
    const prefix = utf8Of(`${i === 0 ? '{' : ','}${JSON.stringify(name.toWellFormed())}:`)
    return { prefix, write: this.#writer(name, type, data) }
  }

  #object(members: readonly Member[], row: number): Failure | null {
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

  #writer(name: string, type: ColumnType, data: Data): Write {
    const write = this.#valueWriter(name, type, data)
    const valid = validityOf(data)
    if (valid === null) return write
    const out = this.#out
    return (row) => {
      if (((valid[row >> 3]! >> (row & 7)) & 1) === 1) return write(row)
      out.text('null')
      return null
    }
  }

  #valueWriter(name: string, type: ColumnType, data: Data): Write {
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
        return { where: name, what: `${number} is not JSON; use codecOptions.nonFinite 'null' or filter it` }
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
    const item = this.#writer('[]', type, data.children[0]!)
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
    const members = fields.map((field, i) => this.#member(field, data.children[i]!, i))
    return (row) => {
      const failure = this.#object(members, row)
      return failure === null ? null : within(name, failure)
    }
  }
}

/** "items[].price" */
function within(name: string, failure: Failure): Failure {
  failure.where = `${name}${failure.where.startsWith('[') ? '' : '.'}${failure.where}`
  return failure
}
