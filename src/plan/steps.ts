/** A plan: one source, steps, and a sink or branches that end in one each. Frozen data; nothing here runs or connects. */
import type { Expr } from '../expr/expr.ts'
import type { ColumnType, Field } from '../schema.ts'

export interface NamedExpr {
  readonly name: string
  readonly expr: Expr
}

/** A user's function; its own types stand at the face, in stream.ts. */
// biome-ignore lint/suspicious/noExplicitAny: the plan carries functions of every type
export type StepFunction = (...args: any[]) => unknown

export type Step =
  | { readonly kind: 'filter'; readonly predicate: Expr }
  | { readonly kind: 'select' | 'withColumns'; readonly columns: readonly NamedExpr[] }
  | { readonly kind: 'rename'; readonly names: readonly (readonly [from: string, to: string])[] }
  | { readonly kind: 'drop'; readonly names: readonly string[] }
  /** `fields`: what the function returns, where the user gave a schema. */
  | {
      readonly kind: 'mapBatches' | 'map' | 'flatMap'
      readonly fn: StepFunction
      readonly fields: readonly Field[] | undefined
    }
  /** `keepEmpty`: a row without items gives one with a null. */
  | { readonly kind: 'unnest'; readonly column: string; readonly keepEmpty: boolean }
  | { readonly kind: 'limit'; readonly count: number }

/**
 * How a message's key is read: as bytes, as text, as a number that one of Kafka's own serializers wrote, or as JSON: one
 * value of this type.
 */
export type KeyType = 'utf8' | 'binary' | 'int32' | 'int64' | 'float64' | { readonly json: ColumnType }

/** Whether a plan's `$key` is the key's own bytes; otherwise it is `$keyValue` of the source's batches. */
export const isRawKey = (type: KeyType): type is 'utf8' | 'binary' => type === 'utf8' || type === 'binary'

export interface SourceStep {
  readonly kind: 'kafka' | 'batches'
  /** For explain(): the topic, or what the batches are. */
  readonly title: string
  readonly codec: string
  readonly codecOptions: Readonly<Record<string, unknown>>
  /** The schema that was given; undefined: inferred when the run starts. */
  readonly fields: readonly Field[] | undefined
  readonly keyType: KeyType
}

/** A part of the record's envelope: as it was read, none, or a column or expression. */
export type EnvelopePart = 'keep' | null | Expr

export interface KafkaSinkStep {
  readonly kind: 'kafka'
  readonly title: string
  readonly codec: string
  readonly codecOptions: Readonly<Record<string, unknown>>
  readonly key: EnvelopePart
  readonly headers: EnvelopePart
  readonly timestamp: EnvelopePart
  /** null: the partitioner chooses. */
  readonly partition: Expr | null
}

/** What stands behind the last shared step of a plan with several sinks. */
export interface Branch {
  /** Its own steps alone. */
  readonly steps: readonly Step[]
  readonly sink: KafkaSinkStep | FanOutStep
}

/** Several sinks, one read. Its Kafka sinks are counted depth first, as explain() prints them. */
export interface FanOutStep {
  readonly kind: 'fanOut'
  readonly branches: readonly Branch[]
}

export type SinkStep = KafkaSinkStep | FanOutStep | { readonly kind: 'collect' | 'forEachBatch' | 'iterate' }

export interface Plan {
  readonly source: SourceStep
  readonly steps: readonly Step[]
  readonly sink: SinkStep
}

/** The message columns, and the names that a plan may give values to: they are the new record's. */
export const messageColumns = ['$key', '$topic', '$partition', '$offset', '$timestamp', '$headers'] as const
export const envelopeColumns: readonly string[] = ['$key', '$headers', '$timestamp']
export type MessageName = (typeof messageColumns)[number] | '$value' | '$tombstone' | '$keyValue'

export const isMessageColumn = (name: string): boolean => (messageColumns as readonly string[]).includes(name)

/** Also those that no user names: the optimiser's, and what `$key` stands for where it is decoded. */
export const isInternal = (name: string): boolean =>
  isMessageColumn(name) || name === '$value' || name === '$tombstone' || name === '$keyValue'

/** Their types, as slabs carry them. */
export const messageField = (name: MessageName, keyType: KeyType): Field => {
  switch (name) {
    case '$key':
      return { name, type: { kind: isRawKey(keyType) ? keyType : 'binary' } }
    case '$keyValue':
      return { name, type: typeof keyType === 'string' ? { kind: keyType } : keyType.json }
    case '$topic':
      return { name, type: { kind: 'utf8' } }
    case '$partition':
      return { name, type: { kind: 'int32' } }
    case '$offset':
      return { name, type: { kind: 'int64' } }
    case '$timestamp':
      return { name, type: { kind: 'timestamp', unit: 'ms' } }
    case '$headers': {
      const fields: readonly Field[] = [
        { name: 'key', type: { kind: 'utf8' } },
        { name: 'value', type: { kind: 'binary' } },
      ]
      return { name, type: { kind: 'list', item: { kind: 'struct', fields } } }
    }
    case '$value':
      return { name, type: { kind: 'binary' } }
    case '$tombstone':
      return { name, type: { kind: 'bool' } }
  }
}
