import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { SabotError } from '../../src/errors.ts'
import { parseRunOptions, parseSinkOptions, parseSourceOptions } from '../../src/kafka/options.ts'
import { allowedProperties, governedProperties } from '../../src/kafka/properties.ts'

const source = { bootstrapServers: 'localhost:9092', topic: 'orders' }
const pem = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'
const keyPem = '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----'

function failure(act: () => unknown): SabotError {
  try {
    act()
  } catch (error) {
    if (error instanceof SabotError) return error
    throw error
  }
  throw new Error('expected a SabotError; nothing was thrown')
}

const ofSource = (options: unknown) => failure(() => parseSourceOptions(options))
const ofSink = (options: unknown) => failure(() => parseSinkOptions(options, parseSourceOptions(source)))

describe('the least that a source needs', () => {
  test('is brokers and a topic; the rest has defaults', () => {
    const parsed = parseSourceOptions(source)
    expect(parsed).toMatchObject({ backend: 'auto', keyType: 'binary', onError: 'fail', commitIntervalMs: 1000 })
    expect(parsed.codec.name).toBe('json')
    expect(parsed.source).toMatchObject({
      bootstrapServers: 'localhost:9092',
      topic: 'orders',
      infer: true,
      from: 'earliest',
      until: undefined,
      batch: { maxRows: 8192, maxBytes: 4 << 20, maxWaitMs: 50, maxQueueBytes: 64 << 20 },
    })
    expect(parsed.source.properties).not.toHaveProperty('group.id')
  })

  test('an option that is undefined counts as absent', () => {
    const parsed = parseSourceOptions({ ...source, groupId: undefined, batch: { maxRows: undefined } })
    expect(parsed.source.batch.maxRows).toBe(8192)
    expect(parsed.source).not.toHaveProperty('groupId')
  })

  test('brokers come as text or as a list', () => {
    const servers = (bootstrapServers: unknown) =>
      parseSourceOptions({ ...source, bootstrapServers }).source.bootstrapServers
    expect(servers('a:1, b:2')).toBe('a:1,b:2')
    expect(servers(['a:1', '[::1]:9092'])).toBe('a:1,[::1]:9092')
  })
})

describe('a wrong option is refused before anything connects', () => {
  test.each<[string, object, string]>([
    ['bootstrapServers', { bootstrapServers: 'localhost' }, '"host:port"'],
    ['bootstrapServers', { bootstrapServers: 'localhost:99999' }, '"host:port"'],
    ['bootstrapServers', { bootstrapServers: 'http://localhost:9092' }, '"host:port"'],
    ['bootstrapServers', { bootstrapServers: [] }, 'an empty array'],
    ['topic', { topic: 'a b' }, '"a b"'],
    ['topic', { topic: [] }, 'an empty array'],
    ['topic', { topic: 5 }, 'got 5'],
    ['codec', { codec: 'xml' }, 'one of "json", "string", "bytes"; got "xml"'],
    ['from', { from: 'first' }, '"earliest", "latest"'],
    ['from', { from: { timestamp: 'yesterday' } }, 'an object'],
    ['from', { from: { offsets: { orders: { 0: -1 } } } }, 'an object'],
    ['until', { until: 'latest' }, '"end"'],
    ['batch.maxRows', { batch: { maxRows: 0 } }, 'an integer from 1 to 1048576 (rows); got 0'],
    ['batch.maxRows', { batch: { maxRows: '10' } }, 'got "10"'],
    ['batch.maxRows', { batch: { maxRows: 1.5 } }, 'got 1.5'],
    ['batch', { batch: 5 }, 'an object; got 5'],
    [
      'batch.maxQueueBytes',
      { batch: { maxBytes: 8 << 20, maxQueueBytes: 1 << 20 } },
      'at least "batch.maxBytes" (8388608)',
    ],
    ['maxPollIntervalMs', { maxPollIntervalMs: 1000 }, 'at least "sessionTimeoutMs" (45000)'],
    ['groupInstanceId', { groupInstanceId: 'a' }, 'needs "groupId"'],
    ['groupId', { groupId: '' }, 'not empty'],
    ['schema', { schema: {} }, 'columns and their types'],
    ['schema', { codec: 'string', schema: { value: 'utf8' } }, 'takes no "schema"'],
    ['logger', { logger: { info() {} } }, 'debug, info, warn and error'],
    ['tls.cert', { tls: { key: keyPem } }, '"tls.cert" is missing'],
    ['tls.ca', { tls: { ca: '/etc/ca.pem' } }, 'PEM'],
    ['sasl.password', { sasl: { mechanism: 'plain', username: 'u' } }, 'is required and is missing'],
    ['codecOptions.nonFinite', { codecOptions: { nonFinite: 'null' } }, 'it has none here'],
  ])('%s of %j', (option, given, text) => {
    const error = ofSource({ ...source, ...given })
    expect(error.code).toBe('CONFIG')
    expect(error.where?.option).toBe(option)
    expect(error.message).toMatch(/^fromKafka: /)
    expect(error.message).toContain(text)
  })

  test('a misspelled one with the nearest name', () => {
    expect(ofSource({ ...source, groupID: 'g' }).message).toBe(
      'fromKafka: there is no option "groupID". Did you mean "groupId"?',
    )
    expect(ofSource({ ...source, batch: { maxRow: 5 } }).message).toContain('Did you mean "batch.maxRows"?')
    expect(ofSink({ topic: 't', compresion: 'gzip' }).message).toContain('Did you mean "compression"?')
  })

  test('a missing one by name', () => {
    expect(ofSource({ topic: 'orders' }).message).toContain('option "bootstrapServers" is required')
    expect(ofSource(undefined).message).toBe('fromKafka: expected an object of options; got undefined.')
  })

  test('whatever is given, it is taken or refused with CONFIG or UNSUPPORTED', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('topic', 'from', 'batch', 'tls', 'sasl', 'kafka'), fc.anything()),
        (given) => {
          try {
            parseSourceOptions({ ...source, ...given })
          } catch (error) {
            if (!(error instanceof SabotError)) throw error
            expect(['CONFIG', 'UNSUPPORTED']).toContain(error.code)
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

describe('what reaches the client', () => {
  test('a group commits by itself only', () => {
    const { properties } = parseSourceOptions({
      ...source,
      groupId: 'g',
      assignment: 'range',
      sessionTimeoutMs: 6000,
    }).source
    expect(properties).toMatchObject({
      'group.id': 'g',
      'enable.auto.commit': 'false',
      'enable.auto.offset.store': 'false',
      'check.crcs': 'true',
      'partition.assignment.strategy': 'range',
      'session.timeout.ms': '6000',
      'heartbeat.interval.ms': '2000',
    })
  })

  test('a sink is idempotent, with acks of all', () => {
    const { sink } = parseSinkOptions({ topic: 't', compression: 'zstd' }, parseSourceOptions(source))
    expect(sink.properties).toMatchObject({ acks: 'all', 'enable.idempotence': 'true', 'compression.type': 'zstd' })
    expect(sink).toMatchObject({ bootstrapServers: 'localhost:9092', codec: 'json', partitioner: 'murmur2' })
  })

  test('client properties win over defaults', () => {
    const { properties } = parseSourceOptions({
      ...source,
      kafka: { 'fetch.wait.max.ms': 7, 'client.rack': 'a' },
    }).source
    expect(properties).toMatchObject({ 'fetch.wait.max.ms': '7', 'client.rack': 'a' })
  })

  test.each(Object.keys(governedProperties))('%s cannot be set past Sabot', (name) => {
    const error = ofSource({ ...source, kafka: { [name]: 'x' } })
    expect(error.code).toBe('CONFIG')
    expect(error.message).toContain(`"${name}" cannot be set in "kafka": ${governedProperties[name]}`)
  })

  test('a property that an option sets is refused with the option', () => {
    expect(ofSource({ ...source, kafka: { 'group.id': 'g' } }).message).toContain('set the option "groupId"')
    expect(ofSource({ ...source, kafka: { 'sasl.password': 'hunter2' } }).message).toContain(
      'set the option "sasl.password"',
    )
  })

  test('a property of the other side, or of nobody, is refused', () => {
    expect(ofSource({ ...source, kafka: { 'compression.level': 3 } }).message).toContain('give it to toKafka')
    expect(ofSink({ topic: 't', kafka: { 'fetch.min.bytes': 3 } }).message).toContain('give it to fromKafka')
    expect(ofSource({ ...source, kafka: { 'fetch.min.byte': 3 } }).message).toContain('Did you mean "fetch.min.bytes"?')
    expect(ofSource({ ...source, kafka: { 'ssl.key.location': '/k' } }).message).toContain('"tls" and "sasl"')
    expect(ofSource(JSON.parse('{"bootstrapServers":"a:1","topic":"t","kafka":{"__proto__":"x"}}')).code).toBe('CONFIG')
  })

  test('nothing is both allowed and governed', () => {
    expect(Object.keys(allowedProperties).filter((name) => name in governedProperties)).toEqual([])
  })
})

describe('secrets', () => {
  const secure = {
    ...source,
    tls: { ca: pem, cert: pem, key: keyPem, keyPassword: 'hunter2' },
    sasl: { mechanism: 'scram-sha-512', username: 'u', password: 'hunter2' },
  }

  test('reach the client', () => {
    const { properties } = parseSourceOptions(secure).source
    expect({ ...properties }).toMatchObject({
      'security.protocol': 'sasl_ssl',
      'sasl.mechanisms': 'SCRAM-SHA-512',
      'sasl.password': 'hunter2',
      'ssl.key.pem': keyPem,
      'ssl.key.password': 'hunter2',
    })
  })

  test('and nobody else: not inspect(), not JSON, not a message', () => {
    const parsed = parseSourceOptions(secure)
    const sink = parseSinkOptions({ topic: 't' }, parsed)
    expect(inspect([parsed, sink], { depth: 20, showHidden: false })).not.toContain('hunter2')
    expect(JSON.stringify([parsed, sink])).not.toContain('hunter2')
    for (const password of [12345, { a: 'hunter2' }, 'hunter2\0']) {
      const error = ofSource({ ...source, sasl: { mechanism: 'plain', username: 'u', password } })
      expect(inspect(error)).not.toMatch(/hunter2|12345/)
    }
  })

  test("go along to a sink on the source's brokers, and to no others", () => {
    const parsed = parseSourceOptions(secure)
    const at = (options: object) => ({ ...parseSinkOptions({ topic: 't', ...options }, parsed).sink.properties })
    expect(at({})).toMatchObject({ 'security.protocol': 'sasl_ssl', 'sasl.password': 'hunter2' })
    expect(at({ bootstrapServers: 'elsewhere:9092' })['security.protocol']).toBe('plaintext')
    expect(JSON.stringify(at({ bootstrapServers: 'elsewhere:9092' }))).not.toContain('hunter2')
  })

  test('a sink with a user of its own keeps the encryption of the source', () => {
    const sasl = { mechanism: 'plain', username: 'writer', password: 'other' }
    const { properties } = parseSinkOptions({ topic: 't', sasl }, parseSourceOptions(secure)).sink
    expect({ ...properties }).toMatchObject({ 'security.protocol': 'sasl_ssl', 'sasl.username': 'writer' })
    expect(properties['ssl.ca.pem']).toBe(pem)
  })

  test('tls: true encrypts; false does not', () => {
    const protocol = (tls: unknown) => parseSourceOptions({ ...source, tls }).source.properties['security.protocol']
    expect([protocol(true), protocol(false), protocol({})]).toEqual(['ssl', 'plaintext', 'ssl'])
  })
})

describe('a sink', () => {
  test('writes to the partition of a column, or of the source', () => {
    const parse = (options: object) => parseSinkOptions({ topic: 't', ...options }, parseSourceOptions(source))
    expect(parse({ partition: 'shard' })).toMatchObject({ partition: 'shard', sink: { partitioner: 'source' } })
    expect(parse({ partitioner: 'source' })).toMatchObject({ partition: '$partition', sink: { partitioner: 'source' } })
    expect(parse({}).partition).toBeUndefined()
    expect(ofSink({ topic: 't', partition: 'shard', partitioner: 'sticky' }).message).toContain('got both')
  })

  test('keeps key, headers and timestamp unless told otherwise', () => {
    const parse = (options: object) => parseSinkOptions({ topic: 't', ...options }, parseSourceOptions(source))
    expect(parse({}).key).toBeUndefined()
    expect(parse({ key: null, headers: 'h' })).toMatchObject({ key: null, headers: 'h' })
  })

  test('takes the codec of the source, and the options of its own', () => {
    const bytes = parseSourceOptions({ ...source, codec: 'bytes' })
    expect(parseSinkOptions({ topic: 't' }, bytes).codec.name).toBe('bytes')
    const json = parseSinkOptions({ topic: 't', codec: 'json', codecOptions: { nonFinite: 'null' } }, bytes)
    expect(json.sink.codecOptions).toEqual({ nonFinite: 'null' })
    expect(ofSink({ topic: 't', codecOptions: { nonFinite: 'zero' } }).message).toContain(
      'one of "error", "null"; got "zero"',
    )
  })

  test('needs brokers where the stream does not come from Kafka', () => {
    expect(failure(() => parseSinkOptions({ topic: 't' })).message).toContain('does not come from Kafka')
    expect(parseSinkOptions({ topic: 't', bootstrapServers: 'a:1' }).sink.properties['client.id']).toBe('sabot')
  })
})

describe('what this version does not have is refused by name', () => {
  test('exactly-once', () => {
    const error = failure(() => parseRunOptions({ guarantee: 'exactly-once' }))
    expect(error.code).toBe('UNSUPPORTED')
    expect(error.message).toContain('exactly-once')
  })

  test('OAUTHBEARER', () => {
    const error = ofSource({ ...source, sasl: { mechanism: 'oauthbearer', token: 'hunter2' } })
    expect(error.code).toBe('UNSUPPORTED')
    expect(error.message).not.toContain('hunter2')
  })
})

test('run takes a signal and the signals of the process', () => {
  const { signal } = new AbortController()
  expect(parseRunOptions()).toEqual({ signal: undefined, signals: true, guarantee: 'at-least-once' })
  expect(parseRunOptions({ signal, signals: ['SIGINT'] })).toMatchObject({ signal, signals: ['SIGINT'] })
  expect(failure(() => parseRunOptions({ signal: {} })).message).toContain('an AbortSignal')
  expect(failure(() => parseRunOptions({ signals: ['SIGKILL'] })).where?.option).toBe('signals')
})

describe('a preset', () => {
  const properties = (options: object, sink: object = {}) => {
    const from = parseSourceOptions({ ...source, ...options })
    const to = parseSinkOptions({ topic: 'out', ...sink }, from)
    return { batch: from.source.batch, consumer: from.source.properties, producer: to.sink.properties }
  }

  test('"latency" lets nothing wait: of reading and, where the sink names none, of writing', () => {
    const { batch, consumer, producer } = properties({ preset: 'latency' })
    expect(batch).toMatchObject({ maxRows: 8192, maxWaitMs: 0 })
    expect(consumer).toMatchObject({ 'fetch.queue.backoff.ms': '1', 'socket.nagle.disable': 'true' })
    expect(producer).toMatchObject({ 'linger.ms': '0', 'socket.nagle.disable': 'true' })
  })

  test('"throughput" fetches and sends much at once', () => {
    const { batch, consumer, producer } = properties({ preset: 'throughput' })
    expect(batch.maxRows).toBe(16_384)
    expect(consumer['max.partition.fetch.bytes']).toBe('8388608')
    expect(producer['linger.ms']).toBe('50')
  })

  test('of the sink wins over the one of the source', () => {
    expect(properties({ preset: 'latency' }, { preset: 'throughput' }).producer['linger.ms']).toBe('50')
    expect(properties({}, { preset: 'latency' }).producer['linger.ms']).toBe('0')
  })

  test('gives way to what is given: options, also those that lie deeper, and client properties', () => {
    const kafka = { 'fetch.queue.backoff.ms': 7, 'socket.nagle.disable': false }
    const { batch, consumer, producer } = properties(
      { preset: 'latency', batch: { maxWaitMs: 3, maxRows: 10 }, kafka },
      { lingerMs: 2 },
    )
    expect(batch).toMatchObject({ maxRows: 10, maxWaitMs: 3 })
    expect(consumer).toMatchObject({ 'fetch.queue.backoff.ms': '7', 'socket.nagle.disable': 'false' })
    expect(producer).toMatchObject({ 'linger.ms': '2', 'socket.nagle.disable': 'false' })
  })

  test('is none: the client never waits a second before it fetches again', () => {
    const { batch, consumer, producer } = properties({})
    expect(batch.maxWaitMs).toBe(50)
    expect(producer['linger.ms']).toBe('5')
    for (const preset of [undefined, 'latency', 'throughput']) {
      expect(Number(properties({ preset }).consumer['fetch.queue.backoff.ms'])).toBeLessThanOrEqual(5)
    }
    expect(consumer).not.toHaveProperty('socket.nagle.disable')
  })

  test('of another name is refused', () => {
    expect(ofSource({ ...source, preset: 'fast' })).toMatchObject({ code: 'CONFIG', where: { option: 'preset' } })
    expect(ofSink({ topic: 'out', preset: 'toString' })).toMatchObject({ code: 'CONFIG', where: { option: 'preset' } })
  })
})
