/**
 * Expressions as frozen data. Three shapes, no more:
 *
 *   { kind: 'col', name }             a column
 *   { kind: 'lit', value }            a literal; null is typed by what it stands beside
 *   { kind: 'call', op, args }        an operator of the registry (operators.ts) over nodes; for `in` the first
 *                                     argument is what is looked for, the rest are literals. What else a call needs
 *                                     (a unit, a pattern, the name of a type) is a literal argument too
 *
 * `col('amount').gt(1000)` is { kind: 'call', op: 'gt', args: [{ kind: 'col', name: 'amount' },
 * { kind: 'lit', value: 1000 }] }.
 */
import { describe, SabotError } from '../errors.ts'

export type Literal = null | boolean | number | bigint | string | Date | Uint8Array

export type CompareOp = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge'
export type ArithmeticOp = 'add' | 'sub' | 'mul' | 'div' | 'mod'
export type LogicOp = 'and' | 'or'
/** On text: `col('name').str` */
export type TextOp =
  | 'length'
  | 'lower'
  | 'upper'
  | 'trim'
  | 'trimStart'
  | 'trimEnd'
  | 'contains'
  | 'startsWith'
  | 'endsWith'
  | 'concat'
  | 'substring'
  | 'replace'
  | 'like'
  | 'matches'
  | 'extract'
  | 'split'
/** On times: `col('at').dt` */
export type TimePart =
  | 'year'
  | 'month'
  | 'day'
  | 'hour'
  | 'minute'
  | 'second'
  | 'millisecond'
  | 'microsecond'
  | 'nanosecond'
  | 'dayOfWeek'
  | 'dayOfYear'
  | 'week'
/** The result is of the time's own type. */
export type TimeMoveOp = 'truncate' | 'addTime'
export type TimeParseOp = 'toTimestamp' | 'tryToTimestamp'
export type TimeOp = TimePart | TimeMoveOp | TimeParseOp | 'epoch' | 'difference' | 'formatTime'
export type CastOp = 'cast' | 'tryCast'
/** On lists: `col('tags').list`. */
export type ListOp = 'listLength' | 'element' | 'listContains'
export type ChoiceOp = 'coalesce' | 'nullIf' | 'when'
export type OpName =
  | CompareOp
  | ArithmeticOp
  | LogicOp
  | 'neg'
  | 'not'
  | 'isNull'
  | 'isNotNull'
  | 'in'
  | CastOp
  | TimeOp
  | ChoiceOp
  | TextOp
  | ListOp
  | 'field'
  | 'hash'

export interface ColNode<Name extends string = string> {
  readonly kind: 'col'
  readonly name: Name
}

export interface LitNode<Value extends Literal = Literal> {
  readonly kind: 'lit'
  readonly value: Value
}

export interface CallNode<Op extends OpName = OpName, Args extends readonly unknown[] = readonly Node[]> {
  readonly kind: 'call'
  readonly op: Op
  readonly args: Args
}

export type Node = ColNode | LitNode | CallNode

export function colNode<Name extends string>(name: Name): ColNode<Name> {
  if (typeof name !== 'string' || name === '') {
    throw new SabotError('SCHEMA', `col() takes a column's name, such as col('amount'), not ${describe(name)}.`)
  }
  return Object.freeze({ kind: 'col', name })
}

/** Throws SCHEMA where the value is none that a column could hold. */
export function litNode<Value extends Literal>(value: Value): LitNode<Value> {
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw noLiteral(value, 'an invalid Date')
    // A Date and bytes can be changed by their owner; a node can not.
    return Object.freeze({ kind: 'lit', value: new Date(value) as Literal as Value })
  }
  if (value instanceof Uint8Array) return Object.freeze({ kind: 'lit', value: value.slice() as Literal as Value })
  if (value !== null && !['boolean', 'number', 'bigint', 'string'].includes(typeof value)) throw noLiteral(value)
  if (typeof value === 'bigint' && BigInt.asIntN(64, value) !== value && BigInt.asUintN(64, value) !== value) {
    throw noLiteral(value, `${value}n, which does not fit 64 bits`)
  }
  return Object.freeze({ kind: 'lit', value })
}

const noLiteral = (value: unknown, text = describe(value)): SabotError =>
  new SabotError(
    'SCHEMA',
    `An expression takes expressions, such as col('amount'), and literals: null, booleans, numbers, bigints, strings, ` +
      `Dates and Uint8Arrays. This is ${text}.`,
  )

export function callNode<Op extends OpName, const Args extends readonly Node[]>(
  op: Op,
  args: Args,
): CallNode<Op, Args> {
  return Object.freeze({ kind: 'call', op, args: Object.freeze(args) })
}

/** Names of the columns that a node reads, each once, in the order of reading. */
export function columnsOf(node: Node): readonly string[] {
  const names = new Set<string>()
  const visit = (at: Node): void => {
    if (at.kind === 'col') names.add(at.name)
    else if (at.kind === 'call') for (const arg of at.args) visit(arg)
  }
  visit(node)
  return [...names]
}

/** The terms of a chain of `and`s; one where there is none. Rows pass all of them or do not pass. */
export function conjunctsOf(node: Node): readonly Node[] {
  return node.kind === 'call' && node.op === 'and' ? node.args.flatMap(conjunctsOf) : [node]
}

/**
 * `col('a.b')` as the field b of the column a, where there is a column a and none of the name `a.b`: each name that is
 * none of `names` but begins with one and a dot becomes a path into that column (the shortest, where there are several).
 * The same node where there is nothing to change.
 */
export function withPaths(node: Node, names: readonly string[]): Node {
  if (node.kind === 'lit') return node
  if (node.kind === 'col') {
    if (!node.name.includes('.') || names.includes(node.name)) return node
    const root = names.filter((name) => node.name.startsWith(`${name}.`)).sort((a, b) => a.length - b.length)[0]
    if (root === undefined) return node
    const path = node.name.slice(root.length + 1).split('.')
    return path.reduce<Node>((of, field) => callNode('field', [of, litNode(field)]), colNode(root))
  }
  const args = node.args.map((arg) => withPaths(arg, names))
  return args.some((arg, i) => arg !== node.args[i]) ? callNode(node.op, args) : node
}

/** A node with other columns' names: `rename` maps a name to what is read instead. */
export function withColumnNames(node: Node, rename: (name: string) => string): Node {
  if (node.kind === 'col') return colNode(rename(node.name))
  if (node.kind === 'lit') return node
  return callNode(
    node.op,
    node.args.map((arg) => withColumnNames(arg, rename)),
  )
}
