/** What became of a case. */
import type { Observation } from '../../model/observation.ts';
import type { GuestLoss } from './guest.ts';

/** The tries that it took. */
interface Tried {
  /**
   * Each try in which the kernel took its guest down, oldest first; absent: none. What a later try saw does not undo
   * them.
   */
  crashes?: readonly GuestLoss[];
  /** All tries, also those that were lost to the machine. Absent: 1. */
  tries?: number;
}

export type Outcome = Tried &
  (
    | { kind: 'observed'; observation: Observation }
    /** No try came to its end, and the kernel went down or hung in at least one; `loss` is the last of these. */
    | { kind: 'crashed'; loss: GuestLoss }
    /** No try came to its end, and none of that is known to be the kernel's doing. */
    | { kind: 'lost'; loss: GuestLoss }
    /** The agent could not execute the case. */
    | { kind: 'failed'; reason: string }
  );

/** `index`: position among the cases that were to be executed. */
export interface Executed {
  index: number;
  outcome: Outcome;
}

/** How guests were lost on the way to this outcome: the kernel's crashes, or the loss that the case ended with. */
export const lossesOf = (outcome: Outcome): readonly GuestLoss[] =>
  outcome.crashes ?? ('loss' in outcome ? [outcome.loss] : []);

/** The end of the console of the last guest that was lost, as text; empty: none was, or it said nothing. */
export const consoleOf = (outcome: Outcome): string => lossesOf(outcome).at(-1)?.consoleTail.join('\n') ?? '';
