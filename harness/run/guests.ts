/** The VMs of this process: clones of one that has booted, made when they are needed. */
import { InfrastructureError } from '../../model/errors.ts';
import { lossOf, VmError, type VmFailure } from '../../vm/qemu/failure.ts';
import { Template } from '../../vm/template.ts';
import { notInterrupted, type Vm, type VmEnvironment, type VmSpec } from '../../vm/vm.ts';
import { outsideCases } from './outside-cases.ts';
import type { Numbers } from '../../uapi/numbers.ts';
import type { Guest, GuestIncident, GuestSource } from './guest.ts';

/** Below the ids of every batch. */
const LAST_UNMOUNT = -1,
  WARM_UP = -2;
/** Unmounting waits for the server of the guest, which answers at once. */
const unmountDeadlineMs = 20_000;
/** Two threads that load their scripts, on a machine that is busy. */
const warmUpDeadlineMs = 60_000;

/** A kernel that has booted before, and does not now, is tried so often. */
const MOST_BOOTS = 3;
/**
 * Ends of a boot that are the kernel's doing beyond doubt: a guest that is only late may be on a machine that is busy.
 */
const kernelEnds: readonly VmFailure['kind'][] = ['boot-panicked', 'panicked', 'hangs', 'locked-up', 'reset'];

export interface GuestStatistics {
  booted: number;
  lost: number;
  /** From the start of QEMU to a ready agent, one entry per guest. */
  bootMs: number[];
}

/**
 * Also the first guest is a clone: a snapshot costs a tenth of a boot, and a kernel that takes its VM down with the
 * first case costs no second boot.
 */
export class LocalGuests implements GuestSource {
  readonly statistics: GuestStatistics = { booted: 0, lost: 0, bootMs: [] };
  readonly #spec: VmSpec;
  readonly #onConsole: (lines: readonly string[]) => void;
  readonly #onIncident: (incident: GuestIncident) => void;
  readonly #jobs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #idle: Vm[] = [];
  readonly #leased = new Set<Vm>();
  /** The most that were leased at once: so many are kept while nobody needs them. */
  #most = 0;
  #template: Promise<Template> | undefined;
  #environment: VmEnvironment | undefined;

  /**
   * `onConsole` receives the kernel log of each guest when it ends, `onIncident` what the kernel did that no case
   * shows; `jobs` guests at most are leased at the same time; `signal` breaks off what boots or is cloned.
   */
  constructor(
    spec: VmSpec,
    onConsole: (lines: readonly string[]) => void = () => undefined,
    jobs = 1,
    onIncident: (incident: GuestIncident) => void = () => undefined,
    signal?: AbortSignal,
  ) {
    this.#spec = spec;
    this.#onConsole = onConsole;
    this.#onIncident = onIncident;
    this.#jobs = jobs;
    this.#signal = signal;
  }

  get numbers(): Numbers | undefined {
    return this.#spec.uapiHeader?.numbers;
  }

  /** Of the first guest; undefined before there was one. */
  get environment(): VmEnvironment | undefined {
    return this.#environment;
  }

  /**
   * Throws VmError when there never was a guest, InfrastructureError when a further one cannot be had, or
   * InterruptedError.
   */
  async lease(): Promise<Vm> {
    const vm = this.#idle.pop() ?? (await this.#begin(() => this.#start()));
    this.#leased.add(vm);
    this.#most = Math.max(this.#most, this.#leased.size);
    return vm;
  }

  async release(guest: Guest, state: 'healthy' | 'poisoned'): Promise<void> {
    const vm = guest as Vm;
    this.#leased.delete(vm);
    if (state === 'healthy' && this.#idle.length < Math.max(this.#jobs, this.#most) && vm.lost === undefined)
      this.#idle.push(vm);
    else {
      if (state === 'poisoned') this.statistics.lost += 1;
      await this.#end(vm);
    }
  }

  incident(incident: GuestIncident): void {
    this.#onIncident(incident);
  }

  /** Guests that have done nothing yet: every lease is a clone of its own, thrown away afterwards. */
  fresh(): GuestSource {
    const { numbers } = this;
    return {
      numbers,
      lease: async () => {
        const vm = await this.#begin(() => this.#start());
        this.#leased.add(vm);
        return vm;
      },
      release: async (guest, state) => {
        if (state === 'poisoned') this.statistics.lost += 1;
        this.#leased.delete(guest as Vm);
        await this.#end(guest as Vm);
      },
      incident: (incident) => {
        this.#onIncident(incident);
      },
    };
  }

  get #clones(): { signal?: AbortSignal } {
    return this.#signal === undefined ? {} : { signal: this.#signal };
  }

  #snapshot(): Promise<Template> {
    if (this.#template === undefined) {
      this.#template = Template.create(this.#spec, (vm) => this.#warmUp(vm), this.#signal);
      // The next one may have more luck.
      this.#template.catch(() => {
        this.#template = undefined;
      });
    }
    return this.#template;
  }

  /** What every clone would do before its first case is done once. */
  async #warmUp(vm: Vm): Promise<void> {
    vm.send({ kind: 'warm-up', id: WARM_UP });
    try {
      await vm.receive(warmUpDeadlineMs, this.#signal);
    } finally {
      notInterrupted(this.#signal);
    }
    this.#onConsole(vm.consoleTail());
  }

  /**
   * `lastUnmount`: let guests that are idle unmount what they have mounted, and say what the kernel has to say about
   * that.
   */
  async close(lastUnmount = false): Promise<void> {
    if (lastUnmount) await Promise.all(this.#idle.map((vm) => this.#unmount(vm)));
    const all = [...this.#leased, ...this.#idle.splice(0)];
    this.#leased.clear();
    const ends = await Promise.allSettled(all.map((vm) => this.#end(vm)));
    await this.#template?.then(
      (template) => {
        template.close();
      },
      () => {
        /* it never came to be */
      },
    );
    this.#template = undefined;
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /**
   * One guest that booted shows that this kernel can be tested: what goes wrong later is the machine's, or a fault that
   * shows now and then.
   */
  async #begin(start: () => Promise<Vm>): Promise<Vm> {
    for (let boots = 1; ; boots += 1) {
      try {
        return await start();
      } catch (error) {
        const { booted } = this.statistics;
        if (booted === 0 || !(error instanceof VmError) || this.#signal?.aborted) throw error;
        const { reason, consoleTail } = lossOf(error);
        if (kernelEnds.includes(error.failure.kind))
          this.#onIncident({ reason, when: 'while a further guest booted', log: consoleTail, candidates: [] });
        if (boots < MOST_BOOTS) continue;
        throw new InfrastructureError(
          `no further guest could be had, in ${boots} tries, after ${booted} that booted; what finished before is in the results. The last: ${error.message}`,
        );
      }
    }
  }

  async #start(): Promise<Vm> {
    const vm = await (await this.#snapshot()).clone(this.#clones);
    this.#environment ??= vm.environment;
    this.statistics.booted += 1;
    this.statistics.bootMs.push(Math.round(vm.environment.readyAfterMs));
    return vm;
  }

  /** Whatever happens here, every case has its outcome: it is the kernel's last chance to complain, and to go down. */
  async #unmount(vm: Vm): Promise<void> {
    const place = { where: 'unmount', recent: [] } as const;
    try {
      vm.send({ kind: 'run-cases', id: LAST_UNMOUNT, cases: [] });
      for (;;) {
        const message = await vm.receive(unmountDeadlineMs);
        if (message.kind === 'outside-cases')
          for (const incident of outsideCases(message.events, place)) this.#onIncident(incident);
        else if (message.kind === 'cases-done' || message.kind === 'error') return;
      }
    } catch (error) {
      const { blame, reason, consoleTail } = vm.lossOf(error);
      if (blame === 'kernel')
        this.#onIncident({ reason, when: 'at the last unmount', log: consoleTail, candidates: [] });
    }
  }

  async #end(vm: Vm): Promise<void> {
    try {
      this.#onConsole(vm.consoleTail());
    } finally {
      // Whatever the listener ran into (a full disk): a VM that stays would keep this process alive.
      await vm.close();
    }
  }
}
