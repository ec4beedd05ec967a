/**
 * Guests that are no VMs: their kernel is the model, with the rules of a table of one's own. What runs cases, looks for
 * deviations and shrinks them is tested on them, with faults that can be chosen. A kernel that walks without end hangs
 * here as there.
 */
import { runIdeal } from '../../../oracles/testing/ideal-kernel.ts';
import { EndlessWalk } from '../../../oracles/kernel/scripted-server.ts';
import { beginTableOf, type BeginTable } from '../../../oracles/rules/first-violation.ts';
import type { Case } from '../../../model/case.ts';
import type { GuestMessage, HostMessage, KernelFacts } from '../../../model/channel.ts';
import type { GuestIncident } from '../guest.ts';
import type { Guest, GuestLoss, GuestSource } from '../execute.ts';
import { revisions } from '../../../uapi/revision.ts';

export interface SimulatedKernel {
  /** Default: the rules of revision r3. */
  table?: BeginTable;
  /** Cases on which the kernel panics. Default: none. */
  panicsOn?: (testCase: Case) => boolean;
}

/** The rules of r3 but one. */
export function tableWithout(rule: string): BeginTable {
  const keep = <T extends { id: string }>(rows: readonly T[]) => rows.filter((row) => row.id !== rule);
  const { reply, map, validate, devices, retryHalves } = beginTableOf(revisions.r3);
  return { reply: keep(reply), map: keep(map), validate: keep(validate), devices: keep(devices), retryHalves };
}

export const simulatedFacts: KernelFacts = {
  release: '7.3.0-simulated',
  version: '#1',
  commandLine: '',
  fuse: true,
  enableIomap: true,
  debugIomap: true,
  badDataEvent: true,
  tainted: 0,
};

class Lost extends Error {}

class SimulatedGuest implements Guest {
  readonly facts = simulatedFacts;
  readonly #kernel: SimulatedKernel;
  readonly #ran: (testCase: Case) => void;
  #messages: (GuestMessage | Lost)[] = [];

  constructor(kernel: SimulatedKernel, ran: (testCase: Case) => void) {
    this.#kernel = kernel;
    this.#ran = ran;
  }

  send(message: HostMessage): void {
    if (message.kind === 'run-table')
      this.#messages.push({
        kind: 'table-refused',
        id: message.id,
        reason: 'a simulated guest has no addon',
        events: [],
      });
    if (message.kind !== 'run-cases') return;
    const { id } = message;
    for (const { index, case: testCase } of message.cases) {
      this.#messages.push({ kind: 'case-begins', id, index });
      this.#ran(testCase);
      const outcome = this.#run(testCase);
      if (outcome instanceof Lost) {
        this.#messages.push(outcome);
        return;
      }
      this.#messages.push({ ...outcome, id, index });
    }
    this.#messages.push({ kind: 'cases-done', id });
  }

  #run(
    testCase: Case,
  ):
    | Lost
    | Pick<Extract<GuestMessage, { kind: 'case-done' }>, 'kind' | 'observation'>
    | Pick<Extract<GuestMessage, { kind: 'case-failed' }>, 'kind' | 'reason'> {
    if (this.#kernel.panicsOn?.(testCase)) return new Lost('the kernel panicked: simulated');
    try {
      return {
        kind: 'case-done',
        observation: runIdeal(testCase, this.#kernel.table ? { table: this.#kernel.table } : {}),
      };
    } catch (error) {
      if (error instanceof EndlessWalk) return new Lost('the guest hangs: simulated');
      // Where the model does not know what a kernel does, there is nothing to observe.
      if (error instanceof Error && error.message.startsWith('unspecified'))
        return { kind: 'case-failed', reason: error.message };
      throw error;
    }
  }

  async receive(): Promise<GuestMessage> {
    // As a real channel: what is there arrives one turn later.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    const message = this.#messages.shift();
    if (message === undefined) throw new Error('the guest says nothing more');
    if (message instanceof Lost) throw message;
    return message;
  }

  consoleTail(): readonly string[] {
    return ['a simulated console'];
  }

  lossOf(error: unknown): GuestLoss {
    return {
      blame: error instanceof Lost ? 'kernel' : 'machine',
      reason: error instanceof Error ? error.message : String(error),
      consoleTail: this.consoleTail(),
    };
  }
}

export class SimulatedGuests implements GuestSource {
  readonly incidents: GuestIncident[] = [];
  readonly statistics = { booted: 0, lost: 0, bootMs: [] as number[] };
  readonly #kernel: SimulatedKernel;
  readonly #ran: (testCase: Case) => void;
  #idle: SimulatedGuest | undefined;

  /** `ran` hears of every case that starts. */
  constructor(kernel: SimulatedKernel = {}, ran: (testCase: Case) => void = () => undefined) {
    this.#kernel = kernel;
    this.#ran = ran;
  }

  lease(): Promise<Guest> {
    const guest = this.#idle;
    this.#idle = undefined;
    if (guest) return Promise.resolve(guest);
    this.statistics.booted += 1;
    return Promise.resolve(new SimulatedGuest(this.#kernel, this.#ran));
  }

  incident(incident: GuestIncident): void {
    this.incidents.push(incident);
  }

  release(guest: Guest, state: 'healthy' | 'poisoned'): Promise<void> {
    if (state === 'poisoned') this.statistics.lost += 1;
    else this.#idle = guest as SimulatedGuest;
    return Promise.resolve();
  }
}
