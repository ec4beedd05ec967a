/** Writes with RWF_ATOMIC: which are refused without a request, and direct writes that happen as a whole or not at all (behaviour, "RWF_ATOMIC with O_DIRECT"). */
import { errnos } from '../rules/rule.ts';
import { directWrite } from './direct-write.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import type { OpenFile, StepOf, World } from './world.ts';

const LOFF_MAX = (1n << 63n) - 1n;

export function atomicWrite(world: World, { file, flags, directIo }: OpenFile, step: StepOf<'pwrite'>): StepExpectation {
  const { offset } = step;
  const length = BigInt(step.lengthBytes);
  const { blockSizeBytes: block, maxBytes } = world.facts;
  const fails = (rule: string, ...wanted: number[]): StepExpectation => ({ kind: 'fails', rule, errnos: wanted });
  if (length === 0n) return { kind: 'succeeds', rule: 'write/empty', ret: 0n };
  // Which of several reasons comes first is the kernel's own business.
  const outside = offset < 0n || offset + length > LOFF_MAX ? [errnos.EINVAL] : offset >= maxBytes ? [errnos.EFBIG] : [];
  if (!file.attrFlags.includes('ATOMIC')) return fails('atomic/allowed', errnos.EOPNOTSUPP, ...outside);
  if (!flags.includes('direct')) {
    if (directIo ?? file.directIo) throw new Unspecified('whether FOPEN_DIRECT_IO makes up for O_DIRECT in an atomic write is not laid down');
    return fails('atomic/buffered', errnos.EOPNOTSUPP, ...outside);
  }
  const cut = offset + length > maxBytes;
  if (length !== block || offset % block !== 0n || cut) return fails(outside.length > 0 ? 'write/position' : 'atomic/one-block', errnos.EINVAL, ...outside);
  return directWrite(world, file, step, true);
}
