/** The licences of what is linked into the addon: each asks to go along with a binary. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../src/kafka/platform.ts'

interface Part {
  readonly name: string
  /** Below the package's root. */
  readonly text: string
  /** The library that is there where the addon has this part. Absent: it always has. */
  readonly library?: string
}

const parts: readonly Part[] = [
  { name: 'librdkafka', text: 'node_modules/@confluentinc/kafka-javascript/deps/librdkafka/LICENSES.txt' },
  { name: 'Zstandard', text: 'node_modules/zstd-napi/deps/zstd/LICENSE' },
  { name: 'simdjson', text: 'node_modules/@nozbe/simdjson/LICENSE' },
  { name: 'node-addon-api', text: 'node_modules/node-addon-api/LICENSE.md' },
  { name: 'mimalloc', text: 'build/deps/mimalloc.LICENSE', library: 'build/deps/libmimalloc.a' },
]

/** Of libraries that the building system has, whose own copies of the texts lie elsewhere on each. */
const others = `OpenSSL: the Apache License 2.0, whose text is in LICENSE. Copyright the OpenSSL Project Authors.

zlib: Copyright (C) 1995-2024 Jean-loup Gailly and Mark Adler.
  This software is provided 'as-is', without any express or implied warranty. In no event will the authors be held
  liable for any damages arising from the use of this software. Permission is granted to anyone to use this software for
  any purpose, including commercial applications, and to alter it and redistribute it freely, subject to the following
  restrictions: 1. The origin of this software must not be misrepresented; you must not claim that you wrote the original
  software. If you use this software in a product, an acknowledgment in the product documentation would be appreciated
  but is not required. 2. Altered source versions must be plainly marked as such, and must not be misrepresented as being
  the original software. 3. This notice may not be removed or altered from any source distribution.

The C++ standard library and the compiler's runtime: GCC's, GPL 3 with the GCC Runtime Library Exception 3.1 (Linux).
`

/** One text of all of them. */
export function licences(): string {
  const here = (path: string) => join(packageRoot(), path)
  const texts = parts
    .filter(({ library }) => library === undefined || existsSync(here(library)))
    .map(({ name, text }) => `==== ${name}\n\n${readFileSync(here(text), 'utf8').trim()}\n`)
  return [...texts, `==== others\n\n${others}`].join('\n')
}
