/** The request Fetch (version 11, Kafka 2.3 and later) and its response, whose records are left as they lie. */
import type { Client, Connection } from './client.ts'
import { Disconnected, reasonOf } from './errors.ts'
import type { AbortedTransaction } from './records.ts'

const KEY = 1
const VERSION = 11

export interface FetchPartition {
  readonly topic: string
  readonly partition: number
  readonly leaderEpoch: number
  readonly offset: bigint
}

export interface FetchOptions {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly maxPartitionBytes: number
  readonly readCommitted: boolean
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: bigint
  readonly lastStableOffset: bigint
  readonly logStartOffset: bigint
  readonly aborted: readonly AbortedTransaction[] | null
  /** A copy of its own for each partition, so that a slow one keeps nothing of the others alive. */
  readonly records: Buffer
}

export interface FetchResponse {
  readonly errorCode: number
  readonly partitions: readonly FetchedPartition[]
}

const noRecords = Buffer.alloc(0)

/** Rejects with Disconnected where no answer came. */
export function fetchRecords(
  client: Client,
  connection: Connection,
  partitions: readonly FetchPartition[],
  options: FetchOptions,
): Promise<FetchResponse> {
  const topics = Map.groupBy(partitions, ({ topic }) => topic)
  const request = () =>
    client.Writer.create()
      .appendInt32(-1) // a consumer, no replica
      .appendInt32(options.maxWaitMs)
      .appendInt32(options.minBytes)
      .appendInt32(options.maxBytes)
      .appendInt8(options.readCommitted ? 1 : 0)
      .appendInt32(0) // no session: every request names all it wants
      .appendInt32(-1)
      .appendArray(
        [...topics],
        (w, [topic, those]) =>
          w
            .appendString(topic, false)
            .appendArray(
              those,
              (v, one) =>
                v
                  .appendInt32(one.partition)
                  .appendInt32(one.leaderEpoch)
                  .appendInt64(one.offset)
                  .appendInt64(-1n)
                  .appendInt32(options.maxPartitionBytes),
              false,
              false,
            ),
        false,
        false,
      )
      .appendArray([], () => {}, false, false)
      .appendString('', false)
  return new Promise((resolve, reject) => {
    connection.send<FetchResponse>(KEY, VERSION, request, parse, false, false, (error, response) => {
      if (error != null) reject(new Disconnected(reasonOf(error), { cause: error }))
      else resolve(response!)
    })
  })
}

type Reader = InstanceType<Client['Reader']>

function parse(_correlation: number, _key: number, _version: number, reader: Reader): FetchResponse {
  reader.readInt32() // throttle time
  const errorCode = reader.readInt16()
  reader.readInt32() // session
  const partitions: FetchedPartition[] = []
  for (let topics = reader.readInt32(); topics > 0; topics--) {
    const topic = reader.readString(false)
    for (let count = reader.readInt32(); count > 0; count--) partitions.push(parsePartition(topic, reader))
  }
  return { errorCode, partitions }
}

function parsePartition(topic: string, reader: Reader): FetchedPartition {
  const partition = reader.readInt32()
  const errorCode = reader.readInt16()
  const highWatermark = reader.readInt64()
  const lastStableOffset = reader.readInt64()
  const logStartOffset = reader.readInt64()
  const aborted = reader.readNullableArray(
    (r) => ({ producerId: r.readInt64(), firstOffset: r.readInt64() }),
    false,
    false,
  )
  reader.readInt32() // the replica to read from: only who names a rack is told one
  const size = reader.readInt32()
  let records: Buffer = noRecords
  if (size > 0) {
    const { buffer, position } = reader
    records = buffer.slice(position, position + size)
    reader.skip(size)
  }
  return { topic, partition, errorCode, highWatermark, lastStableOffset, logStartOffset, aborted, records }
}
