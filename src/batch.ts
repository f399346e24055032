/**
 * Batch: columns of one run of rows + a selection; made from slabs and from record batches without copying. The
 * positions that it covers stand beside it in the source's event. The room's parts lie in batch/.
 */
export { allNull, batchFromRecordBatch, batchToRecordBatch } from './batch/arrow.ts'
export { type BatchBuffers, batchToBuffers } from './batch/buffers.ts'
export { type ColumnBuilder, columnBuilder } from './batch/builder.ts'
export {
  type Batch,
  bitmapBytes,
  byteSize,
  type Column,
  columnNamed,
  countBits,
  type Data,
  makeData,
  type NumericArray,
  numSelected,
  type Parts,
  pickColumns,
  type RecordBatch,
  renameColumn,
  sliceBatch,
  validityOf,
  valuesArray,
} from './batch/column.ts'
export { batchFromRows, fieldsOfRows, type Row } from './batch/from-rows.ts'
export { batchFromSlab, type Slab } from './batch/slab.ts'
export { compactBatch, concatData, takeColumn } from './batch/take.ts'
export { batchToRows, rowAt, valueReader } from './batch/to-rows.ts'
export { unnestBatch } from './batch/unnest.ts'
export { type Digits, fitsInt64, floorDivide, nanoseconds, parseDecimal, parseTime, rescale } from './batch/values.ts'
