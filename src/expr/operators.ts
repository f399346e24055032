/**
 * The operators by name: one entry each, grouped by what they work on. For a new one: its name in nodes.ts, its entry
 * in operators/, its method in expr.ts, its compile-time type in signatures.ts (or types.ts).
 */
import type { OpName } from './nodes.ts'
import type { Operator, OperatorDoc } from './operator.ts'
import { arithmeticOperators } from './operators/arithmetic.ts'
import { castOperators } from './operators/cast.ts'
import { between, choiceOperators } from './operators/choice.ts'
import { columnDocs } from './operators/columns.ts'
import { compareOperators } from './operators/compare.ts'
import { hashOperators } from './operators/hash.ts'
import { listOperators } from './operators/lists.ts'
import { logicOperators } from './operators/logic.ts'
import { textOperators } from './operators/text.ts'
import { timeOperators } from './operators/times.ts'

/** As docs/expressions.md has them. */
export const operatorGroups: readonly {
  readonly title: string
  readonly operators: Readonly<Record<string, Operator>>
  /** What is no operator: columns, and methods that are made of these operators. */
  readonly shorthands?: readonly OperatorDoc[]
}[] = [
  { title: 'Columns and literals', operators: {}, shorthands: columnDocs },
  { title: 'Comparison', operators: compareOperators, shorthands: [between] },
  { title: 'Logic', operators: logicOperators },
  { title: 'Arithmetic', operators: arithmeticOperators },
  { title: 'Choices', operators: choiceOperators },
  { title: 'Times', operators: timeOperators },
  { title: 'Casts', operators: castOperators },
  { title: 'Text', operators: textOperators },
  { title: 'Lists and structs', operators: listOperators },
  { title: 'Hash', operators: hashOperators },
]

export const operators: Readonly<Record<OpName, Operator>> = {
  ...compareOperators,
  ...logicOperators,
  ...arithmeticOperators,
  ...choiceOperators,
  ...castOperators,
  ...timeOperators,
  ...textOperators,
  ...listOperators,
  ...hashOperators,
}
