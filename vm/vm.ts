/** A running guest: boots, exchanges messages with its agent, ends with a reason. */
import { statSync } from 'node:fs';
import type { GuestMessage, HostMessage, KernelFacts } from '../model/channel.ts';
import { Connection } from './connection.ts';
import { InterruptedError, UsageError } from '../model/errors.ts';
import { initramfsFor } from './initramfs/archive.ts';
import type { GuestFile } from './initramfs/files.ts';
import { moduleFiles } from './initramfs/modules.ts';
import type { UapiHeader } from '../model/uapi-header.ts';
import { argumentsFor } from './kernel/command-line.ts';
import { lacking } from './kernel/config.ts';
import type { KernelConfig } from './kernel/parse-config.ts';
import type { KernelImage } from './kernel/image.ts';
import { chooseAccelerator } from './qemu/accelerator.ts';
import type { Accelerator, Machine } from './qemu/command-line.ts';
import { Console } from './qemu/console.ts';
import { openConsoleLog } from './qemu/console-log.ts';
import { VmError, lossOf, type Loss } from './qemu/failure.ts';
import { startQemu } from './qemu/process.ts';
import type { Qmp } from './qemu/qmp.ts';

export interface VmSpec {
  kernel: KernelImage;
  /** What the guest needs besides Node and busybox; one of them is /iomapfuzz/agent.cjs. */
  files: readonly GuestFile[];
  memoryMib: number;
  /** By default what works here, KVM first. */
  accelerator?: Accelerator;
  /** By default what the kernel's configuration allows, microvm first. */
  machine?: Machine;
  /** From the start of QEMU to the agent's hello. */
  bootTimeoutMs: number;
  kernelArguments?: readonly string[];
  /** Receives the whole console, as do clones of this guest and all others that name the file. */
  consoleLog?: string;
  /** The uAPI header of the kernel, whose numbers the guest's server uses; absent: the tables of our revisions say them. */
  uapiHeader?: UapiHeader;
  /** Keep the guest's memory in this file (see template.ts). */
  memoryFile?: string;
}

/** How a VM runs, for reports. */
export interface VmEnvironment {
  machine: Machine;
  accelerator: Accelerator;
  /** Why this accelerator. */
  acceleratorReason: string;
  memoryMib: number;
  /** From the start of QEMU until the agent said hello, or until the first answer after a restore. */
  readyAfterMs: number;
}

/** What a run needs of a guest; a VM of this process, or one leased from the broker. */
export interface VmHandle {
  readonly facts: KernelFacts;
  readonly environment: VmEnvironment;
  send(message: HostMessage): void;
  /**
   * The guest's next message. Throws VmError; after that the VM is lost. No message within the deadline means that the
   * guest hangs.
   */
  receive(deadlineMs: number): Promise<GuestMessage>;
  /** The last lines of the kernel log, oldest first. */
  consoleTail(lines?: number): string[];
  /** Whether what `receive` threw is the kernel's fault or the machine's. */
  lossOf(error: unknown): Loss;
}

/**
 * What no guest can do without: while the kernel unpacks the initramfs, the archive and its files are both in memory
 * (init/initramfs.c), beside the kernel itself and its page structs, and the files may take half of what is left beside
 * archive and kernel, no more (mm/shmem.c, shmem_default_max_blocks); KASAN's shadow takes an eighth of all
 * (lib/Kconfig.kasan).
 */
export function leastMemoryMib(initramfsBytes: number, config: KernelConfig | undefined): number {
  const kasan = config?.get('KASAN_GENERIC') === 'y' || config?.get('KASAN') === 'y';
  const least = 3 * (initramfsBytes / (1 << 20)) + kernelItselfMib[kasan ? 'kasan' : 'plain'];
  return Math.ceil(kasan ? (least * 8) / 7 : least);
}

/**
 * Of the reference kernel: with an archive of 102 MiB its fast flavour came up with 332 MiB, which leaves 26 for it.
 */
const kernelItselfMib = { plain: 32, kasan: 64 } as const;

export class Vm implements VmHandle {
  readonly facts: KernelFacts;
  readonly environment: VmEnvironment;
  readonly #connection: Connection;

  private constructor(connection: Connection, facts: KernelFacts, environment: VmEnvironment) {
    this.#connection = connection;
    this.facts = facts;
    this.environment = environment;
  }

  /**
   * Boots a guest and waits for its agent. Throws VmError, or InterruptedError when `signal` ends it; nothing of the VM
   * is left then.
   */
  static async boot(spec: VmSpec, signal?: AbortSignal): Promise<Vm> {
    const candidates = machinesFor(spec);
    for (const [index, machine] of candidates.entries()) {
      try {
        return await bootOn(machine, spec, signal);
      } catch (error) {
        const last = index === candidates.length - 1;
        // Only an unknown configuration has two candidates: a kernel without virtio-mmio shows no port on microvm, one
        // that insists on ACPI may not get that far.
        if (
          last ||
          !(error instanceof VmError) ||
          !['no-console', 'init-failed', 'boot-panicked'].includes(error.failure.kind)
        )
          throw error;
      }
    }
    throw new Error('unreachable: a kernel without a machine was refused');
  }

  /** A guest that runs already, at the other end of `connection`. */
  static adopt(connection: Connection, facts: KernelFacts, environment: VmEnvironment): Vm {
    return new Vm(connection, facts, environment);
  }

  send(message: HostMessage): void {
    this.#connection.send(message);
  }

  /** `signal` ends the waiting, with WaitingEnded, and leaves the VM as it is. */
  receive(deadlineMs: number, signal?: AbortSignal): Promise<GuestMessage> {
    return this.#connection.receive(deadlineMs, signal);
  }

  /** The guest says every second that it is alive, so that silence means something. */
  get watched(): boolean {
    return this.#connection.watched;
  }

  set impatient(value: boolean) {
    this.#connection.impatient = value;
  }

  consoleTail(lines?: number): string[] {
    return this.#connection.console.excerpt(lines);
  }

  lossOf(error: unknown): Loss {
    return lossOf(error);
  }

  get console(): Console {
    return this.#connection.console;
  }

  get qmp(): Qmp {
    return this.#connection.qmp;
  }

  /** Why the VM is lost, if it is. */
  get lost(): VmError | undefined {
    return this.#connection.lost;
  }

  /** Ends the VM, whatever state it is in; returns when QEMU is gone. */
  async close(): Promise<void> {
    await this.#connection.close();
  }
}

function machinesFor(spec: VmSpec): Machine[] {
  if (spec.machine !== undefined) return [spec.machine];
  const { config } = spec.kernel;
  if (config === undefined) return ['microvm', 'q35'];
  const all: Machine[] = ['microvm', 'q35'];
  const fitting = all.filter((machine) => lacking(config, machine).length === 0);
  if (fitting.length === 0) {
    const missing = all.map((machine) => lacking(config, machine)).reduce((a, b) => (b.length < a.length ? b : a));
    throw new VmError({ kind: 'kernel-config', missing });
  }
  return [fitting[0]!];
}

async function bootOn(machine: Machine, spec: VmSpec, signal: AbortSignal | undefined): Promise<Vm> {
  const startMs = performance.now();
  const choice =
    spec.accelerator === undefined
      ? await chooseAccelerator(spec.kernel.path, signal)
      : { accelerator: spec.accelerator, reason: 'asked for' };
  const { accelerator } = choice;
  notInterrupted(signal);
  const initramfs = initramfsFor([...spec.files, ...moduleFiles(spec.kernel)]);
  const context = `${machine}, ${accelerator}`;
  // A file that cannot be opened is said before anything runs.
  const log =
    spec.consoleLog === undefined
      ? undefined
      : openConsoleLog(spec.consoleLog, spec.memoryFile === undefined ? context : `${context}, the template`);
  const least = leastMemoryMib(statSync(initramfs).size, spec.kernel.config);
  if (spec.memoryMib < least) {
    throw new UsageError(
      `a guest of this kernel needs at least ${String(least)} MiB of memory, not ${String(spec.memoryMib)}: its initramfs is in memory twice ` +
        `while it is unpacked, and may fill half of what is left; give a larger --memory, or leave it out`,
    );
  }
  const qemuStartMs = performance.now();
  const process = await startQemu({
    machine,
    accelerator,
    memoryMib: spec.memoryMib,
    kernel: spec.kernel.path,
    initramfs,
    kernelArguments: [...argumentsFor(spec.kernel.config), ...(spec.kernelArguments ?? [])],
    ...(spec.memoryFile === undefined ? {} : { memoryFile: { path: spec.memoryFile, shared: true } }),
  });
  const connection = new Connection(process, new Console(log), context, qemuStartMs);
  try {
    const hello = await connection.awaitHello(spec.bootTimeoutMs, signal);
    const readyAfterMs = Math.round(performance.now() - startMs);
    const { uapiHeader } = spec;
    return Vm.adopt(
      connection,
      { ...hello.facts, ...(uapiHeader && { numbers: uapiHeader.numbers }) },
      { machine, accelerator, acceleratorReason: choice.reason, memoryMib: spec.memoryMib, readyAfterMs },
    );
  } catch (error) {
    await connection.close();
    notInterrupted(signal);
    throw error;
  }
}

/** Throws InterruptedError once `signal` is aborted. */
export function notInterrupted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError('interrupted while a guest was started');
}
