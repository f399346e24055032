/** The keys of one object in the schema, and which key came after which in the last document (native/json_keys.h). */
import { utf8Of } from '../utf8.ts'

/** One key as documents mostly write it: `"name":` without blanks. */
export class JsonKey<Node> {
  /** Where its values go; null: no column wants it. */
  readonly node: Node | null
  /** The key that came after it last time. */
  next: JsonKey<Node>
  /** Bytes of `"name":`; 0: it is never written so. */
  readonly size: number
  readonly name: Uint8Array
  /** `"name":` four bytes at a time; the last word may overlap the one before. */
  readonly #words: Int32Array
  readonly #last: number

  /** `next`: null of the key that nothing begins with, which follows itself. */
  constructor(name: Uint8Array, node: Node | null, next: JsonKey<Node> | null) {
    this.name = name
    this.node = node
    this.next = next ?? this
    // A key of no bytes is shorter than a word. It, and what needs an escape, is found by its name.
    const literal = name.length > 0 && name.every((byte) => byte >= 0x20 && byte !== 0x22 && byte !== 0x5c)
    this.size = literal ? name.length + 3 : 0
    const text = new Uint8Array(name.length + 4).fill(0x22)
    text.set(name, 1)
    text[name.length + 2] = 0x3a
    const view = new DataView(text.buffer)
    this.#last = Math.max(0, this.size - 4)
    const whole = Math.ceil(this.#last / 4)
    this.#words = Int32Array.from({ length: whole + 1 }, (_, i) => view.getInt32(i === whole ? this.#last : i * 4))
  }

  /** Whether `"name":` stands at `at`. Reads no further than that, or four bytes. */
  isAt(view: DataView, at: number): boolean {
    if (this.size === 0) return false
    const words = this.#words
    const last = words.length - 1
    for (let i = 0; i < last; i++) if (view.getInt32(at + i * 4) !== words[i]) return false
    return view.getInt32(at + this.#last) === words[last]
  }
}

/** Keys that no column wants are learned as they come, but few: documents may hold maps with any number of keys. */
const MOST_LEARNED = 128
const LONGEST_LEARNED = 128

export class JsonKeys<Node> {
  /** Before the first key: `next` is the one that came first last time. */
  readonly start: JsonKey<Node>
  readonly #nobody: JsonKey<Node>
  readonly #byHash = new Map<number, JsonKey<Node>[]>()
  #left = MOST_LEARNED

  constructor(names: readonly string[], nodes: readonly Node[]) {
    this.#nobody = new JsonKey<Node>(new Uint8Array(0), null, null)
    this.start = new JsonKey<Node>(new Uint8Array(0), null, this.#nobody)
    for (const [i, name] of names.entries()) {
      const bytes = utf8Of(name)
      this.#add(bytes, 0, bytes.length, nodes[i]!)
    }
  }

  /** The key with the name `from` to `to`; null: there is none, and there will be none. */
  find(bytes: Uint8Array, from: number, to: number): JsonKey<Node> | null {
    const same = this.#byHash.get(hashOf(bytes, from, to))
    if (same !== undefined) for (const key of same) if (isSame(key.name, bytes, from, to)) return key
    if (this.#left === 0 || to - from > LONGEST_LEARNED) return null
    // Only ASCII: a key that is taken for granted is not looked at for UTF-8 again.
    for (let at = from; at < to; at++) if (bytes[at]! >= 0x80) return null
    this.#left--
    return this.#add(bytes, from, to, null)
  }

  #add(bytes: Uint8Array, from: number, to: number, node: Node | null): JsonKey<Node> {
    const hash = hashOf(bytes, from, to)
    const key = new JsonKey(bytes.slice(from, to), node, this.#nobody)
    const same = this.#byHash.get(hash)
    if (same === undefined) this.#byHash.set(hash, [key])
    else same.push(key)
    return key
  }
}

/** FNV-1a, of 31 bits: small integers to V8. */
export function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ bytes[at]!, 0x01000193)
  return (hash >>> 1) ^ (hash & 1)
}

export function isSame(text: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (text.length !== to - from) return false
  for (let i = 0; i < text.length; i++) if (text[i] !== bytes[from + i]) return false
  return true
}
