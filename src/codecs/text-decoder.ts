/** A value as it is -> the one column `value`: the codecs string and bytes (native/text_decoder.cc). */
import { isUtf8 } from 'node:buffer'
import type { Column } from '../batch.ts'
import { SabotError } from '../errors.ts'
import type { Decoder, DecoderPlan, RowError } from './convert.ts'
import { GrowingColumns } from './growing.ts'
import { typeName } from './json/misfit.ts'
import type { Predicate } from './predicate.ts'
import { compilePredicate } from './predicate-compile.ts'
import { utf8Prefix } from './utf8.ts'

/**
 * `utf8`: a value that is not valid UTF-8 is that row's DECODE error, also where no column is wanted. A null value is a
 * null, an empty one is an empty string.
 */
export class ValueDecoder implements Decoder {
  rows = 0
  readonly #utf8: boolean
  readonly #columns: GrowingColumns
  readonly #predicate: Predicate | null

  constructor(utf8: boolean, { columns, predicate }: DecoderPlan) {
    const type = utf8 ? 'utf8' : 'binary'
    const fields = columns.map(({ field }) => field)
    const [first] = fields
    if (fields.length > 1 || (first !== undefined && (first.name !== 'value' || first.type.kind !== type))) {
      const found = fields.map((field) => `${field.name} ${typeName(field.type)}`).join(', ')
      const codec = utf8 ? 'string' : 'bytes'
      throw new SabotError('CONFIG', `the codec ${codec} has the one column value ${type}; got ${found}`)
    }
    this.#utf8 = utf8
    this.#columns = new GrowingColumns(columns)
    this.#predicate = predicate === undefined ? null : compilePredicate(predicate, fields, this.#columns.all)
  }

  get bytes(): number {
    return this.#columns.byteSize
  }

  add(value: Uint8Array | null): boolean | RowError {
    if (this.#utf8 && value !== null && !isUtf8(value)) {
      const message =
        `expected UTF-8 text; the value has none at byte ${utf8Prefix(value, 0, value.length)}. ` +
        `Correct the producer, or read it with codec 'bytes'`
      return { code: 'DECODE', message }
    }
    const column = this.#columns.all[0]
    if (column !== undefined) {
      if (value === null) column.appendNull()
      else column.appendBytes(value, 0, value.length)
    }
    if (this.#predicate !== null && !this.#predicate.test(this.rows)) {
      this.#columns.truncate(this.rows)
      return false
    }
    this.rows++
    return true
  }

  pop(): void {
    this.#columns.truncate(--this.rows)
  }

  take(): readonly Column[] {
    this.rows = 0
    return this.#columns.take()
  }
}
