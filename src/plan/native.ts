/**
 * Which expressions the native program computes, and how it reads them: the form of `DecodePlan.program` (kafka/backend.ts
 * has the same types; this room stands above it). What is native is said once, in the table `natives`; for the rest there
 * is a reason that explain() prints. Results are the kernels' to the bit.
 */
import { nanoseconds } from '../batch.ts'
import { literalTime } from '../expr/literals.ts'
import type { CallNode, Literal, Node } from '../expr/nodes.ts'
import { print } from '../expr/print.ts'
import { type Family, familyOf, type Typed } from '../expr/rules.ts'
import { typed } from '../expr/typing.ts'
import { type ColumnType, type Field, typeText } from '../schema.ts'

/** `{i: '-0'}` is the integer that is -0 beside a float; JSON has no number for the three names of `f`. */
export type NativeLiteral =
  | { readonly i: string }
  | { readonly f: number | 'NaN' | 'Infinity' | '-Infinity' }
  | { readonly s: string }
  | { readonly b: boolean }
  | null

export type NativeExpr =
  | readonly ['col', number]
  | readonly ['lit', NativeLiteral]
  | readonly [NativeOp, ...NativeExpr[]]

/** Why an expression stays in TypeScript. */
export interface Stays {
  readonly reason: string
}

export const stays = (reason: string): Stays => ({ reason })

/** An operator's own say on its arguments; undefined: it is native for them. */
type Judge = (args: readonly Typed[], op: string) => Stays | undefined

const families =
  (...allowed: readonly Family[]): Judge =>
  (args, op) => {
    for (const { type } of args) {
      if (type !== null && !allowed.includes(familyOf(type))) return stays(`${op} of ${typeText(type)} is not native`)
    }
    return undefined
  }

const any: Judge = () => undefined
const numbers = families('int', 'float')

const comparable = families('int', 'float', 'text', 'bytes', 'bool', 'time')

const noNull =
  (judge: Judge): Judge =>
  (args, op) =>
    args.some(({ type }) => type === null) ? stays(`${op} with the literal null is not native`) : judge(args, op)

const comparison = noNull(comparable)
const arithmetic = noNull(numbers)
const text = noNull(any)

/** Values of one type, and conditions. */
const choice: Judge = (args, op) => {
  const misfit = comparable(args, op)
  if (misfit !== undefined) return misfit
  const isTime = ({ type, literal }: Typed): boolean =>
    literal === undefined && type !== null && familyOf(type) === 'time'
  const isDate = ({ literal }: Typed): boolean => literal?.value instanceof Date
  return args.some(isDate) && !args.some(isTime) ? stays(`${op} of no times but literals is not native`) : undefined
}

const ofColumn =
  (judge: Judge): Judge =>
  (args, op) =>
    args[0]!.literal === undefined ? judge(args, op) : stays(`${op} of a literal is not native`)

const natives = {
  eq: comparison,
  ne: comparison,
  lt: comparison,
  le: comparison,
  gt: comparison,
  ge: comparison,
  in: comparable,
  and: any,
  or: any,
  not: any,
  isNull: any,
  isNotNull: any,
  add: arithmetic,
  sub: arithmetic,
  mul: arithmetic,
  div: arithmetic,
  mod: arithmetic,
  neg: arithmetic,
  length: text,
  contains: text,
  startsWith: text,
  endsWith: text,
  concat: text,
  substring: text,
  trim: text,
  trimStart: text,
  trimEnd: text,
  coalesce: choice,
  nullIf: ofColumn(comparison),
  when: choice,
} satisfies Partial<Record<CallNode['op'], Judge>>

export type NativeOp = keyof typeof natives

const isNative = (op: string): op is NativeOp => Object.hasOwn(natives, op)

/** How deep the native side lets expressions nest. */
const MAX_DEPTH = 100

/** A column of the batch at a point of the program. */
export interface Place {
  readonly column: number
  readonly type: ColumnType
}

export type Places = ReadonlyMap<string, Place>

export const fieldsOf = (places: Places): readonly Field[] => [...places].map(([name, { type }]) => ({ name, type }))

/** An expression as the native side reads it, or why it can not. */
export const lowerExpr = (node: Node, places: Places): NativeExpr | Stays =>
  lowerNode(node, places, fieldsOf(places), 1)

/** Whether the native side can compute it. `fields`: undefined where types are not known: then it can not. */
export const isNativeExpr = (node: Node, fields: readonly Field[] | undefined): boolean => {
  if (fields === undefined) return false
  const places = new Map(fields.map(({ name, type }, column): [string, Place] => [name, { column, type }]))
  return !('reason' in lowerExpr(node, places))
}

const lowerNode = (node: Node, places: Places, fields: readonly Field[], depth: number): NativeExpr | Stays => {
  if (depth > MAX_DEPTH) return stays(`it nests deeper than ${MAX_DEPTH} levels`)
  if (node.kind === 'col') {
    const place = places.get(node.name)
    return place === undefined ? stays(`there is no column ${node.name} yet`) : ['col', place.column]
  }
  if (node.kind === 'lit') return literal(node.value, undefined)
  const { op } = node
  if (!isNative(op)) return stays(`${op} is not native`)
  const args = op === 'and' || op === 'or' ? chain(node) : node.args
  const types = args.map((arg) => typed(arg, fields))
  const misfit = natives[op](types, op)
  if (misfit !== undefined) return misfit
  // In a choice literals stand for a value of what it gives.
  const beside =
    natives[op] === choice ? typed(node, fields).type : types.find((arg) => arg.literal === undefined)?.type
  const lowered: NativeExpr[] = []
  for (const arg of args) {
    const one = arg.kind === 'lit' ? literal(arg.value, beside) : lowerNode(arg, places, fields, depth + 1)
    if ('reason' in one) return one
    lowered.push(one)
  }
  return [op, ...lowered]
}

/** The terms of a.or(b).or(c): one level, however long. */
const chain = (node: CallNode): readonly Node[] => {
  const terms: Node[] = []
  const rest: Node[] = [node]
  for (let at = rest.pop(); at !== undefined; at = rest.pop()) {
    if (at.kind === 'call' && at.op === node.op) rest.push(...at.args.toReversed())
    else terms.push(at)
  }
  return terms
}

const literal = (value: Literal, beside: ColumnType | null | undefined): NativeExpr | Stays => {
  if (value === null) return ['lit', null]
  // Also as a condition beside times.
  if (typeof value === 'boolean') return ['lit', { b: value }]
  if (beside != null && familyOf(beside) === 'time') {
    const time = literalTime(value)
    const unit = nanoseconds(beside)
    if (time !== null && time % unit === 0n) return ['lit', { i: String(time / unit) }]
    return stays(`the literal ${print({ kind: 'lit', value })} is no whole number of the units of ${typeText(beside)}`)
  }
  switch (typeof value) {
    case 'bigint':
      return ['lit', { i: String(value) }]
    case 'string':
      return value.isWellFormed() ? ['lit', { s: value }] : stays('a literal is no well-formed text')
    case 'number':
      return numberLiteral(value)
    default:
      return stays(`the literal ${print({ kind: 'lit', value })} is not native`)
  }
}

const numberLiteral = (value: number): NativeExpr | Stays => {
  if (Object.is(value, -0)) return ['lit', { i: '-0' }]
  if (!Number.isFinite(value)) return ['lit', { f: String(value) as 'NaN' | 'Infinity' | '-Infinity' }]
  if (!Number.isInteger(value)) return ['lit', { f: value }]
  // Beyond, it is a float, for which JSON's parsers refuse the digits that JavaScript writes.
  return Math.abs(value) < 2 ** 63 ? ['lit', { i: String(BigInt(value)) }] : stays(`the literal ${value} is not native`)
}
