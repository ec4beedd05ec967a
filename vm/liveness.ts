/**
 * Tells a guest that is locked up from one that gets no processor. A guest that watches its kernel says every second
 * that it is alive; silence proves nothing by itself, as a host under load lets QEMU wait. So turns of this process are
 * counted, not seconds, and the processor time that QEMU used.
 */

import type { ProcessorTime } from './qemu/processor-time.ts';

/** Pause between two turns. */
export const turnMs = 500;
/** Turns without a word after which a guest is locked up, and for one whose case has locked up a guest before. */
const patientTurns = 15,
  impatientTurns = 7;
/** QEMU used so much of that time: its guest ran and did not get to say so. */
const busyShare = 0.6;
/** It used so little: its guest sleeps, and nothing will wake it up. */
const idleShare = 0.05;
/** It waited so long for a processor: it did not sleep because it had nothing to do. */
const starvedShare = 0.2;
/**
 * That many times the turns are needed for one that sleeps: more where the host does not say how long QEMU waited for a
 * processor.
 */
const sleepingFactor = 4 / 3,
  sleepingFactorUnsure = 2;

export type Silence = { how: 'runs' | 'sleeps'; silentMs: number; processorMs: number };

export class Liveness {
  #watched = false;
  #turns = 0;
  #start: ProcessorTime | undefined;
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
    this.#start = undefined;
  }

  /**
   * Another turn; `time`: what QEMU has had until now, undefined: it is stopped or gone. Says when the guest is locked
   * up.
   */
  turn(time: ProcessorTime | undefined): Silence | undefined {
    if (!this.#watched || time === undefined) {
      this.#turns = 0;
      this.#start = undefined;
      return undefined;
    }
    this.#start ??= time;
    this.#turns += 1;
    const silentMs = this.#turns * turnMs,
      used = time.usedMs - this.#start.usedMs;
    const waited =
      time.waitedMs !== undefined && this.#start.waitedMs !== undefined
        ? time.waitedMs - this.#start.waitedMs
        : undefined;
    const needed = this.impatient ? impatientTurns : patientTurns;
    const silence = { silentMs, processorMs: used };
    if (this.#turns >= needed && used >= needed * turnMs * busyShare) return { how: 'runs', ...silence };
    const sleeps = used <= silentMs * idleShare && (waited ?? 0) <= silentMs * starvedShare;
    if (sleeps && this.#turns >= needed * (waited === undefined ? sleepingFactorUnsure : sleepingFactor))
      return { how: 'sleeps', ...silence };
    return undefined;
  }
}
