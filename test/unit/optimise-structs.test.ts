import { describe, expect, it } from 'vitest'
import { coalesce, col, type Expr } from '../../src/expr/expr.ts'
import { optimise } from '../../src/plan/optimise.ts'
import type { SinkStep, Step } from '../../src/plan/steps.ts'
import { parseSchema, typeText } from '../../src/schema.ts'
import { filter, fromKafka, select, toKafka } from '../support/plans.ts'

const fields = parseSchema({
  id: 'int64',
  user: { name: 'utf8', age: 'int32', home: { city: 'utf8', street: 'utf8' } },
})
/** The type that the decoder builds of `user`; undefined: the column is not decoded. */
const decoded = (steps: readonly Step[], sink: SinkStep = { kind: 'collect' }): string | undefined => {
  const { columns } = optimise({ source: fromKafka(fields), steps, sink }, fields)
  const user = columns!.find(({ field }) => field.name === 'user')
  return user && typeText(user.field.type).replaceAll("'", '')
}
const whole = typeText(fields[1]!.type).replaceAll("'", '')
const user = col('user')
const city = user.field('home').field('city') as Expr

describe('a struct column', () => {
  it('is decoded with the fields that are read', () => {
    expect(decoded([select({ name: user.field('name') })])).toBe('{ name: utf8 }')
    expect(decoded([filter(user.field('age').gt(1)), select({ city })])).toBe('{ age: int32, home: { city: utf8 } }')
    expect(decoded([select({ home: user.field('home') })])).toBe('{ home: { city: utf8, street: utf8 } }')
    expect(decoded([select({ id: col('id') })])).toBeUndefined()
  })

  it('is looked for under its other names', () => {
    const steps: Step[] = [{ kind: 'rename', names: [['user', 'u']] }, select({ v: col('u') })]
    expect(decoded([...steps, select({ x: col('v').field('age') })])).toBe('{ age: int32 }')
    expect(decoded(steps)).toBe(whole)
  })

  it('is whole for whoever takes it itself', () => {
    expect(decoded([])).toBe(whole)
    expect(decoded([filter(user.field('age').gt(1))])).toBe(whole)
    expect(decoded([select({ missing: user.isNull(), name: user.field('name') })])).toBe(whole)
    expect(decoded([select({ age: (coalesce(user, null) as Expr).field('age') })])).toBe(whole)
    expect(decoded([{ kind: 'map', fn: () => ({}), fields }])).toBe(whole)
  })

  it('is not decoded where the bytes pass, but for what a filter reads', () => {
    expect(decoded([filter(user.field('age').gt(1))], toKafka)).toBe('{ age: int32 }')
    expect(decoded([], { ...toKafka, key: user.field('name') as Expr })).toBe('{ name: utf8 }')
  })

  it('has what all branches read', () => {
    const branch = (expr: Expr) => ({ steps: [select({ x: expr })], sink: toKafka })
    const fanOut: SinkStep = { kind: 'fanOut', branches: [branch(user.field('age') as Expr), branch(city)] }
    expect(decoded([], fanOut)).toBe('{ age: int32, home: { city: utf8 } }')
  })
})
