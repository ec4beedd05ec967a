/** The switches of a kernel that was built with FUSE_IOMAP_LIBERTIES, and what they came to. */
import { readFileSync } from 'node:fs';
import type { Liberty, LibertyCounts } from '../../../model/liberties.ts';

const FILE = '/sys/kernel/debug/fuse_iomap_liberties';

/** A line each: name, on, reached, used, clause, effect (fs/fuse/fuse_iomap_liberty.c, fuse_iomap_liberties_show). */
function readLines(): string[][] | undefined {
  try {
    return readFileSync(FILE, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
  } catch {
    return undefined;
  }
}

/** Undefined: the kernel has no such switches. */
export const knownLiberties = (): Liberty[] | undefined =>
  readLines()?.map(([name = '', , , , clause = '', effect = '']) => ({ name, clause, effect }));

/** What happened since the last question. */
export class LibertyCounter {
  readonly #on: boolean;
  #before: LibertyCounts = {};

  constructor() {
    const lines = readLines() ?? [];
    this.#on = lines.some(([, on]) => on === '1');
    this.#before = countsOf(lines);
  }

  /** Undefined: nothing is switched on. Switches that nothing reached are left out. */
  take(): LibertyCounts | undefined {
    if (!this.#on) return undefined;
    const now = countsOf(readLines() ?? []);
    const news: LibertyCounts = {};
    for (const [name, { reached, used }] of Object.entries(now)) {
      const before = this.#before[name] ?? { reached: 0, used: 0 };
      if (reached > before.reached || used > before.used)
        news[name] = { reached: reached - before.reached, used: used - before.used };
    }
    this.#before = now;
    return news;
  }
}

const countsOf = (lines: readonly string[][]): LibertyCounts =>
  Object.fromEntries(
    lines.map(([name = '', , reached, used]) => [name, { reached: Number(reached), used: Number(used) }]),
  );
