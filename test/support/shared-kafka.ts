/** The Kafka that all integration tests share: every test makes topics and groups of its own names. */
import { afterAll, inject } from 'vitest'
import { connectKafka } from './kafka-admin.ts'

export const kafka = await connectKafka(inject('kafka'))
afterAll(() => kafka.close())

let count = 0

/** A name that no other test has, in no other file. */
export const unique = (name: string): string => `${name}-${process.pid}-${Date.now().toString(36)}-${++count}`
