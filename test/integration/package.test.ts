/** Sabot as npm installs it where there is no addon, and nothing to build one with: the js backend, on a real Kafka. */
import { afterAll, expect, test } from 'vitest'
import { blocksOf, readDoc } from '../support/doc-blocks.ts'
import { installedProject, packages } from '../support/packages.ts'
import { kafka, unique } from '../support/shared-kafka.ts'

const packed = packages()
afterAll(() => packed.remove())

const [transactions, flagged] = [unique('transactions'), unique('flagged')]

/** The first example of the README as it stands there, but for the address and the names of its topics. */
const sixLines = blocksOf(readDoc('README.md'))[0]!
  .code.replace("'localhost:9092'", JSON.stringify(kafka.bootstrapServers))
  .replace("'transactions'", JSON.stringify(transactions))
  .replace("'flagged'", JSON.stringify(flagged))

/** Runs it until it has flagged what it should, and stops it as Ctrl+C does. */
const main = `
import { Stream } from 'sabot'

const example = import('./example.mjs')
const say = (fields, message) => console.log(message)
const read = Stream.fromKafka({
  bootstrapServers: ${JSON.stringify(kafka.bootstrapServers)},
  topic: ${JSON.stringify(flagged)},
  schema: { id: 'int32' },
  logger: { debug() {}, info: say, warn: say, error: say },
})
const rows = await read.limit(1000).collect()
process.kill(process.pid, 'SIGINT')
await example
console.log('flagged', rows.numRows, 'from', rows.get(0).id)
`

test("without the platform's package the README's six lines run on the js backend, which says why", async () => {
  await kafka.createTopic(transactions)
  await kafka.createTopic(flagged)
  const values = Array.from({ length: 2000 }, (_, id) => JSON.stringify({ id, amount: id + 0.5 }))
  await kafka.produce(
    transactions,
    values.map((value) => ({ value })),
  )
  const files = { 'example.mjs': sixLines, 'main.mjs': main }
  const project = await installedProject(packed, files, { platformMissing: true })
  const { stdout, stderr } = await project.run('main.mjs')
  expect(stderr).toBe('')
  const lines = stdout.trimEnd().split('\n')
  expect(lines).toContainEqual(
    expect.stringMatching(/^backend js: the addon is not: .*expected the package @sabot\/[\w-]+, or the addon at /),
  )
  expect(lines.at(-1)).toBe('flagged 1000 from 1000')
  expect(await kafka.offsets(flagged)).toEqual([1000])
})
