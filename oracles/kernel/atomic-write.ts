/**
 * Writes with RWF_ATOMIC: which are refused without a request, and direct writes that happen as a whole or not at all
 * (docs/spec/behaviour.md#requests-of-syscalls).
 */
import { errnos } from '../../uapi/errno.ts';
import { directWrite } from './direct-write.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import type { OpenFile, StepOf, World } from './world.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** The position is one that files can have, and there are bytes to write. */
export function atomicWrite(
  world: World,
  { file, flags, directIo }: OpenFile,
  step: StepOf<'pwrite'>,
): StepExpectation {
  const { offset, lengthBytes, writer } = step;
  const { blockSizeBytes: block, maxBytes } = world.facts;
  const fails = (rule: ClauseId, ...wanted: number[]): StepExpectation => ({ kind: 'fails', rule, errnos: wanted });
  // Which of several reasons comes first is the kernel's own business.
  const outside = offset >= maxBytes ? [errnos.EFBIG] : [];
  if (!file.attrFlags.includes('ATOMIC')) return fails('atomic/allowed', errnos.EOPNOTSUPP, ...outside);
  if (!flags.includes('direct')) {
    if (directIo ?? file.directIo)
      throw new Unspecified('whether FOPEN_DIRECT_IO makes up for O_DIRECT in an atomic write is not laid down');
    return fails('atomic/buffered', errnos.EOPNOTSUPP, ...outside);
  }
  if (flags.some((flag) => flag === 'append' || flag === 'sync' || flag === 'dsync') || file.attrFlags.includes('SYNC'))
    throw new Unspecified('atomic writes with further flags are not modelled');
  if (!file.cache.isEmpty) throw new Unspecified('atomic writes over cached pages are not modelled');
  const asked = BigInt(lengthBytes);
  if (asked !== block || offset % block !== 0n || offset + asked > maxBytes)
    return fails('atomic/one-block', errnos.EINVAL, ...outside);
  // Nothing else would be atomic.
  return directWrite(world, file, { offset, lengthBytes, writer, patternOffset: offset, atomic: true }, true);
}
