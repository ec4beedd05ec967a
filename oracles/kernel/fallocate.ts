/** fallocate: the server is asked by FALLOCATE, then the kernel zeroes what has to be. */
import { errnos } from '../../uapi/errno.ts';
import type { StepExpectation } from './expectation.ts';
import { discard, flushed } from './writeback.ts';
import { resizing } from './resizing.ts';
import { type FileState, type OpenFile, type StepOf, type World } from './world.ts';
import { asksForZeroing, staySmall, zeroRange, zeroUpTo, type ZeroFailure } from './zeroing.ts';
import { PAGE, max, min } from '../../uapi/units.ts';
import { payloadOf, repliedErrno } from './answer.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** include/uapi/linux/falloc.h */
const MODE = { keepSize: 1, punchHole: 2, zeroRange: 0x10 } as const;
/** What files that use iomap have; collapse, insert, unshare and write-zeroes are not among them. */
const SUPPORTED: ReadonlySet<number> = new Set([
  0,
  MODE.keepSize,
  MODE.punchHole | MODE.keepSize,
  MODE.zeroRange,
  MODE.zeroRange | MODE.keepSize,
]);

const fails = (rule: ClauseId, ...wanted: number[]): StepExpectation => ({ kind: 'fails', rule, errnos: wanted });

export function fallocate(
  world: World,
  { file, flags }: OpenFile,
  { mode, offset, lengthBytes }: StepOf<'fallocate'>,
): StepExpectation {
  const end = offset + lengthBytes;
  // fs/open.c, vfs_fallocate; which of several reasons comes first is the kernel's own business.
  const refused = [
    ...(offset < 0n || lengthBytes <= 0n ? [errnos.EINVAL] : []),
    ...(SUPPORTED.has(mode) && !world.enosys.fallocate ? [] : [errnos.EOPNOTSUPP]),
    ...(flags.includes('rdonly') ? [errnos.EBADF] : []),
    ...(end > world.facts.maxBytes ? [errnos.EFBIG] : []),
  ];
  const appendOnly = file.attrFlags.includes('APPEND') && (mode & ~MODE.keepSize) !== 0;
  if (appendOnly) return fails('inode/append', errnos.EPERM, ...refused);
  if (refused.length > 0)
    return fails(
      SUPPORTED.has(mode) ? (world.enosys.fallocate ? 'fallocate/enosys' : 'fallocate/arguments') : 'fallocate/mode',
      ...refused,
    );

  const old = file.sizeBytes;
  const size = (mode & MODE.keepSize) !== 0 ? old : max(old, end);
  const run = (took: () => void): StepExpectation => allocated(world, file, { mode, offset, end, size }, took);
  return size > old
    ? resizing(world, file, size, (took) =>
        run(() => {
          took({ errno: 0, answeredBytes: size });
        }),
      )
    : run(() => undefined);
}

interface Allocation {
  mode: number;
  offset: bigint;
  end: bigint;
  /** Of the file, afterwards. */ size: bigint;
}

/** Zeroing may come before the server is asked, or after it. `took`: the file has its new size. */
function allocated(world: World, file: FileState, range: Allocation, took: () => void): StepExpectation {
  const { mode, offset, end, size } = range;
  const old = file.sizeBytes;
  const clears = (mode & (MODE.punchHole | MODE.zeroRange)) !== 0;
  const lost = clears ? flushed(world, file, { start: offset, end }) : undefined;
  if (lost) return lost;
  // Only a call that changes the size may zero before it asks.
  const zeroesFirst = size > old && asksForZeroing(world, file);
  const early = zeroesFirst ? zeroed(world, file, range) : undefined;
  if (early) {
    if (size > old) staySmall(world, file);
    return { kind: 'fails', ...early };
  }
  const errno = ask(world, file, mode, offset, end - offset);
  if (errno !== 0 && size > old) staySmall(world, file);
  if (errno === errnos.ENOSYS) {
    world.enosys.fallocate = true;
    return fails('fallocate/enosys', errnos.EOPNOTSUPP);
  }
  if (errno !== 0) return fails('fallocate/error', errno);
  if (size > old && !world.driver.simulated) file.onDisk.mayBecome(size);
  file.mappings.changed(offset, end, world.facts.blockSizeBytes);

  if (clears) uncache(world, file, offset, end);
  const failure = zeroesFirst ? undefined : zeroed(world, file, range);
  if (failure) {
    // The server may have made the file larger; whether the kernel follows is not laid down.
    if (size > old && world.driver.choose(2) === 1) took();
    else if (size > old) staySmall(world, file);
    return { kind: 'fails', ...failure };
  }
  took();
  return { kind: 'succeeds', rule: 'fallocate/result', ret: 0n };
}

/** Pages in the range leave the cache; of those at its ends the part in the range is zeroed. */
function uncache(world: World, file: FileState, start: bigint, end: bigint): void {
  const { cache } = file;
  if (cache.isEmpty) return;
  const { discarded } = discard(world, file, { start, end });
  cache.drop(start, end);
  discarded();
  const inner = { start: start + ((PAGE - (start % PAGE)) % PAGE), end: end - (end % PAGE) };
  if (start < inner.start) cache.fill(start, min(inner.start, end), { kind: 'zero' });
  if (inner.end < end) cache.fill(max(inner.end, start), end, { kind: 'zero' });
}

function ask(world: World, file: FileState, mode: number, offset: bigint, length: bigint): number {
  const exchange = world.driver.request({
    name: 'FALLOCATE',
    file: file.index,
    rule: 'fallocate/request',
    fields: { offset: { value: offset }, length: { value: length }, mode: { value: mode }, padding: { value: 0 } },
  });
  const errno = repliedErrno(exchange);
  return errno === 0 && payloadOf(exchange).length !== 0 ? errnos.EIO : errno;
}

/** Zeroes what was punched or shall be zero, and what becomes part of the file. */
function zeroed(world: World, file: FileState, { mode, offset, end, size }: Allocation): ZeroFailure | undefined {
  const old = file.sizeBytes;
  const clears = (mode & (MODE.punchHole | MODE.zeroRange)) !== 0;
  // Behind EOF there is nothing that anybody could read; the kernel may stop there or not.
  if (clears && end > old && offset <= old && world.driver.choose(2) === 1)
    return size > old ? zeroUpTo(world, file, size, offset) : zeroRange(world, file, offset, end);
  const failure = clears && offset < old ? zeroRange(world, file, offset, min(end, old)) : undefined;
  return failure ?? (size > old ? zeroUpTo(world, file, size) : undefined);
}
