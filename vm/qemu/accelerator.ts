/**
 * Which accelerator works here. That /dev/kvm can be opened proves nothing: there are hosts on which firmware runs
 * under KVM and a Linux guest hangs for ever. So a kernel is booted, with a deadline, and the answer is remembered
 * until the next boot of this machine.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../../files/write-whole.ts';
import { findTool } from '../host/tools.ts';
import { writeCpio } from '../initramfs/cpio.ts';
import { errnoOf } from '../../model/errors.ts';
import { cacheDirectory } from '../paths.ts';
import { readKernelImage } from '../kernel/image.ts';
import { lacking } from '../kernel/config.ts';
import type { Accelerator } from './command-line.ts';
import { qemuProgram, startQemu } from './process.ts';

export interface AcceleratorChoice {
  accelerator: Accelerator;
  /** For people: why. */
  reason: string;
}

/** KVM boots this guest in 0.2 s. */
const probeDeadlineMs = 10_000;
const finished = 'iomapfuzz-probe: done';

/**
 * The accelerator to use; probes with the kernel at `kernel` unless the answer is known. `signal` breaks the probe off:
 * its answer is nobody's then.
 */
export async function chooseAccelerator(kernel: string, signal?: AbortSignal): Promise<AcceleratorChoice> {
  const unavailable = whyKvmIsUnavailable();
  if (unavailable !== undefined) return { accelerator: 'tcg', reason: unavailable };
  const known = rememberedChoice();
  if (known !== undefined) return known;
  const { works, reason } = await bootUnderKvm(kernel, signal);
  const choice: AcceleratorChoice = { accelerator: works ? 'kvm' : 'tcg', reason };
  if (!signal?.aborted) remember(choice);
  return choice;
}

/** What was found out since this machine booted, without probing. */
export function rememberedChoice(): AcceleratorChoice | undefined {
  try {
    return JSON.parse(readFileSync(memoryPath(), 'utf8')) as AcceleratorChoice;
  } catch {
    return undefined;
  }
}

/** Undefined when /dev/kvm can be opened. */
export function whyKvmIsUnavailable(): string | undefined {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    return errnoOf(error) === 'EACCES'
      ? '/dev/kvm may not be opened by this user (being in the group kvm helps)'
      : 'this machine has no /dev/kvm';
  }
}

export function qemuVersion(): string {
  const program = findTool(qemuProgram);
  if (program === undefined) return 'none';
  return /version (\S+)/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
}

function memoryPath(): string {
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return join(cacheDirectory('accelerator'), `${bootId}-${qemuVersion()}.json`);
}

function remember(choice: AcceleratorChoice): void {
  replaceFile(memoryPath(), JSON.stringify(choice));
}

async function bootUnderKvm(kernel: string, signal?: AbortSignal): Promise<{ works: boolean; reason: string }> {
  const directory = mkdtempSync(join(cacheDirectory('accelerator'), 'probe-'));
  try {
    const initramfs = join(directory, 'initramfs');
    writeCpio(initramfs, [
      { kind: 'directory', path: 'dev' },
      { kind: 'device', path: 'dev/console', major: 5, minor: 1 },
      { kind: 'file', path: 'busybox', source: findTool('busybox')!, executable: true },
      {
        kind: 'bytes',
        path: 'init',
        bytes: Buffer.from(`#!/busybox sh\necho ${finished}\n/busybox reboot -f\n`),
        executable: true,
      },
    ]);
    const { config } = readKernelImage(kernel);
    const machine = config === undefined || lacking(config, 'microvm').length === 0 ? 'microvm' : 'q35';
    const qemu = await startQemu({ machine, accelerator: 'kvm', memoryMib: 256, kernel, initramfs });
    let console = '';
    qemu.console.setEncoding('latin1').on('data', (text: string) => {
      console += text;
    });
    qemu.console.on('error', () => {
      /* ends with QEMU */
    });
    qemu.port.on('error', () => {
      /* ends with QEMU */
    });
    qemu.qmp.on('error', () => {
      /* ends with QEMU */
    });
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      qemu.kill();
    }, probeDeadlineMs);
    signal?.addEventListener('abort', qemu.kill);
    if (signal?.aborted) qemu.kill();
    const exit = await qemu.exited;
    signal?.removeEventListener('abort', qemu.kill);
    clearTimeout(timer);
    if (console.includes(finished)) return { works: true, reason: 'a guest boots under KVM' };
    const what = late
      ? `a guest under KVM did not finish booting within ${String(probeDeadlineMs / 1000)} s`
      : `QEMU with KVM ended (${exit.text}) before the guest had booted${exit.stderr === '' ? '' : `: ${exit.stderr.trim().split('\n').at(-1)!}`}`;
    return { works: false, reason: what };
  } catch (error) {
    return {
      works: false,
      reason: `QEMU cannot use KVM (${error instanceof Error ? error.message.split('\n').slice(0, 2).join(': ') : String(error)})`,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
