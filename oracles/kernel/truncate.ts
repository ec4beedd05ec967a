/** ftruncate: the cut block, or what becomes part of the file, is zeroed, and the server is told about the size. */
import { errnos } from '../../uapi/errno.ts';
import type { StepExpectation } from './expectation.ts';
import type { Range } from './ranges.ts';
import { resizing } from './resizing.ts';
import { setSize, type SizeAnswer } from './set-size.ts';
import { discard, flushed } from './writeback.ts';
import { type FileState, type OpenFile, type StepOf, type World } from './world.ts';
import { asksForZeroing, staySmall, zeroRange, zeroUpTo, type ZeroFailure } from './zeroing.ts';
import { PAGE } from '../../uapi/units.ts';
import type { ClauseId } from '../rules/rule-id.ts';

const fails = (rule: ClauseId, ...wanted: number[]): StepExpectation => ({ kind: 'fails', rule, errnos: wanted });

export function ftruncate(
  world: World,
  { file, flags }: OpenFile,
  { sizeBytes: size }: StepOf<'ftruncate'>,
): StepExpectation {
  // fs/open.c, do_sys_ftruncate
  if (size < 0n || flags.includes('rdonly')) return fails('truncate/arguments', errnos.EINVAL);
  if (file.attrFlags.includes('APPEND')) return fails('inode/append', errnos.EPERM);
  const old = file.sizeBytes;
  if (size > old && size > world.facts.maxBytes) return fails('truncate/past-maxbytes', errnos.EFBIG);
  return truncateTo(world, file, size);
}

/**
 * Zeroing, writeback of what is dirty, and its IOEND may come before or after SETATTR. A server that refuses keeps its
 * data and its size.
 */
export function truncateTo(world: World, file: FileState, size: bigint): StepExpectation {
  const old = file.sizeBytes;
  return resizing(world, file, size, (took) => {
    const refused = (errno: number): StepExpectation => {
      if (size > old) staySmall(world, file);
      return fails('truncate/setattr', errno);
    };
    const told = (): void => {
      if (size > old && !world.driver.simulated) file.onDisk.mayBecome(size);
    };
    let answer = setSize(world, file, size, { plain: size <= old });
    if (answer && answer.errno !== 0) return refused(answer.errno);
    if (answer) told();
    const failure = forgetting(world, file, size, () => zeroed(world, file, size));
    if (failure) {
      if (answer && size < old) dropBehind(world, file, size, answer, took);
      else if (answer) took(answer);
      else if (size > old) staySmall(world, file);
      return { kind: 'fails', ...failure };
    }
    answer ??= setSize(world, file, size, { plain: false });
    const early = !answer && size < old ? writeCut(world, file, size) : undefined;
    answer ??= setSize(world, file, size);
    if (answer.errno !== 0) return refused(answer.errno);
    told();
    const lost = size < old ? cutOff(world, file, size, answer, took) : undefined;
    took(answer);
    return early ?? lost ?? { kind: 'succeeds', rule: 'truncate/result', ret: 0n };
  });
}

/** The block that the new size cuts; empty where a block ends there. */
function cutBlock({ facts: { blockSizeBytes: block } }: World, size: bigint): Range {
  return { start: size - (size % block), end: size % block === 0n ? size : size - (size % block) + block };
}

/** What zeroing dirtied of the cut block is written back at once. */
function writeCut(world: World, file: FileState, size: bigint): StepExpectation | undefined {
  const cut = cutBlock(world, size);
  return cut.start < cut.end ? flushed(world, file, cut) : undefined;
}

/** The block that the new size cuts could not be zeroed: what lies behind it leaves the page cache all the same. */
function dropBehind(
  world: World,
  file: FileState,
  size: bigint,
  answer: SizeAnswer,
  took: (answer: SizeAnswer) => void,
): void {
  const behind = { start: cutBlock(world, size).end, end: 1n << 64n };
  const { discarded } = discard(world, file, behind);
  took(answer);
  file.cache.drop(behind.start, behind.end);
  discarded();
}

/**
 * What lies behind the cut block leaves the page cache, and what the last page that stays holds behind EOF is zeros.
 */
function cutOff(
  world: World,
  file: FileState,
  size: bigint,
  answer: SizeAnswer,
  took: (answer: SizeAnswer) => void,
): StepExpectation | undefined {
  const { end } = cutBlock(world, size);
  const pageEnd = end + ((PAGE - (end % PAGE)) % PAGE);
  const { cache } = file;
  const behind = { start: end, end: 1n << 64n };
  const { discarded } = discard(world, file, behind);
  took(answer);
  const lost = writeCut(world, file, size);
  const cached = !cache.isEmpty;
  const kept = cache.filled(size, pageEnd);
  cache.drop(behind.start, behind.end);
  discarded();
  for (const range of kept) cache.write(range.start, range.end, { kind: 'zero' });
  // A page that was read ahead stays as well.
  if (cached) cache.fill(size, pageEnd, { kind: 'zero' });
  return lost;
}

/**
 * Cached mappings from the new size on go; whether before or after the zeroing, and with the block that it cuts, is not
 * laid down.
 */
function forgetting<T>(world: World, file: FileState, size: bigint, zero: () => T): T {
  const { mappings } = file;
  if (!mappings.exists) return zero();
  const block = world.facts.blockSizeBytes;
  const start = size % block !== 0n && world.driver.choose(2) === 1 ? size - (size % block) + block : size;
  const first = world.driver.choose(2) === 0;
  if (first) mappings.changed(start, undefined, block);
  const result = zero();
  if (!first) mappings.changed(start, undefined, block);
  return result;
}

function zeroed(world: World, file: FileState, size: bigint): ZeroFailure | undefined {
  const old = file.sizeBytes;
  if (size > old) return zeroUpTo(world, file, size);
  const cut = cutBlock(world, size);
  if (cut.start === cut.end || (size === old && !zeroesRest(world, file, size))) return undefined;
  return zeroRange(world, file, size, cut.end);
}

/** A size that stays cuts a block as well: the kernel may zero the rest of it, or not. */
function zeroesRest(world: World, file: FileState, size: bigint): boolean {
  return (
    asksForZeroing(world, file) ||
    (file.mappings.lookup(world.revision, size, true) !== undefined && world.driver.choose(2) === 1)
  );
}
