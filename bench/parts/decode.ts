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

/** Each program goes through the documents so often, and gives the best time. */
const passes = 10
const decoding = ['sabot', 'on-demand-walk', 'json-parse', 'json-parse-columns']
const encoding = ['sabot-encode', 'json-stringify']

const fields = parseSchema(schemaOf(false))
const wireSchema = JSON.stringify(fieldsToWire(fields))

/** The values as they lie in Kafka. */
function documents(rows: number): string {
  const addon = loadAddon()
  const lines: string[] = []
  for (const table of data(rows, false).batches) {
    for (const recordBatch of table.batches) {
      const batch = batchFromRecordBatch(recordBatch, fields)
      const { values } = addon.encodeRows({ schema: wireSchema, ...batchToBuffers(batch) }, batch.numRows, 'json', '{}')
      for (const value of values) lines.push(Buffer.from(value!).toString())
    }
  }
  return `${lines.join('\n')}\n`
}

export async function measureDecode(rows: number, rounds: number, recorder: Recorder): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sabot-bench-'))
  try {
    const file = join(folder, 'documents.jsonl')
    // As many as fit into the caches of no machine, and no more than a round needs.
    await writeFile(file, documents(Math.min(rows, 100_000)))
    const programs: readonly Command[] = [
      { file: yardstick('decode-bench'), args: [file, wireSchema, String(passes)] },
      nodeScript('contenders/json.ts', file, String(passes)),
    ]
    for (let round = 1; round <= rounds; round++) {
      for (const program of programs) {
        const figures = (await runProgram(program)).last as Record<string, number>
        for (const [load, names] of Object.entries({ decode: decoding, encode: encoding })) {
          for (const contender of names) {
            const nsPerDocument = figures[contender]
            const place = { load, contender, round }
            if (nsPerDocument !== undefined && !recorder.has(place))
              recorder.add({ ...place, figures: { nsPerDocument } })
          }
        }
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
