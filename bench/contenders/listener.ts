/** Somebody who listens to a run, as an agent for monitoring does. */
import { subscribe } from 'node:diagnostics_channel'
import type { ChannelMessages, Run } from '../../src/index.ts'

const channels: Readonly<Record<keyof ChannelMessages, true>> = {
  'sabot:run:start': true,
  'sabot:batch': true,
  'sabot:metrics': true,
  'sabot:commit': true,
  'sabot:rebalance': true,
  'sabot:error': true,
  'sabot:run:end': true,
}

/** On every channel from now on, and to the metrics of a run once a second, where there is a `Run` to ask. */
export function listen(run?: () => Run): { readonly heard: number } {
  const listener = { heard: 0 }
  for (const channel of Object.keys(channels)) {
    subscribe(channel, () => {
      listener.heard++
    })
  }
  if (run !== undefined) setInterval(() => run().metrics(), 1000).unref()
  return listener
}
