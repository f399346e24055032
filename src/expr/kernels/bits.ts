/** Bitmaps as results of loops: bit i of byte i >> 3 is row i. Bits past the last row mean nothing. */
import { bitmapBytes } from '../../batch.ts'
import type { CompareOp } from '../nodes.ts'

export const newBits = (length: number): Uint8Array => new Uint8Array(bitmapBytes(length))

/** In place: for bitmaps that are one's own. */
export function inverted(bitmap: Uint8Array): Uint8Array {
  for (let i = 0; i < bitmap.length; i++) bitmap[i] = ~bitmap[i]!
  return bitmap
}

/** For the orders 0 less, 1 equal, 2 greater, 3 none (NaN): whether the operator holds. */
export const truth: Readonly<Record<CompareOp, number>> = {
  eq: 0b0010,
  ne: 0b1101,
  lt: 0b0001,
  le: 0b0011,
  gt: 0b0100,
  ge: 0b0110,
}
