/** The arithmetic of the bench's report. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { parseOptions } from '../../bench/options.ts'
import { orderOf } from '../../bench/parts/consume.ts'
import { performancePage, targetRows } from '../../bench/report/markdown.ts'
import { bestOf, medianOf, ratio, spreadOf, summarise } from '../../bench/report/statistics.ts'
import { targets, verdictOf } from '../../bench/report/targets.ts'
import { Recorder, type Result, readResults } from '../../bench/results.ts'
import { wrong } from '../../bench/topics.ts'
import { Tally } from '../../bench/window.ts'
import { sinkOptions } from '../../src/kafka/options-sink.ts'
import { consumerDefaults, consumerFixed, producerDefaults, producerFixed } from '../../src/kafka/properties.ts'

const load = 'transactions-8'
const rounds = (contender: string, ...perSecond: readonly number[]): Result[] =>
  perSecond.map((value, i) => ({ load, contender, round: i + 1, figures: { perSecond: value } }))

describe('figures of the bench', () => {
  it('are the median of the rounds and their range', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3, rounds: 3 })
    expect(spreadOf([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4, rounds: 4 })
    expect(() => spreadOf([])).toThrow(/at least one value/)
  })

  it('leave out rounds that do not count, and keep why', () => {
    const failed = 'wrong result: sum: expected 7; got 8'
    const all = summarise([
      ...rounds('raw', 10, 20),
      { load, contender: 'raw', round: 3, figures: { perSecond: 999 }, failed },
    ])
    expect(all[0]!.figures.get('perSecond')).toEqual({ median: 15, min: 10, max: 20, rounds: 2 })
    expect(all[0]!.failures).toEqual([failed])
  })

  it('are compared by their medians, with the best of several', () => {
    const all = summarise([...rounds('a', 1, 2, 9), ...rounds('b', 3, 3, 3), ...rounds('c', 8)])
    expect(medianOf(all, load, 'a', 'perSecond')).toBe(2)
    expect(bestOf(all, load, ['a', 'b', 'nobody'], 'perSecond')).toBe(3)
    expect(bestOf(all, load, ['nobody'], 'perSecond')).toBeUndefined()
    expect(ratio(6, 4)).toBe(1.5)
    expect(ratio(undefined, 4)).toBeUndefined()
  })
})

describe('a result of the bench counts', () => {
  const expected = { rows: 10, over: 4, sum: 612_345, bytes: 2090 }

  it('only with the rows, and the sum or the bytes', () => {
    expect(wrong({ rows: 10, over: 4, sum: 612_345 }, expected)).toBeUndefined()
    expect(wrong({ rows: 10, bytes: 2090 }, expected)).toBeUndefined()
    expect(wrong({ rows: 9, over: 4, sum: 612_345 }, expected)).toBe('rows: expected 10; got 9')
    expect(wrong({ rows: 10, over: 4, sum: 612_344 }, expected)).toBe('sum: expected 612345; got 612344')
    expect(wrong({ rows: 10, bytes: 2091 }, expected)).toBe('bytes: expected 2090; got 2091')
    expect(wrong({ rows: 10 }, expected)).toMatch(/^over: expected 4; got undefined/)
  })

  it('with a sum in whole cents, of amounts over 1,000 alone', () => {
    const tally = new Tally()
    for (const amount of [1000, 1000.01, 1999.99, 0.1, Number.NaN]) tally.add(amount)
    expect({ ...tally }).toEqual({ rows: 5, over: 2, sum: 300_000 })
  })
})

describe('librdkafka alone', () => {
  const settings = (file: string): [string, string][] => {
    const source = readFileSync(new URL(`../../native/tools/${file}`, import.meta.url), 'utf8')
    return [...source.matchAll(/\bset\(conf, "([\w.]+)", "(\w+)"\)/g)].map(([, name, value]) => [name!, value!])
  }

  it('reads and writes with the settings of Sabot', () => {
    // What no default says: its own, and what options of Sabot say.
    const options = ['linger.ms', 'batch.size', 'queue.buffering.max.kbytes', 'partitioner']
    const own = ['group.id', 'auto.offset.reset', 'acks', ...options]
    const governed = (name: string): boolean => own.includes(name)
    const reading = settings('raw_client.h').filter(([name]) => !governed(name))
    expect(reading.length).toBeGreaterThan(6)
    for (const [name, value] of reading) expect({ ...consumerDefaults, ...consumerFixed }[name], name).toBe(value)
    const writing = settings('raw_pipeline.cc').filter(([name]) => !governed(name))
    expect(writing.length).toBeGreaterThan(2)
    for (const [name, value] of writing) expect({ ...producerDefaults, ...producerFixed }[name], name).toBe(value)
    const written = Object.fromEntries(settings('raw_pipeline.cc'))
    expect(Number(written['linger.ms'])).toBe(sinkOptions.lingerMs.default)
    expect(Number(written['batch.size'])).toBe(sinkOptions.batchBytes.default)
    expect(Number(written['queue.buffering.max.kbytes']) * 1024).toBe(sinkOptions.maxQueueBytes.default)
  })
})

it('a round of the bench has every contender once, behind others than the last round', () => {
  const all = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
  const orders = [1, 2, 3, 4, 5].map((round) => orderOf(all, round))
  for (const order of orders) expect(order.toSorted()).toEqual(all)
  const behind = orders.map((order) => order[order.indexOf('d') - 1])
  expect(new Set(behind).size).toBeGreaterThan(2)
  expect(orderOf(all, 3)).toEqual(orders[2])
})

describe('a target of the bench', () => {
  const [least] = targets
  it('is reached, missed, or not measured', () => {
    expect([2, 1.5, 0.9, 0.89, undefined].map((value) => verdictOf(least!, value))).toEqual([
      'aim reached',
      'aim reached',
      'reached',
      'missed',
      'not measured',
    ])
    const most = targets.find(({ ceiling }) => ceiling)!
    expect([most.aim, most.atLeast, most.atLeast + 1].map((value) => verdictOf(most, value))).toEqual([
      'aim reached',
      'reached',
      'missed',
    ])
  })

  it('is the ratio of the medians on the page', () => {
    const consume = {
      results: [
        ...rounds('raw', 200),
        ...rounds('sabot-columns', 350),
        ...rounds('kafkajs', 50),
        ...rounds('platformatic', 70),
      ],
    }
    const page = performancePage({
      consume: {
        ...consume,
        rows: 1000,
        seconds: 3,
        environment: { date: '2026-01-01', machine: 'one', versions: { Kafka: '4' } },
      },
    })
    expect(page).toContain(
      '| consume to all 11 columns / raw, glibc allocator (8 partitions) | 0.9 | 1.5 | 1.75 | aim reached |',
    )
    expect(page).toContain('| consume to all 11 columns / best Node peer (8 partitions) | 4 | 8 | 5.00 | reached |')
    expect(page).toContain('| fused pipeline / Kafka Streams | 3 | 5 |  | not measured |')
    expect(targetRows({}).every((row) => row.at(-1) === 'not measured')).toBe(true)
  })
})

describe('the cost of metrics', () => {
  const timed = (contender: string, nsEach: number): Result => ({
    load: 'counters',
    contender,
    round: 1,
    figures: { nsEach },
  })
  const run = (contender: string): Result => ({
    load,
    contender,
    round: 1,
    figures: { perSecond: 1e6, rowsPerBatch: 2000, cpuNs: 500 },
  })
  const page = (...results: readonly Result[]): string => {
    const environment = { date: '2026-01-01', machine: 'one', versions: {} }
    return performancePage({ metrics: { results, rows: 1000, seconds: 3, environment } })
  }

  it('is the counters of a batch, beside the CPU that the batch takes', () => {
    const counters = [timed('counters-nobody-listens', 600), timed('counters-listened', 900), timed('native-span', 50)]
    const text = page(...counters, run('sabot-columns'), run('sabot-columns-listened'), run('sabot-fused'))
    expect(text).toContain("| the counters' calls of a batch, a subscriber on every channel | 900 |")
    // 600 + 2 x 50 of 1,000,000 ns; where rows are written, two more readings for each 1,024 of them.
    expect(text).toContain(
      '**Nobody listens** to sabot-columns: a batch of 2,000 messages takes 1.00 ms of CPU, counting it 0.70 us (the calls, and 2 native readings), which is 0.070 %.',
    )
    expect(text).toContain('counting it 0.90 us (the calls, and 6 native readings), which is 0.090 %.')
    expect(text).not.toContain('to sabot-columns-listened:')
  })

  it('is left out where only one side was measured', () => {
    expect(page(run('sabot-columns'))).not.toContain('**Nobody listens**')
    expect(page(timed('native-span', 50))).not.toContain('**Nobody listens**')
  })
})

describe('results of the bench', () => {
  const environment = { date: '2026-01-01', machine: 'one', versions: {} }

  it('lie in a file after every process, and what is kept is not measured again', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sabot-bench-'))
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    onTestFinished(() => {
      log.mockRestore()
      rmSync(folder, { recursive: true })
    })
    const [first, second] = rounds('raw', 1, 2) as [Result, Result]
    const broken = { load, contender: 'kafkajs', round: 1, failed: 'it ended with 1' }
    const recorder = new Recorder('consume', environment, 1000, () => false, folder)
    for (const result of [first, second, broken]) recorder.add(result)
    expect(readResults('consume', folder)).toMatchObject({ rows: 1000, environment, results: [first, second, broken] })

    const resumed = new Recorder('consume', environment, 1000, ({ failed }) => failed === undefined, folder)
    expect([first, second, broken].map((place) => resumed.has(place))).toEqual([true, true, false])
    // With other rows the figures say nothing about each other.
    expect(new Recorder('consume', environment, 2000, () => true, folder).has(first)).toBe(false)
  })
})

describe('the command line of the bench', () => {
  it('says what it expected', () => {
    expect(parseOptions(['--rows', '100_000', '--part', 'report'])).toMatchObject({ rows: 100_000, parts: [] })
    expect(parseOptions(['--rounds', '0'])).toEqual({ problem: '--rounds: expected a whole number from 1; got 0.' })
    expect(parseOptions(['--part', 'all'])).toHaveProperty('problem')
    expect(parseOptions(['--help'])).toBe('help')
  })
})
