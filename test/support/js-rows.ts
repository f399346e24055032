/** JSON documents through the codecs in TypeScript, in the form of addon-rows.ts: what one decodes, so must the other. */
import { type Batch, batchToRows } from '../../src/batch.ts'
import type { CodecName } from '../../src/codecs/codec.ts'
import { decoder, encoder, inferSchema, keyEncoder } from '../../src/codecs/conversions.ts'
import type { Encoder } from '../../src/codecs/convert.ts'
import { type Field, parseSchema } from '../../src/schema.ts'
import { bytesOf, type DecodedRows, type Document, type EncodedRows, type decodeJson as native } from './addon-rows.ts'

export const decodeJson: typeof native = (documents, schema, { predicate, maxDepth = 64 } = {}): DecodedRows => {
  const fields = Array.isArray(schema) ? (schema as readonly Field[]) : parseSchema(schema)
  const columns = fields.map((field) => ({ field, emit: true }))
  const into = decoder('json', { columns, predicate, maxDepth })
  const kept: number[] = []
  const errors = new Map<number, { readonly code: string; readonly message: string }>()
  for (const [i, document] of documents.entries()) {
    const added = into.add(bytesOf(document))
    if (added === true) kept.push(i)
    else if (added !== false) errors.set(i, added)
  }
  const batch = { columns: into.take(), numRows: kept.length, selection: null }
  const rows: (Record<string, unknown> | undefined)[] = documents.map(() => undefined)
  for (const [at, row] of batchToRows(batch).entries()) rows[kept[at]!] = row
  return { batch, kept, errors, rows }
}

export const inferJson = (documents: readonly Document[], maxDepth = 64): readonly Field[] =>
  inferSchema(documents.map(bytesOf), maxDepth)

export const encodeJson = (batch: Batch, codec: CodecName = 'json', options: object = {}): EncodedRows =>
  encodeBy(encoder(codec, options as Readonly<Record<string, unknown>>), batch, codec === 'json' ? 'utf8' : 'latin1')

/** Of a batch of one column. */
export const encodeKeys = (batch: Batch): EncodedRows =>
  encodeBy(keyEncoder(batch.columns[0]!.field.type), batch, 'utf8')

function encodeBy(into: Encoder, batch: Batch, encoding: 'utf8' | 'latin1'): EncodedRows {
  const errors: { readonly row: number; readonly code: string; readonly message: string }[] = []
  const documents = Array.from({ length: batch.numRows }, (_, row) => {
    const encoded = into.encode(batch, row)
    if (encoded === null || encoded instanceof Uint8Array) {
      return encoded && Buffer.from(encoded).toString(encoding)
    }
    errors.push({ row, ...encoded })
    return null
  })
  return { documents, errors }
}
