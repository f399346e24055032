/** What an operator is: how it is printed, typed, computed and documented. The operators themselves: operators/. */
import type { SchemaLiteral } from '../schema.ts'
import type { Rule } from './rules.ts'
import type { Kernel } from './vector.ts'

export interface Operator {
  /** As it is printed. */
  readonly symbol: string
  /** infix `a + b`, prefix `-a`, postfix `a is null`, list `a in (b, c)`, call `length(a)`, member `a.name`. */
  readonly form: 'infix' | 'prefix' | 'postfix' | 'list' | 'call' | 'member'
  /** How strongly it binds when printed; arguments that bind less stand in parentheses. */
  readonly binds: number
  readonly rule: Rule
  readonly kernel: Kernel
  /** About how much a row costs, as multiples of comparing two numbers: what filters are ordered by. */
  readonly cost: number
  /** Some rows may have no value (an integer past 64 bits): such a row is an error, reported with its offset. */
  readonly fallible: boolean
  readonly doc: OperatorDoc
}

/** One line of docs/expressions.md. */
export interface OperatorDoc {
  /** As a program writes it: `a.add(b)`. */
  readonly call: string
  /** `number, number -> int64 or float64` */
  readonly types: string
  readonly text: string
  /** Default: null where an argument is null. */
  readonly nulls?: string
  /** Default: none. */
  readonly errors?: string
  readonly example: Example
}

/** Run by test/unit/expressions.test.ts: `expr` over the rows gives `result`, a value a row. */
export interface Example {
  readonly columns: SchemaLiteral
  readonly rows: readonly (readonly unknown[])[]
  readonly expr: string
  readonly result: readonly unknown[]
}

/** Binds as strongly as an operand: never in parentheses. */
export const CALL = 9

/** A function that is printed as `name(arguments)`. */
export function call(
  symbol: string,
  parts: Omit<Operator, 'symbol' | 'form' | 'binds' | 'fallible'> & { readonly fallible?: boolean },
): Operator {
  return { fallible: false, ...parts, symbol, form: 'call', binds: CALL }
}
