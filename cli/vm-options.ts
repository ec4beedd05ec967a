/** The options by which every command that boots a guest is told which kernel and which VM. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { closeSync, openSync } from 'node:fs';
import { messageOf, UsageError } from '../model/errors.ts';
import { agentFiles } from '../vm/guest-files.ts';
import type { GuestFile } from '../vm/initramfs/files.ts';
import { flavours, type Flavour } from '../vm/kernel/fragments.ts';
import { terminalProgress } from '../vm/kernel/progress.ts';
import { selectKernel } from '../vm/kernel/select.ts';
import type { Accelerator } from '../vm/qemu/command-line.ts';
import type { VmSpec } from '../vm/vm.ts';
import { revisions, type RevisionId } from '../uapi/revision.ts';
import { requireLiberties, withLiberties } from './liberty-option.ts';
import { headerLine, headerOfKernel, headerOfOptions, uapiHeaderOption } from './uapi-header-option.ts';

export interface VmOptions {
  kernel?: string;
  kdir?: string;
  /** `--no-build`: false. */
  build?: boolean;
  flavour?: Flavour;
  modules?: string;
  source?: string;
  uapiHeader?: string;
  memory?: number;
  accel?: Accelerator;
  consoleLog?: string;
  liberty?: string[];
}

/** Under software emulation the debug kernel takes ten times as long to boot as the fast one. */
const bootTimeoutMs = { fast: 120_000, debug: 300_000 };
/** KASAN's shadow takes an eighth, its quarantine more. */
const memoryMib = { fast: 512, debug: 1024 };

function addKernelOptions(command: Command): Command {
  return command
    .option('--kernel <bzImage>', 'test this kernel image')
    .option(
      '--kdir <tree>',
      "test the kernel of this tree as it is now: make runs first, with the tree's configuration",
    )
    .option('--no-build', 'with --kdir: take the image that is there, and refuse one that is older than the source')
    .addOption(new Option('--flavour <name>', 'of the reference kernel').choices(flavours))
    .option('--modules <dir>', 'lib/modules/RELEASE of --kernel, when not found beside it')
    .option('--source <path>', 'linux-source tarball or directory for the reference kernel, when not from Debian')
    .addOption(uapiHeaderOption());
}

export function addVmOptions(command: Command): Command {
  return addKernelOptions(command)
    .option('--memory <MiB>', 'of the guest', positiveInteger)
    .addOption(new Option('--accel <name>', 'by default the best that works here').choices(['kvm', 'tcg']))
    .option('--console-log <file>', 'add the whole console of every guest to this file, each under a header');
}

/** The words by which a child run is told the same kernel and the same VM: what was given, of the options above. */
export function vmArguments(options: VmOptions): string[] {
  return addVmOptions(new Command()).options.flatMap((option) => {
    const value = options[option.attributeName() as keyof VmOptions];
    if (value === undefined || option.negate !== (value === false)) return [];
    return typeof value === 'boolean' ? [option.long!] : [option.long!, String(value)];
  });
}

export interface SpecOptions {
  /** On top of the agent's. */
  files?: readonly GuestFile[];
  /** By which the kernel is spoken to; absent: the guest runs no server of ours. */
  revision?: RevisionId;
  /** The revision of which the header must have everything, where others may be spoken, too. Default: `revision`. */
  needs?: RevisionId;
}

/** The VM that the options speak of; finds or builds the kernel, and reads the numbers that its uAPI has. */
export async function vmSpecOf(
  given: VmOptions,
  { files = [], revision, needs = revision }: SpecOptions = {},
): Promise<VmSpec> {
  const options = withLiberties(given);
  if (options.consoleLog !== undefined) requireWritable(options.consoleLog);
  // A header that is of no use is told of before a kernel is built.
  const named = needs && (await headerOfOptions(options, revisions[needs]));
  const kernel = await selectKernel(options, terminalProgress());
  requireLiberties(options, kernel.config);
  const uapiHeader =
    needs && (named ?? (options.uapiHeader === undefined ? await headerOfKernel(kernel, revisions[needs]) : undefined));
  if (uapiHeader) terminalProgress().note(headerLine(uapiHeader, revisions[revision!]));
  const heavy =
    options.flavour === 'debug' || kernel.config?.get('KASAN') === 'y' || kernel.config?.get('PROVE_LOCKING') === 'y'
      ? 'debug'
      : 'fast';
  return {
    kernel,
    ...(uapiHeader && { uapiHeader }),
    files: [...agentFiles(), ...files],
    memoryMib: options.memory ?? memoryMib[heavy],
    bootTimeoutMs: bootTimeoutMs[heavy],
    ...(options.liberty && { kernelArguments: [`fuse.liberty=${options.liberty.join(',')}`] }),
    ...(options.accel === undefined ? {} : { accelerator: options.accel }),
    ...(options.consoleLog === undefined ? {} : { consoleLog: options.consoleLog }),
  };
}

/** Before anything is built or booted for it. */
function requireWritable(consoleLog: string): void {
  try {
    closeSync(openSync(consoleLog, 'a', 0o644));
  } catch (error) {
    throw new UsageError(`--console-log: ${messageOf(error)}; give another file`);
  }
}

export function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a positive whole number.');
  return Number(text);
}
