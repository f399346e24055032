/** The public face. */

export type { Table } from './batch/table.ts'
export type { RecordBatch } from './batch.ts'
export { type ErrorCode, type ErrorPlace, SabotError } from './errors.ts'
export {
  type ColumnsOf,
  coalesce,
  col,
  concat,
  Expr,
  hash,
  type Literal,
  lit,
  when,
  type ZoneOption,
} from './expr/expr.ts'
export type { CalendarUnit } from './expr/times.ts'
export { createTopics } from './kafka/admin.ts'
export type { From, Until } from './kafka/backend.ts'
export { EmbeddedBroker } from './kafka/broker.ts'
export type { CreateTopicsOptions, KafkaSourceOptions, RunOptions, SaslOptions, TlsOptions } from './kafka/options.ts'
export type { NewTopics } from './kafka/options-admin.ts'
export type { Logger } from './logger.ts'
export type { ChannelMessages, Histogram, PartitionLag, RunMetrics } from './metrics.ts'
export type { Batches } from './run/batches.ts'
export type { Pipeline } from './run/pipeline.ts'
export type { BatchContext } from './run/program.ts'
export type { Run } from './run/start.ts'
export type { AnySchema, RowOf, SchemaLiteral, Shape, TypeLiteral, ValueOf } from './schema.ts'
export { Stream, type ToKafkaOptions } from './stream.ts'
