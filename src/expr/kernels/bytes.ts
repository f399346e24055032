/** Columns of text and bytes as kernels make them: ranges of other columns, and strings, one after another. */
import { isAscii } from 'node:buffer'
import { SabotError } from '../../errors.ts'
import { bitAt, type Vector } from '../vector.ts'

/** Offsets are signed 32-bit integers. */
const MAX_BYTES = 2 ** 31 - 1
/** Below this many bytes a loop beats a call of set(). */
const SHORT = 24

export const tooLong = (): SabotError =>
  new SabotError('UNSUPPORTED', 'An expression gives more than 2 GiB of text in one batch. Make batches smaller.')

/** Copies bytes `start` to `end` of one array to place `at` of another; gives the place behind them. */
export function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  if (end - start > SHORT) {
    to.set(from.subarray(start, end), at)
    return at + end - start
  }
  for (let i = start; i < end; i++) to[at++] = from[i]!
  return at
}

/** Bytes that grow. The one who writes owns them until `finish()`, which hands them out. */
export class ByteWriter {
  #bytes: Uint8Array
  #buffer: Buffer
  at = 0

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(Math.max(64, capacity))
    this.#buffer = bufferOf(this.#bytes)
  }

  copy(from: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start)
    this.at = copyBytes(from, start, end, this.#bytes, this.at)
  }

  string(text: string): void {
    // A UTF-16 unit is three bytes of UTF-8 at most.
    this.#reserve(text.length * 3)
    this.at += this.#buffer.write(text, this.at, 'utf8')
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.at)
  }

  #reserve(bytes: number): void {
    const needed = this.at + bytes
    if (needed <= this.#bytes.length) return
    if (needed > MAX_BYTES) throw tooLong()
    const grown = new Uint8Array(Math.min(MAX_BYTES, Math.max(needed, this.#bytes.length * 2)))
    grown.set(this.#bytes.subarray(0, this.at))
    this.#bytes = grown
    this.#buffer = bufferOf(grown)
  }
}

/** The same memory; nothing is copied. */
const bufferOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Row i is bytes `starts[i]` to `ends[i]`. */
export function gathered(
  bytes: Uint8Array,
  starts: Int32Array,
  ends: Int32Array,
  length: number,
  validity: Uint8Array | null,
): Vector {
  const offsets = new Int32Array(length + 1)
  let total = 0
  for (let i = 0; i < length; i++) {
    total += ends[i]! - starts[i]!
    offsets[i + 1] = total
  }
  const values = new Uint8Array(total)
  let at = 0
  for (let i = 0; i < length; i++) at = copyBytes(bytes, starts[i]!, ends[i]!, values, at)
  return { length, values, offsets, validity }
}

/** Whether all of a column's text is ASCII: then a byte is a code point. */
export function isAsciiText({ values, offsets, length }: Vector): boolean {
  return isAscii((values as Uint8Array).subarray(offsets![0], offsets![length]))
}

/**
 * Rows as strings, for what works on those alone. ASCII becomes one string, of which rows are slices: a string that is
 * made row by row costs a call into the engine each.
 */
export function strings(text: Vector): (row: number) => string {
  const buffer = bufferOf(text.values as Uint8Array)
  const offsets = text.offsets!
  if (!isAsciiText(text)) return (row) => buffer.toString('utf8', offsets[row], offsets[row + 1])
  const first = offsets[0]!
  const all = buffer.toString('latin1', first, offsets[text.length])
  return (row) => all.slice(offsets[row]! - first, offsets[row + 1]! - first)
}

/** Text made row by row from strings; null where `of` gives null. Rows that are null already are not asked for. */
export function madeText({ length, validity }: Vector, capacity: number, of: (row: number) => string | null): Vector {
  const writer = new ByteWriter(capacity)
  const offsets = new Int32Array(length + 1)
  let valid = validity
  for (let i = 0; i < length; i++) {
    if (validity === null || bitAt(validity, i) === 1) {
      const made = of(i)
      if (made === null) {
        if (valid === validity) valid = validity?.slice() ?? new Uint8Array((length + 7) >> 3).fill(255)
        valid![i >> 3]! &= ~(1 << (i & 7))
      } else writer.string(made)
    }
    offsets[i + 1] = writer.at
  }
  return { length, values: writer.finish(), offsets, validity: valid }
}
