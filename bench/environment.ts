/** The machine and the versions that a figure means something with. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, platform, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { loadAddon } from '../src/kafka/load.ts'

export interface Environment {
  readonly date: string
  readonly machine: string
  readonly versions: Readonly<Record<string, string>>
}

const read = (relative: string): string => readFileSync(fileURLToPath(new URL(relative, import.meta.url)), 'utf8')

export function environment(): Environment {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> }
  const { version } = JSON.parse(read('../package.json')) as { version: string }
  const kafka = /<kafka.version>(.+)<\/kafka.version>/.exec(read('../test/support/pom.xml'))![1]!
  const jackson = /jackson-databind<\/artifactId>\s*<version>(.+)<\/version>/.exec(read('kafka-streams/pom.xml'))![1]!
  const java = /"(.+?)"/.exec(spawnSync('java', ['-version']).stderr.toString())?.[1] ?? 'unknown'
  const memory = (totalmem() / 2 ** 30).toFixed(0)
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus()[0]?.model.trim() ?? 'unknown CPU'}, ${availableParallelism()} cores, ${memory} GiB, ${platform()} ${arch()}`,
    versions: {
      sabot: version,
      Node: process.versions.node,
      ...loadAddon().versions(),
      'Kafka and Kafka Streams': kafka,
      Jackson: jackson,
      Java: java,
      ...dependencies,
    },
  }
}
