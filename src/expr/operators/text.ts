/** Text: what `col('name').str` gives. */
import { concatKernel, replaceKernel, splitKernel } from '../kernels/compose.ts'
import { extractKernel, matchesKernel } from '../kernels/patterns.ts'
import { likeKernel, searchKernel } from '../kernels/search.ts'
import { caseKernel, lengthKernel, substringKernel, trimKernel } from '../kernels/strings.ts'
import { call, type Example, type Operator } from '../operator.ts'
import { takes } from '../rules.ts'

const texts = takes({ args: ['text'], rest: true, gives: 'utf8' })
const test = takes({ args: ['text'], rest: true, gives: 'bool' })

/** Over one column of text, `a`. */
const over = (given: readonly (string | null)[], expr: string, result: Example['result']): Example => ({
  columns: { a: 'utf8' },
  rows: given.map((value) => [value]),
  expr,
  result,
})

export const textOperators = {
  length: call('length', {
    rule: takes({ args: ['text'], gives: 'int64' }),
    kernel: lengthKernel,
    cost: 3,
    doc: {
      call: 'a.str.length()',
      types: 'utf8 -> int64',
      text: 'The number of Unicode code points.',
      example: over(['abc', 'd\u00e9j\u00e0', '\u{1f600}', null], "col('a').str.length()", [3n, 4n, 1n, null]),
    },
  }),
  lower: call('lower', {
    rule: texts,
    kernel: caseKernel('lower'),
    cost: 10,
    doc: {
      call: 'a.str.lower()',
      types: 'utf8 -> utf8',
      text: "In small letters: Unicode's full mappings, as JavaScript's toLowerCase().",
      example: over(['ABC', '\u00c9T\u00c9'], "col('a').str.lower()", ['abc', '\u00e9t\u00e9']),
    },
  }),
  upper: call('upper', {
    rule: texts,
    kernel: caseKernel('upper'),
    cost: 10,
    doc: {
      call: 'a.str.upper()',
      types: 'utf8 -> utf8',
      text: "In capital letters: Unicode's full mappings, as JavaScript's toUpperCase().",
      example: over(['abc', 'stra\u00dfe'], "col('a').str.upper()", ['ABC', 'STRASSE']),
    },
  }),
  trim: call('trim', {
    rule: texts,
    kernel: trimKernel('both'),
    cost: 5,
    doc: {
      call: 'a.str.trim()',
      types: 'utf8 -> utf8',
      text: "Without the white space at both ends; white space is what JavaScript's trim() takes for it.",
      example: over([' a b\n', '\u00a0\u3000'], "col('a').str.trim()", ['a b', '']),
    },
  }),
  trimStart: call('trimStart', {
    rule: texts,
    kernel: trimKernel('start'),
    cost: 5,
    doc: {
      call: 'a.str.trimStart()',
      types: 'utf8 -> utf8',
      text: 'Without the white space at the start.',
      example: over([' a '], "col('a').str.trimStart()", ['a ']),
    },
  }),
  trimEnd: call('trimEnd', {
    rule: texts,
    kernel: trimKernel('end'),
    cost: 5,
    doc: {
      call: 'a.str.trimEnd()',
      types: 'utf8 -> utf8',
      text: 'Without the white space at the end.',
      example: over([' a '], "col('a').str.trimEnd()", [' a']),
    },
  }),
  contains: call('contains', {
    rule: test,
    kernel: searchKernel('contains'),
    cost: 6,
    doc: {
      call: 'a.str.contains(b)',
      types: 'utf8, utf8 -> bool',
      text: 'Whether `b`, as it is written, lies anywhere in `a`. The empty text lies in every one.',
      example: over(['banana', 'apple', null], "col('a').str.contains('nan')", [true, false, null]),
    },
  }),
  startsWith: call('startsWith', {
    rule: test,
    kernel: searchKernel('startsWith'),
    cost: 3,
    doc: {
      call: 'a.str.startsWith(b)',
      types: 'utf8, utf8 -> bool',
      text: 'Whether `a` begins with `b`.',
      example: over(['banana', 'apple', null], "col('a').str.startsWith('ban')", [true, false, null]),
    },
  }),
  endsWith: call('endsWith', {
    rule: test,
    kernel: searchKernel('endsWith'),
    cost: 3,
    doc: {
      call: 'a.str.endsWith(b)',
      types: 'utf8, utf8 -> bool',
      text: 'Whether `a` ends with `b`.',
      example: over(['banana', 'apple', null], "col('a').str.endsWith('na')", [true, false, null]),
    },
  }),
  concat: call('concat', {
    rule: texts,
    kernel: concatKernel,
    cost: 8,
    doc: {
      call: 'concat(a, b, ...)',
      types: 'utf8, ... -> utf8',
      text: 'The texts, one behind another; also `a.str.concat(b, ...)`.',
      example: {
        columns: { a: 'utf8', b: 'utf8' },
        rows: [
          ['Ada', 'Lovelace'],
          ['Ada', null],
        ],
        expr: "concat(col('a'), ' ', col('b'))",
        result: ['Ada Lovelace', null],
      },
    },
  }),
  substring: call('substring', {
    rule: takes({ args: ['text', 'int'], rest: true, gives: 'utf8' }),
    kernel: substringKernel,
    cost: 6,
    doc: {
      call: 'a.str.substring(start, length?)',
      types: 'utf8, int, int -> utf8',
      text:
        'Code points from `start` on: the first is 0, and below 0 it counts from the end. `length` of them, or all that ' +
        'follow; below 0 it is 0. What lies outside of the text is left out.',
      example: over(['banana', '\u{1f600}\u00e9'], "col('a').str.substring(-3, 2)", ['an', '\u{1f600}\u00e9']),
    },
  }),
  replace: call('replace', {
    rule: texts,
    kernel: replaceKernel,
    cost: 10,
    doc: {
      call: "a.str.replace('x', 'y')",
      types: 'utf8, literals of it -> utf8',
      text: 'Every occurrence of a text, as it is written, becomes another.',
      example: over(['1.234.567', 'none'], "col('a').str.replace('.', '')", ['1234567', 'none']),
    },
  }),
  like: {
    symbol: 'like',
    form: 'infix',
    binds: 4,
    fallible: false,
    rule: test,
    kernel: likeKernel,
    cost: 6,
    doc: {
      call: "a.str.like('x%')",
      types: 'utf8, a literal -> bool',
      text:
        'Whether all of the text fits the pattern: `%` stands for any text, `_` for one code point, a backslash before ' +
        'one of them for the character itself. Capitals count.',
      example: over(['banana', 'bandana', null], "col('a').str.like('b_n%na')", [true, true, null]),
    },
  },
  matches: call('matches', {
    rule: test,
    kernel: matchesKernel,
    cost: 60,
    doc: {
      call: 'a.str.matches(/x+/)',
      types: 'utf8, a RegExp -> bool',
      text: "Whether the pattern matches somewhere; JavaScript's regular expressions, without the flags `g` and `y`.",
      example: over(['order 17', 'none', null], "col('a').str.matches(/\\d+$/)", [true, false, null]),
    },
  }),
  extract: call('extract', {
    rule: takes({ args: ['text', 'text', 'text', 'any'], gives: 'utf8' }),
    kernel: extractKernel,
    cost: 80,
    doc: {
      call: 'a.str.extract(/(x+)/, group?)',
      types: 'utf8, a RegExp, a literal -> utf8',
      text: 'What a group takes of the first match, by its number (0, the default: the whole match) or name.',
      nulls: 'null where `a` is, where nothing matches, and where the group takes no part',
      example: over(['order 17', 'none'], "col('a').str.extract(/order (\\d+)/, 1)", ['17', null]),
    },
  }),
  split: call('split', {
    rule: takes({ args: ['text'], rest: true, gives: { kind: 'list', item: { kind: 'utf8' } } }),
    kernel: splitKernel,
    cost: 20,
    doc: {
      call: "a.str.split(',')",
      types: "utf8, a literal -> ['utf8']",
      text: 'The texts between the separators: one more than there are of them.',
      example: over(['a,b', '', ',', null], "col('a').str.split(',')", [['a', 'b'], [''], ['', ''], null]),
    },
  }),
} satisfies Record<string, Operator>
