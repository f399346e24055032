/** The options that sources and sinks share: brokers, security, client. */
import { silent } from '../logger.ts'
import type { OptionTable } from './option.ts'
import { isPlainObject } from './option.ts'

/** host:port; an IPv6 address stands in brackets. */
const server = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/

export function isServer(text: string): boolean {
  const port = server.exec(text)?.[2]
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535
}

/** 'a:1, b:2' or ['a:1', 'b:2'] as a list. */
export function serverList(value: string | readonly string[]): readonly string[] {
  return (typeof value === 'string' ? value.split(',') : value).map((text) => text.trim())
}

function areServers(value: unknown): boolean {
  const texts = typeof value === 'string' ? [value] : value
  if (!Array.isArray(texts) || texts.length === 0 || !texts.every((text) => typeof text === 'string')) return false
  return texts.flatMap(serverList).every(isServer)
}

/** PEM text, as a string or as the bytes of a file. */
const pem = {
  type: 'custom',
  ts: 'string | Uint8Array',
  expected: 'PEM text (a string, or the bytes of a file) that begins with -----BEGIN',
  accepts: (value: unknown) =>
    (typeof value === 'string' || value instanceof Uint8Array) &&
    Buffer.from(value as string)
      .toString('latin1')
      .includes('-----BEGIN'),
} as const

const tls: OptionTable = {
  ca: { ...pem, kafka: 'ssl.ca.pem', defaultText: "the system's", doc: 'Certificates of the authorities to trust.' },
  cert: { ...pem, kafka: 'ssl.certificate.pem', doc: "The client's own certificate chain, for mutual TLS." },
  key: { ...pem, kafka: 'ssl.key.pem', doc: "The client's private key; `cert` must be given too." },
  keyPassword: { type: 'string', kafka: 'ssl.key.password', doc: 'Password of the private key.' },
  rejectUnauthorized: {
    type: 'boolean',
    default: true,
    kafka: 'enable.ssl.certificate.verification',
    doc: "Whether the broker's certificate must be signed by a trusted authority.",
  },
  verifyHostname: {
    type: 'boolean',
    default: true,
    kafka: 'ssl.endpoint.identification.algorithm',
    doc: "Whether the broker's certificate must carry the host name that was connected to.",
  },
}

const sasl: OptionTable = {
  mechanism: {
    type: 'choice',
    values: ['plain', 'scram-sha-256', 'scram-sha-512'],
    required: true,
    kafka: 'sasl.mechanisms',
    doc: 'How to authenticate.',
  },
  username: { type: 'string', required: true, kafka: 'sasl.username', doc: 'User name.' },
  password: { type: 'string', required: true, kafka: 'sasl.password', doc: 'Password. Never logged.' },
}

const logMethods = ['debug', 'info', 'warn', 'error'] as const

export const connectionOptions = {
  bootstrapServers: {
    type: 'custom',
    ts: 'string | readonly string[]',
    expected: '"host:port", several of them with commas between, or an array of them',
    accepts: areServers,
    required: true,
    kafka: 'bootstrap.servers',
    doc: 'The brokers to ask first, each as host:port; one that answers is enough.',
  },
  clientId: {
    type: 'string',
    default: 'sabot',
    kafka: 'client.id',
    doc: "The name under which the broker's logs and quotas know this client.",
  },
  connectTimeoutMs: {
    type: 'integer',
    unit: 'ms',
    min: 100,
    max: 300_000,
    default: 10_000,
    doc: 'How long opening waits for a broker before it fails with CONNECT.',
  },
  tls: {
    type: 'object',
    of: tls,
    typeName: 'TlsOptions',
    orBoolean: true,
    kafka: 'security.protocol',
    doc: "Encrypts connections. `true`: with the system's authorities.",
  },
  sasl: {
    type: 'object',
    of: sasl,
    typeName: 'SaslOptions',
    kafka: 'security.protocol',
    doc: 'Authenticates with a user name and password.',
  },
  kafka: {
    type: 'custom',
    ts: 'Readonly<Record<string, string | number | boolean>>',
    expected: 'an object of client properties with strings, numbers or booleans',
    accepts: isPlainObject,
    defaultText: 'none',
    range: 'the client properties listed below',
    doc: "Further client properties under librdkafka's names, for tuning. They win over Sabot's own defaults.",
  },
  logger: {
    type: 'custom',
    ts: 'Logger',
    expected: 'an object with the methods debug, info, warn and error, such as pino()',
    accepts: (value: unknown) =>
      typeof value === 'object' &&
      value !== null &&
      logMethods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function'),
    default: silent,
    defaultText: 'none: silent',
    doc: "Where to log; pino's shape. Secrets are redacted before.",
  },
} as const satisfies OptionTable
