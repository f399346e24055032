/**
 * hash(): MurmurHash3_x86_128 with the seed 0, by Austin Appleby, who placed it in the public domain (SMHasher,
 * MurmurHash3.cpp); the first 8 of its 16 bytes, read as a little-endian int64. This variant works on 32-bit words, which
 * JavaScript multiplies without BigInt.
 *
 * What is hashed, so that equal values of kindred types hash alike: integers, dates, timestamps (in their own unit) and
 * bool (0, 1) as 8 bytes, a little-endian int64; floats as the 8 bytes of a float64, -0 as 0 and every NaN as one;
 * decimals as the 16 bytes of their unscaled value; text and bytes as they are. Of several arguments, their hashes one
 * behind another are hashed.
 */
import type { NumericArray } from '../../batch.ts'
import type { ColumnType } from '../../schema.ts'
import { bitAt, bothValid, evaluated, type Kernel, nulls, type Vector } from '../vector.ts'
import { words } from './numbers.ts'

export const hashKernel: Kernel = (args, type) => {
  if (args.some((arg) => arg.type === null)) return ({ batch }) => nulls(type, batch.numRows)
  const columns = args.map((arg) => ({ type: arg.type!, evaluate: evaluated(arg, arg.type!) }))
  return (run) => {
    const { numRows: length } = run.batch
    let validity: Uint8Array | null = null
    const hashes = columns.map((column) => {
      const vector = column.evaluate(run)
      validity = bothValid(validity, vector.validity, length)
      return hashed(column.type, vector)
    })
    return { length, values: hashes.length === 1 ? hashes[0]! : combined(hashes, length), offsets: null, validity }
  }
}

function hashed(type: ColumnType, vector: Vector): BigInt64Array {
  const { length, values, offsets } = vector
  const out = new BigInt64Array(length)
  const pairs = new Int32Array(out.buffer)
  if (offsets !== null) {
    for (let i = 0; i < length; i++) put(murmur3(values as Uint8Array, offsets[i]!, offsets[i + 1]!, 0), pairs, i)
    return out
  }
  const wide = widest(type, vector)
  const bytes = new Uint8Array(wide.buffer, wide.byteOffset, wide.byteLength)
  const size = type.kind === 'decimal' ? 16 : 8
  for (let i = 0; i < length; i++) put(murmur3(bytes, i * size, (i + 1) * size, 0), pairs, i)
  return out
}

/** The first 8 bytes of a hash as a row's int64. */
function put(words: Int32Array, pairs: Int32Array, row: number): void {
  pairs[row * 2] = words[0]!
  pairs[row * 2 + 1] = words[1]!
}

/** The hashes of each row, one behind another, hashed. */
function combined(hashes: readonly BigInt64Array[], length: number): BigInt64Array {
  const row = new Int32Array(hashes.length * 2)
  const bytes = new Uint8Array(row.buffer)
  const pairs = hashes.map((hash) => words(hash, length))
  const out = new BigInt64Array(length)
  const outPairs = new Int32Array(out.buffer)
  for (let i = 0; i < length; i++) {
    for (let k = 0; k < pairs.length; k++) {
      row[k * 2] = pairs[k]![i * 2]!
      row[k * 2 + 1] = pairs[k]![i * 2 + 1]!
    }
    put(murmur3(bytes, 0, bytes.length, 0), outPairs, i)
  }
  return out
}

/** Values of fixed size in the widest of their kind. */
function widest({ kind }: ColumnType, { values, length }: Vector): NumericArray {
  switch (kind) {
    case 'float32':
    case 'float64': {
      const doubles = new Float64Array(length)
      for (let i = 0; i < length; i++) {
        const value = values[i] as number
        // Adding 0 makes -0 0; a NaN of another payload would hash by that.
        doubles[i] = Number.isNaN(value) ? Number.NaN : value + 0
      }
      return doubles
    }
    case 'int64':
    case 'uint64':
    case 'timestamp':
    case 'decimal':
      return values
    default: {
      const wide = new Int32Array(length * 2)
      for (let i = 0; i < length; i++) {
        const value = kind === 'bool' ? bitAt(values as Uint8Array, i) : (values[i] as number)
        wide[i * 2] = value
        wide[i * 2 + 1] = value < 0 ? -1 : 0
      }
      return wide
    }
  }
}

// ---------------------------------------------------------------- MurmurHash3_x86_128

const [C1, C2, C3, C4] = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93]
const { imul } = Math

const rotated = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))
const mixed = (word: number, first: number, bits: number, second: number): number =>
  imul(rotated(imul(word, first), bits), second)

function finished(word: number): number {
  word = imul(word ^ (word >>> 16), 0x85ebca6b)
  word = imul(word ^ (word >>> 13), 0xc2b2ae35)
  return word ^ (word >>> 16)
}

/** Up to four bytes from `at` on, little-endian; what lies past `end` is 0. */
function wordAt(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  let word = 0
  for (let i = 0; at + i < end; i++) word |= bytes[at + i]! << (i * 8)
  return word
}

const digest = new Int32Array(4)

/** The hash of bytes `start` to `end`: four words, which the next call overwrites. */
export function murmur3(bytes: Uint8Array, start: number, end: number, seed: number): Int32Array {
  let [h1, h2, h3, h4] = [seed, seed, seed, seed]
  let at = start
  for (; at + 16 <= end; at += 16) {
    h1 ^= mixed(wordAt(bytes, at, end), C1, 15, C2)
    h1 = (imul(rotated(h1, 19) + h2, 5) + 0x561ccd1b) | 0
    h2 ^= mixed(wordAt(bytes, at + 4, end), C2, 16, C3)
    h2 = (imul(rotated(h2, 17) + h3, 5) + 0x0bcaa747) | 0
    h3 ^= mixed(wordAt(bytes, at + 8, end), C3, 17, C4)
    h3 = (imul(rotated(h3, 15) + h4, 5) + 0x96cd1c35) | 0
    h4 ^= mixed(wordAt(bytes, at + 12, end), C4, 18, C1)
    h4 = (imul(rotated(h4, 13) + h1, 5) + 0x32ac3b17) | 0
  }
  // Of nothing, `mixed` is 0.
  h4 ^= mixed(wordAt(bytes, at + 12, end), C4, 18, C1)
  h3 ^= mixed(wordAt(bytes, at + 8, end), C3, 17, C4)
  h2 ^= mixed(wordAt(bytes, at + 4, end), C2, 16, C3)
  h1 ^= mixed(wordAt(bytes, at, end), C1, 15, C2)

  const size = end - start
  h2 ^= size
  h3 ^= size
  h4 ^= size
  h1 = ((h1 ^ size) + h2 + h3 + h4) | 0
  h2 = finished((h2 + h1) | 0)
  h3 = finished((h3 + h1) | 0)
  h4 = finished((h4 + h1) | 0)
  h1 = (finished(h1) + h2 + h3 + h4) | 0
  digest[0] = h1
  digest[1] = h2 + h1
  digest[2] = h3 + h1
  digest[3] = h4 + h1
  return digest
}
