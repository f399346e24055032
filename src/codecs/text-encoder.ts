/** One column -> its text or bytes: the codecs string and bytes, and the keys of records (native/text_encoder.cc). */
import { type Batch, type Data, validityOf } from '../batch.ts'
import type { Encoder, RowError } from './convert.ts'
import { typeName } from './json/misfit.ts'
import { scalarText } from './json/text.ts'
import { utf8Of } from './utf8.ts'

/**
 * utf8 and binary as they are, null is a null. With `scalars` also bool, numbers, timestamp, date and decimal, as their
 * JSON text without quotes; NaN and Infinity are that row's error.
 */
export class ValueEncoder implements Encoder {
  readonly #scalars: boolean
  #batch: Batch | null = null
  #error: RowError | null = null
  #data: Data | null = null
  #textOf: ReturnType<typeof scalarText>

  constructor(scalars: boolean) {
    this.#scalars = scalars
  }

  check(batch: Batch): RowError | null {
    if (batch !== this.#batch) this.#prepare(batch)
    return this.#error
  }

  encode(batch: Batch, row: number): Uint8Array | null | RowError {
    const error = this.check(batch)
    if (error !== null) return error
    const data = this.#data!
    const valid = validityOf(data)
    if (valid !== null && ((valid[row >> 3]! >> (row & 7)) & 1) === 0) return null
    if (this.#textOf === undefined) {
      const values: Uint8Array = data.values ?? new Uint8Array(0)
      return Uint8Array.prototype.slice.call(values, data.valueOffsets[row], data.valueOffsets[row + 1])
    }
    const text = this.#textOf(data.values as never, row)
    if (text !== null) return utf8Of(text)
    const { name } = batch.columns[0]!.field
    return { code: 'ENCODE', message: `column ${name}: NaN and Infinity have no text; filter them` }
  }

  #prepare(batch: Batch): void {
    const { columns } = batch
    const [first] = columns
    const codec = this.#scalars ? 'string' : 'bytes'
    this.#batch = batch
    this.#error = null
    if (first === undefined || columns.length > 1) {
      const names = columns.length === 0 ? '' : ` (${columns.map(({ field }) => field.name).join(', ')})`
      this.#error = {
        code: 'SCHEMA',
        message: `the codec ${codec} writes exactly one column; got ${columns.length}${names}`,
      }
      return
    }
    const { name, type } = first.field
    const textOf = scalarText(type)
    const isBytes = type.kind === 'utf8' || type.kind === 'binary'
    if (!isBytes && (textOf === undefined || !this.#scalars)) {
      const expected = this.#scalars ? 'expected utf8, binary or a scalar' : 'expected utf8 or binary'
      this.#error = { code: 'SCHEMA', message: `column ${name}: ${expected}; got ${typeName(type)}` }
      return
    }
    this.#data = first.data
    this.#textOf = textOf
  }
}
