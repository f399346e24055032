/** The schema as the walk needs it: a node a column, or a child of one. */
import { type ColumnType, type Field, typeText } from '../../schema.ts'
import { type GrowingColumn, LIST, STRUCT } from '../growing.ts'
import { JsonKeys } from './keys.ts'

export interface JsonNode {
  /** Of the type (growing.ts). */
  readonly id: number
  readonly type: ColumnType
  /** "items[].price", for messages. */
  readonly path: string
  /** Brackets that are open where its values begin. */
  readonly open: number
  /** Its own number in pre-order, and the last one of its children's. */
  readonly number: number
  lastNumber: number
  readonly column: GrowingColumn
  children: readonly JsonNode[]
  /** Of a struct. */
  keys: JsonKeys<JsonNode> | null
  /** Of an integer of 32 bits and less, and unsigned ones: what fits. */
  readonly least: number
  readonly most: number
  /** A predicate reads the column. */
  asked: boolean
}

/** `open`: brackets around the values of the columns, 1 where they are the members of an object. */
export function makeNodes(fields: readonly Field[], columns: readonly GrowingColumn[], open: 0 | 1): JsonNode[] {
  return nodesOf(fields, columns, null, open, { next: 0 })
}

function nodesOf(
  fields: readonly Field[],
  columns: readonly GrowingColumn[],
  parent: JsonNode | null,
  open: number,
  count: { next: number },
): JsonNode[] {
  return fields.map(({ name, type }, i): JsonNode => {
    const column = columns[i]!
    const before = parent === null ? '' : `${parent.path}${parent.id === LIST ? '[]' : '.'}`
    const bits = Number(/^(?:u?int)(\d+)$/.exec(typeText(type))?.[1] ?? 64)
    const unsigned = type.kind.startsWith('u')
    const node: JsonNode = {
      id: column.id,
      type,
      path: parent?.id === LIST ? before : `${before}${name}`,
      open,
      number: count.next++,
      lastNumber: 0,
      column,
      children: [],
      keys: null,
      least: unsigned ? 0 : -(2 ** ((type.kind === 'date' ? 32 : bits) - 1)),
      most: unsigned ? 2 ** bits - 1 : 2 ** ((type.kind === 'date' ? 32 : bits) - 1) - 1,
      asked: false,
    }
    const children =
      type.kind === 'list' ? [{ name: 'item', type: type.item }] : type.kind === 'struct' ? type.fields : []
    node.children = nodesOf(children, column.children, node, open + 1, count)
    node.lastNumber = count.next - 1
    if (node.id === STRUCT)
      node.keys = new JsonKeys(
        children.map((child) => child.name),
        node.children,
      )
    return node
  })
}
