import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTopics, EmbeddedBroker, SabotError } from '../../src/index.ts'

const servers = { bootstrapServers: 'localhost:9092' }

async function failure(options: object): Promise<SabotError> {
  const error = await createTopics(options as never).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(SabotError)
  return error as SabotError
}

describe('createTopics refuses, before anything connects,', () => {
  test.each([
    [{ topics: ['a'] }, 'createTopics: option "bootstrapServers" is required'],
    [servers, 'createTopics: option "topics" is required'],
    [{ ...servers, topic: ['a'] }, 'createTopics: there is no option "topic". Did you mean "topics"?'],
    [{ ...servers, topics: 'a' }, 'createTopics: option "topics" must be an array of names, or an object'],
    [{ ...servers, topics: ['a b'] }, 'createTopics: option "topics" must be'],
    [{ ...servers, topics: { a: 0 } }, 'createTopics: option "topics" must be'],
    [{ ...servers, topics: { a: 1.5 } }, 'createTopics: option "topics" must be'],
    [{ ...servers, topics: { a: { partitions: 10_001 } } }, 'createTopics: option "topics" must be'],
    [{ ...servers, topics: { a: { replication: -1 } } }, 'createTopics: option "topics" must be'],
    [{ ...servers, topics: { a: { replicas: 1 } } }, 'createTopics: option "topics" must be'],
    [{ ...servers, topics: { a: { config: { x: null } } } }, 'createTopics: option "topics" must be'],
    [{ ...servers, topics: ['a'], sasl: { mechanism: 'plain' } }, 'createTopics: option "sasl.username" is required'],
    [{ ...servers, topics: ['a'], kafka: { 'fetch.min.bytes': 1 } }, 'it is a property of a consumer'],
    [{ ...servers, topics: ['a'], kafka: { 'batch.num.messages': 1 } }, 'it is a property of a producer'],
  ])('%j', async (options, message) => {
    const error = await failure(options)
    expect(error.code).toBe('CONFIG')
    expect(error.message).toContain(message)
  })
})

test('createTopics of no topics asks no broker', async () => {
  await createTopics({ ...servers, topics: [] })
})

test('a broker that cannot be reached is named, with what to check', async () => {
  const error = await failure({ bootstrapServers: '127.0.0.1:1', topics: ['a'], connectTimeoutMs: 300 })
  expect(error).toMatchObject({ code: 'CONNECT', retriable: true })
  expect(error.message).toMatch(
    /^createTopics: expected a broker at 127\.0\.0\.1:1; none answered within 300 ms: .*refused.*Check "bootstrapServers"/s,
  )
})

describe('the embedded broker', () => {
  let broker: EmbeddedBroker
  beforeAll(async () => {
    broker = await EmbeddedBroker.start()
  })
  afterAll(() => broker.close())

  test('says that it creates topics itself', async () => {
    const error = await failure({ bootstrapServers: broker.bootstrapServers, topics: ['a'] })
    expect(error.code).toBe('UNSUPPORTED')
    expect(error.message).toContain('an EmbeddedBroker')
  })
})
