import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { generated } from '../../scripts/docs.ts'
import { pathsOf } from '../../src/kafka/option.ts'
import { sinkOptions } from '../../src/kafka/options-sink.ts'
import { sourceOptions } from '../../src/kafka/options-source.ts'

const root = new URL('../../', import.meta.url)
const page = () => generated().find(({ path }) => path === 'docs/options.md')!.text

test.each(generated().map(({ path, text }) => [path, text]))('%s is not stale', (path, text) => {
  expect(readFileSync(new URL(path, root), 'utf8'), `${path} is stale: run node scripts/docs.ts`).toBe(text)
})

test('every option is on the page', () => {
  const text = page()
  const [source, sink] = [text.slice(0, text.indexOf('## Sink')), text.slice(text.indexOf('## Sink'))]
  for (const path of pathsOf(sourceOptions)) expect(source).toContain(`| \`${path}\` |`)
  for (const path of pathsOf(sinkOptions)) expect(sink).toContain(`| \`${path}\` |`)
})

test('the page gives unit, default, range and Kafka property', () => {
  const line = page()
    .split('\n')
    .find((text) => text.startsWith('| `sessionTimeoutMs`'))
  expect(line).toContain('| ms | 45,000 ms | 1,000 ms to 3,600,000 ms | `session.timeout.ms` |')
})
