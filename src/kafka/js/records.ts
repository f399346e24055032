/**
 * Record batches as they lie in a fetch response (https://kafka.apache.org/documentation/#recordbatch), and the records
 * in them, read where they lie: nothing is made a record. A batch is checked and decompressed when its turn comes, so
 * that what waits takes the room that it took on the wire.
 */
import { SabotError } from '../../errors.ts'
import type { Client } from './client.ts'
import { codeName } from './errors.ts'

const HEADER = 61
/** Of base offset and length, which the length does not count. */
const PREFIX = 12
/** What one batch may decompress to. */
const MOST_BYTES = 1 << 30

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

/** A record batch in the bytes of a response; `at`: where it begins. */
export interface BatchView {
  readonly bytes: Buffer
  readonly at: number
  readonly end: number
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly records: number
  /** Whether it holds records of the topic: no control batch, and not of an aborted transaction. */
  readonly isData: boolean
}

/** Calls `each` for every whole batch; the last one of a response may be cut. */
export function eachBatch(bytes: Buffer, each: (bytes: Buffer, at: number, end: number) => void): void {
  for (let at = 0; at + PREFIX <= bytes.length; ) {
    const length = bytes.readInt32BE(at + 8)
    const end = at + PREFIX + length
    if (end > bytes.length || length < HEADER - PREFIX) return
    each(bytes, at, end)
    at = end
  }
}

/**
 * The batches of one partition's part of a response. Transactions that were aborted are told beside the records: from
 * their first offset to their marker, whatever their producer wrote is not there (as Java's consumer decides it).
 */
export function batchesOf(bytes: Buffer, aborted: readonly AbortedTransaction[] | null): BatchView[] {
  const views: BatchView[] = []
  const waiting = [...(aborted ?? [])].sort((a, b) => (a.firstOffset < b.firstOffset ? -1 : 1))
  const abortedProducers = new Set<bigint>()
  eachBatch(bytes, (_, at, end) => {
    const magic = bytes[at + 16]!
    if (magic !== 2) {
      throw new SabotError('UNSUPPORTED', `expected records of Kafka 0.11 or later (format 2); got format ${magic}`)
    }
    const baseOffset = bytes.readBigInt64BE(at)
    const lastOffset = baseOffset + BigInt(bytes.readInt32BE(at + 23))
    const attributes = bytes.readInt16BE(at + 21)
    let isData = (attributes & 0x20) === 0
    if ((attributes & 0x10) !== 0 && aborted !== null) {
      const producer = bytes.readBigInt64BE(at + 43)
      while (waiting.length > 0 && waiting[0]!.firstOffset <= lastOffset) {
        abortedProducers.add(waiting.shift()!.producerId)
      }
      if (isData) isData = !abortedProducers.has(producer)
      else abortedProducers.delete(producer)
    }
    views.push({ bytes, at, end, baseOffset, lastOffset, records: bytes.readInt32BE(at + 57), isData })
  })
  return views
}

/** What is wrong with the checksum of a batch, as librdkafka says it; undefined: nothing. */
export function crcProblem(client: Client, { bytes, at, end, baseOffset }: BatchView): string | undefined {
  const original = bytes.readUInt32BE(at + 17)
  const calculated = client.crc32c(bytes.subarray(at + 21, end))
  if (original === calculated) return undefined
  const hex = (value: number) => `0x${value.toString(16)}`
  return (
    `MessageSet at offset ${baseOffset} (${end - at} bytes) failed CRC32C check ` +
    `(original ${hex(original)} != calculated ${hex(calculated)}) (_BAD_MSG)`
  )
}

const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const

/** The records of a batch, decompressed where they have to be. Throws what cannot be read. */
export function recordBytes(client: Client, { bytes, at, end, baseOffset }: BatchView): Buffer {
  const name = compressions[bytes.readInt16BE(at + 21) & 7]
  const records = bytes.subarray(at + HEADER, end)
  if (name === 'none') return records
  const algorithm = name === undefined ? undefined : client.compressionsAlgorithms[name]
  const place = `MessageSet at offset ${baseOffset} (${end - at} bytes)`
  if (algorithm === undefined)
    throw new SabotError('KAFKA', `${place} has a compression that is not known (_BAD_COMPRESSION)`)
  try {
    const plain = algorithm.decompressSync(records)
    if (plain.length > MOST_BYTES) throw new Error(`it has ${plain.length} bytes`)
    return plain
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new SabotError('KAFKA', `${place}: ${name} cannot be decompressed: ${reason} (_BAD_COMPRESSION)`, {
      cause: error,
    })
  }
}

/**
 * Goes through the records of a batch. After next() the fields tell where in `bytes` the record's parts lie; a length
 * of -1 is null. What a record claims of itself is checked against the bytes there are.
 */
export class RecordCursor {
  readonly bytes: Buffer
  readonly baseOffset: bigint
  readonly #records: number
  readonly #baseTimestamp: number
  /** Not -1: the broker's time, which all records have. */
  readonly #appendTime: number
  #read = 0
  #at = 0
  offsetDelta = 0
  /** Milliseconds; -1: the record has none. */
  timestamp = -1
  keyAt = 0
  keyLength = -1
  valueAt = 0
  valueLength = -1
  headersAt = 0
  headers = 0

  constructor(bytes: Buffer, batch: BatchView) {
    this.bytes = bytes
    this.baseOffset = batch.baseOffset
    this.#records = batch.records
    this.#baseTimestamp = Number(batch.bytes.readBigInt64BE(batch.at + 27))
    const isAppendTime = (batch.bytes.readInt16BE(batch.at + 21) & 8) !== 0
    this.#appendTime = isAppendTime ? Number(batch.bytes.readBigInt64BE(batch.at + 35)) : -1
  }

  get left(): number {
    return this.#records - this.#read
  }

  next(): boolean {
    if (this.#read >= this.#records) return false
    this.#read++
    const length = this.#varint()
    const end = this.#at + length
    if (length < 0 || end > this.bytes.length) throw broken(this.baseOffset)
    this.#at++ // attributes, of which none are defined
    const timestampDelta = this.#varlong()
    this.timestamp =
      this.#appendTime >= 0 ? this.#appendTime : this.#baseTimestamp < 0 ? -1 : this.#baseTimestamp + timestampDelta
    this.offsetDelta = this.#varint()
    this.keyLength = this.#varint()
    this.keyAt = this.#at
    if (this.keyLength > 0) this.#at += this.keyLength
    this.valueLength = this.#varint()
    this.valueAt = this.#at
    if (this.valueLength > 0) this.#at += this.valueLength
    this.headers = this.#varint()
    this.headersAt = this.#at
    if (this.#at > end || this.headers < 0) throw broken(this.baseOffset)
    this.#at = end
    return true
  }

  get offset(): bigint {
    return this.baseOffset + BigInt(this.offsetDelta)
  }

  /** Views of the record's headers, in order; a header's value may be null. */
  readHeaders(): [Buffer, Buffer | null][] {
    const after = this.#at
    const headers: [Buffer, Buffer | null][] = []
    this.#at = this.headersAt
    for (let i = 0; i < this.headers; i++) {
      const key = this.#slice(after)
      headers.push([key ?? this.bytes.subarray(0, 0), this.#slice(after)])
    }
    this.#at = after
    return headers
  }

  #slice(end: number): Buffer | null {
    const length = this.#varint()
    if (length < 0) return null
    const at = this.#at
    this.#at += length
    if (this.#at > end) throw broken(this.baseOffset)
    return this.bytes.subarray(at, this.#at)
  }

  /** A zigzag varint of 32 bits. */
  #varint(): number {
    const { bytes } = this
    let byte = bytes[this.#at++]!
    let value = byte & 0x7f
    for (let shift = 7; byte > 0x7f; shift += 7) {
      if (shift > 28) throw broken(this.baseOffset)
      byte = bytes[this.#at++]!
      value |= (byte & 0x7f) << shift
    }
    return (value >>> 1) ^ -(value & 1)
  }

  /** Of 64 bits: exact up to 2^53, which is every time that a Date knows. */
  #varlong(): number {
    const { bytes } = this
    const first = bytes[this.#at]!
    if (first <= 0x7f) {
      this.#at++
      return (first >>> 1) ^ -(first & 1)
    }
    let value = 0
    let scale = 1
    for (;;) {
      const byte = bytes[this.#at++]!
      if (byte === undefined || scale > 2 ** 63) throw broken(this.baseOffset)
      value += (byte & 0x7f) * scale
      if (byte <= 0x7f) break
      scale *= 128
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }
}

const broken = (baseOffset: bigint): SabotError =>
  new SabotError('KAFKA', `MessageSet at offset ${baseOffset} has records that cannot be read (${codeName(2)})`)
