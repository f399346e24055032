/** Column types and schema literals <-> Arrow schema. With batch.ts the only importer of apache-arrow. */

/** The unit of a timestamp: seconds, milliseconds, microseconds, nanoseconds since the epoch, UTC. */
export type TimeUnit = 's' | 'ms' | 'us' | 'ns'

/** A column's type. Every column may hold nulls. */
export type ColumnType =
  | {
      readonly kind:
        | 'bool'
        | 'int8'
        | 'int16'
        | 'int32'
        | 'int64'
        | 'uint8'
        | 'uint16'
        | 'uint32'
        | 'uint64'
        | 'float32'
        | 'float64'
        | 'utf8'
        | 'binary'
        | 'date'
    }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'list'; readonly item: ColumnType }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] }

export interface Field {
  readonly name: string
  readonly type: ColumnType
}
