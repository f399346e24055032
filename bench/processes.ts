/** Contenders are processes of their own: none warms up, or holds memory, for another. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

/** Node keeps what it made of TypeScript, so that no contender is measured while types are taken out of its sources. */
const compiled = { NODE_COMPILE_CACHE: path('../.cache/node') }

/** A program of native/tools, as CMake names it. */
export const yardstick = (name: string): string => path(`../build/addon/${name}`)

export const nodeScript = (file: string, ...args: readonly string[]): Command => ({
  file: process.execPath,
  args: [path(file), ...args],
})

/** A script of this folder, with what it is told as JSON. */
export const script = (file: string, job: object): Command => nodeScript(file, JSON.stringify(job))

export interface Ended {
  /** The last line of JSON that it printed. */
  readonly last: unknown
  /** From its start to its end. */
  readonly wholeSeconds: number
}

/** Of a process that prints nothing for so long, nothing comes any more. */
const patienceSeconds = 180

const running = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Throws with the end of what it wrote to standard error where it fails. */
export async function runProgram(command: Command, patience = patienceSeconds): Promise<Ended> {
  return startProgram(command, patience).ended
}

export interface Started {
  readonly ended: Promise<Ended>
  /** Resolves when it printed this line. */
  line(text: string): Promise<void>
  stop(): void
}

export function startProgram({ file, args, env }: Command, patience = patienceSeconds): Started {
  const began = performance.now()
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...compiled, ...env } })
  running.add(child)
  let [output, errors] = ['', '']
  child.stdout.on('data', (data: Buffer) => {
    output += data.toString()
  })
  child.stderr.on('data', (data: Buffer) => {
    errors = (errors + data.toString()).slice(-4000)
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), patience * 1000)
  const failure = (what: string): Error => new Error(`${what}: ${(errors.trim() || output.trim()).slice(-1500)}`)
  const ended = once(child, 'close').then(([code, signal]): Ended => {
    clearTimeout(timer)
    running.delete(child)
    const wholeSeconds = (performance.now() - began) / 1000
    if (code !== 0)
      throw failure(`it ended with ${signal ?? code}${wholeSeconds >= patience ? ', by us: too slow' : ''}`)
    const json = output
      .trim()
      .split('\n')
      .findLast((line) => line.startsWith('{'))
    if (json === undefined) throw failure('it printed no result')
    return { last: JSON.parse(json), wholeSeconds }
  })
  // It is looked at where it is awaited.
  ended.catch(() => undefined)
  return {
    ended,
    async line(text) {
      while (!output.split('\n').includes(text)) {
        await Promise.race([
          once(child.stdout, 'data'),
          ended.then(() => Promise.reject(failure(`it never said ${text}`))),
        ])
      }
    },
    stop: () => child.kill('SIGTERM'),
  }
}
