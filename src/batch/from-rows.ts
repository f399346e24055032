/** Row objects as columns: with a schema, or with the one that the rows themselves give. Room: batch.ts. */
import { describe, SabotError } from '../errors.ts'
import type { ColumnType, Field } from '../schema.ts'
import { columnBuilder, isObject, Misfit, own } from './builder.ts'
import type { Batch } from './column.ts'

export type Row = Readonly<Record<string, unknown>>

/**
 * Columns of these fields; without `fields`, of those that fieldsOfRows() finds. Keys that a row lacks are null; keys
 * that the fields do not name are left out. Throws SCHEMA for a value that does not fit exactly, naming row, column,
 * expected and found.
 */
export function batchFromRows(rows: readonly Row[], fields: readonly Field[] = fieldsOfRows(rows)): Batch {
  const columns = fields.map((field) => {
    const builder = columnBuilder(field.type)
    for (let row = 0; row < rows.length; row++) {
      try {
        builder.append(own(rows[row], field.name))
      } catch (error) {
        throw error instanceof Misfit ? unfit(error, row, field.name) : error
      }
    }
    return { field, data: builder.finish() }
  })
  return { columns, numRows: rows.length, selection: null }
}

function unfit({ message, path }: Misfit, row: number, name: string): SabotError {
  const column = `${name}${path}`
  return new SabotError(
    'SCHEMA',
    `Row ${row}, column "${column}": ${message}. Give the step a schema that accepts it, or change the value.`,
    { where: { column } },
  )
}

/**
 * The columns that rows give, in the order of their keys: bigint is int64, number float64, boolean bool, string utf8,
 * Date timestamp[ms], Uint8Array binary, an array a list, any other object a struct; bigint beside number is float64,
 * nothing but null utf8. Throws SCHEMA where a column is anything else, or two kinds at once.
 */
export function fieldsOfRows(rows: readonly Row[]): readonly Field[] {
  return fieldsOf(rows, '', 0)
}

const MAX_DEPTH = 64

function fieldsOf(rows: readonly Row[], path: string, depth: number): readonly Field[] {
  const columns = new Map<string, unknown[]>()
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) {
      const values = columns.get(name)
      if (values === undefined) columns.set(name, [value])
      else values.push(value)
    }
  }
  return Object.freeze(
    Array.from(
      columns,
      ([name, values]): Field =>
        Object.freeze({ name, type: typeOfValues(values, path === '' ? name : `${path}.${name}`, depth) }),
    ),
  )
}

type Kind = 'int64' | 'float64' | 'bool' | 'utf8' | 'timestamp' | 'binary' | 'list' | 'struct'

function typeOfValues(values: readonly unknown[], column: string, depth: number): ColumnType {
  if (depth > MAX_DEPTH) {
    throw new SabotError(
      'SCHEMA',
      `Column "${column}" nests deeper than ${MAX_DEPTH} levels; is an object its own part?`,
      {
        where: { column },
      },
    )
  }
  let kind: Kind | undefined
  for (const value of values) {
    if (value === null || value === undefined) continue
    const found = kindOf(value, column)
    if (kind === undefined || kind === found) kind = found
    else if ((kind === 'int64' || kind === 'float64') && (found === 'int64' || found === 'float64')) kind = 'float64'
    else throw mixed(column, kind, found)
  }
  switch (kind) {
    case undefined:
      return { kind: 'utf8' }
    case 'timestamp':
      return { kind, unit: 'ms' }
    case 'list':
      return {
        kind,
        item: typeOfValues(
          values.flatMap((value) => (value as unknown[]) ?? []),
          `${column}[]`,
          depth + 1,
        ),
      }
    case 'struct':
      return { kind, fields: structFields(values.filter(isObject), column, depth + 1) }
    default:
      return { kind }
  }
}

function structFields(values: readonly Row[], column: string, depth: number): readonly Field[] {
  const fields = fieldsOf(values, column, depth)
  if (fields.length > 0) return fields
  throw new SabotError('SCHEMA', `Column "${column}" holds objects without keys; a struct needs one at least.`, {
    where: { column },
  })
}

function kindOf(value: unknown, column: string): Kind {
  if (typeof value === 'bigint') return 'int64'
  if (typeof value === 'number') return 'float64'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'string') return 'utf8'
  if (value instanceof Date) return 'timestamp'
  if (value instanceof Uint8Array) return 'binary'
  if (Array.isArray(value)) return 'list'
  if (isObject(value)) return 'struct'
  throw new SabotError('SCHEMA', `Column "${column}": ${describe(value)} is nothing that a column holds.`, {
    where: { column },
  })
}

const mixed = (column: string, one: Kind, other: Kind): SabotError =>
  new SabotError(
    'SCHEMA',
    `Column "${column}" is ${one} in some rows and ${other} in others. Give the step a schema, and values that fit it.`,
    { where: { column } },
  )
