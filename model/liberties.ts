/**
 * Liberties: what the rules leave open, as switches of a kernel that was built with them (FUSE_IOMAP_LIBERTIES of the
 * reference kernel). A run with one of them says something about it only where the kernel took it, so that its counts
 * travel with the results.
 */

/** A switch, as the kernel describes it. */
export interface Liberty {
  name: string;
  /** What of the rules leaves the choice. */
  clause: string;
  /** What the kernel does while it is on. */
  effect: string;
}

/** How often a switch was looked at while it was on, and how often it made a difference. */
export interface LibertyCount {
  reached: number;
  used: number;
}

/** Counts by name of the switch. */
export type LibertyCounts = Record<string, LibertyCount>;

/** What a run with a switch came to, for its summary. */
export interface LibertyUse extends Liberty, LibertyCount {}

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
