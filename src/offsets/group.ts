/** The default store: the consumer group's committed offsets, through the source that is its member. */
import type { CommitPosition, OffsetStore } from './store.ts'

/** What of a source this store needs: the member alone can commit for the group. */
export interface GroupMember {
  commit(positions: readonly CommitPosition[]): Promise<void>
}

export const groupOffsets = (member: GroupMember): OffsetStore => ({
  name: 'group',
  commit: (positions) => member.commit(positions),
  close: async () => {},
})
