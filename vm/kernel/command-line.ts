/**
 * The kernel's command line: what every guest gets, and kernels that bring one of their own. A built-in line
 * (CONFIG_CMDLINE) comes first, so that ours has the last word, unless CONFIG_CMDLINE_OVERRIDE makes the kernel ignore
 * ours (arch/x86/kernel/setup.c, setup_arch).
 */
import type { KernelConfig } from './parse-config.ts';

/**
 * - oops=panic: a VM is thrown away after an oops, so it may as well end there, with its log on the console;
 * - panic=-1 with QEMU's -no-reboot: a panic ends QEMU at once;
 * - reboot=t: microvm without ACPI can neither power off nor reset through a keyboard controller, a triple fault works
 * on both machines;
 * - random.trust_cpu: no wait for entropy at boot;
 * - brd: one large ramdisk, which cases' devices are partitions of; it takes memory only where it was written
 * (drivers/block/brd.c);
 * - scsi_debug: atomic writes at any sector, done inside the submitting syscall, on a disk that is not there before
 * somebody adds it.
 */
const machine = [
  'console=ttyS0',
  'oops=panic',
  'panic=-1',
  'reboot=t',
  'random.trust_cpu=on',
  'brd.rd_nr=1',
  'brd.rd_size=1048576',
  ...['add_host=0', 'atomic_wr=1', 'atomic_wr_align=1', 'atomic_wr_gran=1', 'delay=0', 'dev_size_mb=8'].map(
    (parameter) => `scsi_debug.${parameter}`,
  ),
];

/**
 * A warning or a stall that the kernel reports is judged as such; a panic in its place would cost the guest and hide
 * what came before. Kernels for fuzzing have these on (syzkaller's configurations: panic_on_warn=1). loglevel=7 takes
 * back a built-in `quiet`, which keeps reports off the console. vm/initramfs/init.sh sets the sysctls once more, for
 * kernels that have other ideas later in their boot.
 */
const reports = ['panic_on_warn=0', 'loglevel=7'];
/** A kernel without these options complains of their arguments. */
const reportsOf: readonly [symbol: string, argument: string][] = [
  ['DETECT_HUNG_TASK', 'hung_task_panic=0'],
  ['SOFTLOCKUP_DETECTOR', 'softlockup_panic=0'],
  ['HARDLOCKUP_DETECTOR', 'nmi_watchdog=nopanic'],
  ['KASAN', 'kasan.fault=report'],
  ['KFENCE', 'kfence.fault=report'],
];

/**
 * Early in its boot a kernel waits some ten ticks for its timer and panics when they do not come ("IO-APIC + timer
 * doesn't work!"). On a machine with much other work an emulated timer can be that late.
 */
const patience: readonly [symbol: string, argument: string][] = [['X86_IO_APIC', 'no_timer_check']];

export const guestArguments: readonly string[] = [...machine, ...reports];

/** What to add for a kernel of this configuration; undefined: it is not known. */
export const argumentsFor = (config: KernelConfig | undefined): string[] => [
  ...[...reportsOf, ...patience]
    .filter(([symbol]) => config === undefined || config.has(symbol))
    .map(([, argument]) => argument),
  // It has no sysctl, and the kernel complains of the value that switches it off.
  ...(/\bpanic_on_taint=/.test(builtIn(config)) ? ['panic_on_taint=0'] : []),
];

/**
 * The arguments that a kernel ignores and does not have by itself; without them no guest can be used. Empty: all reach
 * it.
 */
export function ignoredArguments(config: KernelConfig): string[] {
  if (config.get('CMDLINE_OVERRIDE') !== 'y') return [];
  const own = builtIn(config).split(/\s+/);
  return machine.filter((argument) => !own.includes(argument));
}

/** CONFIG_CMDLINE without its quotes; empty: there is none. */
function builtIn(config: KernelConfig | undefined): string {
  if (config?.get('CMDLINE_BOOL') !== 'y') return '';
  return (config.get('CMDLINE') ?? '').replace(/^"(.*)"$/, '$1').replaceAll('\\"', '"');
}
