/** The code blocks of a Markdown file, as a program that the compiler checks and that runs. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface DocBlock {
  /** Where it begins in the file, counted from 1. */
  readonly line: number
  readonly code: string
  /** False: only its types are checked (```ts no-run). */
  readonly runs: boolean
  /** What it prints: the ```text block that follows it. */
  readonly prints: string | undefined
}

export const root = fileURLToPath(new URL('../..', import.meta.url))

const fence = /^```(\S*)( no-run)?\n([\s\S]*?)^```$/gm

export function blocksOf(markdown: string): DocBlock[] {
  const fences = [...markdown.matchAll(fence)].map((match) => ({
    line: markdown.slice(0, match.index).split('\n').length,
    language: match[1]!,
    runs: match[2] === undefined,
    text: match[3]!,
    end: match.index + match[0].length,
    start: match.index,
  }))
  return fences.flatMap((one, i) => {
    if (one.language !== 'ts') return []
    const next = fences[i + 1]
    const follows = next?.language === 'text' && markdown.slice(one.end, next.start).trim() === ''
    return [{ line: one.line, code: one.text, runs: one.runs, prints: follows ? next.text : undefined }]
  })
}

/** Stands before what each block prints. */
export const mark = (index: number): string => `==== block ${index}`

/** What an example may use without importing it: those that stand in the middle of a page do not repeat it. */
const face =
  'coalesce, col, concat, createTopics, EmbeddedBroker, hash, lit, type RecordBatch, SabotError, Stream, when'

/**
 * Writes build/docs/<name>.ts: each block a function of its own, with the public face imported and `localhost:9092`
 * replaced by the program's first argument. Returns the program's path.
 */
export function writeProgram(name: string, blocks: readonly DocBlock[]): string {
  const imports = new Set<string>()
  const names = new Set(face.split(', '))
  const functions = blocks.map(({ code, line, runs }, i) => {
    const body = code
      .replace(/^import (type )?(.*) from '(.*)'\n/gm, (text, type: string | undefined, what: string, from: string) => {
        if (from !== 'sabot') imports.add(text)
        else for (const name of what.match(/(type )?\w+/g) ?? []) names.add(`${type ?? ''}${name}`)
        return ''
      })
      .replaceAll("'localhost:9092'", 'servers')
    return `// line ${line}\nasync function block${i}() {\n${body}}\n${runs ? `console.log(${JSON.stringify(mark(i))})\nawait block${i}()\n` : ''}`
  })
  const program = `import { ${[...names].join(', ')} } from '../../src/index.ts'
${[...imports].join('')}
const servers = process.argv[2] ?? 'localhost:9092'

${functions.join('\n')}`
  mkdirSync(`${root}build/docs`, { recursive: true })
  writeFileSync(`${root}build/docs/${name}.ts`, program)
  return `${root}build/docs/${name}.ts`
}

export const readDoc = (path: string): string => readFileSync(`${root}${path}`, 'utf8')
