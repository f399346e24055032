/**
 * Walks over JSON text and accepts what JSON.parse accepts, but for what docs/json.md names; native/json_reader.cc
 * reads the same way. No columns in this file.
 */
import { writeUtf8 } from '../utf8.ts'

export const QUOTE = 0x22
export const BACKSLASH = 0x5c
export const COMMA = 0x2c
export const COLON = 0x3a
export const MINUS = 0x2d
export const POINT = 0x2e
export const OPEN_OBJECT = 0x7b
export const CLOSE_OBJECT = 0x7d
export const OPEN_LIST = 0x5b
export const CLOSE_LIST = 0x5d
const LOWER_E = 0x65
const LOWER_F = 0x66
const LOWER_N = 0x6e
const LOWER_T = 0x74
const LOWER_U = 0x75

export const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x09 || byte === 0x0d

/** The code unit of four hexadecimal digits; -1: they are none. */
function codeUnit(bytes: Uint8Array, at: number): number {
  let value = 0
  for (let i = 0; i < 4; i++) {
    const byte = bytes[at + i]!
    const lower = byte | 0x20
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : lower >= 0x61 && lower <= 0x66 ? lower - 0x61 + 10 : -1
    if (digit < 0) return -1
    value = (value << 4) | digit
  }
  return value
}

const isHigh = (unit: number): boolean => (unit & 0xfc00) === 0xd800
const isLow = (unit: number): boolean => (unit & 0xfc00) === 0xdc00

/** What \" \\ \/ \b \f \n \r \t stand for; 0: no such escape. */
const escapes = new Uint8Array(256)
for (const [letter, stands] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t']) {
  escapes[letter!.charCodeAt(0)] = stands!.charCodeAt(0)
}

/** 1: a byte of a string that stands for itself: ASCII, no quote, backslash or control character. */
export const plain = new Uint8Array(256)
for (let byte = 0x20; byte < 0x80; byte++) plain[byte] = byte === QUOTE || byte === BACKSLASH ? 0 : 1

/**
 * Reads one document at a time, in a copy of its bytes with a NUL behind them: that stops every step, so that the end
 * is only looked at where something was not expected. The copy is the reader's and lies in the same memory every time,
 * which costs less than it saves: bytes come from one array, whatever the client hands over.
 *
 * Every step returns the place behind what it read, or -1: failure() then says where and what was expected.
 */
export class JsonReader {
  bytes = new Uint8Array(4096)
  /** Of `bytes`. */
  view = new DataView(this.bytes.buffer)
  end = 0
  /** Whether every string so far was ASCII. Otherwise the document has yet to be checked for UTF-8. */
  ascii = true
  /** Whether the last string() had escapes. */
  escaped = false
  readonly #maxBrackets: number
  #tooDeep = false
  #failedAt = 0
  #expected = ''

  constructor(maxDepth: number) {
    this.#maxBrackets = maxDepth + 1
  }

  /** The first `end` bytes of `value`. */
  open(value: Uint8Array, end: number): void {
    // Words are compared four bytes at a time, behind the end too.
    if (end + 8 > this.bytes.length) {
      this.bytes = new Uint8Array((end + 8) * 2)
      this.view = new DataView(this.bytes.buffer)
    }
    this.bytes.set(end === value.length ? value : value.subarray(0, end))
    this.bytes[end] = 0
    this.end = end
    this.ascii = true
  }

  blanks(at: number): number {
    const { bytes } = this
    if (bytes[at]! > 0x20) return at
    while (isBlank(bytes[at]!)) at++
    return at
  }

  /** From the opening quote to behind the closing one. */
  string(at: number): number {
    const { bytes } = this
    this.escaped = false
    at++
    for (;;) {
      const byte = bytes[at]!
      if (plain[byte] === 1) at++
      else if (byte === QUOTE) return at + 1
      else if (byte >= 0x80) {
        this.ascii = false
        at++
      } else if (byte === BACKSLASH) {
        this.escaped = true
        at = this.#escape(at)
        if (at < 0) return -1
      } else if (at >= this.end) return this.fail(at, "'\"' at the end of a string")
      else return this.fail(at, 'an escape in place of a control character')
    }
  }

  #escape(at: number): number {
    const { bytes } = this
    const letter = bytes[at + 1]!
    if (escapes[letter] !== 0) return at + 2
    if (letter !== LOWER_U) return this.fail(at, 'an escape: \\" \\\\ \\/ \\b \\f \\n \\r \\t or \\uXXXX')
    const unit = codeUnit(bytes, at + 2)
    if (unit < 0) return this.fail(at, 'four hexadecimal digits behind \\u')
    if (isLow(unit)) return this.fail(at, 'no low surrogate without the high one before it')
    if (!isHigh(unit)) return at + 6
    if (bytes[at + 6] !== BACKSLASH || bytes[at + 7] !== LOWER_U || !isLow(codeUnit(bytes, at + 8))) {
      return this.fail(at, 'a low surrogate behind the high one')
    }
    return at + 12
  }

  /**
   * What the string `from` to `to`, quotes not included, stands for, written to `out` at `size`; it was accepted by
   * string(). Returns where that ends: never more bytes than the string itself has.
   */
  unescape(from: number, to: number, out: Uint8Array, size: number): number {
    const { bytes } = this
    while (from < to) {
      const byte = bytes[from]!
      if (byte !== BACKSLASH) {
        out[size++] = byte
        from++
        continue
      }
      const stands = escapes[bytes[from + 1]!]!
      if (stands !== 0) {
        out[size++] = stands
        from += 2
        continue
      }
      const unit = codeUnit(bytes, from + 2)
      if (isHigh(unit)) {
        const point = 0x10000 + (((unit & 0x3ff) << 10) | (codeUnit(bytes, from + 8) & 0x3ff))
        size = writeUtf8(out, size, point)
        from += 12
      } else {
        size = writeUtf8(out, size, unit)
        from += 6
      }
    }
    return size
  }

  number(at: number): number {
    const { bytes } = this
    if (bytes[at] === MINUS) at++
    let digits = this.#digits(at)
    if (digits === at) return this.fail(at, 'a digit')
    at = bytes[at] === 0x30 ? at + 1 : digits
    if (bytes[at] === POINT) {
      digits = this.#digits(at + 1)
      if (digits === at + 1) return this.fail(digits, 'a digit behind the point')
      at = digits
    }
    if ((bytes[at]! | 0x20) === LOWER_E) {
      at++
      if (bytes[at] === 0x2b || bytes[at] === MINUS) at++
      digits = this.#digits(at)
      if (digits === at) return this.fail(at, 'a digit of the exponent')
      at = digits
    }
    return at
  }

  #digits(at: number): number {
    const { bytes } = this
    while (bytes[at]! >= 0x30 && bytes[at]! <= 0x39) at++
    return at
  }

  isNull(at: number): boolean {
    const { bytes } = this
    return bytes[at] === LOWER_N && bytes[at + 1] === 0x75 && bytes[at + 2] === 0x6c && bytes[at + 3] === 0x6c
  }
  isTrue(at: number): boolean {
    const { bytes } = this
    return bytes[at] === LOWER_T && bytes[at + 1] === 0x72 && bytes[at + 2] === 0x75 && bytes[at + 3] === 0x65
  }
  isFalse(at: number): boolean {
    const { bytes } = this
    return (
      bytes[at] === LOWER_F &&
      bytes[at + 1] === 0x61 &&
      bytes[at + 2] === 0x6c &&
      bytes[at + 3] === 0x73 &&
      bytes[at + 4] === 0x65
    )
  }

  /** Any value, its first byte at `at`; `open` brackets are open around it. */
  skip(at: number, open: number): number {
    const byte = this.bytes[at]!
    switch (byte) {
      case QUOTE:
        return this.string(at)
      case OPEN_OBJECT:
        return this.#skipObject(at, open)
      case OPEN_LIST:
        return this.#skipArray(at, open)
      case LOWER_T:
        return this.isTrue(at) ? at + 4 : this.fail(at, 'a value')
      case LOWER_F:
        return this.isFalse(at) ? at + 5 : this.fail(at, 'a value')
      case LOWER_N:
        return this.isNull(at) ? at + 4 : this.fail(at, 'a value')
      default:
        return byte === MINUS || (byte >= 0x30 && byte <= 0x39) ? this.number(at) : this.fail(at, 'a value')
    }
  }

  #skipObject(at: number, open: number): number {
    if (this.tooDeep(open)) return this.failDepth(at)
    const { bytes } = this
    at = this.blanks(at + 1)
    if (bytes[at] === CLOSE_OBJECT) return at + 1
    for (;;) {
      if (bytes[at] !== QUOTE) return this.fail(at, "'\"' before a key")
      at = this.string(at)
      if (at < 0) return -1
      at = this.blanks(at)
      if (bytes[at] !== COLON) return this.fail(at, "':'")
      at = this.skip(this.blanks(at + 1), open + 1)
      if (at < 0) return -1
      at = this.blanks(at)
      if (bytes[at] === CLOSE_OBJECT) return at + 1
      if (bytes[at] !== COMMA) return this.fail(at, "',' or '}'")
      at = this.blanks(at + 1)
    }
  }

  #skipArray(at: number, open: number): number {
    if (this.tooDeep(open)) return this.failDepth(at)
    const { bytes } = this
    at = this.blanks(at + 1)
    if (bytes[at] === CLOSE_LIST) return at + 1
    for (;;) {
      at = this.skip(at, open + 1)
      if (at < 0) return -1
      at = this.blanks(at)
      if (bytes[at] === CLOSE_LIST) return at + 1
      if (bytes[at] !== COMMA) return this.fail(at, "',' or ']'")
      at = this.blanks(at + 1)
    }
  }

  /** A bracket that opens where `open` are open already. */
  tooDeep(open: number): boolean {
    return open >= this.#maxBrackets
  }
  failDepth(at: number): -1 {
    this.fail(at, '')
    this.#tooDeep = true
    return -1
  }
  fail(at: number, expected: string): -1 {
    this.#tooDeep = false
    this.#failedAt = Math.min(at, this.end)
    this.#expected = expected
    return -1
  }

  /** "expected ':' at byte 17, found '=' ..." */
  failure(): string {
    const at = this.#failedAt
    if (this.#tooDeep) return `nests deeper than ${this.#maxBrackets - 1} levels at byte ${at}`
    if (at >= this.end) return `ends too early, after ${this.end} bytes`
    const byte = this.bytes[at]!
    const found =
      byte > 0x20 && byte < 0x7f ? `'${String.fromCharCode(byte)}'` : `0x${byte.toString(16).padStart(2, '0')}`
    return `expected ${this.#expected} at byte ${at}, found ${found}`
  }
}
