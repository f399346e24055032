/** Made-up transactions: 11 fields, about 210 bytes as JSON, the same ones at every run. */
import { Bool, makeVector, Table, TimestampMillisecond, Utf8, type Vector, vectorFromArray } from 'apache-arrow'

/** The schema literal with which the topic is read. */
export const schema = {
  id: 'int64',
  account: 'utf8',
  merchant: 'utf8',
  category: 'utf8',
  amount: 'float64',
  currency: 'utf8',
  country: 'utf8',
  channel: 'utf8',
  approved: 'bool',
  at: 'timestamp[ms]',
  reference: 'utf8',
} as const

const rowsInBatch = 8192
/** Batches that are made; then they come again with other ids. Making every row anew would take longer than Kafka. */
const distinct = 16

const merchants = ['Northwind', 'Blue Air', 'Fabrikam', 'Tailspin', 'Alpine']
const categories = ['groceries', 'travel', 'fuel', 'toys', 'sports']
const currencies = ['EUR', 'USD', 'GBP', 'CHF']
const countries = ['DE', 'US', 'GB', 'CH', 'FR']
const channels = ['web', 'shop', 'phone']

/** Numbers from 0 up to 1, the same ones from the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const texts = (values: readonly string[]): Vector => vectorFromArray(values, new Utf8())

function columnsOf(seed: number): { readonly cents: Int32Array; readonly columns: Record<string, Vector> } {
  const random = randomFrom(seed)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const many = <T>(make: () => T): T[] => Array.from({ length: rowsInBatch }, make)
  // Cents, so that sums are exact.
  const cents = Int32Array.from(many(() => Math.floor(random() * 200_000)))
  const kinds = many(() => Math.floor(random() * merchants.length))
  const hex = (): string =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0')
  const columns = {
    account: texts(many(() => String(Math.floor(random() * 1e6)).padStart(6, '0'))),
    merchant: texts(kinds.map((kind) => merchants[kind]!)),
    category: texts(kinds.map((kind) => categories[kind]!)),
    amount: makeVector(Float64Array.from(cents, (each) => each / 100)),
    currency: texts(many(() => pick(currencies))),
    country: texts(many(() => pick(countries))),
    channel: texts(many(() => pick(channels))),
    approved: vectorFromArray(
      many(() => random() < 0.9),
      new Bool(),
    ),
    at: vectorFromArray(
      many(() => 1_767_225_600_000 + Math.floor(random() * 31_536_000_000)),
      new TimestampMillisecond(),
    ),
    reference: texts(many(hex)),
  }
  return { cents, columns }
}

export interface Transactions {
  readonly batches: Iterable<Table>
  /** Rows whose amount is over `limit`, and the sum of their amounts in cents. */
  over(limit: number): { readonly rows: number; readonly cents: number }
}

export function transactions(total: number): Transactions {
  const made = Array.from({ length: Math.min(distinct, Math.ceil(total / rowsInBatch)) }, (_, i) => columnsOf(i + 1))
  const lengthOf = (batch: number): number => Math.min(rowsInBatch, total - batch * rowsInBatch)
  const numBatches = Math.ceil(total / rowsInBatch)
  function* batches(): Generator<Table> {
    for (let batch = 0; batch < numBatches; batch++) {
      const id = BigInt64Array.from({ length: rowsInBatch }, (_, row) => BigInt(batch * rowsInBatch + row))
      yield new Table({ id: makeVector(id), ...made[batch % made.length]!.columns }).slice(0, lengthOf(batch))
    }
  }
  return {
    batches: batches(),
    over(limit) {
      let [rows, cents] = [0, 0]
      for (let batch = 0; batch < numBatches; batch++) {
        for (const each of made[batch % made.length]!.cents.subarray(0, lengthOf(batch))) {
          if (each <= limit * 100) continue
          rows++
          cents += each
        }
      }
      return { rows, cents }
    },
  }
}
