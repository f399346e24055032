/** Numbers, tables and checks as the demo prints them. */
import { arch, availableParallelism, cpus, platform } from 'node:os'
import { styleText } from 'node:util'
import type { RunMetrics } from '../../src/index.ts'

/** 1234567 as 1,234,567. */
export const count = (value: number): string => value.toLocaleString('en-US')

export const perSecond = (amount: number, ms: number): number => (amount / Math.max(ms, 1)) * 1000

/** How fast a finished run was, connecting and joining the group included. */
export const rate = ({ messagesIn, bytesIn, rowsOut, elapsedMs: ms }: RunMetrics): string =>
  `${(ms / 1000).toFixed(2)} s, connecting included: ${count(Math.round(perSecond(messagesIn, ms)))} rows/s and ` +
  `${(perSecond(bytesIn, ms) / 1e6).toFixed(1)} MB/s in, ${count(Math.round(perSecond(rowsOut, ms)))} rows/s out`

/** Columns as wide as they must be; all but the first flush right. */
export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const widths = head.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)))
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('   ')
  return [styleText('bold', line(head)), widths.map((width) => '-'.repeat(width)).join('   '), ...rows.map(line)].join(
    '\n',
  )
}

export interface Check {
  readonly what: string
  readonly expected: string
  readonly got: string
}

/** Prints each check; true where all hold. */
export const checked = (checks: readonly Check[]): boolean => {
  for (const { what, expected, got } of checks) {
    if (got === expected) console.log(`${styleText('green', 'ok')}      ${what}: ${got}`)
    else console.log(`${styleText('red', 'wrong')}   ${what}: expected ${expected}; got ${got}`)
  }
  return checks.every(({ expected, got }) => expected === got)
}

/** A figure means something only with the machine that it was measured on. */
export const machine = (): string =>
  `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${process.versions.node}, ${platform()}-${arch()}`
