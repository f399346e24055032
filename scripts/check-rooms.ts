/**
 * Checks src/ against the list of rooms in DESIGN.md: a file imports only from rooms listed above its own, never from
 * a room in the same line, and no files import each other in a circle. Type-only imports count.
 *
 *   node scripts/check-rooms.ts [root]     prints every breach and exits 1 where there is one
 */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The rooms of `src/` in the section "Rooms": one line a rank, first the one that all may import. A line is
 * names, two spaces or more, what they hold; deeper lines go on with that. `batch.ts` and `batch/` are one room.
 */
export function roomsOf(design: string): string[][] {
  const lines = design.split('\n')
  const heading = lines.findIndex((line) => /^## Rooms\s*$/.test(line))
  const src = lines.findIndex((line, i) => i > heading && /^\s*src\/\s*$/.test(line))
  const next = lines.findIndex((line, i) => i > heading && line.startsWith('## '))
  if (heading < 0 || src < 0 || (next >= 0 && next < src)) {
    throw new Error('DESIGN.md: expected a section "## Rooms" with a line "src/" and the rooms below it; found none')
  }
  const indent = (line: string) => line.search(/\S/)
  const rooms: string[][] = []
  let depth: number | undefined
  for (const line of lines.slice(src + 1)) {
    if (indent(line) <= indent(lines[src]!)) break
    depth ??= indent(line)
    if (indent(line) > depth) continue
    const names = line
      .trim()
      .split(/\s{2,}/, 1)[0]!
      .split(' ')
    const wrong = names.find((name) => !/^[\w-]+(\.ts|\/)$/.test(name))
    if (wrong !== undefined) throw new Error(`DESIGN.md: expected name.ts or name/ in "${line.trim()}"; got "${wrong}"`)
    rooms.push(names.map(roomOf))
  }
  return rooms
}

/** The room of a path in src/: its first part. */
const roomOf = (path: string): string => path.split('/')[0]!.replace(/\.ts$/, '')

/** What follows `import` or `export` up to a specifier; and import('...'), as an expression or a type. */
const statement =
  /^(?:import|export)\s+(?:type\s+)?(?:(?:\w+\s*,\s*)?(?:\{[^}]*\}|\*(?:\s+as\s+\w+)?)|\w+)\s*from\s*['"]([^'"]+)['"]/gm
const bare = /^import\s*['"]([^'"]+)['"]/gm
const call = /\bimport\(\s*['"]([^'"]+)['"]/g

/** The relative specifiers that a file imports. */
export function importsOf(source: string): string[] {
  const found = [statement, bare, call].flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1]!))
  return found.filter((specifier) => specifier.startsWith('.'))
}

/** Files of src/ (paths below it) with what they import from src/. */
export function importGraph(files: ReadonlyMap<string, string>): Map<string, string[]> {
  const graph = new Map<string, string[]>()
  for (const [file, source] of files) {
    graph.set(
      file,
      importsOf(source).map((specifier) => posix.join(posix.dirname(file), specifier)),
    )
  }
  return graph
}

export function breaches(design: string, files: ReadonlyMap<string, string>): string[] {
  const rank = new Map(roomsOf(design).flatMap((names, i) => names.map((name) => [name, i] as const)))
  const graph = importGraph(files)
  const found: string[] = []
  for (const [file, imports] of graph) {
    const own = rank.get(roomOf(file))
    if (own === undefined) {
      found.push(`src/${file} is in no room of DESIGN.md`)
      continue
    }
    for (const target of imports) {
      const other = rank.get(roomOf(target))
      if (target.startsWith('../')) found.push(`src/${file} imports ${target.slice(3)}, which lies outside src/`)
      else if (roomOf(target) === roomOf(file) || other === undefined) continue
      else if (other > own) found.push(`src/${file} imports src/${target}, of a room below its own`)
      else if (other === own) found.push(`src/${file} imports src/${target}, of a sibling room`)
    }
  }
  return [
    ...found,
    ...circles(graph).map((circle) => `import circle: ${circle.map((file) => `src/${file}`).join(' -> ')}`),
  ]
}

/** One circle for every import that closes one. */
function circles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const found: string[][] = []
  const done = new Set<string>()
  const path: string[] = []
  const visit = (file: string): void => {
    const start = path.indexOf(file)
    if (start >= 0) found.push([...path.slice(start), file])
    if (start >= 0 || done.has(file)) return
    path.push(file)
    for (const target of graph.get(file) ?? []) visit(target)
    path.pop()
    done.add(file)
  }
  for (const file of graph.keys()) visit(file)
  return found
}

/** The TypeScript files of a folder: path below it, and text. */
export function sourcesIn(folder: string): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  return new Map(paths.sort().map((path) => [path.replaceAll('\\', '/'), readFileSync(join(folder, path), 'utf8')]))
}

if (import.meta.main) {
  const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)))
  const files = sourcesIn(join(root, 'src'))
  const found = breaches(readFileSync(join(root, 'DESIGN.md'), 'utf8'), files)
  for (const breach of found) console.error(breach)
  console.log(`rooms: ${files.size} files, ${found.length} breaches of the import order`)
  process.exitCode = found.length > 0 ? 1 : 0
}
