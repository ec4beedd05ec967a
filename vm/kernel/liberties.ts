/** The liberties of the reference kernel, read where they are defined: in its patch series. */
import { patchSeries } from './patches.ts';

export interface SeriesLiberty {
  name: string;
  /** What of the rules leaves the choice. */
  clause: string;
  /** What the kernel does while the switch is on. */
  effect: string;
}

/** A row of fs/fuse/fuse_iomap_liberty_defs.h, as a patch adds it. */
const row = /^\+FUSE_IOMAP_LIBERTY\(\w+, "([^"]+)",\n\+\s+"([^"]+)",\n\+\s+"([^"]+)"\)$/gm;

/** In the order of the table. */
export const libertiesOfSeries = (): SeriesLiberty[] =>
  patchSeries().flatMap(({ text }) =>
    [...text.matchAll(row)].map(([, name, clause, effect]) => ({ name: name!, clause: clause!, effect: effect! })),
  );
