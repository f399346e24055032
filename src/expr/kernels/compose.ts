/** Text made of other text: concat, replace, split. */
import { type Data, makeData } from '../../batch.ts'
import type { ColumnType } from '../../schema.ts'
import {
  type Argument,
  bitAt,
  bothValid,
  evaluated,
  type Kernel,
  literalBytes,
  noValues,
  nulls,
  type Run,
  type Vector,
} from '../vector.ts'
import { ByteWriter, copyBytes, tooLong } from './bytes.ts'

const UTF8: ColumnType = { kind: 'utf8' }

// ---------------------------------------------------------------- concat

/** One argument of concat: a literal's bytes, or a column. */
interface Piece {
  readonly bytes: Uint8Array
  /** null: all of `bytes` in every row. */
  readonly offsets: Int32Array | null
  readonly validity: Uint8Array | null
}

export const concatKernel: Kernel = (args, type) => {
  if (args.some(({ literal }) => literal?.value === null)) return ({ batch }) => nulls(type, batch.numRows)
  const pieces = args.map(pieceOf)
  return (run) =>
    joined(
      pieces.map((piece) => piece(run)),
      run.batch.numRows,
    )
}

function pieceOf(arg: Argument): (run: Run) => Piece {
  if (arg.literal !== undefined) {
    const piece: Piece = { bytes: literalBytes(arg.literal.value), offsets: null, validity: null }
    return () => piece
  }
  return (run) => {
    const { values, offsets, validity } = arg.evaluate(run)
    return { bytes: values as Uint8Array, offsets, validity }
  }
}

function joined(pieces: readonly Piece[], length: number): Vector {
  const validity = pieces.reduce<Uint8Array | null>((all, piece) => bothValid(all, piece.validity, length), null)
  const offsets = new Int32Array(length + 1)
  let total = 0
  for (let i = 0; i < length; i++) {
    if (validity === null || bitAt(validity, i) === 1) for (const piece of pieces) total += sizeOf(piece, i)
    offsets[i + 1] = total
  }
  if (total !== offsets[length]) throw tooLong()
  const values = new Uint8Array(total)
  for (let i = 0; i < length; i++) {
    let at = offsets[i]!
    if (at === offsets[i + 1]) continue
    for (const { bytes, offsets: of } of pieces) {
      at =
        of === null ? copyBytes(bytes, 0, bytes.length, values, at) : copyBytes(bytes, of[i]!, of[i + 1]!, values, at)
    }
  }
  return { length, values, offsets, validity }
}

const sizeOf = ({ bytes, offsets }: Piece, row: number): number =>
  offsets === null ? bytes.length : offsets[row + 1]! - offsets[row]!

// ---------------------------------------------------------------- replace, split

/** The next place of `sought` at or behind `at`; -1: none before `end`. `sought` is not empty. */
function placeOf(bytes: Uint8Array, at: number, end: number, sought: Uint8Array): number {
  const first = sought[0]!
  const last = end - sought.length
  for (; at <= last; at++) {
    if (bytes[at] !== first) continue
    let i = 1
    while (i < sought.length && bytes[at + i] === sought[i]) i++
    if (i === sought.length) return at
  }
  return -1
}

/** Every occurrence, from the left, none overlapping another. */
export const replaceKernel: Kernel = ([arg, search, replacement]) => {
  const text = evaluated(arg!, UTF8)
  const sought = literalBytes(search!.literal!.value)
  const instead = literalBytes(replacement!.literal!.value)
  return (run) => {
    const vector = text(run)
    const { length, values, offsets, validity } = vector
    const bytes = values as Uint8Array
    const writer = new ByteWriter(offsets![length]! - offsets![0]!)
    const out = new Int32Array(length + 1)
    let replaced = false
    for (let i = 0; i < length; i++) {
      const end = offsets![i + 1]!
      let at = offsets![i]!
      for (let found = placeOf(bytes, at, end, sought); found >= 0; found = placeOf(bytes, at, end, sought)) {
        writer.copy(bytes, at, found)
        writer.copy(instead, 0, instead.length)
        at = found + sought.length
        replaced = true
      }
      writer.copy(bytes, at, end)
      out[i + 1] = writer.at
    }
    return replaced ? { length, values: writer.finish(), offsets: out, validity } : vector
  }
}

/** What lies between the separators: one item more than there are of them. */
export const splitKernel: Kernel = ([arg, separator]) => {
  const text = evaluated(arg!, UTF8)
  const sought = literalBytes(separator!.literal!.value)
  return (run) => {
    const { length, values, offsets, validity } = text(run)
    const bytes = values as Uint8Array
    const lists = new Int32Array(length + 1)
    const items = new Ends(length)
    const writer = new ByteWriter(offsets![length]! - offsets![0]!)
    for (let i = 0; i < length; i++) {
      if (validity === null || bitAt(validity, i) === 1) {
        const end = offsets![i + 1]!
        let at = offsets![i]!
        for (let found = placeOf(bytes, at, end, sought); found >= 0; found = placeOf(bytes, at, end, sought)) {
          writer.copy(bytes, at, found)
          items.push(writer.at)
          at = found + sought.length
        }
        writer.copy(bytes, at, end)
        items.push(writer.at)
      }
      lists[i + 1] = items.count
    }
    return { length, values: noValues, offsets: lists, validity, children: [items.texts(writer.finish())] }
  }
}

/** The offsets of a column whose length is not known before. */
class Ends {
  #offsets: Int32Array
  count = 0

  constructor(capacity: number) {
    this.#offsets = new Int32Array(capacity + 1)
  }

  push(end: number): void {
    if (this.count + 1 === this.#offsets.length) {
      const grown = new Int32Array(this.#offsets.length * 2)
      grown.set(this.#offsets)
      this.#offsets = grown
    }
    this.#offsets[++this.count] = end
  }

  texts(bytes: Uint8Array): Data {
    return makeData(UTF8, this.count, { offsets: this.#offsets.subarray(0, this.count + 1), values: bytes })
  }
}
