/** Where a run gets its guests: from the broker when there is one (test runs), else from a pool of its own. */
import { LeasedVm } from './broker/client.ts';
import { brokerVariable } from './broker/protocol.ts';
import { VmPool, type LeaseEnd } from './pool.ts';
import { Vm, type VmHandle, type VmSpec } from './vm.ts';

export class GuestSource {
  readonly #spec: VmSpec;
  readonly #broker = process.env[brokerVariable];
  readonly #pool = new VmPool();

  constructor(spec: VmSpec) {
    this.#spec = spec;
  }

  /** A running guest. Throws VmError or InfrastructureError. */
  lease(): Promise<VmHandle> {
    return this.#broker === undefined ? this.#pool.lease(this.#spec) : LeasedVm.lease(this.#broker, this.#spec);
  }

  async release(guest: VmHandle, end: LeaseEnd): Promise<void> {
    if (guest instanceof LeasedVm) await guest.release(end);
    else if (guest instanceof Vm) await this.#pool.release(guest, end);
  }

  /** Ends what this run alone had; the broker keeps its guests for the next. */
  async close(): Promise<void> {
    await this.#pool.close();
  }
}
