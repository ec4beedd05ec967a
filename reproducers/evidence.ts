/** What is told about a case besides the case: what was seen of it, where, and the clauses that it is about. */
import type { UapiHeader } from '../model/uapi-header.ts';
import type { Deviation, Unjudged } from '../model/verdict.ts';

export interface Evidence {
  /** Deviations that were seen; empty: none, or nothing was tried. */
  deviations: readonly Deviation[];
  /** Where they were seen. */
  kernel?: KernelNotes;
  /** By rule id: the clause, and what a violation leads to (`EUCLEAN (117)`). */
  clauses: ReadonlyMap<string, { clause: string; errno?: string }>;
  /** Replays that showed the deviations, of how many; when there is no deviation: that conformed. */
  reliability?: { shown: number; of: number };
  /** By whose numbers the kernel is spoken to; absent: those of the case's revision. */
  uapiHeader?: UapiHeader;
  /** What of it could not be judged. */
  unjudged?: readonly Unjudged[];
}

export interface KernelNotes {
  release: string;
  version: string;
  /** Options that matter, as NAME=value. */
  config: readonly string[];
  /** How it ran: `QEMU 7.2, microvm, tcg`. */
  machine?: string;
}
