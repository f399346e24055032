/** The js backend, from a topic to a topic, against a real Kafka. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { col, Stream } from '../../src/index.ts'
import { builtPath } from '../../src/kafka/platform.ts'
import { recordingLogger } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka

test('rows go from topic to topic with their keys, headers and times, and the run says that js ran', async () => {
  const [from, to] = [unique('js-in'), unique('js-out')]
  await kafka.createTopic(from, 3)
  await kafka.createTopic(to, 3)
  const headers = [
    ['trace', 'a'],
    ['trace', 'b'],
    ['none', null],
  ] as const
  const records = Array.from({ length: 2000 }, (_, i) => ({
    key: i % 5 === 0 ? null : `key ${i % 37}`,
    value: i % 11 === 0 ? null : i % 13 === 0 ? '' : `value ${i}`,
    timestamp: 1_700_000_000_000 + i,
    ...(i % 3 === 0 && { headers }),
  }))
  await kafka.produce(from, records)
  const run = Stream.fromKafka({ bootstrapServers, topic: from, codec: 'bytes', until: 'end', backend: 'js' })
    .filter(col('$partition').ge(0))
    .toKafka({ topic: to, partitioner: 'source' })
    .start({ signals: false })
  expect(run.backend).toBe('js')
  const metrics = await run.done
  expect([metrics.rowsIn, metrics.rowsOut]).toEqual([2000, 2000])
  const plain = async (topic: string) =>
    (await kafka.consume(topic)).map(({ partition, offset, ...record }) => ({ partition, offset, ...record }))
  expect(await plain(to)).toEqual(await plain(from))
})

test('where the addon loads and its source does not start, every row goes through on js after all', async () => {
  const [from, to, groupId] = [unique('fall-in'), unique('fall-out'), unique('group')]
  await kafka.createTopic(from, 2)
  await kafka.createTopic(to, 2)
  await kafka.produce(
    from,
    Array.from({ length: 500 }, (_, i) => ({ partition: i % 2, value: `{"id":${i}}` })),
  )
  // The addon that was built, but for a source that is made and then fails: its sink, natively, is open by then.
  const folder = mkdtempSync(join(tmpdir(), 'sabot-addon-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'sabot.cjs')
  const source = 'subscribe() { throw new Error("function not implemented") }'
  writeFileSync(
    path,
    `const addon = require(${JSON.stringify(builtPath())})
     class Source extends addon.Source { ${source} }
     module.exports = { ...addon, Source }`,
  )
  vi.stubEnv('SABOT_ADDON', path)
  vi.stubEnv('SABOT_BACKEND', '')
  onTestFinished(() => void vi.unstubAllEnvs())

  const logger = recordingLogger()
  const stream = Stream.fromKafka({ bootstrapServers, topic: from, groupId, until: 'end', logger })
    .filter(col('id').ge(100))
    .toKafka({ topic: to })
  const run = stream.start({ signals: false })
  expect(run.backend).toBe('native')
  const metrics = await run.done
  expect([run.backend, metrics.messagesIn, metrics.rowsOut]).toEqual(['js', 500, 400])
  const ids = (await kafka.consume(to)).map(({ value }) => JSON.parse(String(value)).id as number)
  expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, i) => i + 100))
  expect((await kafka.committed(groupId)).map(({ offset }) => offset)).toEqual([250, 250])
  expect((await kafka.describeGroup(groupId)).members).toEqual([])
  const said = logger.lines.filter(({ message }) => /^backend/.test(message))
  expect(said.map(({ level, fields }) => [level, fields.backend])).toEqual([
    ['info', 'native'],
    ['warn', 'js'],
  ])
  expect(said[1]!.message).toMatch(/loads, but does not start: function not implemented/)
})
