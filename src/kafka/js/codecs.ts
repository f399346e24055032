/** The conversions of src/codecs as the js backend uses them. */
import type { CodecName } from '../../codecs/codec.ts'
import { decoder as conversion, inferSchema, keyDecoder, encoder as writer } from '../../codecs/conversions.ts'
import type { Decoder, Encoder } from '../../codecs/convert.ts'
import type { Field } from '../../schema.ts'
import type { DecodePlan } from '../backend.ts'

export { keyEncoder } from '../../codecs/conversions.ts'

export function decoder(plan: DecodePlan): Decoder {
  return conversion(plan.codec as CodecName, plan)
}

/** Of keys that are JSON, where the plan wants them; else they are numbers, text or bytes, and need none. */
export function keysOf({ keyType, message, maxDepth }: DecodePlan): Decoder | null {
  if (typeof keyType === 'string' || !message.includes('$keyValue')) return null
  return keyDecoder({ name: '$key', type: keyType.json }, maxDepth)
}

export function inferFields(values: readonly (Uint8Array | null)[], maxDepth: number): readonly Field[] {
  return inferSchema(values, maxDepth)
}

export function encoder(codec: string, options: Readonly<Record<string, unknown>>): Encoder {
  return writer(codec as CodecName, options)
}
