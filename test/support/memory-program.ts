/** A native program over a batch, by the kernels of src/expr: what the broker in memory does after decoding. */
import { type Batch, compactBatch, nanoseconds, renameColumn } from '../../src/batch.ts'
import { Expr } from '../../src/expr/expr.ts'
import { compileColumn, compileFilter, type OnRowError } from '../../src/expr/kernel.ts'
import { callNode, colNode, type Literal, litNode, type Node, type OpName } from '../../src/expr/nodes.ts'
import { familyOf } from '../../src/expr/rules.ts'
import { typeOf } from '../../src/expr/typing.ts'
import type { NativeProgram, ProgramExpr, ProgramLiteral } from '../../src/kafka/backend.ts'
import type { ColumnType, Field } from '../../src/schema.ts'

interface Failed {
  readonly row: number
  readonly code: string
  readonly message: string
}

/** Columns by number, as `#0`, `#1`, ... */
const numbered = (n: number): string => `#${n}`

export const runProgram = (program: NativeProgram, decoded: Batch): { batch: Batch; errors: Failed[] } => {
  let batch: Batch = { ...decoded, columns: decoded.columns.map((column, n) => renameColumn(column, numbered(n))) }
  const errors: Failed[] = []
  const drop = (rows: ReadonlySet<number>): void => {
    const selected = batch.selection ?? Uint32Array.from({ length: batch.numRows }, (_, row) => row)
    batch = { ...batch, selection: selected.filter((row) => !rows.has(row)) }
  }
  for (const step of program.steps) {
    const fields = batch.columns.map(({ field }) => field)
    const expr = new Expr(nodeOf(step.expr, fields))
    const failed = new Set<number>()
    const onRowError: OnRowError = ({ row, message }) => {
      failed.add(row)
      errors.push({ row, code: 'SCHEMA', message: `${step.text}${message.slice(String(expr).length)}` })
    }
    if (step.kind === 'filter') {
      batch = { ...batch, selection: compileFilter(expr, fields)(batch, onRowError) }
      continue
    }
    const made = renameColumn(compileColumn(expr, fields)(batch, onRowError), numbered(batch.columns.length))
    batch = { ...batch, columns: [...batch.columns, made] }
    if (failed.size > 0) drop(failed)
  }
  const columns = program.output.map(({ name, column }) => renameColumn(batch.columns[column]!, name))
  return { batch: compactBatch({ ...batch, columns }), errors }
}

const nodeOf = (expr: ProgramExpr, fields: readonly Field[]): Node => {
  const [op, ...args] = expr as readonly [string, ...unknown[]]
  if (op === 'col') return colNode(numbered(args[0] as number))
  if (op === 'lit') return litNode(literalOf(args[0] as ProgramLiteral, undefined))
  const given = args as ProgramExpr[]
  const columns = given.map((arg) => (arg[0] === 'lit' ? undefined : nodeOf(arg, fields)))
  const types = columns.flatMap((node) => (node === undefined ? [] : [typeOf(node, fields)]))
  const time = types.find((type) => familyOf(type) === 'time')
  const nodes = given.map((arg, i) => columns[i] ?? litNode(literalOf(arg[1] as ProgramLiteral, time)))
  const call = op as OpName
  // A chain of `and`s or `or`s is one level there.
  if (op === 'and' || op === 'or') return nodes.reduce((a, b) => callNode(call, [a, b]))
  return callNode(call, nodes)
}

const literalOf = (value: ProgramLiteral, time: ColumnType | undefined): Literal => {
  if (value === null) return null
  if ('s' in value) return value.s
  if ('b' in value) return value.b
  if ('f' in value) return Number(value.f)
  if (value.i === '-0') return -0
  const integer = BigInt(value.i)
  if (time !== undefined) return isoTime(integer * nanoseconds(time))
  return Number.isSafeInteger(Number(integer)) ? Number(integer) : integer
}

const isoTime = (ns: bigint): string => {
  const fraction = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  const seconds = new Date(Number((ns - fraction) / 1_000_000n)).toISOString().slice(0, 19)
  return `${seconds}.${fraction.toString().padStart(9, '0')}Z`
}
