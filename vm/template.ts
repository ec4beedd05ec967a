/**
 * A guest that was booted once and is cloned many times. Its memory is a file that the clones map privately, so that a
 * clone starts in the time QEMU needs to start, and clones share what they do not change. (QEMU's x-ignore-shared
 * capability leaves shared memory out of the device state; the clones' private mapping of the same file then supplies
 * it.)
 *
 * Both files are unlinked as soon as they are open and reached through /proc/PID/fd: they vanish with this process,
 * however it ends.
 */
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InfrastructureError, messageOf } from '../model/errors.ts';
import { freeMib } from './host/disk.ts';
import { initramfsFor } from './initramfs/archive.ts';
import { moduleFiles } from './initramfs/modules.ts';
import { argumentsFor } from './kernel/command-line.ts';
import { Console } from './qemu/console.ts';
import { openConsoleLog } from './qemu/console-log.ts';
import { VmError } from './qemu/failure.ts';
import { startQemu } from './qemu/process.ts';
import { QmpError, type Qmp } from './qemu/qmp.ts';
import { Connection } from './connection.ts';
import { Vm, notInterrupted, type VmEnvironment, type VmSpec } from './vm.ts';
import type { KernelFacts } from '../model/channel.ts';

/** Saving and loading the devices of a guest takes 0.1 s; the memory is not copied. */
const migrationDeadlineMs = 60_000;
const firstAnswerDeadlineMs = 60_000;

/** Room besides the guest's memory that must stay free where it is kept. */
const spareMib = 256;

export class Template {
  readonly facts: KernelFacts;
  /** Of the guest that was booted; `readyAfterMs` is its boot. */
  readonly environment: VmEnvironment;
  /** Clones begin in a state in which the guest had said that it watches its kernel. */
  readonly #watched: boolean;
  readonly #spec: VmSpec;
  readonly #memory: UnlinkedFile;
  readonly #devices: UnlinkedFile;

  private constructor(spec: VmSpec, vm: Vm, memory: UnlinkedFile, devices: UnlinkedFile) {
    this.#spec = spec;
    this.facts = vm.facts;
    this.environment = vm.environment;
    this.#watched = vm.watched;
    this.#memory = memory;
    this.#devices = devices;
  }

  /**
   * Boots a guest, lets `prepare` bring it to the state that the clones shall start from, and stops it for ever. The
   * agent must be idle then. Throws VmError, or InterruptedError when `signal` ends it.
   */
  static async create(spec: VmSpec, prepare?: (vm: Vm) => Promise<void>, signal?: AbortSignal): Promise<Template> {
    const memory = openUnlinked(spec.memoryMib);
    const devices = openUnlinked(64);
    try {
      ftruncateSync(memory.fd, spec.memoryMib * (1 << 20));
      const vm = await Vm.boot({ ...spec, memoryFile: memory.path }, signal);
      try {
        await prepare?.(vm);
        await saveDevices(vm.qmp, devices.path, signal).catch((error: unknown) => {
          throw error instanceof QmpError
            ? new VmError({ kind: 'qemu-failed', exit: `while it saved the template: ${error.message}`, stderr: '' })
            : error;
        });
      } finally {
        await vm.close();
      }
      return new Template(spec, vm, memory, devices);
    } catch (error) {
      memory.close();
      devices.close();
      throw error;
    }
  }

  /** A running guest in the template's state. Throws VmError, or InterruptedError when `signal` ends it. */
  async clone({ signal }: { signal?: AbortSignal } = {}): Promise<Vm> {
    notInterrupted(signal);
    const startMs = performance.now();
    const { kernel, files, memoryMib, kernelArguments = [], consoleLog } = this.#spec;
    const { machine, accelerator } = this.environment;
    const process = await startQemu({
      machine,
      accelerator,
      memoryMib,
      kernel: kernel.path,
      kernelArguments: [...argumentsFor(kernel.config), ...kernelArguments],
      // Not read again, but its size shapes the firmware's tables.
      initramfs: initramfsFor([...files, ...moduleFiles(kernel)]),
      memoryFile: { path: this.#memory.path, shared: false },
      incoming: true,
    });
    const context = `${machine}, ${accelerator}, from a template`;
    const connection = new Connection(
      process,
      new Console(consoleLog === undefined ? undefined : openConsoleLog(consoleLog, context)),
      context,
      startMs,
    );
    try {
      await loadDevices(connection, this.#devices.path, signal);
      connection.markReady(this.#watched);
      connection.send({ kind: 'ping', id: 0 });
      await connection.receivePong(0, firstAnswerDeadlineMs, signal);
      const readyAfterMs = Math.round(performance.now() - startMs);
      return Vm.adopt(connection, this.facts, { ...this.environment, readyAfterMs });
    } catch (error) {
      await connection.close();
      notInterrupted(signal);
      throw connection.lost !== undefined && connection.lost.failure.kind !== 'closed' ? connection.lost : error;
    }
  }

  /** Frees the memory once the last clone has ended. */
  close(): void {
    this.#memory.close();
    this.#devices.close();
  }
}

interface UnlinkedFile {
  fd: number;
  /** Valid for this user while this process lives. */
  path: string;
  close(): void;
}

function openUnlinked(neededMib: number): UnlinkedFile {
  // Memory that is written to a disk costs the disk's time; containers often have a tiny /dev/shm.
  const base = ['/dev/shm', tmpdir(), '/var/tmp'].find((directory) => {
    try {
      return freeMib(directory) >= neededMib + spareMib;
    } catch {
      return false;
    }
  });
  if (base === undefined)
    throw new InfrastructureError(
      `the memory of a guest (${String(neededMib)} MiB) fits neither into /dev/shm nor into ${tmpdir()} nor into /var/tmp: free some space, or set TMPDIR to a larger disk`,
    );
  const directory = mkdtempSync(join(base, 'iomapfuzz-'));
  try {
    const fd = openSync(join(directory, 'file'), 'wx+', 0o600);
    return {
      fd,
      path: `/proc/${String(process.pid)}/fd/${String(fd)}`,
      close: () => {
        closeSync(fd);
      },
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const ignoreShared = { capabilities: [{ capability: 'x-ignore-shared', state: true }] };

async function saveDevices(qmp: Qmp, path: string, signal: AbortSignal | undefined): Promise<void> {
  await qmp.execute('stop');
  await qmp.execute('migrate-set-capabilities', ignoreShared);
  // QEMU 7.2 has no file: URIs; exec: works in every version.
  await qmp.execute('migrate', { uri: `exec:cat > ${path}` });
  const deadline = performance.now() + migrationDeadlineMs;
  for (;;) {
    const { status, 'error-desc': reason } = (await qmp.execute('query-migrate')) as {
      status?: string;
      'error-desc'?: string;
    };
    if (status === 'completed') return;
    notInterrupted(signal);
    if (status === 'failed' || status === 'cancelled')
      throw new InfrastructureError(`QEMU could not save the guest's devices: ${reason ?? status}`);
    if (performance.now() > deadline)
      throw new InfrastructureError(
        `QEMU did not save the guest's devices within ${String(migrationDeadlineMs / 1000)} s (${String(status)})`,
      );
    await sleep(5);
  }
}

async function loadDevices(connection: Connection, path: string, signal: AbortSignal | undefined): Promise<void> {
  const { qmp } = connection;
  try {
    await qmp.negotiate();
    await qmp.execute('migrate-set-capabilities', ignoreShared);
    await qmp.execute('migrate-incoming', { uri: `exec:cat ${path}` });
    const deadline = performance.now() + migrationDeadlineMs;
    for (;;) {
      // stopped before it was saved, so it is paused when all is loaded
      const { status } = (await qmp.execute('query-status')) as { status: string };
      if (status === 'paused') break;
      notInterrupted(signal);
      if (performance.now() > deadline)
        throw new InfrastructureError(
          `QEMU did not load the guest's devices within ${String(migrationDeadlineMs / 1000)} s (${status})`,
        );
      await sleep(5);
    }
    await qmp.execute('cont');
  } catch (error) {
    if (error instanceof InfrastructureError) throw error;
    throw new VmError({ kind: 'qemu-failed', exit: `while it loaded the template: ${messageOf(error)}`, stderr: '' });
  }
}
