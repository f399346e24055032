/** Boolean logic with SQL's three values. */
import { logicKernel, notKernel } from '../kernels/logic.ts'
import type { LogicOp } from '../nodes.ts'
import type { Operator, OperatorDoc } from '../operator.ts'
import { logicRule } from '../rules.ts'

const columns = { a: 'bool', b: 'bool' } as const
const rows = [
  [true, false],
  [true, null],
  [false, null],
]

const infix = (op: LogicOp, binds: number, doc: Omit<OperatorDoc, 'call' | 'types'>): Operator => ({
  symbol: op,
  form: 'infix',
  binds,
  rule: logicRule,
  kernel: logicKernel(op),
  cost: 1,
  fallible: false,
  doc: { call: `a.${op}(b)`, types: 'bool, bool -> bool', ...doc },
})

export const logicOperators = {
  or: infix('or', 1, {
    text: 'True where one side is.',
    nulls: 'true where one side is true, else null where one is null',
    example: { columns, rows, expr: "col('a').or(col('b'))", result: [true, true, null] },
  }),
  and: infix('and', 2, {
    text: 'True where both sides are.',
    nulls: 'false where one side is false, else null where one is null',
    example: { columns, rows, expr: "col('a').and(col('b'))", result: [false, null, false] },
  }),
  not: {
    symbol: 'not ',
    form: 'prefix',
    binds: 3,
    rule: logicRule,
    kernel: notKernel,
    cost: 1,
    fallible: false,
    doc: {
      call: 'a.not()',
      types: 'bool -> bool',
      text: 'The opposite.',
      example: { columns: { a: 'bool' }, rows: [[true], [null]], expr: "col('a').not()", result: [false, null] },
    },
  },
} satisfies Record<string, Operator>
