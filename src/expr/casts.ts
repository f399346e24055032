/** What can become what: the rule of `cast` and `tryCast`. types.ts says the same to the compiler (Castable). */
import { SabotError } from '../errors.ts'
import { type ColumnType, parseType, typeText } from '../schema.ts'
import { type Family, familyOf, misfit, type Rule } from './rules.ts'

const castable: Readonly<Record<Family, readonly Family[]>> = {
  bool: ['bool', 'int', 'float', 'text'],
  int: ['bool', 'int', 'float', 'text', 'time', 'decimal'],
  float: ['bool', 'int', 'float', 'text', 'decimal'],
  text: ['bool', 'int', 'float', 'text', 'bytes', 'time', 'decimal'],
  bytes: ['bytes', 'text'],
  time: ['time', 'int', 'text'],
  decimal: ['decimal', 'int', 'float', 'text'],
  nested: [],
}

/** The name of a type, checked. Throws SCHEMA. */
export function castType(name: unknown, method: string): ColumnType {
  try {
    if (typeof name === 'string') return parseType(name, 'a')
  } catch (error) {
    throw new SabotError('SCHEMA', `${method}(): ${(error as Error).message.replace(/^Column "a": /, '')}`)
  }
  throw new SabotError('SCHEMA', `${method}() takes the name of a type, such as 'int64' or 'decimal(18,4)'.`)
}

export const castRule: Rule = ([value, target]) => {
  const type = castType(target?.literal?.value, 'cast')
  const from = value!.type
  if (from === null || castable[familyOf(from)].includes(familyOf(type))) return type
  return misfit(`a ${typeText(from)} can not become a ${typeText(type)}`)
}
