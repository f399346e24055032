/** Kafka Streams, as a process: Maven brings its jars once, javac compiles it. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Command } from './processes.ts'
import type { Job } from './window.ts'

const run = promisify(execFile)
const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

/** The class path. */
export async function buildStreams(): Promise<string> {
  const jars = path('.cache/kafka-streams-jars')
  const classes = path('.cache/kafka-streams-classes')
  if (!existsSync(jars)) {
    await rm(`${jars}-new`, { recursive: true, force: true })
    const goal = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${jars}-new`]
    await run('mvn', ['-q', '-B', '-f', path('kafka-streams/pom.xml'), ...goal])
    await rename(`${jars}-new`, jars)
  }
  await mkdir(classes, { recursive: true })
  await run('javac', ['-d', classes, '-cp', join(jars, '*'), path('kafka-streams/src/main/java/Pipeline.java')])
  return [classes, join(jars, '*')].join(delimiter)
}

export function streams(classpath: string, job: Omit<Job, 'mode'>): Command {
  const { bootstrapServers, topic, output, passing } = job
  const state = join(tmpdir(), `sabot-bench-${output}`)
  return {
    file: 'java',
    args: ['-Xmx2g', '-cp', classpath, 'Pipeline', bootstrapServers, topic, output, String(passing), state],
  }
}
