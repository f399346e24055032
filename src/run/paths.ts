/**
 * How a batch goes through a plan's tree: the steps that all share once, then those of each branch, to one output a
 * sink. Runs on the JavaScript thread; branches go one after the other, so that no two functions of the user run at
 * the same time.
 */
import { type Batch, numSelected } from '../batch.ts'
import { SabotError } from '../errors.ts'
import type { RecordPlan } from '../kafka/backend.ts'

/** Where the rows of a batch come from. */
export interface Origin {
  readonly topic: string
  readonly partition: number
  /** The next offset to read after the batch. */
  readonly position: bigint
  /** Set by a limit that cut the batch: the position behind the last row taken, or that it is not known. */
  cut: bigint | 'unknown' | undefined
}

/** How rows leave a program. */
export interface Ending {
  /** Which of the plan's sinks, counted from 0. */
  readonly sink: number
  /** The names of a result's columns without those that only go along. */
  visible(batch: Batch): readonly string[]
  /** Which columns of a result become which part of a record. */
  record(batch: Batch): RecordPlan
}

/** Rows for one sink: one or more. */
export interface Output {
  readonly batch: Batch
  readonly ending: Ending
}

export type Run = (batch: Batch, origin: Origin) => Batch | Promise<Batch>

/** Set by a limit that was reached: its path takes no more rows. */
export interface Progress {
  finished: boolean
}

/** Steps, and a sink or branches behind them. */
export interface Path {
  readonly steps: readonly Run[]
  readonly progress: Progress
  readonly end: Ending | readonly Path[]
}

type Outputs = readonly Output[]

const isBranches = (end: Path['end']): end is readonly Path[] => Array.isArray(end)

/** A limit of its own is reached, or each branch has ended. */
export const isFinished = ({ progress, end }: Path): boolean =>
  progress.finished || (isBranches(end) && end.every(isFinished))

/** Stays synchronous for as long as the steps are: a promise a batch and step would cost more than the step. */
export const runPath = (path: Path, batch: Batch, origin: Origin): Outputs | Promise<Outputs> => {
  const result = runSteps(path.steps, 0, batch, origin)
  return result instanceof Promise ? result.then((rows) => leave(path, rows, origin)) : leave(path, result, origin)
}

const runSteps = (steps: readonly Run[], from: number, batch: Batch, origin: Origin): Batch | Promise<Batch> => {
  let current = batch
  for (let i = from; i < steps.length; i++) {
    if (numSelected(current) === 0) return current
    const result = steps[i]!(current, origin)
    if (result instanceof Promise) return result.then((next) => runSteps(steps, i + 1, next, origin))
    current = result
  }
  return current
}

const leave = ({ end }: Path, batch: Batch, origin: Origin): Outputs | Promise<Outputs> => {
  if (numSelected(batch) === 0) return []
  return isBranches(end) ? runBranches(end, batch, origin) : [{ batch, ending: end }]
}

const runBranches = (branches: readonly Path[], batch: Batch, origin: Origin): Outputs | Promise<Outputs> => {
  const open = branches
    .map((path, index) => ({ path, index, origin: { ...origin } }))
    .filter(({ path }) => !isFinished(path))
  const outputs: Output[] = []
  const from = (start: number): Outputs | Promise<Outputs> => {
    for (let i = start; i < open.length; i++) {
      const part = runBranch(open[i]!.path, open[i]!.index, batch, open[i]!.origin)
      if (part instanceof Promise) {
        return part.then((made) => {
          outputs.push(...made)
          return from(i + 1)
        })
      }
      outputs.push(...part)
    }
    // While one branch takes all rows, what a limit left of them in another was read for the one that goes on.
    if (branches.every(isFinished)) origin.cut = furthest(open.map((branch) => branch.origin.cut))
    return outputs
  }
  return from(0)
}

/** The branch that took the most rows says where the batch ends; undefined: at its own end. */
const furthest = (cuts: readonly Origin['cut'][]): Origin['cut'] => {
  let last: bigint | undefined
  for (const cut of cuts) {
    if (cut === undefined) return undefined
    if (cut !== 'unknown' && (last === undefined || cut > last)) last = cut
  }
  return cuts.includes('unknown') ? 'unknown' : last
}

/** Steps are counted along each path: an error says on which. */
const runBranch = (path: Path, index: number, batch: Batch, origin: Origin): Outputs | Promise<Outputs> => {
  const fail = (error: unknown): never => {
    if (!(error instanceof SabotError)) throw error
    const { code, message, where, retriable } = error
    throw new SabotError(code, `branch ${index + 1}: ${message}`, { cause: error, retriable, ...(where && { where }) })
  }
  try {
    const outputs = runPath(path, batch, origin)
    return outputs instanceof Promise ? outputs.catch(fail) : outputs
  } catch (error) {
    return fail(error)
  }
}
