/** `col()`, `lit()` and the expressions that they begin. An Expr wraps a frozen node; its type parameter is that node. */
import { describe, SabotError } from '../errors.ts'
import type { TimeUnit, TypeName } from '../schema.ts'
import { castType } from './casts.ts'
import { zoneOf } from './kernels/zones.ts'
import {
  type CallNode,
  type ColNode,
  callNode,
  colNode,
  type Literal,
  type LitNode,
  litNode,
  type Node,
  type OpName,
  type TimeParseOp,
} from './nodes.ts'
import { likeTokens, regExpGroup, regExpParts } from './patterns.ts'
import { print } from './print.ts'
import { checkParsePattern, timePattern } from './time-patterns.ts'
import { type CalendarUnit, checkUnit } from './times.ts'
import type { Fits, NodeOf, TypeOf } from './types.ts'

/** An expression or a value that stands for itself. */
export type Operand = Expr | Literal

type Binary<Op extends OpName, N, V> = Expr<CallNode<Op, readonly [N, NodeOf<V>]>>
type Between<N, L, H> = Expr<
  CallNode<'and', readonly [CallNode<'ge', readonly [N, NodeOf<L>]>, CallNode<'le', readonly [N, NodeOf<H>]>]>
>
type Cast<Op extends OpName, N, T extends TypeName> = Expr<CallNode<Op, readonly [N, LitNode<T>]>>
type Parse<Op extends OpName, N, U extends TimeUnit> = Expr<CallNode<Op, readonly [N, LitNode<`timestamp[${U}]`>]>>
type ParseOptions<U extends TimeUnit> = ZoneOption & { readonly unit?: U }
type NodesOf<V extends readonly unknown[]> = { readonly [I in keyof V]: NodeOf<V[I]> }
type Unary<Op extends OpName, N> = Expr<CallNode<Op, readonly [N]>>

/**
 * An expression over columns; made by `col()` and `lit()`, never by `new`. Immutable. A null operand makes the result
 * null, but for `and` and `or` (SQL's three-valued logic) and `isNull`, `isNotNull`.
 */
export class Expr<out N = Node> {
  readonly node: N

  constructor(node: N) {
    this.node = node
    Object.freeze(this)
  }

  /** Equal. Text by its bytes; floats as IEEE has it, so NaN equals nothing and -0 equals 0. */
  eq<const V extends Operand>(other: V): Binary<'eq', N, V> {
    return binary('eq', this, other)
  }
  ne<const V extends Operand>(other: V): Binary<'ne', N, V> {
    return binary('ne', this, other)
  }
  /** Less than. Integers and floats are compared exactly, text by code points, false before true. */
  lt<const V extends Operand>(other: V): Binary<'lt', N, V> {
    return binary('lt', this, other)
  }
  le<const V extends Operand>(other: V): Binary<'le', N, V> {
    return binary('le', this, other)
  }
  gt<const V extends Operand>(other: V): Binary<'gt', N, V> {
    return binary('gt', this, other)
  }
  ge<const V extends Operand>(other: V): Binary<'ge', N, V> {
    return binary('ge', this, other)
  }

  /** Sum: int64 of integers (a result past 64 bits is that row's error), float64 where one side is a float. */
  add<const V extends Operand>(other: V): Binary<'add', N, V> {
    return binary('add', this, other)
  }
  sub<const V extends Operand>(other: V): Binary<'sub', N, V> {
    return binary('sub', this, other)
  }
  mul<const V extends Operand>(other: V): Binary<'mul', N, V> {
    return binary('mul', this, other)
  }
  /** Quotient, always float64: 7 / 2 is 3.5, 1 / 0 is Infinity. */
  div<const V extends Operand>(other: V): Binary<'div', N, V> {
    return binary('div', this, other)
  }
  /** Remainder with the sign of the dividend: int64 of integers (by zero: null), else float64 (by zero: NaN). */
  mod<const V extends Operand>(other: V): Binary<'mod', N, V> {
    return binary('mod', this, other)
  }
  neg(): Unary<'neg', N> {
    return unary('neg', this)
  }

  /** False where one side is false, else null where one is null. */
  and<const V extends Expr | boolean | null>(other: V): Binary<'and', N, V> {
    return binary('and', this, other)
  }
  /** True where one side is true, else null where one is null. */
  or<const V extends Expr | boolean | null>(other: V): Binary<'or', N, V> {
    return binary('or', this, other)
  }
  not(): Unary<'not', N> {
    return unary('not', this)
  }

  isNull(): Unary<'isNull', N> {
    return unary('isNull', this)
  }
  isNotNull(): Unary<'isNotNull', N> {
    return unary('isNotNull', this)
  }

  /** Equal to one of the values. As in SQL, a null among them makes every miss null, and `in([])` is false. */
  in<const V extends Literal>(values: readonly V[]): Expr<CallNode<'in', readonly [N, LitNode<V>]>> {
    if (!Array.isArray(values))
      throw new SabotError('SCHEMA', `in() takes an array of literals, such as in(['DE', 'FR']).`)
    return new Expr(callNode('in', [nodeOf(this), ...values.map(litNode)])) as never
  }

  /** Whether it lies between the two, which count as well: `low <= a and a <= high`. */
  between<const L extends Operand, const H extends Operand>(low: L, high: H): Between<N, L, H> {
    return this.ge(low).and(this.le(high) as Expr) as never
  }

  /** The first that is not null of this and the others, which all have one type; see the function `coalesce`. */
  coalesce<const V extends readonly Operand[]>(...others: V): Expr<CallNode<'coalesce', readonly [N, ...NodesOf<V>]>> {
    return coalesce(this as Expr, ...others) as never
  }

  /** Null where it is equal to the value. */
  nullIf<const V extends Operand>(value: V): Binary<'nullIf', N, V> {
    return binary('nullIf', this, value)
  }

  /**
   * The same value as another type, by its name in a schema: `cast('int64')`, `cast('timestamp[us]')`,
   * `cast('decimal(18,4)')`. What the type has not (out of range, a fraction for an integer, text that is no number) is
   * that row's error.
   */
  cast<const T extends TypeName>(type: T): Cast<'cast', N, T> {
    castType(type, 'cast')
    return binary('cast', this, type)
  }
  /** As `cast`; null where that is an error. */
  tryCast<const T extends TypeName>(type: T): Cast<'tryCast', N, T> {
    castType(type, 'tryCast')
    return binary('tryCast', this, type)
  }

  /** A field of a struct. Null where the struct is; its values are the struct's own column, not copied. */
  field<const Name extends string>(name: Name): Call<'field', readonly [N, LitNode<Name>]> {
    return called('field', this, text(name, 'field', 'any'))
  }

  /**
   * A hash of any scalar: int64. MurmurHash3_x86_128 with seed 0, its first 8 bytes; what is hashed of which type, so
   * that int32 5 and int64 5 hash alike, stands in docs/expressions.md. Of several columns: the function `hash`.
   */
  hash(): Unary<'hash', N> {
    return unary('hash', this)
  }

  /** Functions of lists. */
  get list(): ListMethods<N> {
    return new ListMethods(this)
  }

  /** Functions of dates and timestamps. */
  get dt(): TimeMethods<N> {
    return new TimeMethods(this)
  }

  /** Functions of text. */
  get str(): TextMethods<N> {
    return new TextMethods(this)
  }

  /** As `explain()` prints it. */
  toString(): string {
    return print(nodeOf(this))
  }
}

/** What a function of text takes beside its own text. */
type TextOperand = Expr | string | null
/** A column of positions or counts, or one for all rows. */
type IntOperand = Expr | number | bigint | null
type Call<Op extends OpName, Args extends readonly unknown[]> = Expr<CallNode<Op, Args>>

/** A time zone: a name of the IANA database ('Europe/Berlin'), an offset ('+02:00'), or 'UTC', the default. */
export interface ZoneOption {
  readonly zone?: string
}

/**
 * What `col('at').dt` gives: functions of dates and timestamps, in UTC where no zone is given. A date has no zone and no
 * time of day: it is the same day everywhere. A null gives null.
 */
export class TimeMethods<out N = Node> {
  readonly #of: Expr<N>

  constructor(of: Expr<N>) {
    this.#of = of
  }

  /** The year; 0 is 1 BC. Null where it passes int32, as a timestamp[s] may. */
  year(options?: ZoneOption): Unary<'year', N> {
    return inZone('year', options, this.#of)
  }
  /** 1 to 12. */
  month(options?: ZoneOption): Unary<'month', N> {
    return inZone('month', options, this.#of)
  }
  /** The day of the month, 1 to 31. */
  day(options?: ZoneOption): Unary<'day', N> {
    return inZone('day', options, this.#of)
  }
  /** 0 to 23. */
  hour(options?: ZoneOption): Unary<'hour', N> {
    return inZone('hour', options, this.#of)
  }
  /** 0 to 59. */
  minute(options?: ZoneOption): Unary<'minute', N> {
    return inZone('minute', options, this.#of)
  }
  /** 0 to 59. */
  second(options?: ZoneOption): Unary<'second', N> {
    return inZone('second', options, this.#of)
  }
  /** Milliseconds of the second's fraction. */
  millisecond(options?: ZoneOption): Unary<'millisecond', N> {
    return inZone('millisecond', options, this.#of)
  }
  /** Microseconds of the second's fraction. */
  microsecond(options?: ZoneOption): Unary<'microsecond', N> {
    return inZone('microsecond', options, this.#of)
  }
  /** Nanoseconds of the second's fraction. */
  nanosecond(options?: ZoneOption): Unary<'nanosecond', N> {
    return inZone('nanosecond', options, this.#of)
  }
  /** Monday 1 to Sunday 7. */
  dayOfWeek(options?: ZoneOption): Unary<'dayOfWeek', N> {
    return inZone('dayOfWeek', options, this.#of)
  }
  /** 1 to 366. */
  dayOfYear(options?: ZoneOption): Unary<'dayOfYear', N> {
    return inZone('dayOfYear', options, this.#of)
  }
  /** ISO 8601's week, 1 to 53; week 1 has the year's first Thursday. */
  week(options?: ZoneOption): Unary<'week', N> {
    return inZone('week', options, this.#of)
  }

  /** The time as an int64 of a unit since 1970, UTC; a coarser unit than the column's is rounded down. */
  epoch(unit: TimeUnit): Unary<'epoch', N> {
    castType(`timestamp[${unit}]`, 'epoch')
    return called('epoch', this.#of, unit)
  }
  /** The beginning of the unit in which the time lies; of a week its Monday. Of the column's own type. */
  truncate(unit: CalendarUnit, options?: ZoneOption): Unary<'truncate', N> {
    checkUnit(unit, 'truncate')
    return inZone('truncate', options, this.#of, unit)
  }
  /**
   * Moved by so many units; negative: back. Of the column's own type; a result past it is that row's error. Hours and
   * shorter have one length; days and longer keep the time of day of the zone (one that a clock leaves out moves on by
   * what was left out), and a day that the month has not is its last.
   */
  add<const V extends IntOperand>(amount: V, unit: CalendarUnit, options?: ZoneOption): Binary<'addTime', N, V> {
    checkUnit(unit, 'add')
    return inZone('addTime', options, this.#of, amount, unit)
  }
  /**
   * How many whole units this is after `other`, towards zero; negative where it is before: int64. Hours and shorter have
   * one length; days and longer are counted on the calendar of the zone. `other` may be a Date, or ISO 8601.
   */
  difference<const V extends Expr | Date | string>(
    other: V,
    unit: CalendarUnit,
    options?: ZoneOption,
  ): Binary<'difference', N, V> {
    checkUnit(unit, 'difference')
    return inZone('difference', options, this.#of, other, unit)
  }
  /**
   * Text by a pattern of `yyyy`, `MM`, `dd`, `HH`, `mm`, `ss`, `S` to `SSSSSSSSS` (the second's fraction), `XXX` (the
   * offset, `Z` for none) and text, of which letters stand in quotes: `yyyy-MM-dd'T'HH:mm:ss.SSSXXX`.
   */
  format(pattern: string, options?: ZoneOption): Unary<'formatTime', N> {
    timePattern(pattern, 'format')
    return inZone('formatTime', options, this.#of, pattern)
  }
}

/** Parameters of a call are literals behind its operands, the zone the last. */
function inZone(op: OpName, options: ZoneOption | undefined, ...args: readonly (Expr<unknown> | Literal)[]): never {
  if (options?.zone === undefined) return called(op, ...args)
  zoneOf(options.zone)
  return called(op, ...args, options.zone)
}

/** What `col('name').str` gives: functions of utf8. A null gives null unless it is said otherwise. */
export class TextMethods<out N = Node> {
  readonly #of: Expr<N>

  constructor(of: Expr<N>) {
    this.#of = of
  }

  /** The number of Unicode code points: int64. */
  length(): Unary<'length', N> {
    return unary('length', this.#of)
  }
  /** In small letters, by Unicode's full mappings, as JavaScript's toLowerCase(). */
  lower(): Unary<'lower', N> {
    return unary('lower', this.#of)
  }
  /** In capital letters, by Unicode's full mappings, as JavaScript's toUpperCase(): 'ß' becomes 'SS'. */
  upper(): Unary<'upper', N> {
    return unary('upper', this.#of)
  }
  /** Without the white space at both ends, as JavaScript's trim(). */
  trim(): Unary<'trim', N> {
    return unary('trim', this.#of)
  }
  trimStart(): Unary<'trimStart', N> {
    return unary('trimStart', this.#of)
  }
  trimEnd(): Unary<'trimEnd', N> {
    return unary('trimEnd', this.#of)
  }

  /** Whether the other text, as it is written, lies anywhere in this one. The empty text lies in every one. */
  contains<const V extends TextOperand>(other: V): Binary<'contains', N, V> {
    return binary('contains', this.#of, other)
  }
  startsWith<const V extends TextOperand>(other: V): Binary<'startsWith', N, V> {
    return binary('startsWith', this.#of, other)
  }
  endsWith<const V extends TextOperand>(other: V): Binary<'endsWith', N, V> {
    return binary('endsWith', this.#of, other)
  }

  /** This text and the others behind it. Null where one of them is. */
  concat<const V extends readonly TextOperand[]>(...others: V): Call<'concat', readonly [N, ...NodesOf<V>]> {
    return called('concat', this.#of, ...others)
  }
  /**
   * Code points from `start` on (the first is 0; below 0 it counts from the end), `length` of them or all that follow.
   * What lies outside of the text is left out; a `length` below 0 is 0.
   */
  substring<const V extends IntOperand>(start: V): Binary<'substring', N, V>
  substring<const V extends IntOperand, const L extends IntOperand>(
    start: V,
    length: L,
  ): Call<'substring', readonly [N, NodeOf<V>, NodeOf<L>]>
  substring(start: IntOperand, length?: IntOperand): never {
    return length === undefined ? called('substring', this.#of, start) : called('substring', this.#of, start, length)
  }
  /** Every occurrence of a text, as it is written, becomes `replacement`. */
  replace(search: string, replacement: string): Call<'replace', readonly [N, LitNode<string>, LitNode<string>]> {
    return called('replace', this.#of, text(search, 'replace', 'some'), text(replacement, 'replace', 'any'))
  }

  /**
   * Whether all of the text fits a pattern of SQL: `%` stands for any text, `_` for one code point, a backslash before
   * one of these (or before another backslash) for the character itself. Capitals count.
   */
  like(pattern: string): Binary<'like', N, string> {
    likeTokens(text(pattern, 'like', 'any'))
    return binary('like', this.#of, pattern)
  }
  /**
   * Whether a regular expression matches somewhere in the text. It runs on the JavaScript thread, as JavaScript has it;
   * its flags may not be `g` or `y`, which keep a position.
   */
  matches(pattern: RegExp): Call<'matches', readonly [N, LitNode<string>, LitNode<string>]> {
    const { source, flags } = regExpParts(pattern, 'matches')
    return called('matches', this.#of, source, flags)
  }
  /**
   * What a group of a regular expression takes of the first match: by number (0, the default, is the whole match) or by
   * name. Null where nothing matches or the group takes no part.
   */
  extract(
    pattern: RegExp,
    group: number | string = 0,
  ): Call<'extract', readonly [N, LitNode<string>, LitNode<string>, LitNode<number | string>]> {
    const { source, flags } = regExpParts(pattern, 'extract')
    return called('extract', this.#of, source, flags, regExpGroup({ source, flags }, group))
  }

  /**
   * The text as a timestamp: by a pattern as `dt.format` has it, which all of the text fits, else by ISO 8601. Text that
   * names no offset is a time of the zone: one that its clocks show twice is the earlier, one that they leave out moves on by what
   * they leave out. `unit`: of the result, default 'ms'; what is finer is rounded down. Other text is that row's error.
   */
  toTimestamp<const U extends TimeUnit = 'ms'>(
    pattern?: string | null,
    options: ParseOptions<U> = {},
  ): Parse<'toTimestamp', N, U> {
    return this.#parse('toTimestamp', pattern, options)
  }
  /** As `toTimestamp`; null where that is an error. */
  tryToTimestamp<const U extends TimeUnit = 'ms'>(
    pattern?: string | null,
    options: ParseOptions<U> = {},
  ): Parse<'tryToTimestamp', N, U> {
    return this.#parse('tryToTimestamp', pattern, options)
  }
  #parse(op: TimeParseOp, pattern: string | null | undefined, { unit, zone }: ParseOptions<TimeUnit>): never {
    const type = `timestamp[${unit ?? 'ms'}]` as const
    castType(type, op)
    if (pattern !== undefined && pattern !== null) checkParsePattern(pattern, op)
    return inZone(op, zone === undefined ? {} : { zone }, this.#of, type, pattern ?? null)
  }

  /** The texts between the separators: a list of utf8, one item more than there are separators. */
  split(separator: string): Binary<'split', N, string> {
    return binary('split', this.#of, text(separator, 'split', 'some'))
  }
}

/** What `col('tags').list` gives: functions of lists. */
export class ListMethods<out N = Node> {
  readonly #of: Expr<N>

  constructor(of: Expr<N>) {
    this.#of = of
  }

  /** The number of items, nulls among them: int64. */
  length(): Unary<'listLength', N> {
    return unary('listLength', this.#of)
  }
  /** An item by its place: the first is 0, the last is -1. Null where there is none. */
  element<const V extends IntOperand>(index: V): Binary<'element', N, V> {
    return binary('element', this.#of, index)
  }
  /** Whether an item equals the value. Where none does but one is null, it is null, as with SQL's `= any`. */
  contains<const V extends Operand>(value: V): Binary<'listContains', N, V> {
    return binary('listContains', this.#of, value)
  }
}

function text(given: unknown, method: string, size: 'some' | 'any'): string {
  if (typeof given === 'string' && (size === 'any' || given !== '')) return given
  const wanted = size === 'any' ? 'a string' : 'a string that is not empty'
  throw new SabotError('SCHEMA', `${method}() takes ${wanted}, not ${describe(given)}.`)
}

/** The texts, one behind another. Null where one of them is. */
export function concat<const V extends readonly [TextOperand, ...TextOperand[]]>(
  ...texts: V
): Call<'concat', NodesOf<V>> {
  if (texts.length === 0)
    throw new SabotError('SCHEMA', "concat() takes texts, such as concat(col('a'), ' ', col('b')).")
  return called('concat', ...texts)
}

/** A hash of several values: int64. Null where one of them is. See `Expr.hash`. */
export function hash<const V extends readonly [Operand, ...Operand[]]>(...values: V): Call<'hash', NodesOf<V>> {
  if (values.length === 0) throw new SabotError('SCHEMA', "hash() takes columns, such as hash(col('a'), col('b')).")
  return called('hash', ...values)
}

const called = (op: OpName, ...args: readonly (Expr<unknown> | Literal)[]): never =>
  new Expr(
    callNode(
      op,
      args.map((arg) => toNode(arg as Operand)),
    ),
  ) as never

const binary = (op: OpName, left: Expr<unknown>, right: Operand): never =>
  new Expr(callNode(op, [nodeOf(left), toNode(right)])) as never

const unary = (op: OpName, arg: Expr<unknown>): never => new Expr(callNode(op, [nodeOf(arg)])) as never

/** Every Expr wraps a node; only its type says which. */
const nodeOf = (expr: Expr<unknown>): Node => expr.node as Node

export const toNode = (operand: Operand): Node => (operand instanceof Expr ? nodeOf(operand) : litNode(operand))

/** A column by its name: `col('amount')`; message columns are `$key`, `$topic`, `$partition`, `$offset`, ... */
export function col<const Name extends string>(name: Name): Expr<ColNode<Name>> {
  return new Expr(colNode(name))
}

/**
 * A value as an expression. An integer number is int64 by itself and takes part in float arithmetic as a float; a
 * string beside a timestamp, date or decimal column is read as one (ISO 8601, digits).
 */
export function lit<const Value extends Literal>(value: Value): Expr<LitNode<Value>> {
  return new Expr(litNode(value))
}

/**
 * The first value that is not null. All have one type: integers of several types become int64, integers and floats
 * float64, and a literal stands for what the columns beside it hold.
 */
export function coalesce<const V extends readonly [Operand, ...Operand[]]>(
  ...values: V
): Expr<CallNode<'coalesce', NodesOf<V>>> {
  if (values.length === 0) throw new SabotError('SCHEMA', 'coalesce() takes one expression at least.')
  return new Expr(callNode('coalesce', values.map(toNode))) as never
}

export type { ColNode, Fits, Literal, LitNode, Node, NodeOf, TypeOf }
