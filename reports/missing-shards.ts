/** Shards that a merge was not given. */

const LEAD = 'no results of shard';

/** `no results of shard 2, 3 of 4`. */
export const missingShardsText = (missing: readonly number[], count: number): string =>
  `${LEAD} ${missing.join(', ')} of ${count}`;

/** Whether this is among the reasons why a run is incomplete. */
export const lacksShards = (endedBy: string | undefined): boolean => endedBy?.includes(LEAD) ?? false;
