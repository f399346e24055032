/** Functions of one text, on the bytes where they lie: no string is made where none is needed. */
import type { ColumnType } from '../../schema.ts'
import type { Argument, Evaluate, Kernel, Vector } from '../vector.ts'
import { bitAt, bothValid, evaluated } from '../vector.ts'
import { ByteWriter, gathered, isAsciiText } from './bytes.ts'
import { toDoubles } from './numbers.ts'

const UTF8: ColumnType = { kind: 'utf8' }

/** A byte that continues a code point. */
export const continues = (byte: number): boolean => (byte & 0xc0) === 0x80

/** Code points: bytes of UTF-8 that do not continue one. */
export const lengthKernel: Kernel = ([arg]) => {
  const text = evaluated(arg!, UTF8)
  return (run) => {
    const vector = text(run)
    const { length, values, offsets, validity } = vector
    const bytes = values as Uint8Array
    const out = new BigInt64Array(length)
    // Low words alone: a length is below 2^31.
    const low = new Int32Array(out.buffer)
    if (isAsciiText(vector)) {
      for (let i = 0; i < length; i++) low[i * 2] = offsets![i + 1]! - offsets![i]!
      return { length, values: out, offsets: null, validity }
    }
    for (let i = 0; i < length; i++) {
      const end = offsets![i + 1]!
      let count = 0
      for (let k = offsets![i]!; k < end; k++) count += Number(!continues(bytes[k]!))
      low[i * 2] = count
    }
    return { length, values: out, offsets: null, validity }
  }
}

// ---------------------------------------------------------------- case

/** As JavaScript's toLowerCase and toUpperCase: Unicode's full mappings, of no language. */
export function caseKernel(to: 'lower' | 'upper'): Kernel {
  // ASCII's letters: the first of the case that changes; the two cases differ in bit 5.
  const first = to === 'lower' ? 0x41 : 0x61
  const convert = to === 'lower' ? (text: string) => text.toLowerCase() : (text: string) => text.toUpperCase()
  return ([arg]) => {
    const text = evaluated(arg!, UTF8)
    return (run) => {
      const vector = text(run)
      return isAsciiText(vector) ? asciiCase(vector, first) : rowCase(vector, first, convert)
    }
  }
}

function asciiCase({ length, values, offsets, validity }: Vector, first: number): Vector {
  const start = offsets![0]!
  const out = (values as Uint8Array).slice(start, offsets![length])
  flipCase(out, 0, out.length, first)
  const shifted = start === 0 ? offsets : offsets!.subarray(0, length + 1).map((offset) => offset - start)
  return { length, values: out, offsets: shifted, validity }
}

function flipCase(bytes: Uint8Array, start: number, end: number, first: number): void {
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!
    if ((byte - first) >>> 0 < 26) bytes[i] = byte ^ 0x20
  }
}

function rowCase(vector: Vector, first: number, convert: (text: string) => string): Vector {
  const { length, values, offsets, validity } = vector
  const bytes = values as Uint8Array
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const ascii = new Uint8Array(longest(vector))
  const writer = new ByteWriter(offsets![length]! - offsets![0]!)
  const out = new Int32Array(length + 1)
  for (let i = 0; i < length; i++) {
    if (validity === null || bitAt(validity, i) === 1) {
      const [start, end] = [offsets![i]!, offsets![i + 1]!]
      let seen = 0
      for (let k = start; k < end; k++) {
        const byte = bytes[k]!
        seen |= byte
        ascii[k - start] = (byte - first) >>> 0 < 26 ? byte ^ 0x20 : byte
      }
      if (seen < 0x80) writer.copy(ascii, 0, end - start)
      else writer.string(convert(buffer.toString('utf8', start, end)))
    }
    out[i + 1] = writer.at
  }
  return { length, values: writer.finish(), offsets: out, validity }
}

function longest({ length, offsets }: Vector): number {
  let most = 0
  for (let i = 0; i < length; i++) most = Math.max(most, offsets![i + 1]! - offsets![i]!)
  return most
}

// ---------------------------------------------------------------- trim

/** White space at the ends goes: what JavaScript's trim() takes for it. */
export function trimKernel(ends: 'both' | 'start' | 'end'): Kernel {
  return ([arg]) => {
    const text = evaluated(arg!, UTF8)
    return (run) => {
      const vector = text(run)
      const { length, values, offsets, validity } = vector
      const bytes = values as Uint8Array
      const [from, to] = [new Int32Array(length), new Int32Array(length)]
      let trimmed = 0
      for (let i = 0; i < length; i++) {
        let [start, end] = [offsets![i]!, offsets![i + 1]!]
        const size = end - start
        if (ends !== 'end') for (let n = spaceAt(bytes, start, end); n > 0; n = spaceAt(bytes, start, end)) start += n
        if (ends !== 'start')
          for (let n = spaceBefore(bytes, start, end); n > 0; n = spaceBefore(bytes, start, end)) end -= n
        from[i] = start
        to[i] = end
        trimmed |= size - (end - start)
      }
      return trimmed === 0 ? vector : gathered(bytes, from, to, length, validity)
    }
  }
}

/** The bytes of the white space that begins at `at`; 0: none does. */
function spaceAt(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return 0
  const byte = bytes[at]!
  if (byte < 0x80) return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d) ? 1 : 0
  if (byte === 0xc2) return at + 1 < end && bytes[at + 1] === 0xa0 ? 2 : 0
  return at + 2 < end && isWideSpace(byte, bytes[at + 1]!, bytes[at + 2]!) ? 3 : 0
}

/** The bytes of the white space that ends at `end`. */
function spaceBefore(bytes: Uint8Array, start: number, end: number): number {
  if (end <= start) return 0
  const byte = bytes[end - 1]!
  if (byte < 0x80) return spaceAt(bytes, end - 1, end)
  if (byte === 0xa0 && end - 2 >= start && bytes[end - 2] === 0xc2) return 2
  return end - 3 >= start && isWideSpace(bytes[end - 3]!, bytes[end - 2]!, byte) ? 3 : 0
}

/** U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000, U+FEFF. */
function isWideSpace(first: number, second: number, third: number): boolean {
  if (first === 0xe2) {
    if (second === 0x81) return third === 0x9f
    return second === 0x80 && (third <= 0x8a || third === 0xa8 || third === 0xa9 || third === 0xaf) && third >= 0x80
  }
  if (first === 0xe3) return second === 0x80 && third === 0x80
  if (first === 0xef) return second === 0xbb && third === 0xbf
  return first === 0xe1 && second === 0x9a && third === 0x80
}

// ---------------------------------------------------------------- substring

/** Code points from `start` on, `count` of them or all. A start below 0 counts from the end; what is past it is not there. */
export const substringKernel: Kernel = ([arg, start, count]) => {
  const text = evaluated(arg!, UTF8)
  const starts = integers(start!)
  const counts = count && integers(count)
  return (run) => {
    const vector = text(run)
    const { length, values, offsets } = vector
    const bytes = values as Uint8Array
    const first = starts(run)
    const most = counts?.(run)
    const [skips, sizes] = [toDoubles(first).values, most && toDoubles(most).values]
    const ascii = isAsciiText(vector)
    const [forward, backward] = ascii ? [forwardBytes, backwardBytes] : [forwardPoints, backwardPoints]
    const [from, to] = [new Int32Array(length), new Int32Array(length)]
    for (let i = 0; i < length; i++) {
      const [begin, end] = [offsets![i]!, offsets![i + 1]!]
      const skip = skips[i]!
      const at = skip < 0 ? backward(bytes, begin, end, -skip) : forward(bytes, begin, end, skip)
      from[i] = at
      to[i] = sizes === undefined ? end : forward(bytes, at, end, Math.max(0, sizes[i]!))
    }
    const both = bothValid(vector.validity, first.validity, length)
    return gathered(bytes, from, to, length, most ? bothValid(both, most.validity, length) : both)
  }
}

/** A literal as a double: what loops read. */
function integers(arg: Argument): Evaluate {
  return evaluated(arg, arg.literal === undefined ? arg.type! : { kind: 'float64' })
}

type Move = (bytes: Uint8Array, start: number, end: number, count: number) => number

const forwardBytes: Move = (_, start, end, count) => Math.min(end, start + count)
const backwardBytes: Move = (_, start, end, count) => Math.max(start, end - count)

/** The place `count` code points behind `start`, or the end. */
const forwardPoints: Move = (bytes, start, end, count) => {
  let at = start
  for (let left = count; left > 0 && at < end; left--) {
    at++
    while (at < end && continues(bytes[at]!)) at++
  }
  return at
}

/** The place `count` code points before `end`, or the start. */
const backwardPoints: Move = (bytes, start, end, count) => {
  let at = end
  for (let left = count; left > 0 && at > start; left--) {
    at--
    while (at > start && continues(bytes[at]!)) at--
  }
  return at
}
