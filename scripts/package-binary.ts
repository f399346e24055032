/**
 * What the addon asks of the machine that loads it. A platform package must load on machines that have no more than
 * Node: so it needs the C library and its parts alone, and shows nothing but Node-API's entry points.
 */
import { execFileSync } from 'node:child_process'

export interface Binary {
  /** Shared libraries that it needs. */
  readonly libraries: readonly string[]
  /** The newest version of glibc that one of its symbols needs, such as 2.28; undefined elsewhere than on Linux. */
  readonly glibc: string | undefined
  /** Symbols that it defines for others. */
  readonly exports: readonly string[]
  readonly stripped: boolean
}

/** Of Linux with glibc: the C library, its parts, and its loader. */
const gnuLibraries = /^(libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|librt\.so\.1|ld-linux[\w.-]*\.so\.\d)$/
/** Of macOS: what every system has. */
const darwinLibraries = /^\/usr\/lib\/(libSystem\.B|libc\+\+\.1|libc\+\+abi|libz\.1)\.dylib$/

/** Node-API's entry points, and what Node's macros leave visible beside them. */
const entry = /^_?(napi_register_module_v\d+|node_api_module_get_api_version_v\d+)$/

const output = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { encoding: 'utf8', maxBuffer: 1 << 26 })

/** Compares versions such as 2.4 and 2.35 by their numbers. */
export const compareVersions = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })

export function inspectBinary(path: string, platform: NodeJS.Platform = process.platform): Binary {
  const symbols = (args: string[]) =>
    output('nm', ...args, path)
      .split('\n')
      .map((line) => line.trim().split(/\s+/).at(-1)!)
      .filter((symbol) => symbol !== '')
  if (platform === 'darwin') {
    const lines = output('otool', '-L', path).split('\n').slice(1)
    const libraries = lines.map((line) => line.trim().split(' ')[0]!).filter((library) => library.startsWith('/'))
    return { libraries, glibc: undefined, exports: symbols(['-gU']), stripped: true }
  }
  const dynamic = output('readelf', '--dynamic', '--wide', path)
  const versions = [...output('readelf', '--version-info', '--wide', path).matchAll(/Name: GLIBC_([\d.]+)/g)]
  return {
    libraries: [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1]!),
    glibc: versions
      .map((match) => match[1]!)
      .sort(compareVersions)
      .at(-1),
    exports: symbols(['-D', '--defined-only']),
    stripped: !/\.symtab/.test(output('readelf', '--sections', '--wide', path)),
  }
}

/** What keeps the addon from being published: a line each. `maxGlibc`: the version that it may need at most. */
export function problemsOf(binary: Binary, maxGlibc?: string): string[] {
  const allowed = binary.glibc === undefined ? darwinLibraries : gnuLibraries
  const foreign = binary.libraries.filter((library) => !allowed.test(library))
  const visible = binary.exports.filter((symbol) => !entry.test(symbol))
  const problems: string[] = []
  if (foreign.length > 0)
    problems.push(`expected no shared libraries beside the C library's; got ${foreign.join(', ')}`)
  if (visible.length > 0) problems.push(`expected no symbols but Node-API's; got ${visible.slice(0, 5).join(', ')}`)
  if (!binary.stripped) problems.push('expected it to be stripped; it has a symbol table')
  if (maxGlibc !== undefined && binary.glibc !== undefined && compareVersions(binary.glibc, maxGlibc) > 0) {
    problems.push(
      `expected it to need glibc ${maxGlibc} at most; it needs ${binary.glibc}: build it on an older system`,
    )
  }
  return problems
}
