/**
 * Connections to brokers, by what they are for: a broker answers one after the other what came by one connection, so
 * that a fetch which waits for records must not stand before a heartbeat.
 */
import type { ConnectionOptions } from '@platformatic/kafka'
import type { Client, Connection } from './client.ts'
import { Disconnected, reasonOf } from './errors.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export type Purpose = 'control' | 'fetch' | 'group' | 'produce'

type Properties = Readonly<Record<string, string>>

export const addressText = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':')
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) }
}

/** A property as a number; what librdkafka would take where it is not set. */
export const numberOf = (properties: Properties, name: string, otherwise: number): number =>
  properties[name] === undefined ? otherwise : Number(properties[name])

interface Kept {
  readonly connection: Connection
  readonly ready: Promise<Connection>
}

export class Connections {
  readonly #client: Client
  readonly #properties: Properties
  readonly #kept = new Map<string, Kept>()
  #closed = false
  /** When a broker that could not be reached may be tried again, and how long it was left alone last. */
  readonly #backoff = new Map<string, { at: number; ms: number }>()
  /** Why the last connection failed. */
  lastFailure: string | undefined

  constructor(client: Client, properties: Properties) {
    this.#client = client
    this.#properties = properties
  }

  /** A connection that stands. Rejects with Disconnected; a broker that failed just now is not tried again at once. */
  get(address: Address, purpose: Purpose): Promise<Connection> {
    if (this.#closed) return Promise.reject(new Disconnected('the client was closed'))
    const key = `${purpose} ${addressText(address)}`
    const kept = this.#kept.get(key)
    if (kept !== undefined && (kept.connection.isConnected() || !isOver(kept.connection))) return kept.ready
    const wait = (this.#backoff.get(key)?.at ?? 0) - performance.now()
    if (wait > 0) return Promise.reject(new Disconnected(this.lastFailure ?? 'the connection was lost'))
    const connection = new this.#client.Connection(this.#clientId(), this.#options(purpose))
    const ready = this.#connect(connection, address, key)
    this.#kept.set(key, { connection, ready })
    return ready
  }

  async #connect(connection: Connection, address: Address, key: string): Promise<Connection> {
    // The client says errors of a standing connection twice: as an event, and to every request under way.
    connection.on('error', () => {})
    connection.on('close', () => this.#forget(key, connection))
    try {
      await connection.connect(address.host, address.port)
      this.#backoff.delete(key)
      connection.socket.setKeepAlive(this.#properties['socket.keepalive.enable'] === 'true')
      return connection
    } catch (error) {
      this.#forget(key, connection)
      connection.socket?.destroy()
      const least = numberOf(this.#properties, 'reconnect.backoff.ms', 100)
      const most = numberOf(this.#properties, 'reconnect.backoff.max.ms', 10_000)
      const ms = Math.min(most, Math.max(least, 2 * (this.#backoff.get(key)?.ms ?? 0)))
      this.#backoff.set(key, { at: performance.now() + ms, ms })
      this.lastFailure = `${addressText(address)}: ${reasonOf(error)}`
      throw new Disconnected(this.lastFailure, { cause: error })
    }
  }

  #forget(key: string, connection: Connection): void {
    if (this.#kept.get(key)?.connection === connection) this.#kept.delete(key)
  }

  async close(): Promise<void> {
    this.#closed = true
    const connections = [...this.#kept.values()].map(({ connection }) => connection)
    this.#kept.clear()
    await Promise.all(
      connections.map(async (connection) => {
        // One that is still being made does not know how to close: by an error it ends, and whoever waits for it is told.
        // Without one it would wait for its time-out, and the process with it.
        if (!connection.isConnected()) connection.socket?.destroy(new Error('the client was closed'))
        else await connection.close()
      }),
    )
  }

  #clientId(): string {
    return this.#properties['client.id'] ?? 'sabot'
  }

  #options(purpose: Purpose): ConnectionOptions {
    const properties = this.#properties
    const socketMs = numberOf(properties, 'socket.timeout.ms', 60_000)
    // A broker answers JoinGroup when everyone has joined, which may take as long as a rebalance may.
    const more = purpose === 'group' ? numberOf(properties, 'max.poll.interval.ms', 300_000) + 10_000 : 0
    return {
      connectTimeout: numberOf(properties, 'socket.connection.setup.timeout.ms', 30_000),
      requestTimeout: socketMs + more,
      maxInflights: purpose === 'produce' ? numberOf(properties, 'max.in.flight.requests.per.connection', 5) : 64,
      ...tlsOptions(properties),
      ...saslOptions(properties),
    }
  }
}

const isOver = (connection: Connection): boolean =>
  connection.status === 'closed' || connection.status === 'closing' || connection.status === 'error'

function tlsOptions(properties: Properties): ConnectionOptions {
  if (!properties['security.protocol']?.endsWith('ssl')) return {}
  const text = (name: string, option: string) => (properties[name] === undefined ? {} : { [option]: properties[name] })
  return {
    tls: {
      ...text('ssl.ca.pem', 'ca'),
      ...text('ssl.certificate.pem', 'cert'),
      ...text('ssl.key.pem', 'key'),
      ...text('ssl.key.password', 'passphrase'),
      ...text('ssl.cipher.suites', 'ciphers'),
      ...text('ssl.curves.list', 'ecdhCurve'),
      ...text('ssl.sigalgs.list', 'sigalgs'),
      rejectUnauthorized: properties['enable.ssl.certificate.verification'] !== 'false',
      ...(properties['ssl.endpoint.identification.algorithm'] === 'none' && { checkServerIdentity: () => undefined }),
    },
  }
}

function saslOptions(properties: Properties): ConnectionOptions {
  if (!properties['security.protocol']?.startsWith('sasl_')) return {}
  return {
    sasl: {
      mechanism: properties['sasl.mechanisms'] as 'PLAIN',
      username: properties['sasl.username']!,
      password: properties['sasl.password']!,
    },
  }
}
