/**
 * What the option `preset` stands for: other defaults. What the user gives, as an option or in `kafka`, wins over them.
 */
import { isPlainObject } from './option.ts'

export const presetNames = ['latency', 'throughput'] as const
export type PresetName = (typeof presetNames)[number]

type Properties = Readonly<Record<string, string>>

interface Preset {
  /** Options of fromKafka; of `batch` those that are named. */
  readonly source: { readonly batch: Readonly<Record<string, number>> }
  readonly consumer: Properties
  /** Options of toKafka. */
  readonly sink: Readonly<Record<string, number>>
  readonly producer: Properties
}

export const presets: Readonly<Record<PresetName, Preset>> = {
  // Nothing waits for more to come. A fetch is answered as soon as a byte is there; fetch.wait.max.ms is also what a
  // partition that was just assigned may wait behind the fetch that is under way.
  latency: {
    source: { batch: { maxWaitMs: 0 } },
    consumer: {
      'fetch.min.bytes': '1',
      'fetch.wait.max.ms': '50',
      'fetch.queue.backoff.ms': '1',
      'fetch.error.backoff.ms': '20',
      'socket.nagle.disable': 'true',
    },
    sink: { lingerMs: 0 },
    producer: { 'socket.nagle.disable': 'true', 'sticky.partitioning.linger.ms': '0' },
  },
  // Few and large requests and batches. A partition may hold 32 MiB of fetched messages, instead of 4.
  throughput: {
    source: { batch: { maxRows: 16_384, maxWaitMs: 200 } },
    consumer: {
      'fetch.min.bytes': '65536',
      'fetch.wait.max.ms': '200',
      'max.partition.fetch.bytes': '8388608',
      'queued.max.messages.kbytes': '32768',
    },
    sink: { lingerMs: 50, maxQueueBytes: 268_435_456 },
    producer: {},
  },
}

/** The preset that was named; a value that is none is left for the check of the options to refuse. */
export function presetOf(raw: unknown): Preset | undefined {
  const name = isPlainObject(raw) ? raw.preset : undefined
  return typeof name === 'string' && Object.hasOwn(presets, name) ? presets[name as PresetName] : undefined
}

/** Options with a preset's in the place of those that were not given. */
export function withPreset(raw: unknown, preset: Readonly<Record<string, unknown>> | undefined): unknown {
  if (preset === undefined || !isPlainObject(raw)) return raw
  const filled: Record<string, unknown> = { ...raw }
  for (const [name, value] of Object.entries(preset)) {
    if (filled[name] === undefined) filled[name] = value
    else if (isPlainObject(value)) filled[name] = withPreset(filled[name], value)
  }
  return filled
}
