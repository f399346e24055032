/** The requests Produce (version 8, Kafka 2.4 and later) and InitProducerId. */
import type { Client, Connection } from './client.ts'
import { Disconnected, reasonOf } from './errors.ts'

const KEY = 0
const VERSION = 8

export interface ProducePartition {
  readonly partition: number
  /** One record batch. */
  readonly records: Buffer
}

export interface ProducedPartition {
  readonly partition: number
  readonly errorCode: number
}

/** Rejects with Disconnected where no answer came: whether the batches were written is not known then. */
export function produceRecords(
  client: Client,
  connection: Connection,
  topic: string,
  partitions: readonly ProducePartition[],
  timeoutMs: number,
): Promise<readonly ProducedPartition[]> {
  const request = () =>
    client.Writer.create()
      .appendString(null, false) // no transaction
      .appendInt16(-1) // acks of all in-sync replicas
      .appendInt32(timeoutMs)
      .appendArray(
        [topic],
        (w, name) =>
          w
            .appendString(name, false)
            .appendArray(
              partitions as ProducePartition[],
              (v, { partition, records }) => v.appendInt32(partition).appendInt32(records.length).append(records),
              false,
              false,
            ),
        false,
        false,
      )
  return new Promise((resolve, reject) => {
    connection.send<readonly ProducedPartition[]>(KEY, VERSION, request, parse, false, false, (error, produced) => {
      if (error != null) reject(new Disconnected(reasonOf(error), { cause: error }))
      else resolve(produced!)
    })
  })
}

type Reader = InstanceType<Client['Reader']>

function parse(_correlation: number, _key: number, _version: number, reader: Reader): readonly ProducedPartition[] {
  const produced: ProducedPartition[] = []
  for (let topics = reader.readInt32(); topics > 0; topics--) {
    reader.readString(false)
    for (let count = reader.readInt32(); count > 0; count--) {
      produced.push({ partition: reader.readInt32(), errorCode: reader.readInt16() })
      reader.readInt64() // base offset
      reader.readInt64() // time of appending
      reader.readInt64() // start of the log
      for (let errors = reader.readInt32(); errors > 0; errors--) {
        reader.readInt32()
        reader.readNullableString(false)
      }
      reader.readNullableString(false)
    }
  }
  return produced
}
