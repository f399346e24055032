/** What the README and the guide show compiles, and what they link to is there. */
import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { blocksOf, readDoc, root, writeProgram } from '../support/doc-blocks.ts'

const documents = [
  'README.md',
  'docs/guide.md',
  'docs/troubleshooting.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'DESIGN.md',
]

test('the code in README and guide compiles, imports and types included', { timeout: 60_000 }, () => {
  for (const [name, path] of Object.entries({ readme: 'README.md', guide: 'docs/guide.md' })) {
    const blocks = blocksOf(readDoc(path))
    expect(blocks.length).toBeGreaterThan(0)
    writeProgram(`${name}-types`, blocks)
  }
  const config = { extends: '../../tsconfig.json', include: ['*-types.ts'] }
  writeFileSync(`${root}build/docs/tsconfig.json`, JSON.stringify(config))
  const tsc = ['node_modules/typescript/bin/tsc', '-p', 'build/docs']
  let problems = ''
  try {
    execFileSync(process.execPath, tsc, { cwd: root, encoding: 'utf8' })
  } catch (error) {
    problems = (error as { stdout: string }).stdout
  }
  expect(problems).toBe('')
})

test.each(documents)('every link of %s leads to a file, and to a heading of it', (path) => {
  const slug = (heading: string): string =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
  const broken = [...readDoc(path).matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => match[1]!)
    .filter((link) => !/^https?:/.test(link))
    .filter((link) => {
      const [file, anchor] = link.split('#') as [string, string | undefined]
      const target = file === '' ? path : join(dirname(path), file)
      if (!existsSync(join(root, target))) return true
      if (anchor === undefined) return false
      const headings = [...readDoc(target).matchAll(/^#+ (.*)$/gm)].map((match) => slug(match[1]!))
      return !headings.includes(anchor)
    })
  expect(broken).toEqual([])
})
