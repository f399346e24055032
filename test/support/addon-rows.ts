/** JSON documents through the addon without Kafka: decoded, inferred from, encoded. */
import { type Batch, batchFromSlab, batchToBuffers, batchToRows } from '../../src/batch.ts'
import { loadAddon } from '../../src/kafka/load.ts'
import type { Predicate } from '../../src/plan/pushdown.ts'
import {
  type Field,
  fieldsFromWire,
  fieldsToWire,
  parseSchema,
  type SchemaLiteral,
  typeToWire,
} from '../../src/schema.ts'

/** null: a tombstone. */
export type Document = string | Uint8Array | null

export interface DecodedRows {
  readonly batch: Batch
  /** Indices of the documents that became rows, one a row of the batch. */
  readonly kept: readonly number[]
  readonly errors: ReadonlyMap<number, { readonly code: string; readonly message: string }>
  /** Rows by document; undefined where there is none. */
  readonly rows: readonly (Readonly<Record<string, unknown>> | undefined)[]
}

interface DecodeOptions {
  readonly predicate?: Predicate | undefined
  readonly maxDepth?: number
}

export const bytesOf = (document: Document): Uint8Array | null =>
  typeof document === 'string' ? Buffer.from(document) : document

export function decodeJson(
  documents: readonly Document[],
  schema: SchemaLiteral | readonly Field[],
  { predicate, maxDepth = 64 }: DecodeOptions = {},
): DecodedRows {
  const fields = Array.isArray(schema) ? (schema as readonly Field[]) : parseSchema(schema)
  const spec = {
    codec: 'json',
    columns: fields.map(({ name, type }) => ({ name, type: typeToWire(type), emit: true })),
    predicate: predicate ?? null,
    message: [],
    keyType: 'utf8',
    maxDepth,
  }
  const decoded = loadAddon().decodeRows(documents.map(bytesOf), JSON.stringify(spec))
  const batch: Batch =
    decoded.slab === null ? { columns: [], numRows: 0, selection: null } : batchFromSlab(fields, decoded.slab)
  const kept = [...decoded.kept]
  const rows: (Record<string, unknown> | undefined)[] = documents.map(() => undefined)
  for (const [at, row] of batchToRows(batch).entries()) rows[kept[at]!] = row
  return { batch, kept, errors: new Map(decoded.errors.map((error) => [error.row, error])), rows }
}

export function inferJson(documents: readonly Document[], maxDepth = 64): readonly Field[] {
  return fieldsFromWire(loadAddon().inferRows(documents.map(bytesOf), maxDepth))
}

export interface EncodedRows {
  readonly documents: readonly (string | null)[]
  readonly errors: readonly { readonly row: number; readonly code: string; readonly message: string }[]
}

export function encodeJson(batch: Batch, codec = 'json', options: object = {}): EncodedRows {
  const schema = JSON.stringify(fieldsToWire(batch.columns.map(({ field }) => field)))
  const columns = { schema, ...batchToBuffers(batch) }
  const encoded = loadAddon().encodeRows(columns, batch.numRows, codec, JSON.stringify(options))
  return {
    // Latin-1: a character a byte, whatever the bytes are.
    documents: encoded.values.map(
      (value) => value && Buffer.from(value).toString(codec === 'json' ? 'utf8' : 'latin1'),
    ),
    errors: encoded.errors,
  }
}
