/**
 * A Sink on the TypeScript client. All of it runs on the JavaScript thread: write() encodes the rows into record batches
 * of their partitions, in the order of the calls; acknowledgements come back batch by batch.
 */

import { type Batch, numSelected } from '../batch.ts'
import { Condition } from '../condition.ts'
import { type ErrorCode, errorCode, SabotError, type SabotErrorOptions } from '../errors.ts'
import type { Delivery, RecordPlan, Sink, SinkOptions, SinkStats } from './backend.ts'
import { loadClient } from './js/client.ts'
import { Cluster } from './js/cluster.ts'
import { encoder } from './js/codecs.ts'
import { numberOf } from './js/connections.ts'
import { brokerText, Code, errorCodeOf, isRetriable } from './js/errors.ts'
import { type Choose, partitioner } from './js/partitioner.ts'
import { type FailReason, Producer } from './js/producer.ts'
import { type RecordLimits, RowRecords } from './js/row-records.ts'
import { isUnknown, readMetadata, topicError, untilKnown } from './metadata.ts'

interface Failure {
  readonly code: ErrorCode
  readonly message: string
  readonly retriable: boolean
  readonly partition: number
}

/** One call of write(), until its promise is settled and the last of its records is answered. */
interface InFlight {
  readonly batch: Batch
  readonly plan: RecordPlan
  readonly onError: 'fail' | 'skip'
  readonly resolve: (delivery: Delivery) => void
  readonly reject: (error: SabotError) => void
  outstanding: number
  rows: number
  bytes: number
  errors: Delivery['errors']
  /** Its rows were handed to the producer. */
  sent: boolean
  failed: boolean
}

const aborted: Failure = {
  code: 'ABORTED',
  message: 'the sink was closed before the rows were acknowledged',
  retriable: false,
  partition: -1,
}

export class JsSink implements Sink {
  readonly #options: SinkOptions
  readonly #limits: RecordLimits
  readonly #newChoose: () => Choose
  #cluster: Cluster | undefined
  #producer: Producer<InFlight> | undefined
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** In the order of their calls: those that wait to be encoded, and those under way. */
  readonly #writes = new Set<InFlight>()
  readonly #waiting: InFlight[] = []
  /** What ended writing: whatever is written after it fails too, so that no row overtakes one that is missing. */
  #broken: Failure | undefined
  readonly #changed = new Condition()
  #encodeMs = 0
  #deliverMs = 0

  constructor(options: SinkOptions) {
    this.#options = options
    this.#limits = {
      messageBytes: numberOf(options.properties, 'message.max.bytes', 1_000_000),
      queueBytes: 1024 * numberOf(options.properties, 'queue.buffering.max.kbytes', 65_536),
    }
    const lingerMs = numberOf(options.properties, 'sticky.partitioning.linger.ms', 10)
    this.#newChoose = partitioner(options.partitioner, lingerMs)
  }

  open(): Promise<void> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<void> {
    this.#refuseClosed()
    const { bootstrapServers, connectTimeoutMs, topic, properties, logger } = this.#options
    const client = await loadClient()
    this.#refuseClosed()
    const cluster = new Cluster(client, this.#options)
    this.#cluster = cluster
    const ask = (names: readonly string[] | null) =>
      readMetadata('toKafka', bootstrapServers, connectTimeoutMs, () => cluster.topics(names, connectTimeoutMs))
    const [found] = await untilKnown(() => {
      this.#refuseClosed()
      return ask([topic])
    })
    if (found === undefined || isUnknown(found) || found.error !== undefined) {
      const existing = found === undefined || isUnknown(found) ? (await ask(null)).map(({ name }) => name) : []
      throw topicError('toKafka', found ?? { name: topic, partitions: 0 }, bootstrapServers, existing)
    }
    const producer = new Producer<InFlight>(cluster, topic, properties, logger, {
      delivered: ({ write, records, bytes }) => this.#delivered(write, records, bytes),
      failed: ({ write, records }, partition, reason) => {
        this.#fail(write, this.#failureOf(reason, partition))
        this.#settle(write, records)
      },
      isDropped: (write) => write.failed,
      onProgress: () => this.#encodeWaiting(),
    })
    try {
      await producer.open(connectTimeoutMs)
    } catch (error) {
      this.#refuseClosed()
      const { code, message, cause } = error as SabotError
      throw new SabotError(errorCode(code), `toKafka: ${message}`, { cause })
    }
    this.#refuseClosed()
    this.#producer = producer
  }

  async write(batch: Batch, plan: RecordPlan, onError: 'fail' | 'skip'): Promise<Delivery> {
    this.#refuseClosed()
    if (this.#producer === undefined) {
      throw new SabotError('CLOSED', `toKafka: the sink of ${this.#options.topic} was not opened.`)
    }
    if (numSelected(batch) === 0) return { rows: 0, bytes: 0, errors: [] }
    return new Promise<Delivery>((resolve, reject) => {
      const write: InFlight = {
        batch,
        plan,
        onError,
        resolve,
        reject,
        outstanding: 1,
        rows: 0,
        bytes: 0,
        errors: [],
        sent: false,
        failed: false,
      }
      this.#writes.add(write)
      this.#waiting.push(write)
      this.#encodeWaiting()
    })
  }

  stats(): SinkStats {
    return { encodeMs: this.#encodeMs, deliverMs: this.#deliverMs }
  }

  close(options: { readonly abort?: boolean } = {}): Promise<void> {
    const abort = options.abort === true
    if (this.#closing === undefined) this.#closing = this.#close(abort)
    else if (abort) this.#abort()
    return this.#closing
  }

  async #close(abort: boolean): Promise<void> {
    if (abort) this.#abort()
    else this.#producer?.flush()
    while (this.#writes.size > 0) {
      this.#encodeWaiting()
      if (this.#writes.size > 0) await this.#changed.wait()
    }
    this.#producer?.close()
    await this.#cluster?.close()
  }

  #abort(): void {
    this.#broken ??= aborted
    for (const write of this.#writes) this.#reject(write, aborted)
    this.#waiting.length = 0
    this.#writes.clear()
    this.#changed.notify()
  }

  #refuseClosed(): void {
    if (this.#closing !== undefined) {
      throw new SabotError('CLOSED', `toKafka: the sink of ${this.#options.topic} was closed.`)
    }
  }

  // ---- writes

  /** Encodes what there is room for. */
  #encodeWaiting(): void {
    const producer = this.#producer!
    const hasRoom = () => this.#broken !== undefined || producer.queuedBytes < this.#limits.queueBytes
    while (this.#waiting.length > 0 && hasRoom()) {
      const write = this.#waiting.shift()!
      this.#encode(write)
      write.sent = true
      this.#settle(write, 1)
      producer.pump()
    }
  }

  #encode(write: InFlight): void {
    if (this.#broken !== undefined) {
      this.#reject(write, followUp(this.#broken))
      return
    }
    const { topic, codec, codecOptions, partitioner: kind } = this.#options
    const producer = this.#producer!
    const began = performance.now()
    let built: ReturnType<RowRecords['build']>
    try {
      const values = encoder(codec, codecOptions)
      built = new RowRecords(write.batch, write.plan, kind, values, this.#limits).build()
    } catch (error) {
      const { code, message, cause, where } = error as SabotError
      this.#refuse(write, errorCode(code), message, { cause, where: where ?? {} })
      return
    }
    const encoded = performance.now()
    this.#encodeMs += encoded - began
    const [first] = built.errors
    if (first !== undefined && write.onError === 'fail') {
      this.#refuse(write, errorCode(first.code), first.message, { where: { row: first.row } })
      return
    }
    write.errors = built.errors
    const choose = this.#newChoose()
    const count = this.#cluster!.partitionCount(topic)
    const now = Date.now()
    for (const record of built.records) {
      const partition = record.partition < 0 ? choose(record.key, count) : record.partition
      if (!producer.append(partition, record, write, now)) {
        this.#fail(write, this.#failureOf('unknownPartition', partition))
        break
      }
      write.outstanding++
    }
    this.#deliverMs += performance.now() - encoded
  }

  #delivered(write: InFlight, records: number, bytes: number): void {
    write.rows += records
    write.bytes += bytes
    this.#settle(write, records)
  }

  #settle(write: InFlight, count: number): void {
    write.outstanding -= count
    if (write.outstanding > 0) return
    this.#writes.delete(write)
    if (!write.failed) write.resolve({ rows: write.rows, bytes: write.bytes, errors: write.errors })
    if (this.#writes.size === 0) this.#changed.notify()
  }

  // ---- failures

  /** This write and those after it, in order. */
  #fail(write: InFlight, failure: Failure): void {
    if (write.failed) return
    this.#broken ??= failure
    let after = false
    for (const one of this.#writes) {
      if (one === write) {
        after = true
        this.#reject(one, failure)
      } else if (after && one.sent) this.#reject(one, followUp(failure))
    }
  }

  /** Nothing of this write was sent. Those after it are still waiting. */
  #refuse(
    write: InFlight,
    code: ErrorCode,
    message: string,
    options: Pick<SabotErrorOptions, 'cause' | 'where'>,
  ): void {
    this.#broken ??= { code, message, retriable: false, partition: -1 }
    write.failed = true
    const where = { ...options.where, topic: this.#options.topic }
    write.reject(new SabotError(code, `toKafka: ${message}`, { ...options, retriable: false, where }))
  }

  #reject(write: InFlight, { code, message, retriable, partition }: Failure): void {
    if (write.failed) return
    write.failed = true
    const { topic } = this.#options
    const place = partition >= 0 ? `${topic}[${partition}]` : topic
    const where = { topic, ...(partition >= 0 && { partition }) }
    write.reject(new SabotError(code, `toKafka: ${place}: ${message}`, { retriable, where }))
  }

  #failureOf(reason: FailReason, partition: number): Failure {
    const what = 'delivery failed'
    if (reason === 'timedOut') {
      const last = this.#cluster?.connections.lastFailure
      const why = last === undefined ? '' : `; the connection last failed: ${last}`
      const message = `${what}: Local: Message timed out (_MSG_TIMED_OUT)${why}`
      return { code: 'DELIVERY', message, retriable: true, partition }
    }
    if (reason === 'unknownPartition') {
      const message = `${what}: Failed to enqueue message: Local: Unknown partition (_UNKNOWN_PARTITION); the topic has no such partition`
      return { code: 'DELIVERY', message, retriable: false, partition }
    }
    const { status } = reason
    const code = errorCodeOf(status) === 'UNKNOWN_TOPIC' ? 'UNKNOWN_TOPIC' : 'DELIVERY'
    const message = brokerText(status, what) + (advice[status] ?? '')
    return { code, message, retriable: isRetriable(status), partition }
  }
}

/** What a write is told that was never sent because of `first`. */
function followUp(first: Failure): Failure {
  if (first.code === 'ABORTED') return first
  return { ...first, message: `not sent, since an earlier write failed: ${first.message}` }
}

/** What to do, where the broker's reason does not say it. */
const advice: Readonly<Record<number, string>> = {
  [Code.MSG_SIZE_TOO_LARGE]: "; raise the topic's max.message.bytes, or lower batchBytes of the sink",
  [Code.INVALID_TIMESTAMP]:
    "; the topic's message.timestamp.before.max.ms and message.timestamp.after.max.ms say which are taken",
  [Code.INVALID_RECORD]:
    '; a compacted topic takes no record without a key, and no topic one of a time outside its bounds',
}
