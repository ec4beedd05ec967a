/** O_DIRECT reads, and any read under FOPEN_DIRECT_IO. Contract of the library: fs/iomap/direct-io.c. */
import { isType } from '../rules/context.ts';
import { errnos } from '../../uapi/errno.ts';
import { bufferedRead } from './buffered-read.ts';
import { begin } from './begin.ts';
import { fromCache } from './take-mapping.ts';
import { clip, type Segment } from './content.ts';
import { Unspecified } from './driver.ts';
import { end } from './end.ts';
import { readInline } from './inline.ts';
import type { StepExpectation } from './expectation.ts';
import { within } from './ranges.ts';
import { flushed } from './writeback.ts';
import { asksWithoutWaiting, type FileState, type StepOf, type World } from './world.ts';
import { SECTOR, min } from '../../uapi/units.ts';
import type { Accepted, Failed } from './accepted.ts';
import type { ClauseId } from '../rules/rule-id.ts';

export interface DirectReadOptions {
  /** RWF_NOWAIT */
  nowait: boolean;
  /** The server allows nothing but direct I/O. */
  onlyDirect: boolean;
}

export function directRead(
  world: World,
  file: FileState,
  step: StepOf<'pread'>,
  { nowait, onlyDirect }: DirectReadOptions,
): StepExpectation {
  const { offset } = step;
  const stopAt = offset + BigInt(step.lengthBytes);
  const nothing: StepExpectation = { kind: 'succeeds', rule: 'read/eof', ret: 0n, data: [], behind: [] };
  if (offset >= file.sizeBytes) return nothing;

  // What is dirty there goes to its place first. That means to wait.
  const range = { start: offset, end: stopAt };
  if (within(file.cache.dirty, range).length > 0 && nowait)
    return { kind: 'fails', rule: 'flags/nowait', errnos: [errnos.EAGAIN] };
  const lost = flushed(world, file, range);
  if (lost) return lost;

  const { opFlags } = world.revision;
  const segments: Segment[] = [];
  let failures: number[] | undefined;
  let rule: ClauseId = 'read/result';
  let pos = offset;
  while (pos < stopAt) {
    // A kernel may bound the operation by the file's size or walk on behind it; either way no byte behind EOF is
    // returned.
    if (pos >= file.sizeBytes && world.driver.choose(2) === 1) break;
    // A device's error may be known before the next mapping is asked for, or not yet.
    if (failures && world.driver.choose(2) === 1) break;
    const mapping = nowait ? withoutWaiting(world, file, pos, stopAt) : begin(world, file, opFlags.DIRECT, pos, stopAt);
    if (mapping.kind === 'failed') {
      if (mapping.replied && mapping.errno === errnos.ENOSYS) {
        if (!onlyDirect) return fallBack(world, file, step, pos, clip(segments, offset, pos));
        mapping.errno = errnos.EIO;
      }
      if (mapping.rule === 'cache/nowait' && pos > offset)
        throw new Unspecified('whether a read that cannot go on without waiting is short or fails is not said');
      rule = mapping.rule;
      failures = [...(failures ?? []), mapping.errno];
      break;
    }
    // A device's error that is known by now leaves the mapping unused (fs/iomap/direct-io.c, iomap_dio_bio_iter).
    const served: Served =
      failures && world.driver.choose(2) === 1 ? { advanced: 0n } : serve(world, file, mapping, segments);
    rule = served.rule ?? rule;
    if (served.fails) failures = [...(failures ?? []), ...served.fails];
    if (served.fails?.length === 0) {
      if (world.driver.choose(2) === 0) end(world, file, mapping, 0n);
      return { kind: 'fails', rule: mapping.rule };
    }
    const ended = end(world, file, mapping, served.advanced);
    if (ended !== 0) {
      if (served.advanced === 0n) failures = [...(failures ?? []), ended];
      // The rules let END's errno end the operation with what was copied; fs/iomap/iter.c continues after progress.
      else if (world.driver.choose(2) === 0) {
        pos += served.advanced;
        break;
      }
    }
    if (served.advanced === 0n) break;
    pos += served.advanced;
  }
  if (failures) return { kind: 'fails', rule, errnos: failures };
  const returned = min(pos, file.sizeBytes);
  return {
    kind: 'succeeds',
    rule,
    ret: returned - offset,
    data: clip(segments, offset, returned),
    behind: clip(segments, returned, stopAt),
  };
}

/** Only the mapping cache has mappings without waiting for the server. Revision r2 asks nevertheless. */
function withoutWaiting(world: World, file: FileState, pos: bigint, stopAt: bigint): Accepted | Failed {
  const { DIRECT, NOWAIT } = world.revision.opFlags;
  if (asksWithoutWaiting(world)) return begin(world, file, DIRECT | NOWAIT, pos, stopAt);
  return (
    fromCache(world, file, DIRECT | NOWAIT, pos, stopAt) ?? {
      kind: 'failed',
      errno: errnos.EAGAIN,
      rule: 'cache/nowait',
      replied: false,
    }
  );
}

/**
 * A server that answers ENOSYS to BEGIN is read through the page cache; behind what was read already, or the read is
 * short.
 */
function fallBack(
  world: World,
  file: FileState,
  step: StepOf<'pread'>,
  pos: bigint,
  before: Segment[],
): StepExpectation {
  const { offset } = step;
  const done = pos - offset;
  if (done > 0n && world.driver.choose(2) === 0)
    return { kind: 'succeeds', rule: 'begin/enosys', ret: done, data: before, behind: [] };
  const rest = bufferedRead(world, file, { ...step, offset: pos, lengthBytes: step.lengthBytes - Number(done) });
  if (rest.kind !== 'succeeds' || done === 0n) return rest;
  return { ...rest, ret: done + (rest.ret ?? 0n), data: [...before, ...(rest.data ?? [])] };
}

interface Served {
  advanced: bigint;
  /** Errnos; empty: any. */
  fails?: number[];
  rule?: ClauseId;
}

function serve(world: World, file: FileState, mapping: Accepted, segments: Segment[]): Served {
  const { acted, pos, length, device } = mapping;
  const until = pos + length;
  if (isType(world, acted, 'INLINE')) {
    // No device is asked, but a kernel may look at the alignment first.
    if ((pos % SECTOR !== 0n || length % SECTOR !== 0n) && world.driver.choose(2) === 1)
      return { advanced: 0n, fails: [errnos.EINVAL], rule: 'read/alignment' };
    const data = readInline(world, file, mapping);
    if (!Array.isArray(data)) return { advanced: 0n, fails: [data.errno], rule: data.rule };
    segments.push(...data);
    return { advanced: length, rule: mapping.rule };
  }
  if (isType(world, acted, 'DELALLOC')) return { advanced: 0n, fails: [errnos.EIO], rule: mapping.rule };
  if (mapping.mayFail && world.driver.choose(2) === 1) return { advanced: 0n, fails: [], rule: mapping.rule };
  if (!isType(world, acted, 'MAPPED')) {
    segments.push({ start: pos, end: until, sources: [{ kind: 'zero' }] });
    return { advanced: length, rule: mapping.rule };
  }
  if (pos % SECTOR !== 0n || length % SECTOR !== 0n)
    return { advanced: 0n, fails: [errnos.EINVAL], rule: 'read/alignment' };
  // The library asks for sectors; a kernel may ask for whole blocks.
  const block = world.facts.blockSizeBytes;
  if ((pos % block !== 0n || length % block !== 0n) && world.driver.choose(2) === 1) {
    return { advanced: 0n, fails: [errnos.EINVAL], rule: 'read/alignment' };
  }
  const at = acted.addr + (pos - acted.offset);
  if (!device || at + length > device.sizeBytes) {
    // The error arrives with the completion: the walk has advanced, unless an earlier error stopped it first.
    return { advanced: world.driver.choose(2) === 0 ? length : 0n, fails: [errnos.EIO], rule: 'type/past-device-end' };
  }
  for (const segment of world.contents[device.index]!.read(at, at + length)) {
    segments.push({ start: segment.start - at + pos, end: segment.end - at + pos, sources: segment.sources });
  }
  return { advanced: length, rule: mapping.rule };
}
