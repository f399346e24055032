/**
 * Client properties in librdkafka's names: which of them the option `kafka` may set, which Sabot governs and why,
 * and what Sabot sets by itself. An allowlist: a property that is not named here is refused, so that no library is
 * loaded, no guarantee switched off and no secret taken past the options that redact them.
 */
import { describe, didYouMean } from '../errors.ts'
import { type Call, configError, type OptionTable } from './option.ts'

type Side = 'source' | 'sink' | 'both'

/** What `kafka: {}` may hold, and on which side it has a meaning. */
export const allowedProperties: Readonly<Record<string, Side>> = {
  'api.version.request.timeout.ms': 'both',
  'broker.address.family': 'both',
  'broker.address.ttl': 'both',
  'client.dns.lookup': 'both',
  'client.rack': 'both',
  'connections.max.idle.ms': 'both',
  debug: 'both',
  'enable.metrics.push': 'both',
  log_level: 'both',
  'log.connection.close': 'both',
  'message.max.bytes': 'both',
  'metadata.max.age.ms': 'both',
  'metadata.recovery.rebootstrap.trigger.ms': 'both',
  'metadata.recovery.strategy': 'both',
  'receive.message.max.bytes': 'both',
  'reconnect.backoff.max.ms': 'both',
  'reconnect.backoff.ms': 'both',
  'retry.backoff.max.ms': 'both',
  'retry.backoff.ms': 'both',
  'socket.connection.setup.timeout.ms': 'both',
  'socket.keepalive.enable': 'both',
  'socket.max.fails': 'both',
  'socket.nagle.disable': 'both',
  'socket.receive.buffer.bytes': 'both',
  'socket.send.buffer.bytes': 'both',
  'socket.timeout.ms': 'both',
  'ssl.cipher.suites': 'both',
  'ssl.curves.list': 'both',
  'ssl.sigalgs.list': 'both',
  'topic.metadata.propagation.max.ms': 'both',
  'topic.metadata.refresh.fast.interval.ms': 'both',
  'coordinator.query.interval.ms': 'source',
  'fetch.error.backoff.ms': 'source',
  'fetch.max.bytes': 'source',
  'fetch.min.bytes': 'source',
  'fetch.queue.backoff.ms': 'source',
  'fetch.wait.max.ms': 'source',
  'heartbeat.interval.ms': 'source',
  'max.partition.fetch.bytes': 'source',
  'queued.max.messages.kbytes': 'source',
  'queued.min.messages': 'source',
  'batch.num.messages': 'sink',
  'compression.level': 'sink',
  'queue.buffering.backpressure.threshold': 'sink',
  'queue.buffering.max.messages': 'sink',
  'request.timeout.ms': 'sink',
  'sticky.partitioning.linger.ms': 'sink',
}

const commits = 'Sabot commits a position only when every row derived from it is delivered'
const security = 'security is set with the options "tls" and "sasl", which keep secrets out of logs'

/** What `kafka: {}` may not hold, and why. Properties that an option sets are refused with the option's name. */
export const governedProperties: Readonly<Record<string, string>> = {
  'enable.auto.commit': commits,
  'auto.commit.enable': commits,
  'auto.commit.interval.ms': `${commits}; see "commitIntervalMs"`,
  'enable.auto.offset.store': commits,
  'offset.store.method': commits,
  'offset.store.path': commits,
  'check.crcs': 'checksums of record batches are always checked',
  'enable.partition.eof': 'the ends of partitions are always reported, since `until` needs them',
  'enable.idempotence': 'the producer is always idempotent, so that a retry neither doubles nor reorders rows',
  'enable.gapless.guarantee': 'a delivery failure always ends the run before anything past it is committed',
  'request.required.acks': 'acks are always "all"',
  retries: 'retries end with "deliveryTimeoutMs"',
  'message.send.max.retries': 'retries end with "deliveryTimeoutMs"',
  'transactional.id': 'this version has no transactions',
  'transaction.timeout.ms': 'this version has no transactions',
  'group.protocol': 'this version speaks the classic group protocol',
  'group.protocol.type': 'this version speaks the classic group protocol',
  'group.remote.assignor': 'this version speaks the classic group protocol',
  'allow.auto.create.topics': 'an unknown topic is an error and is never created by reading or writing it',
  'plugin.library.paths': 'no library is loaded into the process',
  'ssl.engine.location': 'no library is loaded into the process',
  'ssl.engine.id': 'no library is loaded into the process',
  'ssl.providers': 'no library is loaded into the process',
  'sasl.kerberos.kinit.cmd': 'no command is run',
  'builtin.features': 'it is fixed when the addon is built',
  'statistics.interval.ms': 'Run.metrics() counts by itself',
  'delivery.report.only.error': 'every delivery is counted',
  'queuing.strategy': 'rows of a partition keep their order',
  partitioner: 'set the option "partitioner" of toKafka',
  'topic.blacklist': 'leave topics out with the RegExp of the option "topic"',
  'security.protocol': security,
  'sasl.mechanism': security,
  'metadata.broker.list': 'set the option "bootstrapServers"',
  'fetch.message.max.bytes': 'set "max.partition.fetch.bytes", which is the same',
  'max.in.flight': 'set the option "maxInFlight" of toKafka',
  'compression.codec': 'set the option "compression" of toKafka',
  'queue.buffering.max.ms': 'set the option "lingerMs" of toKafka',
  'message.timeout.ms': 'set the option "deliveryTimeoutMs" of toKafka',
}

/** Reason why a property is refused, or undefined where it is allowed on this side. */
function refusal(name: string, call: Call, tables: readonly OptionTable[]): string | undefined {
  const side = allowedProperties[name]
  if (side !== undefined) {
    const here = call === 'fromKafka' ? 'source' : call === 'toKafka' ? 'sink' : 'both'
    if (side === 'both' || side === here) return undefined
    return `it is a property of a ${side === 'source' ? 'consumer: give it to fromKafka' : 'producer: give it to toKafka'}`
  }
  const governed = Object.hasOwn(governedProperties, name) ? governedProperties[name] : undefined
  if (governed !== undefined) return governed
  for (const table of tables) {
    const option = optionOf(table, name)
    if (option !== undefined) return `set the option "${option}"`
  }
  if (/^(ssl|sasl|https)\./.test(name) || /^enable\.(ssl|sasl)\./.test(name)) return security
  const hint = didYouMean(name, Object.keys(allowedProperties))
  return `it is not among the client properties that can be set (docs/options.md lists them).${hint}`
}

/** The option that sets a property, as a dotted path. */
export function optionOf(table: OptionTable, property: string, prefix = ''): string | undefined {
  for (const [name, option] of Object.entries(table)) {
    if (option.type === 'object') {
      const path = optionOf(option.of, property, `${prefix}${name}.`)
      if (path !== undefined) return path
    } else if (option.kafka === property) return prefix + name
  }
  return undefined
}

/** `kafka: {}` as strings, each property checked; `tables`: the options to point to. */
export function checkProperties(
  call: Call,
  given: Readonly<Record<string, unknown>>,
  tables: readonly OptionTable[],
): Record<string, string> {
  const properties: Record<string, string> = {}
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    const path = `kafka[${JSON.stringify(name)}]`
    const reason = refusal(name, call, tables)
    if (reason !== undefined) {
      const end = /[.?]$/.test(reason) ? '' : '.'
      throw configError(path, `${call}: the client property "${name}" cannot be set in "kafka": ${reason}${end}`)
    }
    const isScalar = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)
    if (!isScalar || String(value).includes('\0')) {
      throw configError(
        path,
        `${call}: the client property "${name}" must be a string, a number or a boolean; got ${describe(value)}.`,
      )
    }
    properties[name] = String(value)
  }
  return properties
}

/** The properties of a source that its sinks take over: what a producer has too. */
export function shared(properties: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(properties).filter(([name]) => allowedProperties[name] === 'both'))
}

/**
 * What a consumer runs with unless `kafka` says otherwise. Each partition has a queue of its own, so the limits of
 * queued bytes are a partition's: with 4 MiB, and 1 MiB a fetch, a topic of eight partitions behind a slow step keeps the
 * whole process below 300 MB more than it has at rest; with 8 and 4 MiB it took 100 MB more, and read no faster.
 * The client would wait a second (fetch.queue.backoff.ms) before it fetches again for a queue that was full. With 5 ms a
 * single partition runs dry at four million messages a second; with 1 ms a run that waits for its sink spends a tenth of
 * its time on asking whether there is room.
 */
export const consumerDefaults: Readonly<Record<string, string>> = {
  'fetch.min.bytes': '1',
  'fetch.wait.max.ms': '100',
  'fetch.queue.backoff.ms': '2',
  'fetch.error.backoff.ms': '100',
  'fetch.max.bytes': '67108864',
  'max.partition.fetch.bytes': '1048576',
  'queued.max.messages.kbytes': '4096',
  'queued.min.messages': '1000000',
  'socket.keepalive.enable': 'true',
  'reconnect.backoff.max.ms': '2000',
}

/** What holds of every consumer; `kafka` cannot change it. */
export const consumerFixed: Readonly<Record<string, string>> = {
  'enable.auto.commit': 'false',
  'enable.auto.offset.store': 'false',
  'enable.partition.eof': 'true',
  'check.crcs': 'true',
  'allow.auto.create.topics': 'false',
}

export const producerDefaults: Readonly<Record<string, string>> = {
  'batch.num.messages': '100000',
  'queue.buffering.max.messages': '1000000',
  'socket.keepalive.enable': 'true',
  'reconnect.backoff.max.ms': '2000',
}

export const producerFixed: Readonly<Record<string, string>> = {
  'enable.idempotence': 'true',
  'allow.auto.create.topics': 'false',
}
