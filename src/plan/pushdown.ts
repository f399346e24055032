/**
 * What the decoder can answer: simple predicates over one column and literals, in the form of `DecodePlan.predicate`
 * (kafka/backend.ts has the same types; this room stands above it). A conjunct is pushed down only where the decoder's
 * answer is exactly the kernel's: the literal is of the column's own kind, or both are numbers, which the two compare by
 * value.
 */
import { nanoseconds } from '../batch.ts'
import { exprConjuncts } from '../expr/columns.ts'
import type { Expr } from '../expr/expr.ts'
import { literalTime } from '../expr/literals.ts'
import type { Literal, Node } from '../expr/nodes.ts'
import { print } from '../expr/print.ts'
import { type ColumnType, type Field, typeText } from '../schema.ts'
import { type Stays, stays } from './native.ts'

export type PredicateLiteral =
  | { readonly i: string }
  | { readonly f: number }
  | { readonly s: string }
  | { readonly b: boolean }

type Comparison = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'

/** Columns by their index in the decode plan; SQL's three-valued logic. */
export type Predicate =
  | readonly ['and' | 'or', readonly Predicate[]]
  | readonly ['not', Predicate]
  | readonly [Comparison, number, PredicateLiteral]
  | readonly ['isNull', number]
  | readonly ['in', number, readonly PredicateLiteral[]]
  | readonly ['col', number]

/** True of no row: nothing has to be decoded. */
export const never: Predicate = ['or', []]

export const isNever = (predicate: Predicate): boolean => predicate[0] === 'or' && predicate[1].length === 0

/** What is true where all are. */
export const allPredicates = (predicates: readonly Predicate[]): Predicate =>
  predicates.some(isNever) ? never : predicates.length === 1 ? predicates[0]! : ['and', predicates]

/** What is true where one is. */
export const anyPredicate = (predicates: readonly Predicate[]): Predicate => {
  const possible = predicates.filter((predicate) => !isNever(predicate))
  return possible.length === 1 ? possible[0]! : ['or', possible]
}

/** Whether a filter asks for nothing, as constant folding leaves it. */
export const isFalse = ({ node }: Expr): boolean => node.kind === 'lit' && node.value === false

/** The columns of the source that names stand for at a point of the plan. */
export type Origins = ReadonlyMap<string, Field>

/** Makes a predicate once the columns have their places. */
export type MakePredicate = (index: (name: string) => number) => Predicate

export const conjuncts = (predicate: Expr): readonly Expr[] => exprConjuncts(predicate)

/** What the decoder is asked, or why it is not. */
export const pushDown = (predicate: Expr, origins: Origins): MakePredicate | Stays =>
  pushNode(predicate.node, origins, 1)

/** Levels of and, or and not that the decoder takes (native/predicate_parser.cc). */
const MAX_DEPTH = 100

const flipped = { eq: 'eq', ne: 'ne', lt: 'gt', le: 'ge', gt: 'lt', ge: 'le' } as const

const isComparison = (op: string): op is Comparison => Object.hasOwn(flipped, op)

const pushNode = (node: Node, origins: Origins, depth: number): MakePredicate | Stays => {
  if (depth > MAX_DEPTH) return stays(`it nests deeper than ${MAX_DEPTH} levels`)
  if (node.kind === 'lit') return node.value === false ? () => never : stays(`${print(node)} is a constant`)
  if (node.kind === 'col') {
    const field = fieldOf(node, origins)
    return 'reason' in field ? field : (index) => ['col', index(field.name)]
  }
  const { op, args } = node
  const [left, right] = args as readonly [Node, Node | undefined]
  if (op === 'and' || op === 'or') {
    const parts: MakePredicate[] = []
    for (const term of chainOf(op, node)) {
      const part = pushNode(term, origins, depth + 1)
      if ('reason' in part) return part
      parts.push(part)
    }
    return (index) => (op === 'or' ? anyPredicate : allPredicates)(parts.map((part) => part(index)))
  }
  if (op === 'not') {
    const part = pushNode(left, origins, depth + 1)
    return 'reason' in part ? part : (index) => ['not', part(index)]
  }
  if (op === 'isNull' || op === 'isNotNull') {
    const field = fieldOf(left, origins)
    if ('reason' in field) return field
    return (index) => {
      const isNull: Predicate = ['isNull', index(field.name)]
      return op === 'isNull' ? isNull : ['not', isNull]
    }
  }
  if (op === 'in') {
    const field = fieldOf(left, origins)
    if ('reason' in field) return field
    const literals: PredicateLiteral[] = []
    for (const arg of args.slice(1)) {
      const literal = literalFor((arg as { readonly value: Literal }).value, field.type)
      if (literal === undefined) return noSuchLiteral(arg, field)
      literals.push(literal)
    }
    return (index) => ['in', index(field.name), literals]
  }
  if (!isComparison(op) || right === undefined) return stays(`${print(node)} is computed`)
  if (right.kind === 'lit') return pushComparison(op, left, right, origins)
  if (left.kind === 'lit') return pushComparison(flipped[op], right, left, origins)
  const computed = [left, right].find(({ kind }) => kind === 'call')
  return stays(computed === undefined ? 'it compares two columns' : `${print(computed)} is computed`)
}

/** The column of the source that a node is. */
const fieldOf = (node: Node, origins: Origins): Field | Stays => {
  const field = node.kind === 'col' ? origins.get(node.name) : undefined
  if (field !== undefined) return field
  if (node.kind === 'col') return stays(`${print(node)} is no column of the value`)
  return stays(node.kind === 'lit' ? `${print(node)} is a constant` : `${print(node)} is computed`)
}

/** a.or(b).or(c) is one level, however long the chain. */
const chainOf = (op: 'and' | 'or', node: Node): readonly Node[] => {
  const terms: Node[] = []
  const rest = [node]
  for (let at = rest.pop(); at !== undefined; at = rest.pop()) {
    if (at.kind === 'call' && at.op === op) rest.push(...at.args.toReversed())
    else terms.push(at)
  }
  return terms
}

const pushComparison = (op: Comparison, of: Node, literal: Node, origins: Origins): MakePredicate | Stays => {
  const field = fieldOf(of, origins)
  if ('reason' in field) return field
  const value = literalFor((literal as { readonly value: Literal }).value, field.type)
  return value === undefined ? noSuchLiteral(literal, field) : (index) => [op, index(field.name), value]
}

const noSuchLiteral = (literal: Node, { type }: Field): Stays =>
  stays(`the literal ${print(literal)} beside ${typeText(type)} is not for the decoder`)

/** A literal as the column's own kind, or as a number by its value; undefined where it is not exactly one. */
const literalFor = (value: Literal, type: ColumnType): PredicateLiteral | undefined => {
  switch (type.kind) {
    case 'bool':
      return typeof value === 'boolean' ? { b: value } : undefined
    case 'utf8':
      return typeof value === 'string' && value.isWellFormed() ? { s: value } : undefined
    case 'int8':
    case 'int16':
    case 'int32':
    case 'int64':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'uint64':
      return Number.isSafeInteger(value) ? { i: String(value) } : numberLiteral(value)
    case 'float32':
    case 'float64':
      return numberLiteral(value)
    case 'timestamp':
    case 'date': {
      const time = literalTime(value)
      const unit = nanoseconds(type)
      return time !== null && time % unit === 0n ? integerLiteral(time / unit) : undefined
    }
    default:
      return undefined
  }
}

/** JSON has neither NaN nor Infinity, and its parsers refuse the digits that JavaScript writes for 2 ** 64 and beyond. */
const numberLiteral = (value: Literal): PredicateLiteral | undefined => {
  if (typeof value === 'bigint') return integerLiteral(value)
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? integerLiteral(BigInt(value)) : { f: value }
}

const integerLiteral = (value: bigint): PredicateLiteral | undefined =>
  BigInt.asIntN(64, value) === value || BigInt.asUintN(64, value) === value ? { i: value.toString() } : undefined
