/** Reads what the kernel under test says of itself. */
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { GuestFacts } from '../../model/channel.ts';
import { hasAtomicDisks } from './cases/atomic-disk.ts';
import { knownLiberties } from './cases/liberties.ts';

/** vm/initramfs/init.sh has switched them off, where that is possible. */
const panicSwitches = [
  'panic_on_warn',
  'hung_task_panic',
  'softlockup_panic',
  'hardlockup_panic',
  'panic_on_rcu_stall',
];

export function readKernelFacts(): GuestFacts {
  const enableIomap = boolParameter('enable_iomap');
  const debugIomap = boolParameter('debug_iomap');
  const liberties = knownLiberties();
  const config = existsSync('/proc/config.gz') ? gunzipSync(readFileSync('/proc/config.gz')).toString() : undefined;
  return {
    release: text('/proc/sys/kernel/osrelease') ?? 'unknown',
    version: text('/proc/version') ?? 'unknown',
    commandLine: text('/proc/cmdline') ?? '',
    fuse: /^\s*(nodev\s+)?fuse$/m.test(text('/proc/filesystems') ?? ''),
    ...(enableIomap === undefined ? {} : { enableIomap }),
    ...(debugIomap === undefined ? {} : { debugIomap }),
    badDataEvent: existsSync('/sys/kernel/tracing/events/fuse/fuse_iomap_bad_data'),
    atomicDevices: hasAtomicDisks(),
    // Made by mm/swapfile.c, procswaps_init.
    swap: existsSync('/proc/swaps'),
    kcov: existsSync('/sys/kernel/debug/kcov'),
    panicsOn: panicSwitches.filter((name) => Number(text(`/proc/sys/kernel/${name}`) ?? 0) !== 0),
    tainted: Number(text('/proc/sys/kernel/tainted') ?? 0),
    ...(liberties && { liberties }),
    ...(config === undefined ? {} : { config }),
  };
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    return undefined;
  }
}

/** A bool parameter of the fuse module reads Y or N (kernel/params.c, param_get_bool). */
function boolParameter(name: string): boolean | undefined {
  const value = text(`/sys/module/fuse/parameters/${name}`);
  return value === undefined ? undefined : value === 'Y';
}
