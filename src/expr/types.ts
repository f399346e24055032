/** The types of expressions at compile time: what typing.ts finds when a plan is built, the compiler finds before. */
import type { AnyType, PlainTypeName, TimeUnit } from '../schema.ts'
import type { ArithmeticOp, CallNode, ColNode, CompareOp, Literal, LitNode, LogicOp, Node, OpName } from './nodes.ts'

import type { Groups, Signatures } from './signatures.ts'

/** What the compiler shows where an expression does not fit. */
export interface Problem<Message extends string = string> {
  readonly 'this expression does not fit': Message
}

/** The columns that every message has, by name. */
export interface MessageTypes {
  readonly $key: 'utf8' | 'binary'
  readonly $topic: 'utf8'
  readonly $partition: 'int32'
  readonly $offset: 'int64'
  readonly $timestamp: 'timestamp[ms]'
  readonly $headers: readonly [{ readonly key: 'utf8'; readonly value: 'binary' }]
}

/** The type of a node over a shape, as a schema literal has it; a Problem where it does not fit. */
export type TypeOf<N, S> = Plain<Find<N, S>>

type Plain<T> = T extends 'text' ? 'utf8' : T extends 'null' ? AnyType : T

type Find<N, S> = Node extends N
  ? AnyType
  : N extends ColNode<infer Name>
    ? TypeOfColumn<Name, S>
    : N extends LitNode<infer Value>
      ? TypeOfLiteral<Value>
      : N extends CallNode<infer Op, infer Args>
        ? TypeOfCall<Op, { readonly [I in keyof Args]: Find<Args[I], S> }>
        : AnyType

export type TypeOfColumn<Name extends string, S> = string extends Name
  ? AnyType
  : Name extends keyof S
    ? S[Name]
    : string extends keyof S
      ? AnyType
      : Name extends keyof MessageTypes
        ? MessageTypes[Name]
        : Problem<`there is no column "${Name}"; the columns here: ${keyof S & string}`>

/** 'text' is a string literal, which beside a time or a decimal stands for one of that. */
type TypeOfLiteral<Value> = Value extends null
  ? 'null'
  : Value extends boolean
    ? 'bool'
    : Value extends bigint
      ? 'int64'
      : Value extends number
        ? number extends Value
          ? 'int64' | 'float64'
          : `${Value}` extends `${bigint}`
            ? 'int64'
            : 'float64'
        : Value extends string
          ? 'text'
          : Value extends Date
            ? 'timestamp[ms]'
            : Value extends Uint8Array
              ? 'binary'
              : AnyType

/** Types that behave alike. */
type Family<T> = T extends AnyType | 'null'
  ? AnyType
  : T extends 'float32' | 'float64'
    ? 'float'
    : T extends 'bool' | 'utf8' | 'binary' | 'date' | 'text'
      ? T
      : T extends PlainTypeName
        ? 'int'
        : T extends `timestamp[${TimeUnit}]`
          ? 'timestamp'
          : T extends string
            ? 'decimal'
            : T extends readonly unknown[]
              ? 'list'
              : 'struct'

type Families = 'any' | 'float' | 'int' | 'bool' | 'utf8' | 'binary' | 'date' | 'text' | 'timestamp' | 'decimal'

type Comparable =
  | { [F in Families]: `${F}:${F}` }[Families]
  | `any:${string}`
  | `${string}:any`
  | 'int:float'
  | 'float:int'
  | 'text:utf8'
  | 'utf8:text'
  | `text:${'date' | 'timestamp' | 'decimal'}`
  | `${'date' | 'timestamp' | 'decimal'}:text`
  | 'date:timestamp'
  | 'timestamp:date'
  | `decimal:${'int' | 'float'}`
  | `${'int' | 'float'}:decimal`

/** Those of `Right` that can be compared with nothing of `Left`. */
type Incomparable<Left, Right> = Right extends unknown
  ? [Extract<`${Family<Left>}:${Family<Right>}`, Comparable>] extends [never]
    ? Right
    : never
  : never

type Name<T> =
  Plain<T> extends infer P ? (P extends string ? P : P extends readonly unknown[] ? 'a list' : 'a struct') : never

type TypeOfCall<Op extends OpName, Args extends readonly unknown[]> = [Extract<Args[number], Problem>] extends [never]
  ? Op extends CompareOp | 'in'
    ? [Incomparable<Args[0], Args[1]>] extends [never]
      ? 'bool'
      : Problem<`${Name<Args[0]>} can not be compared with ${Name<Incomparable<Args[0], Args[1]>>}`>
    : Op extends LogicOp | 'not'
      ? [Exclude<Family<Args[number]>, 'bool' | AnyType>] extends [never]
        ? 'bool'
        : Problem<`${Op} takes bool, not ${Exclude<Name<Args[number]>, 'bool'>}`>
      : Op extends ArithmeticOp | 'neg'
        ? [Exclude<Family<Args[number]>, 'int' | 'float' | AnyType>] extends [never]
          ? Arithmetic<Op, Args>
          : Problem<`${Op} takes numbers, not ${NotNumbers<Args[number]>}`>
        : Op extends keyof Signatures
          ? [Misplaced<Args, Signatures[Op]['args']>] extends [never]
            ? Signatures[Op]['gives']
            : Problem<`${Op} does not take ${Misplaced<Args, Signatures[Op]['args']>}`>
          : 'bool'
  : Extract<Args[number], Problem>

/** The names of arguments that are not of their group. One that may be of several types needs to fit with one. */
type Misplaced<Args extends readonly unknown[], Takes extends readonly (keyof Groups)[]> = {
  [I in keyof Args]: [
    Extract<
      Family<Args[I]>,
      Groups[I extends keyof Takes ? (Takes[I] extends keyof Groups ? Takes[I] : never) : Last<Takes>] | AnyType
    >,
  ] extends [never]
    ? Name<Args[I]>
    : never
}[number]

type Last<T extends readonly unknown[]> = T extends readonly [...unknown[], infer L extends keyof Groups] ? L : never

type NotNumbers<T> = T extends unknown ? (Family<T> extends 'int' | 'float' | AnyType ? never : Name<T>) : never

/** A number whose value the compiler does not know may be either: then so is the result. */
type Arithmetic<Op, Args extends readonly unknown[]> = Op extends 'div'
  ? 'float64'
  : Op extends 'neg'
    ? Sum<Family<Args[0]>, Family<Args[0]>>
    : Sum<Family<Args[0]>, Family<Args[1]>>

type Sum<A, B> = A extends 'float'
  ? 'float64'
  : B extends 'float'
    ? 'float64'
    : AnyType extends A | B
      ? AnyType
      : 'int64'

/** `unknown` where a node fits a shape (and has the wanted type), what is wrong otherwise: for `Expr<N> & Fits<N, S>`. */
export type Fits<N, S, Wanted = unknown> = [Extract<TypeOf<N, S>, Problem>] extends [never]
  ? unknown extends Wanted
    ? unknown
    : [Extract<TypeOf<N, S>, Wanted | AnyType>] extends [never]
      ? Problem<`${Name<TypeOf<N, S>>} stands where ${Wanted & string} is wanted`>
      : unknown
  : Extract<TypeOf<N, S>, Problem>

/** Whatever a step takes for a value: the node of an expression, or of the literal itself. */
export type NodeOf<V> = V extends { readonly node: infer N } ? N : V extends Literal ? LitNode<V> : never
