/** docs/backends.md: what the js backend refuses, from src/kafka/refusals.ts. */
import { refusals } from '../src/kafka/refusals.ts'

const cell = (text: string): string => text.replaceAll('|', '\\|')

const where = { fromKafka: 'source', toKafka: 'sink', both: 'both' } as const

export function backendsPage(): string {
  const rows = refusals.map(({ side, name, isProperty, values, reason, instead }) => {
    const what = isProperty ? `client property \`${name}\`` : `option \`${name}\``
    return `| ${what} | ${where[side]} | ${values ?? 'any'} | ${cell(reason)} | ${cell(instead)} |`
  })
  return `${[
    '# Backends',
    '',
    '<!-- Written by scripts/docs.ts from src/kafka/refusals.ts. -->',
    '',
    'Two implementations read and write Kafka, with the same plans, positions, errors and metrics:',
    '',
    '| backend | what it is | where it runs |',
    '|---|---|---|',
    '| `native` | the C++ addon on librdkafka: decoding and encoding on threads of their own | where the addon was built, or prebuilt |',
    '| `js` | TypeScript on the connections of @platformatic/kafka: all on the JavaScript thread, a fraction of the speed | wherever Node does |',
    '',
    "`backend: 'auto'` (the default) takes the environment variable `SABOT_BACKEND` where it is set, else `native`, and",
    '`js` where the addon is not there; it says once a run, at info, which runs and why. A backend that is asked for by',
    'name is the one that runs, or the run fails with the reason. `run.backend` says which it is.',
    '',
    'Where the addon loads and then does not start, a run under `auto` goes on with `js`, and says so at warn with the reason;',
    '`run.backend` is `js` from then on. It does so only before the first batch is handed over, and only where the fault is the',
    "addon's own: it threw something that is no error of Sabot's, said BACKEND, or the system gave it no thread. An error that",
    '`js` would meet too (CONFIG, CONNECT, UNKNOWN_TOPIC, KAFKA and all the other codes) ends the run as it always does. The',
    'next run tries the addon again; `explain()` says both. Where the plan asks for what `js` refuses, the run fails with both',
    'reasons.',
    '',
    'The js backend computes filters and columns in TypeScript (nothing is fused, `explain()` shows no native program);',
    'it fetches large batches and reads records where they lie in them, keeps an idempotent producer, and speaks the',
    'classic group protocol. It needs brokers of Kafka 2.4 or later. Its heartbeats are sent by the JavaScript thread: a step',
    'that keeps the thread busy, without a pause, for longer than `sessionTimeoutMs` costs the member its partitions, whose rows',
    'are then read again. Natively that is so for no step.',
    '',
    '## What the js backend refuses',
    '',
    'Refused at `run()` with UNSUPPORTED, and never done otherwise than asked:',
    '',
    '| what | side | values | why | instead |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    'Not on it either: `EmbeddedBroker` and `createTopics`, which are parts of the addon.',
  ].join('\n')}\n`
}
