/**
 * The tries of each case, and what the kernel did in those that failed. Nothing of that is forgotten because a later
 * try passes: a crash is part of its case's outcome, and one that came while several cases ran unannounced is held
 * until one of them shows it again, or none does.
 */
import type { KernelEvent } from '../../model/observation.ts';
import type { GuestLoss } from './guest.ts';
import type { Outcome } from './outcome.ts';

/** Something that one of several cases made the kernel do, and that none of them shows. */
export interface Unattributed {
  loss: GuestLoss;
  /** The guest was lost by it; false: the kernel complained and lived on. */
  fatal: boolean;
  /** The cases one of which did it. */
  candidates: readonly number[];
  /** They did not run again, so that nobody knows whether one shows it. */
  open?: true;
}

/** After these the kernel's state is not to be trusted; expected warnings about bad mappings are not among them. */
export const taints = ({ events }: { events: readonly KernelEvent[] }): boolean =>
  events.some(({ kind }) => kind === 'bug' || kind === 'warning' || kind === 'assertion');

export class Tries {
  readonly #limit: number;
  readonly #losses = new Map<number, GuestLoss[]>();
  #open: (Unattributed & { waiting: Set<number> })[] = [];

  /** A case that costs so many guests is given up. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * A try of the case ended with the loss of its guest. `last`: another one would tell nothing. The outcome when that
   * was the last try.
   */
  failed(index: number, loss: GuestLoss, last = false): Outcome | undefined {
    const losses = [...(this.#losses.get(index) ?? []), loss];
    this.#losses.set(index, losses);
    if (losses.length < this.#limit && !last) return undefined;
    const crash = losses.findLast(({ blame }) => blame === 'kernel');
    return crash ? { kind: 'crashed', loss: crash } : { kind: 'lost', loss };
  }

  /** One of these cases, which all run again, made the kernel do this. */
  suspect(unattributed: Unattributed): void {
    this.#open.push({ ...unattributed, waiting: new Set(unattributed.candidates) });
  }

  /**
   * The case has its outcome. Returns it with the crashes that are the case's, and what none of its candidates showed.
   */
  settle(index: number, outcome: Outcome): { outcome: Outcome; unattributed: Unattributed[] } {
    const losses = this.#losses.get(index) ?? [];
    this.#losses.delete(index);
    const crashes = losses.filter(({ blame }) => blame === 'kernel');
    const shows = crashes.length > 0 || (outcome.kind === 'observed' && taints(outcome.observation));
    const unattributed: Unattributed[] = [];
    const adopted: GuestLoss[] = [];
    for (const one of this.#open.filter(({ waiting }) => waiting.has(index))) {
      one.waiting.delete(index);
      // A complaint is shown by the same one only; a crash is the case's that makes the kernel do anything bad.
      const shown = one.fatal ? shows : saysAgain(outcome, one.loss.reason);
      if (!shown && one.waiting.size > 0) continue;
      this.#open = this.#open.filter((other) => other !== one);
      if (!shown) unattributed.push(one);
      else if (one.fatal) adopted.push(one.loss);
    }
    const tries = adopted.length + losses.length + (outcome.kind === 'observed' || outcome.kind === 'failed' ? 1 : 0);
    const all = [...adopted, ...crashes];
    return {
      outcome: { ...outcome, ...(all.length > 0 && { crashes: all }), ...(tries > 1 && { tries }) },
      unattributed,
    };
  }

  /**
   * No case runs any more: what is still open stays without its case, also the crash of a case that did not run again.
   */
  end(): Unattributed[] {
    const crashes = [...this.#losses].flatMap(([index, losses]) =>
      losses
        .filter(({ blame }) => blame === 'kernel')
        .map((loss): Unattributed => ({ loss, fatal: true, candidates: [index] })),
    );
    this.#losses.clear();
    return [...this.#open.splice(0), ...crashes].map((one) => ({ ...one, open: true }));
  }
}

const saysAgain = (outcome: Outcome, title: string): boolean =>
  outcome.kind === 'observed' && outcome.observation.events.some((event) => titleOfEvent(event) === title);

/** How a complaint is named where it belongs to no case. */
export const titleOfEvent = (event: KernelEvent): string | undefined =>
  'title' in event ? event.title : event.kind === 'assertion' ? `Assertion failed: ${event.condition}` : undefined;
