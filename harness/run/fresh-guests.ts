/** A new guest for every lease, so that no replay inherits anything from the one before: all are clones of one that has done nothing. */
import { Template } from '../../vm/template.ts';
import type { Vm, VmEnvironment, VmSpec } from '../../vm/vm.ts';
import type { KernelFacts } from '../model/channel.ts';
import type { Guest, GuestSource } from './execute.ts';

export class FreshGuests implements GuestSource {
  readonly #spec: VmSpec;
  readonly #leased = new Set<Vm>();
  #template: Template | undefined;

  constructor(spec: VmSpec) {
    this.#spec = spec;
  }

  /** Boots the guest that the others are clones of. Throws VmError. */
  async prepare(): Promise<{ facts: KernelFacts; environment: VmEnvironment }> {
    this.#template ??= await Template.create(this.#spec);
    return this.#template;
  }

  /** Throws VmError. */
  async lease(): Promise<Vm> {
    await this.prepare();
    const vm = await this.#template!.clone();
    this.#leased.add(vm);
    return vm;
  }

  async release(guest: Guest): Promise<void> {
    const vm = guest as Vm;
    this.#leased.delete(vm);
    await vm.close();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#leased].map((vm) => vm.close()));
    this.#leased.clear();
    this.#template?.close();
    this.#template = undefined;
  }
}
