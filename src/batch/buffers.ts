/** A batch as the plain buffers that the native side reads. Room: batch.ts. */
import type { ColumnType } from '../schema.ts'
import { type Batch, bitmapBytes, type Data, validityOf, valuesArray } from './column.ts'

export interface BatchBuffers {
  /** Three numbers a node, in pre-order over all columns: length, offset, nullCount. */
  readonly nodes: Float64Array
  /** Three a node: validity, offsets, data; null where there is none. Views: nothing is copied. */
  readonly buffers: readonly (ArrayBufferView | null)[]
}

/** The buffers of every column, in order. Selected or not: the selection goes to the native side as it is. */
export function batchToBuffers(batch: Batch): BatchBuffers {
  const nodes: number[] = []
  const buffers: (ArrayBufferView | null)[] = []
  for (const { field, data } of batch.columns) addNode(field.type, data, nodes, buffers)
  return { nodes: Float64Array.from(nodes), buffers }
}

function addNode(type: ColumnType, data: Data, nodes: number[], buffers: (ArrayBufferView | null)[]): void {
  const { length } = data
  nodes.push(length, 0, data.nullCount)
  buffers.push(validityOf(data)?.subarray(0, bitmapBytes(length)) ?? null)
  switch (type.kind) {
    case 'struct':
      buffers.push(null, null)
      for (const [i, field] of type.fields.entries()) addNode(field.type, data.children[i]!, nodes, buffers)
      return
    case 'list':
      buffers.push(data.valueOffsets.subarray(0, length + 1), null)
      addNode(type.item, data.children[0]!, nodes, buffers)
      return
    case 'utf8':
    case 'binary':
      buffers.push(data.valueOffsets.subarray(0, length + 1), data.values)
      return
    case 'bool':
      buffers.push(null, data.values.subarray(0, bitmapBytes(length)))
      return
    default:
      buffers.push(null, data.values.subarray(0, length * valuesArray(type)!.stride))
  }
}
