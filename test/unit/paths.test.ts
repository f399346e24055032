/** `col('a.b')`: a column of this name where there is one, else the field b of the column a, at every place of a plan. */
import { expect, test } from 'vitest'
import { batchFromRows, batchToRecordBatch } from '../../src/batch.ts'
import { withPaths } from '../../src/expr/nodes.ts'
import { print } from '../../src/expr/print.ts'
import { col, hash, Stream } from '../../src/index.ts'
import { optimise } from '../../src/plan/optimise.ts'
import type { KafkaSinkStep, Plan } from '../../src/plan/steps.ts'
import { parseSchema } from '../../src/schema.ts'

const fields = parseSchema({
  id: 'int64',
  place: { city: 'utf8', geo: { lat: 'float64' } },
  tags: ['utf8'],
  'old.name': 'utf8',
})

const batch = batchToRecordBatch(
  batchFromRows(
    [
      { id: 1n, place: { city: 'Bern', geo: { lat: 46.9 } }, tags: ['a', 'b'], 'old.name': 'x' },
      { id: 2n, place: { city: 'Oslo', geo: null }, tags: [], 'old.name': null },
      { id: 3n, place: null, tags: null, 'old.name': 'y' },
    ],
    fields,
  ),
)
const all = Stream.fromBatches([batch])
const rows = async (stream: { collect(): Promise<{ toArray(): { toJSON(): object }[] }> }) =>
  (await stream.collect()).toArray().map((row) => ({ ...row.toJSON() }))

test('a filter and a projection over fields', async () => {
  const picked = all.filter(col('place.geo.lat').gt(40)).select({
    id: col('id'),
    city: col('place.city'),
    first: col('tags').list.element(0),
    n: col('tags').list.length(),
  })
  expect(await rows(picked)).toEqual([{ id: 1n, city: 'Bern', first: 'a', n: 2n }])
})

test('a column whose name has a dot is that column', async () => {
  expect(await rows(all.select({ name: col('old.name') }))).toEqual([{ name: 'x' }, { name: null }, { name: 'y' }])
})

test('a path goes through a rename, and through one that makes its name a column', async () => {
  const renamed = all.rename({ place: 'at' })
  expect(await rows(renamed.filter(col('at.city').eq('Oslo')).select('id'))).toEqual([{ id: 2n }])
  expect(() => renamed.filter(col('place.city').eq('Oslo'))).not.toThrow()
  await expect(renamed.filter(col('place.city').eq('Oslo')).collect()).rejects.toThrow(/no column "place\.city"/)
  const shadowed = all.withColumns({ 'place.city': col('id') }).select({ one: col('place.city') })
  expect(await rows(shadowed)).toEqual([{ one: 1n }, { one: 2n }, { one: 3n }])
})

test('where only the run knows the columns, the path is found then', async () => {
  const open = all.mapBatches((given) => given).rename({ place: 'at' })
  expect(await rows(open.filter(col('at.city').eq('Bern')).select({ lat: col('at.geo.lat') }))).toEqual([{ lat: 46.9 }])
  expect(await rows(open.select({ city: col('at.city'), lat: col('at.geo').field('lat') }))).toEqual([
    { city: 'Bern', lat: 46.9 },
    { city: 'Oslo', lat: null },
    { city: null, lat: null },
  ])
})

test('a list made by an expression is a column like any other', async () => {
  const split = all.withColumns({ words: col('place.city').str.split('r') })
  expect(
    (await split.select('words').collect())
      .getChild('words')!
      .toArray()
      .map((list: Iterable<string> | null) => list && [...list]),
  ).toEqual([['Be', 'n'], ['Oslo'], null])
  const again = split
    .filter(col('words').list.contains('n'))
    .select({ id: col('id'), h: hash(col('id')).eq(col('id').hash()) })
  expect(await rows(again)).toEqual([{ id: 1n, h: true }])
})

const source: Plan['source'] = { kind: 'kafka', title: 'in', codec: 'json', codecOptions: {}, fields, keyType: 'utf8' }
const sink: KafkaSinkStep = {
  ...{ kind: 'kafka', title: 'out', codec: 'json', codecOptions: {} },
  ...{ key: col('place.city'), headers: 'keep', timestamp: 'keep', partition: null },
}

test('a plan reads the column that a path begins at', () => {
  const plan = optimise(
    {
      source,
      steps: [{ kind: 'select', columns: [{ name: 'lat', expr: col('place.geo.lat') }] }],
      sink: { kind: 'collect' },
    },
    fields,
  )
  expect(plan.columns?.map(({ field }) => field.name)).toEqual(['place'])
})

test('a field can be the key of a record', () => {
  const plan = optimise({ source, steps: [], sink }, fields)
  expect(plan.envelope).toMatchObject({ key: '$key' })
})

test('the shortest name that is a column begins the path', () => {
  const path = (name: string, names: readonly string[]) => withPaths(col(name).node, names)
  expect(path('a.b.c', ['a', 'a.b'])).toEqual(col('a').field('b').field('c').node)
  expect(path('a.b.c', ['a.b'])).toEqual(col('a.b').field('c').node)
  expect(path('a.b', ['a', 'a.b'])).toEqual(col('a.b').node)
  expect(path('a.b', ['b'])).toEqual(col('a.b').node)
  expect(print(path('a.b', ['a']))).toBe('a.b')
})
