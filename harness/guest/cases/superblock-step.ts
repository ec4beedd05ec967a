/** Steps about the file system as a whole, by a file descriptor on it. */
import type { Step } from '../../../model/case.ts';
import type { Native } from '../../native/index.ts';

/** _IOWR('X', 119, int), _IOWR('X', 120, int) and _IOR('X', 125, __u32): include/uapi/linux/fs.h. */
const FIFREEZE = 0xc004_5877,
  FITHAW = 0xc004_5878,
  FS_IOC_SHUTDOWN = 0x8004_587d;

export type SuperblockStep = Extract<Step, { call: 'freeze' | 'thaw' | 'syncfs' | 'shutdown' }>;

/** 0 or -errno. */
export function superblockStep(native: Native, fd: number, step: SuperblockStep): number {
  switch (step.call) {
    case 'freeze':
      return native.ioctl(fd, FIFREEZE, 0);
    case 'thaw':
      return native.ioctl(fd, FITHAW, 0);
    case 'syncfs':
      return native.syncfs(fd);
    case 'shutdown': {
      const flags = Buffer.alloc(4);
      flags.writeUInt32LE(step.flags, 0);
      return native.ioctl(fd, FS_IOC_SHUTDOWN, flags);
    }
  }
}

/**
 * Nobody can write to, sync or unmount what stays frozen. A server that refuses to thaw is cut off: then nobody has to
 * agree. False: it stays frozen.
 */
export function thawForGood(native: Native, fd: number, cutOff: () => void): boolean {
  if (native.ioctl(fd, FITHAW, 0) >= 0) return true;
  cutOff();
  return native.ioctl(fd, FITHAW, 0) >= 0;
}
