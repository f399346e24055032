/** The conversions of src/codecs as the js backend uses them. Keys that are JSON are refused: they are native so far. */
import type { CodecName } from '../../codecs/codec.ts'
import { decoder as conversion, inferSchema, encoder as writer } from '../../codecs/conversions.ts'
import type { Decoder, Encoder } from '../../codecs/convert.ts'
import { SabotError } from '../../errors.ts'
import type { Field } from '../../schema.ts'
import type { DecodePlan } from '../backend.ts'

export function decoder(plan: DecodePlan): Decoder {
  if (typeof plan.keyType === 'object' && plan.message.includes('$keyValue')) {
    throw new SabotError('UNSUPPORTED', "the js backend of this version has no JSON keys; use backend: 'native'")
  }
  return conversion(plan.codec as CodecName, plan)
}

export function inferFields(values: readonly (Uint8Array | null)[], maxDepth: number): readonly Field[] {
  return inferSchema(values, maxDepth)
}

export function encoder(codec: string, options: Readonly<Record<string, unknown>>): Encoder {
  return writer(codec as CodecName, options)
}
