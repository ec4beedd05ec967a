/** A running guest: boots, exchanges messages with its agent, ends with a reason. */
import { FrameDecoder, GarbageError, encodeFrame } from '../harness/model/frame.ts';
import { PROTOCOL, type GuestMessage, type HostMessage, type KernelFacts } from '../harness/model/channel.ts';
import { MessageQueue } from './channel/queue.ts';
import { UsageError } from './errors.ts';
import { initramfsFor } from './initramfs/archive.ts';
import type { GuestFile } from './initramfs/files.ts';
import { moduleFiles } from './initramfs/modules.ts';
import { lacking } from './kernel/config.ts';
import type { KernelImage } from './kernel/image.ts';
import { chooseAccelerator } from './qemu/accelerator.ts';
import { findInitFailure, findPanic } from './qemu/classify.ts';
import type { Accelerator, Machine } from './qemu/command-line.ts';
import { Console } from './qemu/console.ts';
import { VmError, lossOf, type Loss, type VmFailure } from './qemu/failure.ts';
import { startQemu, type QemuExit, type QemuProcess } from './qemu/process.ts';
import { Qmp } from './qemu/qmp.ts';

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
  /** Receives the whole console. */
  consoleLog?: string;
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
  /** The guest's next message. Throws VmError; after that the VM is lost. No message within the deadline means that the guest hangs. */
  receive(deadlineMs: number): Promise<GuestMessage>;
  /** The last lines of the kernel log, oldest first. */
  consoleTail(lines?: number): string[];
  /** Whether what `receive` threw is the kernel's fault or the machine's. */
  lossOf(error: unknown): Loss;
}

/** A guest that says nothing on its console for that long will not say anything: a bzImage prints after 0.1 s under TCG. */
const firstWordMs = 45_000;
const shownConsoleLines = 25;
const smallestMemoryMib = 256;

export class Vm implements VmHandle {
  readonly facts: KernelFacts;
  readonly environment: VmEnvironment;
  readonly #connection: Connection;

  private constructor(connection: Connection, facts: KernelFacts, environment: VmEnvironment) {
    this.#connection = connection;
    this.facts = facts;
    this.environment = environment;
  }

  /** Boots a guest and waits for its agent. Throws VmError; nothing of the VM is left then. */
  static async boot(spec: VmSpec): Promise<Vm> {
    if (spec.memoryMib < smallestMemoryMib) {
      throw new UsageError(`a guest needs at least ${String(smallestMemoryMib)} MiB of memory, not ${String(spec.memoryMib)}: its initramfs alone takes half of that`);
    }
    const candidates = machinesFor(spec);
    for (const [index, machine] of candidates.entries()) {
      try {
        return await bootOn(machine, spec);
      } catch (error) {
        const last = index === candidates.length - 1;
        // Only an unknown configuration has two candidates: a kernel without virtio-mmio shows no port on microvm, one that
        // insists on ACPI may not get that far.
        if (last || !(error instanceof VmError) || !['no-console', 'init-failed', 'boot-panicked'].includes(error.failure.kind)) throw error;
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

  consoleTail(lines?: number): string[] {
    return this.#connection.console.tail(lines);
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

async function bootOn(machine: Machine, spec: VmSpec): Promise<Vm> {
  const startMs = performance.now();
  const choice = spec.accelerator === undefined
    ? await chooseAccelerator(spec.kernel.path)
    : { accelerator: spec.accelerator, reason: 'asked for' };
  const { accelerator } = choice;
  const initramfs = initramfsFor([...spec.files, ...moduleFiles(spec.kernel)]);
  const qemuStartMs = performance.now();
  const process = await startQemu({
    machine, accelerator, memoryMib: spec.memoryMib, kernel: spec.kernel.path, initramfs, kernelArguments: spec.kernelArguments ?? [],
    ...(spec.memoryFile === undefined ? {} : { memoryFile: { path: spec.memoryFile, shared: true } }) });
  const connection = new Connection(process, new Console(spec.consoleLog), `${machine}, ${accelerator}`, qemuStartMs);
  try {
    const hello = await connection.awaitHello(spec.bootTimeoutMs);
    const readyAfterMs = Math.round(performance.now() - startMs);
    return Vm.adopt(connection, hello.facts, { machine, accelerator, acceleratorReason: choice.reason, memoryMib: spec.memoryMib, readyAfterMs });
  } catch (error) {
    await connection.close();
    throw error;
  }
}

/** The host's end of one QEMU: decodes, notices every way to be lost, gives the first reason. */
export class Connection {
  readonly console: Console;
  readonly qmp: Qmp;
  readonly #process: QemuProcess;
  readonly #context: string;
  readonly #startMs: number;
  readonly #queue = new MessageQueue<GuestMessage>();
  readonly #gone: Promise<void>;
  #ready = false;

  constructor(process: QemuProcess, console: Console, context: string, startMs: number) {
    this.console = console;
    this.#process = process;
    this.#context = context;
    this.#startMs = startMs;
    this.qmp = new Qmp(process.qmp);
    process.console.on('data', (bytes: Buffer) => { console.write(bytes); });
    const decoder = new FrameDecoder<GuestMessage>();
    process.port.on('data', (bytes: Buffer) => {
      if (this.#queue.ended !== undefined) return;
      try {
        for (const message of decoder.push(bytes)) this.#queue.push(message);
      } catch (error) {
        if (!(error instanceof GarbageError)) throw error;
        this.#lose({ kind: 'garbage', detail: `${error.message}; it starts with ${Buffer.from(error.bytes).toString('hex')}` });
      }
    });
    const closed = [process.console, process.port, process.qmp].map((socket) => new Promise<void>((resolve) => {
      socket.on('error', () => { /* 'close' follows */ });
      socket.on('close', resolve);
    }));
    // The reason is on the console, and the guest's last messages may still be in the socket: first all of that, then the reason.
    this.#gone = Promise.all([process.exited, ...closed]).then(([exit]) => {
      console.end();
      this.#lose(this.#whyGone(exit));
    });
  }

  get lost(): VmError | undefined {
    return this.#queue.ended as VmError | undefined;
  }

  async awaitHello(bootTimeoutMs: number): Promise<Extract<GuestMessage, { kind: 'hello' }>> {
    void this.qmp.negotiate().catch(() => { /* QEMU ended: the queue says why */ });
    const silence = setTimeout(() => {
      if (this.console.tail(1).length === 0) this.#lose({ kind: 'no-console', afterMs: firstWordMs });
    }, Math.min(firstWordMs, bootTimeoutMs));
    try {
      const message = await this.#queue.take(bootTimeoutMs, () => {
        this.#lose(this.console.tail(1).length === 0 ? { kind: 'no-console', afterMs: bootTimeoutMs } : { kind: 'boot-timeout', afterMs: bootTimeoutMs });
      });
      if (message.kind !== 'hello' || message.protocol !== PROTOCOL) {
        this.#lose({ kind: 'garbage', detail: message.kind === 'hello'
          ? `the agent speaks protocol ${String(message.protocol)}, this program ${String(PROTOCOL)}`
          : `its first message is ${message.kind}, not hello` });
        throw this.lost!;
      }
      this.#ready = true;
      return message;
    } finally {
      clearTimeout(silence);
    }
  }

  /** A restored guest said hello in its first life. */
  markReady(): void {
    this.#ready = true;
  }

  send(message: HostMessage): void {
    if (this.#queue.ended === undefined) this.#process.port.write(encodeFrame(message));
  }

  receive(deadlineMs: number, signal?: AbortSignal): Promise<GuestMessage> {
    return this.#queue.take(deadlineMs, () => { this.#lose({ kind: 'hung', deadlineMs }); }, signal);
  }

  async close(): Promise<void> {
    this.#queue.end(new VmError({ kind: 'closed' }));
    this.#process.kill();
    await this.#gone;
  }

  /** The first reason stands; with it the VM ends. */
  #lose(failure: VmFailure): void {
    this.#queue.end(new VmError(failure, this.console.tail(shownConsoleLines), this.#context));
    this.#process.kill();
  }

  #whyGone(exit: QemuExit): VmFailure {
    const lines = this.console.tail();
    const afterMs = performance.now() - this.#startMs;
    const init = findInitFailure(lines);
    if (init !== undefined) return init.code === 'agent-ended' && this.#ready ? { kind: 'agent-ended', message: init.message } : { kind: 'init-failed', ...init };
    const headline = findPanic(lines);
    if (headline !== undefined) return this.#ready ? { kind: 'panicked', headline } : { kind: 'boot-panicked', headline };
    if (this.qmp.shutdownReason?.startsWith('guest-') === true) return lines.length === 0 ? { kind: 'no-console', afterMs, exit: exit.text } : { kind: 'reset' };
    if (this.#ready) return { kind: 'died', exit: exit.text, stderr: exit.stderr };
    if (exit.code !== 0 && exit.code !== 137) return { kind: 'qemu-failed', exit: exit.text, stderr: exit.stderr };
    if (lines.length === 0) return { kind: 'no-console', afterMs, exit: exit.text };
    return { kind: 'died', exit: exit.text, stderr: exit.stderr };
  }
}
