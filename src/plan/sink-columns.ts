/** What a record's parts can be made of: judged when the columns are known, before the first row is read. */
import { SabotError } from '../errors.ts'
import { type ColumnType, type Field, typeText } from '../schema.ts'
import { isInternal } from './steps.ts'

export type RecordPart = 'key' | 'headers' | 'timestamp' | 'partition'

const isBytes = ({ kind }: ColumnType): boolean => kind === 'utf8' || kind === 'binary'
const isNested = ({ kind }: ColumnType): boolean => kind === 'list' || kind === 'struct'

/** The same as native/sink_records.cc asks of the columns that it is handed. */
const parts: Readonly<Record<RecordPart, { readonly fits: (type: ColumnType) => boolean; readonly expected: string }>> =
  {
    // Lists and structs become JSON.
    key: { fits: () => true, expected: 'a column' },
    headers: {
      fits: (type) =>
        type.kind === 'list' &&
        type.item.kind === 'struct' &&
        type.item.fields.length === 2 &&
        type.item.fields.every((field) => isBytes(field.type)),
      expected: "a list such as [{ key: 'utf8', value: 'binary' }]",
    },
    timestamp: { fits: ({ kind }) => kind === 'timestamp', expected: 'a timestamp' },
    partition: { fits: ({ kind }) => /^u?int/.test(kind), expected: 'an integer' },
  }

/** `text`: the column or expression that becomes the part. Throws SCHEMA where its type cannot. */
export function checkPart(part: RecordPart, text: string, type: ColumnType, place: string): void {
  const { fits, expected } = parts[part]
  if (fits(type)) return
  throw new SabotError('SCHEMA', `${place}: the ${part} must be ${expected}; "${text}" is ${typeText(type)}.`, {
    where: { column: text, step: place },
  })
}

/** The codecs string and bytes write one column. `fields`: those of the rows at the sink. */
export function checkValue(codec: string, fields: readonly Field[], place: string): void {
  if (codec === 'json') return
  const columns = fields.filter(({ name }) => !isInternal(name))
  const [column, ...more] = columns
  if (column === undefined || more.length > 0) {
    const names = columns.map(({ name }) => name).join(', ') || 'none'
    throw new SabotError(
      'SCHEMA',
      `${place}: the codec "${codec}" writes exactly one column; there are ${columns.length}: ${names}. ` +
        'Keep one with select, or write with the codec "json".',
      { where: { step: place } },
    )
  }
  const fits = codec === 'bytes' ? isBytes(column.type) : !isNested(column.type)
  if (fits) return
  const expected = codec === 'bytes' ? 'utf8 or binary' : 'utf8, binary or another type that is no list and no struct'
  throw new SabotError(
    'SCHEMA',
    `${place}: the codec "${codec}" writes ${expected}; the column "${column.name}" is ${typeText(column.type)}.`,
    { where: { column: column.name, step: place } },
  )
}
