/**
 * A pushed-down predicate over columns that are being filled: comparisons with literals, and boolean logic with SQL's
 * null rules (native/predicate.cc). predicate-compile.ts makes its nodes.
 */
import { FLOAT32, type GrowingColumn, HIGH, INT8, INT16, LOW, UINT8, UINT16, UINT32 } from './growing.ts'
import { hashOf, isSame } from './json/keys.ts'

/** Three-valued logic in an order in which `and` is the least of its terms, `or` the greatest, `not` the mirror image. */
export const FALSE = 0
export const NULL = 1
export const TRUE = 2
export type Truth = 0 | 1 | 2

const truth = (value: boolean): Truth => (value ? TRUE : FALSE)

/** What a comparison holds for: a bit each for value < literal, ==, > and neither (NaN). */
export const LESS = 1
export const EQUAL = 2
export const GREATER = 4
export const UNORDERED = 8

export type Node =
  | { readonly op: 'and' | 'or'; readonly terms: readonly Node[] }
  | { readonly op: 'not'; readonly term: Node }
  | { readonly op: 'isNull'; readonly column: GrowingColumn }
  /** Whatever the value, if there is one. */
  | { readonly op: 'constant'; readonly column: GrowingColumn; readonly holds: boolean }
  /** A number of 32 bits and less, a float, or a bool as 0 and 1. */
  | { readonly op: 'number'; readonly column: GrowingColumn; readonly holds: number; readonly literal: number }
  /** 64 bits: `signed` says how the upper word counts. */
  | {
      readonly op: 'long'
      readonly column: GrowingColumn
      readonly holds: number
      readonly low: number
      readonly high: number
      readonly signed: boolean
    }
  | { readonly op: 'text'; readonly column: GrowingColumn; readonly holds: number; readonly literal: Uint8Array }
  | { readonly op: 'inNumbers'; readonly column: GrowingColumn; readonly set: ReadonlySet<number> }
  /** By the lower word, the upper words. */
  | { readonly op: 'inLongs'; readonly column: GrowingColumn; readonly set: ReadonlyMap<number, readonly number[]> }
  /** By their hash. */
  | { readonly op: 'inTexts'; readonly column: GrowingColumn; readonly set: ReadonlyMap<number, readonly Uint8Array[]> }

/** The value of a column of numbers that one float64 holds. */
function numberAt(column: GrowingColumn, row: number): number {
  switch (column.id) {
    case INT8:
      return (column.bytes[row]! << 24) >> 24
    case UINT8:
      return column.bytes[row]!
    case INT16:
      return column.halves[row]!
    case UINT16:
      return column.halves[row]! & 0xffff
    case UINT32:
      return column.words[row]! >>> 0
    case FLOAT32:
      return column.singles[row]!
    default:
      return column.words[row]!
  }
}

export class Predicate {
  /** The columns that it reads, ascending. */
  readonly reads: readonly number[]
  readonly #root: Node

  constructor(root: Node, reads: readonly number[]) {
    this.#root = root
    this.reads = reads
  }

  /** Whether row `row` is kept: only where the result is true, not where it is false or null. */
  test(row: number): boolean {
    return evaluate(this.#root, row) === TRUE
  }

  /** Whether the result is false by the columns that have a value `row` already, whatever the others get. */
  isFalse(row: number): boolean {
    return evaluate(this.#root, row) === FALSE
  }
}

function evaluate(node: Node, row: number): Truth {
  switch (node.op) {
    case 'and': {
      let least: Truth = TRUE
      for (const term of node.terms) {
        const one = evaluate(term, row)
        if (one < least) least = one
        if (least === FALSE) break
      }
      return least
    }
    case 'or': {
      let greatest: Truth = FALSE
      for (const term of node.terms) {
        const one = evaluate(term, row)
        if (one > greatest) greatest = one
        if (greatest === TRUE) break
      }
      return greatest
    }
    case 'not':
      return (TRUE - evaluate(node.term, row)) as Truth
    default:
      return leaf(node, row)
  }
}

/** What is not known yet counts as null, and the result stays what it was where it is true or false. */
function leaf(node: Exclude<Node, { op: 'and' | 'or' | 'not' }>, row: number): Truth {
  const { column } = node
  if (column.length <= row) return NULL
  const isValid = column.isValid(row)
  if (node.op === 'isNull') return truth(!isValid)
  if (!isValid) return NULL
  switch (node.op) {
    case 'constant':
      return truth(node.holds)
    case 'number':
      return holds(node.holds, valueAt(column, row), node.literal)
    case 'long':
      return compareLong(node, row)
    case 'text': {
      const from = column.offsets[row]!
      return holds(node.holds, compareText(column.bytes, from, column.offsets[row + 1]!, node.literal), 0)
    }
    case 'inNumbers':
      return truth(node.set.has(valueAt(column, row)))
    case 'inLongs': {
      const highs = node.set.get(column.words[row * 2 + LOW]!)
      return truth(highs?.includes(column.words[row * 2 + HIGH]!) === true)
    }
    case 'inTexts': {
      const [from, to] = [column.offsets[row]!, column.offsets[row + 1]!]
      const same = node.set.get(hashOf(column.bytes, from, to))
      return truth(same?.some((text) => isSame(text, column.bytes, from, to)) === true)
    }
  }
}

function valueAt(column: GrowingColumn, row: number): number {
  const { type } = column
  if (type.kind === 'float64') return column.doubles[row]!
  if (type.kind === 'bool') return (column.bytes[row >> 3]! >> (row & 7)) & 1
  return numberAt(column, row)
}

function holds(bits: number, value: number, literal: number): Truth {
  return truth(
    (bits & (value < literal ? LESS : value === literal ? EQUAL : value > literal ? GREATER : UNORDERED)) !== 0,
  )
}

function compareLong(node: Extract<Node, { op: 'long' }>, row: number): Truth {
  const { words } = node.column
  const high = words[row * 2 + HIGH]!
  if (high === node.high) return holds(node.holds, words[row * 2 + LOW]! >>> 0, node.low >>> 0)
  return node.signed ? holds(node.holds, high, node.high) : holds(node.holds, high >>> 0, node.high >>> 0)
}

/** Below, at or above 0. Bytes as unsigned: UTF-8 then has the order of code points. */
function compareText(bytes: Uint8Array, from: number, to: number, literal: Uint8Array): number {
  const size = to - from
  const shorter = Math.min(size, literal.length)
  for (let i = 0; i < shorter; i++) {
    const difference = bytes[from + i]! - literal[i]!
    if (difference !== 0) return difference
  }
  return size - literal.length
}
