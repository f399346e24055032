/**
 * The TypeScript client, loaded when a run needs it: its one module brings parsers and schemas of all it can do, which
 * takes half a second that no native run should wait for. What is used of it: connections (TCP, TLS, SASL, framing), the
 * requests of groups and metadata, checksums and compression. Its consumer and producer are not: they make an object, or
 * several, a message, and cannot hold a rebalance back while rows are delivered.
 */
export type Client = typeof import('@platformatic/kafka')
export type Connection = InstanceType<Client['Connection']>

let loading: Promise<Client> | undefined

export function loadClient(): Promise<Client> {
  loading ??= import('@platformatic/kafka')
  return loading
}
