/**
 * Zeroing a range of a file that becomes part of it, or of a block that is cut: BEGIN with ZERO, repeated. Contract of
 * the library: fs/iomap/buffered-io.c, iomap_zero_range, which leaves alone what reads as zeros already and zeroes the
 * rest in the page cache.
 */
import { isType } from '../rules/context.ts';
import { begin, isCalledStale, isStale } from './begin.ts';
import { fillUp, isOdd } from './block-fill.ts';
import { Unspecified } from './driver.ts';
import { end as endOf } from './end.ts';
import { writeInlineCached, writtenZeros } from './inline.ts';
import { within } from './ranges.ts';
import { takeWriteback, tellsOfLoss } from './writeback.ts';
import type { FileState, World } from './world.ts';
import { errnos } from '../../uapi/errno.ts';
import type { Accepted } from './accepted.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** Why a range could not be zeroed. Errnos; undefined: any. */
export interface ZeroFailure {
  rule: ClauseId;
  errnos?: readonly number[];
}

const ZERO = { kind: 'zero' } as const;

/** Zeroes [start, end) of the file. What is dirty by it stays so until writeback. */
export function zeroRange(world: World, file: FileState, start: bigint, end: bigint): ZeroFailure | undefined {
  let pos = start;
  const dirty = file.cache.dirty.length > 0 || file.wb.pieces.length > 0;
  while (pos < end) {
    const mapping = begin(world, file, world.revision.opFlags.ZERO, pos, end);
    if (mapping.kind === 'failed') return { rule: mapping.rule, errnos: [mapping.errno] };
    const failure = isCalledStale(world, file, mapping) ? 'stale' : clear(world, file, mapping, dirty);
    if (failure === 'stale') {
      const ended = endOf(world, file, mapping, 0n);
      if (ended !== 0) return { rule: 'request/end', errnos: [ended] };
      // What made it stale is often writeback of what is dirty there; what that lost may end the operation.
      const told = tellsOfLoss(world, file);
      if (told) return { rule: told.rule };
      continue;
    }
    if (failure) {
      // What was zeroed of the mapping before it failed is not laid down.
      endOf(world, file, mapping, 0n, true);
      return failure;
    }
    const ended = endOf(world, file, mapping, mapping.length);
    // fs/iomap/iter.c goes on after progress; the rules say that END's errno ends the operation.
    if (ended !== 0 && world.driver.choose(2) === 0) return { rule: 'request/end', errnos: [ended] };
    pos += mapping.length;
  }
  return undefined;
}

/** Whether the kernel's next request is to zero something of the file. */
export function asksForZeroing(world: World, file: FileState): boolean {
  const seen = world.driver.peek(world.step);
  return (
    seen?.name === 'IOMAP_BEGIN' &&
    (seen.file ?? file.index) === file.index &&
    (Number(seen.request['opflags'] ?? 0) & world.revision.opFlags.ZERO) !== 0
  );
}

/** Zeroes what becomes part of the file when it grows to `size` bytes. */
export function zeroUpTo(world: World, file: FileState, size: bigint, from = file.sizeBytes): ZeroFailure | undefined {
  const { growsTo } = file;
  file.growsTo = size;
  const failure = zeroRange(world, file, from, size);
  takeWriteback(world);
  file.growsTo = growsTo;
  return failure;
}

/**
 * Makes what the mapping covers read as zeros; nothing, when it is stale. `dirty`: the page cache may have had
 * something to write back.
 */
function clear(world: World, file: FileState, mapping: Accepted, dirty: boolean): ZeroFailure | 'stale' | undefined {
  const { acted, source = acted, pos, length, rule } = mapping;
  const until = pos + length;
  const { cache } = file;
  if (isType(world, acted, 'INLINE')) return clearInline(world, file, mapping);
  if (isType(world, source, 'INLINE'))
    throw new Unspecified('zeroing that moves inline data to a device is not modelled');
  if ((mapping.mayFail ?? isOdd(world, source)) && world.driver.choose(2) === 1) return { rule };
  if (isType(world, source, 'HOLE', 'UNWRITTEN')) {
    const errors = file.wb.errors.length;
    if (dirty && startsOver(world, file))
      return file.wb.errors.length > errors && world.driver.choose(2) === 1 ? { rule: file.wb.errorRule } : 'stale';
    // The server says that nothing is there; what was written meanwhile it must know of.
    for (const range of within(cache.dirty, { start: pos, end: until })) cache.mayWrite(range.start, range.end, ZERO);
    // With a place in the other half the library writes zeros there; it need not.
    const writes = !isType(world, acted, 'HOLE', 'UNWRITTEN') && world.driver.choose(2) === 0;
    if (!writes) {
      if (!cache.isEmpty) cache.fill(pos, until, ZERO);
      return undefined;
    }
  }
  // The rules say it of buffered writes; zeroing is one in all but name.
  if (isStale(world, file, mapping, true)) return 'stale';
  const block = world.facts.blockSizeBytes;
  const [first, last] = [pos - (pos % block), until + ((block - (until % block)) % block)];
  const filled = [fillUp(world, file, mapping, first, pos, last), fillUp(world, file, mapping, until, last, last)];
  if (filled.includes('fails') || (filled.includes('may fail') && world.driver.choose(2) === 1))
    return { rule: 'type/past-device-end', errnos: [errnos.EIO] };
  cache.write(pos, until, ZERO);
  cache.soil({ start: pos, end: until }, block);
  return undefined;
}

/**
 * What is dirty may become a mapping of another type by writeback: the kernel may do that first and ask again
 * (iomap_zero_iter_flush_and_stale).
 */
function startsOver(world: World, file: FileState): boolean {
  // It may also be what comes after the zeroing of a block that is cut, when the file has its new size.
  if (file.growsTo === undefined && isWriteback(world, file) && world.driver.choose(2) === 1) return false;
  takeWriteback(world);
  const seen = world.wire.peek(world.step);
  if (!seen || (seen.file !== undefined && seen.file !== file.index)) return false;
  const isZero = (Number(seen.request['opflags'] ?? 0) & world.revision.opFlags.ZERO) !== 0;
  return isZero && seen.name === 'IOMAP_END' && BigInt((seen.request['written'] ?? 1n) as bigint) === 0n;
}

/** Whether the kernel's next request is one of writeback. */
function isWriteback(world: World, file: FileState): boolean {
  const seen = world.wire.peek(world.step);
  if (!seen || (seen.file ?? file.index) !== file.index) return false;
  const { opFlags, ioendFlags } = world.revision;
  return (
    (seen.name === 'IOMAP_BEGIN' && (Number(seen.request['opflags'] ?? 0) & opFlags.WRITEBACK) !== 0) ||
    (seen.name === 'IOMAP_IOEND' && (Number(seen.request['flags'] ?? 0) & ioendFlags.WRITEBACK!) !== 0)
  );
}

/** Zeros go to the server as other bytes do. */
function clearInline(world: World, file: FileState, mapping: Accepted): ZeroFailure | 'stale' | undefined {
  const { acted, source = acted } = mapping;
  // In place of a hole there is nothing to zero.
  if (isType(world, source, 'HOLE') && world.driver.choose(2) === 1) return undefined;
  const written = writeInlineCached(world, file, mapping, writtenZeros, true);
  if (written === 'stale') return 'stale';
  if (typeof written !== 'bigint') return { rule: written.rule, errnos: [written.errno] };
  return written === mapping.length ? undefined : { rule: mapping.rule };
}

/** The file does not grow after all: what was zeroed behind EOF is forgotten, and EOF's block may be dirty or not. */
export function staySmall(world: World, file: FileState): void {
  const block = world.facts.blockSizeBytes;
  const { cache, sizeBytes } = file;
  const last = { start: sizeBytes - (sizeBytes % block), end: sizeBytes + ((block - (sizeBytes % block)) % block) };
  cache.drop(last.end, 1n << 64n);
  if (within(cache.dirty, last).length > 0 && world.driver.choose(2) === 1) cache.clean(last);
}

/**
 * A write from `offset` on makes the file reach that far first. `undo`: when that write fails afterwards, whether the
 * file keeps its zeroes is not laid down.
 */
export function extendTo(world: World, file: FileState, offset: bigint): { failure?: ZeroFailure; undo: () => void } {
  const old = file.sizeBytes;
  const undo = (): void => {
    if (offset <= old || world.driver.choose(2) === 0) return;
    file.sizeBytes = old;
    staySmall(world, file);
  };
  if (offset <= old) return { undo };
  const failure = zeroUpTo(world, file, offset);
  if (failure) {
    staySmall(world, file);
    return { failure, undo };
  }
  file.sizeBytes = offset;
  return { undo };
}
