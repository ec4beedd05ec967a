/** Which path of the kernel a syscall of a case takes: what findings and coverage are sorted by. */
import type { Case, Step } from './case.ts';

const CALL_PATHS: Readonly<Record<Step['call'], string | undefined>> = {
  pread: 'read',
  pwrite: 'write',
  mmapRead: 'mmap-read',
  mmapWrite: 'mmap-write',
  seekData: 'seek-data',
  seekHole: 'seek-hole',
  fiemap: 'fiemap',
  fsync: 'fsync',
  ftruncate: 'truncate',
  fallocate: 'fallocate',
  copyFileRange: 'copy',
  clone: 'clone',
  dedupe: 'clone',
  fuseIoctl: 'ioctl',
  fstat: 'stat',
  notify: 'notify',
  freeze: 'freeze',
  thaw: 'freeze',
  syncfs: 'sync',
  shutdown: 'shutdown',
  swapon: 'swap',
  swapoff: 'swap',
  pageOut: 'swap',
  readahead: 'buffered-read',
  fadvise: 'buffered-read',
  setTimes: 'attributes',
  fsUuid: 'attributes',
  ordinary: 'ordinary',
  deviceRead: undefined,
  open: undefined,
  close: undefined,
};

/** `direct-read`, `fiemap`, `ioctl` ...; `mount` for step -1 and whatever only opens and closes. */
export function pathOfStep(testCase: Case, index: number): string {
  const step = testCase.workload[index];
  const path = step && CALL_PATHS[step.call];
  if (!step || path === undefined) return 'mount';
  if (step.call !== 'pread' && step.call !== 'pwrite') return path;
  const opened = testCase.workload.filter((one) => one.call === 'open')[step.fd];
  const direct =
    opened !== undefined &&
    (opened.flags.includes('direct') || testCase.geometry.files[opened.file]?.directIo === true);
  return `${direct ? 'direct' : 'buffered'}-${path}`;
}

/** The path of the whole case, where its syscalls have one in common; else `several`. */
export function pathOfCase(testCase: Case): string {
  const paths = new Set(
    testCase.workload
      .map((_, index) => pathOfStep(testCase, index))
      .filter((path) => path !== 'mount' && path !== 'stat'),
  );
  if (paths.size > 1) paths.delete('fsync');
  if (paths.size > 1) return 'several';
  return [...paths][0] ?? 'mount';
}
