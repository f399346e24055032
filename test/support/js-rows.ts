/** JSON documents through the codecs in TypeScript, in the form of addon-rows.ts: what one decodes, so must the other. */
import { batchToRows } from '../../src/batch.ts'
import { decoder } from '../../src/codecs/conversions.ts'
import { type Field, parseSchema } from '../../src/schema.ts'
import type { DecodedRows, decodeJson as native } from './addon-rows.ts'

export const decodeJson: typeof native = (documents, schema, { predicate, maxDepth = 64 } = {}): DecodedRows => {
  const fields = Array.isArray(schema) ? (schema as readonly Field[]) : parseSchema(schema)
  const columns = fields.map((field) => ({ field, emit: true }))
  const into = decoder('json', { columns, predicate, maxDepth })
  const kept: number[] = []
  const errors = new Map<number, { readonly code: string; readonly message: string }>()
  for (const [i, document] of documents.entries()) {
    const added = into.add(typeof document === 'string' ? Buffer.from(document) : document)
    if (added === true) kept.push(i)
    else if (added !== false) errors.set(i, added)
  }
  const batch = { columns: into.take(), numRows: kept.length, selection: null }
  const rows: (Record<string, unknown> | undefined)[] = documents.map(() => undefined)
  for (const [at, row] of batchToRows(batch).entries()) rows[kept[at]!] = row
  return { batch, kept, errors, rows }
}
