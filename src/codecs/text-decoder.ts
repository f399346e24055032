/** A value as it is -> the one column `value`: the codecs string and bytes (native/text_decoder.cc). */
import { isUtf8 } from 'node:buffer'
import { SabotError } from '../errors.ts'
import { ColumnsDecoder } from './columns-decoder.ts'
import type { DecoderPlan, RowError } from './convert.ts'
import { typeName } from './json/misfit.ts'
import { utf8Prefix } from './utf8.ts'

/**
 * `utf8`: a value that is not valid UTF-8 is that row's DECODE error, also where no column is wanted. A null value is a
 * null, an empty one is an empty string.
 */
export class ValueDecoder extends ColumnsDecoder {
  readonly #utf8: boolean

  constructor(utf8: boolean, { columns, predicate }: DecoderPlan) {
    const type = utf8 ? 'utf8' : 'binary'
    const fields = columns.map(({ field }) => field)
    const [first] = fields
    if (fields.length > 1 || (first !== undefined && (first.name !== 'value' || first.type.kind !== type))) {
      const found = fields.map((field) => `${field.name} ${typeName(field.type)}`).join(', ')
      const codec = utf8 ? 'string' : 'bytes'
      throw new SabotError('CONFIG', `the codec ${codec} has the one column value ${type}; got ${found}`)
    }
    super(columns, predicate)
    this.#utf8 = utf8
  }

  protected read(value: Uint8Array | null): true | RowError {
    if (this.#utf8 && value !== null && !isUtf8(value)) {
      const message =
        `expected UTF-8 text; the value has none at byte ${utf8Prefix(value, 0, value.length)}. ` +
        `Correct the producer, or read it with codec 'bytes'`
      return { code: 'DECODE', message }
    }
    const column = this.columns.all[0]
    if (column !== undefined) {
      if (value === null) column.appendNull()
      else column.appendBytes(value, 0, value.length)
    }
    return true
  }
}
