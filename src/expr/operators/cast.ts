/** Casts: the same value as another type. */
import { castRule } from '../casts.ts'
import { castKernel } from '../kernels/cast.ts'
import { call, type Operator } from '../operator.ts'

const types =
  'bool, number, utf8 -> each other; int, float, utf8, decimal -> decimal, and back; int, utf8, date, timestamp -> ' +
  'date, timestamp, and back; binary <-> utf8'

export const castOperators = {
  cast: call('cast', {
    rule: castRule,
    kernel: castKernel('error'),
    cost: 6,
    fallible: true,
    doc: {
      call: "a.cast('int64')",
      types,
      text:
        'The same value as another type, by the name that a schema has for it. Text is all of the number (no spaces), ISO ' +
        '8601, `true` or `false`; numbers and times become the text that JSON has for them. A time takes part as the ' +
        'integer of its unit, and is rounded down to a coarser one. To a float or from one to a decimal: the nearest. To ' +
        'bool: whether it is not 0.',
      errors:
        'a value that the type has not is an error of its row: out of range, a fraction for an integer, other text',
      example: {
        columns: { a: 'utf8' },
        rows: [['9007199254740993'], ['-5'], [null]],
        expr: "col('a').cast('int64')",
        result: [9007199254740993n, -5n, null],
      },
    },
  }),
  tryCast: call('try_cast', {
    rule: castRule,
    kernel: castKernel('null'),
    cost: 6,
    doc: {
      call: "a.tryCast('int64')",
      types: 'as `cast`',
      text: 'As `cast`, without its errors.',
      nulls: 'null where an argument is null, and where `cast` is an error',
      example: {
        columns: { a: 'float64' },
        rows: [[1000], [2.5], [Number.NaN], [null]],
        expr: "col('a').tryCast('int32')",
        result: [1000, null, null, null],
      },
    },
  }),
} satisfies Record<string, Operator>
