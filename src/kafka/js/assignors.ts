/** How a group's leader shares partitions, by the names that Java's client and librdkafka know. */
import type { TopicPartition } from '../backend.ts'
import type { Client } from './client.ts'

export interface Member {
  readonly id: string
  readonly topics: readonly string[]
  readonly owned: readonly { readonly topic: string; readonly partitions: readonly number[] }[]
  readonly generation: number
}

/** The partitions of each member, by its id. `count`: how many partitions a topic has. */
export type Assignor = (members: readonly Member[], count: (topic: string) => number) => Map<string, TopicPartition[]>

const byId = (a: Member, b: Member): number => (a.id < b.id ? -1 : 1)

const nothing = (members: readonly Member[]): Map<string, TopicPartition[]> =>
  new Map(members.map(({ id }) => [id, [] as TopicPartition[]]))

const topicsOf = (members: readonly Member[]): string[] => [...new Set(members.flatMap(({ topics }) => topics))].sort()

/** Of each topic ranges of partitions, the first members getting one more where they do not divide. */
const range: Assignor = (members, count) => {
  const assigned = nothing(members)
  for (const topic of topicsOf(members)) {
    const takers = members.filter(({ topics }) => topics.includes(topic)).sort(byId)
    const partitions = count(topic)
    const each = Math.floor(partitions / takers.length)
    const more = partitions % takers.length
    let next = 0
    for (const [i, { id }] of takers.entries()) {
      for (const end = next + each + (i < more ? 1 : 0); next < end; next++) {
        assigned.get(id)!.push({ topic, partition: next })
      }
    }
  }
  return assigned
}

/** All partitions of all topics in turn, each to the next member that reads its topic. */
const roundrobin: Assignor = (members, count) => {
  const assigned = nothing(members)
  const takers = [...members].sort(byId)
  let turn = 0
  for (const topic of topicsOf(members)) {
    for (let partition = 0; partition < count(topic); partition++) {
      while (!takers[turn % takers.length]!.topics.includes(topic)) turn++
      assigned.get(takers[turn++ % takers.length]!.id)!.push({ topic, partition })
    }
  }
  return assigned
}

/** The client's own, which keeps what members have and takes back before it gives. */
const cooperativeSticky =
  (client: Client): Assignor =>
  (members, count) => {
    const topics = topicsOf(members)
    const known = new Map(
      members.map(({ id, topics: names, owned, generation }) => [
        id,
        { memberId: id, version: 2, topics: [...names], ownedPartitions: owned, generationId: generation },
      ]),
    )
    const metadata = { topics: new Map(topics.map((topic) => [topic, { partitionsCount: count(topic) }])) }
    const assigned = nothing(members)
    type Arguments = Parameters<typeof client.cooperativeStickyAssigner>
    const result = client.cooperativeStickyAssigner(
      '',
      known as unknown as Arguments[1],
      new Set(topics) as Arguments[2],
      metadata as unknown as Arguments[3],
    )
    for (const { memberId, assignments } of result) {
      for (const { topic, partitions } of assignments.values()) {
        for (const partition of partitions) assigned.get(memberId)!.push({ topic, partition })
      }
    }
    return assigned
  }

export function assignor(client: Client, name: string): Assignor {
  if (name === 'range') return range
  return name === 'roundrobin' ? roundrobin : cooperativeSticky(client)
}
