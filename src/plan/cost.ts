/** What an expression costs a row, and whether it may have no value for some: what filters are ordered by. */
import type { CallNode, Node } from '../expr/nodes.ts'
import { operators } from '../expr/operators.ts'
import { arithmeticRule, familyOf } from '../expr/rules.ts'
import { typed } from '../expr/typing.ts'
import { type Field, findField } from '../schema.ts'

/** Every call in it; not by recursion, for chains of `or`s are long. */
export function* callsOf(node: Node): Generator<CallNode> {
  const rest = [node]
  for (let at = rest.pop(); at !== undefined; at = rest.pop()) {
    if (at.kind !== 'call') continue
    yield at
    rest.push(...at.args)
  }
}

/** In comparisons of two numbers; on a column of text all costs twice as much. `fields`: undefined where not known. */
export const costOf = (node: Node, fields: readonly Field[] | undefined): number => {
  let cost = 0
  for (const { op, args } of callsOf(node)) cost += operators[op].cost * (readsText(args[0]!, fields) ? 2 : 1)
  return cost
}

const readsText = (node: Node, fields: readonly Field[] | undefined): boolean => {
  const field = node.kind === 'col' && fields !== undefined ? findField(fields, node.name) : undefined
  return field !== undefined && ['text', 'bytes'].includes(familyOf(field.type))
}

/** Whether some row may have no value, and then is an error (an integer past 64 bits). */
export const mayFail = (node: Node, fields: readonly Field[] | undefined): boolean => {
  for (const call of callsOf(node)) {
    const { fallible, rule } = operators[call.op]
    if (!fallible) continue
    // Doubles overflow to infinity.
    const doubles = rule === arithmeticRule && fields !== undefined && typed(call, fields).type?.kind === 'float64'
    if (!doubles) return true
  }
  return false
}
