/** Stand-in until the codecs in TypeScript are there: values as they are, in one column. */
import type { Column } from '../../batch.ts'
import type { Decoder, Encoder } from '../../codecs/convert.ts'
import { SabotError } from '../../errors.ts'
import type { Field } from '../../schema.ts'
import type { DecodePlan } from '../backend.ts'
import { BytesColumn } from './columns.ts'

export function decoder(plan: DecodePlan): Decoder {
  if (plan.codec === 'json') throw new SabotError('UNSUPPORTED', 'the js backend has no JSON yet')
  const [wanted] = plan.columns
  const column = new BytesColumn()
  return {
    rows: 0,
    get bytes() {
      return column.size
    },
    add(value) {
      this.rows++
      if (wanted !== undefined) column.append(value ?? new Uint8Array(0), 0, value?.length ?? -1)
      return true
    },
    pop() {},
    take(): Column[] {
      this.rows = 0
      return wanted === undefined ? [] : [column.take(wanted.field)]
    },
  } as Decoder & { rows: number }
}

export function inferFields(_values: readonly (Uint8Array | null)[], _maxDepth: number): readonly Field[] {
  throw new SabotError('UNSUPPORTED', 'the js backend has no JSON yet')
}

export function encoder(_codec: string, _options: object): Encoder {
  return {
    encode(batch, row) {
      const { data } = batch.columns[0]!
      if (data.nullCount > 0 && (data.nullBitmap[row >> 3]! & (1 << (row & 7))) === 0) return null
      return data.values.subarray(data.valueOffsets[row]!, data.valueOffsets[row + 1]!)
    },
  }
}
