/**
 * Ends a run of a kernel that goes down or hangs in the same way again and again: each further case costs seconds and
 * tells nothing new.
 */
import { causeInLog } from '../../model/finding/message.ts';
import type { CaseRecord } from '../../model/results.ts';

/** A hang that is known costs three seconds: a minute is what a run spends on one that is everywhere. */
export const MOST_EQUAL_CRASHES = 20;

const CRASHES: ReadonlySet<string> = new Set(['kernel/healthy', 'kernel/hang']);

export class EqualCrashes {
  readonly #most: number;
  readonly #counts = new Map<string, number>();

  constructor(most = MOST_EQUAL_CRASHES) {
    this.#most = most;
  }

  /** Why the run must end, when this was one too many. */
  add({ verdict }: Pick<CaseRecord, 'verdict'>): string | undefined {
    if (verdict.kind !== 'deviates') return undefined;
    const kinds = new Set(
      verdict.deviations
        .filter(({ rule }) => CRASHES.has(rule))
        .map(({ seen }) => seen.replace(/ \(\d+ of \d+ tries\)$/, '')),
    );
    for (const seen of kinds) {
      const kind = causeInLog(seen);
      const count = (this.#counts.get(kind) ?? 0) + 1;
      this.#counts.set(kind, count);
      if (count >= this.#most) return `stopped after ${count} cases that took the kernel down alike: ${seen}`;
    }
    return undefined;
  }
}
