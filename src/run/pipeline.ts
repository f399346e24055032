/** A plan with its sinks, ready to run; what `.toKafka` and `.fanOut` give. */

import { type ParsedSink, parseRunOptions, type RunOptions } from '../kafka/options.ts'
import { runsPrograms } from '../kafka/programs.ts'
import { chooseBackend } from '../kafka/select.ts'
import type { RunMetrics } from '../metrics.ts'
import { type ExplainContext, explain } from '../plan/explain.ts'
import type { Plan } from '../plan/steps.ts'
import { askedOf, mayFuse, type Origins, type Run, startRun } from './start.ts'

/** What `Stream.fanOut` asks of a pipeline that may become a branch. */
export interface PipelineParts {
  readonly plan: Plan
  /** One a sink of the plan, depth first. */
  readonly to: readonly ParsedSink[]
  /** The stream handed to a fanOut's function, from which the pipeline was made; undefined: it was made outside. */
  readonly trunk: object | undefined
}

/** Not a method: what a pipeline is made of is nobody's business but fanOut's. */
export let partsOf: (pipeline: Pipeline) => PipelineParts

export class Pipeline {
  readonly #plan: Plan
  readonly #from: Origins
  readonly #to: readonly ParsedSink[]
  readonly #trunk: object | undefined

  static {
    partsOf = (pipeline) => ({ plan: pipeline.#plan, to: pipeline.#to, trunk: pipeline.#trunk })
  }

  /** Made by `Stream.toKafka` and `Stream.fanOut`. */
  constructor(plan: Plan, from: Origins, to: readonly ParsedSink[], trunk?: object) {
    this.#plan = plan
    this.#from = from
    this.#to = to
    this.#trunk = trunk
  }

  /**
   * Runs until a bounded read has ended, a limit is reached (in every branch of a fanOut), or `signal` or one of the process's signals stops it.
   * Resolves with the run's metrics; rejects with a SabotError when the run failed.
   */
  async run(options?: RunOptions): Promise<RunMetrics> {
    return this.start(options).done
  }

  /** Begins to run. Throws where the options are wrong or the backend is missing; all else is `done`'s to say. */
  start(options?: RunOptions): Run {
    return startRun({ plan: this.#plan, from: this.#from, to: this.#to, options: parseRunOptions(options) })
  }

  /** The plan as written and as it runs, as text. Connects to nothing. */
  explain(): string {
    return explain(this.#plan, explainContext(this.#from, this.#to))
  }
}

/** What a run would take now, and how explain() says it. */
const backendOf = (from: Origins, to: readonly ParsedSink[] | undefined): { name: string; text: string } => {
  const choice = 'kafka' in from ? from.kafka.backend : 'auto'
  try {
    const { backend, why } = chooseBackend(choice, askedOf(from, to))
    return { name: backend.name, text: choice === 'auto' ? `auto (${backend.name}: ${why})` : backend.name }
  } catch (error) {
    return { name: choice, text: `${choice} (none: ${(error as Error).message})` }
  }
}

export const explainContext = (from: Origins, to: readonly ParsedSink[] | undefined): ExplainContext => {
  const backend = 'kafka' in from || to !== undefined ? backendOf(from, to) : undefined
  const programs = 'kafka' in from && runsPrograms(backend!.name)
  return {
    backend: backend?.text,
    programs,
    unfused: programs ? (mayFuse() ? undefined : 'SABOT_FUSED=0 is set') : 'this backend runs on the JavaScript thread',
    guarantee:
      'kafka' in from && from.kafka.source.groupId !== undefined
        ? `at-least-once, positions in the group ${from.kafka.source.groupId}`
        : 'no group: no position is committed',
  }
}
