/** Whether a row is rejected before its document is read to the end (native/json_rejection.cc). */
import type { Field } from '../../schema.ts'
import type { GrowingColumn } from '../growing.ts'
import type { Predicate } from '../predicate.ts'
import { utf8Of } from '../utf8.ts'
import { BACKSLASH, QUOTE } from './reader.ts'

/**
 * A predicate that is false by the columns that came so far is false whatever else comes (SQL's logic is monotone in
 * what is null), but for one thing: of a key that comes twice the last value counts. So the rest of the document is
 * searched for the keys that were asked for, which costs a fraction of reading it.
 */
export class JsonRejection {
  readonly #predicate: Predicate
  readonly #asked: readonly { readonly column: GrowingColumn; readonly key: Uint8Array }[]

  constructor(predicate: Predicate, fields: readonly Field[], columns: readonly GrowingColumn[]) {
    this.#predicate = predicate
    this.#asked = predicate.reads.map((i) => ({
      column: columns[i]!,
      key: utf8Of(JSON.stringify(fields[i]!.name)),
    }))
  }

  /** The columns of row `row` are those that have more than `row` values; `at` to `end` was not read yet. */
  rejects(row: number, bytes: Uint8Array, at: number, end: number): boolean {
    if (!this.#predicate.isFalse(row)) return false
    for (const { column, key } of this.#asked) {
      // A column that has not come yet did not decide.
      if (column.length > row && mayHold(bytes, at, end, key)) return false
    }
    return true
  }
}

/** Whether the key, in quotes, or anything with an escape, which may be the key, is in there. */
function mayHold(bytes: Uint8Array, at: number, end: number, key: Uint8Array): boolean {
  const second = key[1]!
  for (; at < end; at++) {
    const byte = bytes[at]!
    if (byte === BACKSLASH) return true
    if (byte === QUOTE && bytes[at + 1] === second && isAt(bytes, at, end, key)) return true
  }
  return false
}

function isAt(bytes: Uint8Array, at: number, end: number, key: Uint8Array): boolean {
  if (end - at < key.length) return false
  for (let i = 1; i < key.length; i++) if (bytes[at + i] !== key[i]) return false
  return true
}
