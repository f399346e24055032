/** hash(): to sample, to spread, to compare many columns at once; no checksum and no secret. */
import { hashKernel } from '../kernels/hash.ts'
import { call, type Operator } from '../operator.ts'
import { takes } from '../rules.ts'

export const hashOperators = {
  hash: call('hash', {
    rule: takes({ args: ['scalar'], rest: true, gives: 'int64' }),
    kernel: hashKernel,
    cost: 12,
    doc: {
      call: 'a.hash(), hash(a, b, ...)',
      types: 'scalars -> int64',
      text:
        'MurmurHash3_x86_128 with seed 0: its first 8 bytes as a little-endian int64. Hashed are, little-endian: integers, ' +
        'dates, timestamps (in their own unit) and bool (0, 1) as the 8 bytes of an int64, so that int32 5 and int64 5 hash ' +
        'alike; floats as the 8 bytes of a float64, -0 as 0 and every NaN as one; decimals as the 16 bytes of the unscaled ' +
        'value; text and bytes as they are. Of several, the 8-byte hashes of each, one behind another. No protection ' +
        'against who seeks collisions.',
      example: {
        columns: { a: 'int32' },
        rows: [[5], [null]],
        expr: "col('a').hash()",
        result: [-6062553445244518497n, null],
      },
    },
  }),
} satisfies Record<string, Operator>
