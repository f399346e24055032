/** Lists and structs: what `col('tags').list` gives, and `.field('name')`. */
import { elementKernel, fieldKernel, listContainsKernel, listLengthKernel } from '../kernels/lists.ts'
import { CALL, call, type Operator } from '../operator.ts'
import { elementRule, fieldRule, listContainsRule, takes } from '../rules.ts'

export const listOperators = {
  listLength: call('length', {
    rule: takes({ args: ['list'], gives: 'int64' }),
    kernel: listLengthKernel,
    cost: 2,
    doc: {
      call: 'a.list.length()',
      types: '[T] -> int64',
      text: 'The number of items, nulls among them.',
      example: {
        columns: { a: ['utf8'] },
        rows: [[['x', null]], [[]], [null]],
        expr: "col('a').list.length()",
        result: [2n, 0n, null],
      },
    },
  }),
  element: call('element', {
    rule: elementRule,
    kernel: elementKernel,
    cost: 4,
    doc: {
      call: 'a.list.element(index)',
      types: '[T], int -> T',
      text: 'An item by its place: the first is 0, the last is -1.',
      nulls: 'null where an argument is, and where there is no item at that place',
      example: {
        columns: { a: ['int64'] },
        rows: [[[1n, 2n, 3n]], [[]], [null]],
        expr: "col('a').list.element(-1)",
        result: [3n, null, null],
      },
    },
  }),
  listContains: call('contains', {
    rule: listContainsRule,
    kernel: listContainsKernel,
    cost: 10,
    doc: {
      call: 'a.list.contains(b)',
      types: '[T], of the kind of T -> bool',
      text: 'Whether an item equals `b`, as `eq` has it.',
      nulls: "null where an argument is, and where no item equals `b` but one is null (SQL's `= any`)",
      example: {
        columns: { a: ['utf8'] },
        rows: [[['x', 'y']], [['z', null]], [[]], [null]],
        expr: "col('a').list.contains('x')",
        result: [true, null, false, null],
      },
    },
  }),
  field: {
    symbol: '.',
    form: 'member',
    binds: CALL,
    fallible: false,
    rule: fieldRule,
    kernel: fieldKernel,
    cost: 1,
    doc: {
      call: "a.field('name')",
      types: '{ name: T } -> T',
      text:
        "A field of a struct. `col('a.name')` is the same where there is a column `a` and none of the name `a.name`; " +
        'paths may be longer.',
      nulls: 'null where the struct is',
      example: {
        columns: { a: { city: 'utf8' } },
        rows: [[{ city: 'Bern' }], [{ city: null }], [null]],
        expr: "col('a').field('city')",
        result: ['Bern', null, null],
      },
    },
  },
} satisfies Record<string, Operator>
