/**
 * Inline data: the server's bytes, read by FUSE_READ of the whole mapping and written by FUSE_WRITE. Source:
 * docs/spec/rules.md#inline.
 */
import { serverBytes } from '../../model/pattern.ts';
import { writeOut } from '../../uapi/fuse-structs.ts';
import { beginOut } from '../../uapi/iomap.ts';
import { inlineRules, type InlineContext } from '../rules/inline.ts';
import { isType } from '../rules/context.ts';
import { errnos } from '../../uapi/errno.ts';
import { refusalOf } from '../rules/rule.ts';
import { isStale } from './begin.ts';
import type { Segment } from './content.ts';
import { Unspecified, type ExpectedRequest } from './driver.ts';
import { refuse, type FileState, type World } from './world.ts';
import { PAGE_SIZE, max, min } from '../../uapi/units.ts';
import { payloadOf, repliedErrno } from './answer.ts';
import type { Accepted, Failed } from './accepted.ts';
import { inlineIsUnsaid } from '../../uapi/revision.ts';

const ZERO = { kind: 'zero' } as const;

/**
 * The first of inline/* that is violated by what is known so far. `replied`: errno of the answer that `known` is about.
 */
function violation(world: World, mapping: Accepted, known: Partial<InlineContext>, replied = 0): Failed | undefined {
  const context: InlineContext = {
    ...world.facts,
    opflags: mapping.opflags,
    pos: mapping.pos,
    count: mapping.length,
    inodeHasCache: false,
    repliedErrno: 0,
    payloadBytes: beginOut.size,
    acted: mapping.acted,
    pageSizeBytes: BigInt(PAGE_SIZE),
    ...known,
  };
  const rule = inlineRules.find((candidate) => candidate.applies(context) && candidate.violated(context));
  if (!rule) return undefined;
  const refusal = refusalOf(rule, replied);
  refuse(world, refusal);
  return { kind: 'failed', errno: refusal.errno, rule: refusal.rule, replied: false };
}

const readRequest = (file: FileState, { acted }: Accepted): ExpectedRequest => ({
  name: 'READ',
  file: file.index,
  rule: 'request/inline',
  fields: { offset: { value: acted.offset }, size: { value: Number(acted.length) } },
});

/** What a read gets of an inline mapping: its bytes from `pos` on, zeros where the server had no more. */
export function readInline(world: World, file: FileState, mapping: Accepted): Segment[] | Failed {
  since2(world);
  const unfit = violation(world, mapping, {});
  if (unfit) return unfit;
  const exchange = world.driver.request(readRequest(file, mapping));
  const { acted, pos, length } = mapping;
  const answer = answerOf(exchange, acted.length);
  const failed = violation(
    world,
    mapping,
    { readAnswer: { errno: answer.errno, bytes: BigInt(answer.payload.length) } },
    answer.errno,
  );
  if (failed) return failed;
  const until = pos + length;
  const dataEnd = acted.offset + BigInt(answer.payload.length);
  const source = sourceOf(file, acted.offset, answer.payload);
  const segments: Segment[] = [];
  const stop = min(until, dataEnd);
  if (pos < stop)
    segments.push({
      start: pos,
      end: stop,
      sources: [source.kind === 'zero' ? ZERO : { ...source, offsetBytes: pos }],
    });
  if (stop < until) segments.push({ start: pos > dataEnd ? pos : dataEnd, end: until, sources: [ZERO] });
  return segments;
}

/** What is written to [start, end) of the file. */
export type Written = (start: bigint, end: bigint) => readonly Segment[];
export const writtenZeros: Written = (start, end) => [{ start, end, sources: [ZERO] }];

/**
 * Writes `lengthBytes` from `pos` on to an inline mapping. Returns the bytes that the server acknowledged, or the
 * failure.
 */
export function writeInline(
  world: World,
  file: FileState,
  mapping: Accepted,
  pos: bigint,
  length: bigint,
  what: Written,
): bigint | Failed {
  const failed = beforeWriting(world, file, mapping, pos + length);
  return failed ?? sendInline(world, file, mapping, pos, length, what);
}

/**
 * What may fail, or be read, before anything is written up to `writeEnd`. What is read is in the page cache then,
 * unless `uncached`.
 */
function beforeWriting(
  world: World,
  file: FileState,
  mapping: Accepted,
  writeEnd: bigint,
  uncached = true,
): Failed | undefined {
  since2(world);
  const unfit = violation(world, mapping, { writeEnd });
  if (unfit) return unfit;
  // Whether what is there before is read first is the kernel's own business; when it asks, the answer counts.
  const before = world.driver.maybe(readRequest(file, mapping), false, world.step);
  if (before) {
    const { errno, payload } = answerOf(before, mapping.acted.length);
    const failed = violation(world, mapping, { readAnswer: { errno, bytes: BigInt(payload.length) } }, errno);
    if (failed) return failed;
    if (!uncached) cacheInline(world, file, mapping, payload);
  }
  return undefined;
}

/** FUSE_WRITE of [pos, pos + length), and of what is left where it was acknowledged in part. */
function sendInline(
  world: World,
  file: FileState,
  mapping: Accepted,
  pos: bigint,
  length: bigint,
  what: Written,
): bigint | Failed {
  for (let written = 0n; written < length;) {
    const failed = writeOnce(world, file, mapping, { pos: pos + written, length: length - written, what });
    if (typeof failed === 'bigint') {
      written += failed;
      continue;
    }
    // What was acknowledged before may count, or the write fails as a whole.
    return written > 0n && world.driver.choose(2) === 1 ? written : failed;
  }
  // The server has the bytes: whether IOEND still reports them as appended is not laid down.
  file.onDisk.may(...file.onDisk.candidates.map((size) => max(size, pos + length)));
  return length;
}

/** One FUSE_WRITE of all that is left; the bytes acknowledged, or the failure. */
function writeOnce(
  world: World,
  file: FileState,
  mapping: Accepted,
  { pos, length, what }: { pos: bigint; length: bigint; what: Written },
): bigint | Failed {
  const exchange = world.driver.request({
    name: 'WRITE',
    file: file.index,
    rule: 'request/inline',
    fields: { offset: { value: pos }, size: { value: Number(length) } },
    data: what(pos, pos + length),
  });
  const { errno, payload } = answerOf(exchange, BigInt(writeOut.size), true);
  const acknowledged = errno === 0 ? BigInt(writeOut.decode(payload).size) : 0n;
  const failed = violation(world, mapping, { writeAnswer: { errno, asked: length, acknowledged } });
  if (failed) return failed;
  // No rule names it, but what a server answers to FUSE_WRITE is what a writer of any FUSE file gets.
  return errno === 0 ? acknowledged : { kind: 'failed', errno, rule: 'request/inline', replied: false };
}

/** The page cache may hold what the server has, and zeros behind EOF. */
function cacheInline(world: World, file: FileState, { acted }: Accepted, payload: Buffer): void {
  const source = sourceOf(file, acted.offset, payload);
  const dataEnd = min(acted.offset + BigInt(payload.length), file.sizeBytes);
  if (acted.offset < dataEnd) file.cache.fill(acted.offset, dataEnd, source);
  const rest = dataEnd > acted.offset ? dataEnd : acted.offset;
  const block = world.facts.blockSizeBytes;
  file.cache.fill(rest, acted.offset + block, ZERO);
}

/**
 * Inline data that is all of the file is what everybody's page cache supports; in any other place a write to it may
 * fail.
 */
const isWholeFile = (file: FileState, { acted, pos, length }: Accepted): boolean =>
  acted.offset === 0n && file.sizeBytes <= acted.length && pos + length <= acted.length;

/**
 * A write to inline data through the page cache: the server has the bytes when it ends, and nothing is left to be
 * written back. Returns the bytes that count, the failure, or 'stale' when mappings changed before anything was
 * written. Source: docs/spec/behaviour.md#types.
 */
export function writeInlineCached(
  world: World,
  file: FileState,
  mapping: Accepted,
  what: Written,
  mayStale: boolean,
): bigint | Failed | 'stale' {
  const { acted, source = acted, pos, length, rule } = mapping;
  if (isType(world, source, 'MAPPED', 'UNWRITTEN', 'DELALLOC'))
    throw new Unspecified('how data moves from a device to the server is not laid down');
  if (!isWholeFile(file, mapping) && world.driver.choose(2) === 1)
    return { kind: 'failed', errno: errnos.EIO, rule, replied: false };
  const failed = beforeWriting(world, file, mapping, pos + length, false);
  if (failed) return failed;
  if (isStale(world, file, mapping, mayStale)) return 'stale';
  const written = sendInline(world, file, mapping, pos, length, what);
  if (typeof written !== 'bigint') {
    // What could not be sent is in nobody's cache, or in that of the kernel until it looks again.
    if (!file.cache.isEmpty)
      for (const segment of what(pos, pos + length))
        for (const source of segment.sources) file.cache.mayWrite(segment.start, segment.end, source);
    return written;
  }
  for (const segment of what(pos, pos + written)) file.cache.writeSegment(segment);
  file.mappings.changed(pos, pos + written, world.facts.blockSizeBytes);
  return written;
}

/**
 * Whether a page of inline data can be made writable. Nothing says when the server would get its bytes, and writeback
 * refuses them; so it may be SIGBUS, or their loss is reported by writeback.
 */
export function writableInline(world: World, file: FileState, mapping: Accepted): boolean {
  const unfit = violation(world, mapping, {});
  if (unfit || world.driver.choose(2) === 0) return false;
  return beforeWriting(world, file, mapping, mapping.pos, false) === undefined;
}

/**
 * Inline data that is the other half of a write to a device: what of its block is not written comes from the server.
 * `needed`: without it the block would not be whole. What is read is in the page cache then.
 */
export function readInlineSource(
  world: World,
  file: FileState,
  mapping: Accepted,
  needed: boolean,
): Failed | undefined {
  since2(world);
  const source: Accepted = { ...mapping, acted: mapping.source! };
  const unfit = violation(world, source, {});
  if (unfit) return unfit;
  const request = readRequest(file, source);
  const exchange = needed ? world.driver.request(request) : world.driver.maybe(request, false, world.step);
  if (!exchange) return undefined;
  const { errno, payload } = answerOf(exchange, source.acted.length);
  const failed = violation(world, source, { readAnswer: { errno, bytes: BigInt(payload.length) } }, errno);
  if (!failed) cacheInline(world, file, source, payload);
  return failed;
}

/**
 * The answer as its caller gets it: of `most` bytes at most, or exactly; of another size it is EIO (fs/fuse/dev.c,
 * fuse_copy_out_args).
 */
function answerOf(
  exchange: Parameters<typeof payloadOf>[0],
  most: bigint,
  exactly = false,
): { errno: number; payload: Buffer } {
  const errno = repliedErrno(exchange);
  const payload = payloadOf(exchange);
  const size = BigInt(payload.length);
  return errno === 0 && (size > most || (exactly && size < most)) ? { errno: errnos.EIO, payload } : { errno, payload };
}

/** What the answered bytes are: those that a server has for this file, or zeros. */
function sourceOf(
  file: FileState,
  offset: bigint,
  payload: Buffer,
): { kind: 'server'; file: number; offsetBytes: bigint } | { kind: 'zero' } {
  if (payload.equals(serverBytes(file.index, offset, payload.length)))
    return { kind: 'server', file: file.index, offsetBytes: offset };
  if (payload.every((byte) => byte === 0)) return ZERO;
  throw new Unspecified('FUSE_READ was answered by bytes that do not say where they belong');
}

function since2(world: World): void {
  if (world.revision.inlineLimit === 'unsaid') throw new Unspecified(inlineIsUnsaid(world.revision));
}
