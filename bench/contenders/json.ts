/**
 * JSON in JavaScript, without Kafka: what the values of messages, which are Buffers, cost to parse, to parse into columns,
 * and rows to write. Told the file of documents, a line each, and how often to go through them; the best time counts,
 * as in native/tools/decode_bench.cc.
 */
import { readFileSync } from 'node:fs'
import { Tally } from '../window.ts'

const [file, rounds] = [process.argv[2]!, Number(process.argv[3])]
const documents = readFileSync(file, 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => Buffer.from(line))

interface Transaction {
  readonly id: number
  readonly account: string
  readonly merchant: string
  readonly category: string
  readonly amount: number
  readonly currency: string
  readonly country: string
  readonly channel: string
  readonly approved: boolean
  readonly at: string
  readonly reference: string
}

const parse = (document: Buffer): Transaction => JSON.parse(document.toString()) as Transaction

/** UTF-8 with offsets, as Arrow has it; twice as large where it is full. `write` is the fastest that Node has for this. */
class Texts {
  readonly offsets: Int32Array
  bytes: Buffer
  #rows = 0

  constructor(rows: number) {
    this.offsets = new Int32Array(rows + 1)
    this.bytes = Buffer.allocUnsafe(rows * 12)
  }

  push(text: string): void {
    const at = this.offsets[this.#rows]!
    if (at + text.length * 3 > this.bytes.length) {
      this.bytes = Buffer.concat([this.bytes, Buffer.allocUnsafe(this.bytes.length)])
    }
    this.offsets[++this.#rows] = at + this.bytes.write(text, at)
  }
}

/** Columns of a batch, as someone writes them by hand who knows the fields. */
function columnsOf(batch: readonly Buffer[]): { readonly amount: Float64Array } {
  const rows = batch.length
  const id = new BigInt64Array(rows)
  const at = new BigInt64Array(rows)
  const amount = new Float64Array(rows)
  const approved = new Uint8Array((rows + 7) >> 3)
  const texts = Array.from({ length: 7 }, () => new Texts(rows)) as [Texts, Texts, Texts, Texts, Texts, Texts, Texts]
  const [account, merchant, category, currency, country, channel, reference] = texts
  for (let row = 0; row < rows; row++) {
    const transaction = parse(batch[row]!)
    id[row] = BigInt(transaction.id)
    at[row] = BigInt(Date.parse(transaction.at))
    amount[row] = transaction.amount
    if (transaction.approved) approved[row >> 3]! |= 1 << (row & 7)
    account.push(transaction.account)
    merchant.push(transaction.merchant)
    category.push(transaction.category)
    currency.push(transaction.currency)
    country.push(transaction.country)
    channel.push(transaction.channel)
    reference.push(transaction.reference)
  }
  return { amount }
}

const batches = Array.from({ length: Math.ceil(documents.length / 8192) }, (_, i) =>
  documents.slice(i * 8192, (i + 1) * 8192),
)

/** What each way found, so that none is optimised away and all can be held against what lies in the documents. */
const ways: Readonly<Record<string, (tally: Tally) => void>> = {
  'json-parse': (tally) => {
    for (const document of documents) tally.add(parse(document).amount)
  },
  'json-parse-columns': (tally) => {
    for (const batch of batches) for (const amount of columnsOf(batch).amount) tally.add(amount)
  },
}
const found = new Set<string>()
const result: Record<string, number> = {}

function measure(name: string, run: () => void): void {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    run()
    best = Math.min(best, performance.now() - began)
  }
  result[name] = (best * 1e6) / documents.length
}

for (const [name, way] of Object.entries(ways)) {
  measure(name, () => {
    const tally = new Tally()
    way(tally)
    found.add(JSON.stringify(tally))
  })
}
const [tally, ...others] = [...found]
if (others.length > 0) throw new Error(`expected the same of each way; got ${[tally, ...others].join(' and ')}`)

const rows = documents.map(parse)
let bytes = 0
measure('json-stringify', () => {
  bytes = rows.reduce((sum, row) => sum + Buffer.from(JSON.stringify(row)).length, 0)
})
const expected = documents.reduce((sum, document) => sum + document.length, 0)
if (bytes !== expected) throw new Error(`expected ${expected} bytes to be written; got ${bytes}`)
console.log(JSON.stringify({ ...JSON.parse(tally!), bytes, ...result }))
