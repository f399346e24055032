/** Columns and literals: what expressions begin with. They are no operators; docs/expressions.md has a line for each. */
import { parseType, type SchemaLiteral, typeText } from '../../schema.ts'
import type { OperatorDoc } from '../operator.ts'

const message = (
  name: string,
  type: SchemaLiteral[string],
  text: string,
  example: unknown,
  rest: Partial<OperatorDoc> = {},
): OperatorDoc => ({
  call: `col('${name}')`,
  types: typeText(parseType(type, name)),
  text,
  nulls: 'never null',
  example: { columns: { [name]: type }, rows: [[example]], expr: `col('${name}')`, result: [example] },
  ...rest,
})

export const columnDocs: readonly OperatorDoc[] = [
  {
    call: "col('name')",
    types: 'the type of the column',
    text: "A column by its name. `col('a.b')` is the field `b` of the column `a`, where no column has the name `a.b`.",
    nulls: 'where the column is',
    example: {
      columns: { a: 'int64' },
      rows: [[9_007_199_254_740_993n], [null]],
      expr: "col('a')",
      result: [9_007_199_254_740_993n, null],
    },
  },
  {
    call: 'lit(value)',
    types:
      'boolean -> bool; whole number below 2^63 -> int64; bigint -> int64, from 2^63 on uint64; other number -> float64; string -> utf8; Date -> timestamp[ms]; Uint8Array -> binary; null -> the type beside it, by itself utf8',
    text:
      'A value in every row. Beside a column it stands for a value of that column: a whole number for a float or a decimal, ' +
      'text for a date, timestamp (ISO 8601) or decimal.',
    nulls: 'where the value is null',
    example: { columns: { a: 'float64' }, rows: [[0.5]], expr: "lit(2).mul(col('a'))", result: [1] },
  },
  {
    call: "col('$key')",
    types:
      "the option `key`: 'bytes' -> binary; 'string' -> utf8; 'int32', 'int64', 'float64' -> that; 'json' -> the type `keySchema`",
    text: "The message's key, decoded as the option `key` of fromKafka says.",
    nulls: 'where there is no key, and of JSON its null',
    errors: 'a key that is no such text, number or JSON is an error of its row',
    example: {
      columns: { $key: { id: 'int64' } },
      rows: [[{ id: 7n }], [null]],
      expr: "col('$key.id')",
      result: [7n, null],
    },
  },
  message('$topic', 'utf8', 'The topic that the message was read from.', 'orders'),
  message('$partition', 'int32', 'Its partition.', 3),
  message('$offset', 'int64', 'Its offset.', 1200n),
  message('$timestamp', 'timestamp[ms]', "The message's timestamp.", new Date('2024-12-30T15:04:05.678Z'), {
    nulls: 'where the message has none',
  }),
  message(
    '$headers',
    [{ key: 'utf8', value: 'binary' }],
    'Its headers in their order, duplicates kept.',
    [
      { key: 'trace', value: Uint8Array.of(1, 255) },
      { key: 'trace', value: null },
    ],
    {
      nulls: 'never null; a value in it may be',
      errors: 'a name that is no UTF-8 is an error of its row',
    },
  ),
]
