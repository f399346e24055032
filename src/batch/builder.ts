/** Columns from JavaScript values, one after another. Room: batch.ts. */
import { describe } from '../errors.ts'
import { type ColumnType, typeText } from '../schema.ts'
import { bitmapBytes, type Data, makeData, type NumericArray, valuesArray } from './column.ts'
import { fitsInt64, floorDivide, nanoseconds, parseDecimal, parseTime, rescale } from './values.ts'

export interface ColumnBuilder {
  /** null and undefined are null. Throws a Misfit for a value that the type does not hold, exactly. */
  append(value: unknown): void
  /** The column; the builder is not used after. */
  finish(): Data
}

/** A value that its column can not hold; the caller says which row and column that is. */
export class Misfit extends Error {
  readonly expected: string
  readonly found: unknown
  /** Where in the value: '.city', '[]'. */
  readonly path: string

  constructor(expected: string, found: unknown, path = '') {
    super(`expected ${expected}, found ${describe(found)}`)
    this.expected = expected
    this.found = found
    this.path = path
  }
}

export function columnBuilder(type: ColumnType): ColumnBuilder {
  switch (type.kind) {
    case 'bool':
      return boolBuilder(type)
    case 'utf8':
      return textBuilder(type)
    case 'binary':
      return binaryBuilder(type)
    case 'list':
      return listBuilder(type)
    case 'struct':
      return structBuilder(type)
    case 'decimal':
      return decimalBuilder(type)
    default:
      return numberBuilder(type)
  }
}

function misfit(type: ColumnType, value: unknown): never {
  throw new Misfit(typeText(type), value)
}

const isMissing = (value: unknown): value is null | undefined => value === null || value === undefined

/** A bitmap that grows a bit at a time. */
class Bits {
  #bytes = new Uint8Array(64)
  length = 0
  zeros = 0

  push(bit: boolean): void {
    if (this.length >> 3 === this.#bytes.length) this.#bytes = doubled(this.#bytes) as Uint8Array<ArrayBuffer>
    if (bit) this.#bytes[this.length >> 3]! |= 1 << (this.length & 7)
    else this.zeros++
    this.length++
  }

  bytes(): Uint8Array {
    return this.#bytes.slice(0, bitmapBytes(this.length))
  }

  /** The same as the validity of a column. */
  nulls(): { readonly nullCount: number; readonly validity: Uint8Array | null } {
    return { nullCount: this.zeros, validity: this.zeros > 0 ? this.bytes() : null }
  }
}

function doubled(array: NumericArray): NumericArray {
  const grown = new (array.constructor as new (length: number) => NumericArray)(Math.max(16, array.length * 2))
  grown.set(array as never)
  return grown
}

function boolBuilder(type: ColumnType): ColumnBuilder {
  const valid = new Bits()
  const bits = new Bits()
  return {
    append(value) {
      if (!isMissing(value) && typeof value !== 'boolean') misfit(type, value)
      valid.push(!isMissing(value))
      bits.push(value === true)
    },
    finish: () => makeData(type, valid.length, { ...valid.nulls(), values: bits.bytes() }),
  }
}

function numberBuilder(type: ColumnType): ColumnBuilder {
  const valid = new Bits()
  const convert = converter(type)
  let values: NumericArray = new (valuesArray(type)!.of)(64)
  return {
    append(value) {
      if (valid.length === values.length) values = doubled(values)
      if (!isMissing(value)) values[valid.length] = (convert(value) ?? misfit(type, value)) as never
      valid.push(!isMissing(value))
    },
    finish: () => makeData(type, valid.length, { ...valid.nulls(), values: values.slice(0, valid.length) }),
  }
}

/** The element for a value; undefined where the type can not hold it. */
function converter(type: ColumnType): (value: unknown) => number | bigint | undefined {
  switch (type.kind) {
    case 'float32':
    case 'float64':
      return (value) => {
        if (typeof value === 'number') return value
        // A bigint that a double would round is refused.
        return typeof value === 'bigint' && BigInt(Number(value)) === value ? Number(value) : undefined
      }
    case 'int64':
      return (value) => wide(value, fitsInt64)
    case 'uint64':
      return (value) => wide(value, (one) => BigInt.asUintN(64, one) === one)
    case 'timestamp':
    case 'date':
      return timeConverter(type)
    default: {
      const bits = Number(type.kind.replace(/\D/g, ''))
      const [least, most] = type.kind.startsWith('u') ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1]
      return (value) => {
        const number = typeof value === 'bigint' ? Number(value) : value
        return typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most
          ? number
          : undefined
      }
    }
  }
}

function wide(value: unknown, fits: (value: bigint) => boolean): bigint | undefined {
  const integer = typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value
  return typeof integer === 'bigint' && fits(integer) ? integer : undefined
}

const NS_A_MS = 1_000_000n

/** Dates and ISO 8601 text, cut to the column's unit; numbers and bigints are in that unit already. */
function timeConverter(type: ColumnType): (value: unknown) => number | bigint | undefined {
  const unit = nanoseconds(type)
  const isDate = type.kind === 'date'
  const finer = unit <= NS_A_MS
  const perMs = NS_A_MS / unit
  return (value) => {
    let units: bigint | undefined
    if (value instanceof Date) {
      const ms = value.getTime()
      if (!Number.isNaN(ms)) units = finer ? BigInt(ms) * perMs : floorDivide(BigInt(ms) * NS_A_MS, unit)
    } else if (typeof value === 'string') {
      const time = parseTime(value)
      if (time !== null) units = floorDivide(time, unit)
    } else units = wide(value, fitsInt64)
    if (units === undefined || !fitsInt64(units)) return undefined
    if (!isDate) return units
    return BigInt.asIntN(32, units) === units ? Number(units) : undefined
  }
}

function decimalBuilder(type: Extract<ColumnType, { kind: 'decimal' }>): ColumnBuilder {
  const valid = new Bits()
  const most = 10n ** BigInt(type.precision)
  let words = new Uint32Array(64)
  return {
    append(value) {
      const at = valid.length * 4
      if (at === words.length) words = doubled(words) as Uint32Array<ArrayBuffer>
      valid.push(!isMissing(value))
      if (isMissing(value)) return
      const isNumber = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint'
      const digits = isNumber ? parseDecimal(String(value)) : null
      const unscaled = digits && rescale(digits, type.scale)
      if (unscaled === null || unscaled >= most || unscaled <= -most) misfit(type, value)
      for (let k = 0; k < 4; k++) words[at + k] = Number((unscaled >> BigInt(32 * k)) & 0xffff_ffffn)
    },
    finish: () => makeData(type, valid.length, { ...valid.nulls(), values: words.slice(0, valid.length * 4) }),
  }
}

/** Offsets that grow with each row. */
class Offsets {
  #values = new Int32Array(64)
  #rows = 0

  push(length: number): void {
    if (this.#rows + 1 === this.#values.length) this.#values = doubled(this.#values) as Int32Array<ArrayBuffer>
    const end = this.end + length
    if (end > 0x7fff_ffff) throw new RangeError('A batch holds 2 GiB of one column at most. Make batches smaller.')
    this.#values[++this.#rows] = end
  }

  get end(): number {
    return this.#values[this.#rows]!
  }

  values(): Int32Array {
    return this.#values.slice(0, this.#rows + 1)
  }
}

function textBuilder(type: ColumnType): ColumnBuilder {
  const valid = new Bits()
  const offsets = new Offsets()
  let bytes = Buffer.alloc(1024)
  return {
    append(value) {
      if (!isMissing(value) && typeof value !== 'string') misfit(type, value)
      valid.push(!isMissing(value))
      if (isMissing(value)) return offsets.push(0)
      const at = offsets.end
      // Three bytes of UTF-8 at most for each of UTF-16's units.
      while (at + value.length * 3 > bytes.length) bytes = Buffer.concat([bytes], bytes.length * 2)
      offsets.push(bytes.write(value, at))
    },
    finish: () => bytesData(type, valid, offsets, bytes),
  }
}

function binaryBuilder(type: ColumnType): ColumnBuilder {
  const valid = new Bits()
  const offsets = new Offsets()
  let bytes = new Uint8Array(1024)
  return {
    append(value) {
      if (!isMissing(value) && !(value instanceof Uint8Array)) misfit(type, value)
      valid.push(!isMissing(value))
      if (isMissing(value)) return offsets.push(0)
      const at = offsets.end
      offsets.push(value.length)
      while (offsets.end > bytes.length) bytes = doubled(bytes) as Uint8Array<ArrayBuffer>
      bytes.set(value, at)
    },
    finish: () => bytesData(type, valid, offsets, bytes),
  }
}

function bytesData(type: ColumnType, valid: Bits, offsets: Offsets, bytes: Uint8Array): Data {
  // Of a Buffer, slice() would be a view.
  const values = Uint8Array.prototype.slice.call(bytes, 0, offsets.end)
  return makeData(type, valid.length, { ...valid.nulls(), offsets: offsets.values(), values })
}

function listBuilder(type: Extract<ColumnType, { kind: 'list' }>): ColumnBuilder {
  const valid = new Bits()
  const offsets = new Offsets()
  const items = columnBuilder(type.item)
  return {
    append(value) {
      valid.push(!isMissing(value))
      if (isMissing(value)) return offsets.push(0)
      if (!Array.isArray(value)) misfit(type, value)
      offsets.push(value.length)
      for (const item of value) within('[]', () => items.append(item))
    },
    finish: () =>
      makeData(type, valid.length, { ...valid.nulls(), offsets: offsets.values(), children: [items.finish()] }),
  }
}

function structBuilder(type: Extract<ColumnType, { kind: 'struct' }>): ColumnBuilder {
  const valid = new Bits()
  const children = type.fields.map((field) => ({ name: field.name, builder: columnBuilder(field.type) }))
  return {
    append(value) {
      valid.push(!isMissing(value))
      if (!isMissing(value) && !isObject(value)) misfit(type, value)
      for (const { name, builder } of children) within(`.${name}`, () => builder.append(own(value, name)))
    },
    finish: () =>
      makeData(type, valid.length, { ...valid.nulls(), children: children.map(({ builder }) => builder.finish()) }),
  }
}

/** What rows call a struct: no array, Date or bytes. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  )
}

/** A key of the object itself: `toString` is nobody's column. */
export function own(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined
}

function within(step: string, append: () => void): void {
  try {
    append()
  } catch (error) {
    if (error instanceof Misfit) throw new Misfit(error.expected, error.found, `${step}${error.path}`)
    throw error
  }
}
