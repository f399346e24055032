/** The native backend: sources and sinks of the C++ addon. */
import type { Backend } from './backend.ts'
import { loadAddon } from './load.ts'
import { NativeSink } from './native-sink.ts'
import { NativeSource } from './native-source.ts'

/** Throws a SabotError BACKEND where the addon is missing or does not load. Connects to nothing. */
export function nativeBackend(): Backend {
  const addon = loadAddon()
  return {
    name: 'native',
    source: (options) => new NativeSource(addon, options),
    sink: (options) => new NativeSink(addon, options),
  }
}
