import { describe, expect, test } from 'vitest'
import { isSecret, type Logger, redact, redacting, silent } from '../../src/logger.ts'

function recorder(): { logger: Logger; lines: unknown[][] } {
  const lines: unknown[][] = []
  const at = (level: string) => (fields: object, message: string) => void lines.push([level, fields, message])
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } }
}

describe('a log line', () => {
  test('goes to the logger at its level, fields first', () => {
    const { logger, lines } = recorder()
    const log = redacting(logger)
    log.info({ topic: 'orders' }, 'assigned')
    log.error({ partition: 3 }, 'lost')
    expect(lines).toEqual([
      ['info', { topic: 'orders' }, 'assigned'],
      ['error', { partition: 3 }, 'lost'],
    ])
  })

  test('never holds a secret, at any depth', () => {
    const { logger, lines } = recorder()
    const pem = '-----BEGIN ENCRYPTED PRIVATE KEY-----\nhunter2'
    redacting(logger).warn(
      {
        'sasl.password': 'hunter2',
        'ssl.key.pem': 'hunter2',
        'ssl.key.password': 'hunter2',
        'sasl.oauthbearer.client.secret': 'hunter2',
        sasl: { username: 'u', password: 'hunter2', token: 'hunter2' },
        tls: { key: pem, keyPassword: 'hunter2', pfx: Buffer.from('hunter2') },
        list: [{ password: 'hunter2' }, pem],
      },
      'connecting',
    )
    const text = JSON.stringify(lines)
    expect(text).not.toContain('hunter2')
    expect(text).toContain('"username":"u"')
  })

  test('keeps what is no secret: keys of records, errors, big integers', () => {
    const error = new Error('x')
    const fields = { key: 'user-1', offset: 5n, error, topic: 'passwords' }
    expect(redact(fields)).toEqual(fields)
    expect(isSecret('key')).toBe(false)
  })

  test('survives a cycle', () => {
    const fields: Record<string, unknown> = {}
    fields.self = fields
    expect(() => JSON.stringify(redact(fields))).not.toThrow()
  })
})

test('a logger that throws does not end a run', () => {
  const { logger } = recorder()
  const throwing = {
    ...logger,
    info() {
      throw new Error('disk full')
    },
  }
  expect(() => redacting(throwing).info({}, 'x')).not.toThrow()
})

test('no logger: silence', () => {
  expect(redacting(undefined)).toBe(silent)
})
