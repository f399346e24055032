/** What the batches of a plan hold: every backend builds the same columns. */
import { messageField } from '../plan/steps.ts'
import type { Field } from '../schema.ts'
import type { DecodePlan, MessageColumn } from './backend.ts'

const messageTypes: Readonly<Record<Exclude<MessageColumn, '$key' | '$keyValue'>, Field['type']>> = {
  $topic: { kind: 'utf8' },
  $partition: { kind: 'int32' },
  $offset: { kind: 'int64' },
  $timestamp: { kind: 'timestamp', unit: 'ms' },
  $headers: {
    kind: 'list',
    item: {
      kind: 'struct',
      fields: [
        { name: 'key', type: { kind: 'utf8' } },
        { name: 'value', type: { kind: 'binary' } },
      ],
    },
  },
  $value: { kind: 'binary' },
  $tombstone: { kind: 'bool' },
}

/** The columns of the batches of a plan, in the slab's order: emitted ones, then message columns; or the program's. */
export function planFields(plan: DecodePlan): readonly Field[] {
  const message = plan.message.map((name): Field => {
    return name === '$key' || name === '$keyValue'
      ? messageField(name, plan.keyType)
      : { name, type: messageTypes[name] }
  })
  const { columns, program } = plan
  if (program === undefined) return [...columns.filter(({ emit }) => emit).map(({ field }) => field), ...message]
  const types = [
    ...[...columns.map(({ field }) => field), ...message].map(({ type }) => type),
    ...program.steps.flatMap((step) => (step.kind === 'compute' ? [step.type] : [])),
  ]
  return program.output.map(({ name, column }) => ({ name, type: types[column]! }))
}
