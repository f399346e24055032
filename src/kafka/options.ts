/**
 * Options, checked: what the user gave becomes what a run and a backend need, or a SabotError that names the option.
 * The declarations stand in options-connection.ts, options-source.ts and options-sink.ts; the types that users see
 * are generated from them into options-types.ts.
 */

import { inspect } from 'node:util'
import { type Codec, codecs } from '../codecs/codec.ts'
import { describe, didYouMean, SabotError } from '../errors.ts'
import { type Logger, redact, redacting } from '../logger.ts'
import type { KeyType } from '../plan/steps.ts'
import { parseType } from '../schema.ts'
import type { SinkOptions, SourceOptions } from './backend.ts'
import { type Call, type Checked, checkOptions, configError, isPlainObject, wrongOption } from './option.ts'
import { createTopicsOptions, type NewTopic, topicList } from './options-admin.ts'
import { connectionOptions, serverList } from './options-connection.ts'
import { runOptions, sinkOptions } from './options-sink.ts'
import { sourceOptions } from './options-source.ts'
import type {
  CreateTopicsOptions,
  KafkaSinkOptions,
  KafkaSourceOptions,
  RunOptions,
  SaslOptions,
  TlsOptions,
} from './options-types.ts'
import { type PresetName, presetOf, presets, withPreset } from './presets.ts'
import {
  checkProperties,
  consumerDefaults,
  consumerFixed,
  producerDefaults,
  producerFixed,
  shared,
} from './properties.ts'

export type * from './options-types.ts'

type SourceChecked = Checked<KafkaSourceOptions, typeof sourceOptions>
type SinkChecked = Checked<KafkaSinkOptions, typeof sinkOptions>
type ConnectionGiven = Pick<
  KafkaSinkOptions,
  'bootstrapServers' | 'clientId' | 'connectTimeoutMs' | 'tls' | 'sasl' | 'kafka'
>

export type BackendChoice = 'auto' | 'native' | 'js'

type Properties = Readonly<Record<string, string>>

/** How a client reaches its brokers, as client properties. inspect() shows its secrets redacted. */
export interface Connection {
  readonly bootstrapServers: string
  readonly clientId: string
  readonly connectTimeoutMs: number
  readonly tls: Properties | undefined
  readonly sasl: Properties | undefined
  /** The option `kafka`, checked. */
  readonly tuning: Properties
}

export interface ParsedSource {
  readonly backend: BackendChoice
  readonly codec: Codec
  readonly codecOptions: Readonly<Record<string, string>>
  /** The type of `$key`. */
  readonly keyType: KeyType
  /** The schema literal as it was given; undefined: inferred, or the codec's own columns. */
  readonly schema: object | undefined
  readonly onError: 'fail' | 'skip'
  /** A sink's too, where it names none. */
  readonly preset: PresetName | undefined
  readonly offsets: 'group'
  readonly commitIntervalMs: number
  /** Redacts already. */
  readonly logger: Logger
  readonly connection: Connection
  /** For `Backend.source()`. */
  readonly source: SourceOptions
}

export interface ParsedSink {
  readonly codec: Codec
  /** A column; null: none; undefined: the record's own. */
  readonly key: string | null | undefined
  readonly headers: string | null | undefined
  readonly timestamp: string | null | undefined
  /** The column with the partition to write to: `$partition` under the partitioner `source`. */
  readonly partition: string | undefined
  /** The option `kafka`, checked, with what the source's gave it. */
  readonly tuning: Properties
  /** For `Backend.sink()`. */
  readonly sink: SinkOptions
}

export interface ParsedRun {
  readonly signal: AbortSignal | undefined
  readonly signals: boolean | readonly NodeJS.Signals[]
  readonly guarantee: 'at-least-once'
}

/** Checks the options of `Stream.fromKafka`. */
export function parseSourceOptions(raw: unknown): ParsedSource {
  refuseOauth('fromKafka', raw)
  const filled = withPreset(raw, presetOf(raw)?.source)
  const options = checkOptions('fromKafka', sourceOptions, filled) as SourceChecked
  const connection = parseConnection('fromKafka', options)
  const codec = codecs[options.codec]
  const schema = options.schema
  const logger = redacting(options.logger)
  const batch = options.batch
  checkTogether(options, codec, batch)
  return Object.freeze({
    backend: options.backend,
    codec,
    codecOptions: parseCodecOptions('fromKafka', codec, options.codecOptions),
    keyType: parseKeyType(options),
    schema,
    onError: options.onError,
    preset: options.preset,
    offsets: 'group',
    commitIntervalMs: options.commitIntervalMs,
    logger,
    connection,
    source: Object.freeze({
      bootstrapServers: connection.bootstrapServers,
      topic: options.topic,
      ...(options.groupId !== undefined && { groupId: options.groupId }),
      codec: codec.name,
      infer: codec.infers && schema === undefined,
      from: options.from,
      until: options.until,
      ...(options.parallelism !== undefined && { parallelism: options.parallelism }),
      batch,
      maxDepth: options.maxDepth,
      metadataRefreshMs: options.metadataRefreshMs,
      connectTimeoutMs: connection.connectTimeoutMs,
      logger,
      properties: sealed(consumerProperties(options, connection)),
    }),
  })
}

/** Checks the options of `.toKafka`; what is missing is taken from the source, where the plan has one. */
export function parseSinkOptions(raw: unknown, source?: ParsedSource): ParsedSink {
  refuseOauth('toKafka', raw)
  const preset = isPlainObject(raw) && raw.preset === undefined ? source?.preset : undefined
  const given = preset === undefined ? raw : { ...(raw as object), preset }
  const options = checkOptions('toKafka', sinkOptions, withPreset(given, presetOf(given)?.sink)) as SinkChecked
  const connection = parseConnection('toKafka', options, source?.connection)
  const codec = codecs[options.codec ?? source?.codec.name ?? 'json']
  const partition = options.partition
  if (partition !== undefined && isPlainObject(raw) && raw.partitioner !== undefined) {
    throw configError('partitioner', 'toKafka: expected "partition" (a column) or "partitioner"; got both. Drop one.')
  }
  const partitioner = partition === undefined ? options.partitioner : 'source'
  return Object.freeze({
    codec,
    key: options.key,
    headers: options.headers,
    timestamp: options.timestamp,
    partition: partition ?? (partitioner === 'source' ? '$partition' : undefined),
    tuning: connection.tuning,
    sink: Object.freeze({
      bootstrapServers: connection.bootstrapServers,
      topic: options.topic,
      codec: codec.name,
      codecOptions: parseCodecOptions('toKafka', codec, options.codecOptions),
      partitioner,
      connectTimeoutMs: connection.connectTimeoutMs,
      logger: options.logger === undefined ? (source?.logger ?? redacting(undefined)) : redacting(options.logger),
      properties: sealed(producerProperties(options, connection)),
    }),
  })
}

export interface ParsedTopics {
  readonly connection: Connection
  readonly topics: readonly NewTopic[]
  readonly properties: Properties
}

/** Checks the options of `createTopics`. */
export function parseTopicsOptions(raw: unknown): ParsedTopics {
  refuseOauth('createTopics', raw)
  const options = checkOptions('createTopics', createTopicsOptions, raw) as Checked<
    CreateTopicsOptions,
    typeof createTopicsOptions
  >
  const connection = parseConnection('createTopics', options)
  return Object.freeze({
    connection,
    topics: topicList(options.topics)!,
    properties: sealed(connectionProperties(connection)),
  })
}

/** Checks the options of `.run` and `.start`. */
export function parseRunOptions(raw: unknown = {}): ParsedRun {
  if (isPlainObject(raw) && raw.guarantee === 'exactly-once') {
    throw new SabotError(
      'UNSUPPORTED',
      'run: option "guarantee" must be "at-least-once"; got "exactly-once", which this version does not have.',
      { where: { option: 'guarantee' } },
    )
  }
  const options = checkOptions('run', runOptions, raw) as Checked<RunOptions, typeof runOptions>
  return Object.freeze({
    signal: options.signal,
    signals: options.signals,
    guarantee: 'at-least-once',
  })
}

function parseKeyType({ key, keySchema }: SourceChecked): KeyType {
  if ((key === 'json') !== (keySchema !== undefined)) {
    throw configError(
      'keySchema',
      key === 'json'
        ? `fromKafka: option "keySchema" is required where "key" is "json". Expected ${sourceOptions.keySchema.expected}.`
        : `fromKafka: option "keySchema" is for keys that are JSON; "key" is "${key}". Give key: 'json', or drop it.`,
    )
  }
  if (key === 'json') return Object.freeze({ json: parseType(keySchema, '$key') })
  return key === 'string' ? 'utf8' : key === 'bytes' ? 'binary' : key
}

/** A mechanism that Kafka has and this version has not is told apart from a misspelled one. */
function refuseOauth(call: Call, raw: unknown): void {
  const sasl = isPlainObject(raw) ? raw.sasl : undefined
  if (!isPlainObject(sasl) || typeof sasl.mechanism !== 'string') return
  if (!['oauthbearer', 'gssapi'].includes(sasl.mechanism.toLowerCase())) return
  throw new SabotError(
    'UNSUPPORTED',
    `${call}: option "sasl.mechanism" must be plain, scram-sha-256 or scram-sha-512; ` +
      `got ${describe(sasl.mechanism)}, which this version does not have.`,
    { where: { option: 'sasl.mechanism' } },
  )
}

/** What each option allows by itself and does not allow with another. */
function checkTogether(options: SourceChecked, codec: Codec, batch: SourceOptions['batch']): void {
  const group = options.groupId
  if (codec.columns !== null && options.schema !== undefined) {
    throw configError(
      'schema',
      `fromKafka: the codec "${codec.name}" has the one column "${codec.columns[0]!.name}" and takes no "schema". ` +
        'Drop it, or give the codec that the values are in.',
    )
  }
  if (batch.maxBytes > batch.maxQueueBytes) {
    throw configError(
      'batch.maxQueueBytes',
      `fromKafka: option "batch.maxQueueBytes" must be at least "batch.maxBytes" (${batch.maxBytes}); got ${batch.maxQueueBytes}.`,
    )
  }
  if (options.maxPollIntervalMs < options.sessionTimeoutMs) {
    throw configError(
      'maxPollIntervalMs',
      `fromKafka: option "maxPollIntervalMs" must be at least "sessionTimeoutMs" (${options.sessionTimeoutMs}); ` +
        `got ${options.maxPollIntervalMs}.`,
    )
  }
  if (options.groupInstanceId !== undefined && group === undefined) {
    throw configError('groupInstanceId', 'fromKafka: option "groupInstanceId" needs "groupId", which is missing.')
  }
}

function parseCodecOptions(call: Call, codec: Codec, given: unknown): Record<string, string> {
  const side = call === 'fromKafka' ? 'source' : 'sink'
  const declared = Object.entries(codec.options).filter(([, option]) => option.side === 'both' || option.side === side)
  const options: Record<string, string> = {}
  for (const [name, option] of declared) options[name] = option.default
  for (const [name, value] of Object.entries((given ?? {}) as Record<string, unknown>)) {
    if (value === undefined) continue
    const path = `codecOptions.${name}`
    const option = declared.find(([key]) => key === name)?.[1]
    if (option === undefined) {
      const names = declared.map(([key]) => key)
      const has = names.length === 0 ? 'it has none here' : `it has: ${names.join(', ')}`
      throw configError(
        path,
        `${call}: the codec "${codec.name}" has no option "${name}"; ${has}.${didYouMean(name, names)}`,
      )
    }
    if (typeof value !== 'string' || !option.values.includes(value)) {
      throw wrongOption(call, path, `one of ${option.values.map((text) => `"${text}"`).join(', ')}`, value)
    }
    options[name] = value
  }
  return options
}

/** Connection options; without `bootstrapServers` of its own a sink shares the source's brokers and security. */
function parseConnection(call: Call, options: ConnectionGiven, source?: Connection): Connection {
  const given = options.bootstrapServers
  const bootstrapServers = given === undefined ? source?.bootstrapServers : serverList(given).join(',')
  if (bootstrapServers === undefined) {
    const expected = connectionOptions.bootstrapServers.expected
    throw configError(
      'bootstrapServers',
      `${call}: option "bootstrapServers" is required where the stream does not come from Kafka. Expected ${expected}.`,
    )
  }
  // Credentials go to the brokers that they were given for, and to no others.
  const trusted = bootstrapServers === source?.bootstrapServers ? source : undefined
  const tuning = checkProperties(call, options.kafka ?? {}, [sourceOptions, sinkOptions])
  return Object.freeze({
    bootstrapServers,
    clientId: options.clientId ?? source?.clientId ?? connectionOptions.clientId.default,
    connectTimeoutMs:
      options.connectTimeoutMs ?? source?.connectTimeoutMs ?? connectionOptions.connectTimeoutMs.default,
    tls: options.tls === undefined ? trusted?.tls : tlsProperties(call, options.tls),
    sasl: options.sasl === undefined ? trusted?.sasl : saslProperties(options.sasl),
    tuning: source === undefined ? tuning : { ...shared(source.tuning), ...tuning },
  })
}

const pemText = (value: string | Uint8Array): string =>
  typeof value === 'string' ? value : Buffer.from(value).toString('utf8')

function tlsProperties(call: Call, tls: TlsOptions | boolean): Properties | undefined {
  if (typeof tls === 'boolean') return tls ? {} : undefined
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    const missing = tls.cert === undefined ? 'tls.cert' : 'tls.key'
    throw configError(missing, `${call}: options "tls.cert" and "tls.key" go together; "${missing}" is missing.`)
  }
  return sealed({
    ...(tls.ca !== undefined && { 'ssl.ca.pem': pemText(tls.ca) }),
    ...(tls.cert !== undefined && { 'ssl.certificate.pem': pemText(tls.cert) }),
    ...(tls.key !== undefined && { 'ssl.key.pem': pemText(tls.key) }),
    ...(tls.keyPassword !== undefined && { 'ssl.key.password': tls.keyPassword }),
    'enable.ssl.certificate.verification': String(tls.rejectUnauthorized),
    'ssl.endpoint.identification.algorithm': tls.verifyHostname === true ? 'https' : 'none',
  })
}

function saslProperties(sasl: SaslOptions): Properties {
  return sealed({
    'sasl.mechanisms': sasl.mechanism.toUpperCase(),
    'sasl.username': sasl.username,
    'sasl.password': sasl.password,
  })
}

/** Comes after Sabot's defaults, over which `kafka` wins, and before what is fixed. */
function connectionProperties(connection: Connection): Record<string, string> {
  const { bootstrapServers, clientId, tls, sasl, tuning } = connection
  return {
    ...tuning,
    'bootstrap.servers': bootstrapServers,
    'client.id': clientId,
    'security.protocol': `${sasl === undefined ? '' : 'sasl_'}${tls === undefined ? 'plaintext' : 'ssl'}`,
    ...tls,
    ...sasl,
  }
}

const assignors: Readonly<Record<string, string>> = {
  cooperative: 'cooperative-sticky',
  range: 'range',
  roundrobin: 'roundrobin',
}

function consumerProperties(options: SourceChecked, connection: Connection): Record<string, string> {
  const from = options.from
  const properties: Record<string, string> = {
    ...consumerDefaults,
    ...(options.preset !== undefined && presets[options.preset].consumer),
    'topic.metadata.refresh.interval.ms': String(options.metadataRefreshMs),
    'isolation.level': options.isolation,
    // Timestamps and offsets are sought by the source itself; a position that retention has deleted starts earliest.
    'auto.offset.reset': from === 'latest' ? 'latest' : 'earliest',
    ...connectionProperties(connection),
    ...consumerFixed,
  }
  if (options.groupId !== undefined) {
    properties['group.id'] = options.groupId
    properties['partition.assignment.strategy'] = assignors[options.assignment]!
    properties['session.timeout.ms'] = String(options.sessionTimeoutMs)
    properties['max.poll.interval.ms'] = String(options.maxPollIntervalMs)
    // A third of the session, as Kafka advises, and never more than its default.
    properties['heartbeat.interval.ms'] ??= String(Math.min(3000, Math.ceil(options.sessionTimeoutMs / 3)))
    if (options.groupInstanceId !== undefined) {
      properties['group.instance.id'] = options.groupInstanceId
    }
  }
  return properties
}

function producerProperties(options: SinkChecked, connection: Connection): Record<string, string> {
  return {
    ...producerDefaults,
    ...(options.preset !== undefined && presets[options.preset].producer),
    'compression.type': options.compression,
    acks: options.acks,
    'linger.ms': String(options.lingerMs),
    'batch.size': String(options.batchBytes),
    // The broker's limit is on a record batch as it is sent; the client's own must not be the smaller of the two.
    'message.max.bytes': String(Math.max(1_000_000, options.batchBytes)),
    'queue.buffering.max.kbytes': String(Math.ceil(options.maxQueueBytes / 1024)),
    'delivery.timeout.ms': String(options.deliveryTimeoutMs),
    'max.in.flight.requests.per.connection': String(options.maxInFlight),
    ...connectionProperties(connection),
    ...producerFixed,
  }
}

/**
 * Properties that may hold secrets, frozen: inspect() and JSON.stringify() show them redacted; who copies them
 * (`{ ...properties }`), as a backend does, has them as they are.
 */
function sealed(properties: Record<string, string>): Properties {
  const shown = () => redact(properties)
  Object.defineProperty(properties, inspect.custom, { value: shown })
  Object.defineProperty(properties, 'toJSON', { value: shown })
  return Object.freeze(properties)
}
