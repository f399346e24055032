import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { breaches, importGraph, importsOf, roomsOf, sourcesIn } from '../../scripts/check-rooms.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const design = `# A house

## Rooms

Prose that names src/ and other.ts.

    src/
      errors.ts        imports nothing
      left/ right.ts   siblings
      kafka/           options.ts (the options);
                       native.ts
      index.ts         the face
    native/
      sabot.h          C++

## Next

    src/
      nothing.ts
`
const found = (files: Record<string, string>) => breaches(design, new Map(Object.entries(files)))

test('src/ keeps to the rooms of DESIGN.md', () => {
  const files = sourcesIn(join(root, 'src'))
  expect(breaches(readFileSync(join(root, 'DESIGN.md'), 'utf8'), files)).toEqual([])
  // The check sees what there is to see: a file that imports nothing is rare, and every import is of a file.
  const graph = importGraph(files)
  expect([...graph.values()].flat().length).toBeGreaterThan(files.size)
  for (const [file, imports] of graph)
    for (const target of imports) expect(files.has(target), `${file}: ${target}`).toBe(true)
})

test('rooms are read in order, siblings together, descriptions left out', () => {
  expect(roomsOf(design)).toEqual([['errors'], ['left', 'right'], ['kafka'], ['index']])
  expect(roomsOf(design.replaceAll('    src/', '```\nsrc/').replaceAll('    native/', '```'))).toEqual(roomsOf(design))
  expect(() => roomsOf('# nothing')).toThrow(/## Rooms/)
  expect(() => roomsOf(design.replace('left/ right.ts', 'left right.ts'))).toThrow(/expected name.ts or name\//)
})

test('imports of rooms above and of the own room are free', () => {
  expect(
    found({
      'errors.ts': '',
      'left/a.ts': "import { SabotError } from '../errors.ts'\nimport { b } from './b.ts'",
      'left/b.ts': "import fs from 'node:fs'",
      'index.ts': "export * from './left/a.ts'\nexport { c } from './kafka/c.ts'",
      'kafka/c.ts': "import type { b } from '../left/b.ts'",
    }),
  ).toEqual([])
})

test.each([
  ['a room below', 'errors.ts', "import { a } from './left/a.ts'", /src\/left\/a\.ts, of a room below/],
  ['a type of a room below', 'errors.ts', "import type { a } from './index.ts'", /src\/index\.ts, of a room below/],
  ['a sibling', 'left/a.ts', "import { r } from '../right.ts'", /src\/right\.ts, of a sibling room/],
  ['a file outside src/', 'left/a.ts', "import { x } from '../../test/x.ts'", /test\/x\.ts, which lies outside/],
  ['itself', 'left/a.ts', "import { a } from './a.ts'", /circle: src\/left\/a\.ts -> src\/left\/a\.ts/],
])('an import of %s is a breach', (_, file, source, message) => {
  expect(found({ [file]: source })).toEqual([expect.stringMatching(message)])
})

test('a file in no room is a breach', () => {
  expect(found({ 'attic.ts': '' })).toEqual(['src/attic.ts is in no room of DESIGN.md'])
})

test('a circle of files is a breach, also inside one room and through types', () => {
  expect(
    found({
      'left/a.ts': "import { b } from './b.ts'",
      'left/b.ts': "import type { c } from './c.ts'",
      'left/c.ts': "export { a } from './a.ts'",
    }),
  ).toEqual(['import circle: src/left/a.ts -> src/left/b.ts -> src/left/c.ts -> src/left/a.ts'])
})

test('every form of import is seen, and nothing else', () => {
  const source = `
import one from './one.ts'
import { two, type Two } from './two.ts'
import type {
  Three,
} from './three.ts'
import * as four from './four.ts'
import './five.ts'
export * from './six.ts'
export * as seven from './seven.ts'
export type { Eight } from './eight.ts'
const nine = await import('./nine.ts')
type Ten = import('./ten.ts').Ten
import eleven, { more } from './eleven.ts'
import fs from 'node:fs'
/**
 * import { no } from './no.ts'
 */
export const from = './no.ts'
`
  const names = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven']
  expect(importsOf(source).sort()).toEqual(names.map((name) => `./${name}.ts`).sort())
})

test('the command exits 1 on a breach and names it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rooms-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const check = (files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), text)
    }
    return spawnSync(process.execPath, [join(root, 'scripts', 'check-rooms.ts'), folder], { encoding: 'utf8' })
  }
  const good = check({ 'DESIGN.md': design, 'src/errors.ts': '', 'src/index.ts': "export * from './errors.ts'\n" })
  expect([good.status, good.stderr]).toEqual([0, ''])
  const bad = check({ 'src/errors.ts': "import './index.ts'\n" })
  expect(bad.status).toBe(1)
  expect(bad.stderr).toContain('src/errors.ts imports src/index.ts, of a room below its own')
})
