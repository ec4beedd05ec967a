/** Kernel code coverage of the thread that does the cases' syscalls. */
import type { Native } from '../../native/index.ts';

const KCOV = '/sys/kernel/debug/kcov';
/** A case runs through some thousand places of fs/fuse and fs/iomap; 1 MiB is more than a hundred thousand. */
const WORDS = 1 << 17;

let started: number | undefined;

/**
 * Places of the kernel that `run` went through first in this guest, as little-endian u64; `cut`: there were more than
 * found room. Throws when the kernel has no KCOV.
 */
export function withCoverage<T>(native: Native, run: () => T): { value: T; places: Uint8Array; cut: boolean } {
  started ??= native.kcovStart(KCOV, WORDS);
  if (started < 0) throw new Error(`the kernel gives no coverage: ${KCOV}: errno ${String(-started)}`);
  native.kcovReset();
  const value = run();
  const places = native.kcovTake();
  return { value, places, cut: native.kcovFull() };
}
