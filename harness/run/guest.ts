/** Guests as runs see them: where they come from, what they say, how they are lost. */
import type { Case } from '../../model/case.ts';
import type { Hang } from '../../model/hang.ts';
import type { GuestMessage, HostMessage, KernelFacts } from '../../model/channel.ts';
import type { ReliabilityCount } from '../../model/results.ts';
import type { Numbers } from '../../uapi/numbers.ts';

/** What the executor needs of a VM. `receive` rejects with an error that says how the VM was lost. */
export interface Guest {
  readonly facts: KernelFacts;
  send(message: HostMessage): void;
  receive(deadlineMs: number): Promise<GuestMessage>;
  /** The case that comes next has locked up a guest before: silence is believed sooner. */
  impatient?: boolean;
  /** The end of the kernel log so far, oldest line first. */
  consoleTail(lines?: number): readonly string[];
  /** Whose fault a failure of `receive` is. */
  lossOf(error: unknown): GuestLoss;
}

export interface GuestLoss {
  /**
   * `kernel`: a panic, an oops or a hang of the kernel under test. `guest`: what runs in the guest broke the protocol
   * or ended, and nobody can say who made it do so. `machine`: everything else. Only the kernel's are findings.
   */
  blame: 'kernel' | 'guest' | 'machine';
  reason: string;
  /** The end of the kernel log, oldest line first. */
  consoleTail: readonly string[];
  /** What the guest proved of a kernel that does not come back. */
  hang?: Hang;
  /** Equal for equal crashes and hangs, also on different cases. */
  signature?: string;
}

/**
 * Something that the kernel did and that no case shows when it runs alone. It belongs to the run, which deviates by it.
 */
export interface GuestIncident {
  /** What happened, as a finding's first line: `the kernel panicked: ...` */
  reason: string;
  /** For people: when it happened. */
  when: string;
  /** The kernel log around it, oldest line first. */
  log: readonly string[];
  /** Hashes of the cases one of which did it; empty: no case was running. */
  candidates: readonly string[];
  /** It is shown, and no deviation: nothing of it has to do with what is tested. */
  notice?: true;
  /** The case that was running, where it is none of the run's own: a smaller form of one. */
  shownBy?: {
    case: Case;
    reliability: ReliabilityCount;
    /** The finding that it is, as if a case of the run had shown it. */ finding: string;
  };
}

/** Where guests come from: a pool of our own or the broker of a test run. */
export interface GuestSource {
  /** Of the kernel that its guests run; absent: those of the revision that a case names. */
  readonly numbers?: Numbers | undefined;
  lease(): Promise<Guest>;
  /** A poisoned guest is thrown away. */
  release(guest: Guest, state: 'healthy' | 'poisoned'): Promise<void>;
  /** Takes note of what no case shows. Absent: nobody asks. */
  incident?(incident: GuestIncident): void;
}
