/**
 * Expressions as functions over whole columns. Compiled once for the columns of a run; every call runs on the
 * JavaScript thread, reads the batch's own buffers, and returns fresh ones (or the batch's own column, for `col`).
 */
import { type Batch, bitmapBytes, type Column, columnNamed } from '../batch.ts'
import { SabotError } from '../errors.ts'
import type { Field } from '../schema.ts'
import type { Expr } from './expr.ts'
import { conjunctsOf, type Node, withPaths } from './nodes.ts'
import { operators } from './operators.ts'
import { print } from './print.ts'
import { typed, typeOf } from './typing.ts'
import {
  type Argument,
  bitAt,
  dataOf,
  type Evaluate,
  evaluated,
  type RowError,
  type Run,
  type Vector,
  vectorOf,
} from './vector.ts'

export type { RowError }

/** Told of each selected row that could not be computed, ascending. Without it the first one throws SCHEMA. */
export type OnRowError = (error: RowError) => void

/** A new column; rows that are not selected hold anything, rows that failed hold null. */
export type ColumnKernel = (batch: Batch, onRowError?: OnRowError) => Column

/** The selection that is left; null: every row of the batch. Rows that failed are not in it. */
export type FilterKernel = (batch: Batch, onRowError?: OnRowError) => Uint32Array | null

/** Throws SCHEMA or UNSUPPORTED where the expression does not fit the fields. */
export function compileColumn(expr: Expr<unknown>, fields: readonly Field[]): ColumnKernel {
  const node = over(expr, fields)
  const field: Field = Object.freeze({ name: print(node), type: typeOf(node, fields) })
  if (node.kind === 'col') return (batch) => columnNamed(batch, node.name)
  const evaluate = evaluated(compile(node, fields), field.type)
  return (batch, onRowError) => {
    const run: Run = { batch, errors: [] }
    const data = dataOf(field.type, evaluate(run))
    if (run.errors.length > 0) report(selectedErrors(run.errors, batch.selection), field.name, onRowError)
    return { field, data }
  }
}

/** `and`s are taken apart: a term sees only what the terms before it have left. */
export function compileFilter(expr: Expr<unknown>, fields: readonly Field[]): FilterKernel {
  const node = over(expr, fields)
  const type = typeOf(node, fields)
  if (type.kind !== 'bool') {
    throw new SabotError('SCHEMA', `${print(node)}: a filter needs a bool expression, this one is ${type.kind}.`)
  }
  const terms = conjunctsOf(node).map((term) => ({
    text: print(term),
    evaluate: evaluated(compile(term, fields), type),
  }))
  return (batch, onRowError) => {
    let selection = batch.selection
    const failed: RowError[] = []
    for (const { text, evaluate } of terms) {
      if ((selection?.length ?? batch.numRows) === 0) break
      const run: Run = { batch, errors: [] }
      const passed = select(evaluate(run), selection)
      if (run.errors.length === 0) {
        selection = passed
        continue
      }
      const errors = selectedErrors(run.errors, selection)
      if (onRowError === undefined) report(errors, text)
      failed.push(...errors.map(({ row, message }) => ({ row, message: `${text}: ${message}` })))
      // A row that failed may be true all the same: it is null, and `isNull` asks for that.
      selection = without(passed ?? allRows(batch.numRows), errors)
    }
    for (const error of failed.sort((a, b) => a.row - b.row)) onRowError?.(error)
    return selection
  }
}

/** The node, its paths found among the fields. */
function over(expr: Expr<unknown>, fields: readonly Field[]): Node {
  return withPaths(
    expr.node as Node,
    fields.map(({ name }) => name),
  )
}

function compile(node: Node, fields: readonly Field[]): Argument {
  const { type, literal } = typed(node, fields)
  if (literal !== undefined) return { type, literal }
  if (node.kind === 'col') return { type: type!, evaluate: columnReader(node.name, fields) }
  if (node.kind === 'lit') throw new TypeError('A literal without its value.')
  const { kernel } = operators[node.op]
  return {
    type: type!,
    evaluate: kernel(
      node.args.map((arg) => compile(arg, fields)),
      type!,
    ),
  }
}

/** By its place where the batch's columns lie as the fields do, else by name. */
function columnReader(name: string, fields: readonly Field[]): Evaluate {
  const index = fields.findIndex((field) => field.name === name)
  return ({ batch }) => {
    const column = batch.columns[index]
    return vectorOf((column?.field.name === name ? column : columnNamed(batch, name)).data)
  }
}

function report(errors: readonly RowError[], text: string, onRowError?: OnRowError): void {
  for (const { row, message } of errors) {
    if (onRowError === undefined) throw new SabotError('SCHEMA', `${text}: row ${row} of the batch: ${message}.`)
    onRowError({ row, message: `${text}: ${message}` })
  }
}

/** Errors of rows that earlier filters have left, one a row. */
function selectedErrors(errors: readonly RowError[], selection: Uint32Array | null): RowError[] {
  const selected = selection && new Set(selection)
  const first = new Map<number, RowError>()
  for (const error of errors)
    if (!first.has(error.row) && (selected?.has(error.row) ?? true)) first.set(error.row, error)
  return [...first.values()].sort((a, b) => a.row - b.row)
}

const allRows = (length: number): Uint32Array => Uint32Array.from({ length }, (_, row) => row)

function without(rows: Uint32Array, errors: readonly RowError[]): Uint32Array {
  const failed = new Set(errors.map(({ row }) => row))
  return rows.filter((row) => !failed.has(row))
}

/** Rows of the selection that are true; the selection itself where all are. */
function select({ length, values, validity }: Vector, selection: Uint32Array | null): Uint32Array | null {
  const bits = values as Uint8Array
  if (selection === null) return selectAll(bits, validity, length)
  const rows = new Uint32Array(selection.length)
  let count = 0
  for (const row of selection) {
    rows[count] = row
    count += bitAt(bits, row) & (validity === null ? 1 : bitAt(validity, row))
  }
  return count === selection.length ? selection : rows.slice(0, count)
}

function selectAll(bits: Uint8Array, validity: Uint8Array | null, length: number): Uint32Array | null {
  const rows = scratchRows(length)
  const bytes = bitmapBytes(length)
  let count = 0
  for (let i = 0; i < bytes; i++) {
    let byte = bits[i]! & (validity === null ? 255 : validity[i]!)
    if (i === bytes - 1 && (length & 7) !== 0) byte &= (1 << (length & 7)) - 1
    const base = i * 8
    while (byte !== 0) {
      rows[count++] = base + 31 - Math.clz32(byte & -byte)
      byte &= byte - 1
    }
  }
  return count === length ? null : rows.slice(0, count)
}

/** Reused by every filter: what is handed out is a copy of its beginning. */
let scratch = new Uint32Array(8192)

function scratchRows(length: number): Uint32Array {
  if (scratch.length < length) scratch = new Uint32Array(length)
  return scratch
}
