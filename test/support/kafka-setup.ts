/** Vitest's global setup of the project `kafka`: one real Kafka for all of its files. */
import type { TestProject } from 'vitest/node'
import { startKafka } from './kafka.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    kafka: import('./kafka-admin.ts').KafkaAddress
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const kafka = await startKafka()
  project.provide('kafka', kafka.address)
  return () => kafka.stop()
}
