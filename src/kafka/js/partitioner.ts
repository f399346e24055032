/** Which partition a record goes to: the same one for a key as the native backend, Java's client and librdkafka choose. */
import { crc32 } from 'node:zlib'
import type { Partitioner } from '../backend.ts'

/** Chooses among `count` partitions; null: the record has no key. */
export type Choose = (key: Uint8Array | null, count: number) => number

/** MurmurHash2 by Austin Appleby, as Java's client seeds it. */
export function murmur2(bytes: Uint8Array): number {
  const m = 0x5bd1e995
  const length = bytes.length
  let h = 0x9747b28c ^ length
  let i = 0
  for (; i + 4 <= length; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    k = Math.imul(k, m)
    k = Math.imul(k ^ (k >>> 24), m)
    h = Math.imul(h, m) ^ k
  }
  const left = length - i
  if (left > 0) {
    if (left > 2) h ^= bytes[i + 2]! << 16
    if (left > 1) h ^= bytes[i + 1]! << 8
    h = Math.imul(h ^ bytes[i]!, m)
  }
  h = Math.imul(h ^ (h >>> 13), m)
  return h ^ (h >>> 15)
}

const random = (count: number): number => Math.floor(Math.random() * count)

/** Without a key any partition will do: one for `lingerMs`, so that batches get full; 0: another for each record. */
function keyless(lingerMs: number): (count: number) => number {
  let chosen = -1
  let until = 0
  return (count) => {
    if (lingerMs === 0) return random(count)
    const now = performance.now()
    if (chosen < 0 || chosen >= count || now >= until) {
      chosen = random(count)
      until = now + lingerMs
    }
    return chosen
  }
}

/** Makes what chooses for one write after another; `source` asks nobody. */
export function partitioner(kind: Partitioner, stickyLingerMs: number): () => Choose {
  switch (kind) {
    case 'roundRobin': {
      let next = 0
      return () => (_, count) => next++ % count
    }
    case 'sticky':
      return () => {
        let chosen = -1
        return (_, count) => {
          if (chosen < 0 || chosen >= count) chosen = random(count)
          return chosen
        }
      }
    case 'consistent': {
      const any = keyless(stickyLingerMs)
      const choose: Choose = (key, count) => (key === null || key.length === 0 ? any(count) : crc32(key) % count)
      return () => choose
    }
    default: {
      const any = keyless(stickyLingerMs)
      const choose: Choose = (key, count) => (key === null ? any(count) : (murmur2(key) & 0x7fffffff) % count)
      return () => choose
    }
  }
}
