/**
 * FIEMAP, SEEK_DATA and SEEK_HOLE: BEGIN with REPORT, repeated. What they report of each mapping type is the contract
 * of Linux's iomap library (fs/iomap/fiemap.c, fs/iomap/seek.c): holes are skipped; unwritten blocks without page cache
 * are no data.
 */
import type { FiemapExtent } from '../../model/observation.ts';
import { lseekOut } from '../../uapi/fuse-structs.ts';
import { isType, type WireMapping } from '../rules/context.ts';
import { errnos } from '../../uapi/errno.ts';
import { begin } from './begin.ts';
import { Unspecified } from './driver.ts';
import { end } from './end.ts';
import type { StepExpectation } from './expectation.ts';
import { removed, within, type Ranges } from './ranges.ts';
import { type FileState, type StepOf, type World } from './world.ts';
import { flushed } from './writeback.ts';
import { FIEMAP } from '../../model/syscall-flags.ts';
import { PAGE, min } from '../../uapi/units.ts';
import { payloadOf, repliedErrno } from './answer.ts';
import type { Accepted } from './accepted.ts';
import type { ClauseId } from '../rules/rule-id.ts';

const NULL_ADDR_PHYSICAL = 0n;

const fails = (rule: ClauseId, ...wanted: number[]): StepExpectation => ({ kind: 'fails', rule, errnos: wanted });

type Visit = { advanced: bigint; stop: boolean };

/** Walks [pos, stopAt) mapping by mapping. Returns the failure, or undefined when the walk came to its end. */
function walk(
  world: World,
  file: FileState,
  from: bigint,
  stopAt: bigint,
  mayStopAt: bigint,
  visit: (mapping: Accepted) => Visit,
): StepExpectation | undefined {
  let pos = from;
  while (pos < stopAt) {
    if (pos >= mayStopAt && pos > from && world.driver.choose(2) === 1) return undefined;
    const mapping = begin(world, file, world.revision.opFlags.REPORT, pos, stopAt);
    if (mapping.kind === 'failed') {
      return fails(mapping.rule, mapping.errno);
    }
    if (mapping.mayFail && world.driver.choose(2) === 1) return { kind: 'fails', rule: mapping.rule };
    const { advanced, stop } = visit(mapping);
    const ended = end(world, file, mapping, advanced);
    // fs/iomap/iter.c, iomap_iter_continue: without progress the errno of END is the result; the rules say that it ends
    // the operation.
    if (ended !== 0 && (advanced === 0n || world.driver.choose(2) === 1)) return fails('request/end', ended);
    if (stop) return undefined;
    pos += advanced;
  }
  return undefined;
}

export function seekData(world: World, file: FileState, step: StepOf<'seekData'>): StepExpectation {
  return seek(
    world,
    file,
    step.offset,
    SEEK_DATA,
    (mapping) => {
      if (isType(world, mapping.acted, 'UNWRITTEN')) return cachedData(world, file, mapping);
      return isType(world, mapping.acted, 'HOLE') ? undefined : mapping.pos;
    },
    undefined,
  );
}

export function seekHole(world: World, file: FileState, step: StepOf<'seekHole'>): StepExpectation {
  return seek(
    world,
    file,
    step.offset,
    SEEK_HOLE,
    (mapping) => {
      if (isType(world, mapping.acted, 'UNWRITTEN')) return uncachedHole(world, file, mapping);
      return isType(world, mapping.acted, 'HOLE') ? mapping.pos : undefined;
    },
    file.sizeBytes,
  );
}

/** include/uapi/linux/fs.h */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;

function seek(
  world: World,
  file: FileState,
  offset: bigint,
  whence: number,
  found: (mapping: Accepted) => bigint | undefined,
  otherwise: bigint | undefined,
): StepExpectation {
  if (offset < 0n || offset >= file.sizeBytes)
    return fails('seek/past-eof', errnos.ENXIO, ...(offset < 0n ? [errnos.EINVAL] : []));
  let result = otherwise;
  let rule: ClauseId = 'seek/result';
  const failure = walk(world, file, offset, file.sizeBytes, file.sizeBytes, (mapping) => {
    const at = found(mapping);
    const stop = at !== undefined;
    if (stop) {
      result = at;
      rule = at === mapping.pos ? mapping.rule : 'seek/cached';
    }
    return { advanced: stop ? 0n : mapping.length, stop };
  });
  if (failure?.rule === 'begin/error' && failure.kind === 'fails' && failure.errnos?.[0] === errnos.ENOSYS)
    return fuseLseek(world, file, offset, whence);
  if (failure) return failure;
  return result === undefined ? fails('seek/result', errnos.ENXIO) : { kind: 'succeeds', rule, ret: result };
}

/**
 * Over unwritten blocks the page cache decides (fs/iomap/seek.c): what is dirty is data, and what is cached and clean
 * may be, since the kernel keeps pages as it likes. The first data in the mapping; undefined: none.
 */
function cachedData(world: World, file: FileState, { pos, length }: Accepted): bigint | undefined {
  const range = { start: pos, end: pos + length };
  const dirty = within(file.cache.dirty, range)[0]?.start;
  const candidates = starts(file.cache.filled(range.start, dirty ?? range.end));
  return dirty === undefined ? oneOf(world, [undefined, ...candidates]) : oneOf(world, [...candidates, dirty]);
}

/**
 * The first hole in an unwritten mapping: where nothing is cached, or where a clean page may have gone; undefined:
 * none.
 */
function uncachedHole(world: World, file: FileState, { pos, length }: Accepted): bigint | undefined {
  const range = { start: pos, end: pos + length };
  const cached = file.cache.filled(range.start, range.end);
  const missing = removedAll([range], cached)[0]?.start;
  const clean = removedAll([{ ...range, end: missing ?? range.end }], file.cache.dirty);
  return oneOf(
    world,
    missing === undefined ? [undefined, ...starts(clean)] : [missing, ...starts(clean).filter((at) => at !== missing)],
  );
}

/** Where a page of the ranges begins, or they do. */
const starts = (ranges: Ranges): bigint[] =>
  ranges.flatMap(({ start, end }) => {
    const out = [start];
    for (let at = start - (start % PAGE) + PAGE; at < end; at += PAGE) out.push(at);
    return out;
  });
const removedAll = (from: Ranges, what: Ranges): Ranges => what.reduce((left, range) => removed(left, range), from);
const oneOf = <T>(world: World, values: readonly T[]): T =>
  values[values.length > 1 ? world.driver.choose(values.length) : 0]!;

/** A server that answers BEGIN with ENOSYS is asked by FUSE_LSEEK, as for ordinary files. */
function fuseLseek(world: World, file: FileState, offset: bigint, whence: number): StepExpectation {
  const exchange = world.driver.request({
    name: 'LSEEK',
    file: file.index,
    rule: 'begin/enosys',
    fields: { offset: { value: offset }, whence: { value: whence }, padding: { value: 0 } },
  });
  const errno = repliedErrno(exchange);
  if (errno === errnos.ENOSYS) throw new Unspecified('LSEEK answered with ENOSYS is ordinary FUSE');
  if (errno !== 0) return fails('begin/enosys', errno);
  const payload = payloadOf(exchange);
  if (payload.length !== lseekOut.size) return fails('begin/enosys', errnos.EIO);
  return { kind: 'succeeds', rule: 'begin/enosys', ret: lseekOut.decode(payload).offset };
}

export function fiemap(world: World, file: FileState, step: StepOf<'fiemap'>): StepExpectation {
  if (!file.usesIomap) return fails('fiemap/needs-iomap', errnos.EOPNOTSUPP);
  if ((step.flags & FIEMAP.flagXattr) !== 0) return fails('fiemap/xattr', errnos.EOPNOTSUPP);
  if (step.lengthBytes === 0n) return fails('fiemap/empty', errnos.EINVAL);
  if (step.start >= world.facts.maxBytes) return fails('fiemap/past-maxbytes', errnos.EFBIG);
  if ((step.flags & ~FIEMAP.flagSync) !== 0) return fails('fiemap/flags', errnos.EBADR);

  // fs/ioctl.c, fiemap_prep: everything dirty is written back first.
  const lost = (step.flags & FIEMAP.flagSync) !== 0 ? flushed(world, file, { start: 0n, end: 1n << 64n }) : undefined;
  if (lost) return lost;

  const extents: FiemapExtent[] = [];
  // Room for none means that they are only counted.
  const counts = step.extents === 0;
  let mapped = 0;
  let held: WireMapping | undefined;
  let full = false;
  const emit = (flags: number): void => {
    if (!held) return;
    if (counts || mapped < step.extents) mapped += 1;
    if (extents.length < mapped && !counts) extents.push(extentOf(world, held, flags));
    full = !counts && mapped >= step.extents;
  };
  const failure = walk(
    world,
    file,
    step.start,
    min(world.facts.maxBytes, step.start + step.lengthBytes),
    file.sizeBytes,
    (mapping) => {
      if (isType(world, mapping.acted, 'HOLE')) return { advanced: mapping.length, stop: false };
      emit(0);
      held = mapping.acted;
      return { advanced: full ? 0n : mapping.length, stop: full };
    },
  );
  if (failure) return failure;
  if (!full) emit(FIEMAP.last);
  return { kind: 'succeeds', rule: 'fiemap/extents', ret: 0n, fiemap: extents, fiemapMapped: mapped };
}

function extentOf(world: World, mapping: WireMapping, flags: number): FiemapExtent {
  const { mappingFlags } = world.revision;
  const byType: Record<string, number> = {
    DELALLOC: FIEMAP.delalloc | FIEMAP.unknown,
    UNWRITTEN: FIEMAP.unwritten,
    INLINE: FIEMAP.inline | FIEMAP.notAligned,
  };
  const type = Object.keys(byType).find((name) => isType(world, mapping, name as 'DELALLOC'));
  return {
    logical: mapping.offset,
    physical: mapping.addr === 0xffff_ffff_ffff_ffffn ? NULL_ADDR_PHYSICAL : mapping.addr,
    length: mapping.length,
    flags:
      flags |
      (type ? byType[type]! : 0) |
      ((mapping.flags & mappingFlags.MERGED!) !== 0 ? FIEMAP.merged : 0) |
      ((mapping.flags & mappingFlags.SHARED!) !== 0 ? FIEMAP.shared : 0),
  };
}
