/**
 * Random plans over random rows give the same rows and the same row errors however they are optimised. The oracle runs
 * the steps as they are written, one after the other, every column of each.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Batch, batchToRows, type Column, renameColumn, unnestBatch } from '../../src/batch.ts'
import { coalesce, col, type Expr, lit } from '../../src/expr/expr.ts'
import { compileColumn, compileFilter, type OnRowError } from '../../src/expr/kernel.ts'
import { when } from '../../src/expr/when.ts'
import { silent } from '../../src/logger.ts'
import { Counters } from '../../src/metrics.ts'
import { optimise, type Passes } from '../../src/plan/optimise.ts'
import type { NamedExpr, Plan, Step } from '../../src/plan/steps.ts'
import { RowErrors } from '../../src/run/policy.ts'
import { compileProgram } from '../../src/run/program.ts'
import { parseSchema } from '../../src/schema.ts'
import { decode } from '../support/memory-rows.ts'

const fields = parseSchema({
  id: 'int64',
  n: 'int64',
  amount: 'float64',
  rate: 'float64',
  country: 'utf8',
  ok: 'bool',
  tags: ['int64'],
})

/** `list`: of int. */
type Kind = 'int' | 'float' | 'text' | 'bool' | 'list'
type Scope = ReadonlyMap<string, Kind>

const kinds: Scope = new Map([
  ['id', 'int'],
  ['n', 'int'],
  ['amount', 'float'],
  ['rate', 'float'],
  ['country', 'text'],
  ['ok', 'bool'],
  ['tags', 'list'],
])

const records = fc.array(
  fc.record({
    id: fc.oneof(fc.integer({ min: -9, max: 9 }), fc.maxSafeInteger()),
    n: fc.option(fc.integer({ min: -3, max: 2 ** 30 })),
    amount: fc.option(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(0, 1, 2.5))),
    rate: fc.constantFrom(-1.5, 0, 0.5, 3),
    country: fc.option(fc.constantFrom('DE', 'FR', '', 'ü')),
    ok: fc.option(fc.boolean()),
    tags: fc.option(fc.array(fc.option(fc.integer({ min: -3, max: 2 ** 30 })), { maxLength: 3 })),
  }),
  { minLength: 1, maxLength: 24 },
)

/** `fallible`: with integer arithmetic that may leave 64 bits. */
const expression = (scope: Scope, kind: Kind, depth: number, fallible: boolean): fc.Arbitrary<Expr> => {
  const own = [...scope].filter(([, k]) => k === kind).map(([name]) => fc.constant<Expr>(col(name)))
  const hasLists = [...scope.values()].includes('list')
  const literals: Record<Exclude<Kind, 'list'>, fc.Arbitrary<Expr>> = {
    int: fc.constantFrom(-1, 0, 1, 2, 7, 2n ** 62n).map((v) => lit(v)),
    float: fc.constantFrom(-0.5, 0.25, 1.5, 1e300).map((v) => lit(v)),
    text: fc.constantFrom('DE', 'FR', '', 'x').map((v) => lit(v)),
    bool: fc.boolean().map((v) => lit(v)),
  }
  // Twice the columns: a plan of literals folds to nothing.
  const leaves = fc.oneof(...own, ...own, ...(kind === 'list' ? [] : [literals[kind]]))
  if (depth === 0) return leaves
  // Made when it is chosen: all of them, all the way down, would be thousands.
  const sub = (of: Kind): fc.Arbitrary<Expr> =>
    fc.constant(of).chain((chosen) => expression(scope, chosen, depth - 1, fallible))
  const two = (of: Kind, make: (a: Expr, b: Expr) => Expr): fc.Arbitrary<Expr> =>
    fc.tuple(sub(of), sub(of)).map(([a, b]) => make(a, b))
  const compare = (of: Kind): fc.Arbitrary<Expr> =>
    fc
      .tuple(fc.constantFrom('eq', 'ne', 'lt', 'le', 'gt', 'ge'), sub(of), sub(of))
      .map(([op, a, b]) => a[op as 'eq'](b) as Expr)
  const ofLists = hasLists
    ? [
        sub('list').map((a): Expr => a.list.length()),
        fc.tuple(sub('list'), sub('int')).map(([a, at]): Expr => a.list.element(at)),
      ]
    : []
  switch (kind) {
    case 'list':
      return fc.oneof(
        leaves,
        two('list', (a, b) => coalesce(a, b)),
        fc.tuple(sub('bool'), sub('list'), sub('list')).map(([p, a, b]): Expr => when(p).then(a).otherwise(b)),
      )
    case 'int':
      return fallible
        ? fc.oneof(
            leaves,
            ...ofLists,
            two('int', (a, b) => a.add(b)),
            // Of two and more: past 64 bits.
            sub('int').map((a): Expr => a.mul(2n ** 62n)),
            two('int', (a, b) => a.mul(b)),
            two('int', (a, b) => a.mod(b)),
            sub('int').map((a): Expr => a.mul(a)),
            sub('int').map((a): Expr => when(a.gt(0)).then(a).otherwise(a.neg())),
            two('int', (a, b) => coalesce(a.nullIf(0), b, a.mul(b))),
            sub('int').map((a): Expr => a.neg()),
            sub('float').map((a): Expr => a.cast('int64')),
            sub('text').map((a): Expr => a.str.concat('7').cast('int64')),
          )
        : fc.oneof(
            leaves,
            ...ofLists,
            two('int', (a, b) => a.mod(b)),
            sub('text').map((a): Expr => a.str.length()),
            sub('float').map((a): Expr => a.tryCast('int64')),
            two('int', (a, b) => coalesce(a.nullIf(b), b, 3)),
          )
    case 'float':
      return fc.oneof(
        leaves,
        two('float', (a, b) => a.add(b)),
        two('float', (a, b) => a.mul(b)),
        two('int', (a, b) => a.div(b)),
        fc.tuple(sub('float'), sub('int')).map(([a, b]): Expr => coalesce(a, b)),
        // Computed once.
        sub('float').map((a): Expr => a.mul(a)),
      )
    case 'text':
      // `lower` is not native.
      return fc.oneof(
        leaves,
        sub('text').map((a): Expr => a.str.lower()),
        sub('text').map((a): Expr => a.str.trim()),
        fc.tuple(sub('bool'), sub('text'), sub('text')).map(([p, a, b]): Expr => when(p).then(a).otherwise(b)),
        two('text', (a, b) => coalesce(a, b)),
        two('text', (a, b) => a.str.concat(b)),
        sub('text').map((a): Expr => a.str.substring(-1)),
        sub('int').map((a): Expr => a.cast('utf8')),
      )
    case 'bool':
      return fc.oneof(
        leaves,
        compare('int'),
        ...(fallible ? [compare('int'), compare('int')] : []),
        compare('float'),
        compare('text'),
        two('bool', (a, b) => a.and(b)),
        two('bool', (a, b) => a.or(b)),
        sub('bool').map((a): Expr => a.not()),
        sub('int').map((a): Expr => a.isNull()),
        sub('text').map((a): Expr => a.in(['DE', 'x'])),
        two('text', (a, b) => a.str.contains(b)),
        two('text', (a, b) => a.str.startsWith(b)),
        two('text', (a, b) => a.str.endsWith(b)),
        sub('text').map((a): Expr => a.str.like('_R%')),
        sub('text').map((a): Expr => a.str.split('E').list.element(-1).eq('')),
      )
  }
}

interface Typed {
  readonly step: Step
  readonly after: Scope
}

const names = ['id', 'n', 'amount', 'rate', 'country', 'ok', 'tags', 'x', 'y']

const computed = (scope: Scope, fallible: boolean): fc.Arbitrary<readonly (NamedExpr & { kind: Kind })[]> =>
  fc.uniqueArray(
    fc
      .tuple(
        fc.constantFrom(...names),
        fc.constantFrom<Kind>(
          'int',
          'float',
          'text',
          'bool',
          ...([...scope.values()].includes('list') ? ['list' as const] : []),
        ),
      )
      .chain(([name, kind]) => expression(scope, kind, 2, fallible).map((expr) => ({ name, expr, kind }))),
    { minLength: 1, maxLength: 3, selector: ({ name }) => name },
  )

const stepAfter = (scope: Scope, fallible: boolean): fc.Arbitrary<Typed> => {
  const filter = expression(scope, 'bool', 3, fallible).map(
    (predicate): Typed => ({ step: { kind: 'filter', predicate }, after: scope }),
  )
  const withColumns = computed(scope, fallible).map((columns): Typed => {
    return {
      step: { kind: 'withColumns', columns: columns.map(({ name, expr }) => ({ name, expr })) },
      after: new Map([...scope, ...columns.map(({ name, kind }): [string, Kind] => [name, kind])]),
    }
  })
  const select = fc.tuple(fc.subarray([...scope.keys()]), computed(scope, fallible)).map(([kept, columns]): Typed => {
    const given = new Set(columns.map(({ name }) => name))
    const all = [
      ...kept.filter((name) => !given.has(name)).map((name) => ({ name, expr: col(name), kind: scope.get(name)! })),
      ...columns,
    ]
    return {
      step: { kind: 'select', columns: all.map(({ name, expr }) => ({ name, expr })) },
      after: new Map(all.map(({ name, kind }) => [name, kind])),
    }
  })
  const rename = fc
    .tuple(fc.constantFrom(...scope.keys()), fc.constantFrom(...names))
    .filter(([from, to]) => from !== to && !scope.has(to))
    .map(([from, to]): Typed => {
      const after = new Map([...scope].map(([name, kind]) => [name === from ? to : name, kind]))
      return { step: { kind: 'rename', names: [[from, to]] }, after }
    })
  const drop = fc.constantFrom(...scope.keys()).map(
    (name): Typed => ({
      step: { kind: 'drop', names: [name] },
      after: new Map([...scope].filter(([n]) => n !== name)),
    }),
  )
  const unnests = [...scope]
    .filter(([, kind]) => kind === 'list')
    .map(([column]) =>
      fc.boolean().map((keepEmpty): Typed => {
        return { step: { kind: 'unnest', column, keepEmpty }, after: new Map([...scope, [column, 'int']]) }
      }),
    )
  const all = [filter, filter, filter, withColumns, withColumns, select, ...unnests]
  if (scope.size > 1) all.push(drop)
  if (names.some((name) => !scope.has(name))) all.push(rename)
  return fc.oneof(...all)
}

interface Path {
  readonly steps: readonly Step[]
  readonly after: Scope
}

const pathFrom = (scope: Scope, count: number, fallible: boolean): fc.Arbitrary<Path> =>
  count === 0
    ? fc.constant({ steps: [], after: scope })
    : stepAfter(scope, fallible).chain(({ step, after }) =>
        pathFrom(after, count - 1, fallible).map((rest) => ({ ...rest, steps: [step, ...rest.steps] })),
      )

const steps = (fallible: boolean): fc.Arbitrary<readonly Step[]> =>
  fc
    .integer({ min: 1, max: 6 })
    .chain((count) => pathFrom(kinds, count, fallible))
    .map((path) => path.steps)

/** What the decoder answers. */
const simple: fc.Arbitrary<Expr> = fc.constantFrom<Expr>(
  col('id').le(2),
  col('n').isNull(),
  col('amount').gt(1),
  col('rate').in([0, 3]),
  col('country').eq('DE').or(col('ok')),
  lit(false),
)

/** Steps that are shared, and those of two or three branches; half of the time branches begin with simple filters. */
const trees = fc
  .tuple(fc.integer({ min: 0, max: 2 }), fc.boolean())
  .chain(([count, filtered]) => pathFrom(kinds, filtered ? 0 : count, false).map((path) => ({ ...path, filtered })))
  .chain(({ steps: shared, after, filtered }) => {
    const first = simple.map((predicate): Step[] => (filtered ? [{ kind: 'filter', predicate }] : []))
    const rest = fc.integer({ min: 1, max: 3 }).chain((count) => pathFrom(after, count, false))
    const branch = fc.tuple(first, rest).map(([begin, { steps: own }]) => [...begin, ...own])
    return fc.record({ shared: fc.constant(shared), branches: fc.array(branch, { minLength: 2, maxLength: 3 }) })
  })

const passes = fc.record({ fold: fc.boolean(), filters: fc.boolean(), common: fc.boolean(), native: fc.boolean() })

interface Outcome {
  /** By offset; several of one where a list was unnested. */
  readonly rows: ReadonlyMap<bigint, readonly object[]>
  readonly failed: ReadonlySet<bigint>
}

const outcome = (batch: Batch, failed: ReadonlySet<bigint>): Outcome => {
  const visible = batch.columns.map(({ field }) => field.name).filter((name) => name !== '$offset')
  const offsets = offsetsOf(batch)
  const rows = new Map<bigint, object[]>()
  for (const [i, row] of batchToRows(batch, visible).entries()) {
    rows.set(offsets[i]!, [...(rows.get(offsets[i]!) ?? []), row])
  }
  return { rows, failed }
}

const offsetsOf = (batch: Batch): readonly bigint[] =>
  batchToRows(batch, ['$offset']).map((row) => row.$offset as bigint)

const settings = { codec: 'json', keyType: 'utf8', maxDepth: 64 } as const
const read = (plan: Parameters<typeof decode>[0], values: readonly object[]) =>
  decode(
    plan,
    'in',
    0,
    0,
    values.map((value) => ({ key: null, value: JSON.stringify(value), headers: [], timestamp: null })),
  )

const asWritten = (written: readonly Step[], values: readonly object[]): Outcome => {
  const everything = {
    ...settings,
    columns: fields.map((field) => ({ field, emit: true })),
    message: ['$offset'] as const,
  }
  let { batch } = read(everything, values)
  const failed = new Set<bigint>()
  for (const step of written) {
    const offsets = offsetsOf({ ...batch, selection: null })
    const bad = new Set<number>()
    const onRowError: OnRowError = ({ row }) => {
      bad.add(row)
      failed.add(offsets[row]!)
    }
    const types = batch.columns.map(({ field }) => field)
    const given = new Map<string, Column>()
    switch (step.kind) {
      case 'filter':
        batch = { ...batch, selection: compileFilter(step.predicate, types)(batch, onRowError) }
        continue
      case 'unnest':
        batch = unnestBatch(batch, step.column, step.keepEmpty)
        continue
      case 'select':
      case 'withColumns':
        for (const { name, expr } of step.columns) {
          given.set(name, renameColumn(compileColumn(expr, types)(batch, onRowError), name))
        }
        break
      case 'rename':
        for (const [from, to] of step.names) {
          given.set(to, renameColumn(batch.columns.find(({ field }) => field.name === from)!, to))
        }
    }
    const gone =
      step.kind === 'drop' ? step.names : step.kind === 'rename' ? step.names.map(([from]) => from) : ([] as string[])
    const kept = batch.columns.filter(({ field: { name } }) =>
      step.kind === 'select' ? name === '$offset' : !given.has(name) && !gone.includes(name),
    )
    const rows = batch.selection ?? Uint32Array.from({ length: batch.numRows }, (_, row) => row)
    batch = {
      ...batch,
      columns: [...kept, ...given.values()],
      selection: rows.filter((row) => !bad.has(row)),
    }
  }
  return outcome(batch, failed)
}

const source = { kind: 'kafka', title: 'in', codec: 'json', codecOptions: {}, fields, keyType: 'utf8' } as const
const offset: Step = { kind: 'withColumns', columns: [{ name: 'offset', expr: col('$offset') }] }

/** What comes to each sink, by its number. */
const run = async (plan: Plan, values: readonly object[], switched: Passes): Promise<readonly Outcome[]> => {
  const failed = new Set<bigint>()
  const rowErrors = new RowErrors('skip', new Counters(), silent, undefined)
  rowErrors.report = ({ offset: at }) => {
    failed.add(at!)
  }
  const program = compileProgram(optimise(plan, fields, switched), settings, rowErrors)
  const { batch, errors } = read(program.decode, values)
  for (const { offset: at } of errors) failed.add(at)
  const outputs = await program.run(batch, { topic: 'in', partition: 0, position: 0n, cut: undefined })
  const outcomes: Outcome[] = []
  for (const { batch: rows, ending } of outputs) {
    const visible = ending.visible(rows)
    const columns = rows.columns
      .filter(({ field: { name } }) => visible.includes(name))
      .map((column) => (column.field.name === 'offset' ? renameColumn(column, '$offset') : column))
    outcomes[ending.sink] = outcome({ ...rows, columns }, failed)
  }
  const sinks = plan.sink.kind === 'fanOut' ? plan.sink.branches.length : 1
  // Of a sink to which no row comes nothing is heard.
  return Array.from({ length: sinks }, (_, sink) => outcomes[sink] ?? { rows: new Map(), failed })
}

const asOptimised = async (written: readonly Step[], values: readonly object[], switched: Passes): Promise<Outcome> =>
  (await run({ source, steps: [...written, offset], sink: { kind: 'collect' } }, values, switched))[0]!

const toKafka = { kind: 'kafka', title: 'out', codec: 'json', codecOptions: {}, partition: null } as const
const sink = { ...toKafka, key: 'keep', headers: 'keep', timestamp: 'keep' } as const

describe('an optimised plan', () => {
  it('gives the rows of the plan as it is written', async () => {
    await fc.assert(
      fc.asyncProperty(steps(false), records, passes, async (written, values, switched) => {
        expect(await asOptimised(written, values, switched)).toEqual(asWritten(written, values))
      }),
      { numRuns: 400 },
    )
  })

  it('never adds an error; fewer there may be: of values that nobody reads, of rows that are filtered out', async () => {
    await fc.assert(
      fc.asyncProperty(steps(true), records, passes, async (written, values, switched) => {
        const optimised = await asOptimised(written, values, switched)
        const oracle = asWritten(written, values)
        expect([...optimised.failed].filter((row) => !oracle.failed.has(row))).toEqual([])
        // Of what one message became, some rows may fail: which, its offset does not say.
        const whole = ({ rows }: Outcome) => new Map([...rows].filter(([offset]) => !oracle.failed.has(offset)))
        expect(whole(optimised)).toEqual(whole(oracle))
      }),
      { numRuns: 400 },
    )
  })

  it('has the same errors too where an expression is shared, and filters stay in their places', async () => {
    const none = { fold: false, filters: false, common: false, native: false }
    await fc.assert(
      fc.asyncProperty(steps(true), records, async (written, values) => {
        const shared = await asOptimised(written, values, { ...none, common: true })
        expect(shared).toEqual(await asOptimised(written, values, none))
      }),
      { numRuns: 400 },
    )
  })

  it('gives each branch of a fanOut the rows that it has alone', async () => {
    await fc.assert(
      fc.asyncProperty(trees, records, passes, async ({ shared, branches }, values, switched) => {
        const plan: Plan = {
          source,
          steps: shared,
          sink: { kind: 'fanOut', branches: branches.map((own) => ({ steps: [...own, offset], sink })) },
        }
        expect(await run(plan, values, switched)).toEqual(branches.map((own) => asWritten([...shared, ...own], values)))
      }),
      { numRuns: 300 },
    )
  })
})
