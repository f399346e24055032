/** Schemas, JSON documents for them, sound and broken, and predicates over their columns. */
import fc from 'fast-check'
import type { Predicate, PredicateLiteral } from '../../src/plan/pushdown.ts'
import { type ColumnType, type Field, plainNames } from '../../src/schema.ts'
import { hardNumbers } from '../conformance/json-documents.ts'
import type { Document } from '../support/addon-rows.ts'

const decimal = fc
  .integer({ min: 1, max: 38 })
  .chain((precision) =>
    fc.integer({ min: 0, max: precision }).map((scale): ColumnType => ({ kind: 'decimal', precision, scale })),
  )
export const scalar: fc.Arbitrary<ColumnType> = fc.oneof(
  { arbitrary: fc.constantFrom(...plainNames).map((kind): ColumnType => ({ kind })), weight: 6 },
  {
    arbitrary: fc.constantFrom('s', 'ms', 'us', 'ns').map((unit): ColumnType => ({ kind: 'timestamp', unit })),
    weight: 2,
  },
  { arbitrary: decimal, weight: 1 },
)
const names = [
  'a',
  'b',
  'aa',
  'amount',
  'a"b',
  'tab\t',
  'é',
  '日本',
  '😀',
  '}',
  '',
  'a name that is longer than two blocks are',
]
const name = fc.constantFrom(...names)

export const type: fc.Arbitrary<ColumnType> = fc.letrec<{ type: ColumnType }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    scalar,
    tie('type').map((item): ColumnType => ({ kind: 'list', item })),
    fields(tie('type')).map((each): ColumnType => ({ kind: 'struct', fields: each })),
  ),
})).type

function fields(types: fc.Arbitrary<ColumnType>): fc.Arbitrary<readonly Field[]> {
  return fc.uniqueArray(fc.record({ name, type: types }), {
    minLength: 1,
    maxLength: 5,
    selector: (field) => field.name,
  })
}
export const schema = fields(type)

// ---------------------------------------------------------------- values as JSON text

const digits = fc.oneof(
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 65n), max: 2n ** 65n }).map(String),
  fc.constantFrom('9223372036854775807', '-9223372036854775808', '9223372036854775808', '18446744073709551615', '-0'),
  fc.constantFrom(
    '9007199254740993',
    '18446744073709551616',
    '127',
    '128',
    '-129',
    '255',
    '256',
    '65536',
    '4294967296',
  ),
)
const number = fc.oneof(
  digits,
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.tuple(digits, fc.nat({ max: 99_999 }), fc.integer({ min: -30, max: 30 })).map(([a, b, e]) => `${a}.${b}e${e}`),
  fc.tuple(digits, fc.integer({ min: -25, max: 25 })).map(([a, e]) => `${a}E${e}`),
  fc.tuple(fc.integer(), fc.constantFrom('.0', '.50', '.000')).map(([a, b]) => `${a}${b}`),
  fc.constantFrom(...hardNumbers),
)
const small = fc.oneof({ arbitrary: fc.nat({ max: 127 }).map(String), weight: 9 }, fc.constantFrom('-1', '1e1', '20.0'))
const quoted = (text: fc.Arbitrary<string>): fc.Arbitrary<string> => text.map((one) => JSON.stringify(one))
const string = fc.oneof(
  { arbitrary: quoted(fc.string()), weight: 6 },
  { arbitrary: quoted(fc.string({ unit: 'grapheme' })), weight: 6 },
  quoted(fc.string({ unit: 'binary' })),
  { arbitrary: quoted(fc.string({ minLength: 60, maxLength: 140 })), weight: 4 },
  quoted(fc.constantFrom('paid', 'é', '\b\n"\\', '')),
  fc.constantFrom('"\\u00e9\\/\\b\\n"', '"\\ud83d\\ude00"'),
  { arbitrary: fc.constantFrom('"\\ud83d"', '"\\x"', '"\\u12"', '"a\tb"'), weight: 1 },
)
const pair = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'))
const time = fc
  .tuple(
    fc.integer({ min: 0, max: 9999 }).map((year) => String(year).padStart(4, '0')),
    pair(13),
    pair(32),
    fc.constantFrom('T', 'T', ' ', 't', ''),
    pair(24),
    pair(60),
    fc.constantFrom('', ':59', ':07.5', ':00.123', ':30.123456', ':01,123456789', ':01.', ':61'),
    fc.constantFrom('', 'Z', 'z', '+01:00', '-0530', '+25:00', '+1'),
  )
  .map(
    ([y, m, d, t, hour, minute, rest, zone]) =>
      `"${y}-${m}-${d}${t === '' ? '' : `${t}${hour}:${minute}${rest}${zone}`}"`,
  )
const soundTime = fc
  .date({ min: new Date('1700-01-01'), max: new Date('2200-01-01'), noInvalidDate: true })
  .map((date) => `"${date.toISOString()}"`)
const base64 = fc.oneof(
  fc.uint8Array({ maxLength: 20 }).map((bytes) => `"${Buffer.from(bytes).toString('base64')}"`),
  fc.constantFrom('"aGVsbB=="', '"aGVsb"', '"===="', '"aGV\\u0073"'),
)

const any: fc.Arbitrary<string> = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('null', 'true', 'false'),
    number,
    string,
    time,
    base64,
    fc.array(tie('any'), { maxLength: 3 }).map((items) => `[${items.join(',')}]`),
    fc
      .array(fc.tuple(quoted(name), tie('any')), { maxLength: 3 })
      .map((all) => `{${all.map((one) => one.join(':')).join(',')}}`),
  ),
})).any

function fitting(of: ColumnType): fc.Arbitrary<string> {
  switch (of.kind) {
    case 'bool':
      return fc.constantFrom('true', 'false')
    case 'utf8':
      return string
    case 'binary':
      return base64
    case 'date':
    case 'timestamp':
      return fc.oneof(
        { arbitrary: time, weight: 1 },
        { arbitrary: soundTime, weight: 6 },
        { arbitrary: small, weight: 2 },
        digits,
      )
    case 'decimal':
      return fc.oneof({ arbitrary: small, weight: 5 }, number, quoted(number))
    case 'list':
      return fc.array(value(of.item), { maxLength: 4 }).map((items) => `[${items.join(',')}]`)
    case 'struct':
      return object(of.fields)
    default:
      return of.kind.startsWith('float') ? number : fc.oneof({ arbitrary: small, weight: 8 }, number)
  }
}

const value = (of: ColumnType): fc.Arbitrary<string> =>
  fc.oneof(
    { arbitrary: fitting(of), weight: 16 },
    { arbitrary: fc.constant('null'), weight: 2 },
    { arbitrary: any, weight: 1 },
  )

const blank = fc.oneof({ arbitrary: fc.constant(''), weight: 12 }, fc.constantFrom(' ', '\n', '\t\r '))
/** A key as most write it, or with its first character escaped. */
const keyText = (key: string): fc.Arbitrary<string> => {
  const unit =
    key.length === 0 || key.codePointAt(0)! > 0xffff ? undefined : key.charCodeAt(0).toString(16).padStart(4, '0')
  const plain = JSON.stringify(key)
  if (unit === undefined) return fc.constant(plain)
  return fc.oneof(
    { arbitrary: fc.constant(plain), weight: 30 },
    fc.constant(`"\\u${unit}${JSON.stringify(key.slice(1)).slice(1)}`),
  )
}

/** Members in the schema's order or another, some missing, some twice, some that nobody wants. */
function object(of: readonly Field[]): fc.Arbitrary<string> {
  const own = of.map((field) =>
    fc.option(fc.tuple(keyText(field.name), blank, value(field.type), blank), { freq: 8, nil: null }),
  )
  const stranger = fc.tuple(fc.oneof(quoted(name), string), blank, any, blank)
  const again = fc.constantFrom(...of).chain((field) => fc.tuple(keyText(field.name), blank, value(field.type), blank))
  const more = fc.oneof(
    { arbitrary: fc.constant([]), weight: 3 },
    fc.array(fc.oneof(stranger, again), { maxLength: 3 }),
  )
  return fc.tuple(fc.tuple(...own), more, fc.integer({ min: 0, max: 9 })).map(([members, others, turn]) => {
    const all = [...members.filter((one) => one !== null), ...others]
    const turned = turn > 2 ? all : [...all.slice(turn), ...all.slice(0, turn)]
    return `{${turned.map(([key, before, text, behind]) => `${before}${key}:${before}${text}${behind}`).join(',')}}`
  })
}

/** What happened to the bytes on their way. */
const damage = fc.record({
  at: fc.nat(),
  byte: fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(34, 44, 92, 123, 125)),
  kind: fc.nat({ max: 3 }),
})

/** Texts, some of them damaged, and what is none of them. */
const delivered = (texts: fc.Arbitrary<string>): fc.Arbitrary<Document> =>
  fc.oneof(
    { arbitrary: texts, weight: 24 },
    {
      arbitrary: fc.tuple(texts, damage).map(([text, { at, byte, kind }]): Document => {
        const bytes = Buffer.from(text)
        const place = at % bytes.length
        if (kind === 0) return new Uint8Array(bytes.subarray(0, place))
        const [before, behind] = [bytes.subarray(0, place), bytes.subarray(kind === 1 ? place : place + 1)]
        return new Uint8Array(Buffer.concat([before, Buffer.of(byte), behind]))
      }),
      weight: 5,
    },
    { arbitrary: any, weight: 1 },
    { arbitrary: fc.constantFrom<Document>(null, '', ' \n', '\ufeff{}', '{}', ' {} '), weight: 1 },
  )

export const document = (of: readonly Field[]): fc.Arbitrary<Document> => delivered(object(of))

/** A document that is one value: what a key is. */
export const valueDocument = (of: ColumnType): fc.Arbitrary<Document> =>
  delivered(fc.tuple(blank, value(of), blank).map((parts) => parts.join('')))

// ---------------------------------------------------------------- predicates

const integer = fc.oneof(fc.bigInt({ min: -300n, max: 300n }), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }))
// As src/plan/pushdown.ts writes them: an integer beyond 2^53 is an {i}, or not pushed down.
const real = fc.oneof(
  fc.integer({ min: -600, max: 600 }).map((n) => n / 2),
  fc.double({ noNaN: true, noDefaultInfinity: true }).filter((f) => !Number.isInteger(f) || Number.isSafeInteger(f)),
)

function literal({ kind }: ColumnType): fc.Arbitrary<PredicateLiteral> | undefined {
  const whole = integer.map((i): PredicateLiteral => ({ i: String(i) }))
  if (kind === 'bool') return fc.boolean().map((b) => ({ b }))
  if (kind === 'utf8') return fc.oneof(fc.string(), fc.constantFrom('', 'é', '😀\u00e9/\b\n')).map((s) => ({ s }))
  if (kind === 'date' || kind === 'timestamp') return whole
  if (/int|float/.test(kind))
    return fc.oneof(
      whole,
      real.map((f): PredicateLiteral => ({ f })),
    )
  return undefined
}

function leaf(of: readonly Field[]): fc.Arbitrary<Predicate> {
  return fc.nat({ max: of.length - 1 }).chain((column): fc.Arbitrary<Predicate> => {
    const { type } = of[column]!
    const literals = literal(type)
    const isNull = fc.constant<Predicate>(['isNull', column])
    if (literals === undefined) return isNull
    const op = fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge')
    return fc.oneof(
      { arbitrary: fc.tuple(op, literals).map(([one, by]): Predicate => [one, column, by]), weight: 5 },
      { arbitrary: fc.array(literals, { maxLength: 4 }).map((all): Predicate => ['in', column, all]), weight: 2 },
      isNull,
      ...(type.kind === 'bool' ? [fc.constant<Predicate>(['col', column])] : []),
    )
  })
}

export const predicate = (of: readonly Field[]): fc.Arbitrary<Predicate | undefined> =>
  fc.option(
    fc.letrec<{ predicate: Predicate }>((tie) => ({
      predicate: fc.oneof(
        { maxDepth: 3 },
        leaf(of),
        fc
          .tuple(fc.constantFrom('and', 'or'), fc.array(tie('predicate'), { minLength: 1, maxLength: 3 }))
          .map(([op, terms]): Predicate => [op, terms]),
        tie('predicate').map((term): Predicate => ['not', term]),
      ),
    })).predicate,
    { freq: 2, nil: undefined },
  )
