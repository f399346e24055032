/**
 * The compile-time types of functions whose types are fixed: `args` by groups of types (the last one of all that
 * follow), and what they give. The same as the rules of operators/ say at run time; a test compares the two.
 */
export interface Signatures {
  // Text
  length: { args: ['text']; gives: 'int64' }
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
  any: unknown
}
