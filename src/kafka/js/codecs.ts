/**
 * The codecs of the js backend: string and bytes, values as they are in one column. JSON, predicates on values, and keys
 * of other types than text are refused until the conversions in TypeScript (src/codecs/convert.ts) are there.
 */
import { isUtf8 } from 'node:buffer'
import type { Column } from '../../batch.ts'
import type { Decoder, Encoder } from '../../codecs/convert.ts'
import { SabotError } from '../../errors.ts'
import type { Field } from '../../schema.ts'
import type { DecodePlan } from '../backend.ts'
import { BytesColumn } from './columns.ts'

function missing(what: string): never {
  throw new SabotError('UNSUPPORTED', `the js backend of this version has no ${what}; use backend: 'native'`)
}

const notUtf8 = {
  code: 'DECODE',
  message: "expected UTF-8 text; the value has none. Correct the producer, or read it with codec 'bytes'",
}

export function decoder(plan: DecodePlan): Decoder {
  if (plan.codec === 'json') missing('JSON')
  if (plan.predicate !== undefined) missing('predicates on values')
  const [wanted] = plan.columns
  const column = new BytesColumn()
  const isText = plan.codec === 'string'
  let rows = 0
  return {
    get rows() {
      return rows
    },
    get bytes() {
      return column.size
    },
    add(value) {
      if (isText && value !== null && !isUtf8(value)) return notUtf8
      rows++
      if (wanted !== undefined) column.append(value ?? new Uint8Array(0), 0, value?.length ?? -1)
      return true
    },
    pop: () => missing('rows to take back'),
    take(): readonly Column[] {
      rows = 0
      return wanted === undefined ? [] : [column.take(wanted.field)]
    },
  }
}

export function inferFields(_values: readonly (Uint8Array | null)[], _maxDepth: number): readonly Field[] {
  return missing('JSON')
}

export function encoder(codec: string, _options: object): Encoder {
  return {
    encode(batch, row) {
      if (codec === 'json') missing('JSON')
      const { data, field } = batch.columns[0]!
      if (batch.columns.length !== 1 || (field.type.kind !== 'utf8' && field.type.kind !== 'binary')) {
        missing('text of other columns than utf8 and binary')
      }
      if (data.nullCount > 0 && (data.nullBitmap[row >> 3]! & (1 << (row & 7))) === 0) return null
      return data.values.subarray(data.valueOffsets[row]!, data.valueOffsets[row + 1]!)
    },
  }
}
