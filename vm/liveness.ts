/**
 * Tells a guest that is locked up from one that gets no processor. A guest that watches its kernel says every second that it is alive; silence proves
 * nothing by itself, as a host under load lets QEMU wait. So turns of this process are counted, not seconds, and the processor time that QEMU used.
 */

/** Pause between two turns. */
export const turnMs = 500;
/** Turns without a word after which a guest is locked up, and for one whose case has locked up a guest before. */
const patientTurns = 15, impatientTurns = 7;
/** QEMU used so much of that time: its guest ran and did not get to say so. */
const busyShare = 0.6;
/** It used so little: its guest sleeps, and nothing will wake it up. Then twice the turns are needed. */
const idleShare = 0.05;

export type Silence = { how: 'runs' | 'sleeps'; silentMs: number; processorMs: number };

export class Liveness {
  #watched = false;
  #turns = 0;
  #startMs: number | undefined;
  /** The case at hand has locked up a guest before. */
  impatient = false;

  /** The guest says by itself that it is alive. */
  get watched(): boolean {
    return this.#watched;
  }

  /** The guest said something; `watches`: that it watches its kernel. */
  heard(watches: boolean): void {
    this.#watched ||= watches;
    this.#turns = 0;
    this.#startMs = undefined;
  }

  /** Another turn; `processorMs`: what QEMU has used until now, undefined: it is stopped or gone. Says when the guest is locked up. */
  turn(processorMs: number | undefined): Silence | undefined {
    if (!this.#watched || processorMs === undefined) {
      this.#turns = 0;
      this.#startMs = undefined;
      return undefined;
    }
    this.#startMs ??= processorMs;
    this.#turns += 1;
    const silentMs = this.#turns * turnMs, used = processorMs - this.#startMs;
    const needed = this.impatient ? impatientTurns : patientTurns;
    const silence = { silentMs, processorMs: used };
    if (this.#turns >= needed && used >= needed * turnMs * busyShare) return { how: 'runs', ...silence };
    if (this.#turns >= 2 * needed && used <= silentMs * idleShare) return { how: 'sleeps', ...silence };
    return undefined;
  }
}
