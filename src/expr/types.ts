/** The types of expressions at compile time: what typing.ts finds when a plan is built, the compiler finds before. */
import type { AnyType, PlainTypeName, TimeUnit } from '../schema.ts'
import type {
  ArithmeticOp,
  CallNode,
  CastOp,
  ChoiceOp,
  ColNode,
  CompareOp,
  Literal,
  LitNode,
  LogicOp,
  Node,
  OpName,
  TimeMoveOp,
  TimeParseOp,
} from './nodes.ts'

import type { Groups, Signatures } from './signatures.ts'

/** What the compiler shows where an expression does not fit. */
export interface Problem<Message extends string = string> {
  readonly 'this expression does not fit': Message
}

/** The columns that every message has, by name. */
export interface MessageTypes {
  /** As the option `key` says; where a shape says nothing of it (`KeyIs`), only the run knows. */
  readonly $key: AnyType
  readonly $topic: 'utf8'
  readonly $partition: 'int32'
  readonly $offset: 'int64'
  readonly $timestamp: 'timestamp[ms]'
  readonly $headers: readonly [{ readonly key: 'utf8'; readonly value: 'binary' }]
}

/** No value: the member of a shape that says what `$key` is. It is no column, so it goes through steps and is in no row. */
export declare const keyType: unique symbol

/** A shape of messages whose key is of this type, where the compiler knows it. */
export interface KeyIs<K> {
  readonly [keyType]: K
}

/** What a shape says of the key, for a shape made of it. */
export type KeyOf<S> = S extends KeyIs<infer K> ? KeyIs<K> : unknown

type WithKey<S> = S extends KeyIs<infer K> ? ('$key' extends keyof S ? S : S & { readonly $key: K }) : S

/** The type of a node over a shape, as a schema literal has it; a Problem where it does not fit. */
export type TypeOf<N, S> = Plain<Find<N, S>>

type Plain<T> = T extends 'text'
  ? 'utf8'
  : T extends 'whole'
    ? 'int64'
    : T extends 'instant'
      ? 'timestamp[ms]'
      : T extends 'null'
        ? AnyType
        : T

type Find<N, S> = Node extends N
  ? AnyType
  : N extends ColNode<infer Name>
    ? TypeOfColumn<Name, S>
    : N extends LitNode<infer Value>
      ? TypeOfLiteral<Value>
      : N extends CallNode<CastOp, readonly [infer Value, LitNode<infer T>]>
        ? Cast<Find<Value, S>, T>
        : N extends CallNode<TimeParseOp, readonly [infer Value, LitNode<infer T>]>
          ? Parsed<Find<Value, S>, T>
          : N extends CallNode<infer Op, infer Args>
            ? Op extends 'field'
              ? FieldOf<Find<Args[0], S>, Args[1]>
              : TypeOfCall<Op, { readonly [I in keyof Args]: Find<Args[I], S> }>
            : AnyType

export type TypeOfColumn<Name extends string, S> = string extends Name
  ? AnyType
  : Name extends keyof S
    ? S[Name]
    : string extends keyof S
      ? AnyType
      : Name extends keyof WithKey<S>
        ? WithKey<S>[Name]
        : Name extends keyof MessageTypes
          ? MessageTypes[Name]
          : PathIn<Name, WithKey<S>>

/** `a.b`: the field b of the column a; the shortest that is a column, where several are. */
type PathIn<
  Name extends string,
  S,
  Column extends string = '',
  Rest extends string = Name,
> = Rest extends `${infer First}.${infer Path}`
  ? `${Column}${First}` extends keyof S
    ? AtPath<S[`${Column}${First}`], Path>
    : PathIn<Name, S, `${Column}${First}.`, Path>
  : Problem<`there is no column "${Name}"; the columns here: ${keyof S & string}`>

type AtPath<T, Path extends string> = Path extends `${infer First}.${infer Rest}`
  ? AtPath<FieldNamed<T, First>, Rest>
  : FieldNamed<T, Path>

type FieldOf<T, Name> = Name extends LitNode<infer Field extends string> ? FieldNamed<T, Field> : AnyType

type FieldNamed<T, Field extends string> = T extends Problem | AnyType
  ? T
  : Family<T> extends 'struct'
    ? string extends Field
      ? AnyType
      : Field extends keyof T
        ? T[Field]
        : Problem<`there is no field "${Field}" in the struct; its fields: ${keyof T & string}`>
    : Problem<`a field is of a struct, not of ${Name<T>}`>

/** The type of a list's items. */
type ItemOf<T> = T extends readonly [infer Item] ? Item : AnyType

/** Literals stand for what is beside them: 'text' for a time or a decimal too, 'whole' for any number, 'instant' for any time. */
type TypeOfLiteral<Value> = Value extends null
  ? 'null'
  : Value extends boolean
    ? 'bool'
    : Value extends bigint
      ? 'whole'
      : Value extends number
        ? number extends Value
          ? 'whole' | 'float64'
          : `${Value}` extends `${bigint}`
            ? 'whole'
            : 'float64'
        : Value extends string
          ? 'text'
          : Value extends Date
            ? 'instant'
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
      : T extends PlainTypeName | 'whole'
        ? 'int'
        : T extends `timestamp[${TimeUnit}]` | 'instant'
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
        : Op extends TimeMoveOp | 'difference'
          ? Moved<Op, Args>
          : Op extends ChoiceOp
            ? Choice<Op, Args>
            : Op extends 'element' | 'listContains'
              ? InList<Op, Args>
              : Op extends keyof Signatures
                ? [Misplaced<Args, Signatures[Op]['args']>] extends [never]
                  ? Signatures[Op]['gives']
                  : Problem<`${Op} does not take ${Misplaced<Args, Signatures[Op]['args']>}`>
                : 'bool'
  : Extract<Args[number], Problem>

/** The target where each type that the value may have can become it. */
type Cast<From, T> = [Extract<From, Problem>] extends [never]
  ? [From extends unknown ? (`${Role<From>}:${Role<T>}` extends Castable ? never : From) : never] extends [never]
    ? T
    : Problem<`${Name<From>} can not become ${T & string}`>
  : Extract<From, Problem>

type Parsed<From, T> = [Extract<From, Problem>] extends [never]
  ? [Exclude<Family<From>, 'utf8' | 'text' | AnyType>] extends [never]
    ? T
    : Problem<`${Name<From>} is no text`>
  : Extract<From, Problem>

/** A time stays of its type; the difference of two is a number. */
type Moved<Op, Args extends readonly unknown[]> = [Exclude<Family<Args[0]>, Time>] extends [never]
  ? Op extends 'truncate'
    ? Args[0]
    : Op extends 'difference'
      ? [Exclude<Family<Args[1]>, Time | 'text'>] extends [never]
        ? 'int64'
        : Problem<`${Name<Args[1]>} is no time`>
      : [Exclude<Family<Args[1]>, 'int' | AnyType>] extends [never]
        ? Args[0]
        : Problem<`the amount is an integer, not ${Name<Args[1]>}`>
  : Problem<`${Name<Args[0]>} is no time`>

type Time = 'date' | 'timestamp' | AnyType

type Role<T> =
  Family<T> extends infer F ? (F extends 'text' ? 'utf8' : F extends 'date' | 'timestamp' ? 'time' : F & string) : never

/** As casts.ts has it for the run. */
type Castable =
  | `any:${string}`
  | `${'bool' | 'int' | 'float' | 'utf8'}:${'bool' | 'int' | 'float' | 'utf8'}`
  | `${'int' | 'float' | 'utf8' | 'decimal'}:decimal`
  | `decimal:${'int' | 'float' | 'utf8'}`
  | `${'int' | 'utf8' | 'time'}:time`
  | `time:${'int' | 'utf8'}`
  | 'utf8:binary'
  | 'binary:binary'
  | 'binary:utf8'

type Choice<Op, Args extends readonly unknown[]> = Op extends 'coalesce'
  ? Common<Args>
  : Op extends 'when'
    ? Branches<Args>
    : [Args[0], Args[1]] extends [object, object] & [Args[1], Args[0]]
      ? Args[0]
      : [Incomparable<Args[0], Args[1]>] extends [never]
        ? Args[0]
        : Problem<`${Name<Args[0]>} can not be compared with ${Name<Incomparable<Args[0], Args[1]>>}`>

/** Conditions and values in turn, then the value of `otherwise`: what the values have in common. */
type Branches<
  Args extends readonly unknown[],
  Values extends readonly unknown[] = readonly [],
> = Args extends readonly [infer P, infer X, ...infer Rest]
  ? [Exclude<Family<P>, 'bool' | AnyType>] extends [never]
    ? Branches<Rest, readonly [...Values, X]>
    : Problem<`a condition is bool, not ${Exclude<Name<P>, 'bool'>}`>
  : Args extends readonly [infer Last]
    ? Common<readonly [...Values, Last]>
    : AnyType

/** The one type of all; number-typed values that are not known make a union of what they may be. */
type Common<Args extends readonly unknown[], Found = 'null'> = Args extends readonly [infer First, ...infer Rest]
  ? Common<Rest, Joined<Found, First>>
  : Args extends readonly []
    ? Found
    : AnyType

type Joined<A, B> = A extends unknown ? (B extends unknown ? Pair<A, B> : never) : never

type Pair<A, B> = A extends Problem | AnyType
  ? A
  : B extends Problem | AnyType
    ? B
    : A extends 'null'
      ? B
      : B extends 'null'
        ? A
        : [A, B] extends [B, A]
          ? A
          : StandsFor<A, B> extends true
            ? B
            : StandsFor<B, A> extends true
              ? A
              : `${Family<A>}:${Family<B>}` extends 'int:int'
                ? 'uint64' extends A | B
                  ? NothingInCommon<A, B>
                  : 'int64'
                : `${Family<A>}:${Family<B>}` extends `${'int' | 'float'}:${'int' | 'float'}`
                  ? 'float64'
                  : NothingInCommon<A, B>

/** A literal that may be one of the other's type. */
type StandsFor<Literal, T> = `${Literal & string}:${Family<T>}` extends
  | 'whole:int'
  | `${'whole' | 'float64' | 'text'}:decimal`
  | `text:${'utf8' | 'date' | 'timestamp'}`
  | `instant:${'date' | 'timestamp'}`
  ? true
  : false

type NothingInCommon<A, B> = Problem<`${Name<A>} and ${Name<B>} have no type in common; cast one of them`>

type InList<Op, Args extends readonly unknown[]> = [Misplaced<[Args[0]], ['list']>] extends [never]
  ? Op extends 'element'
    ? [Misplaced<[Args[1]], ['int']>] extends [never]
      ? ItemOf<Args[0]>
      : Problem<`an item is found by an integer, not by ${Name<Args[1]>}`>
    : [Incomparable<ItemOf<Args[0]>, Args[1]>] extends [never]
      ? 'bool'
      : Problem<`items of ${Name<ItemOf<Args[0]>>} can not be compared with ${Name<Args[1]>}`>
  : Problem<`${Op & string} takes a list, not ${Name<Args[0]>}`>

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
    ? Sum<Addend<Args[0]>, Addend<Args[0]>>
    : Sum<Addend<Args[0]>, Addend<Args[1]>>

/** A null literal makes no float of the others. */
type Addend<T> = T extends 'null' ? 'int' : Family<T>

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
