/**
 * Predicates as plans write them -> nodes: literals take the class of their column here, once, so that evaluating
 * compares values of one type (native/predicate_parser.cc).
 */
import { SabotError } from '../errors.ts'
import type { PredicateLiteral, Predicate as Pushed } from '../plan/pushdown.ts'
import type { Field } from '../schema.ts'
import type { GrowingColumn } from './growing.ts'
import { hashOf } from './json/keys.ts'
import { typeName } from './json/misfit.ts'
import { EQUAL, GREATER, LESS, type Node, Predicate, UNORDERED } from './predicate.ts'
import { utf8Of } from './utf8.ts'

/** src/plan/pushdown.ts leaves deeper ones in TypeScript. */
const MAX_DEPTH = 100

const comparisons: Readonly<Record<string, number>> = {
  eq: EQUAL,
  ne: LESS | GREATER | UNORDERED,
  lt: LESS,
  le: LESS | EQUAL,
  gt: GREATER,
  ge: GREATER | EQUAL,
}

/** `columns`: those that `fields` describe, while they are filled. Throws CONFIG for what can't be compared. */
export function compilePredicate(
  pushed: Pushed,
  fields: readonly Field[],
  columns: readonly GrowingColumn[],
): Predicate {
  const compiler = new Compiler(fields, columns)
  const root = compiler.node(pushed, 1)
  return new Predicate(
    root,
    [...compiler.reads].sort((a, b) => a - b),
  )
}

const config = (message: string): SabotError => new SabotError('CONFIG', `predicate: ${message}`)
const malformed = (expected: string): SabotError =>
  config(`expected ${expected}, in the form of PushedPredicate in src/kafka/backend.ts`)

/** A literal by its class: an integer, a float, text or a bool. */
type Value = bigint | number | string | boolean

class Compiler {
  readonly reads = new Set<number>()
  readonly #fields: readonly Field[]
  readonly #columns: readonly GrowingColumn[]

  constructor(fields: readonly Field[], columns: readonly GrowingColumn[]) {
    this.#fields = fields
    this.#columns = columns
  }

  node(pushed: Pushed, depth: number): Node {
    if (depth > MAX_DEPTH) {
      throw config(`expected at most ${MAX_DEPTH} levels of and, or and not; write \`in\` or fewer levels`)
    }
    const [op, first, second] = pushed as readonly [string, unknown, unknown]
    if (op === 'and' || op === 'or') {
      const terms = (first as readonly Pushed[]).map((term) => this.node(term, depth + 1))
      if (terms.length === 0) throw malformed('one predicate at least behind and, or')
      return { op, terms }
    }
    if (op === 'not') return { op, term: this.node(first as Pushed, depth + 1) }
    const field = this.#field(first as number)
    const column = this.#columns[first as number]!
    if (op === 'isNull') return { op, column }
    if (op === 'col') {
      if (field.type.kind !== 'bool') throw this.#incomparable(field, 'true')
      return { op: 'number', column, holds: EQUAL, literal: 1 }
    }
    if (op === 'in') {
      const values = (second as readonly PredicateLiteral[]).map((literal) => this.#value(field, literal))
      return membership(field, column, values)
    }
    const bits = comparisons[op]
    if (bits === undefined) {
      throw malformed(`an operator (and, or, not, eq, ne, lt, le, gt, ge, isNull, in, col), not ${JSON.stringify(op)}`)
    }
    return compare(field, column, bits, this.#value(field, second as PredicateLiteral))
  }

  #field(index: number): Field {
    const field = this.#fields[index]
    if (field === undefined) {
      throw config(`expected a column below ${this.#fields.length}, as many as are decoded; got ${index}`)
    }
    this.reads.add(index)
    return field
  }

  #value(field: Field, literal: PredicateLiteral): Value {
    const { kind } = field.type
    const isNumber = /^u?int|^float/.test(kind)
    if ('i' in literal) {
      if (isNumber || kind === 'timestamp' || kind === 'date') return BigInt(literal.i)
      throw this.#incomparable(field, 'an integer')
    }
    if ('f' in literal) {
      if (!Number.isFinite(literal.f)) throw malformed('a literal: {"f": number}')
      if (isNumber) return literal.f
      throw this.#incomparable(field, 'a float')
    }
    if ('s' in literal) {
      if (kind === 'utf8') return literal.s
      throw this.#incomparable(field, 'a string')
    }
    if (kind === 'bool') return literal.b
    throw this.#incomparable(field, 'a bool')
  }

  #incomparable(field: Field, literal: string): SabotError {
    const column = JSON.stringify(field.name)
    return config(`column ${column} is ${typeName(field.type)}, which can not be compared with ${literal}`)
  }
}

// What a comparison holds for once every value that was equal to nothing is less or greater than the literal.
const equalIsLess = (bits: number): number => (bits & ~EQUAL) | ((bits & LESS) !== 0 ? EQUAL : 0)
const equalIsGreater = (bits: number): number => (bits & ~EQUAL) | ((bits & GREATER) !== 0 ? EQUAL : 0)

const isReal = (field: Field): boolean => field.type.kind === 'float32' || field.type.kind === 'float64'
const isLong = (field: Field): boolean => ['int64', 'uint64', 'timestamp'].includes(field.type.kind)

function compare(field: Field, column: GrowingColumn, bits: number, value: Value): Node {
  if (typeof value === 'boolean') return { op: 'number', column, holds: bits, literal: value ? 1 : 0 }
  if (typeof value === 'string') return { op: 'text', column, holds: bits, literal: utf8Of(value) }
  return isReal(field) ? compareReal(column, bits, value) : compareInteger(field, column, bits, value)
}

/** A float column beside a number: the double next to it where it is none itself. */
function compareReal(column: GrowingColumn, bits: number, value: bigint | number): Node {
  const literal = Number(value)
  if (typeof value === 'bigint') {
    if (BigInt(literal) < value) bits = equalIsLess(bits)
    if (BigInt(literal) > value) bits = equalIsGreater(bits)
  }
  return { op: 'number', column, holds: bits, literal }
}

/** An integer column beside a number: an integer of its class, or a constant where every value lies on one side. */
function compareInteger(field: Field, column: GrowingColumn, bits: number, value: bigint | number): Node {
  const floor = typeof value === 'bigint' ? value : BigInt(Math.floor(value))
  // Between two integers the values up to the lower one are less, the others greater.
  if (typeof value === 'number' && Math.floor(value) !== value) bits = equalIsLess(bits)
  const unsigned = field.type.kind === 'uint64'
  const least = unsigned ? 0n : -(2n ** 63n)
  const most = unsigned ? 2n ** 64n - 1n : 2n ** 63n - 1n
  if (floor < least) return { op: 'constant', column, holds: (bits & GREATER) !== 0 }
  if (floor > most) return { op: 'constant', column, holds: (bits & LESS) !== 0 }
  // A literal that is no float64 is beyond every value of 32 bits, and so is the float64 next to it.
  if (!isLong(field)) return { op: 'number', column, holds: bits, literal: Number(floor) }
  const [low, high] = wordsOf(floor)
  return { op: 'long', column, holds: bits, low, high, signed: !unsigned }
}

const wordsOf = (value: bigint): [low: number, high: number] => [
  Number(BigInt.asIntN(32, value)),
  Number(BigInt.asIntN(32, value >> 32n)),
]

/** Literals that no value can be equal to are left out. */
function membership(field: Field, column: GrowingColumn, all: readonly Value[]): Node {
  const single = all.map((value) => compare(field, column, EQUAL, value))
  const values = all.filter((_, i) => {
    const node = single[i]!
    return node.op !== 'constant' && 'holds' in node && node.holds === EQUAL
  })
  if (values.length === 0) return { op: 'constant', column, holds: false }
  if (values.length === 1) return compare(field, column, EQUAL, values[0]!)
  if (field.type.kind === 'utf8') {
    const set = new Map<number, Uint8Array[]>()
    for (const value of values) {
      const bytes = utf8Of(value as string)
      put(set, hashOf(bytes, 0, bytes.length), bytes)
    }
    return { op: 'inTexts', column, set }
  }
  if (isLong(field)) {
    const set = new Map<number, number[]>()
    for (const value of values) {
      const [low, high] = wordsOf(BigInt(value as bigint | number))
      put(set, low, high)
    }
    return { op: 'inLongs', column, set }
  }
  return { op: 'inNumbers', column, set: new Set(values.map(Number)) }
}

function put<Value>(map: Map<number, Value[]>, key: number, value: Value): void {
  const there = map.get(key)
  if (there === undefined) map.set(key, [value])
  else there.push(value)
}
