/** What CONFIG set of the superblock, as syscalls show it. */
import { errnos } from '../../uapi/errno.ts';
import type { StepExpectation } from './expectation.ts';
import type { StepOf, World } from './world.ts';

type Timestamp = StepOf<'setTimes'>['atime'];

/** Cut to the granularity and moved into the range. Source: Linux, fs/inode.c, timestamp_truncate. */
function truncated({ sec, nsec }: Timestamp, { granNs, minSec, maxSec }: NonNullable<World['set']['time']>): bigint[] {
  const within = sec < minSec ? minSec : sec > maxSec ? maxSec : sec;
  return [within, within === minSec || within === maxSec ? 0n : BigInt(nsec - (nsec % granNs))];
}

/** FUSE's own range is all that a time can be, to the nanosecond. Source: Linux, fs/super.c, alloc_super. */
const unbounded = { granNs: 1, minSec: -(1n << 63n), maxSec: (1n << 63n) - 1n };

export function setTimes(world: World, { atime, mtime }: StepOf<'setTimes'>): StepExpectation {
  const range = world.set.time ?? unbounded;
  return {
    kind: 'succeeds',
    rule: 'config/time',
    ret: 0n,
    times: [atime, mtime].flatMap((time) => truncated(time, range)),
  };
}

/** Length, then the bytes. Without a UUID there is no such ioctl. Source: Linux, fs/ioctl.c, ioctl_getfsuuid. */
export function fsUuid({ set: { uuid } }: World): StepExpectation {
  if (!uuid || uuid.length === 0) return { kind: 'fails', rule: 'config/uuid', errnos: [errnos.ENOTTY] };
  const out = Buffer.alloc(17);
  out[0] = uuid.length;
  out.set(uuid, 1);
  return { kind: 'succeeds', rule: 'config/uuid', ret: 0n, outBytes: out };
}
