/** The logging seam: any object with pino's methods, or none. Every object that is logged is redacted first. */

/** pino's shape: the fields first, then the message. `console` does not fit; `pino()` and its kin do. */
export interface Logger {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export type LogLevel = keyof Logger

export const logLevels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

const nothing = () => {}

/** Says nothing: what runs where no logger was given. */
export const silent: Logger = Object.freeze({ debug: nothing, info: nothing, warn: nothing, error: nothing })

export const redacted = '[redacted]'

/** Names of fields whose values never leave: options, librdkafka properties, and what stands in nested objects. */
const secret =
  /(password|passwd|passphrase|secret|token|credentials?|authorization|key\.?pem|private\.?key)$|^sasl\.(jaas\.config|oauthbearer\.config)$|^tls\.key$/i

/** What a value itself shows to be a secret, whatever its field is called. */
const privateKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----/

/** Whether a field or property of this name holds a secret. `tls.key` is one; a record's `$key` is not. */
export function isSecret(name: string): boolean {
  return secret.test(name)
}

/** A copy of the fields with every secret replaced. Depth is bounded; errors and class instances stay as they are. */
export function redact(fields: object, depth = 0): object {
  if (Array.isArray(fields)) return depth > 8 ? [] : fields.map((item) => redactValue(item, depth + 1))
  const out: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields)) {
    out[name] = isSecret(name) && value !== undefined && value !== null ? redacted : redactValue(value, depth + 1)
  }
  return out
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return privateKey.test(value) ? redacted : value
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (typeof value !== 'object' || value === null) return value
  if (depth > 8) return '[deep]'
  const prototype = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null ? redact(value, depth) : value
}

/**
 * The user's logger with redaction before it. A logger that throws must not end a run, so its errors are dropped:
 * there is nowhere left to report them.
 */
export function redacting(logger: Logger | undefined): Logger {
  if (logger === undefined || logger === silent) return silent
  const at = (level: LogLevel) => (fields: object, message: string) => {
    try {
      logger[level](redact(fields), message)
    } catch {
      // see above
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
