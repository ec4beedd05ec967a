/** Warm guests for whoever needs one: the first boots, the others are clones of it; a healthy one is used again. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { serialize } from 'node:v8';
import { Template } from './template.ts';
import type { Vm, VmSpec } from './vm.ts';

/** What the lessee says of a guest when it gives it back. A poisoned one is thrown away. */
export type LeaseEnd = 'healthy' | 'poisoned';

/** A guest that a lease finds idle must answer; it has nothing else to do. */
const probeDeadlineMs = 15_000;

interface Kind {
  template: Promise<Template>;
  idle: Vm[];
}

export class VmPool {
  readonly #kinds = new Map<string, Kind>();
  readonly #leased = new Map<Vm, Kind>();
  #probeId = 0;
  #closed = false;

  /** A running guest of this kind. Throws VmError when it cannot be had; the next lease tries anew. */
  async lease(spec: VmSpec): Promise<Vm> {
    const key = keyOf(spec);
    let kind = this.#kinds.get(key);
    if (kind === undefined) {
      kind = { template: Template.create(spec), idle: [] };
      this.#kinds.set(key, kind);
      kind.template.catch(() => this.#kinds.delete(key));
    }
    const template = await kind.template;
    for (let vm = kind.idle.pop(); vm !== undefined; vm = kind.idle.pop()) {
      if (await this.#answers(vm)) {
        this.#leased.set(vm, kind);
        return vm;
      }
      await vm.close();
    }
    const vm = await template.clone();
    if (this.#closed) {
      await vm.close();
      throw new Error('the pool is closed');
    }
    this.#leased.set(vm, kind);
    return vm;
  }

  async release(vm: Vm, end: LeaseEnd): Promise<void> {
    const kind = this.#leased.get(vm);
    this.#leased.delete(vm);
    if (kind !== undefined && end === 'healthy' && vm.lost === undefined && !this.#closed) kind.idle.push(vm);
    else await vm.close();
  }

  /** Ends every guest, leased ones too. */
  async close(): Promise<void> {
    this.#closed = true;
    const kinds = [...this.#kinds.values()];
    await Promise.all([...this.#leased.keys(), ...kinds.flatMap(({ idle }) => idle)].map((vm) => vm.close()));
    for (const { template } of kinds) {
      await template.then(
        (newTemplate) => {
          newTemplate.close();
        },
        () => {
          /* it never came to be */
        },
      );
    }
    this.#kinds.clear();
    this.#leased.clear();
  }

  /** Whether the guest answers; what it still had to say to its last lessee is dropped. */
  async #answers(vm: Vm): Promise<boolean> {
    // Below every id that a lessee uses, so that its own answer cannot be taken for this one.
    const id = --this.#probeId;
    try {
      vm.send({ kind: 'ping', id });
      for (;;) {
        const message = await vm.receive(probeDeadlineMs);
        if (message.kind === 'pong' && message.id === id) return true;
      }
    } catch {
      return false;
    }
  }
}

function keyOf(spec: VmSpec): string {
  const { size, mtimeMs } = statSync(spec.kernel.path);
  return createHash('sha256')
    .update(serialize([spec, size, mtimeMs]))
    .digest('hex');
}
