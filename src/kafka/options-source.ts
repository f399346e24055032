/** The options of `Stream.fromKafka`. */
import { codecNames } from '../codecs/codec.ts'
import { isPlainObject, type OptionTable } from './option.ts'
import { connectionOptions } from './options-connection.ts'
import { presetNames } from './presets.ts'

const kib = 1024
const mib = 1024 * kib

/** What Kafka takes as a name of a topic. */
export function isTopicName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9._-]{1,249}$/.test(value) && value !== '.' && value !== '..'
}

function isTime(value: unknown): boolean {
  const ms = value instanceof Date ? value.getTime() : value
  return typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= 0
}

function isTimestamp(value: unknown): boolean {
  return isPlainObject(value) && Object.keys(value).length === 1 && isTime(value.timestamp)
}

function isOffset(value: unknown): boolean {
  return typeof value === 'bigint'
    ? value >= 0n && value < 1n << 63n
    : Number.isSafeInteger(value) && Number(value) >= 0
}

function areOffsets(value: unknown): boolean {
  if (!isPlainObject(value) || Object.keys(value).length !== 1 || !isPlainObject(value.offsets)) return false
  return Object.entries(value.offsets).every(
    ([topic, partitions]) =>
      isTopicName(topic) &&
      isPlainObject(partitions) &&
      Object.entries(partitions).every(([partition, offset]) => /^\d{1,9}$/.test(partition) && isOffset(offset)),
  )
}

const batch: OptionTable = {
  maxRows: {
    type: 'integer',
    unit: 'rows',
    min: 1,
    max: 1_048_576,
    default: 8192,
    doc: 'A batch holds at most so many rows.',
  },
  maxBytes: {
    type: 'integer',
    unit: 'bytes',
    min: kib,
    max: 1024 * mib,
    default: 4 * mib,
    doc: 'A batch ends after so many bytes of messages; one larger message makes a batch of its own.',
  },
  maxWaitMs: {
    type: 'integer',
    unit: 'ms',
    min: 0,
    max: 60_000,
    default: 50,
    doc: 'A batch that is not full is handed over after this time.',
  },
  maxQueueBytes: {
    type: 'integer',
    unit: 'bytes',
    min: mib,
    max: 64 * 1024 * mib,
    default: 64 * mib,
    doc: 'Decoded batches waiting for the steps take at most this; then partitions pause, and polling goes on.',
  },
}

export const sourceOptions = {
  bootstrapServers: connectionOptions.bootstrapServers,
  topic: {
    type: 'custom',
    ts: 'string | readonly string[] | RegExp',
    expected: 'the name of a topic (letters, digits, ".", "_", "-"; at most 249), an array of names, or a RegExp',
    accepts: (value: unknown) =>
      value instanceof RegExp ||
      isTopicName(value) ||
      (Array.isArray(value) && value.length > 0 && value.every(isTopicName)),
    required: true,
    doc: 'What to read: a topic, several, or every topic that a RegExp matches, including those created later.',
  },
  groupId: {
    type: 'string',
    kafka: 'group.id',
    doc: 'The consumer group to share the partitions with and to commit to. Without it every partition is read and nothing is committed.',
  },
  codec: { type: 'choice', values: codecNames, default: 'json', doc: 'The format of the values.' },
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
    type: 'choice',
    values: ['bytes', 'string', 'int32', 'int64', 'float64', 'json'],
    default: 'bytes',
    doc:
      "What the column `$key` is: binary, utf8, a number as Kafka's IntegerSerializer, LongSerializer or " +
      'DoubleSerializer writes it, or JSON of the type `keySchema`. A key that is not UTF-8, not as long as the number, or ' +
      "not such JSON is that row's error. A key that is kept keeps its bytes.",
  },
  keySchema: {
    type: 'custom',
    ts: 'K',
    expected: "a type, such as { id: 'int64', region: 'utf8' } for keys that are objects, or 'int64'",
    accepts: (value: unknown) =>
      (typeof value === 'string' && value !== '') ||
      (Array.isArray(value) && value.length > 0) ||
      (isPlainObject(value) && Object.keys(value).length > 0),
    defaultText: "none: with `key: 'json'` it must be given",
    doc: "The type of `$key` under `key: 'json'`, as in a schema: a struct for objects, or a scalar or list.",
  },
  schema: {
    type: 'custom',
    ts: 'S',
    expected: "an object of columns and their types, such as { id: 'int64' }",
    accepts: (value: unknown) => isPlainObject(value) && Object.keys(value).length > 0,
    defaultText: 'inferred from the first rows',
    doc: "The columns of a value and their types, as in `{ id: 'int64', amount: 'float64' }`.",
  },
  from: {
    type: 'custom',
    ts: 'From',
    expected:
      '"earliest", "latest", { timestamp: a Date or milliseconds } or { offsets: { topic: { partition: offset } } }',
    accepts: (value: unknown) => value === 'earliest' || value === 'latest' || isTimestamp(value) || areOffsets(value),
    default: 'earliest',
    kafka: 'auto.offset.reset',
    doc: 'Where to begin in a partition for which the group has no committed position.',
  },
  until: {
    type: 'custom',
    ts: 'Until',
    expected: '"end" or { timestamp: a Date or milliseconds }',
    accepts: (value: unknown) => value === 'end' || isTimestamp(value),
    defaultText: 'never',
    doc: 'Where to end: at the end offsets of when the run starts, or before the first record at or after a time.',
  },
  backend: {
    type: 'choice',
    values: ['auto', 'native', 'js'],
    default: 'auto',
    doc: 'Which client runs. `auto` takes the environment variable SABOT_BACKEND, else the best that there is, and logs which.',
  },
  onError: {
    type: 'choice',
    values: ['fail', 'skip'],
    default: 'fail',
    doc: 'What a record that cannot be read or written does: ends the run, or is counted, logged and passed over.',
  },
  offsets: {
    type: 'choice',
    values: ['group'],
    default: 'group',
    doc: "Where positions are kept: in the consumer group's committed offsets.",
  },
  commitIntervalMs: {
    type: 'integer',
    unit: 'ms',
    min: 10,
    max: 3_600_000,
    default: 1000,
    doc: 'How often delivered positions are committed; they are also committed at the end and before partitions are given away.',
  },
  preset: {
    type: 'choice',
    values: presetNames,
    defaultText: 'a balance between the two',
    doc: 'Other defaults, for rows that pass as soon as they come (`latency`) or for as many rows a second as can be (`throughput`). Options and client properties that are given win. docs/guide.md lists what each sets.',
  },
  batch: {
    type: 'object',
    of: batch,
    typeName: 'BatchOptions',
    filled: true,
    doc: 'How records are gathered into batches.',
  },
  parallelism: {
    type: 'integer',
    unit: 'threads',
    min: 1,
    max: 256,
    defaultText: 'cores, at most partitions',
    doc: 'How many threads decode.',
  },
  maxDepth: {
    type: 'integer',
    unit: 'levels',
    min: 1,
    max: 64,
    default: 64,
    doc: "How deep a document may nest; a deeper one is that row's error.",
  },
  isolation: {
    type: 'choice',
    values: ['read_committed', 'read_uncommitted'],
    default: 'read_committed',
    kafka: 'isolation.level',
    doc: 'Whether records of open and aborted transactions are passed over.',
  },
  assignment: {
    type: 'choice',
    values: ['cooperative', 'range', 'roundrobin'],
    default: 'cooperative',
    kafka: 'partition.assignment.strategy',
    doc: 'How the group shares partitions. `cooperative` moves only those that must move; every member needs the same kind, so a group that runs with range or roundrobin must be stopped before it changes.',
  },
  groupInstanceId: {
    type: 'string',
    kafka: 'group.instance.id',
    doc: 'A name of this member that lasts over restarts (static membership): within `sessionTimeoutMs` no rebalance follows.',
  },
  sessionTimeoutMs: {
    type: 'integer',
    unit: 'ms',
    min: 1000,
    max: 3_600_000,
    default: 45_000,
    kafka: 'session.timeout.ms',
    doc: 'The group gives up a member after so long without a heartbeat.',
  },
  maxPollIntervalMs: {
    type: 'integer',
    unit: 'ms',
    min: 1000,
    max: 86_400_000,
    default: 300_000,
    kafka: 'max.poll.interval.ms',
    doc: 'How long a rebalance may wait for rows in flight. Must be at least `sessionTimeoutMs`.',
  },
  metadataRefreshMs: {
    type: 'integer',
    unit: 'ms',
    min: 100,
    max: 3_600_000,
    default: 60_000,
    kafka: 'topic.metadata.refresh.interval.ms',
    doc: 'How often to look for new partitions, and for new topics where `topic` is a RegExp.',
  },
  clientId: connectionOptions.clientId,
  connectTimeoutMs: connectionOptions.connectTimeoutMs,
  tls: connectionOptions.tls,
  sasl: connectionOptions.sasl,
  kafka: connectionOptions.kafka,
  logger: connectionOptions.logger,
} as const satisfies OptionTable
