/**
 * Reads and writes by a shared mapping: a page that is not there is read as any, and the first write to a page asks for
 * a mapping with WRITE and FAULT. What is refused is SIGBUS. Contracts: mm/filemap.c, filemap_fault;
 * fs/iomap/buffered-io.c, iomap_page_mkwrite, whose unit is the folio.
 */
import { errnos } from '../../uapi/errno.ts';
import { isType } from '../rules/context.ts';
import { begin } from './begin.ts';
import { fill, type Failure } from './buffered-read.ts';
import { isOdd } from './block-fill.ts';
import { writableInline } from './inline.ts';
import { Unspecified } from './driver.ts';
import { end } from './end.ts';
import type { StepExpectation } from './expectation.ts';
import { removed, union } from './ranges.ts';
import { fsync } from './sync.ts';
import { type FileState, type OpenFile, type StepOf, type World } from './world.ts';
import { PAGE, max, min, pageCeil, pageFloor } from '../../uapi/units.ts';
import type { Failed } from './accepted.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** mmap(2) of what cannot be mapped so. */
function refused(
  world: World,
  { file, flags, directIo }: OpenFile,
  step: StepOf<'mmapRead'> | StepOf<'mmapWrite'>,
): StepExpectation | undefined {
  if (flags.includes('wronly') || (step.call === 'mmapWrite' && flags.includes('rdonly')))
    return { kind: 'fails', rule: 'mmap/access', errnos: [errnos.EACCES] };
  // What may only be appended to cannot be written to in memory.
  if (file.attrFlags.includes('APPEND') && !flags.includes('rdonly'))
    return { kind: 'fails', rule: 'inode/append', errnos: [errnos.EACCES] };
  // FUSE files with FOPEN_DIRECT_IO are not mapped shared (fs/fuse/file.c, fuse_file_mmap); of files that use iomap
  // nothing is said.
  if ((directIo ?? file.directIo) && world.driver.choose(2) === 1)
    return { kind: 'fails', rule: 'mmap/access', errnos: [errnos.ENODEV] };
  if (step.lengthBytes === 0 || step.offset < 0n) throw new Unspecified('mapping nothing is not modelled');
  return undefined;
}

/** What a step touches, [offset, stop), and the faults that it takes. */
const mapped = (
  world: World,
  { file }: OpenFile,
  { offset, lengthBytes }: StepOf<'mmapRead'> | StepOf<'mmapWrite'>,
) => ({ file, offset, stop: offset + BigInt(lengthBytes), faults: new Faults(world, file) });

export function mmapRead(world: World, fd: OpenFile, step: StepOf<'mmapRead'>): StepExpectation {
  const stopped = refused(world, fd, step);
  if (stopped) return stopped;
  const { file, offset, stop, faults } = mapped(world, fd, step);
  let at = offset;
  for (let page = pageFloor(offset); page < stop && faults.bringsIn(page); page += PAGE) at = min(page + PAGE, stop);
  // Behind EOF the last page holds zeros, which writeback puts there too, or the rest of the block.
  if (at > file.sizeBytes) file.cache.mayWrite(max(file.sizeBytes, offset), at, { kind: 'zero' });
  return { kind: 'succeeds', rule: faults.rule, ret: at - offset, data: file.cache.read(offset, at), behind: [] };
}

export function mmapWrite(world: World, fd: OpenFile, step: StepOf<'mmapWrite'>): StepExpectation {
  const stopped = refused(world, fd, step);
  if (stopped) return stopped;
  const { file, offset, stop, faults } = mapped(world, fd, step);
  let at = offset;
  for (let page = pageFloor(offset); page < stop && faults.bringsIn(page) && faults.makesWritable(page); page += PAGE) {
    const until = min(page + PAGE, stop);
    // What is written behind EOF is no part of the file.
    if (at < file.sizeBytes)
      file.cache.write(at, min(until, file.sizeBytes), { kind: 'writer', writer: step.writer, offsetBytes: at });
    file.wb.timesChanged = true;
    at = until;
  }
  if (step.msync) {
    // mm/msync.c asks for the data only.
    const synced = fsync(world, file, {
      range: { start: pageFloor(offset), end: pageCeil(stop) },
      dataOnly: true,
      times: true,
      by: fd,
    });
    if (synced.kind === 'fails') return synced;
  }
  return { kind: 'succeeds', rule: faults.rule, ret: at - offset };
}

/** Errnos of BEGIN after which a write fault may be tried again instead of SIGBUS (mm/memory.c, vmf_fs_error). */
const AGAIN: readonly number[] = [errnos.EAGAIN, errnos.EFAULT, errnos.ENOMEM];

function isTriedAgain(world: World, file: FileState, { replied, errno }: Failed): boolean {
  const seen = world.driver.peek(world.step);
  const { WRITE, FAULT } = world.revision.opFlags;
  return (
    replied &&
    AGAIN.includes(errno) &&
    seen?.name === 'IOMAP_BEGIN' &&
    (seen.file ?? file.index) === file.index &&
    Number(seen.request['opflags'] ?? 0) === (WRITE | FAULT)
  );
}

/** The page faults of one step. */
class Faults {
  rule: ClauseId = 'mmap/result';
  readonly #world: World;
  readonly #file: FileState;
  #failures: Failure[] = [];

  constructor(world: World, file: FileState) {
    this.#world = world;
    this.#file = file;
  }

  /** Whether the page can be read; otherwise SIGBUS. */
  bringsIn(page: bigint): boolean {
    const [world, file] = [this.#world, this.#file];
    if (page >= file.sizeBytes) {
      this.rule = 'mmap/past-eof';
      return false;
    }
    const { failures, rule } = fill(world, file, page, page + PAGE);
    this.#failures = [...this.#failures, ...failures];
    const complete = !file.cache.misses(page, min(page + PAGE, file.sizeBytes));
    const failure = this.#failures.find((one) => one.start < page + PAGE && one.end > page);
    if (rule !== 'read/result') this.rule = rule;
    if (!failure && complete) return true;
    if (failure) this.rule = failure.rule;
    return complete && world.driver.choose(2) === 1;
  }

  /**
   * Whether the page can be written to; otherwise SIGBUS. What is dirty then is the page, and perhaps the rest of its
   * folio.
   */
  makesWritable(page: bigint): boolean {
    const [world, file] = [this.#world, this.#file];
    const { WRITE, FAULT } = world.revision.opFlags;
    const seen = world.wire.peek(world.step);
    const asked = seen?.name === 'IOMAP_BEGIN' ? BigInt(seen.request['pos'] as bigint) : page;
    // A folio that other operations brought in may begin before the page and end behind it.
    const start = asked < page && asked % PAGE === 0n ? asked : page;
    const reach =
      seen?.name === 'IOMAP_BEGIN' && start === asked ? start + BigInt(seen.request['count'] as bigint) : 0n;
    const stop = reach > page && reach <= pageCeil(file.sizeBytes) ? reach : min(page + PAGE, file.sizeBytes);
    // What was found writable stays dirty when a later mapping is refused (fs/iomap/buffered-io.c,
    // iomap_folio_mkwrite_iter).
    const mayBeDirty = (): void => {
      file.wb.lax = union(file.wb.lax, [{ start: min(start, page), end: pageCeil(stop) }]);
      for (const range of file.cache.dirty) file.wb.lax = removed(file.wb.lax, range);
    };
    for (let pos = start; pos < stop;) {
      const mapping = begin(world, file, WRITE | FAULT, pos, stop);
      this.rule = mapping.rule;
      if (mapping.kind === 'failed') return isTriedAgain(world, file, mapping) && this.makesWritable(page);
      if (isType(world, mapping.source, 'INLINE'))
        throw new Unspecified('write faults that move inline data to a device are not modelled');
      if (isType(world, mapping.acted, 'INLINE') && !writableInline(world, file, mapping)) return false;
      if ((mapping.mayFail ?? (mapping.source && isOdd(world, mapping.source))) && world.driver.choose(2) === 1) {
        end(world, file, mapping, 0n);
        return false;
      }
      mayBeDirty();
      if (end(world, file, mapping, mapping.length) !== 0) {
        // END's errno ends the operation; whether what was found writable until then is enough for the fault is not
        // said.
        const way = world.driver.choose(3);
        if (way === 0) return false;
        if (way === 1) break;
      }
      pos += mapping.length;
    }
    file.cache.soil({ start: page, end: min(page + PAGE, file.sizeBytes) }, world.facts.blockSizeBytes);
    mayBeDirty();
    return true;
  }
}
