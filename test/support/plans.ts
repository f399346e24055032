/** Pieces of plans, for tests of what becomes of them. */
import type { Expr } from '../../src/expr/expr.ts'
import type { KafkaSinkStep, NamedExpr, SourceStep, Step } from '../../src/plan/steps.ts'
import type { Field } from '../../src/schema.ts'

/** Reads the topic `in`. */
export const fromKafka = (fields: readonly Field[]): SourceStep => ({
  kind: 'kafka',
  title: 'in',
  codec: 'json',
  codecOptions: {},
  fields,
  keyType: 'utf8',
})

/** Writes to the topic `out`, and keeps what a record has. */
export const toKafka: KafkaSinkStep = {
  kind: 'kafka',
  title: 'out',
  codec: 'json',
  codecOptions: {},
  key: 'keep',
  headers: 'keep',
  timestamp: 'keep',
  partition: null,
}

export const collect = { kind: 'collect' } as const

const named = (columns: Readonly<Record<string, Expr>>): readonly NamedExpr[] =>
  Object.entries(columns).map(([name, expr]) => ({ name, expr }))

export const filter = (predicate: Expr): Step => ({ kind: 'filter', predicate })
export const select = (columns: Readonly<Record<string, Expr>>): Step => ({ kind: 'select', columns: named(columns) })
export const withColumns = (columns: Readonly<Record<string, Expr>>): Step => ({
  kind: 'withColumns',
  columns: named(columns),
})
