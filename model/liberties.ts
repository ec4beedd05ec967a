/**
 * Liberties: what the rules leave open, as switches of a kernel that was built with them (FUSE_IOMAP_LIBERTIES of the
 * reference kernel). A run with one of them says something about it only where the kernel took it, so that its counts
 * travel with the results.
 */

import { z } from 'zod';

/** What a run with a switch came to, for its summary. */
export const libertyUse = z.object({
  name: z.string(),
  /** What of the rules leaves the choice. */
  clause: z.string(),
  /** What the kernel does while it is on. */
  effect: z.string(),
  /** How often the switch was looked at while it was on, and how often it made a difference. */
  reached: z.int().min(0),
  used: z.int().min(0),
});
export type LibertyUse = z.infer<typeof libertyUse>;

/** A switch, as the kernel describes it. */
export type Liberty = Pick<LibertyUse, 'name' | 'clause' | 'effect'>;
export type LibertyCount = Pick<LibertyUse, 'reached' | 'used'>;

/** Counts by name of the switch. */
export type LibertyCounts = Record<string, LibertyCount>;

/** `asked`: names of the switches that a run was made with. Throws when the kernel does not know one of them. */
export function libertyUses(asked: readonly string[], known: readonly Liberty[]): LibertyUse[] {
  return asked.map((name) => {
    const liberty = known.find((one) => one.name === name);
    if (!liberty) throw new RangeError(`the kernel knows no liberty ${name}`);
    return { ...liberty, reached: 0, used: 0 };
  });
}

export function addCounts(uses: readonly LibertyUse[], counts: LibertyCounts): void {
  for (const use of uses) {
    const { reached, used } = counts[use.name] ?? { reached: 0, used: 0 };
    use.reached += reached;
    use.used += used;
  }
}
