/**
 * Constant folding. A call of literals alone becomes its value, computed by the very kernel on a batch of one row; `and`,
 * `or` and `not` lose the terms that say nothing. What folds keeps its type, and what fails is left for the run, where it
 * is each row's error: a call whose value no literal of its type can say (2.0, a timestamp[us], null) stays a call.
 */
import { type Batch, valueReader } from '../batch.ts'
import { Expr } from '../expr/expr.ts'
import { compileColumn } from '../expr/kernel.ts'
import { literalType } from '../expr/literals.ts'
import { type CallNode, callNode, type Literal, litNode, type Node } from '../expr/nodes.ts'
import { operators } from '../expr/operators.ts'
import { typeOf } from '../expr/typing.ts'
import { type Field, sameType } from '../schema.ts'
import { type BoundPath, type BoundStep, fieldsInScope } from './bind.ts'
import { mayFail } from './cost.ts'
import type { Step } from './steps.ts'

/** The steps with their expressions folded; filters that are always true are gone, one that never is asks for false. */
export const foldSteps = (steps: readonly BoundStep[]): readonly BoundStep[] =>
  steps.flatMap((bound) => {
    const step = foldStep(bound)
    return step === undefined ? [] : [step === bound.step ? bound : { ...bound, step }]
  })

const foldStep = ({ step, before }: BoundStep): Step | undefined => {
  const fields = fieldsInScope(before)
  switch (step.kind) {
    case 'filter': {
      const { node, value } = fold(step.predicate.node, fields)
      if (value === undefined) return node === step.predicate.node ? step : { ...step, predicate: new Expr(node) }
      return value === true ? undefined : { ...step, predicate: new Expr(litNode(false)) }
    }
    case 'select':
    case 'withColumns': {
      const columns = step.columns.map((column) => {
        const { node } = fold(column.expr.node, fields)
        return node === column.expr.node ? column : { ...column, expr: new Expr(node) }
      })
      return columns.some((column, i) => column !== step.columns[i]) ? { ...step, columns } : step
    }
    default:
      return step
  }
}

const recordParts = ['key', 'headers', 'timestamp', 'partition'] as const

/** A path whose sinks have their expressions folded, those of its branches too. `messages`: its rows continue messages. */
export const foldSinks = (path: BoundPath, messages: boolean): BoundPath => {
  const branches = path.branches.map((branch) => foldSinks(branch, messages))
  if (path.sink.kind !== 'kafka') return { ...path, branches }
  // A row that continues a message keeps its message columns up to the sink.
  const fields = fieldsInScope({ ...path.result, messages })
  const sink = { ...path.sink }
  for (const part of recordParts) {
    const given = sink[part]
    if (!(given instanceof Expr)) continue
    const { node } = fold(given.node, fields)
    if (node !== given.node) sink[part] = new Expr(node)
  }
  return { ...path, sink, branches }
}

interface Folded {
  /** The same node where nothing folds. */
  readonly node: Node
  /** Of a constant, also of one that no literal can say; undefined: it reads columns, or fails. */
  readonly value: unknown
}

type Fields = readonly Field[] | undefined

const fold = (node: Node, fields: Fields): Folded => {
  if (node.kind !== 'call') return { node, value: node.kind === 'lit' ? node.value : undefined }
  const args: Node[] = []
  let constant = node.args.length > 0
  // A loop, for chains of `or`s are long, and each level of map would be two calls deep.
  for (const arg of node.args) {
    const folded = fold(arg, fields)
    args.push(folded.node)
    constant &&= folded.value !== undefined
  }
  const changed = args.some((arg, i) => arg !== node.args[i]) ? callNode(node.op, args) : node
  const call = keepsType(node, changed, fields) ? changed : node
  if (constant) return computed(call)
  const simple = call.op === 'and' || call.op === 'or' || call.op === 'not' ? simpler(call, fields) : call
  return { node: simple, value: simple.kind === 'lit' ? simple.value : undefined }
}

/** A literal may stand for more than a call does: coalesce(a, 2) is of a's type, coalesce(a, 1 + 1) is int64. */
const keepsType = (before: CallNode, after: CallNode, fields: Fields): boolean => {
  if (before === after) return true
  if (fields === undefined) return operators[before.op].form !== 'call'
  try {
    return sameType(typeOf(before, fields), typeOf(after, fields))
  } catch {
    // coalesce of an int8 and 300: no literal of that type.
    return false
  }
}

const simpler = (call: CallNode, fields: Fields): Node => {
  const [left, right] = call.args
  if (call.op === 'not') return left!.kind === 'call' && left!.op === 'not' ? typedNode(left!.args[0]!, call) : call
  for (const [one, other] of [
    [left!, right!],
    [right!, left!],
  ] as const) {
    if (one.kind !== 'lit' || one.value === null) continue
    // x and true, x or false: x. x and false, x or true: that, unless x may be an error.
    if (one.value === (call.op === 'and')) return typedNode(other, call)
    if (!mayFail(other, fields)) return one
  }
  return call
}

/** A null literal has no type of its own: the call around it says that it is bool. */
const typedNode = (node: Node, call: CallNode): Node => (node.kind === 'lit' && node.value === null ? call : node)

/** A call of constants: its value, and the literal where one is of its type and has this value. */
const computed = (call: CallNode): Folded => {
  let failed = false
  const column = compileColumn(new Expr(call), [])(oneRow, () => {
    failed = true
  })
  if (failed) return { node: call, value: undefined }
  const { type } = column.field
  const value = valueReader(type, column.data)(0)
  const given = typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value
  const ownType = isLiteral(given) ? literalType(given) : null
  return { node: ownType !== null && sameType(ownType, type) ? litNode(given as Literal) : call, value }
}

const oneRow: Batch = { columns: [], numRows: 1, selection: null }

const isLiteral = (value: unknown): value is Literal =>
  ['boolean', 'number', 'bigint', 'string'].includes(typeof value) ||
  value instanceof Date ||
  value instanceof Uint8Array
