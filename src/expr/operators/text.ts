/** Text: what `col('name').str` gives. */
import { lengthKernel } from '../kernels/strings.ts'
import { call, type Operator } from '../operator.ts'
import { takes } from '../rules.ts'

export const textOperators = {
  length: call('length', {
    rule: takes({ args: ['text'], gives: 'int64' }),
    kernel: lengthKernel,
    cost: 3,
    doc: {
      call: 'a.str.length()',
      types: 'utf8 -> int64',
      text: 'The number of Unicode code points.',
      example: {
        columns: { a: 'utf8' },
        rows: [['abc'], ['d\u00e9j\u00e0'], ['\u{1f600}'], [null]],
        expr: "col('a').str.length()",
        result: [3n, 4n, 1n, null],
      },
    },
  }),
} satisfies Record<string, Operator>
