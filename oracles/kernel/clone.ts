/** FICLONERANGE and FIDEDUPERANGE: files that use iomap share no blocks through the kernel. */
import { errnos } from '../../uapi/errno.ts';
import type { StepExpectation } from './expectation.ts';
import type { OpenFile, StepOf } from './world.ts';
import { LOFF_MAX } from '../../uapi/units.ts';

export function clone(from: OpenFile, to: OpenFile, step: StepOf<'clone' | 'dedupe'>): StepExpectation {
  // What is wrong with the arguments may be found first (fs/remap_range.c).
  const far = [step.fromOffset + step.lengthBytes, step.offset + step.lengthBytes].some((end) => end > LOFF_MAX);
  const wrongFd = from.flags.includes('wronly') || to.flags.includes('rdonly') || to.flags.includes('append');
  return {
    kind: 'fails',
    rule: 'clone/refused',
    errnos: [
      errnos.EOPNOTSUPP,
      ...(far ? [errnos.EINVAL, errnos.EOVERFLOW] : []),
      ...(wrongFd ? [errnos.EBADF, errnos.EINVAL, errnos.EPERM] : []),
    ],
  };
}
