/** Choices between values: the first that is there, the branch whose condition holds. */
import { type ColumnType, sameType } from '../../schema.ts'
import { commonType } from '../common-type.ts'
import { coalesceKernel, nullIfKernel, whenKernel } from '../kernels/choice.ts'
import { call, type Operator, type OperatorDoc } from '../operator.ts'
import { compareRule, familyOf, logicRule, misfit, name, type Rule } from '../rules.ts'

const utf8: ColumnType = { kind: 'utf8' }

const whenRule: Rule = (args) => {
  const conditions = args.filter((_, i) => i % 2 === 0 && i + 1 < args.length)
  const found = logicRule(conditions)
  if ('problem' in found) return { ...found, problem: `a condition: ${found.problem}` }
  return commonType(args.filter((_, i) => i % 2 === 1 || i + 1 === args.length))
}

const nullIfRule: Rule = ([value, other]) => {
  const isNested = [value!, other!].some(({ type }) => type !== null && familyOf(type) === 'nested')
  if (isNested) {
    const fits = value!.type === null || other!.type === null || sameType(value!.type, other!.type)
    return fits ? (value!.type ?? utf8) : misfit(`${name(value!)} can not be compared with ${name(other!)}`)
  }
  const found = compareRule([value!, other!])
  return 'problem' in found ? found : (value!.type ?? utf8)
}

const oneType =
  'of one type, lists and structs too: that type; integers of several types: int64; integer and float: float64; literals stand for that type'

export const choiceOperators = {
  coalesce: call('coalesce', {
    rule: commonType,
    kernel: coalesceKernel,
    cost: 3,
    doc: {
      call: 'coalesce(a, b, ...)',
      types: oneType,
      text: 'The first that is not null; also `a.coalesce(b, ...)`.',
      nulls: 'null where all are',
      errors: 'those of an argument count only for the rows that need it',
      example: {
        columns: { a: 'int32', b: 'int32' },
        rows: [
          [1, 2],
          [null, 2],
          [null, null],
        ],
        expr: "coalesce(col('a'), col('b'), 0)",
        result: [1, 2, 0],
      },
    },
  }),
  nullIf: call('nullif', {
    rule: nullIfRule,
    kernel: nullIfKernel,
    cost: 3,
    doc: {
      call: 'a.nullIf(b)',
      types: 'two that can be compared, or two lists or structs of one type -> the type of a',
      text: 'Null where the two are equal, else `a`. Lists and structs are equal where all that lies in them is; nulls in there equal each other.',
      nulls: 'null where `a` is; `a` where `b` is null',
      example: {
        columns: { a: 'utf8' },
        rows: [['x'], ['n/a'], [null]],
        expr: "col('a').nullIf('n/a')",
        result: ['x', null, null],
      },
    },
  }),
  when: call('when', {
    rule: whenRule,
    kernel: whenKernel,
    cost: 3,
    doc: {
      call: 'when(p).then(a).when(q).then(b).otherwise(c)',
      types: `bool conditions; values ${oneType}`,
      text: 'The value behind the first condition that is true, else that of `otherwise`.',
      nulls: 'a condition that is null is not true; without `otherwise`, null where none is true',
      errors: 'those of a branch count only for the rows that take it',
      example: {
        columns: { a: 'int64' },
        rows: [[5n], [50n], [500n], [null]],
        expr: "when(col('a').lt(10)).then('low').when(col('a').lt(100)).then('middle').otherwise('high')",
        result: ['low', 'middle', 'high', 'high'],
      },
    },
  }),
} satisfies Record<string, Operator>

/** No operator of its own, so that it is pushed down as its two comparisons are. */
export const between: OperatorDoc = {
  call: 'a.between(low, high)',
  types: 'three of one kind -> bool',
  text: 'Between the two, which count as well: `low <= a and a <= high`.',
  nulls: 'as of `and`: false where one comparison is, else null where an argument is',
  example: {
    columns: { a: 'int64' },
    rows: [[1n], [2n], [6n], [null]],
    expr: "col('a').between(2, 5)",
    result: [false, true, false, null],
  },
}
