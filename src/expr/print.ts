/** Expressions as text: `amount > 1000 and country = 'DE'`; for explain() and errors, not for reading back. */
import type { Literal, LitNode, Node } from './nodes.ts'
import { operators } from './operators.ts'

export function print(node: Node): string {
  return printAt(node, 0)
}

/** `level`: parentheses where the node binds less than this. */
function printAt(node: Node, level: number): string {
  if (node.kind === 'col') return printName(shownName(node.name))
  if (node.kind === 'lit') return printLiteral(node.value)
  const { symbol, form, binds } = operators[node.op]
  const parts = (): string[] => node.args.map((arg, i) => printAt(arg, i === 0 ? binds : binds + 1))
  const text = ((): string => {
    switch (form) {
      case 'infix':
        return parts().join(` ${symbol} `)
      case 'prefix':
        return `${symbol}${printAt(node.args[0]!, binds)}`
      case 'postfix':
        return `${printAt(node.args[0]!, binds + 1)} ${symbol}`
      case 'list':
        return `${printAt(node.args[0]!, binds + 1)} ${symbol} (${node.args.slice(1).map(print).join(', ')})`
      case 'call':
        return `${symbol}(${node.args.map(print).join(', ')})`
      case 'member':
        return `${printAt(node.args[0]!, binds)}.${printName((node.args[1] as LitNode<string>).value)}`
    }
  })()
  return binds < level ? `(${text})` : text
}

/** What users call a column: plans have another name for the key where it is decoded (plan/bind.ts). */
export const shownName = (name: string): string => (name === '$keyValue' ? '$key' : name)

const printName = (name: string): string => (/^[A-Za-z_$][\w$.]*$/.test(name) ? name : JSON.stringify(name))

const MAX_TEXT = 60

/** Not in the middle of a pair: what is printed goes to the native side, which takes only well-formed text. */
const shortened = (text: string): string => text.slice(0, MAX_TEXT - 3).replace(/[\ud800-\udbff]$/, '')

function printLiteral(value: Literal): string {
  if (value === null) return 'null'
  if (typeof value === 'string') {
    const short = value.length > MAX_TEXT ? `${shortened(value)}...` : value
    return `'${short.replaceAll("'", "''").replaceAll('\n', '\\n')}'`
  }
  if (value instanceof Date) return `'${value.toISOString()}'`
  if (value instanceof Uint8Array) {
    const hex = Buffer.from(value.buffer, value.byteOffset, Math.min(value.length, MAX_TEXT / 2)).toString('hex')
    return `x'${hex}${value.length > MAX_TEXT / 2 ? '...' : ''}'`
  }
  return Object.is(value, -0) ? '-0' : String(value)
}
