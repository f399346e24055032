/** Base64 with padding, RFC 4648 (native/base64.cc). */

const BAD = 0xff
const PAD = 0x3d
const values = new Uint8Array(256).fill(BAD)
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
for (let i = 0; i < letters.length; i++) values[letters.charCodeAt(i)] = i

/**
 * Writes what the text `from` to `to` stands for to `out` at `size`, three bytes for four at most; returns where that
 * ends. -1: it is no base64, or a text that no encoder writes for these bytes.
 */
export function fromBase64(bytes: Uint8Array, from: number, to: number, out: Uint8Array, size: number): number {
  if ((to - from) % 4 !== 0) return -1
  if (from === to) return size
  const padding = bytes[to - 1] !== PAD ? 0 : bytes[to - 2] === PAD ? 2 : 1
  for (let at = from; at < to; at += 4) {
    const digits = at + 4 === to ? 4 - padding : 4
    let group = 0
    for (let k = 0; k < 4; k++) {
      const value = k < digits ? values[bytes[at + k]!]! : 0
      if (value === BAD) return -1
      group = (group << 6) | value
    }
    // What the padding cuts off is zero: one text for each value.
    if (digits < 4 && (group & (digits === 2 ? 0xffff : 0xff)) !== 0) return -1
    out[size++] = group >> 16
    if (digits > 2) out[size++] = group >> 8
    if (digits > 3) out[size++] = group
  }
  return size
}
