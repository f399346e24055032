/** createTopics against a real Kafka: the embedded broker takes no admin requests. */
import { expect, test } from 'vitest'
import { createTopics } from '../../src/index.ts'
import { eventually } from '../support/outcome.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const { bootstrapServers } = kafka

test('topics are made with their partitions and configuration', async () => {
  const [plain, many, compact] = [unique('plain'), unique('many'), unique('compact')]
  await createTopics({
    bootstrapServers,
    topics: { [plain]: 1, [many]: 5, [compact]: { partitions: 2, config: { 'cleanup.policy': 'compact' } } },
  })
  // The controller has them, and the broker a moment later.
  const partitions = (topic: string) =>
    kafka.offsets(topic).then(
      ({ length }) => length,
      () => 0,
    )
  await eventually(async () => (await partitions(plain)) === 1, 'one partition')
  await eventually(async () => (await partitions(many)) === 5, 'five partitions')
  const { stdout } = await kafka.tool('kafka.admin.ConfigCommand', [
    ...['--bootstrap-server', bootstrapServers, '--entity-type', 'topics', '--entity-name', compact, '--describe'],
  ])
  expect(stdout).toContain('cleanup.policy=compact')
})

test('a topic that exists is left as it is', async () => {
  const topic = unique('existing')
  await createTopics({ bootstrapServers, topics: { [topic]: 3 } })
  await createTopics({ bootstrapServers, topics: { [topic]: 8 } })
  expect(await kafka.offsets(topic)).toHaveLength(3)
})

test('what the broker refuses is said with its reason', async () => {
  const topic = unique('refused')
  const config = createTopics({ bootstrapServers, topics: { [topic]: { config: { 'no.such.setting': 1 } } } })
  await expect(config).rejects.toMatchObject({ code: 'CONFIG', message: expect.stringContaining('no.such.setting') })
  const replication = createTopics({ bootstrapServers, topics: { [topic]: { replication: 3 } } })
  await expect(replication).rejects.toMatchObject({
    code: 'CONFIG',
    message: expect.stringContaining(`topic ${topic}: `),
  })
})
