import { inspect } from 'node:util'
import { expect, describe as group, test } from 'vitest'
import { describe, didYouMean, errorCode, nearest, SabotError } from '../../src/errors.ts'

group('SabotError', () => {
  test('tells code, place, cause and whether to try again', () => {
    const cause = new Error('socket closed')
    const where = { topic: 'orders', partition: 3, offset: 12345678901234567890n }
    const error = new SabotError('DELIVERY', 'toKafka: not acknowledged', { cause, where })
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ name: 'SabotError', code: 'DELIVERY', retriable: true, cause, where })
    expect(Object.isFrozen(error.where)).toBe(true)
    expect(new SabotError('CONFIG', 'x').retriable).toBe(false)
    expect(new SabotError('KAFKA', 'x', { retriable: true }).retriable).toBe(true)
  })

  test('prints its name and its place, and no cause where there is none', () => {
    const text = inspect(new SabotError('SCHEMA', 'no column "x"', { where: { column: 'x' } }))
    expect(text).toContain('SabotError: no column "x"')
    expect(text).toContain("column: 'x'")
    expect(text).not.toContain('cause')
  })

  test('a code that the addon should not send becomes KAFKA', () => {
    expect(errorCode('DECODE')).toBe('DECODE')
    expect(errorCode('WHAT')).toBe('KAFKA')
  })
})

group('a misspelled name', () => {
  const names = ['bootstrapServers', 'topic', 'groupId', 'from', 'until', 'batch.maxRows', 'batch.maxWaitMs']

  test.each([
    ['bootstrapServer', 'bootstrapServers'],
    ['bootstarpServers', 'bootstrapServers'],
    ['groupid', 'groupId'],
    ['groupID', 'groupId'],
    ['topics', 'topic'],
    ['form', 'from'],
    ['batch.maxRow', 'batch.maxRows'],
  ])('%s meant %s', (wrong, right) => {
    expect(nearest(wrong, names)).toBe(right)
  })

  test('that is near nothing gets no guess', () => {
    expect(nearest('compression', names)).toBeUndefined()
    expect(nearest('x', names)).toBeUndefined()
    expect(didYouMean('compression', names)).toBe('')
    expect(didYouMean('topics', names)).toBe(' Did you mean "topic"?')
  })
})

test('a value in a message is short, typed and on one line', () => {
  expect(describe('a\nb')).toBe('"a\\nb"')
  expect(describe('x'.repeat(1000)).length).toBeLessThan(70)
  expect([null, undefined, 3, 4n, true, [], [1, 2], {}, /a+/, new Map()].map(describe)).toEqual([
    'null',
    'undefined',
    '3',
    '4n',
    'true',
    'an empty array',
    'an array of 2',
    'an object',
    '/a+/',
    'a Map',
  ])
})
