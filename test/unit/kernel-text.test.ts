import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Batch } from '../../src/batch.ts'
import { col, concat, type Expr, lit } from '../../src/expr/expr.ts'
import { compileColumn } from '../../src/expr/kernel.ts'
import { type Field, parseSchema } from '../../src/schema.ts'
import { batches, expectColumn, nullable, type Row } from '../support/kernel-cases.ts'

/** Every kernel of text against JavaScript's own strings, a row at a time. */
const fields: readonly Field[] = parseSchema({ t: 'utf8', w: 'utf8', i: 'int64', k: 'int32' })

/** White space of every kind, letters whose case changes their length, pairs, and what patterns are made of. */
const oddities = [
  ...[
    '\t',
    '\v',
    ' ',
    '\u00a0',
    '\u0085',
    '\u1680',
    '\u2000',
    '\u200a',
    '\u200b',
    '\u2028',
    '\u2029',
    '\u202f',
    '\u205f',
  ],
  ...[
    '\u3000',
    '\ufeff',
    '\u00df',
    '\u0130',
    '\u03a3',
    '\u00e9',
    '\u00c9',
    '\uffff',
    '\u{1f600}',
    '\u{10428}',
    '\u{10ffff}',
  ],
]
/** Of few letters, so that they repeat. */
const doubled = fc.string({ unit: fc.constantFrom('a', 'b', ','), maxLength: 9 })
const plain = fc.string({
  unit: fc.constantFrom('a', 'b', 'B', 'Z', 'z', '@', '[', ' ', '\n', ',', '%', '_', '\\', '1'),
  maxLength: 9,
})
const anyText = fc.oneof(
  plain,
  doubled,
  fc.string({ unit: fc.oneof(fc.constantFrom(...oddities), fc.constantFrom('a', 'B', ',', '%')), maxLength: 6 }),
  fc.string({ unit: 'grapheme', maxLength: 5 }),
)
const long = fc.tuple(anyText, fc.nat(40)).map(([text, times]) => text.repeat(times))
const places = fc.oneof(fc.integer({ min: -8, max: 8 }), fc.constantFrom(2 ** 31 - 1, -(2 ** 31)))
const farPlaces = fc.oneof(fc.bigInt({ min: -4n, max: 9n }), fc.constantFrom(2n ** 63n - 1n, -(2n ** 63n)))

const rowOf = (text: fc.Arbitrary<string>): fc.Arbitrary<Row> =>
  fc.record({ t: nullable(text), w: nullable(text), i: nullable(farPlaces), k: nullable(places) })
/** Columns of ASCII alone go their own way. */
const tables: fc.Arbitrary<Batch> = fc.oneof(
  batches(rowOf(anyText), fields),
  batches(rowOf(fc.oneof(plain, doubled)), fields),
  batches(rowOf(fc.oneof(anyText, long)), fields),
)

/** An expression, and what it gives for a row. */
interface Case {
  readonly expr: Expr
  readonly of: (row: Row) => unknown
}

type Text = string | null
const column = (name: string): Case => ({ expr: col(name), of: (row) => row[name] })
const literal = (value: string | null): Case => ({ expr: lit(value), of: () => value })

/** Null where one of the arguments is. */
const strict = (expr: Expr, args: readonly Case[], of: (...values: never[]) => unknown): Case => ({
  expr,
  of: (row) => {
    const values = args.map((arg) => arg.of(row))
    return values.includes(null) ? null : of(...(values as never[]))
  },
})

const columns = fc.constantFrom('t', 'w').map(column)
/** Also what other kernels give: columns whose first offset is 0, literals in every row. */
const texts: fc.Arbitrary<Case> = fc.oneof(
  { weight: 4, arbitrary: columns },
  { weight: 1, arbitrary: fc.oneof(anyText, fc.constant(null)).map(literal) },
  { weight: 1, arbitrary: columns.map((one) => strict(one.expr.str.trim(), [one], (s: string) => s.trim())) },
)
/** Short, so that they are found: also overlapping themselves and each other. */
const needles = fc.oneof(
  fc.constantFrom('a', 'b', 'B', ',', ' ', '%', 'aa', 'ab', 'aba', 'a,', '\u00e9', '\u{1f600}'),
  plain,
  anyText,
)
const others = fc.oneof(
  { weight: 3, arbitrary: needles.map(literal) },
  { weight: 1, arbitrary: fc.constantFrom(column('t'), column('w'), literal(null), literal('')) },
)
const ints = fc.oneof(
  fc.constantFrom(column('i'), column('k')),
  places.map((value): Case => ({ expr: lit(value), of: () => BigInt(value) })),
)

const points = (text: string): string[] => [...text]

function substring(text: string, start: bigint | number, length?: bigint | number): string {
  const all = points(text)
  const from = Number(start) < 0 ? Math.max(0, all.length + Number(start)) : Number(start)
  return all.slice(from, length === undefined ? undefined : from + Math.max(0, Number(length))).join('')
}

/** A like pattern as a regular expression. */
function likeRegExp(pattern: string): RegExp {
  const parts = points(pattern)
  let source = ''
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!
    if (part === '%') source += '.*'
    else if (part === '_') source += '.'
    else source += `\\u{${(part === '\\' ? parts[++i]! : part).codePointAt(0)!.toString(16)}}`
  }
  return new RegExp(`^${source}$`, 'su')
}

const likePatterns = fc
  .oneof(
    fc.array(fc.constantFrom('%', '%', '_', 'a', 'b', ','), { maxLength: 7 }),
    fc.array(fc.oneof(fc.constantFrom('%', '_', '\\%', '\\_', '\\\\', 'B', '\u00e9'), fc.constantFrom(...oddities)), {
      maxLength: 6,
    }),
  )
  .map((parts) => parts.join(''))
const regExps = fc.constantFrom(
  /a/,
  /^\s*$/,
  /(a)|(b)/i,
  /./u,
  /(?<first>[ab])(?<rest>.*)/s,
  /\u{1f600}/u,
  /[^,]+$/,
  /(?:)/,
)

const cases: Readonly<Record<string, fc.Arbitrary<Case>>> = {
  length: texts.map((a) => strict(a.expr.str.length(), [a], (s: string) => BigInt(points(s).length))),
  lower: texts.map((a) => strict(a.expr.str.lower(), [a], (s: string) => s.toLowerCase())),
  upper: texts.map((a) => strict(a.expr.str.upper(), [a], (s: string) => s.toUpperCase())),
  trim: texts.map((a) => strict(a.expr.str.trim(), [a], (s: string) => s.trim())),
  trimStart: texts.map((a) => strict(a.expr.str.trimStart(), [a], (s: string) => s.trimStart())),
  trimEnd: texts.map((a) => strict(a.expr.str.trimEnd(), [a], (s: string) => s.trimEnd())),
  contains: fc
    .tuple(texts, others)
    .map(([a, b]) => strict(a.expr.str.contains(b.expr), [a, b], (s: string, x: string) => s.includes(x))),
  startsWith: fc
    .tuple(texts, others)
    .map(([a, b]) => strict(a.expr.str.startsWith(b.expr), [a, b], (s: string, x: string) => s.startsWith(x))),
  endsWith: fc
    .tuple(texts, others)
    .map(([a, b]) => strict(a.expr.str.endsWith(b.expr), [a, b], (s: string, x: string) => s.endsWith(x))),
  concat: fc
    .tuple(texts, others, fc.array(others, { maxLength: 2 }))
    .map(([a, b, rest]) =>
      strict(concat(a.expr, b.expr, ...rest.map(({ expr }) => expr)), [a, b, ...rest], (...all: string[]) =>
        all.join(''),
      ),
    ),
  substring: fc
    .tuple(texts, ints, fc.option(ints, { nil: undefined }))
    .map(([a, start, size]) =>
      size === undefined
        ? strict(a.expr.str.substring(start.expr), [a, start], substring)
        : strict(a.expr.str.substring(start.expr, size.expr), [a, start, size], substring),
    ),
  replace: fc
    .tuple(texts, needles, anyText)
    .filter(([, search]) => search !== '')
    .map(([a, search, instead]) =>
      strict(a.expr.str.replace(search, instead), [a], (s: string) => s.replaceAll(search, () => instead)),
    ),
  like: fc.tuple(texts, likePatterns).map(([a, pattern]) => {
    const regExp = likeRegExp(pattern)
    return strict(a.expr.str.like(pattern), [a], (s: string) => regExp.test(s))
  }),
  matches: fc
    .tuple(texts, regExps)
    .map(([a, regExp]) => strict(a.expr.str.matches(regExp), [a], (s: string) => regExp.test(s))),
  extract: fc
    .tuple(texts, regExps, fc.nat(2))
    .map(([a, regExp, number]): [Case, RegExp, number | string] => {
      const groups = new RegExp(`${regExp.source}|`, regExp.flags).exec('')!
      return [a, regExp, groups.groups !== undefined && number === 2 ? 'rest' : Math.min(number, groups.length - 1)]
    })
    .map(([a, regExp, group]) =>
      strict(a.expr.str.extract(regExp, group), [a], (s: string): Text => {
        const match = regExp.exec(s)
        return (typeof group === 'number' ? match?.[group] : match?.groups?.[group]) ?? null
      }),
    ),
  split: fc
    .tuple(texts, needles)
    .filter(([, separator]) => separator !== '')
    .map(([a, separator]) => strict(a.expr.str.split(separator), [a], (s: string) => s.split(separator))),
}

describe("functions of text give what JavaScript's strings give", () => {
  test.each(Object.keys(cases))('%s', (name) => {
    fc.assert(
      fc.property(cases[name]!, tables, ({ expr, of }, batch) => expectColumn(expr, fields, batch, of)),
      { numRuns: 600 },
    )
  })
})

describe('a pattern that can not be is refused where it is written', () => {
  const text = col('t').str

  test('flags that keep a position', () => {
    expect(() => text.matches(/a/g)).toThrow(/flag g, which keeps a position/)
    expect(() => text.extract(/a/y)).toThrow(/flag y/)
    expect(() => text.matches('a' as never)).toThrow(/takes a regular expression, such as .*not "a"/)
  })

  test('groups that the pattern does not have', () => {
    expect(() => text.extract(/(a)(?<second>b)/, 3)).toThrow(
      /has no group 3\. Its groups: 0 \(the whole match\) to 2, second/,
    )
    expect(() => text.extract(/a/, 'name')).toThrow(/has no group "name"\. Its groups: 0 \(the whole match\)\./)
    expect(() => text.extract(/a/, -1)).toThrow(/no group -1/)
  })

  test('a like pattern that ends in the middle of an escape', () => {
    expect(() => text.like('a\\')).toThrow(/ends in a backslash/)
  })

  test('nothing to look for', () => {
    expect(() => text.split('')).toThrow(/split\(\) takes a string that is not empty/)
    expect(() => text.replace('', 'a')).toThrow(/replace\(\) takes a string that is not empty/)
    expect(() => concat(...([] as unknown as ['a']))).toThrow(/concat\(\) takes texts/)
  })
})

test('a regular expression that is changed later does not change the expression', () => {
  const pattern = /a/
  const expr = col('t').str.matches(pattern)
  pattern.compile('b')
  expect(String(expr)).toBe("matches(t, 'a', '')")
})

test('functions of text refuse what is no text', () => {
  expect(() => compileColumn((col('i') as Expr).str.lower(), fields)).toThrow(
    /lower\(i\): it takes utf8, and int64 is none/,
  )
  expect(() => compileColumn((col('t') as Expr).str.substring('a' as never), fields)).toThrow(
    /it takes an integer, and the literal "a" is none/,
  )
})
