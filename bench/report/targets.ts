/** What the project set out to reach, and what it did. Ratios are of medians of one run. */
import { consumers, pipelines } from '../contenders.ts'
import type { PartName } from '../results.ts'
import { bestOf, medianOf, ratio, type Summary } from './statistics.ts'

export type Summaries = Readonly<Partial<Record<PartName, readonly Summary[]>>>

export interface Target {
  readonly what: string
  readonly atLeast: number
  readonly aim: number
  /** Small is good. */
  readonly ceiling?: boolean
  readonly unit?: '%' | 'MB'
  measured(summaries: Summaries): number | undefined
}

export type Verdict = 'aim reached' | 'reached' | 'missed' | 'not measured'

export function verdictOf({ atLeast, aim, ceiling }: Target, value: number | undefined): Verdict {
  if (value === undefined) return 'not measured'
  const holds = (limit: number): boolean => (ceiling ? value <= limit : value >= limit)
  if (holds(aim)) return 'aim reached'
  return holds(atLeast) ? 'reached' : 'missed'
}

const nodePeers = consumers(undefined)
  .filter(({ nodePeer }) => nodePeer)
  .map(({ name }) => name)

/** Those with the C library's allocator; which of them is faster, nobody knows before. */
const passThroughs = pipelines(() => ({ file: '', args: [] }))
  .map(({ name }) => name)
  .filter((name) => name === 'raw-over' || name === 'raw-all')

const consumed = (contender: string, load: string) => (all: Summaries) =>
  medianOf(all.consume ?? [], load, contender, 'perSecond')
const piped = (contender: string) => (all: Summaries) =>
  medianOf(all.pipeline ?? [], 'transactions-8', contender, 'perSecond')
const passThrough = (all: Summaries) => bestOf(all.pipeline ?? [], 'transactions-8', passThroughs, 'perSecond')
const nodePeer = (load: string) => (all: Summaries) => bestOf(all.consume ?? [], load, nodePeers, 'perSecond')
/** Where the addon is linked with no other allocator, the C library's is the same one. */
const sameAllocator = (load: string) => (all: Summaries) =>
  consumed('raw-allocator', load)(all) ?? consumed('raw', load)(all)

type Figure = (all: Summaries) => number | undefined
const over =
  (a: Figure, b: Figure): Figure =>
  (all) =>
    ratio(a(all), b(all))
const decoded = (contender: string) => (all: Summaries) =>
  medianOf(all.decode ?? [], 'decode', contender, 'nsPerDocument')
const p99 = (contender: string) => (all: Summaries) => medianOf(all.latency ?? [], '5000/s', contender, 'p99')
const percent = (figure: Figure) => (all: Summaries) => {
  const share = figure(all)
  return share === undefined ? undefined : share * 100
}

const perPartitions = (partitions: number): readonly Target[] => {
  const load = `transactions-${partitions}`
  const where = `${partitions} partition${partitions === 1 ? '' : 's'}`
  return [
    {
      what: `consume to all 11 columns / raw, glibc allocator (${where})`,
      atLeast: 0.9,
      aim: 1.5,
      measured: over(consumed('sabot-columns', load), consumed('raw', load)),
    },
    {
      what: `consume to all 11 columns / best Node peer (${where})`,
      atLeast: 4,
      aim: 8,
      measured: over(consumed('sabot-columns', load), nodePeer(load)),
    },
    {
      what: `one-column filter / raw, same allocator (${where})`,
      atLeast: 0.9,
      aim: 1.3,
      measured: over(consumed('sabot-filter', load), sameAllocator(load)),
    },
  ]
}

export const targets: readonly Target[] = [
  ...perPartitions(8),
  ...perPartitions(1),
  {
    what: 'fused pipeline / raw pass-through',
    atLeast: 0.8,
    aim: 1,
    measured: over(piped('sabot-fused'), passThrough),
  },
  {
    what: 'fused pipeline / Kafka Streams',
    atLeast: 3,
    aim: 5,
    measured: over(piped('sabot-fused'), piped('kafka-streams')),
  },
  {
    what: 'withColumns pipeline / raw pass-through',
    atLeast: 0.6,
    aim: 0.85,
    measured: over(piped('sabot-with-columns'), passThrough),
  },
  {
    what: 'decode 210 B / on-demand walk, the floor',
    atLeast: 1.8,
    aim: 1.3,
    ceiling: true,
    measured: over(decoded('sabot'), decoded('on-demand-walk')),
  },
  {
    what: 'decode / JSON.parse into columns, times faster',
    atLeast: 10,
    aim: 20,
    measured: over(decoded('json-parse-columns'), decoded('sabot')),
  },
  {
    what: 'JS-thread share of a fused run',
    atLeast: 5,
    aim: 1,
    ceiling: true,
    unit: '%',
    measured: percent((all) => medianOf(all.pipeline ?? [], 'transactions-8', 'sabot-fused', 'threadShare')),
  },
  {
    what: 'p99 at 5,000 msg/s / raw',
    atLeast: 1.5,
    aim: 1.1,
    ceiling: true,
    measured: over(p99('sabot'), p99('raw')),
  },
  {
    what: 'peak memory above idle, slow step',
    atLeast: 300,
    aim: 150,
    ceiling: true,
    unit: 'MB',
    measured: (all) => medianOf(all.memory ?? [], 'gigabyte-8', 'sabot-slow-step', 'aboveIdleMb'),
  },
]
