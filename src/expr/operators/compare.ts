/** Comparisons, and the questions for null and for a set of values. */
import { compareKernel } from '../kernels/compare.ts'
import { nullKernel } from '../kernels/logic.ts'
import { inKernel } from '../kernels/membership.ts'
import type { CompareOp } from '../nodes.ts'
import type { Example, Operator } from '../operator.ts'
import { compareRule, inRule, nullRule } from '../rules.ts'

const comparison = (op: CompareOp, symbol: string, text: string, result: Example['result']): Operator => ({
  symbol,
  form: 'infix',
  binds: 4,
  rule: compareRule,
  kernel: compareKernel(op),
  cost: 1,
  fallible: false,
  doc: {
    call: `a.${op}(b)`,
    types: 'two of one kind (numbers, text, bytes, times, decimals, bool) -> bool',
    text,
    example: { columns: { a: 'float64' }, rows: [[1], [2], [null]], expr: `col('a').${op}(2)`, result },
  },
})

const nullTest = (name: 'isNull' | 'isNotNull', symbol: string, result: Example['result']): Operator => ({
  symbol,
  form: 'postfix',
  binds: 4,
  rule: nullRule,
  kernel: nullKernel(name === 'isNull' ? 'null' : 'value'),
  cost: 1,
  fallible: false,
  doc: {
    call: `a.${name}()`,
    types: 'any -> bool',
    text: name === 'isNull' ? 'Whether there is no value.' : 'Whether there is a value.',
    nulls: 'never null',
    example: { columns: { a: 'utf8' }, rows: [['x'], [null]], expr: `col('a').${name}()`, result },
  },
})

export const compareOperators = {
  eq: comparison('eq', '=', 'Equal. Text by its bytes; floats as IEEE has it: NaN equals nothing, -0 equals 0.', [
    false,
    true,
    null,
  ]),
  ne: comparison('ne', '!=', 'Not equal.', [true, false, null]),
  lt: comparison('lt', '<', 'Less. Integers and floats by value, exactly; text by code points; false before true.', [
    true,
    false,
    null,
  ]),
  le: comparison('le', '<=', 'Less or equal.', [true, true, null]),
  gt: comparison('gt', '>', 'Greater.', [false, false, null]),
  ge: comparison('ge', '>=', 'Greater or equal.', [false, true, null]),
  isNull: nullTest('isNull', 'is null', [false, true]),
  isNotNull: nullTest('isNotNull', 'is not null', [true, false]),
  in: {
    symbol: 'in',
    form: 'list',
    binds: 4,
    rule: inRule,
    kernel: inKernel,
    cost: 4,
    fallible: false,
    doc: {
      call: 'a.in([x, y])',
      types: 'one kind, literals of it -> bool',
      text: 'Equal to one of the values. `in([])` is false.',
      nulls: 'null where `a` is; a null among the values makes every miss null',
      example: {
        columns: { a: 'utf8' },
        rows: [['DE'], ['US'], [null]],
        expr: "col('a').in(['DE', 'FR'])",
        result: [true, false, null],
      },
    },
  },
} satisfies Record<string, Operator>
