/** The broker goes away and comes back, never answers, or refuses: a Kafka of this file's own. */

import type { AddressInfo } from 'node:net'
import { createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Stream } from '../../src/index.ts'
import { type StartedKafka, startKafka } from '../support/kafka.ts'
import { eventually, failure } from '../support/outcome.ts'
import { arrived, committedOf, missing, numbered, schema, twoTopics } from './rows.ts'

const partitions = 2
const quiet = { signals: false } as const

let kafka: StartedKafka
beforeAll(async () => {
  // Whatever no rule is about is allowed to everyone.
  const rules = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'
  const config = { 'authorizer.class.name': rules, 'allow.everyone.if.no.acl.found': 'true' }
  kafka = await startKafka({ heap: 512, config })
})
afterAll(() => kafka?.stop())

let count = 0
const topics = async (rows: number) => {
  const made = await twoTopics(kafka, [`in-${++count}`, `out-${count}`, `group-${count}`], partitions, rows)
  const source = {
    ...made.source,
    batch: { maxRows: 200 },
    // A run that went without a broker could not say goodbye: the next one waits for this.
    sessionTimeoutMs: 6_000,
    kafka: { 'reconnect.backoff.max.ms': 500 },
    commitIntervalMs: 50,
  } as const
  return { ...made, source }
}

test.each([
  ['is killed and comes back', () => kafka.kill(), () => kafka.start()],
  ['stands still for a while', () => kafka.pause(), () => kafka.resume()],
] as const)('a broker that %s: the run waits and goes on; no row is lost', async (_, leave, comeBack) => {
  const rows = 10_000
  const { input, output, group, source, sink } = await topics(rows)
  const run = Stream.fromKafka(source)
    .mapBatches(async (batch) => {
      await sleep(5)
      return batch
    })
    .toKafka(sink)
    .start(quiet)
  let ended = false
  run.done.then(
    () => {
      ended = true
    },
    () => {
      ended = true
    },
  )
  await eventually(() => run.metrics().rowsOut > 1_000, 'rows are on their way')
  await leave()
  await sleep(3_000)
  // What it had is not all: it waits for the rest.
  expect(ended).toBe(false)
  expect(run.metrics().rowsOut).toBeLessThan(partitions * rows)
  await comeBack()
  for (let p = 0; p < partitions; p++) await kafka.produce(input, numbered(p, rows, rows + 500))
  await eventually(
    async () => (await committedOf(kafka, group, input, partitions)).every((offset) => offset === rows + 500),
    'everything is committed',
    60_000,
  )
  await run.stop()
  const result = await arrived(kafka, output, partitions)
  for (let p = 0; p < partitions; p++) expect(missing(result, p, rows + 500)).toEqual([])
  expect(result.disordered).toEqual([])
})

test('an outage longer than deliveryTimeoutMs fails the run with the reason; nothing past it is committed', async () => {
  const rows = 10_000
  const { input, output, group, source, sink } = await topics(rows)
  const stream = Stream.fromKafka(source).mapBatches(async (batch) => {
    await sleep(5)
    return batch
  })
  const run = stream.toKafka({ ...sink, deliveryTimeoutMs: 1_000 }).start(quiet)
  await eventually(() => run.metrics().rowsOut > 1_000, 'rows are on their way')
  await kafka.kill()
  const error = await failure(run.done).finally(() => kafka.start())
  expect(error).toMatchObject({ code: 'DELIVERY', retriable: true, where: { topic: output } })
  expect(error.message).toMatch(/^toKafka: out-\d+\[\d\]: .*timed out/)
  const committed = await committedOf(kafka, group, input, partitions)
  const result = await arrived(kafka, output, partitions)
  for (let p = 0; p < partitions; p++) expect(missing(result, p, committed[p]!)).toEqual([])

  await Stream.fromKafka({ ...source, until: 'end' })
    .toKafka(sink)
    .run(quiet)
  const after = await arrived(kafka, output, partitions)
  for (let p = 0; p < partitions; p++) expect(missing(after, p, rows)).toEqual([])
})

test('a run that has nothing to commit stops while the broker is away', async () => {
  const { source, sink, output } = await topics(10)
  const run = Stream.fromKafka(source).toKafka(sink).start(quiet)
  await eventually(
    () => run.metrics().rowsOut === partitions * 10 && run.metrics().commits > 0,
    'everything is committed',
    60_000,
  )
  await sleep(200)
  await kafka.kill()
  try {
    await run.stop()
    expect((await run.done).rowsOut).toBe(partitions * 10)
  } finally {
    await kafka.start()
  }
  expect((await arrived(kafka, output, partitions)).duplicates).toBe(0)
})

test('a second signal ends a run whose rows wait for a broker that is away', async () => {
  const { source, sink } = await topics(10_000)
  const run = Stream.fromKafka(source)
    .mapBatches(async (batch) => {
      await sleep(5)
      return batch
    })
    .toKafka(sink)
    .start({ signals: ['SIGUSR2'] })
  await eventually(() => run.metrics().rowsOut > 1_000, 'rows are on their way')
  await kafka.kill()
  try {
    await eventually(() => run.metrics().inFlight > 0, 'rows wait')
    process.emit('SIGUSR2')
    await sleep(500)
    process.emit('SIGUSR2')
    expect((await failure(run.done)).code).toBe('ABORTED')
  } finally {
    await kafka.start()
  }
})

test.each(['source', 'sink'] as const)(
  'no broker at the start is CONNECT within connectTimeoutMs: %s',
  async (side) => {
    // A port on which nobody listens.
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const nowhere = `127.0.0.1:${(server.address() as AddressInfo).port}`
    await new Promise((resolve) => server.close(resolve))

    const { source, sink } = await topics(1)
    const error = await failure(
      Stream.fromKafka({
        ...source,
        bootstrapServers: side === 'source' ? nowhere : kafka.bootstrapServers,
        connectTimeoutMs: 1_000,
      })
        .toKafka({ ...sink, bootstrapServers: side === 'sink' ? nowhere : kafka.bootstrapServers })
        .run(quiet),
    )
    expect(error).toMatchObject({ code: 'CONNECT', retriable: true, where: { option: 'bootstrapServers' } })
    expect(error.message).toMatch(
      new RegExp(
        `^${side === 'source' ? 'from' : 'to'}Kafka: expected a broker at ${nowhere}; none answered within 1000 ms`,
      ),
    )
    expect(error.message).toMatch(/refused/i)
  },
)

test('a port where something else listens, and says nothing, is CONNECT too', async () => {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {}))).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const bootstrapServers = `127.0.0.1:${(server.address() as AddressInfo).port}`
  try {
    const error = await failure(
      Stream.fromKafka({ bootstrapServers, topic: 'x', schema, connectTimeoutMs: 1_000 }).collect(quiet),
    )
    expect(error.code).toBe('CONNECT')
    expect(error.message).toMatch(bootstrapServers)
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
})

const deny = async (...resource: readonly string[]) => {
  const args = ['--bootstrap-server', kafka.bootstrapServers, '--add', '--deny-principal', 'User:*', ...resource]
  const { code, stderr } = await kafka.tool('org.apache.kafka.tools.AclCommand', args)
  if (code !== 0) throw new Error(stderr)
}

test('a topic that may not be written fails the run by name; nothing is committed', async () => {
  const { input, output, group, source, sink } = await topics(100)
  await deny('--operation', 'Write', '--topic', output)
  const error = await failure(Stream.fromKafka(source).toKafka(sink).run(quiet))
  expect(['DELIVERY', 'KAFKA']).toContain(error.code)
  expect(error.message).toMatch(
    new RegExp(`^toKafka: .*${output}.*(TOPIC_AUTHORIZATION_FAILED|not authori[sz]ed)`, 'i'),
  )
  expect(error.where).toMatchObject({ topic: output })
  expect(await committedOf(kafka, group, input, partitions)).toEqual([0, 0])
})

test('a group that may not be joined fails the run by name', async () => {
  const { group, source, sink } = await topics(100)
  await deny('--operation', 'Read', '--group', group)
  const error = await failure(Stream.fromKafka(source).toKafka(sink).run(quiet))
  expect(error.code).toBe('KAFKA')
  expect(error.message).toMatch(/^fromKafka: .*GROUP_AUTHORIZATION_FAILED/)
})

test('a topic that may not be read fails the run by name', async () => {
  const { input, source, sink } = await topics(100)
  await deny('--operation', 'Read', '--topic', input)
  const error = await failure(Stream.fromKafka(source).toKafka(sink).run(quiet))
  expect(error.code).toBe('KAFKA')
  expect(error.message).toMatch(new RegExp(`^fromKafka: .*${input}.*TOPIC_AUTHORIZATION_FAILED`))
})
