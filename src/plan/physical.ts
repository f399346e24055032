/** The steps that TypeScript runs, as the optimiser leaves them. Frozen data, as the plan is. */
import type { Expr } from '../expr/expr.ts'
import type { Field } from '../schema.ts'
import type { NamedExpr, StepFunction } from './steps.ts'

/** A step as it runs. `number` is the plan's own count, for errors and explain(). */
export type PhysicalStep =
  /** Rows for which every term is true; a term is asked about the rows that the terms before it have left. */
  | { readonly kind: 'filter'; readonly terms: readonly { readonly number: number; readonly predicate: Expr }[] }
  | {
      readonly kind: 'project'
      readonly number: number
      readonly columns: readonly NamedExpr[]
      /** Where only the run knows the columns: those not named here stay as they are, but for `without`. */
      readonly open: boolean
      readonly without: readonly string[]
      /** The columns are there for the steps up to the next projection: what these would compute twice. */
      readonly hidden?: true
    }
  | {
      readonly kind: 'mapBatches' | 'map' | 'flatMap'
      readonly number: number
      readonly fn: StepFunction
      readonly fields: readonly Field[] | undefined
      /** The columns that the function sees; undefined: all but `carry`. */
      readonly visible: readonly string[] | undefined
      /** Message columns that go along with the rows. */
      readonly carry: readonly string[]
    }
  | {
      readonly kind: 'unnest'
      readonly number: number
      readonly column: string
      readonly keepEmpty: boolean
      /** The columns that somebody reads afterwards, which alone are repeated; undefined: all. */
      readonly keep: readonly string[] | undefined
    }
  | {
      readonly kind: 'limit'
      readonly number: number
      readonly count: number
      /** Rows still are messages in order, so `$offset` says where a cut batch ends. */
      readonly exact: boolean
    }

/** The columns of the batches at the sink that become a record's parts. */
export interface Envelope {
  readonly key?: string
  readonly headers?: string
  readonly timestamp?: string
  readonly partition?: string
  readonly tombstone?: string
}
