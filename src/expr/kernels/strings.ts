/** Functions of text, on the bytes where they lie: no string is made where none is needed. */
import type { Kernel } from '../vector.ts'
import { evaluated } from '../vector.ts'

/** Code points: bytes of UTF-8 that do not continue one. */
export const lengthKernel: Kernel = ([arg]) => {
  const text = evaluated(arg!, { kind: 'utf8' })
  return (run) => {
    const { length, values, offsets, validity } = text(run)
    const bytes = values as Uint8Array
    const out = new BigInt64Array(length)
    // Low words alone: a length is below 2^31.
    const low = new Int32Array(out.buffer)
    for (let i = 0; i < length; i++) {
      const end = offsets![i + 1]!
      let count = 0
      for (let k = offsets![i]!; k < end; k++) count += Number((bytes[k]! & 0xc0) !== 0x80)
      low[i * 2] = count
    }
    return { length, values: out, offsets: null, validity }
  }
}
