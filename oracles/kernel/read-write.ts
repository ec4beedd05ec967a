/**
 * pread and pwrite: what the flags of the call and of the open file make of them, before it comes to mappings. Source:
 * docs/spec/behaviour.md#requests-of-syscalls; include/linux/fs.h, kiocb_set_rw_flags; fs/read_write.c,
 * generic_write_checks.
 */
import { RWF } from '../../model/syscall-flags.ts';
import { errnos } from '../../uapi/errno.ts';
import { atomicWrite } from './atomic-write.ts';
import { bufferedRead, cachedRead } from './buffered-read.ts';
import { bufferedWrite } from './buffered-write.ts';
import { directRead } from './direct-read.ts';
import { directWrite } from './direct-write.ts';
import { Unspecified } from './driver.ts';
import { mayReportFailure } from './ioend.ts';
import type { StepExpectation } from './expectation.ts';
import { asksWithoutWaiting, type OpenFile, type StepOf, type World } from './world.ts';
import type { Durability, Write } from './written.ts';
import { LOFF_MAX } from '../../uapi/units.ts';
import type { ClauseId } from '../rules/rule-id.ts';

const KNOWN = Object.values(RWF).reduce((sum, flag) => sum | flag, 0);

const fails = (rule: ClauseId, ...wanted: number[]): StepExpectation => ({ kind: 'fails', rule, errnos: wanted });
const has = ({ rwf = 0 }: { rwf?: number | undefined }, flag: number): boolean => (rwf & flag) !== 0;

/** What the server allows for this open file. */
const allowsOnlyDirect = ({ file, directIo }: OpenFile): boolean => directIo ?? file.directIo;
/** Past the page cache, by the caller's wish or the server's. */
const isDirect = (fd: OpenFile): boolean => fd.flags.includes('direct') || allowsOnlyDirect(fd);

/** Flags that no call with them gets past. */
function refusedFlags(fd: OpenFile, step: StepOf<'pread' | 'pwrite'>): StepExpectation | undefined {
  const { rwf = 0 } = step;
  if (rwf === 0) return undefined;
  // With -1 these calls go on from the file's position.
  if (step.offset === -1n) throw new Unspecified('reading and writing at the file position is not modelled');
  const why = [
    ...(has(step, RWF.DONTCACHE) || (rwf & ~KNOWN) !== 0 ? [errnos.EOPNOTSUPP] : []),
    // Reads are never atomic, buffered writes neither, and other writes only where the server says so.
    ...(has(step, RWF.ATOMIC) && (step.call === 'pread' || !isDirect(fd) || !fd.file.attrFlags.includes('ATOMIC'))
      ? [errnos.EOPNOTSUPP]
      : []),
    ...(has(step, RWF.APPEND) && has(step, RWF.NOAPPEND) ? [errnos.EINVAL] : []),
    ...(has(step, RWF.NOAPPEND) && fd.file.attrFlags.includes('APPEND') && fd.flags.includes('append')
      ? [errnos.EPERM]
      : []),
  ];
  return why.length > 0 ? fails('flags/refused', ...why) : undefined;
}

export function pread(world: World, fd: OpenFile, step: StepOf<'pread'>): StepExpectation {
  if (fd.flags.includes('wronly')) return fails('fd', errnos.EBADF);
  const stopAt = step.offset + BigInt(step.lengthBytes);
  if (step.offset < 0n || stopAt > LOFF_MAX) return fails('read/position', errnos.EINVAL);
  if (step.lengthBytes === 0) return { kind: 'succeeds', rule: 'read/eof', ret: 0n, data: [], behind: [] };
  const refused = refusedFlags(fd, step);
  if (refused) return refused;
  const { file } = fd;
  const nowait = has(step, RWF.NOWAIT);
  if (isDirect(fd)) return directRead(world, file, step, { nowait, onlyDirect: allowsOnlyDirect(fd) });
  return nowait ? cachedRead(world, file, step) : bufferedRead(world, file, step);
}

export function pwrite(world: World, fd: OpenFile, step: StepOf<'pwrite'>): StepExpectation {
  if (fd.flags.includes('rdonly')) return fails('fd', errnos.EBADF);
  if (step.offset < 0n || step.offset + BigInt(step.lengthBytes) > LOFF_MAX)
    return fails('write/position', errnos.EINVAL);
  if (step.lengthBytes === 0) return { kind: 'succeeds', rule: 'write/empty', ret: 0n };
  if (step.rwf === RWF.ATOMIC) return atomicWrite(world, fd, step);
  const refused = refusedFlags(fd, step);
  if (refused) return refused;
  if (has(step, RWF.ATOMIC)) throw new Unspecified('atomic writes with further flags are not modelled');
  const { file } = fd;
  if (has(step, RWF.NOWAIT)) return withoutWaiting(world, fd, step);

  const appends = has(step, RWF.APPEND) || (fd.flags.includes('append') && !has(step, RWF.NOAPPEND));
  const offset = appends ? file.sizeBytes : step.offset;
  const durable = durability(fd, step);
  const write: Write = {
    offset,
    lengthBytes: step.lengthBytes,
    writer: step.writer,
    patternOffset: step.offset,
    ...(durable && { durable }),
    by: fd,
  };
  return isDirect(fd) ? directWrite(world, file, write, allowsOnlyDirect(fd)) : bufferedWrite(world, file, write);
}

/**
 * A write needs a mapping, and asking for it means to wait: EAGAIN, which a direct write may report by IOEND. Revision
 * r2 asks nevertheless. What the mapping cache has could serve it.
 */
function withoutWaiting(world: World, fd: OpenFile, { offset, lengthBytes }: StepOf<'pwrite'>): StepExpectation {
  const { file } = fd;
  if (asksWithoutWaiting(world))
    throw new Unspecified(`revision ${world.revision.id} does not say what a write that must not wait does`);
  if (file.mappings.exists && world.driver.choose(2) === 1)
    throw new Unspecified('whether writes that must not wait are served from the mapping cache is not said');
  const answered = isDirect(fd)
    ? mayReportFailure(world, file, offset, offset + BigInt(lengthBytes), errnos.EAGAIN)
    : 0;
  return fails('flags/nowait', errnos.EAGAIN, ...(answered === 0 ? [] : [answered]));
}

function durability({ flags, file }: OpenFile, step: StepOf<'pwrite'>): Durability | undefined {
  if (flags.includes('sync') || has(step, RWF.SYNC)) return 'all';
  return flags.includes('dsync') || has(step, RWF.DSYNC) || file.attrFlags.includes('SYNC') ? 'data' : undefined;
}
