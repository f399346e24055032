/**
 * What brokers and connections say, in our terms. Names and texts of a broker's errors are librdkafka's, so that one
 * error reads the same whichever backend met it.
 */
import { getSystemErrorMessage } from 'node:util'
import { type ErrorCode, SabotError } from '../../errors.ts'

/** Error codes of Kafka's protocol (https://kafka.apache.org/protocol#protocol_error_codes), by librdkafka's names. */
export const Code = {
  UNKNOWN: -1,
  NO_ERROR: 0,
  OFFSET_OUT_OF_RANGE: 1,
  INVALID_MSG: 2,
  UNKNOWN_TOPIC_OR_PART: 3,
  INVALID_MSG_SIZE: 4,
  LEADER_NOT_AVAILABLE: 5,
  NOT_LEADER_FOR_PARTITION: 6,
  REQUEST_TIMED_OUT: 7,
  BROKER_NOT_AVAILABLE: 8,
  REPLICA_NOT_AVAILABLE: 9,
  MSG_SIZE_TOO_LARGE: 10,
  NETWORK_EXCEPTION: 13,
  COORDINATOR_LOAD_IN_PROGRESS: 14,
  COORDINATOR_NOT_AVAILABLE: 15,
  NOT_COORDINATOR: 16,
  TOPIC_EXCEPTION: 17,
  RECORD_LIST_TOO_LARGE: 18,
  NOT_ENOUGH_REPLICAS: 19,
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: 20,
  INVALID_REQUIRED_ACKS: 21,
  ILLEGAL_GENERATION: 22,
  INCONSISTENT_GROUP_PROTOCOL: 23,
  INVALID_GROUP_ID: 24,
  UNKNOWN_MEMBER_ID: 25,
  INVALID_SESSION_TIMEOUT: 26,
  REBALANCE_IN_PROGRESS: 27,
  TOPIC_AUTHORIZATION_FAILED: 29,
  GROUP_AUTHORIZATION_FAILED: 30,
  CLUSTER_AUTHORIZATION_FAILED: 31,
  INVALID_TIMESTAMP: 32,
  UNSUPPORTED_SASL_MECHANISM: 33,
  ILLEGAL_SASL_STATE: 34,
  UNSUPPORTED_VERSION: 35,
  NOT_CONTROLLER: 41,
  INVALID_REQUEST: 42,
  UNSUPPORTED_FOR_MESSAGE_FORMAT: 43,
  POLICY_VIOLATION: 44,
  OUT_OF_ORDER_SEQUENCE_NUMBER: 45,
  DUPLICATE_SEQUENCE_NUMBER: 46,
  INVALID_PRODUCER_EPOCH: 47,
  KAFKA_STORAGE_ERROR: 56,
  SASL_AUTHENTICATION_FAILED: 58,
  UNKNOWN_PRODUCER_ID: 59,
  FENCED_LEADER_EPOCH: 74,
  UNKNOWN_LEADER_EPOCH: 75,
  UNSUPPORTED_COMPRESSION_TYPE: 76,
  OFFSET_NOT_AVAILABLE: 78,
  MEMBER_ID_REQUIRED: 79,
  PREFERRED_LEADER_NOT_AVAILABLE: 80,
  GROUP_MAX_SIZE_REACHED: 81,
  FENCED_INSTANCE_ID: 82,
  INVALID_RECORD: 87,
  UNSTABLE_OFFSET_COMMIT: 88,
  THROTTLING_QUOTA_EXCEEDED: 89,
  UNKNOWN_TOPIC_ID: 100,
} as const

const texts: Readonly<Record<number, string>> = {
  [Code.OFFSET_OUT_OF_RANGE]: 'Offset out of range',
  [Code.UNKNOWN_TOPIC_OR_PART]: 'Unknown topic or partition',
  [Code.NOT_LEADER_FOR_PARTITION]: 'Not leader for partition',
  [Code.MSG_SIZE_TOO_LARGE]: 'Message size too large',
  [Code.NETWORK_EXCEPTION]: 'Broker disconnected before response received',
  [Code.TOPIC_EXCEPTION]: 'Invalid topic',
  [Code.RECORD_LIST_TOO_LARGE]: 'Message batch larger than configured server segment size',
  [Code.NOT_ENOUGH_REPLICAS]: 'Not enough in-sync replicas',
  [Code.NOT_ENOUGH_REPLICAS_AFTER_APPEND]: 'Message(s) written to insufficient number of in-sync replicas',
  [Code.ILLEGAL_GENERATION]: 'Specified group generation id is not valid',
  [Code.INVALID_GROUP_ID]: 'Invalid group.id',
  [Code.UNKNOWN_MEMBER_ID]: 'Unknown member',
  [Code.REBALANCE_IN_PROGRESS]: 'Group rebalance in progress',
  [Code.FENCED_INSTANCE_ID]: 'Static consumer fenced by other consumer with same group.instance.id',
  [Code.INVALID_RECORD]: 'Broker failed to validate record',
}

const names: ReadonlyMap<number, string> = new Map(Object.entries(Code).map(([name, code]) => [code, name]))

export const codeName = (code: number): string => names.get(code) ?? `ERR_${code}`

/** `Broker: Invalid timestamp`: the text that is ours, or the name in words. */
function codeText(code: number): string {
  const words = codeName(code).toLowerCase().replaceAll('_', ' ')
  return `Broker: ${texts[code] ?? words[0]!.toUpperCase() + words.slice(1)}`
}

const retriable: ReadonlySet<number> = new Set([
  Code.LEADER_NOT_AVAILABLE,
  Code.NOT_LEADER_FOR_PARTITION,
  Code.REQUEST_TIMED_OUT,
  Code.BROKER_NOT_AVAILABLE,
  Code.REPLICA_NOT_AVAILABLE,
  Code.NETWORK_EXCEPTION,
  Code.COORDINATOR_LOAD_IN_PROGRESS,
  Code.COORDINATOR_NOT_AVAILABLE,
  Code.NOT_COORDINATOR,
  Code.NOT_CONTROLLER,
  Code.NOT_ENOUGH_REPLICAS,
  Code.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
  // A commit during or behind a rebalance: the member joins again by itself.
  Code.REBALANCE_IN_PROGRESS,
  Code.ILLEGAL_GENERATION,
  Code.UNKNOWN_MEMBER_ID,
  Code.KAFKA_STORAGE_ERROR,
  Code.THROTTLING_QUOTA_EXCEEDED,
])

export const isRetriable = (code: number): boolean => retriable.has(code)

const passing: ReadonlySet<number> = new Set([
  ...retriable,
  Code.UNSTABLE_OFFSET_COMMIT,
  Code.OFFSET_NOT_AVAILABLE,
  Code.FENCED_LEADER_EPOCH,
  Code.UNKNOWN_LEADER_EPOCH,
  Code.PREFERRED_LEADER_NOT_AVAILABLE,
])

/** What passes by itself, beside what is retriable: elections, and offsets that an open transaction is about to commit. */
export const passes = (code: number): boolean => passing.has(code)

export const isUnknownTopic = (code: number): boolean =>
  code === Code.UNKNOWN_TOPIC_OR_PART || code === Code.UNKNOWN_TOPIC_ID

export function errorCodeOf(code: number): ErrorCode {
  if (code === Code.SASL_AUTHENTICATION_FAILED) return 'CONNECT'
  return code === Code.UNKNOWN_TOPIC_OR_PART ? 'UNKNOWN_TOPIC' : 'KAFKA'
}

/** `what: Broker: text (NAME)`; `detail`: the broker's own words, where it had some. */
export function brokerText(code: number, what: string, detail?: string | null): string {
  return `${what}: ${detail ? detail : codeText(code)} (${codeName(code)})`
}

/** What a broker refused. */
export class BrokerError extends SabotError {
  readonly status: number

  constructor(status: number, what: string, detail?: string | null) {
    super(errorCodeOf(status), brokerText(status, what, detail), { retriable: isRetriable(status) })
    this.status = status
  }
}

/** A connection that could not be made, broke, or did not answer in time. The client tries again. */
export class Disconnected extends Error {}

/** What an error of the client comes to, in one line: its causes, the last of which says most. */
export function reasonOf(error: unknown): string {
  const parts: string[] = []
  for (let one: unknown = error; one instanceof Error && parts.length < 4; one = one.cause) {
    const { code, errno } = one as NodeJS.ErrnoException
    // Node's own text has the name of the error alone: ENOTFOUND.
    const meaning = typeof errno === 'number' && errno < 0 ? ` (${getSystemErrorMessage(errno)})` : ''
    const text = (one.message || code || one.name).replace(/\.$/, '') + meaning
    if (!parts.includes(text)) parts.push(text)
    if (one instanceof AggregateError && one.cause === undefined && one.errors.length > 0) {
      parts.push(reasonOf(one.errors[0]))
    }
  }
  return parts.length === 0 ? String(error) : parts.join(': ')
}
