/**
 * One syscall of a sequence, made when it is its turn: by then it is known which open of the file is the newest, and
 * how large the file is.
 */
import type { Step } from '../model/case.ts';

export interface Now {
  /** Number of the newest open. */
  fd: number;
  /** The file's, when everything has worked so far. */
  sizeBytes: bigint;
}

/** `reopen`: the file is closed and opened once more. */
export type Act = ((now: Now) => Step | readonly Step[]) | 'reopen';

/** include/uapi/linux/falloc.h */
const FALLOC_KEEP_SIZE = 1;

/** How large the file is after a syscall that works, in bytes. */
export function sizeAfter(step: Step, sizeBytes: bigint): bigint {
  const reaching = (end: bigint): bigint => (end > sizeBytes ? end : sizeBytes);
  switch (step.call) {
    case 'ftruncate':
      return step.sizeBytes;
    case 'pwrite':
      return step.lengthBytes === 0 ? sizeBytes : reaching(step.offset + BigInt(step.lengthBytes));
    case 'fallocate':
      return (step.mode & FALLOC_KEEP_SIZE) !== 0 ? sizeBytes : reaching(step.offset + step.lengthBytes);
    default:
      return sizeBytes;
  }
}
