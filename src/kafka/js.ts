/** The backend in TypeScript: sources and sinks on the client @platformatic/kafka. */
import type { Backend } from './backend.ts'
import { JsSink } from './js-sink.ts'
import { JsSource } from './js-source.ts'

/** Runs wherever Node does. Connects to nothing, and loads the client only when something opens. */
export function jsBackend(): Backend {
  return {
    name: 'js',
    source: (options) => new JsSource(options),
    sink: (options) => new JsSink(options),
  }
}
