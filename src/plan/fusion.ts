/** Whether a run is fused: rows go from the decode workers to the sink without the JavaScript thread. */
import type { Optimised } from './optimise.ts'

export type Fusion = { readonly fused: true } | { readonly fused: false; readonly why: string }

/** Fused where nothing is left for JavaScript: every step is the decoder's, and the one sink is Kafka. */
export const fusion = ({ bound, columns, steps }: Optimised): Fusion => {
  const { source, sink } = bound.plan
  const not = (why: string): Fusion => ({ fused: false, why })
  if (source.kind !== 'kafka') return not('the rows do not come from Kafka')
  if (sink.kind === 'fanOut') return not('there are several sinks')
  if (sink.kind !== 'kafka') return not(`${sink.kind === 'iterate' ? 'for await' : sink.kind} takes the rows`)
  if (columns === undefined && bound.plan.steps.length > 0) {
    return not('columns are inferred at run time; it is fused then where no step is left for TypeScript')
  }
  const [first] = steps
  if (first === undefined) return { fused: true }
  const number = first.kind === 'filter' ? first.terms[0]!.number : first.number
  const sinks = number > bound.plan.steps.length
  const name = first.kind === 'project' ? (sinks ? 'columns of the sink' : 'columns') : first.kind
  return not(`step ${number} (${name}) runs in TypeScript`)
}
