/** ftruncate: the cut block, or what becomes part of the file, is zeroed, and the server is told about the size. */
import { errnos } from '../rules/rule.ts';
import type { StepExpectation } from './expectation.ts';
import { setSize } from './set-size.ts';
import { discard, flushed } from './writeback.ts';
import { settleUnreported } from './writeback-ioend.ts';
import { PAGE_SIZE } from './page-size.ts';
import { type FileState, type OpenFile, type StepOf, type World } from './world.ts';
import { staySmall, zeroRange, zeroUpTo } from './zeroing.ts';

const PAGE = BigInt(PAGE_SIZE);
const fails = (rule: string, ...wanted: number[]): StepExpectation => ({ kind: 'fails', rule, errnos: wanted });

export function ftruncate(world: World, { file, flags }: OpenFile, { sizeBytes: size }: StepOf<'ftruncate'>): StepExpectation {
  // fs/open.c, do_sys_ftruncate
  if (size < 0n || flags.includes('rdonly')) return fails('truncate/arguments', errnos.EINVAL);
  if (file.attrFlags.includes('APPEND')) return fails('inode/append', errnos.EPERM);
  const old = file.sizeBytes;
  if (size > old && size > world.facts.maxBytes) return fails('truncate/past-maxbytes', errnos.EFBIG);
  return truncateTo(world, file, size);
}

export function truncateTo(world: World, file: FileState, size: bigint): StepExpectation {
  // Whether the server hears of it before or after the zeroing is not laid down. A server that refuses keeps its data and its size.
  const told = setSize(world, file, size, { plain: size <= file.sizeBytes });
  if (told) return fails('truncate/setattr', told);
  const failure = forgetting(world, file, size, () => zeroed(world, file, size));
  if (failure) {
    if (told === 0) changeSize(world, file, size);
    else if (size > file.sizeBytes) staySmall(world, file);
    return { kind: 'fails', ...failure };
  }
  const lost = size < file.sizeBytes ? cutOff(world, file, size, told === 0) : undefined;
  const toldLate = told ?? setSize(world, file, size);
  if (toldLate) {
    if (size > file.sizeBytes) staySmall(world, file);
    return fails('truncate/setattr', toldLate);
  }
  changeSize(world, file, size);
  return lost ?? { kind: 'succeeds', rule: 'truncate/result', ret: 0n };
}

/**
 * What zeroing dirtied of the cut block is written back at once; what lies behind it leaves the page cache, and what the last page that stays
 * holds behind EOF is zeros. `told`: the server knows the size already.
 */
function cutOff(world: World, file: FileState, size: bigint, told: boolean): StepExpectation | undefined {
  const block = world.facts.blockSizeBytes;
  const start = size - (size % block);
  const end = size % block === 0n ? size : start + block;
  const pageEnd = end + ((PAGE - (end % PAGE)) % PAGE);
  const { cache } = file;
  const behind = { start: end, end: 1n << 64n };
  const { discarded } = discard(world, file, behind);
  if (told) changeSize(world, file, size);
  const lost = start < end ? flushed(world, file, { start, end }) : undefined;
  const cached = !cache.isEmpty;
  const kept = cache.filled(size, pageEnd);
  cache.drop(behind.start, behind.end);
  discarded();
  for (const range of kept) cache.write(range.start, range.end, { kind: 'zero' });
  // A page that was read ahead stays as well.
  if (cached) cache.fill(size, pageEnd, { kind: 'zero' });
  return lost;
}

/** Cached mappings from the new size on go; whether before or after the zeroing, and with the block that it cuts, is not laid down. */
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

function zeroed(world: World, file: FileState, size: bigint) {
  const old = file.sizeBytes;
  const block = world.facts.blockSizeBytes;
  if (size > old) return zeroUpTo(world, file, size);
  return size < old && size % block !== 0n ? zeroRange(world, file, size, size - (size % block) + block) : undefined;
}

/** The server has taken note: what is on the disk is as large as the file. */
function changeSize(world: World, file: FileState, size: bigint): void {
  if (size < file.onDiskSizeBytes) settleUnreported(world, file);
  file.sizeBytes = size;
  file.onDiskSizeBytes = size;
}
