/** The options of `.toKafka` and of `.run`. */
import { codecNames } from '../codecs/codec.ts'
import { isPlainObject, type OptionTable } from './option.ts'
import { connectionOptions } from './options-connection.ts'
import { isTopicName } from './options-source.ts'
import { presetNames } from './presets.ts'

const { required: _, ...servers } = connectionOptions.bootstrapServers

/** What is not given here is taken from the source. */
function ofSource<T extends object>({ default: _default, ...option }: T & { default?: unknown }) {
  return { ...option, defaultText: "the source's" }
}

const columnName = {
  type: 'custom',
  ts: 'string | null',
  expected: 'the name of a column, or null',
  accepts: (value: unknown) => value === null || (typeof value === 'string' && value !== ''),
} as const

export const sinkOptions = {
  topic: {
    type: 'custom',
    ts: 'string',
    expected: 'the name of a topic (letters, digits, ".", "_", "-"; at most 249)',
    accepts: isTopicName,
    required: true,
    doc: 'The topic to write to. It must exist.',
  },
  bootstrapServers: { ...servers, defaultText: "the source's" },
  codec: { type: 'choice', values: codecNames, defaultText: "the source's", doc: 'The format of the values.' },
  codecOptions: {
    type: 'custom',
    ts: 'Readonly<Record<string, unknown>>',
    expected: 'an object of options of the codec',
    accepts: isPlainObject,
    defaultText: 'none',
    range: 'see Codecs',
    doc: "The codec's own options.",
  },
  key: {
    ...columnName,
    defaultText: "the record's own",
    doc: 'The column that becomes the key: utf8 and binary as they are, other scalars as their text, lists and structs as JSON. null: no key.',
  },
  headers: {
    ...columnName,
    defaultText: "the record's own",
    doc: 'The column that becomes the headers: a list of structs with `key` (utf8) and `value` (binary). null: none.',
  },
  timestamp: {
    ...columnName,
    defaultText: "the record's own",
    doc: 'The column that becomes the timestamp: timestamp[ms]. null: the time of sending, which also stands for 1970-01-01T00:00:00Z.',
  },
  partition: {
    type: 'custom',
    ts: 'string',
    expected: 'the name of a column of integers',
    accepts: (value: unknown) => typeof value === 'string' && value !== '',
    defaultText: 'none: the partitioner chooses',
    doc: 'The column that holds the partition to write to. It takes the place of `partitioner`.',
  },
  partitioner: {
    type: 'choice',
    values: ['murmur2', 'consistent', 'roundRobin', 'sticky', 'source'],
    default: 'murmur2',
    doc: "Which partition a record goes to: by its key as Java's client places it (murmur2) or as librdkafka's own does (consistent), each in turn (roundRobin), one for all rows of a batch (sticky), or the partition it was read from (source).",
  },
  preset: {
    type: 'choice',
    values: presetNames,
    defaultText: "the source's; without one a balance between the two",
    doc: 'Other defaults, for rows that are sent as soon as they come (`latency`) or for as many rows a second as can be (`throughput`). Options and client properties that are given win. docs/guide.md lists what each sets.',
  },
  compression: {
    type: 'choice',
    values: ['none', 'gzip', 'snappy', 'lz4', 'zstd'],
    default: 'none',
    kafka: 'compression.type',
    doc: 'How record batches are compressed.',
  },
  acks: {
    type: 'choice',
    values: ['all'],
    default: 'all',
    kafka: 'acks',
    doc: 'Every in-sync replica must have a record before it counts as delivered; delivery could not be promised with less.',
  },
  lingerMs: {
    type: 'integer',
    unit: 'ms',
    min: 0,
    max: 900_000,
    default: 5,
    kafka: 'linger.ms',
    doc: 'How long a record waits for others to be sent with.',
  },
  batchBytes: {
    type: 'integer',
    unit: 'bytes',
    min: 1024,
    max: 1_000_000_000,
    default: 1_000_000,
    kafka: 'batch.size',
    doc: "The most that is sent to a partition at once; the broker's own limit is `message.max.bytes`.",
  },
  maxQueueBytes: {
    type: 'integer',
    unit: 'bytes',
    min: 1_048_576,
    max: 68_719_476_736,
    default: 67_108_864,
    kafka: 'queue.buffering.max.kbytes',
    doc: 'Encoded records waiting to be sent take at most this; then writing waits.',
  },
  deliveryTimeoutMs: {
    type: 'integer',
    unit: 'ms',
    min: 1000,
    max: 2_147_483_647,
    default: 120_000,
    kafka: 'delivery.timeout.ms',
    doc: 'A record that is not acknowledged after this time, retries included, fails the run with DELIVERY.',
  },
  maxInFlight: {
    type: 'integer',
    unit: 'requests',
    min: 1,
    max: 5,
    default: 5,
    kafka: 'max.in.flight.requests.per.connection',
    doc: 'Requests under way to one broker. More than 5 would break the order of an idempotent producer.',
  },
  clientId: ofSource(connectionOptions.clientId),
  connectTimeoutMs: ofSource(connectionOptions.connectTimeoutMs),
  tls: { ...connectionOptions.tls, defaultText: "the source's, where `bootstrapServers` is the source's too" },
  sasl: { ...connectionOptions.sasl, defaultText: "the source's, where `bootstrapServers` is the source's too" },
  kafka: { ...connectionOptions.kafka, defaultText: "the source's, those that a producer has" },
  logger: ofSource(connectionOptions.logger),
} as const satisfies OptionTable

const signalNames = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK', 'SIGQUIT', 'SIGUSR2']

export const runOptions = {
  signal: {
    type: 'custom',
    ts: 'AbortSignal',
    expected: 'an AbortSignal',
    accepts: (value: unknown) => value instanceof AbortSignal,
    defaultText: 'none',
    doc: 'Stops the run: rows in flight are delivered and committed, the group is left.',
  },
  signals: {
    type: 'custom',
    ts: 'boolean | readonly NodeJS.Signals[]',
    expected: `true, false or an array of ${signalNames.join(', ')}`,
    accepts: (value: unknown) =>
      typeof value === 'boolean' || (Array.isArray(value) && value.every((name) => signalNames.includes(name))),
    default: true,
    range: `true is SIGINT and SIGTERM; or some of ${signalNames.join(', ')}`,
    doc: 'The signals of the process that stop the run; a second one aborts it at once.',
  },
  guarantee: {
    type: 'choice',
    values: ['at-least-once'],
    default: 'at-least-once',
    doc: 'What holds when things fail: every row is delivered at least once.',
  },
} as const satisfies OptionTable
