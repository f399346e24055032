/**
 * The Codec seam: the formats of a record's value, by name. A backend owns the conversion itself (the native one in
 * native/json_*.cc and its kin); what every backend must agree on stands here: names, options, default columns.
 */
import type { Field } from '../schema.ts'

export type CodecName = 'json' | 'string' | 'bytes'

/** One option of a codec. All are choices so far; `side` tells where it may be given. */
export interface CodecOption {
  readonly values: readonly string[]
  readonly default: string
  readonly side: 'source' | 'sink' | 'both'
  readonly doc: string
}

export interface Codec {
  readonly name: CodecName
  /** The columns of every value where the codec has a fixed shape; null: the schema says, or it is inferred. */
  readonly columns: readonly Field[] | null
  /** Whether columns can be inferred from the first rows where no schema is given. */
  readonly infers: boolean
  readonly options: Readonly<Record<string, CodecOption>>
  readonly doc: string
}

const json: Codec = {
  name: 'json',
  columns: null,
  infers: true,
  options: {
    nonFinite: {
      values: ['error', 'null'],
      default: 'error',
      side: 'sink',
      doc: "What NaN and Infinity become, which JSON cannot hold: that row's error, or `null`.",
    },
  },
  doc: 'One JSON object a record; a column a key.',
}

const string: Codec = {
  name: 'string',
  columns: [{ name: 'value', type: { kind: 'utf8' } }],
  infers: false,
  options: {},
  doc: 'The value as UTF-8 text, in the one column `value`.',
}

const bytes: Codec = {
  name: 'bytes',
  columns: [{ name: 'value', type: { kind: 'binary' } }],
  infers: false,
  options: {},
  doc: 'The value as it is, in the one binary column `value`.',
}

export const codecs: Readonly<Record<CodecName, Codec>> = Object.freeze({ json, string, bytes })

export const codecNames = Object.keys(codecs) as readonly CodecName[]
