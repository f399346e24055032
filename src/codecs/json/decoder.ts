/** JSON documents -> columns: one object a document, its keys are columns (native/json_decoder.cc). */
import { SabotError } from '../../errors.ts'
import { ColumnsDecoder } from '../columns-decoder.ts'
import type { DecoderPlan, RowError } from '../convert.ts'
import { isBlank, OPEN_OBJECT } from './reader.ts'
import { JsonRejection } from './rejection.ts'
import { HAS_BYTE_ORDER_MARK, isByteOrderMark, JsonWalk } from './walk.ts'

export class JsonDecoder extends ColumnsDecoder {
  readonly #walk: JsonWalk

  constructor({ columns, predicate, maxDepth }: DecoderPlan) {
    const names = columns.map(({ field }) => field.name)
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    if (twice !== undefined) {
      throw new SabotError('CONFIG', `columns: ${JSON.stringify(twice)} is named twice; expected each name once`)
    }
    super(columns, predicate)
    const fields = columns.map(({ field }) => field)
    const { all } = this.columns
    const rejection = this.predicate === null ? null : new JsonRejection(this.predicate, fields, all)
    this.#walk = new JsonWalk(fields, all, maxDepth, rejection, this.predicate?.reads ?? [])
  }

  protected read(value: Uint8Array | null, row: number): boolean | RowError {
    if (value === null) {
      this.columns.appendNulls()
      return true
    }
    let end = value.length
    let at = 0
    while (at < end && isBlank(value[at]!)) at++
    if (at === end)
      return fails('DECODE', `the value is ${end === 0 ? 'empty' : 'only white space'}; expected a JSON object`)
    while (isBlank(value[end - 1]!)) end--
    if (value[at] !== OPEN_OBJECT) return this.#notObject(value, at, end)
    switch (this.#walk.read(value, at, end, row)) {
      case 'row':
        return true
      case 'rejected':
        return false
      case 'misfit':
        return fails('SCHEMA', this.#walk.misfit())
      case 'not json':
        return fails('DECODE', `not JSON: ${this.#walk.notJson()}`)
    }
  }

  #notObject(value: Uint8Array, at: number, end: number): RowError {
    if (isByteOrderMark(value, at)) return fails('DECODE', `not JSON: ${HAS_BYTE_ORDER_MARK}`)
    if (!this.#walk.isJson(value, at, end)) return fails('DECODE', `not JSON: ${this.#walk.notJson()}`)
    return fails('DECODE', `expected a JSON object, found ${kindOf(value[at]!)}`)
  }
}

const fails = (code: string, message: string): RowError => ({ code, message })

function kindOf(first: number): string {
  switch (String.fromCharCode(first)) {
    case '[':
      return 'an array'
    case '"':
      return 'a string'
    case 't':
    case 'f':
      return 'a bool'
    case 'n':
      return 'null'
    default:
      return 'a number'
  }
}
