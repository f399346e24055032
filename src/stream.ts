/** Stream: builds plans, starts runs. Every method returns a new Stream; nothing connects before a run. */

import { type Table, tableOf } from './batch/table.ts'
import type { RecordBatch } from './batch.ts'
import { describe, SabotError } from './errors.ts'
import { type ColumnsOf, columnsFor, type FitAll } from './expr/columns.ts'
import { col, Expr, type Fits, type Literal, lit } from './expr/expr.ts'
import type { KeyOf } from './expr/types.ts'
import {
  type KafkaSinkOptions,
  type KafkaSourceOptions,
  type ParsedSink,
  parseRunOptions,
  parseSinkOptions,
  parseSourceOptions,
  type RunOptions,
} from './kafka/options.ts'
import type { RunMetrics } from './metrics.ts'
import { bindStep, type Scope, sourceScope } from './plan/bind.ts'
import { explain } from './plan/explain.ts'
import type {
  ColumnValue,
  Dropped,
  Extended,
  FitPart,
  KeyChoice,
  Keyed,
  KeyOption,
  Known,
  ListIn,
  Renamed,
  Selected,
  SelectPart,
  Unnested,
} from './plan/shapes.ts'
import {
  type Branch,
  type EnvelopePart,
  type KafkaSinkStep,
  messageColumns,
  type NamedExpr,
  type Plan,
  type SinkStep,
  type SourceStep,
  type Step,
  type StepFunction,
} from './plan/steps.ts'
import { type Batches, checkBatches } from './run/batches.ts'
import { collectOutlet, functionOutlet, IterationOutlet } from './run/outlets.ts'
import { explainContext, Pipeline, partsOf } from './run/pipeline.ts'
import type { BatchContext } from './run/program.ts'
import { type Origins, startRun } from './run/start.ts'
import {
  type AnySchema,
  type Field,
  parseSchema,
  type RowInput,
  type RowOf,
  type SchemaLiteral,
  type TypeLiteral,
} from './schema.ts'

// ---------------------------------------------------------------- types of steps

export interface UnnestOptions {
  /** A row whose list is null or empty gives a row with a null. Default false: it gives none. */
  readonly keepEmpty?: boolean | undefined
}

/** Where no schema follows, `map` and its kin give columns that only the run knows. */
export interface SchemaOption<T> {
  /** The columns of the result. Without it they are those of the first rows, fixed for the run. */
  readonly schema?: T
}

type Awaitable<T> = T | Promise<T>

export type ToKafkaOptions = Omit<KafkaSinkOptions, 'key'> & {
  /**
   * The key: a column or an expression (utf8 and binary as they are, other scalars as their text, lists and structs as
   * JSON). null: none.
   */
  readonly key?: string | Expr | null | undefined
}

type PositionalSource<S extends object = object, K extends TypeLiteral = TypeLiteral> = Omit<
  KafkaSourceOptions<S, K>,
  'bootstrapServers' | 'topic' | 'groupId'
>

interface NoSchema {
  readonly schema?: undefined
}

interface State {
  readonly from: Origins
  readonly source: SourceStep
  readonly steps: readonly Step[]
  /** What can be named after the last step. */
  readonly scope: Scope
  /** Says which fanOut handed the stream to its function; undefined: none. */
  readonly trunk?: object
}

// ---------------------------------------------------------------- the stream

/**
 * Rows on their way from a source, as columns. Immutable: each method returns a new Stream. `S` is the shape of the
 * columns, where a schema tells it.
 */
export class Stream<S extends object = AnySchema> implements AsyncIterable<RecordBatch> {
  readonly #state: State
  declare private readonly shape: S

  private constructor(state: State) {
    this.#state = state
  }

  /**
   * Rows from Kafka topics. Connects when it is run. Throws CONFIG for an option that is unknown, missing or out of
   * range, SCHEMA for a schema that is none.
   */
  static fromKafka<
    const S extends SchemaLiteral,
    const K extends TypeLiteral = never,
    const Key extends KeyOption = never,
  >(options: KafkaSourceOptions<S, K> & KeyChoice<Key> & { readonly schema: S }): Stream<Keyed<Known<S>, K, Key>>
  static fromKafka<const K extends TypeLiteral = never, const Key extends KeyOption = never>(
    options: KafkaSourceOptions<object, K> & KeyChoice<Key> & { readonly codec: 'string' },
  ): Stream<Keyed<{ readonly value: 'utf8' }, K, Key>>
  static fromKafka<const K extends TypeLiteral = never, const Key extends KeyOption = never>(
    options: KafkaSourceOptions<object, K> & KeyChoice<Key> & { readonly codec: 'bytes' },
  ): Stream<Keyed<{ readonly value: 'binary' }, K, Key>>
  static fromKafka(options: KafkaSourceOptions & NoSchema): Stream
  static fromKafka<
    const S extends SchemaLiteral,
    const K extends TypeLiteral = never,
    const Key extends KeyOption = never,
  >(
    bootstrapServers: string | readonly string[],
    topic: string | readonly string[] | RegExp,
    groupId: string | undefined,
    options: PositionalSource<S, K> & KeyChoice<Key> & { readonly schema: S },
  ): Stream<Keyed<Known<S>, K, Key>>
  static fromKafka(
    bootstrapServers: string | readonly string[],
    topic: string | readonly string[] | RegExp,
    groupId?: string,
    options?: PositionalSource & NoSchema,
  ): Stream
  static fromKafka(
    first: KafkaSourceOptions | string | readonly string[],
    topic?: unknown,
    groupId?: unknown,
    options?: object,
    // biome-ignore lint/suspicious/noExplicitAny: the overloads say which shape
  ): Stream<any> {
    const positional = typeof first === 'string' || Array.isArray(first)
    const kafka = parseSourceOptions(positional ? { ...options, bootstrapServers: first, topic, groupId } : first)
    const source: SourceStep = {
      kind: 'kafka',
      title: [kafka.source.topic].flat().join(', '),
      codec: kafka.codec.name,
      codecOptions: kafka.codecOptions,
      fields: kafka.schema === undefined ? (kafka.codec.columns ?? undefined) : parseSchema(kafka.schema),
      keyType: kafka.keyType,
    }
    return new Stream({ from: { kafka }, source, steps: [], scope: sourceScope(source, source.fields) })
  }

  /**
   * Rows from Arrow record batches, tables, or any (async) iterable of them. All must have the columns of the first.
   * Buffers are read where they lie and must not change during the run. An iterable that throws ends the run with STEP;
   * `cause` is what it threw.
   */
  static fromBatches<const S extends SchemaLiteral>(batches: Batches, options: { readonly schema: S }): Stream<Known<S>>
  static fromBatches(batches: Batches): Stream
  // biome-ignore lint/suspicious/noExplicitAny: the overloads say which shape
  static fromBatches(batches: Batches, options: { readonly schema?: SchemaLiteral } = {}): Stream<any> {
    checkBatches(batches)
    const source: SourceStep = {
      kind: 'batches',
      title: 'batches',
      codec: 'json',
      codecOptions: {},
      fields: options.schema === undefined ? undefined : parseSchema(options.schema),
      keyType: 'binary',
    }
    return new Stream({ from: { batches }, source, steps: [], scope: sourceScope(source, source.fields) })
  }

  /** Keeps the rows for which the predicate is true; false and null drop a row. Copies nothing: rows are selected. */
  filter<N>(predicate: (columns: ColumnsOf<S>) => Expr<N> & Fits<N, S, 'bool'>): Stream<S>
  filter<N>(predicate: Expr<N> & Fits<N, S, 'bool'>): Stream<S>
  filter(predicate: unknown): Stream<S> {
    const given: unknown = typeof predicate === 'function' ? predicate(this.#columns()) : predicate
    if (!(given instanceof Expr)) throw wrongStep('filter', "an expression, such as col('amount').gt(1000)", given)
    return this.#with({ kind: 'filter', predicate: given })
  }

  /** Keeps these columns, in this order; an object gives new ones: `.select('id', { total: expr })`. */
  select<const Parts extends readonly SelectPart<S>[]>(
    ...parts: Parts & { readonly [I in keyof Parts]: FitPart<Parts[I], S> }
  ): Stream<Selected<S, Parts>> {
    const columns = (parts as readonly SelectPart<S>[]).flatMap((part): readonly NamedExpr[] => {
      if (typeof part === 'string') return [{ name: part, expr: col(part) }]
      return namedExprs('select', part)
    })
    if (columns.length === 0) throw wrongStep('select', 'at least one column', undefined)
    return this.#with({ kind: 'select', columns })
  }

  /** Adds columns, or gives existing ones new values: `.withColumns({ tax: col('amount').mul(0.08) })`. */
  withColumns<const C extends { readonly [name: string]: ColumnValue }>(
    columns: C & FitAll<C, S>,
  ): Stream<Extended<S, C>>
  withColumns<const C extends { readonly [name: string]: ColumnValue }>(
    columns: (columns: ColumnsOf<S>) => C & FitAll<C, S>,
  ): Stream<Extended<S, C>>
  withColumns(columns: unknown): Stream {
    const given: unknown = typeof columns === 'function' ? columns(this.#columns()) : columns
    return this.#with({ kind: 'withColumns', columns: namedExprs('withColumns', given) })
  }

  /** Gives columns other names: `.rename({ old: 'new' })`. Their places and values stay. */
  rename<const R extends { readonly [Old in keyof S & string]?: string }>(names: R): Stream<Renamed<S, R>> {
    if (typeof names !== 'object' || names === null) throw wrongStep('rename', "{ old: 'new' }", names)
    const pairs = Object.entries(names as Record<string, unknown>).map(([from, to]): readonly [string, string] => {
      if (typeof to !== 'string' || to === '') throw wrongStep('rename', `a name for "${from}"`, to)
      return [from, to]
    })
    return this.#with({ kind: 'rename', names: pairs })
  }

  /** Leaves columns out. */
  drop<const Names extends readonly (keyof S & string)[]>(...names: Names): Stream<Dropped<S, Names[number]>> {
    for (const name of names) if (typeof name !== 'string') throw wrongStep('drop', 'names of columns', name)
    return this.#with({ kind: 'drop', names })
  }

  /**
   * The user's own function on a record batch, sync or async. Batches are of one partition and come in order, one at
   * a time. Where the result has as many rows as the batch, row i goes on as row i: it keeps its key, headers and
   * timestamp. Otherwise rows are new, without them, but for columns `$key`, `$headers` and `$timestamp` of the
   * result itself. The batch is copied only where filters left rows out.
   */
  mapBatches<const T extends SchemaLiteral>(
    fn: (batch: RecordBatch, context: BatchContext) => Awaitable<RecordBatch>,
    options: SchemaOption<T> & { readonly schema: T },
  ): Stream<T>
  mapBatches(fn: (batch: RecordBatch, context: BatchContext) => Awaitable<RecordBatch>): Stream
  mapBatches(fn: StepFunction, options: SchemaOption<SchemaLiteral> = {}): Stream {
    return this.#withFunction('mapBatches', fn, options)
  }

  /** Row by row: the slow, familiar way. Rows are plain objects; a row keeps its key, headers and timestamp. */
  map<const T extends SchemaLiteral>(
    fn: (row: RowOf<S>) => Awaitable<RowInput<T>>,
    options: SchemaOption<T> & { readonly schema: T },
  ): Stream<T & KeyOf<S>>
  map(fn: (row: RowOf<S>) => Awaitable<object>): Stream
  map(fn: StepFunction, options: SchemaOption<SchemaLiteral> = {}): Stream {
    return this.#withFunction('map', fn, options)
  }

  /** As map, to any number of rows; each has its parent's key, headers and timestamp. */
  flatMap<const T extends SchemaLiteral>(
    fn: (row: RowOf<S>) => Awaitable<Iterable<RowInput<T>>>,
    options: SchemaOption<T> & { readonly schema: T },
  ): Stream<T & KeyOf<S>>
  flatMap(fn: (row: RowOf<S>) => Awaitable<Iterable<object>>): Stream
  flatMap(fn: StepFunction, options: SchemaOption<SchemaLiteral> = {}): Stream {
    return this.#withFunction('flatMap', fn, options)
  }

  /**
   * One row an item of a list column: the item stands under the column's name, the other columns are repeated. Each row
   * has its parent's key, headers and timestamp. A list that is null or empty gives no row, but for `keepEmpty: true`.
   * Copies each column that is read afterwards, item by item; makes no row objects.
   */
  unnest<const Name extends ListIn<S>>(column: Name, options: UnnestOptions = {}): Stream<Unnested<S, Name>> {
    if (typeof column !== 'string') throw wrongStep('unnest', 'the name of a column of lists', column)
    const keepEmpty: unknown = options?.keepEmpty ?? false
    if (typeof keepEmpty !== 'boolean') throw wrongStep('unnest', 'true or false as keepEmpty', keepEmpty)
    return this.#with({ kind: 'unnest', column, keepEmpty })
  }

  /**
   * The first n rows over all partitions, then the run ends. The position committed for the batch that is cut is
   * that of the last row taken; behind mapBatches, flatMap or unnest, where rows are no messages any more, it is the position
   * before the batch.
   */
  limit(count: number): Stream<S> {
    if (!Number.isSafeInteger(count) || count < 0) throw wrongStep('limit', 'a whole number of rows', count)
    return this.#with({ kind: 'limit', count })
  }

  // ---- ends of a plan

  /** Rows to a topic. Throws CONFIG for wrong options, SCHEMA for columns that do not exist. */
  toKafka(options: ToKafkaOptions): Pipeline
  toKafka(
    bootstrapServers: string | readonly string[],
    topic: string,
    options?: Omit<ToKafkaOptions, 'bootstrapServers' | 'topic'>,
  ): Pipeline
  toKafka(first: ToKafkaOptions | string | readonly string[], topic?: unknown, options?: object): Pipeline {
    const positional = typeof first === 'string' || Array.isArray(first)
    const raw: unknown = positional ? { ...options, bootstrapServers: first, topic } : first
    const { from } = this.#state
    const key = keyExpression(raw)
    const sink = parseSinkOptions(
      key === undefined ? raw : { ...(raw as object), key: '$key' },
      'kafka' in from ? from.kafka : undefined,
    )
    const step = Object.freeze(sinkStep(sink, key))
    return new Pipeline(this.#plan(step), from, [sink], this.#state.trunk)
  }

  /**
   * Several sinks from one read: `.fanOut((s) => [s.filter(p).toKafka(a), s.filter(q).toKafka(b)])`. The function is
   * called once, at once, with this stream, and returns the pipelines that it made of it, one or more; each may fan
   * out again. Steps before the fanOut run once for all. A position is committed when every branch has delivered its
   * rows; a branch that fails ends the run. A limit in a branch ends that branch, and the run when all have ended.
   * Throws CONFIG where what is returned is no such array.
   */
  fanOut(branches: (stream: Stream<S>) => readonly Pipeline[]): Pipeline {
    if (typeof branches !== 'function') throw wrongStep('fanOut', 'a function from a stream to pipelines', branches)
    const { from, steps } = this.#state
    const trunk = {}
    const returned: unknown = branches(new Stream<S>({ ...this.#state, trunk }))
    if (!Array.isArray(returned) || returned.length === 0) {
      throw wrongStep('fanOut', 'an array of one or more pipelines from its function', returned)
    }
    const parts = returned.map((pipeline: unknown, i) => {
      if (!(pipeline instanceof Pipeline)) {
        throw wrongStep('fanOut', `a pipeline, as toKafka gives it, as branch ${i + 1}`, pipeline)
      }
      return partsOf(pipeline)
    })
    for (const [i, part] of parts.entries()) {
      if (part.trunk === trunk) continue
      throw new SabotError(
        'CONFIG',
        `fanOut: branch ${i + 1} must be made from the stream that the function is handed; it comes of another stream.`,
        { where: { step: 'fanOut' } },
      )
    }
    const step: SinkStep = Object.freeze({
      kind: 'fanOut',
      branches: Object.freeze(parts.map(({ plan }) => Object.freeze(branchOf(plan, steps.length)))),
    })
    return new Pipeline(
      this.#plan(step),
      from,
      parts.flatMap(({ to }) => to),
      this.#state.trunk,
    )
  }

  /** Every row, in one Arrow table. Needs a source that ends, a limit, or a signal; all of it lies in memory. */
  async collect(options?: RunOptions): Promise<Table> {
    const batches: RecordBatch[] = []
    const { from, scope } = this.#state
    const run = startRun({
      plan: this.#plan({ kind: 'collect' }),
      from,
      to: collectOutlet(batches),
      options: parseRunOptions(options),
    })
    await run.done
    return tableOf(batches, scope.fields)
  }

  /**
   * Calls the function with each record batch, one at a time, and waits for it; a batch whose call has returned is
   * delivered. Runs at once and resolves when the rows end.
   */
  async forEachBatch(
    fn: (batch: RecordBatch, context: BatchContext) => unknown,
    options?: RunOptions,
  ): Promise<RunMetrics> {
    if (typeof fn !== 'function') throw wrongStep('forEachBatch', 'a function', fn)
    const run = startRun({
      plan: this.#plan({ kind: 'forEachBatch' }),
      from: this.#state.from,
      to: functionOutlet(fn),
      options: parseRunOptions(options),
    })
    return run.done
  }

  /**
   * Record batches, for `for await`. A batch counts as delivered when the next one is asked for; breaking out (or
   * throwing) ends the run and leaves the batch in hand undelivered, so that a group reads it again.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<RecordBatch, void, undefined> {
    const outlet = new IterationOutlet()
    const run = startRun({
      plan: this.#plan({ kind: 'iterate' }),
      from: this.#state.from,
      to: outlet,
      // The loop is the caller's: so are the process's signals.
      options: parseRunOptions({ signals: false }),
    })
    try {
      for (;;) {
        const batch = await outlet.take()
        if (batch === undefined) break
        yield batch
      }
      await run.done
    } finally {
      outlet.end()
      await run.stop()
    }
  }

  /** The plan as written and as it runs, as text. Connects to nothing. */
  explain(): string {
    return explain(this.#plan({ kind: 'collect' }), explainContext(this.#state.from, undefined))
  }

  // ---- inside

  #columns(): ColumnsOf<S> {
    const { names, messages } = this.#state.scope
    return columnsFor(names && [...names, ...(messages ? messageColumns : [])])
  }

  #plan(sink: SinkStep): Plan {
    const { source, steps } = this.#state
    return Object.freeze({ source, steps, sink })
  }

  #with<T extends object>(step: Step): Stream<T> {
    const { steps, scope } = this.#state
    const after = bindStep(step, scope, `${steps.length + 1} ${step.kind}`)
    return new Stream<T>({ ...this.#state, steps: Object.freeze([...steps, Object.freeze(step)]), scope: after })
  }

  #withFunction(kind: 'mapBatches' | 'map' | 'flatMap', fn: unknown, options: SchemaOption<SchemaLiteral>): Stream {
    if (typeof fn !== 'function') throw wrongStep(kind, 'a function', fn)
    const fields: readonly Field[] | undefined = options.schema === undefined ? undefined : parseSchema(options.schema)
    return this.#with({ kind, fn: fn as StepFunction, fields })
  }
}

// ---------------------------------------------------------------- arguments

const wrongStep = (step: string, expected: string, got: unknown): SabotError =>
  new SabotError('CONFIG', `${step}: expected ${expected}; got ${describe(got)}.`, { where: { step } })

const namedExprs = (step: string, given: unknown): readonly NamedExpr[] => {
  if (typeof given !== 'object' || given === null || given instanceof Expr) {
    throw wrongStep(step, '{ name: expression }', given)
  }
  return Object.entries(given).map(([name, value]) => {
    if (name === '') throw wrongStep(step, 'a name for each column', name)
    return { name, expr: value instanceof Expr ? value : lit(value as Literal) }
  })
}

/** A pipeline without the steps that it shares with its siblings. `shared`: how many these are. */
const branchOf = ({ steps, sink }: Plan, shared: number): Branch => {
  if (sink.kind !== 'kafka' && sink.kind !== 'fanOut') throw new TypeError(`a pipeline does not end in ${sink.kind}`)
  return { steps: Object.freeze(steps.slice(shared)), sink }
}

/** The option `key`, where it is an expression and not the name of a column. */
const keyExpression = (raw: unknown): Expr | undefined => {
  const key: unknown = typeof raw === 'object' && raw !== null && 'key' in raw ? raw.key : undefined
  return key instanceof Expr ? key : undefined
}

const sinkStep = (sink: ParsedSink, key: Expr | undefined): KafkaSinkStep => {
  const part = (name: string | null | undefined): EnvelopePart =>
    name === undefined ? 'keep' : name === null ? null : col(name)
  return {
    kind: 'kafka',
    title: sink.sink.topic,
    codec: sink.codec.name,
    codecOptions: sink.sink.codecOptions,
    key: key ?? part(sink.key),
    headers: part(sink.headers),
    timestamp: part(sink.timestamp),
    partition: sink.partition === undefined ? null : col(sink.partition),
  }
}
