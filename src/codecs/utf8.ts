/** UTF-8 as bytes: how far it is valid, and code points to bytes. */

/** Length of the UTF-8 sequence at `at`; 0 where it is none (overlong forms, surrogates, > U+10FFFF included). */
export function utf8Length(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at]!
  if (lead < 0x80) return 1
  const second = at + 1 < end ? bytes[at + 1]! : 0
  if ((second & 0xc0) !== 0x80) return 0
  if (lead >= 0xc2 && lead <= 0xdf) return 2
  if (at + 2 >= end || (bytes[at + 2]! & 0xc0) !== 0x80) return 0
  if (lead >= 0xe0 && lead <= 0xef) {
    return (lead === 0xe0 && second < 0xa0) || (lead === 0xed && second >= 0xa0) ? 0 : 3
  }
  if (at + 3 >= end || (bytes[at + 3]! & 0xc0) !== 0x80) return 0
  if (lead < 0xf0 || lead > 0xf4) return 0
  return (lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second >= 0x90) ? 0 : 4
}

/** The first place from `at` on where it is no UTF-8; `end`: nowhere. */
export function utf8Prefix(bytes: Uint8Array, at: number, end: number): number {
  while (at < end) {
    const length = utf8Length(bytes, at, end)
    if (length === 0) break
    at += length
  }
  return at
}

/** The bytes of a code point, written at `at`; returns the place behind them. */
export function writeUtf8(out: Uint8Array, at: number, point: number): number {
  if (point < 0x80) {
    out[at++] = point
    return at
  }
  if (point < 0x800) {
    out[at++] = 0xc0 | (point >> 6)
  } else {
    if (point < 0x10000) {
      out[at++] = 0xe0 | (point >> 12)
    } else {
      out[at++] = 0xf0 | (point >> 18)
      out[at++] = 0x80 | ((point >> 12) & 0x3f)
    }
    out[at++] = 0x80 | ((point >> 6) & 0x3f)
  }
  out[at++] = 0x80 | (point & 0x3f)
  return at
}

const toBytes = new TextEncoder()
export const utf8Of = (text: string): Uint8Array => toBytes.encode(text)

/** Text of bytes; what is no UTF-8 becomes U+FFFD. */
const fromBytes = new TextDecoder('utf-8', { ignoreBOM: true })
export const textOf = (bytes: Uint8Array): string => fromBytes.decode(bytes)
