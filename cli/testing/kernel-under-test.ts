/**
 * The kernel that the suites test: IOMAPFUZZ_KERNEL (a bzImage) or IOMAPFUZZ_KDIR, else the reference kernel of
 * IOMAPFUZZ_FLAVOUR; in guests of the run's broker.
 */
import { brokerVariable } from '../../vm/broker/protocol.ts';
import { LeasedVm } from '../../vm/broker/client.ts';
import type { Flavour } from '../../vm/kernel/fragments.ts';
import type { VmSpec } from '../../vm/vm.ts';
import type { KernelFacts } from '../../model/channel.ts';
import type { Guest, GuestSource } from '../../harness/run/execute.ts';
import type { Numbers } from '../../uapi/numbers.ts';
import { defaultRevision } from '../../uapi/revision.ts';
import { vmSpecOf } from '../vm-options.ts';

export class KernelUnderTest implements GuestSource {
  #spec: VmSpec | undefined;
  #facts: KernelFacts | undefined;

  get numbers(): Numbers | undefined {
    return this.#spec?.uapiHeader?.numbers;
  }

  /** Known once a guest was leased. */
  get facts(): KernelFacts {
    return this.#facts!;
  }

  /** The first run on a machine builds the kernel. */
  async prepare(
    { IOMAPFUZZ_KERNEL: kernel, IOMAPFUZZ_KDIR: kdir, IOMAPFUZZ_FLAVOUR: flavour } = process.env,
  ): Promise<void> {
    this.#spec = await vmSpecOf(
      {
        ...(kernel !== undefined && { kernel }),
        ...(kdir !== undefined && { kdir }),
        ...(flavour !== undefined && { flavour: flavour as Flavour }),
      },
      { revision: defaultRevision },
    );
  }

  async lease(): Promise<Guest> {
    const vm = await LeasedVm.lease(process.env[brokerVariable]!, this.#spec!);
    this.#facts = vm.facts;
    return vm;
  }

  release(guest: Guest, state: 'healthy' | 'poisoned'): Promise<void> {
    return (guest as LeasedVm).release(state);
  }
}
