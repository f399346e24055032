/**
 * The TypeScript client, loaded when a run needs it: its one module brings parsers and schemas of all it can do, which
 * takes half a second that no native run should wait for. What is used of it: connections (TCP, TLS, SASL, framing), the
 * requests of groups and metadata, checksums and compression. Its consumer and producer are not: they make an object, or
 * several, a message, and cannot hold a rebalance back while rows are delivered.
 */
export type Client = typeof import('@platformatic/kafka')
export type Connection = InstanceType<Client['Connection']>

/** What the broker answers to a request, such as 'joinGroupV5': the client does not export the type by a name. */
export type ResponseOf<Request extends keyof Client> = Client[Request] extends {
  readonly api: { async(...args: never[]): Promise<infer Response> }
}
  ? Response
  : never

let loading: Promise<Client> | undefined

export function loadClient(): Promise<Client> {
  loading ??= import('@platformatic/kafka')
  return loading
}
