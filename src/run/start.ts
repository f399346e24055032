/** From a plan and checked options to a running loop. */
import { SabotError } from '../errors.ts'
import type { Backend, Source } from '../kafka/backend.ts'
import type { ParsedRun, ParsedSink, ParsedSource } from '../kafka/options.ts'
import type { Asked } from '../kafka/refusals.ts'
import { type Selection, selectBackend } from '../kafka/select.ts'
import { type Logger, silent } from '../logger.ts'
import { Counters, type RunMetrics } from '../metrics.ts'
import { groupOffsets } from '../offsets/group.ts'
import { optimise } from '../plan/optimise.ts'
import type { Plan } from '../plan/steps.ts'
import { type Batches, BatchesSource } from './batches.ts'
import { type Ends, RunLoop } from './loop.ts'
import { kafkaOutlet, type Outlet } from './outlets.ts'
import { asSabotError, RowErrors } from './policy.ts'
import { compileProgram, type DecodeSettings, failingProgram, type Prepare } from './program.ts'
import { listen } from './shutdown.ts'

/** Where the rows come from: Kafka's options, or batches. */
export type Origins = { readonly kafka: ParsedSource } | { readonly batches: Batches }

export interface RunSpec {
  readonly plan: Plan
  readonly from: Origins
  /** Kafka sinks in the order of the plan, or another outlet. */
  readonly to: readonly ParsedSink[] | Outlet
  readonly options: ParsedRun
}

/** A run under way. */
export interface Run {
  /** Resolves when a bounded read has ended or the run was stopped; rejects with a SabotError when it failed. */
  readonly done: Promise<RunMetrics>
  /** Takes no more batches, delivers and commits what was taken, leaves the group. Always the same promise. */
  stop(): Promise<void>
  /** How it goes; also after the end. */
  metrics(): RunMetrics
  /**
   * Which client runs; `memory`: none, the stream neither reads nor writes Kafka. Under `backend: 'auto'` a run that begins
   * as `native` is `js` once the addon has turned out not to start.
   */
  readonly backend: 'native' | 'js' | 'memory'
}

const skipRemedy = `With onError: 'skip' such records are counted, logged and passed over.`

/** `SABOT_FUSED=0` keeps every row on the JavaScript thread: for a test that compares, and to find out who is to blame. */
export const mayFuse = (): boolean => process.env.SABOT_FUSED !== '0'

const isOutlet = (to: readonly ParsedSink[] | Outlet): to is Outlet => 'window' in to

/** What a run asks of a backend, beyond what every one does. */
export const askedOf = (from: Origins, to: readonly ParsedSink[] | Outlet | undefined): readonly Asked[] => [
  ...('kafka' in from
    ? [{ call: 'fromKafka', options: { ...from.kafka.source }, properties: from.kafka.connection.tuning } as const]
    : []),
  ...(to === undefined || isOutlet(to)
    ? []
    : to.map(({ sink, tuning }) => ({ call: 'toKafka', options: { ...sink }, properties: tuning }) as const)),
]

export const startRun = ({ plan, from, to, options }: RunSpec): Run => {
  const kafka = 'kafka' in from ? from.kafka : undefined
  const logger: Logger = kafka?.logger ?? (isOutlet(to) ? silent : to[0]!.sink.logger)
  const selected: Selection | undefined =
    kafka === undefined && isOutlet(to) ? undefined : selectBackend(kafka?.backend ?? 'auto', logger, askedOf(from, to))
  const counters = new Counters()
  const rowErrors = new RowErrors(kafka?.onError ?? 'fail', counters, logger, kafka && skipRemedy)
  const commits = kafka?.source.groupId !== undefined
  const batches = 'batches' in from ? new BatchesSource(from.batches, plan.source.title, plan.source.fields) : undefined
  const endsOn = (backend: Backend | undefined): Ends => {
    const source: Source = batches ?? backend!.source(kafka!.source)
    const outlet = isOutlet(to)
      ? to
      : kafkaOutlet(
          to.map(({ sink }) => backend!.sink(sink)),
          rowErrors,
        )
    const prepare = preparing(plan, kafka, source.programs ?? false, rowErrors)
    return { source, outlet, prepare, offsets: commits ? groupOffsets(source) : null }
  }
  if (kafka !== undefined && !commits) {
    logger.info({}, 'no groupId: every partition is read by this run, and no position is committed')
  }
  let backend: Backend | undefined = selected
  const loop = new RunLoop({
    ...endsOn(backend),
    fallBack: (error) => {
      const other = selected?.fallBack?.(error)
      if (other === undefined) return undefined
      backend = other
      return endsOn(other)
    },
    rowErrors,
    counters,
    logger,
    commitIntervalMs: kafka?.commitIntervalMs ?? 1000,
  })
  counters.began({
    backend: backend?.name ?? 'memory',
    source: plan.source.title,
    sinks: isOutlet(to) ? [] : to.map(({ sink }) => sink.topic),
  })
  const unlisten = listen(loop, options.signal, options.signals)
  loop.done.then(unlisten, unlisten)
  return {
    done: loop.done,
    stop: () => loop.stop(),
    metrics: () => loop.metrics(),
    get backend() {
      return backend?.name ?? 'memory'
    },
  }
}

/**
 * A bounded read that ended without a row has no columns to infer. The plan is then not judged by columns that could
 * not be known, unless a row comes after all.
 */
const preparing = (plan: Plan, kafka: ParsedSource | undefined, native: boolean, rowErrors: RowErrors): Prepare => {
  const settings: DecodeSettings = {
    codec: plan.source.codec,
    keyType: plan.source.keyType,
    maxDepth: kafka?.source.maxDepth ?? 64,
  }
  return (inferred) => {
    try {
      const optimised = optimise(plan, plan.source.fields ?? inferred, { native })
      const program = compileProgram(optimised, settings, rowErrors)
      return mayFuse() ? program : { ...program, fused: undefined }
    } catch (error) {
      const unknowable = plan.source.fields === undefined && inferred.length === 0
      if (unknowable && error instanceof SabotError) return failingProgram(asSabotError(error, 'SCHEMA'), settings)
      throw error
    }
  }
}
