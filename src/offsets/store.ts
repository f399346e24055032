/**
 * The OffsetStore seam: where a run keeps the positions that it has delivered. `group.ts` is Kafka's own consumer
 * group; stores outside Kafka implement the same.
 */

/** The next offset to read of a partition, and the assignment epoch under which its rows were read. */
export interface CommitPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly epoch: number
}

export interface OffsetStore {
  readonly name: string
  /** Keeps positions; those of an older epoch than the present assignment are dropped. Rejects where it could not. */
  commit(positions: readonly CommitPosition[]): Promise<void>
  /** Idempotent. */
  close(): Promise<void>
}
