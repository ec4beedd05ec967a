/**
 * Tells a kernel that hangs from a guest that is slow. Time alone proves nothing, as a host under load gives a guest no
 * processor for seconds and its clock goes on: looks are counted, each of which the guest had to be awake for. A kernel
 * that waits for ever is recognised by that nobody in the guest could run, look after look; the other two need ten
 * seconds and more evidence.
 */
import type { Hang } from '../../../model/hang.ts';

export interface Look {
  /** What changes when the workload gets on: steps, and requests of the kernel. */
  position: string;
  /** Threads that could run now, without the one that looks. */
  running: number;
  /** Context switches of the workload's and the server's threads. */
  switches: number;
  /** Processor time that these spent in user mode. */
  userTicks: number;
  idleTicks: number;
  allTicks: number;
}

/** Pause between two looks. */
export const lookMs = 250;
/**
 * A hang that is known from an earlier case is believed after so many looks without anything to run, a new one after so
 * many.
 */
export const looksOfKnown = 3,
  looksOfNew = 16;
/** The same for kernels that are busy, or wake up in vain. */
const looksOfKnownBusy = 8;
/**
 * A kernel that is busy, or wakes up in vain. How long a step may take without a request is a choice; each request and
 * each step begins the count anew.
 */
export const looksOfBusy = 40;

export class Judgement {
  #first: Look | undefined;
  #last: Look | undefined;
  #looks = 0;
  #still = 0;
  #ran = 0;

  /** How it hangs, once that is proven; `early`: how it hangs if that looks like one that is known. */
  look(now: Look): { how?: Hang['how']; early?: Hang['how'] } {
    const last = this.#last;
    this.#last = now;
    if (!this.#first || last?.position !== now.position) {
      this.reset(now);
      return {};
    }
    this.#looks += 1;
    if (now.running > 0) this.#ran += 1;
    this.#still = now.running === 0 && now.switches === last.switches ? this.#still + 1 : 0;
    if (this.#still >= looksOfNew) return { how: 'waits' };
    if (this.#still >= looksOfKnown) return { early: 'waits' };
    if (this.#looks < looksOfKnownBusy) return {};
    const how = this.#busyHow(now);
    return how === undefined ? {} : this.#looks < looksOfBusy ? { early: how } : { how };
  }

  #busyHow(now: Look): Hang['how'] | undefined {
    const first = this.#first!;
    const ticks = Math.max(now.allTicks - first.allTicks, 1);
    // Code of the guest itself is busy: the comparison of a device, a collection of garbage.
    if (now.userTicks - first.userTicks > ticks / 4) return undefined;
    if (this.#ran > this.#looks * 0.8) return 'runs';
    // A guest that gets no processor seems busy to itself.
    return now.idleTicks - first.idleTicks > ticks * 0.8 ? 'restless' : undefined;
  }

  /** Looks since something changed. */
  get looks(): number {
    return this.#looks;
  }

  reset(now?: Look): void {
    this.#first = now;
    this.#last = now;
    this.#looks = this.#still = this.#ran = 0;
  }
}
