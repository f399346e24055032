/**
 * An optimised plan as functions: what a batch goes through between the source and the outlet. Runs on the
 * JavaScript thread. Expressions are compiled when the first batch comes, for the columns that it has; only a user's
 * function can make the columns change within a run, and then they are compiled again.
 */
import {
  type Batch,
  batchFromRecordBatch,
  batchFromRows,
  batchToRecordBatch,
  batchToRows,
  type Column,
  numSelected,
  pickColumns,
  type RecordBatch,
  renameColumn,
  takeColumn,
  unnestBatch,
} from '../batch.ts'
import { didYouMean, SabotError } from '../errors.ts'
import { allOf, exprWithPaths } from '../expr/columns.ts'
import { type ColumnKernel, compileColumn, compileFilter, type FilterKernel, type OnRowError } from '../expr/kernel.ts'
import type { DecodePlan, RecordPlan } from '../kafka/backend.ts'
import { fusion } from '../plan/fusion.ts'
import type { Optimised } from '../plan/optimise.ts'
import type { OptimisedPath } from '../plan/paths.ts'
import type { PhysicalStep } from '../plan/physical.ts'
import { isInternal } from '../plan/steps.ts'
import { type Field, sameType, typeText } from '../schema.ts'
import {
  type Ending,
  isFinished,
  type Origin,
  type Output,
  type Path,
  type Progress,
  type Run,
  runPath,
} from './paths.ts'
import { asSabotError, type RowErrors } from './policy.ts'
import { indexAt, int64At, offsetAt } from './rows.ts'

/** What the user's functions learn about a batch. */
export interface BatchContext {
  readonly topic: string
  readonly partition: number
  /** The position behind the batch: the next offset to read. */
  readonly position: bigint
}

export interface Program {
  readonly decode: DecodePlan
  /** One output a sink that gets rows of this batch. */
  run(batch: Batch, origin: Origin): readonly Output[] | Promise<readonly Output[]>
  /** A limit is reached, in every branch where there are some: no more batches are wanted. */
  finished(): boolean
  /** What records are made of, where no step is left to run here: source and sink may be fused. */
  readonly fused: RecordPlan | undefined
}

/** Turns the source's fields into what runs. Throws a SabotError where the plan does not fit them. */
export type Prepare = (fields: readonly Field[]) => Program

/** What stands beside the plan in a decode plan. */
export type DecodeSettings = Pick<DecodePlan, 'codec' | 'keyType' | 'maxDepth'>

export const compileProgram = (plan: Optimised, settings: DecodeSettings, rowErrors: RowErrors): Program => {
  const path = compilePath(plan, rowErrors, { next: 0 })
  const decode: DecodePlan = {
    ...settings,
    columns: plan.columns ?? [],
    ...(plan.predicate === undefined ? {} : { predicate: plan.predicate }),
    message: plan.message,
    ...(plan.program === undefined ? {} : { program: plan.program }),
  }
  return {
    decode,
    run: (batch, origin) => runPath(path, batch, origin),
    finished: () => isFinished(path),
    fused: fusion(plan).fused ? recordOf(plan, decodedNames(decode)) : undefined,
  }
}

/** The columns of the source's batches. */
const decodedNames = ({ columns, message, program }: DecodePlan): readonly string[] =>
  program?.output.map(({ name }) => name) ?? [
    ...columns.filter(({ emit }) => emit).map(({ field }) => field.name),
    ...message,
  ]

/** `sinks` counts the plan's sinks, depth first. */
const compilePath = (plan: OptimisedPath, rowErrors: RowErrors, sinks: { next: number }): Path => {
  const progress: Progress = { finished: plan.steps.some((step) => step.kind === 'limit' && step.count === 0) }
  const steps = plan.steps.map((step) => compileStep(step, progress, rowErrors))
  const branches = plan.branches.map((branch) => compilePath(branch, rowErrors, sinks))
  return { steps, progress, end: branches.length > 0 ? branches : endingOf(plan, sinks.next++) }
}

/** `present`: the columns of the batch at the sink. */
const recordOf = ({ bound, envelope, value }: OptimisedPath, present: readonly string[]): RecordPlan => {
  // Columns with a message column's name are the record's envelope, never part of its value.
  const names = (bound.result.names ?? present).filter((name) => !isInternal(name))
  return {
    value: value === 'bytes' ? { kind: 'bytes' } : { kind: 'columns', names },
    ...Object.fromEntries(Object.entries(envelope).filter(([, name]) => present.includes(name))),
  }
}

const endingOf = (path: OptimisedPath, sink: number): Ending => {
  const { names } = path.bound.result
  return {
    sink,
    visible: (batch) => names ?? namesOf(batch).filter((name) => !isInternal(name)),
    record: (batch) => recordOf(path, namesOf(batch)),
  }
}

/** The program of a plan that did not fit columns that could not be known: it fails at the first row. */
export const failingProgram = (error: SabotError, settings: DecodeSettings): Program => ({
  decode: { ...settings, columns: [], message: [] },
  run: () => {
    throw error
  },
  finished: () => false,
  fused: undefined,
})

const compileStep = (step: PhysicalStep, progress: Progress, rowErrors: RowErrors): Run => {
  switch (step.kind) {
    case 'filter':
      return filterStep(step, rowErrors)
    case 'project':
      return projectStep(step, rowErrors)
    case 'mapBatches':
      return mapBatchesStep(step)
    case 'map':
    case 'flatMap':
      return mapRowsStep(step)
    case 'unnest':
      return unnestStep(step)
    case 'limit':
      return limitStep(step, progress)
  }
}

const namesOf = (batch: Batch): string[] => batch.columns.map(({ field }) => field.name)

const sameField = (a: Field, b: Field): boolean => a === b || (a.name === b.name && sameType(a.type, b.type))

/** Compiles anew when the fields are others than last time. Those of a run's slabs are the same objects. */
const perFields = <T>(compile: (fields: readonly Field[]) => T): ((batch: Batch) => T) => {
  let fields: readonly Field[] | undefined
  let compiled: T
  return (batch) => {
    const columns = batch.columns
    if (fields?.length !== columns.length || !columns.every(({ field }, i) => sameField(field, fields![i]!))) {
      fields = columns.map(({ field }) => field)
      compiled = compile(fields)
    }
    return compiled
  }
}

/** Reports rows for which an expression has no value (an integer past 64 bits) with where they came from. */
const reporting =
  (batch: Batch, { topic, partition }: Origin, rowErrors: RowErrors, failed?: Set<number>): OnRowError =>
  ({ row, message }) => {
    // A row that fails in two columns is one bad row.
    if (failed?.has(row) === true) return
    failed?.add(row)
    rowErrors.report({ topic, partition, offset: offsetAt(batch, row), code: 'SCHEMA', message })
  }

const filterStep = ({ terms }: Extract<PhysicalStep, { kind: 'filter' }>, rowErrors: RowErrors): Run => {
  const predicate = allOf(terms.map((term) => term.predicate))
  const kernelFor = perFields((fields): FilterKernel => compileFilter(predicate, fields))
  return (batch, origin) => ({
    ...batch,
    selection: kernelFor(batch)(batch, reporting(batch, origin, rowErrors)),
  })
}

const without = (batch: Batch, rows: ReadonlySet<number>): Uint32Array => {
  const selected = batch.selection ?? Uint32Array.from({ length: batch.numRows }, (_, row) => row)
  return selected.filter((row) => !rows.has(row))
}

const projectStep = (step: Extract<PhysicalStep, { kind: 'project' }>, rowErrors: RowErrors): Run => {
  const { columns, open, number } = step
  interface Part {
    readonly name: string
    readonly index: number
    readonly kernel: ColumnKernel | undefined
  }
  const partsFor = perFields((fields): readonly Part[] => {
    const names = fields.map(({ name }) => name)
    const parts = columns.flatMap(({ name, expr: written }): Part[] => {
      // Paths that the plan could not resolve, since only the run knows the columns.
      const expr = exprWithPaths(written, names)
      if (expr.node.kind !== 'col') return [{ name, index: -1, kernel: compileColumn(expr, fields) }]
      const index = names.indexOf(expr.node.name)
      // New rows have no message columns: mapBatches gave other rows than it was handed.
      if (index < 0 && isInternal(expr.node.name)) return []
      if (index < 0) throw missing(expr.node.name, names, number)
      return [{ name, index, kernel: undefined }]
    })
    if (!open) return parts
    for (const name of step.without) if (!names.includes(name)) throw missing(name, names, number)
    const given = new Map(parts.map((part) => [part.name, part]))
    const kept = names.flatMap((name, index): Part[] => {
      const part = given.get(name)
      given.delete(name)
      if (part !== undefined) return [part]
      return step.without.includes(name) ? [] : [{ name, index, kernel: undefined }]
    })
    return [...kept, ...given.values()]
  })
  return (batch, origin) => {
    const failed = new Set<number>()
    const onRowError = reporting(batch, origin, rowErrors, failed)
    const made = partsFor(batch).map(
      ({ name, index, kernel }): Column =>
        renameColumn(kernel === undefined ? batch.columns[index]! : kernel(batch, onRowError), name),
    )
    return { ...batch, columns: made, selection: failed.size === 0 ? batch.selection : without(batch, failed) }
  }
}

const missing = (name: string, names: readonly string[], number: number): SabotError => {
  const visible = names.filter((each) => !isInternal(each))
  return new SabotError(
    'SCHEMA',
    `step ${number}: there is no column "${name}".${didYouMean(name, visible)} The columns here: ${visible.join(', ')}.`,
    { where: { column: name, step: String(number) } },
  )
}

/** Wraps what a user's function threw: which step, which rows. */
const stepError = (error: unknown, kind: string, number: number, origin: Origin): SabotError => {
  const { topic, partition, position } = origin
  const cause = asSabotError(error, 'STEP')
  const code = error instanceof SabotError ? error.code : 'STEP'
  return new SabotError(
    code,
    `step ${number} (${kind}): ${topic}[${partition}] before offset ${position}: ${cause.message}`,
    { cause: error, where: { topic, partition, step: `${number} ${kind}` } },
  )
}

type UserStep = Extract<PhysicalStep, { kind: 'mapBatches' | 'map' | 'flatMap' }>

/** The columns that a user's function sees. */
const shown = (batch: Batch, { visible, carry }: UserStep): readonly string[] =>
  visible ?? namesOf(batch).filter((name) => !carry.includes(name))

const mapBatchesStep = (step: UserStep): Run => {
  const { fn, fields, number } = step
  return (batch, origin) => {
    const { topic, partition, position } = origin
    const context: BatchContext = { topic, partition, position }
    const { selection } = batch
    const finish = (returned: unknown): Batch => {
      const result = batchFromRecordBatch(returned as RecordBatch, fields)
      if (result.numRows !== numSelected(batch)) return result
      // Row i of the result goes on with row i of what the function was given.
      return withCarried(result, step.carry, (name) => {
        const column = columnOf(batch, name)
        return column && selection !== null ? takeColumn(column, selection) : column
      })
    }
    try {
      const returned = fn(batchToRecordBatch(batch, shown(batch, step)), context)
      if (returned instanceof Promise) {
        return returned.then(finish).catch((error) => {
          throw stepError(error, 'mapBatches', number, origin)
        })
      }
      return finish(returned)
    } catch (error) {
      throw stepError(error, 'mapBatches', number, origin)
    }
  }
}

const mapRowsStep = (step: UserStep): Run => {
  const { fn, kind, number } = step
  // Without a schema the first rows give the columns, which then are fixed for the run.
  let fields = step.fields
  return (batch, origin) => {
    const rows = batchToRows(batch, shown(batch, step))
    const results: object[] = []
    const parents: number[] = []
    const finish = (): Batch => {
      const result = batchFromRows(results as Record<string, unknown>[], fields)
      if (results.length > 0) fields ??= result.columns.map(({ field }) => field)
      const taken = Uint32Array.from(parents)
      return withCarried(result, step.carry, (name) => {
        const column = columnOf(batch, name)
        return column && takeColumn(column, taken)
      })
    }
    const add = (row: number, returned: unknown): void => {
      const made = kind === 'map' ? [returned] : returned
      if (!isIterable(made)) throw new TypeError('flatMap must return an array or another iterable of rows')
      for (const one of made) {
        if (typeof one !== 'object' || one === null || Array.isArray(one)) {
          throw new TypeError(
            `${kind} must return ${kind === 'map' ? 'a row' : 'rows'}: an object with a value a column`,
          )
        }
        results.push(one)
        parents.push(indexAt(batch, row))
      }
    }
    const fail = (error: unknown): never => {
      throw stepError(error, kind, number, origin)
    }
    try {
      for (let row = 0; row < rows.length; row++) {
        const returned = fn(rows[row]!)
        // An async function: the rest row by row too, in order.
        if (returned instanceof Promise) {
          return mapAsync(rows, row, returned, fn, add).then(finish).catch(fail)
        }
        add(row, returned)
      }
      return finish()
    } catch (error) {
      return fail(error)
    }
  }
}

const mapAsync = async (
  rows: readonly object[],
  from: number,
  first: Promise<unknown>,
  fn: (row: object) => unknown,
  add: (row: number, returned: unknown) => void,
): Promise<void> => {
  add(from, await first)
  for (let row = from + 1; row < rows.length; row++) add(row, await fn(rows[row]!))
}

const isIterable = (value: unknown): value is Iterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.iterator in value

const columnOf = (batch: Batch, name: string): Column | undefined =>
  batch.columns.find(({ field }) => field.name === name)

/** Adds message columns to rows that continue messages; what the user's function itself gave wins. */
const withCarried = (result: Batch, carry: readonly string[], column: (name: string) => Column | undefined): Batch => {
  const own = new Set(namesOf(result))
  const carried = carry.filter((name) => !own.has(name)).flatMap((name) => column(name) ?? [])
  return carried.length === 0 ? result : { ...result, columns: [...result.columns, ...carried] }
}

/** Columns that only the run knows may be no lists. */
const unnestStep = ({ column, keepEmpty, keep, number }: Extract<PhysicalStep, { kind: 'unnest' }>): Run => {
  const kept = keep && new Set([...keep, column])
  return (batch) => {
    const names = namesOf(batch)
    const list = columnOf(batch, column)
    if (list === undefined) throw missing(column, names, number)
    if (list.field.type.kind !== 'list') {
      throw new SabotError(
        'SCHEMA',
        `step ${number} (unnest): expected a column of lists; "${column}" is ${typeText(list.field.type)}.`,
        { where: { column, step: String(number) } },
      )
    }
    return unnestBatch(
      kept === undefined
        ? batch
        : pickColumns(
            batch,
            names.filter((name) => kept.has(name)),
          ),
      column,
      keepEmpty,
    )
  }
}

const limitStep = ({ count, exact }: Extract<PhysicalStep, { kind: 'limit' }>, progress: Progress): Run => {
  let left = count
  return (batch, origin) => {
    const rows = numSelected(batch)
    if (rows < left) {
      left -= rows
      return batch
    }
    const taken = Uint32Array.from({ length: left }, (_, row) => indexAt(batch, row))
    // Of several limits that cut a batch the last one has the say: it lets the fewest rows through.
    if (rows > left && origin.cut !== 'unknown') {
      const offsets = columnOf(batch, '$offset')
      if (!exact || offsets === undefined || left === 0) origin.cut = 'unknown'
      else origin.cut = int64At(offsets, taken[left - 1]!) + 1n
    }
    left = 0
    progress.finished = true
    return rows === taken.length ? batch : { ...batch, selection: taken }
  }
}
