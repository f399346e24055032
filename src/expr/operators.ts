/**
 * The operators: one entry each, and nothing else to touch for a new one but its name in nodes.ts, its method in
 * expr.ts and its compile-time type in types.ts.
 */
import { arithmeticKernel, negKernel } from './kernels/arithmetic.ts'
import { compareKernel } from './kernels/compare.ts'
import { logicKernel, notKernel, nullKernel } from './kernels/logic.ts'
import { inKernel } from './kernels/membership.ts'
import type { OpName } from './nodes.ts'
import { arithmeticRule, compareRule, divideRule, inRule, logicRule, nullRule, type Rule } from './rules.ts'
import type { Kernel } from './vector.ts'

export interface Operator {
  /** As it is printed. */
  readonly symbol: string
  readonly form: 'infix' | 'prefix' | 'postfix' | 'list'
  /** How strongly it binds when printed; arguments that bind less stand in parentheses. */
  readonly binds: number
  readonly rule: Rule
  readonly kernel: Kernel
}

const infix = (symbol: string, binds: number, rule: Rule, kernel: Kernel): Operator => ({
  symbol,
  form: 'infix',
  binds,
  rule,
  kernel,
})

export const operators: Readonly<Record<OpName, Operator>> = {
  or: infix('or', 1, logicRule, logicKernel('or')),
  and: infix('and', 2, logicRule, logicKernel('and')),
  not: { symbol: 'not ', form: 'prefix', binds: 3, rule: logicRule, kernel: notKernel },
  eq: infix('=', 4, compareRule, compareKernel('eq')),
  ne: infix('!=', 4, compareRule, compareKernel('ne')),
  lt: infix('<', 4, compareRule, compareKernel('lt')),
  le: infix('<=', 4, compareRule, compareKernel('le')),
  gt: infix('>', 4, compareRule, compareKernel('gt')),
  ge: infix('>=', 4, compareRule, compareKernel('ge')),
  isNull: { symbol: 'is null', form: 'postfix', binds: 4, rule: nullRule, kernel: nullKernel('null') },
  isNotNull: { symbol: 'is not null', form: 'postfix', binds: 4, rule: nullRule, kernel: nullKernel('value') },
  in: { symbol: 'in', form: 'list', binds: 4, rule: inRule, kernel: inKernel },
  add: infix('+', 5, arithmeticRule, arithmeticKernel('add')),
  sub: infix('-', 5, arithmeticRule, arithmeticKernel('sub')),
  mul: infix('*', 6, arithmeticRule, arithmeticKernel('mul')),
  div: infix('/', 6, divideRule, arithmeticKernel('div')),
  mod: infix('%', 6, arithmeticRule, arithmeticKernel('mod')),
  neg: { symbol: '-', form: 'prefix', binds: 7, rule: arithmeticRule, kernel: negKernel },
}
