/**
 * Expressions of text and choices between values, over the columns of generated.ts: what a native program computes of
 * them is held against the kernels. Some may fail in some rows: integers past 64 bits.
 */
import fc from 'fast-check'
import { coalesce, col, concat, type Expr, lit } from '../../src/expr/expr.ts'
import type { Literal, Node } from '../../src/expr/nodes.ts'
import { typeOf } from '../../src/expr/typing.ts'
import { when } from '../../src/expr/when.ts'
import { fields, nullable, type Row, rowArbitrary } from './generated.ts'

/** White space of every kind, and what is none; letters that combine; pairs, and the ends of what UTF-8 says. */
const oddities = [
  ...['\t', '\v', '\n', ' ', '\u00a0', '\u0085', '\u1680', '\u180e', '\u2000', '\u200a', '\u200b', '\u2028', '\u2029'],
  ...['\u202f', '\u205f', '\u3000', '\ufeff', '\u0301', 'e\u0301', '\u00e9', '\u00c9', '\u0130', '\u03a3', '\u00df'],
  ...['\uffff', '\ud7ff', '\ue000', '\u{1f600}', '\u{10000}', '\u{10ffff}', '\u{1f468}\u200d\u{1f469}', '\0', '\u007f'],
]
export const texts = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', 'b', ' ', ','), maxLength: 9 }),
  fc.string({ unit: fc.oneof(fc.constantFrom(...oddities), fc.constantFrom('a', 'B', ' ')), maxLength: 6 }),
  fc.string({ unit: 'grapheme', maxLength: 5 }),
  fc
    .tuple(fc.constantFrom('ab', '\u{1f600}', ' \u3000', '\u00e9'), fc.nat(40))
    .map(([one, times]) => one.repeat(times)),
)

/** Rows of generated.ts, with such texts. */
export const textRows: fc.Arbitrary<Row> = fc
  .tuple(rowArbitrary, nullable(texts), nullable(texts))
  .map(([row, t, w]) => ({ ...row, t, w }))

const column = (...names: string[]): fc.Arbitrary<Expr> => fc.constantFrom(...names).map((name) => col(name) as Expr)
const literals = (...values: fc.Arbitrary<Literal>[]): fc.Arbitrary<Expr> =>
  fc.oneof(...values).map((value) => lit(value) as Expr)
const places = fc.oneof(
  column('i', 'k', 'b', 'u', 'v'),
  literals(
    fc.integer({ min: -4, max: 6 }),
    fc.constantFrom(0, 2 ** 31, -(2 ** 53), 2n ** 63n - 1n, -(2n ** 63n), 2n ** 64n - 1n),
  ),
)
const needles = literals(fc.constantFrom('', 'a', 'ab', ' ', '\u{1f600}', '\u00e9', '\u0301', '\u3000'), texts)

/** Of what gives text, or where nesting ends a column. */
const text = (depth: number): fc.Arbitrary<Expr> => {
  const leaves = fc.oneof({ weight: 4, arbitrary: column('t', 'w') }, { weight: 1, arbitrary: literals(texts) })
  if (depth === 0) return leaves
  const sub = text(depth - 1)
  return fc.oneof(
    leaves,
    fc.tuple(fc.constantFrom('trim', 'trimStart', 'trimEnd'), sub).map(([op, a]): Expr => a.str[op as 'trim']()),
    fc.tuple(sub, fc.array(fc.oneof(sub, needles), { maxLength: 3 })).map(([a, rest]): Expr => concat(a, ...rest)),
    fc
      .tuple(sub, places, fc.option(places, { nil: undefined }))
      .map(([a, start, size]): Expr => (size === undefined ? a.str.substring(start) : a.str.substring(start, size))),
    fc.tuple(column('t', 'w'), fc.oneof(sub, needles)).map(([a, b]): Expr => a.nullIf(b)),
    fc.tuple(sub, fc.oneof(sub, needles)).map(([a, b]): Expr => coalesce(a, b)),
    fc.tuple(condition, sub, fc.oneof(sub, needles)).map(([p, a, b]): Expr => when(p).then(a).otherwise(b)),
  )
}

/** Conditions of which some fail in some rows. */
const condition: fc.Arbitrary<Expr> = fc.oneof(
  column('p', 'q'),
  literals(fc.constantFrom(true, null)),
  column('i', 'k').map((a): Expr => a.gt(0)),
  fc.tuple(column('i'), column('i', 'j')).map(([a, b]): Expr => a.add(b).gt(0)),
  fc.tuple(column('t', 'w'), needles).map(([a, b]): Expr => a.str.contains(b)),
)

export const textual = text(2)

export const textTests: fc.Arbitrary<Expr> = fc
  .tuple(fc.constantFrom('contains', 'startsWith', 'endsWith'), textual, fc.oneof(needles, column('t', 'w'), text(1)))
  .map(([op, a, b]): Expr => a.str[op as 'contains'](b))

export const lengths = textual.map((a): Expr => a.str.length())

const dates = fc.date({ min: new Date('1700-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
const days = dates.map((date) => new Date(Math.floor(date.getTime() / 86_400_000) * 86_400_000))
const overflows = fc.tuple(column('i', 'k'), column('i', 'j')).map(([a, b]): Expr => a.mul(b))
const small = fc.integer({ min: -5, max: 5 })

/** Columns and literals of which some have a type in common. */
const pools: readonly fc.Arbitrary<Expr>[] = [
  fc.oneof(column('i', 'j'), overflows, literals(small, fc.constantFrom(2n ** 63n - 1n, -0))),
  fc.oneof(column('k', 'b', 'v', 'i'), literals(small), overflows),
  fc.oneof(column('k'), literals(small)),
  fc.oneof(column('u'), literals(fc.constantFrom(0, 7n, 2n ** 64n - 1n))),
  fc.oneof(
    column('f', 'g', 's', 'k', 'u'),
    overflows,
    literals(fc.constantFrom(0.5, -0, 3, 2n ** 53n + 1n, Number.NaN)),
  ),
  fc.oneof(column('s'), literals(fc.constantFrom(1.5, 3))),
  column('s'),
  fc.oneof(column('p', 'q'), condition, literals(fc.boolean())),
  column('y'),
  fc.oneof(
    column('m'),
    literals(
      dates,
      dates.map((date) => date.toISOString()),
    ),
  ),
  fc.oneof(column('n'), literals(dates)),
  fc.oneof(column('d'), literals(days)),
  text(1),
  // Of literals alone.
  literals(small, fc.constantFrom(2n ** 62n)),
  literals(small, fc.constantFrom(0.25, Number.NaN, Number.NEGATIVE_INFINITY)),
  literals(fc.boolean()),
  needles,
]
const values = fc.constantFrom(...pools)
const withNulls = (pool: fc.Arbitrary<Expr>): fc.Arbitrary<Expr> =>
  fc.oneof({ weight: 9, arbitrary: pool }, { weight: 1, arbitrary: fc.constant(lit(null) as Expr) })

/** Whether the values have a type in common. */
const fits = (expr: Expr): boolean => {
  try {
    typeOf(expr.node as Node, fields)
    return true
  } catch {
    return false
  }
}

export const choices: fc.Arbitrary<Expr> = values.chain((pool) => {
  const value = withNulls(pool)
  const any = fc.oneof(
    fc.array(value, { minLength: 1, maxLength: 4 }).map(([first, ...rest]): Expr => coalesce(first!, ...rest)),
    fc.tuple(pool, pool).map(([a, b]): Expr => a.nullIf(b)),
    fc
      .tuple(fc.array(fc.tuple(condition, value), { minLength: 1, maxLength: 3 }), fc.option(value))
      .map(([branches, last]): Expr => {
        const [[p, x], ...more] = branches as [[Expr, Expr], ...[Expr, Expr][]]
        // biome-ignore lint/suspicious/noExplicitAny: types are found at run time here
        let made: any = when(p).then(x)
        for (const [q, y] of more) made = made.when(q).then(y)
        return last === null ? made : made.otherwise(last)
      }),
  )
  return any.filter(fits)
})

/** Choices of choices, whose branches fail: only the errors of values that a row takes count. */
export const nested: fc.Arbitrary<Expr> = fc
  .tuple(condition, fc.oneof(overflows, column('i')), fc.oneof(overflows, column('i')), overflows)
  .chain(([p, a, b, c]) =>
    fc.constantFrom<Expr>(
      coalesce(when(p).then(a).otherwise(b), c),
      when(p)
        .then(coalesce(a.nullIf(b), c))
        .otherwise(a),
      when(coalesce(p, a.gt(b)))
        .then(b)
        .when(c.isNull())
        .then(a)
        .otherwise(c),
      coalesce(a, when(p).then(c), b).add(a),
      when(p).then(a.add(b)).otherwise(coalesce(c, 7)).gt(3),
    ),
  )
