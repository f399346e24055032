/** One JSON value a document, to one column: what keys of messages are (native/json_value.cc). */
import type { Field } from '../../schema.ts'
import { ColumnsDecoder } from '../columns-decoder.ts'
import type { RowError } from '../convert.ts'
import { isBlank } from './reader.ts'
import { HAS_BYTE_ORDER_MARK, isByteOrderMark, JsonWalk } from './walk.ts'

/**
 * The document is not an object of columns but a value of one type: a struct where it is an object, else any other.
 * What fits, and what is DECODE or SCHEMA, is as it is of a column. No bytes and JSON's null give null.
 */
export class JsonValueDecoder extends ColumnsDecoder {
  readonly #name: string
  readonly #walk: JsonWalk

  /** `field`: the type, and the name by which messages call it. */
  constructor(field: Field, maxDepth: number) {
    super([{ field, emit: true }], undefined)
    this.#name = field.name
    this.#walk = new JsonWalk([field], this.columns.all, maxDepth, null, [], 'value')
  }

  protected read(value: Uint8Array | null): true | RowError {
    if (value === null) {
      this.columns.appendNulls()
      return true
    }
    let end = value.length
    let at = 0
    while (at < end && isBlank(value[at]!)) at++
    if (at === end) return this.#notJson(end === 0 ? 'it is empty' : 'only white space')
    if (isByteOrderMark(value, at)) return this.#notJson(HAS_BYTE_ORDER_MARK)
    while (isBlank(value[end - 1]!)) end--
    switch (this.#walk.readValue(value, at, end)) {
      case 'row':
        return true
      case 'misfit':
        return { code: 'SCHEMA', message: this.#walk.misfit() }
      case 'not json':
        return this.#notJson(this.#walk.notJson())
    }
  }

  #notJson(reason: string): RowError {
    return { code: 'DECODE', message: `${this.#name}: not JSON: ${reason}` }
  }
}
