/** Records to a record batch (https://kafka.apache.org/documentation/#recordbatch), written as they come. */
import { constants, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Client } from './client.ts'

export interface Record {
  /** The row of the batch that it comes of. */
  readonly row: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly (readonly [Uint8Array, Uint8Array | null])[]
  /** Milliseconds; 0: the time of sending. */
  readonly timestamp: number
  /** -1: the partitioner chooses. */
  readonly partition: number
}

export type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

export interface Sealing {
  readonly compression: Compression
  /** -1: the codec's own default. */
  readonly level: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly sequence: number
}

const HEADER = 61
const bits = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/** Bytes of a zigzag varint of a length that is not negative. */
export function lengthSize(length: number): number {
  return length < 0x40 ? 1 : length < 0x2000 ? 2 : length < 0x10_0000 ? 3 : length < 0x800_0000 ? 4 : 5
}

/** Of any number up to 2^53. */
function signedSize(value: number): number {
  let size = 1
  for (let rest = zigzag(value); rest >= 0x80; rest = Math.floor(rest / 0x80)) size++
  return size
}

const zigzag = (value: number): number => (value >= 0 ? 2 * value : -2 * value - 1)

export class RecordBatchWriter {
  #bytes: Buffer
  #at = HEADER
  #count = 0
  #firstTimestamp = 0
  #maxTimestamp = 0

  constructor(capacity: number) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  get count(): number {
    return this.#count
  }

  get size(): number {
    return this.#at
  }

  append(record: Record, now: number): void {
    const { key, value, headers } = record
    const timestamp = record.timestamp === 0 ? now : record.timestamp
    if (this.#count === 0) {
      this.#firstTimestamp = timestamp
      this.#maxTimestamp = timestamp
    } else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp
    const delta = timestamp - this.#firstTimestamp
    const size =
      1 + signedSize(delta) + lengthSize(this.#count) + partSize(key) + partSize(value) + headersSize(headers)
    this.#reserve(size + 5)
    this.#length(size)
    this.#bytes[this.#at++] = 0
    this.#signed(delta)
    this.#length(this.#count)
    this.#part(key)
    this.#part(value)
    this.#length(headers.length)
    for (const [name, content] of headers) {
      this.#part(name)
      this.#part(content)
    }
    this.#count++
  }

  /** The batch, whole; the writer is not used after. */
  seal(client: Client, { compression, level, producerId, producerEpoch, sequence }: Sealing): Buffer {
    let batch = this.#bytes.subarray(0, this.#at)
    if (compression !== 'none') {
      const records = compress(client, compression, level, batch.subarray(HEADER))
      batch = Buffer.concat([batch.subarray(0, HEADER), records])
    }
    batch.writeBigInt64BE(0n, 0)
    batch.writeInt32BE(batch.length - 12, 8)
    batch.writeInt32BE(-1, 12) // the leader's epoch is the broker's to say
    batch[16] = 2
    batch.writeInt16BE(bits[compression], 21)
    batch.writeInt32BE(this.#count - 1, 23)
    batch.writeBigInt64BE(BigInt(this.#firstTimestamp), 27)
    batch.writeBigInt64BE(BigInt(this.#maxTimestamp), 35)
    batch.writeBigInt64BE(producerId, 43)
    batch.writeInt16BE(producerEpoch, 51)
    batch.writeInt32BE(sequence, 53)
    batch.writeInt32BE(this.#count, 57)
    batch.writeUInt32BE(client.crc32c(batch.subarray(21)), 17)
    return batch
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, this.#at + size))
    this.#bytes.copy(larger, 0, 0, this.#at)
    this.#bytes = larger
  }

  #length(length: number): void {
    let rest = 2 * length
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#at++] = rest
  }

  #signed(value: number): void {
    let rest = zigzag(value)
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#at++] = rest
  }

  #part(part: Uint8Array | null): void {
    if (part === null) {
      this.#bytes[this.#at++] = 1 // -1
      return
    }
    this.#length(part.length)
    this.#bytes.set(part, this.#at)
    this.#at += part.length
  }
}

const partSize = (part: Uint8Array | null): number => (part === null ? 1 : lengthSize(part.length) + part.length)

function headersSize(headers: Record['headers']): number {
  let size = lengthSize(headers.length)
  for (const [name, content] of headers) size += partSize(name) + partSize(content)
  return size
}

function compress(
  client: Client,
  compression: Exclude<Compression, 'none'>,
  level: number,
  records: Buffer,
): Uint8Array {
  if (level >= 0 && compression === 'gzip') return gzipSync(records, { level })
  if (level >= 0 && compression === 'zstd') {
    return zstdCompressSync(records, { params: { [constants.ZSTD_c_compressionLevel]: level } })
  }
  return client.compressionsAlgorithms[compression].compressSync(records)
}
