/** Arithmetic: int64 of integers, float64 where one side is a float. */
import { arithmeticKernel, negKernel } from '../kernels/arithmetic.ts'
import type { ArithmeticOp } from '../nodes.ts'
import type { Operator, OperatorDoc } from '../operator.ts'
import { arithmeticRule, divideRule } from '../rules.ts'

const infix = (op: ArithmeticOp, symbol: string, binds: number, doc: Omit<OperatorDoc, 'call'>): Operator => ({
  symbol,
  form: 'infix',
  binds,
  rule: op === 'div' ? divideRule : arithmeticRule,
  kernel: arithmeticKernel(op),
  cost: 2,
  // Division is float64. A remainder is int64, and that of a uint64 may be greater.
  fallible: op !== 'div',
  doc: { call: `a.${op}(b)`, ...doc },
})

const types = 'int, int -> int64; number, float -> float64'
const errors = 'an int64 result past 64 bits is an error of its row'

export const arithmeticOperators = {
  add: infix('add', '+', 5, {
    types,
    text: 'Sum. Integers are added exactly.',
    errors,
    example: {
      columns: { a: 'int64', b: 'int64' },
      rows: [
        [1n, 2n],
        [9007199254740993n, 1n],
        [1n, null],
      ],
      expr: "col('a').add(col('b'))",
      result: [3n, 9007199254740994n, null],
    },
  }),
  sub: infix('sub', '-', 5, {
    types,
    text: 'Difference.',
    errors,
    example: { columns: { a: 'int64' }, rows: [[1n], [null]], expr: "col('a').sub(2)", result: [-1n, null] },
  }),
  mul: infix('mul', '*', 6, {
    types,
    text: 'Product.',
    errors,
    example: { columns: { a: 'float64' }, rows: [[2], [null]], expr: "col('a').mul(1.5)", result: [3, null] },
  }),
  div: infix('div', '/', 6, {
    types: 'number, number -> float64',
    text: 'Quotient, always float64; by zero: Infinity, -Infinity or NaN, as IEEE has it.',
    example: { columns: { a: 'int64' }, rows: [[7n], [null]], expr: "col('a').div(2)", result: [3.5, null] },
  }),
  mod: infix('mod', '%', 6, {
    types,
    text: 'Remainder with the sign of the dividend.',
    errors: 'an int64 result past 64 bits (the remainder of a great uint64) is an error of its row',
    nulls: 'null where an argument is, and of integers by zero (of floats by zero: NaN)',
    example: { columns: { a: 'int64' }, rows: [[-7n], [null]], expr: "col('a').mod(4)", result: [-3n, null] },
  }),
  neg: {
    symbol: '-',
    form: 'prefix',
    binds: 7,
    rule: arithmeticRule,
    kernel: negKernel,
    cost: 2,
    fallible: true,
    doc: {
      call: 'a.neg()',
      types: 'int -> int64; float -> float64',
      text: 'The value with the other sign.',
      errors: 'the least int64 has none: an error of its row',
      example: { columns: { a: 'int64' }, rows: [[5n], [null]], expr: "col('a').neg()", result: [-5n, null] },
    },
  },
} satisfies Record<string, Operator>
