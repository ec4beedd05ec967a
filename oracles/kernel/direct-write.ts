/** O_DIRECT writes, and any write under FOPEN_DIRECT_IO. Contract of the library: fs/iomap/direct-io.c. */
import { isType } from '../rules/context.ts';
import { errnos } from '../../uapi/errno.ts';
import { begin } from './begin.ts';
import { BlockRest, restsOf, staysInPlace } from './block-rest.ts';
import { bufferedWrite } from './buffered-write.ts';
import { Unspecified } from './driver.ts';
import { end } from './end.ts';
import { writeInline } from './inline.ts';
import type { StepExpectation } from './expectation.ts';
import { extendTo, type ZeroFailure } from './zeroing.ts';
import { directIoend, mayReportFailure } from './ioend.ts';
import type { Range } from './ranges.ts';
import { synced } from './sync.ts';
import type { FileState, World } from './world.ts';
import { flushed, hasUntold } from './writeback.ts';
import { bytesOf, sourceAt, type Write } from './written.ts';
import { SECTOR, max, min } from '../../uapi/units.ts';
import type { Accepted } from './accepted.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** `onlyDirect`: the server allows nothing else. */
export function directWrite(world: World, file: FileState, write: Write, onlyDirect: boolean): StepExpectation {
  const { offset } = write;
  const fileEnd = file.sizeBytes;
  const asked = offset + BigInt(write.lengthBytes);
  if (offset >= world.facts.maxBytes) return { kind: 'fails', rule: 'write/past-maxbytes', errnos: [errnos.EFBIG] };
  // fs/read_write.c, generic_write_checks: what passes maxbytes is cut off.
  const stopAt = min(asked, world.facts.maxBytes);
  const extended = extendTo(world, file, offset);
  if (extended.failure) {
    // Where there are no mappings to zero by, a direct write may fall back as where there are none to write by.
    if (isLacked(extended.failure) && !write.atomic && world.driver.choose(2) === 1) {
      return withoutMappings(world, file, write, { onlyDirect, reaches: stopAt, undo: extended.undo });
    }
    return { kind: 'fails', ...extended.failure };
  }

  const cached = file.cache.filled(offset, stopAt).length > 0;
  const lost = uncached(world, file, { start: offset, end: stopAt });
  if (lost) return lost;
  // Pages that would not go, or an error that writeback left, make a write go through the page cache
  // (fs/iomap/direct-io.c, kiocb_invalidate_pages).
  if ((cached || hasUntold(world, file)) && !onlyDirect && world.driver.choose(2) === 1)
    return fallBack(world, file, write);

  const { opFlags } = world.revision;
  const given: Accepted[] = [];
  const written: Written[] = [];
  let fallsBack = false;
  let failures: number[] | undefined;
  let rule: ClauseId = 'write/result';
  let pos = offset;
  let endsShort = false;
  while (pos < stopAt && !endsShort) {
    if (failures && world.driver.choose(2) === 1) break;
    const mapping = begin(
      world,
      file,
      opFlags.WRITE | opFlags.DIRECT | (write.atomic ? opFlags.ATOMIC : 0),
      pos,
      stopAt,
    );
    if (mapping.kind === 'failed') {
      if (mapping.replied && mapping.errno === errnos.ENOSYS) {
        if (pos === offset)
          return withoutMappings(world, file, write, { onlyDirect, reaches: stopAt, undo: extended.undo });
        if (!onlyDirect) {
          fallsBack = true;
          break;
        }
        mapping.errno = errnos.EIO;
      }
      rule = mapping.rule;
      failures = [...(failures ?? []), mapping.errno];
      break;
    }
    given.push(mapping);
    if (!failures && mayLeaveToPageCache(world, mapping, write) && world.driver.choose(2) === 1) {
      const ended = end(world, file, mapping, 0n);
      rule = mapping.rule;
      // The operation goes on, so that the errno of END may be swallowed.
      if (ended !== 0 && world.driver.choose(2) === 1) failures = [ended];
      else fallsBack = true;
      break;
    }
    const rest = new BlockRest(world, file, mapping, fileEnd);
    // A device's error that is known by now leaves the mapping unused (fs/iomap/direct-io.c, iomap_dio_bio_iter).
    const stored: Stored =
      failures && world.driver.choose(2) === 1
        ? { advanced: 0n, touches: false }
        : write.atomic && !takesAtomic(world, mapping)
          ? refusedByDevice(world, mapping)
          : store(world, file, mapping, write);
    rule = stored.rule ?? rule;
    if (stored.touches) written.push({ mapping, rest, certain: stored.fails === undefined });
    if (stored.fails) failures = stored.fails.length === 0 ? [] : [...(failures ?? []), ...stored.fails];
    const ended =
      stored.fails?.length === 0 && world.driver.choose(2) === 1 ? 0 : end(world, file, mapping, stored.advanced);
    if (ended !== 0) {
      if (stored.advanced === 0n) failures = failures?.length === 0 ? [] : [...(failures ?? []), ended];
      // END's errno ends the operation as a short write, or is swallowed.
      else endsShort = world.driver.choose(2) === 0;
    }
    pos += stored.advanced;
    if (stored.advanced === 0n || stored.stops) break;
  }

  if (fallsBack && pos === offset) {
    if (!onlyDirect) return fallBack(world, file, write);
    const results = [errnos.EIO, errnos.EINVAL];
    const answered = mayReportFailure(world, file, offset, stopAt, ...results);
    extended.undo();
    return { kind: 'fails', rule, errnos: answered === 0 ? results : [...results, answered] };
  }
  const moved = pos - offset;
  // What the server pushes while IOEND waits may be dropped with the range that was written, or comes after that.
  const early =
    world.case.script.some((line) => line.on === 'IOMAP_IOEND' && line.before) && world.driver.choose(2) === 1;
  if (early) file.mappings.changed(offset, pos, world.facts.blockSizeBytes);
  const ioend = directIoend(world, file, {
    pos: offset,
    bytes: moved,
    reaches: stopAt,
    mappings: written.map((item) => item.mapping),
    given,
    ...(failures && { errnos: failures }),
  });
  // What was written is not what the server would answer now. Of a write that failed nothing is said.
  if (file.mappings.exists && !early) {
    const changed = failures ? [offset, pos, stopAt][world.driver.choose(3)]! : pos;
    file.mappings.changed(offset, changed, world.facts.blockSizeBytes);
  }
  // Bytes of a write that failed as a whole may be on the device or not.
  apply(world, write, failures || ioend !== 0 ? written.map((item) => ({ ...item, certain: false })) : written);
  if (failures) {
    extended.undo();
    return { kind: 'fails', rule, ...(failures.length > 0 && { errnos: ioend ? [...failures, ioend] : failures }) };
  }
  if (ioend !== 0) {
    file.sizeUncertain = pos > file.sizeBytes;
    return { kind: 'fails', rule: 'request/ioend', errnos: [ioend] };
  }
  const before = file.sizeBytes;
  const grows = pos > before;
  file.sizeBytes = max(before, pos);
  if (fallsBack) {
    const remaining = onlyDirect ? undefined : fallBack(world, file, behind(write, moved));
    if (remaining?.kind === 'any') return remaining;
    return { kind: 'succeeds', rule, ret: moved + (remaining?.kind === 'succeeds' ? (remaining.ret ?? 0n) : 0n) };
  }
  // Bytes that nobody can find without the new size are not durable yet.
  const plain = !grows && written.every(({ mapping }) => isInPlace(world, mapping));
  const outcome = synced(world, file, write, { kind: 'succeeds', rule, ret: moved }, plain);
  // A write that fails because it could not be made durable may have made the file larger, or not.
  if (grows && outcome.kind === 'fails' && world.driver.choose(2) === 1) file.sizeBytes = before;
  return outcome;
}

/** A mapping that bytes of the write went to, and the rest of its blocks. `certain`: they are there. */
interface Written {
  mapping: Accepted;
  rest: BlockRest;
  certain: boolean;
}

/** What is left of the write behind so many bytes. */
const behind = (write: Write, bytes: bigint): Write => ({
  ...write,
  offset: write.offset + bytes,
  lengthBytes: write.lengthBytes - Number(bytes),
  patternOffset: write.patternOffset + bytes,
});

/** Part of a block is written whose rest has to come from elsewhere: a kernel may let the page cache do that. */
const mayLeaveToPageCache = (world: World, mapping: Accepted, { atomic }: Write): boolean =>
  !atomic &&
  mapping.source !== undefined &&
  isType(world, mapping.acted, 'MAPPED', 'UNWRITTEN') &&
  restsOf(world, mapping).length > 0 &&
  !staysInPlace(world, mapping);

/** BEGIN was answered ENOSYS. */
const isLacked = ({ rule, errnos: wanted }: ZeroFailure): boolean =>
  rule === 'begin/error' && wanted?.length === 1 && wanted[0] === errnos.ENOSYS;

/**
 * The server knows no mappings: the write falls back to the page cache, or fails where that is forbidden; it may tell
 * of it by IOEND first.
 */
function withoutMappings(
  world: World,
  file: FileState,
  write: Write,
  { onlyDirect, reaches, undo }: { onlyDirect: boolean; reaches: bigint; undo: () => void },
): StepExpectation {
  const rule = 'begin/enosys';
  const results = [errnos.EIO, ...(write.atomic ? [errnos.EOPNOTSUPP] : [])];
  const answered = mayReportFailure(world, file, write.offset, reaches, errnos.ENOSYS, ...results);
  const reported = answered === 0 ? [] : [answered];
  if (!onlyDirect && (answered === 0 || world.driver.choose(2) === 0)) return fallBack(world, file, write);
  undo();
  return { kind: 'fails', rule, errnos: onlyDirect ? [...results, ...reported] : reported };
}

/** The page cache has nothing of the range any more when a direct write begins. Returns what failed. */
function uncached(world: World, file: FileState, range: Range): StepExpectation | undefined {
  if (file.cache.isEmpty) return undefined;
  const errors = file.wb.errors.length;
  const lost = flushed(world, file, range);
  if (lost) return lost;
  if (file.wb.errors.length > errors)
    throw new Unspecified('what becomes of a direct write over pages that could not be written back is not said');
  file.cache.drop(range.start, range.end);
  return undefined;
}

/**
 * Through the page cache, and out of it at once, so that the bytes are where a direct write would have put them
 * (mm/filemap.c, direct_write_fallback), or when anybody asks for that: the rules say only that it is buffered I/O.
 */
function fallBack(world: World, file: FileState, write: Write): StepExpectation {
  const outcome = bufferedWrite(world, file, write);
  if (outcome.kind !== 'succeeds' || world.driver.choose(2) === 1) return outcome;
  return flushed(world, file, { start: write.offset, end: write.offset + (outcome.ret ?? 0n) }) ?? outcome;
}

/**
 * No block has changed its state: the data is durable when the device has it (fs/iomap/direct-io.c,
 * IOMAP_DIO_WRITE_THROUGH). A size that grew the server knows by IOEND; whether it is asked to make that durable, too,
 * is not said.
 */
function isInPlace(world: World, { acted }: Accepted): boolean {
  const { DIRTY, SHARED } = world.revision.mappingFlags;
  return isType(world, acted, 'MAPPED') && (acted.flags & (DIRTY! | SHARED!)) === 0;
}

interface Stored {
  advanced: bigint;
  /** Errnos; empty: any. */
  fails?: number[];
  /** Bytes of the device may have changed. */
  touches: boolean;
  /** The write ends short behind these bytes. */
  stops?: boolean;
  rule?: ClauseId;
}

/**
 * Linux, block/blk-core.c, blk_validate_atomic_write_op_size: a device without the ability gets no part of what was
 * submitted.
 */
const refusedByDevice = (world: World, { length }: Accepted): Stored => ({
  advanced: world.driver.choose(2) === 0 ? length : 0n,
  fails: [],
  touches: false,
  rule: 'atomic/device',
});
const takesAtomic = ({ case: testCase }: World, { device }: Accepted): boolean =>
  device !== undefined && testCase.geometry.devices[device.index]?.atomic === true;

function store(world: World, file: FileState, mapping: Accepted, write: Write): Stored {
  const { acted, pos, length, device, rule } = mapping;
  if (isType(world, acted, 'INLINE')) return storeInline(world, file, mapping, write);
  if (isType(world, acted, 'HOLE')) {
    world.expectation.tolerated.push({
      pattern: /iomap_dio_(hole_)?iter|fs\/iomap\/direct-io\.c/,
      reason: 'iomap_dio_iter warns once when a direct write meets a hole (fs/iomap/direct-io.c)',
    });
  }
  if (isType(world, acted, 'HOLE', 'DELALLOC')) return { advanced: 0n, fails: [errnos.EIO], touches: false, rule };
  if (mapping.mayFail && world.driver.choose(2) === 1) return { advanced: 0n, fails: [], touches: false, rule };
  if (pos % SECTOR !== 0n || length % SECTOR !== 0n)
    return { advanced: 0n, fails: [errnos.EINVAL], touches: false, rule: 'write/alignment' };
  const block = world.facts.blockSizeBytes;
  if ((pos % block !== 0n || length % block !== 0n) && world.driver.choose(2) === 1) {
    return { advanced: 0n, fails: [errnos.EINVAL], touches: false, rule: 'write/alignment' };
  }
  const at = acted.addr + (pos - acted.offset);
  if (!device || at + length > device.sizeBytes) {
    return {
      advanced: world.driver.choose(2) === 0 ? length : 0n,
      fails: [errnos.EIO],
      touches: true,
      rule: 'type/past-device-end',
    };
  }
  return { advanced: length, touches: true, rule };
}

function storeInline(world: World, file: FileState, mapping: Accepted, write: Write): Stored {
  const { acted, source, pos, length, rule } = mapping;
  if (source && isType(world, source, 'MAPPED', 'UNWRITTEN', 'DELALLOC'))
    throw new Unspecified('how data moves from a device to the server is not laid down');
  if ((acted.flags & world.revision.mappingFlags.SHARED!) !== 0)
    throw new Unspecified('whether IOEND reports inline data as SHARED is not laid down');
  if ((pos % SECTOR !== 0n || length % SECTOR !== 0n) && world.driver.choose(2) === 1)
    return { advanced: 0n, fails: [errnos.EINVAL], touches: false, rule: 'write/alignment' };
  const written = writeInline(world, file, mapping, pos, length, (start, end) => bytesOf(write, start, end));
  if (typeof written === 'bigint') return { advanced: written, touches: false, stops: written < length, rule };
  // Whether what was to be sent counts as submitted is not laid down.
  return {
    advanced: world.driver.choose(2) === 0 ? 0n : length,
    fails: [written.errno],
    touches: false,
    rule: written.rule,
  };
}

/** Puts the writer's bytes where the mappings say, and the rest of their blocks beside them. */
function apply(world: World, write: Write, written: readonly Written[]): void {
  for (const { mapping, rest, certain } of written) {
    const { acted, device, pos, length } = mapping;
    if (!device) continue;
    rest.put(certain);
    const content = world.contents[device.index]!;
    const at = acted.addr + (pos - acted.offset);
    const stop = min(at + length, device.sizeBytes);
    const source = sourceAt(write, pos);
    if (certain) content.put(at, stop, source);
    else content.mayPut(at, stop, source);
  }
}
