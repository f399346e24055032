/**
 * The compile-time types of functions whose types are fixed: `args` by groups of types (the last one of all that
 * follow), and what they give. The same as the rules of operators/ say at run time; a test compares the two.
 */
export interface Signatures {
  // Text
  length: { args: ['text']; gives: 'int64' }
  lower: { args: ['text']; gives: 'utf8' }
  upper: { args: ['text']; gives: 'utf8' }
  trim: { args: ['text']; gives: 'utf8' }
  trimStart: { args: ['text']; gives: 'utf8' }
  trimEnd: { args: ['text']; gives: 'utf8' }
  contains: { args: ['text']; gives: 'bool' }
  startsWith: { args: ['text']; gives: 'bool' }
  endsWith: { args: ['text']; gives: 'bool' }
  concat: { args: ['text']; gives: 'utf8' }
  substring: { args: ['text', 'int']; gives: 'utf8' }
  replace: { args: ['text']; gives: 'utf8' }
  like: { args: ['text']; gives: 'bool' }
  matches: { args: ['text']; gives: 'bool' }
  extract: { args: ['text', 'text', 'text', 'any']; gives: 'utf8' }
  split: { args: ['text']; gives: readonly ['utf8'] }
  // Lists
  listLength: { args: ['list']; gives: 'int64' }
  // Hash
  hash: { args: ['scalar']; gives: 'int64' }
  // Times
  year: { args: ['time']; gives: 'int32' }
  month: { args: ['time']; gives: 'int32' }
  day: { args: ['time']; gives: 'int32' }
  hour: { args: ['time']; gives: 'int32' }
  minute: { args: ['time']; gives: 'int32' }
  second: { args: ['time']; gives: 'int32' }
  millisecond: { args: ['time']; gives: 'int32' }
  microsecond: { args: ['time']; gives: 'int32' }
  nanosecond: { args: ['time']; gives: 'int32' }
  dayOfWeek: { args: ['time']; gives: 'int32' }
  dayOfYear: { args: ['time']; gives: 'int32' }
  week: { args: ['time']; gives: 'int32' }
  epoch: { args: ['time']; gives: 'int64' }
  formatTime: { args: ['time']; gives: 'utf8' }
}

/** Families of types (types.ts) that a group takes. */
export interface Groups {
  int: 'int'
  number: 'int' | 'float'
  text: 'utf8' | 'text'
  bytes: 'binary'
  bool: 'bool'
  time: 'date' | 'timestamp'
  list: 'list'
  struct: 'struct'
  /** Everything but lists and structs. */
  scalar: 'int' | 'float' | 'utf8' | 'text' | 'binary' | 'bool' | 'date' | 'timestamp' | 'decimal'
  any: unknown
}
