/** The conversions of each codec in TypeScript, by its name: what the js backend reads and writes with. */
import type { ColumnType, Field } from '../schema.ts'
import type { CodecName } from './codec.ts'
import type { Decoder, DecoderPlan, Encoder } from './convert.ts'
import { JsonDecoder } from './json/decoder.ts'
import { JsonEncoder, JsonValueEncoder } from './json/encoder.ts'
import { inferJsonSchema } from './json/infer.ts'
import { JsonValueDecoder } from './json/value.ts'
import { ValueDecoder } from './text-decoder.ts'
import { ValueEncoder } from './text-encoder.ts'

/** Throws CONFIG for columns that the codec doesn't have, and for a predicate that its columns can't answer. */
export function decoder(codec: CodecName, plan: DecoderPlan): Decoder {
  return codec === 'json' ? new JsonDecoder(plan) : new ValueDecoder(codec === 'string', plan)
}

/** Keys of messages that are JSON, to the one column of `field`; messages call it by its name. */
export function keyDecoder(field: Field, maxDepth: number): Decoder {
  return new JsonValueDecoder(field, maxDepth)
}

/** All columns of a batch to a record's value. `options` are those of the codec, checked already (codec.ts). */
export function encoder(codec: CodecName, options: Readonly<Record<string, unknown>> = {}): Encoder {
  if (codec !== 'json') return new ValueEncoder(codec === 'string')
  return new JsonEncoder(options.nonFinite === 'null' ? 'null' : 'error')
}

/** The one column of a batch to a record's key: lists and structs as JSON, others as the codec `string` writes them. */
export function keyEncoder({ kind }: ColumnType): Encoder {
  return kind === 'list' || kind === 'struct' ? new JsonValueEncoder() : new ValueEncoder(true)
}

/** The columns of JSON values, in the order in which keys first appear; json/infer.ts has the rules. */
export function inferSchema(values: Iterable<Uint8Array | null>, maxDepth: number): readonly Field[] {
  return inferJsonSchema(values, maxDepth)
}
