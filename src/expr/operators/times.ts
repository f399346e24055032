/** Times: what `col('at').dt` gives, and text that becomes a time. */
import { formatKernel, parseKernel } from '../kernels/time-text.ts'
import {
  addTimeKernel,
  differenceKernel,
  epochKernel,
  type Part,
  partKernel,
  parts,
  truncateKernel,
} from '../kernels/times.ts'
import { call, type Example, type Operator } from '../operator.ts'
import { addTimeRule, differenceRule, parseRule, timeRule, truncateRule } from '../times.ts'

const moment = new Date('2024-12-30T15:04:05.678Z')

const columns = { at: 'timestamp[ms]' } as const

const part = (name: string, of: Part, text: string, result: number, nulls?: string): Operator =>
  call(name, {
    rule: timeRule('int32'),
    kernel: partKernel(of),
    cost: 4,
    doc: {
      call: `a.dt.${name}()`,
      types: 'date, timestamp -> int32',
      text,
      ...(nulls === undefined ? {} : { nulls }),
      example: { columns, rows: [[moment], [null]], expr: `col('at').dt.${name}()`, result: [result, null] },
    },
  })

const local: Example = {
  columns,
  rows: [[new Date('2024-03-30T23:30:00Z')], [new Date('2024-03-31T22:30:00Z')]],
  expr: "col('at').dt.truncate('day', { zone: 'Europe/Berlin' })",
  result: [new Date('2024-03-30T23:00:00Z'), new Date('2024-03-31T22:00:00Z')],
}

const text = { t: 'utf8' } as const
const parsed = new Date('2024-02-29T11:30:00Z')

export const timeOperators = {
  year: part('year', parts.year, 'The year; 0 is 1 BC.', 2024, 'also where the year passes int32'),
  month: part('month', parts.month, 'The month, 1 to 12.', 12),
  day: part('day', parts.day, 'The day of the month, 1 to 31.', 30),
  hour: part('hour', parts.hour, 'The hour, 0 to 23.', 15),
  minute: part('minute', parts.minute, 'The minute, 0 to 59.', 4),
  second: part('second', parts.second, 'The second, 0 to 59.', 5),
  millisecond: part('millisecond', parts.millisecond, "Milliseconds of the second's fraction.", 678),
  microsecond: part('microsecond', parts.microsecond, "Microseconds of the second's fraction.", 678_000),
  nanosecond: part('nanosecond', parts.nanosecond, "Nanoseconds of the second's fraction.", 678_000_000),
  dayOfWeek: part('dayOfWeek', parts.dayOfWeek, 'The day of the week: Monday 1 to Sunday 7.', 1),
  dayOfYear: part('dayOfYear', parts.dayOfYear, 'The day of the year, 1 to 366.', 365),
  week: part('week', parts.week, "ISO 8601's week; week 1 has the year's first Thursday.", 1),
  epoch: call('epoch', {
    rule: timeRule('int64'),
    kernel: epochKernel,
    cost: 4,
    fallible: true,
    doc: {
      call: "a.dt.epoch('ms')",
      types: 'date, timestamp -> int64',
      text: 'The time as an integer: s, ms, us or ns since 1970, UTC. A coarser unit is rounded down.',
      errors: 'a result past int64 is an error of its row',
      example: { columns, rows: [[moment], [null]], expr: "col('at').dt.epoch('s')", result: [1_735_571_045n, null] },
    },
  }),
  truncate: call('truncate', {
    rule: truncateRule,
    kernel: truncateKernel,
    cost: 6,
    fallible: true,
    doc: {
      call: "a.dt.truncate('day')",
      types: 'date, timestamp -> the type of a',
      text:
        'The beginning of its year, quarter, month, week (Monday), day, hour, minute, second, millisecond or microsecond; ' +
        'in a zone where one is given.',
      errors: 'a beginning before the least value of the type is an error of its row',
      example: local,
    },
  }),
  addTime: call('add_time', {
    rule: addTimeRule,
    kernel: addTimeKernel,
    cost: 6,
    fallible: true,
    doc: {
      call: "a.dt.add(b, 'month')",
      types: 'date, timestamp, and int -> the type of a; dates by days and longer',
      text:
        'Moved by so many units, also back. Hours and shorter have one length; days and longer keep the time of day of the ' +
        'zone; a day that the month has not is its last.',
      errors: 'a result past the type is an error of its row',
      example: {
        columns: { at: 'date', n: 'int32' },
        rows: [
          [new Date('2024-01-31'), 1],
          [new Date('2024-01-31'), -2],
          [null, 1],
        ],
        expr: "col('at').dt.add(col('n'), 'month')",
        result: [new Date('2024-02-29'), new Date('2023-11-30'), null],
      },
    },
  }),
  difference: call('difference', {
    rule: differenceRule,
    kernel: differenceKernel,
    cost: 6,
    fallible: true,
    doc: {
      call: "a.dt.difference(b, 'day')",
      types: 'date, timestamp, twice -> int64',
      text: 'How many whole units `a` is after `b`, towards zero; negative where it is before. Days and longer by the calendar of the zone.',
      errors: 'a result past int64 is an error of its row',
      example: {
        columns: { a: 'timestamp[ms]', b: 'timestamp[ms]' },
        rows: [
          [new Date('2024-03-01T12:00:00Z'), new Date('2024-02-28T13:00:00Z')],
          [new Date('2024-02-28T13:00:00Z'), new Date('2024-03-01T12:00:00Z')],
          [null, moment],
        ],
        expr: "col('a').dt.difference(col('b'), 'day')",
        result: [1n, -1n, null],
      },
    },
  }),
  formatTime: call('format', {
    rule: timeRule('utf8'),
    kernel: formatKernel,
    cost: 12,
    doc: {
      call: 'a.dt.format(pattern)',
      types: 'date, timestamp -> utf8',
      text:
        "By a pattern of yyyy, MM, dd, HH, mm, ss, S to SSSSSSSSS (the second's fraction), XXX (the offset, Z for none) and " +
        'text, of which letters stand in quotes.',
      example: {
        columns,
        rows: [[moment], [null]],
        expr: `col('at').dt.format("yyyy-MM-dd'T'HH:mm:ss.SSSXXX", { zone: 'Asia/Kathmandu' })`,
        result: ['2024-12-30T20:49:05.678+05:45', null],
      },
    },
  }),
  toTimestamp: call('to_timestamp', {
    rule: parseRule,
    kernel: parseKernel('error'),
    cost: 12,
    fallible: true,
    doc: {
      call: 'a.str.toTimestamp(pattern)',
      types: 'utf8 -> timestamp[ms], or of the `unit` that is given',
      text:
        'Text as a time, by a pattern as `format` has it (all of the text, with so many digits), else by ISO 8601. Text ' +
        'without an offset is a time of the zone: shown twice, the earlier one; left out by a clock, moved on by what was left out.',
      errors: 'other text is an error of its row',
      example: {
        columns: text,
        rows: [['29.02.2024 12:30'], [null]],
        expr: "col('t').str.toTimestamp('dd.MM.yyyy HH:mm', { zone: 'Europe/Berlin' })",
        result: [parsed, null],
      },
    },
  }),
  tryToTimestamp: call('try_to_timestamp', {
    rule: parseRule,
    kernel: parseKernel('null'),
    cost: 12,
    doc: {
      call: 'a.str.tryToTimestamp(pattern)',
      types: 'as `toTimestamp`',
      text: 'As `toTimestamp`, without its errors.',
      nulls: 'null where an argument is null, and where `toTimestamp` is an error',
      example: {
        columns: text,
        rows: [['2024-02-29T11:30:00Z'], ['yesterday']],
        expr: "col('t').str.tryToTimestamp()",
        result: [parsed, null],
      },
    },
  }),
} satisfies Record<string, Operator>
