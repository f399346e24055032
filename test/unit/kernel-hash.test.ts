/** hash() against MurmurHash3_x86_128 written down again in BigInt, a row at a time. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchFromRows, batchToRows } from '../../src/batch.ts'
import { col, type Expr, hash, lit } from '../../src/expr/expr.ts'
import { compileColumn } from '../../src/expr/kernel.ts'
import { murmur3 } from '../../src/expr/kernels/hash.ts'
import { parseSchema } from '../../src/schema.ts'
import { batchOf, fields, type Row, recipes } from '../support/generated.ts'
import { expectColumn } from '../support/kernel-cases.ts'

// ---------------------------------------------------------------- the interpreter

const word = (value: bigint): bigint => BigInt.asUintN(32, value)
const rotated = (value: bigint, bits: bigint): bigint => word((value << bits) | (value >> (32n - bits)))

/** The first 8 bytes of the hash, as a little-endian int64. SMHasher, MurmurHash3.cpp, seed 0. */
function murmur(bytes: Uint8Array): bigint {
  const c = [0x239b961bn, 0xab0e9789n, 0x38b34ae5n, 0xa1e38b93n]
  const turns = [15n, 16n, 17n, 18n]
  const h = [0n, 0n, 0n, 0n]
  const full = bytes.length - (bytes.length % 16)
  const key = (at: number, i: number): bigint => {
    const four = [0, 1, 2, 3].map((k) => BigInt(bytes[at + i * 4 + k] ?? 0) << BigInt(8 * k))
    const k = word(four.reduce((all, one) => all | one) * c[i]!)
    return word(rotated(k, turns[i]!) * c[(i + 1) % 4]!)
  }
  for (let at = 0; at < full; at += 16) {
    for (const [i, [turn, add]] of [
      [19n, 0x561ccd1bn],
      [17n, 0x0bcaa747n],
      [15n, 0x96cd1c35n],
      [13n, 0x32ac3b17n],
    ].entries()) {
      h[i] = h[i]! ^ key(at, i)
      h[i] = word((rotated(h[i]!, turn!) + h[(i + 1) % 4]!) * 5n + add!)
    }
  }
  for (const i of [0, 1, 2, 3]) h[i] = h[i]! ^ key(full, i) ^ BigInt(bytes.length)
  const spread = (): void => {
    h[0] = word(h.reduce((all, one) => all + one))
    for (const i of [1, 2, 3]) h[i] = word(h[i]! + h[0]!)
  }
  spread()
  for (const i of [0, 1, 2, 3]) {
    let value = h[i]!
    value = word((value ^ (value >> 16n)) * 0x85ebca6bn)
    value = word((value ^ (value >> 13n)) * 0xc2b2ae35n)
    h[i] = value ^ (value >> 16n)
  }
  spread()
  return BigInt.asIntN(64, h[0]! | (h[1]! << 32n))
}

const integer = (value: bigint, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => Number(BigInt.asUintN(8, value >> BigInt(8 * i))))

/** What is hashed of a value, by the column that it is of. */
function bytesOf(name: string, value: unknown): Uint8Array {
  const { kind } = fields.find((field) => field.name === name)!.type
  switch (kind) {
    case 'utf8':
      return Buffer.from(value as string)
    case 'binary':
      return value as Uint8Array
    case 'float32':
    case 'float64':
      return new Uint8Array(Float64Array.of((value as number) === 0 ? 0 : (value as number)).buffer)
    case 'decimal':
      return integer(BigInt((value as string).replace('.', '')), 16)
    case 'date':
      return integer(BigInt((value as Date).getTime() / 86_400_000), 8)
    default:
      return integer(BigInt(value instanceof Date ? value.getTime() : (value as bigint)), 8)
  }
}

test.each(fields.map(({ name, type }) => [name, type.kind]))('the hash of column %s: %s', (name) => {
  fc.assert(
    fc.property(recipes, (recipe) =>
      expectColumn(col(name).hash() as Expr, fields, batchOf(recipe), (row) =>
        row[name] === null ? null : murmur(bytesOf(name, row[name])),
      ),
    ),
    { numRuns: 100 },
  )
})

test('the hash of several columns and literals is that of their hashes', () => {
  const several = fc.array(fc.constantFrom(...fields.map(({ name }) => name)), { minLength: 2, maxLength: 4 })
  fc.assert(
    fc.property(several, recipes, (names, recipe) => {
      const expr = hash('x', ...names.map((name) => col(name)))
      expectColumn(expr as Expr, fields, batchOf(recipe), (row) => {
        if (names.some((name) => row[name] === null)) return null
        const all = [Buffer.from('x'), ...names.map((name) => bytesOf(name, row[name]))]
        return murmur(Buffer.concat(all.map((bytes) => integer(murmur(bytes), 8))))
      })
    }),
    { numRuns: 300 },
  )
})

test('text of every length, past several blocks', () => {
  const own = parseSchema({ t: 'utf8' })
  const rows = Array.from({ length: 70 }, (_, i) => ({ t: 'h\u00e4sh'.repeat(20).slice(0, i) }))
  expectColumn(col('t').hash() as Expr, own, batchFromRows(rows, own), ({ t }) => murmur(Buffer.from(t as string)))
})

// ---------------------------------------------------------------- what is promised of it

test('the hash is MurmurHash3_x86_128: the verification value of SMHasher', () => {
  // Keys 0, 01, 0102 ... with the seeds 256, 255 ...; their hashes, hashed with the seed 0.
  const key = Uint8Array.from({ length: 256 }, (_, i) => i)
  const hashes = new Int32Array(256 * 4)
  for (let i = 0; i < 256; i++) hashes.set(murmur3(key, 0, i, 256 - i), i * 4)
  expect(murmur3(new Uint8Array(hashes.buffer), 0, 4096, 0)[0]! >>> 0).toBe(0xb3ece62a)
})

describe('equal values hash alike', () => {
  const types = parseSchema({
    i8: 'int8',
    u16: 'uint16',
    i32: 'int32',
    i64: 'int64',
    u64: 'uint64',
    date: 'date',
    second: 'timestamp[s]',
    f32: 'float32',
    f64: 'float64',
    text: 'utf8',
    bytes: 'binary',
    flag: 'bool',
    money: 'decimal(9,2)',
  })
  const row = (of: Row): Row => ({ ...Object.fromEntries(types.map(({ name }) => [name, null])), ...of })
  const hashOf = (name: string, value: unknown): unknown => {
    const batch = batchFromRows([row({ [name]: value })], types)
    return batchToRows({ ...batch, columns: [compileColumn(col(name).hash(), types)(batch)] }).map(
      (made) => Object.values(made)[0],
    )[0]
  }

  test('integers of every width, literals, dates and timestamps by their number', () => {
    const five = hashOf('i64', 5n)
    for (const [name, value] of [
      ['i8', 5],
      ['u16', 5],
      ['i32', 5],
      ['u64', 5n],
      ['date', 5],
      ['second', 5n],
    ] as const) {
      expect(hashOf(name, value), name).toBe(five)
    }
    expect(hashOf('i8', -5)).toBe(hashOf('i64', -5n))
    expect(hashOf('u64', 2n ** 64n - 1n)).toBe(hashOf('i64', -1n))
    expect(hashOf('flag', true)).toBe(hashOf('i64', 1n))
    expect(hashOf('i64', 6n)).not.toBe(five)
  })

  test('floats of both widths, both zeros, text and its bytes', () => {
    expect(hashOf('f32', 1.5)).toBe(hashOf('f64', 1.5))
    expect(hashOf('f64', -0)).toBe(hashOf('f64', 0))
    expect(hashOf('f32', Number.NaN)).toBe(hashOf('f64', Number.NaN))
    expect(hashOf('text', 'é')).toBe(hashOf('bytes', Uint8Array.of(0xc3, 0xa9)))
    expect(hashOf('money', '1.5')).toBe(hashOf('money', '1.50'))
  })

  test('null is null; of several, order counts and borders do not blur', () => {
    expect(hashOf('text', null)).toBe(null)
    const batch = batchFromRows(
      [
        { a: 'ab', b: 'c' },
        { a: 'a', b: 'bc' },
        { a: 'c', b: 'ab' },
        { a: null, b: 'c' },
      ],
      parseSchema({ a: 'utf8', b: 'utf8' }),
    )
    const own = batch.columns.map(({ field }) => field)
    const hashes = batchToRows({ ...batch, columns: [compileColumn(hash(col('a'), col('b')), own)(batch)] }).map(
      (made) => Object.values(made)[0],
    )
    expect(new Set(hashes).size).toBe(4)
    expect(hashes[3]).toBe(null)
    // The two hashes of the row, one behind the other.
    const bytes = new Uint8Array(16)
    const pairs = new Int32Array(bytes.buffer)
    pairs.set(murmur3(new TextEncoder().encode('ab'), 0, 2, 0).subarray(0, 2), 0)
    pairs.set(murmur3(new TextEncoder().encode('c'), 0, 1, 0).subarray(0, 2), 2)
    const both = new BigInt64Array(murmur3(bytes, 0, 16, 0).slice().buffer)[0]
    expect(hashes[0]).toBe(both)
  })

  test('a literal hashes as a column of its value', () => {
    const batch = batchFromRows([row({})], types)
    const made = compileColumn(
      lit(5)
        .hash()
        .eq(hashOf('i32', 5) as bigint),
      types,
    )(batch)
    expect(batchToRows({ ...batch, columns: [made] }).map((one) => Object.values(one)[0])).toEqual([true])
  })
})
