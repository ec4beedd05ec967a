/**
 * Reads through the page cache. How much is read ahead, in how many requests, and how often a page that could not be
 * read is tried again is the kernel's own business (mm/readahead.c, mm/filemap.c, fs/iomap/buffered-io.c); which bytes
 * a read returns is not.
 */
import { isType } from '../rules/context.ts';
import { errnos } from '../../uapi/errno.ts';
import { answered } from './begin.ts';
import { fromCache } from './take-mapping.ts';
import { Unspecified } from './driver.ts';
import { end } from './end.ts';
import { readInline } from './inline.ts';
import type { StepExpectation } from './expectation.ts';
import { asksWithoutWaiting, type FileState, type StepOf, type World } from './world.ts';
import { PAGE, SECTOR, min, pageCeil, pageFloor } from '../../uapi/units.ts';
import type { Accepted, Failed } from './accepted.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** A stretch of the file that could not be read when it was last tried, or perhaps could not. */
export interface Failure {
  start: bigint;
  end: bigint;
  rule: ClauseId;
}

export function bufferedRead(
  world: World,
  file: FileState,
  step: Pick<StepOf<'pread'>, 'offset' | 'lengthBytes'>,
): StepExpectation {
  const { offset } = step;
  const stopAt = offset + BigInt(step.lengthBytes);
  if (offset >= file.sizeBytes) return { kind: 'succeeds', rule: 'read/eof', ret: 0n, data: [], behind: [] };
  const stop = min(stopAt, file.sizeBytes);
  const { failures, rule } = fill(world, file, pageFloor(offset), pageCeil(stop));

  // Pages are read whole: what could not be read behind the operation but in its last page may fail it, too.
  const inside = failures.filter((failure) => failure.end > offset && failure.start < pageCeil(stop));
  const outcomes: StepExpectation[] = [];
  const succeeds = (until: bigint): void => {
    const data = file.cache.read(offset, until);
    if (data.length > 0 && data[data.length - 1]!.end === until)
      outcomes.push({ kind: 'succeeds', rule, ret: until - offset, data, behind: [] });
  };
  const last = inside.reduce<bigint>((most, failure) => (failure.end > most ? failure.end : most), 0n);
  // Bytes before the page that failed count; a folio, which fails as a whole, may be several pages.
  for (let until = pageCeil(offset + 1n); until < stop && until < last; until += PAGE) succeeds(until);
  outcomes.reverse();
  const first = inside[0];
  if (first) outcomes.push({ kind: 'fails', rule: first.rule, errnos: [errnos.EIO] });
  succeeds(stop);
  if (outcomes.length === 0) {
    // Nothing says what the read returns: the kernel did not ask.
    const pos = file.cache.read(offset, stop).at(-1)?.end ?? pageFloor(offset);
    world.driver.request({
      name: 'IOMAP_BEGIN',
      file: file.index,
      rule: 'read/result',
      fields: { opflags: { value: 0 }, pos: { value: pos } },
    });
  }
  return outcomes[world.driver.choose(outcomes.length)]!;
}

/**
 * A read with RWF_NOWAIT: what is in the page cache, or EAGAIN, and no request; or it goes through readahead, which
 * asks, and has what that brings. Revision r2 asks with NOWAIT set, and may have the answer in time or not.
 */
export function cachedRead(world: World, file: FileState, step: StepOf<'pread'>): StepExpectation {
  const { offset } = step;
  if (offset >= file.sizeBytes) return { kind: 'succeeds', rule: 'read/eof', ret: 0n, data: [], behind: [] };
  const stop = min(offset + BigInt(step.lengthBytes), file.sizeBytes);
  if (asksWithoutWaiting(world)) {
    const { NOWAIT } = world.revision.opFlags;
    const { asked } = fill(world, file, pageFloor(offset), pageCeil(stop), NOWAIT);
    if (!asked && file.cache.misses(offset, offset + 1n)) {
      world.driver.request({
        name: 'IOMAP_BEGIN',
        file: file.index,
        rule: 'flags/nowait',
        fields: { opflags: { value: NOWAIT } },
      });
    }
  } else if (readsAhead(world, file)) {
    const { failures } = fill(world, file, pageFloor(offset), pageCeil(stop));
    const failed = failures.find((failure) => failure.end > offset && failure.start < pageCeil(stop));
    if (failed && world.driver.choose(2) === 1) return { kind: 'fails', rule: failed.rule, errnos: [errnos.EIO] };
  }
  const cached = min(file.cache.read(offset, stop).at(-1)?.end ?? offset, stop);
  // What was in the page cache may have left it meanwhile, page by page.
  const ends = cached === stop && stop > offset ? [stop] : [];
  for (let until = pageCeil(offset + 1n); until < stop && until <= cached; until += PAGE) ends.push(until);
  const end = [...ends, undefined][world.driver.choose(ends.length + 1)];
  if (end === undefined) return { kind: 'fails', rule: 'flags/nowait', errnos: [errnos.EAGAIN] };
  return { kind: 'succeeds', rule: 'flags/nowait', ret: end - offset, data: file.cache.read(offset, end), behind: [] };
}

/** Whether the kernel's next request is one of readahead. */
function readsAhead(world: World, file: FileState): boolean {
  const seen = world.driver.peek(world.step);
  return (
    seen?.name === 'IOMAP_BEGIN' &&
    (seen.file ?? file.index) === file.index &&
    Number(seen.request['opflags'] ?? -1) === 0
  );
}

/**
 * Takes the kernel's requests as they come; the plain kernel asks for [start, stop) once, and gives up where it is
 * refused.
 */
export function fill(
  world: World,
  file: FileState,
  start: bigint,
  stop: bigint,
  opflags = 0,
): { failures: Failure[]; rule: ClauseId; asked: boolean } {
  let failures: Failure[] = [];
  let asked = false;
  let rule: ClauseId = 'read/result';
  const reaches = pageCeil(file.sizeBytes);
  failures.push(...fromMappingCache(world, file, reaches));
  const firstMissing = (from: bigint) => file.cache.read(from, stop).at(-1)?.end ?? from;
  let plainAt = firstMissing(start);
  for (let plain = plainAt < stop; ; plain = plain && plainAt < stop) {
    // A write fault on the page that was read is a BEGIN, too, and so are the write that the read was for, and what
    // swapon asks when it has read the header.
    if (
      (Number(world.driver.peek(world.step)?.request['opflags'] ?? 0) &
        (world.revision.opFlags.WRITE | world.revision.opFlags.ZERO | world.revision.opFlags.SWAPFILE)) !==
      0
    )
      return { failures, rule, asked };
    const exchange = world.driver.maybe(
      {
        name: 'IOMAP_BEGIN',
        file: file.index,
        rule: 'request/begin',
        fields: {
          opflags: { value: opflags },
          reserved: { value: 0 },
          attrIno: { value: file.ino },
          pos: {
            value: plainAt,
            accepts: (seen) => BigInt(seen) < reaches && !isCached(world, file, BigInt(seen)),
            text: `below ${reaches} (EOF's page), where the mapping cache has nothing`,
          },
          count: {
            value: stop - plainAt,
            accepts: (seen) => BigInt(seen) > 0n && BigInt(seen) <= reaches,
            text: `1 to ${reaches} (the file's pages)`,
          },
        },
      },
      plain,
      world.step,
    );
    if (!exchange) return { failures, rule, asked };
    asked = true;
    const pos = BigInt(exchange.request['pos'] as bigint);
    const until = pos + BigInt(exchange.request['count'] as bigint);
    const answer = answered(world, file, exchange, opflags, pos, until);
    // What was pushed meanwhile may be read ahead from now on.
    if (exchange.notified) failures.push(...fromMappingCache(world, file, reaches));
    if (answer.kind === 'retry') {
      if (answer.interrupted) throw new Unspecified("what readahead makes of signals is the kernel's own business");
      failures.push(...fromMappingCache(world, file, reaches));
      plainAt = firstMissing(plainAt);
      continue;
    }
    const served = serve(world, file, answer, pos, until);
    failures = [...failures.flatMap((failure) => without(failure, served.filled)), ...served.failed].sort((a, b) =>
      a.start < b.start ? -1 : 1,
    );
    rule = answer.rule;
    if (answer.kind === 'failed' || served.gaveUp) plain = false;
    else plainAt = firstMissing(pos + answer.length);
  }
}

const isCached = (world: World, file: FileState, pos: bigint): boolean =>
  file.mappings.lookup(world.revision, pos, false) !== undefined;

/**
 * What the mapping cache has is read without a request, and may be read ahead at any time. Returns what may fail of it.
 */
function fromMappingCache(world: World, file: FileState, reaches: bigint): Failure[] {
  return file.mappings.readable.flatMap((record): Failure[] => {
    const until = min(record.offset + record.length, reaches);
    if (record.offset >= until) return [];
    const answer = fromCache(world, file, 0, record.offset, until);
    if (!answer) return [];
    if (answer.kind === 'failed') return [{ start: record.offset, end: until, rule: answer.rule }];
    if (isType(world, record, 'INLINE'))
      throw new Unspecified("when cached inline data is read ahead is the kernel's own business");
    if ((record.flags & world.revision.mappingFlags.WANT_IOMAP_END!) !== 0)
      throw new Unspecified(
        "how often END is sent for a cached mapping that is read ahead is the kernel's own business",
      );
    const loose = load(world, file, answer);
    return loose === undefined ? [] : [{ start: record.offset, end: until, rule: loose }];
  });
}

interface Served {
  failed: Failure[];
  /** What was certainly read. */
  filled?: { start: bigint; end: bigint };
  /** The kernel goes no further: the server's answer to END is an error, or inline data could not be had. */
  gaveUp?: boolean;
}

function serve(world: World, file: FileState, answer: Accepted | Failed, pos: bigint, asked: bigint): Served {
  if (answer.kind === 'failed') return { failed: [{ start: pos, end: asked, rule: answer.rule }] };
  const until = pos + answer.length;
  if (isType(world, answer.acted, 'INLINE')) {
    const data = readInline(world, file, answer);
    if (!Array.isArray(data)) return { failed: [{ start: pos, end: asked, rule: data.rule }], gaveUp: true };
    for (const { start, end: stop, sources } of data)
      for (const source of sources) file.cache.fill(start, stop, source);
    return { failed: [], filled: { start: pos, end: until } };
  }
  const loose = load(world, file, answer);
  const failed = loose === undefined ? [] : [{ start: pos, end: until, rule: loose }];
  const ended = end(world, file, answer, answer.length, true);
  // END's errno ends the operation; what was read before it may count or not.
  if (ended !== 0) return { failed: [{ start: pos, end: asked, rule: 'request/end' }], gaveUp: true };
  return failed.length > 0 ? { failed } : { failed, filled: { start: pos, end: until } };
}

/**
 * Fills the cache by an accepted mapping. Returns the rule by which reading it fails, or may fail; undefined: it must
 * work.
 */
function load(world: World, file: FileState, mapping: Accepted): ClauseId | undefined {
  const { acted, pos, length, device, rule } = mapping;
  const until = pos + length;
  if (!isType(world, acted, 'MAPPED')) {
    file.cache.fill(pos, until, { kind: 'zero' });
    // Data that awaits its place is in the page cache. Where it is not, nothing says what to read.
    return isType(world, acted, 'DELALLOC') || mapping.mayFail ? rule : undefined;
  }
  const at = acted.addr + (pos - acted.offset);
  if (!device) return 'type/past-device-end';
  for (const segment of world.contents[device.index]!.read(at, min(at + length, device.sizeBytes))) {
    for (const source of segment.sources) file.cache.fill(segment.start - at + pos, segment.end - at + pos, source);
  }
  if (at + length > device.sizeBytes) return 'type/past-device-end';
  return mapping.mayFail || at % SECTOR !== 0n ? rule : undefined;
}

function without(failure: Failure, filled: { start: bigint; end: bigint } | undefined): Failure[] {
  if (!filled || filled.end <= failure.start || filled.start >= failure.end) return [failure];
  return [
    { ...failure, end: filled.start },
    { ...failure, start: filled.end },
  ].filter((rest) => rest.start < rest.end);
}
