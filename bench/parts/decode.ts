/** JSON to columns and back without Kafka, one thread, the same documents for all. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { batchFromRecordBatch, batchToBuffers } from '../../src/batch.ts'
import { loadAddon } from '../../src/kafka/load.ts'
import { fieldsToWire, parseSchema } from '../../src/schema.ts'
import { data, schemaOf } from '../data.ts'
import { type Command, nodeScript, runProgram, yardstick } from '../processes.ts'
import type { Recorder } from '../results.ts'
import { wrong } from '../topics.ts'

/** Each program goes through the documents so often, and gives the best time. */
const passes = 10
const decoding = ['sabot', 'on-demand-walk', 'json-parse', 'json-parse-columns']
const encoding = ['sabot-encode', 'json-stringify']

const fields = parseSchema(schemaOf(false))
const wireSchema = JSON.stringify(fieldsToWire(fields))

/** The values as they lie in Kafka, and what has to be found in them. */
function documents(count: number) {
  const addon = loadAddon()
  const lines: string[] = []
  const { batches, rows, over, sum } = data(count, false)
  for (const table of batches) {
    for (const recordBatch of table.batches) {
      const batch = batchFromRecordBatch(recordBatch, fields)
      const { values } = addon.encodeRows({ schema: wireSchema, ...batchToBuffers(batch) }, batch.numRows, 'json', '{}')
      for (const value of values) lines.push(Buffer.from(value!).toString())
    }
  }
  const bytes = lines.reduce((all, line) => all + Buffer.byteLength(line), 0)
  return { text: `${lines.join('\n')}\n`, expected: { rows, over, sum, bytes } }
}

export async function measureDecode(rows: number, rounds: number, recorder: Recorder): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sabot-bench-'))
  try {
    const file = join(folder, 'documents.jsonl')
    // As many as fit into the caches of no machine, and no more than a round needs.
    const { text, expected } = documents(Math.min(rows, 100_000))
    await writeFile(file, text)
    const programs: readonly Command[] = [
      { file: yardstick('decode-bench'), args: [file, wireSchema, String(passes)] },
      nodeScript('contenders/json.ts', file, String(passes)),
    ]
    for (let round = 1; round <= rounds; round++) {
      for (const program of programs) {
        const figures = (await runProgram(program)).last as Record<string, number>
        const problem = wrong(figures, expected)
        for (const [load, names] of Object.entries({ decode: decoding, encode: encoding })) {
          for (const contender of names) {
            const nsPerDocument = figures[contender]
            const place = { load, contender, round }
            if (nsPerDocument === undefined || recorder.has(place)) continue
            recorder.add({
              ...place,
              ...(problem === undefined ? { figures: { nsPerDocument } } : { failed: problem }),
            })
          }
        }
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
