/**
 * The conversions of src/codecs as the js backend uses them. What is not there yet in TypeScript is refused: writing JSON,
 * inferring its schema, and keys and text of other columns than utf8 and binary.
 */
import type { CodecName } from '../../codecs/codec.ts'
import { decoder as conversion } from '../../codecs/conversions.ts'
import type { Decoder, Encoder } from '../../codecs/convert.ts'
import { SabotError } from '../../errors.ts'
import type { Field } from '../../schema.ts'
import type { DecodePlan } from '../backend.ts'

function missing(what: string): never {
  throw new SabotError('UNSUPPORTED', `the js backend of this version has no ${what}; use backend: 'native'`)
}

export function decoder(plan: DecodePlan): Decoder {
  if (typeof plan.keyType === 'object' && plan.message.includes('$keyValue')) missing('JSON keys')
  return conversion(plan.codec as CodecName, plan)
}

export function inferFields(_values: readonly (Uint8Array | null)[], _maxDepth: number): readonly Field[] {
  return missing("inference of a schema: give the option 'schema'")
}

export function encoder(codec: string, _options: object): Encoder {
  return {
    encode(batch, row) {
      if (codec === 'json') missing('way to write JSON')
      const { data, field } = batch.columns[0]!
      if (batch.columns.length !== 1 || (field.type.kind !== 'utf8' && field.type.kind !== 'binary')) {
        missing('text of other columns than utf8 and binary')
      }
      if (data.nullCount > 0 && (data.nullBitmap[row >> 3]! & (1 << (row & 7))) === 0) return null
      return data.values.subarray(data.valueOffsets[row]!, data.valueOffsets[row + 1]!)
    },
  }
}
