/** Expressions and the columns around them: which they read, what they give, what a typed lambda is handed. */
import { didYouMean, SabotError } from '../errors.ts'
import type { ColumnType, Field } from '../schema.ts'
import { col, Expr } from './expr.ts'
import { type ColNode, callNode, columnsOf, conjunctsOf, type Node, withColumnNames, withPaths } from './nodes.ts'
import type { Fits, MessageTypes, NodeOf, TypeOf } from './types.ts'
import { typeOf } from './typing.ts'

const nodeOf = (expr: Expr<unknown>): Node => expr.node as Node

/** The columns of a shape, as a typed lambda gets them: `(b) => b.amount.gt(1000)`. */
export type ColumnsOf<S> = { readonly [Name in keyof S & string]: Expr<ColNode<Name>> } & {
  readonly [Name in Exclude<keyof MessageTypes, keyof S>]: Expr<ColNode<Name>>
}

/** The object that a typed lambda gets. A name that is not in `names` throws SCHEMA; undefined: any name may be used. */
export function columnsFor<S>(names: readonly string[] | undefined): ColumnsOf<S> {
  return new Proxy(Object.freeze({}) as ColumnsOf<S>, {
    get(_, name) {
      if (typeof name !== 'string') return undefined
      if (names === undefined || names.includes(name)) return col(name)
      throw new SabotError(
        'SCHEMA',
        `There is no column "${name}".${didYouMean(name, names)} The columns here: ${names.join(', ') || 'none'}.`,
        { where: { column: name } },
      )
    },
  })
}

/** With `a.b` as the field b of the column a, where `names` has a and no `a.b`. */
export function exprWithPaths<N>(expr: Expr<N>, names: readonly string[]): Expr<N> {
  const node = withPaths(nodeOf(expr), names)
  return node === expr.node ? expr : (new Expr(node) as never)
}

/** An expression with other columns' names; itself where none is another. */
export function exprRenamed(expr: Expr<unknown>, rename: (name: string) => string): Expr {
  const node = nodeOf(expr)
  return new Expr(columnsOf(node).every((name) => rename(name) === name) ? node : withColumnNames(node, rename))
}

/** Names of the columns that an expression reads. */
export function exprColumns(expr: Expr<unknown>): readonly string[] {
  return columnsOf(nodeOf(expr))
}

/** The type of an expression over these columns. Throws SCHEMA or UNSUPPORTED where it does not fit them. */
export function exprType(expr: Expr<unknown>, fields: readonly Field[]): ColumnType {
  return typeOf(
    nodeOf(
      exprWithPaths(
        expr,
        fields.map(({ name }) => name),
      ),
    ),
    fields,
  )
}

/** The terms of a chain of `and`s. */
export function exprConjuncts(expr: Expr<unknown>): readonly Expr[] {
  return conjunctsOf(nodeOf(expr)).map((node) => new Expr(node))
}

/** The other way round: one or more terms as a chain of `and`s, in order. */
export function allOf(terms: readonly Expr[]): Expr {
  return terms.reduce((all, term) => new Expr(callNode('and', [all.node, term.node])))
}

/** `unknown` where each expression of an object fits the shape: for `columns: C & FitAll<C, S>`. */
export type FitAll<C, S> = { readonly [Name in keyof C]: Fits<NodeOf<C[Name]>, S> }

/** The shape that an object of expressions and literals gives. */
export type TypesOf<C, S> = { readonly [Name in keyof C]: TypeOf<NodeOf<C[Name]>, S> }
