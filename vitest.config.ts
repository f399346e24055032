import { defineConfig } from 'vitest/config'
import pinned from './node_modules/node/package.json' with { type: 'json' }

if (process.versions.node !== pinned.version) {
  throw new Error(`the tests run on the pinned Node ${pinned.version}, by npm scripts; this is ${process.version}`)
}

/** Suites beside the unit tests that need no server. */
const quick = ['test/conformance/json*.test.ts', 'test/differential/*.test.ts']

// Four projects: `unit` needs no server and runs first; `lifecycle` ends processes of its own, one file at a time;
// `kafka` shares one real Apache Kafka, which starts only when one of its files was chosen (test/support/kafka-setup.ts);
// `kafka-js` runs some of its files again on the js backend.
export default defineConfig({
  test: {
    pool: 'forks',
    // A forgotten `test.only` must not pass for the whole.
    allowOnly: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', ...quick],
          testTimeout: 20_000,
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'lifecycle',
          include: ['test/lifecycle/**/*.test.ts'],
          // An end that takes too long fails by itself (test/lifecycle/child.ts), however many there are.
          testTimeout: process.env.SABOT_TIMES === undefined ? 120_000 : 1_200_000,
          maxWorkers: 1,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: 'kafka',
          include: ['test/**/*.test.ts'],
          exclude: ['test/unit/**', ...quick, 'test/lifecycle/**', 'node_modules/**'],
          globalSetup: ['test/support/kafka-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // One file at a time: the broker and the tests share the machine.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // What reads and writes as users do, once more without the addon. `npm run test:js` has what takes longer.
        extends: true,
        test: {
          name: 'kafka-js',
          include: [
            ...['bad-input', 'compression', 'ends', 'fan-out', 'from-until', 'inference', 'records', 'sizes'],
            'subscription',
          ]
            .map((name) => `test/integration/${name}.test.ts`)
            .concat(['delivery', 'kill', 'stop'].map((name) => `test/faults/${name}.test.ts`)),
          env: { SABOT_BACKEND: 'js' },
          globalSetup: ['test/support/kafka-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
})
