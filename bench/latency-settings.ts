/** How pipelines are set for latency: Sabot's options, and the same as properties of librdkafka alone. */
export const latencySettings = {
  source: {
    batch: { maxWaitMs: 0 },
    kafka: { 'fetch.wait.max.ms': 100, 'fetch.queue.backoff.ms': 0, 'socket.nagle.disable': true },
  },
  sink: { lingerMs: 0, kafka: { 'socket.nagle.disable': true } },
} as const

/** Arguments of raw-pipeline. */
export const rawLatencyArguments: readonly string[] = [
  ...Object.entries(latencySettings.source.kafka).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ...Object.entries(latencySettings.sink.kafka).flatMap(([name, value]) => ['-p', `${name}=${value}`]),
  ...['-p', `linger.ms=${latencySettings.sink.lingerMs}`],
]
