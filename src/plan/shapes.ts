/** The shapes of columns, at compile time: what a source says of them, and what each step makes of them. bind.ts does the same for a plan. */
import type { FitAll, TypesOf } from '../expr/columns.ts'
import type { Expr, Literal } from '../expr/expr.ts'
import type { KeyIs, KeyOf, MessageTypes, TypeOfColumn } from '../expr/types.ts'
import type { AnySchema, AnyType, TypeLiteral } from '../schema.ts'

/** The names that can stand in `select`. */
export type NameIn<S> = (keyof S & string) | keyof MessageTypes

/** What gives a column a value: an expression, or a literal that stands for itself. */
export type ColumnValue = Expr | Literal

type Simplify<T> = { readonly [K in keyof T]: T[K] }

/** `unknown` where the expressions of a part of `select` fit the shape. */
export type FitPart<Part, S> = Part extends string ? unknown : FitAll<Part, S>

type Intersect<U> = (U extends unknown ? (one: U) => void : never) extends (all: infer I) => void ? I : never

type SelectedPart<S, Part> = Part extends string ? { readonly [K in Part]: TypeOfColumn<K, S> } : TypesOf<Part, S>

/** The shape after `select`. */
export type Selected<S, Parts extends readonly unknown[]> = Simplify<
  Intersect<{ [I in keyof Parts]: SelectedPart<S, Parts[I]> }[number]>
> &
  KeyOf<S>

/** The shape after `withColumns`. */
export type Extended<S, C> = {
  readonly [K in keyof S | keyof C]: K extends keyof C ? TypesOf<C, S>[K] : K extends keyof S ? S[K] : never
}

/** The shape after `rename`. */
export type Renamed<S, R> = {
  readonly [K in keyof S as K extends keyof R ? (R[K] extends string ? R[K] : K) : K]: S[K]
}

/** The shape after `drop`. */
export type Dropped<S, Name> = { readonly [K in keyof S as Exclude<K, Name>]: S[K] }

/** The names of columns that hold lists, as far as the shape tells. */
export type ListIn<S> = { readonly [K in keyof S]: S[K] extends readonly [unknown] | AnyType ? K : never }[keyof S] &
  string

/** The shape after `unnest`. */
export type Unnested<S, Name> = {
  readonly [K in keyof S]: K extends Name ? (S[K] extends readonly [infer Item] ? Item : S[K]) : S[K]
}

export type SelectPart<S> = NameIn<S> | { readonly [name: string]: ColumnValue }

/** A schema that the program makes at run time tells the compiler nothing. */
export type Known<S> = string extends keyof S ? AnySchema : S

/** With what the options `key` and `keySchema` say of the key: never where they are not given. */
export type Keyed<S, K, Key> = [K | Key] extends [never]
  ? S
  : string extends keyof S
    ? S
    : S & KeyIs<[K] extends [never] ? KeyTypeOf<Key> : KnownType<K>>

/** One that is chosen at run time tells the compiler nothing. */
type KeyTypeOf<Key, All = Key> = Key extends keyof KeyTypes ? ([All] extends [Key] ? KeyTypes[Key] : AnyType) : never

export type KeyOption = keyof KeyTypes

interface KeyTypes {
  readonly bytes: 'binary'
  readonly string: 'utf8'
  readonly int32: 'int32'
  readonly int64: 'int64'
  readonly float64: 'float64'
  readonly json: AnyType
}

/** The option `key`, as the compiler sees it. */
export interface KeyChoice<Key> {
  readonly key?: Key | undefined
}

type KnownType<T> = TypeLiteral extends T ? AnyType : T extends object ? (string extends keyof T ? AnyType : T) : T
