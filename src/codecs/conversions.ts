/** The conversions of each codec in TypeScript, by its name: what the js backend reads and writes with. */
import type { CodecName } from './codec.ts'
import type { Decoder, DecoderPlan } from './convert.ts'
import { JsonDecoder } from './json/decoder.ts'
import { ValueDecoder } from './text-decoder.ts'

/** Throws CONFIG for columns that the codec doesn't have, and for a predicate that its columns can't answer. */
export function decoder(codec: CodecName, plan: DecoderPlan): Decoder {
  return codec === 'json' ? new JsonDecoder(plan) : new ValueDecoder(codec === 'string', plan)
}
