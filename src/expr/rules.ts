/** The typing rules of operators: from the types of the arguments to that of the result, or what is wrong. */
import { didYouMean } from '../errors.ts'
import { type ColumnType, type PlainTypeName, typeText } from '../schema.ts'
import { literalDecimal, literalTime } from './literals.ts'
import type { Literal } from './nodes.ts'

/** An argument: its type, and its value where it is a literal. A null literal has no type of its own. */
export interface Typed {
  readonly type: ColumnType | null
  readonly literal?: { readonly value: Literal }
}

/** What is wrong, as the end of a sentence that names the expression. */
export interface Misfit {
  readonly problem: string
  readonly code: 'SCHEMA' | 'UNSUPPORTED'
}

export type Rule = (args: readonly Typed[]) => ColumnType | Misfit

export const misfit = (problem: string): Misfit => ({ problem, code: 'SCHEMA' })
export const unsupported = (problem: string): Misfit => ({ problem, code: 'UNSUPPORTED' })
const bool: ColumnType = Object.freeze({ kind: 'bool' })
const int64: ColumnType = Object.freeze({ kind: 'int64' })
const float64: ColumnType = Object.freeze({ kind: 'float64' })

export type Family = 'int' | 'float' | 'text' | 'bytes' | 'bool' | 'time' | 'decimal' | 'nested'

/** Types that kernels treat alike. */
export function familyOf(type: ColumnType): Family {
  switch (type.kind) {
    case 'bool':
      return 'bool'
    case 'utf8':
      return 'text'
    case 'binary':
      return 'bytes'
    case 'float32':
    case 'float64':
      return 'float'
    case 'date':
    case 'timestamp':
      return 'time'
    case 'decimal':
      return 'decimal'
    case 'list':
    case 'struct':
      return 'nested'
    default:
      return 'int'
  }
}

/** eq, ne, lt, le, gt, ge. */
export const compareRule: Rule = ([left, right]) => comparable(left!, right!) ?? bool

/** in: the first argument with each of the others. */
export const inRule: Rule = ([sought, ...values]) => {
  if (sought!.type !== null && familyOf(sought!.type) === 'nested') return nested(sought!.type)
  return values.map((value) => comparable(sought!, value)).find((problem) => problem !== null) ?? bool
}

export function comparable(left: Typed, right: Typed): Misfit | null {
  for (const { type } of [left, right]) if (type !== null && familyOf(type) === 'nested') return nested(type)
  if (left.type === null || right.type === null || familyOf(left.type) === familyOf(right.type)) return null
  const found = beside(left, right) ?? beside(right, left)
  if (found === 'fits') return null
  return found ?? misfit(`${name(left)} can not be compared with ${name(right)}`)
}

const nested = (type: ColumnType): Misfit => unsupported(`a ${type.kind} can not be compared in this version`)

/** Whether `one` can stand beside `other` of another family; null: this says nothing of the pair. */
function beside(one: Typed, other: Typed): 'fits' | Misfit | null {
  const [a, b] = [familyOf(one.type!), familyOf(other.type!)]
  const value = one.literal?.value
  if (a === 'int' && (b === 'float' || b === 'decimal')) return 'fits'
  if (a === 'text' && b === 'time' && value !== undefined) {
    if (literalTime(value) !== null) return 'fits'
    return misfit(`${text(value)} beside ${typeText(other.type!)} is no ISO 8601 date or time`)
  }
  if ((a === 'text' || a === 'float') && b === 'decimal' && value !== undefined) {
    if (literalDecimal(value) !== null) return 'fits'
    return misfit(`${text(value)} beside ${typeText(other.type!)} is no decimal number`)
  }
  if (a === 'float' && b === 'decimal') {
    return unsupported('a decimal can not be compared with a float exactly; cast one of them')
  }
  return null
}

/** add, sub, mul, mod: int64 of integers, float64 where one side is a float. */
export const arithmeticRule: Rule = (args) => {
  const problem = notNumbers(args)
  if (problem !== null) return problem
  return args.some(({ type }) => type !== null && familyOf(type) === 'float') ? float64 : int64
}

/** div: always float64. */
export const divideRule: Rule = (args) => notNumbers(args) ?? float64

function notNumbers(args: readonly Typed[]): Misfit | null {
  for (const arg of args) {
    if (arg.type === null) continue
    const family = familyOf(arg.type)
    if (family === 'decimal')
      return unsupported(`arithmetic on decimals is not in this version; cast it first: .cast('float64')`)
    if (family !== 'int' && family !== 'float') return misfit(`it takes numbers, and ${name(arg)} is none`)
  }
  return null
}

/** and, or, not. */
export const logicRule: Rule = (args) => {
  for (const arg of args) {
    if (arg.type !== null && arg.type.kind !== 'bool') return misfit(`it takes bool, and ${name(arg)} is none`)
  }
  return bool
}

/** element: of a list and a place. */
export const elementRule: Rule = ([list, place]) => {
  if (list!.type?.kind !== 'list') return misfit(`it takes a list, and ${name(list!)} is none`)
  if (place!.type !== null && familyOf(place!.type) !== 'int') {
    return misfit(`it takes an integer for the place, and ${name(place!)} is none`)
  }
  return list!.type.item
}

/** contains of a list: the value beside an item. */
export const listContainsRule: Rule = ([list, value]) => {
  if (list!.type === null) return bool
  if (list!.type.kind !== 'list') return misfit(`it takes a list, and ${name(list!)} is none`)
  return comparable({ type: list!.type.item }, value!) ?? bool
}

/** field: of a struct, by its name. */
export const fieldRule: Rule = ([struct, field]) => {
  const wanted = String(field!.literal!.value)
  if (struct!.type?.kind !== 'struct') return misfit(`it takes a struct, and ${name(struct!)} is none`)
  const found = struct!.type.fields.find((one) => one.name === wanted)
  if (found !== undefined) return found.type
  const names = struct!.type.fields.map((one) => one.name)
  return misfit(`there is no field "${wanted}".${didYouMean(wanted, names)} The fields here: ${names.join(', ')}`)
}

/** isNull, isNotNull. */
export const nullRule: Rule = () => bool

/** What an argument of a function may be. A group fits where the type's family is of it. */
export type Group = Exclude<Family, 'nested'> | 'number' | 'list' | 'struct' | 'scalar' | 'any'

/**
 * The rule of a function of fixed types: `args` one an argument, the last one of all that follow where `rest` is true;
 * a null literal fits every group.
 */
export function takes(of: {
  readonly args: readonly Group[]
  readonly rest?: boolean
  readonly gives: PlainTypeName | ColumnType
}): Rule {
  const result: ColumnType = Object.freeze(typeof of.gives === 'string' ? { kind: of.gives } : of.gives)
  return (given) => {
    for (const [i, arg] of given.entries()) {
      const group = of.args[i] ?? (of.rest === true ? of.args.at(-1)! : 'any')
      if (arg.type !== null && !inGroup(group, arg.type)) {
        return misfit(`it takes ${groupText[group]}, and ${name(arg)} is none`)
      }
    }
    return result
  }
}

function inGroup(group: Group, type: ColumnType): boolean {
  const family = familyOf(type)
  switch (group) {
    case 'any':
      return true
    case 'number':
      return family === 'int' || family === 'float'
    case 'list':
    case 'struct':
      return type.kind === group
    case 'scalar':
      return family !== 'nested'
    default:
      return family === group
  }
}

const groupText: Readonly<Record<Group, string>> = {
  int: 'an integer',
  float: 'a float',
  number: 'numbers',
  text: 'utf8',
  bytes: 'binary',
  bool: 'bool',
  time: 'a date or timestamp',
  decimal: 'a decimal',
  list: 'a list',
  struct: 'a struct',
  scalar: 'no list and no struct',
  any: 'anything',
}

export const name = ({ type, literal }: Typed): string =>
  literal !== undefined ? `the literal ${text(literal.value)}` : typeText(type!)

const text = (value: Literal): string =>
  typeof value === 'string' ? JSON.stringify(value.length > 40 ? `${value.slice(0, 37)}...` : value) : String(value)
