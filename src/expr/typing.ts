/** The type of an expression over the columns of a batch, found before the first row comes. */
import { didYouMean, SabotError } from '../errors.ts'
import { type ColumnType, type Field, findField } from '../schema.ts'
import { literalType } from './literals.ts'
import type { Node } from './nodes.ts'
import { operators } from './operators.ts'
import { print } from './print.ts'
import type { Typed } from './rules.ts'

/** Throws SCHEMA for a column that does not exist or operands that do not fit, UNSUPPORTED for what is to come. */
export function typeOf(node: Node, fields: readonly Field[]): ColumnType {
  return typed(node, fields).type ?? { kind: 'utf8' }
}

/** The same with the literal, where the node is one: a null literal has no type. */
export function typed(node: Node, fields: readonly Field[]): Typed {
  if (node.kind === 'lit') return { type: literalType(node.value), literal: { value: node.value } }
  if (node.kind === 'col') {
    const field = findField(fields, node.name)
    if (field === undefined) throw noColumn(node.name, fields)
    return { type: field.type }
  }
  const found = operators[node.op].rule(node.args.map((arg) => typed(arg, fields)))
  if ('problem' in found) throw new SabotError(found.code, `${print(node)}: ${found.problem}.`)
  return { type: found }
}

function noColumn(name: string, fields: readonly Field[]): SabotError {
  const names = fields.map((field) => field.name)
  return new SabotError(
    'SCHEMA',
    `There is no column "${name}".${didYouMean(name, names)} The columns here: ${names.join(', ') || 'none'}.`,
    { where: { column: name } },
  )
}
