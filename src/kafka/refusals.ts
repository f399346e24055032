/**
 * What the js backend does not do: refused at run() by name, with the reason and what to use instead, and never done
 * otherwise than asked. docs/backends.md is made from this table.
 */
import { SabotError } from '../errors.ts'

/** Why a value is refused; undefined: it is not. */
export interface Refusal {
  readonly side: 'fromKafka' | 'toKafka' | 'both'
  /** An option, or a client property in `kafka`. */
  readonly name: string
  readonly isProperty: boolean
  /** Which values are refused, in words; undefined: every one. */
  readonly values?: string
  readonly refuses: (value: unknown) => boolean
  readonly reason: string
  readonly instead: string
}

const always = (): boolean => true
const native = `use backend: 'native'`
const orLeaveOut = (what: string): string => `${what}, or ${native}`

const property = (
  name: string,
  reason: string,
  instead: string,
  refuses: Refusal['refuses'] = always,
  values?: string,
): Refusal => ({
  side: 'both',
  name,
  isProperty: true,
  reason,
  instead,
  refuses,
  ...(values !== undefined && { values }),
})

const resolves = 'Node resolves names and the client connects to the address that it gets'
const leaveOut = orLeaveOut('leave it out')
const noSocket = 'the client opens its sockets with what Node sets'
const noLog = 'the client has no log of its own; what is worth knowing goes to `logger`'
const noLimit = 'it is an inner limit of librdkafka, which is not there'

export const refusals: readonly Refusal[] = [
  {
    side: 'fromKafka',
    name: 'parallelism',
    isProperty: false,
    values: 'more than 1',
    refuses: (value) => typeof value === 'number' && value > 1,
    reason: 'rows are decoded on the JavaScript thread',
    instead: orLeaveOut('leave it out or give 1, and run more members of the group'),
  },
  property('client.rack', 'it reads from the leaders of partitions alone', leaveOut),
  property('client.dns.lookup', resolves, leaveOut),
  property('broker.address.family', resolves, leaveOut),
  property('broker.address.ttl', resolves, leaveOut),
  property('debug', noLog, leaveOut),
  property('log_level', noLog, leaveOut),
  property('log.connection.close', noLog, leaveOut),
  property('enable.metrics.push', 'it sends no metrics to brokers', 'read Run.metrics(), or leave it out'),
  property('api.version.request.timeout.ms', noLimit, 'set "connectTimeoutMs"'),
  property('connections.max.idle.ms', 'idle connections are kept until the broker closes them', leaveOut),
  property('metadata.max.age.ms', 'leaders are looked up when one has moved', 'set "metadataRefreshMs" of fromKafka'),
  property('metadata.recovery.strategy', 'bootstrap servers are always asked too', 'leave it out'),
  property('metadata.recovery.rebootstrap.trigger.ms', 'bootstrap servers are always asked too', 'leave it out'),
  property('topic.metadata.propagation.max.ms', noLimit, leaveOut),
  property('topic.metadata.refresh.fast.interval.ms', noLimit, leaveOut),
  property('receive.message.max.bytes', noLimit, 'set "fetch.max.bytes"'),
  property('retry.backoff.max.ms', 'the time between tries does not grow', 'set "retry.backoff.ms"'),
  property('socket.max.fails', noLimit, leaveOut),
  property(
    'socket.nagle.disable',
    'the client always sends at once',
    'give true, or leave it out',
    (value) => String(value) !== 'true',
    'other than true',
  ),
  property('socket.receive.buffer.bytes', noSocket, leaveOut),
  property('socket.send.buffer.bytes', noSocket, leaveOut),
  property('coordinator.query.interval.ms', 'the coordinator is looked up when it has moved', leaveOut),
  property('fetch.queue.backoff.ms', 'a partition is fetched again as soon as it has room', leaveOut),
  property('queue.buffering.backpressure.threshold', noLimit, 'set "lingerMs" of toKafka'),
  property('queue.buffering.max.messages', 'what waits is bounded in bytes', 'set "maxQueueBytes" of toKafka'),
]

/** What a plan asks of one side. */
export interface Asked {
  readonly call: 'fromKafka' | 'toKafka'
  readonly options: Readonly<Record<string, unknown>>
  /** The option `kafka`, as it was given. */
  readonly properties: Readonly<Record<string, string>>
}

/** The first of what is asked that the js backend does not do. */
export function refusedByJs(asked: readonly Asked[]): SabotError | undefined {
  for (const { call, options, properties } of asked) {
    for (const { side, name, isProperty, values, refuses, reason, instead } of refusals) {
      const given = isProperty ? properties : options
      const value = given[name]
      if ((side !== 'both' && side !== call) || value === undefined || !refuses(value)) continue
      const option = isProperty ? `kafka[${JSON.stringify(name)}]` : name
      const what = isProperty ? `the client property "${name}"` : `option "${name}"`
      const which = values === undefined ? '' : ` with a value ${values}`
      return new SabotError(
        'UNSUPPORTED',
        `${call}: the js backend does not have ${what}${which}: ${reason}. Instead: ${instead}.`,
        { where: { option } },
      )
    }
  }
  return undefined
}
