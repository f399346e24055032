/**
 * Structs of which only some fields are read are decoded with these alone. Forward along every path: under which names a
 * column of the source goes, and what is read of it; whoever takes the column itself takes all of it.
 */
import type { Node } from '../expr/nodes.ts'
import type { ColumnType, Field } from '../schema.ts'
import type { OptimisedPath } from './paths.ts'
import type { PhysicalStep } from './physical.ts'

/** What is read of a struct: all of it, or of these fields this. */
type Read = 'all' | Map<string, Read>

/** `columns`: those of the source that are decoded. `path`: what runs behind them. */
export const pruneStructs = (columns: readonly Field[], path: OptimisedPath): readonly Field[] => {
  const structs = columns.filter(({ type }) => type.kind === 'struct').map(({ name }) => name)
  if (structs.length === 0) return columns
  const reads = new Map<string, Read>(structs.map((name) => [name, new Map()]))
  readAlong(path, new Map(structs.map((name) => [name, name])), reads)
  return columns.map((column) => {
    const read = reads.get(column.name)
    return read === undefined || read === 'all' ? column : { ...column, type: pruned(column.type, read) }
  })
}

const pruned = (type: ColumnType, read: Read): ColumnType => {
  // Of a struct whose fields nobody reads it still is asked whether there is one.
  if (read === 'all' || type.kind !== 'struct' || read.size === 0) return type
  const fields = type.fields
    .filter(({ name }) => read.has(name))
    .map((field) => ({ ...field, type: pruned(field.type, read.get(field.name)!) }))
  return { ...type, fields }
}

/** Names at a point of the plan, and the source's columns that they stand for. */
type Names = ReadonlyMap<string, string>

const readAlong = (path: OptimisedPath, before: Names, reads: Map<string, Read>): void => {
  let names = before
  for (const step of path.steps) {
    readBy(step, names, reads)
    names = namesAfter(step, names)
  }
  for (const branch of path.branches) readAlong(branch, names, reads)
  if (path.branches.length > 0) return
  const { bound, value, envelope } = path
  const written = value === 'bytes' ? [] : (bound.result.names ?? [...names.keys()])
  for (const name of [...written, ...Object.values(envelope)]) readAll(name, names, reads)
}

const readAll = (name: string, names: Names, reads: Map<string, Read>): void => {
  const source = names.get(name)
  if (source !== undefined) reads.set(source, 'all')
}

const readBy = (step: PhysicalStep, names: Names, reads: Map<string, Read>): void => {
  switch (step.kind) {
    case 'filter':
      for (const { predicate } of step.terms) readIn(predicate.node, names, reads)
      return
    case 'project':
      // A column that only passes is read by whoever reads it behind the step.
      for (const { expr } of step.columns) if (expr.node.kind !== 'col') readIn(expr.node, names, reads)
      return
    case 'limit':
      return
    default:
      // Functions of the user, and what repeats rows, take whole columns.
      for (const name of names.keys()) readAll(name, names, reads)
  }
}

const readIn = (node: Node, names: Names, reads: Map<string, Read>): void => {
  const path: string[] = []
  let at = node
  for (let name = fieldOf(at); name !== undefined && at.kind === 'call'; name = fieldOf(at)) {
    path.unshift(name)
    at = at.args[0]!
  }
  if (at.kind === 'col') {
    const source = names.get(at.name)
    if (source !== undefined) reads.set(source, extended(reads.get(source)!, path))
  } else if (at.kind === 'call') for (const arg of at.args) readIn(arg, names, reads)
}

/** The field that a node takes of a struct; undefined: it takes none. */
const fieldOf = (node: Node): string | undefined => {
  if (node.kind !== 'call' || node.op !== 'field') return undefined
  const [, name] = node.args
  return name?.kind === 'lit' && typeof name.value === 'string' ? name.value : undefined
}

const extended = (read: Read, [name, ...rest]: readonly string[]): Read => {
  if (read === 'all' || name === undefined) return 'all'
  return new Map([...read, [name, extended(read.get(name) ?? new Map(), rest)]])
}

const namesAfter = (step: PhysicalStep, names: Names): Names => {
  if (step.kind !== 'project') return names
  const given = new Set([...step.columns.map(({ name }) => name), ...step.without])
  const kept = step.open ? [...names].filter(([name]) => !given.has(name)) : []
  const passed = step.columns.flatMap(({ name, expr: { node } }): [string, string][] => {
    const source = node.kind === 'col' ? names.get(node.name) : undefined
    return source === undefined ? [] : [[name, source]]
  })
  return new Map([...kept, ...passed])
}
