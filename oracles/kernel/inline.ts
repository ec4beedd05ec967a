/** Inline data: the server's bytes, read by FUSE_READ of the whole mapping and written by FUSE_WRITE. Source: validation rules, inline/*. */
import { serverBytes } from '../../harness/model/pattern.ts';
import { writeOut } from '../../harness/uapi/fuse-structs.ts';
import { beginOut } from '../../harness/uapi/iomap.ts';
import { inlineRules, type InlineContext } from '../rules/inline.ts';
import { errnos, refusalOf } from '../rules/rule.ts';
import { min, payloadOf, repliedErrno, type Accepted, type Failed } from './begin.ts';
import type { Segment } from './content.ts';
import { Unspecified, type ExpectedRequest } from './driver.ts';
import { sourceAt, type Write } from './written.ts';
import { PAGE_SIZE, refuse, type FileState, type World } from './world.ts';

const ZERO = { kind: 'zero' } as const;

/** The first of inline/* that is violated by what is known so far. `replied`: errno of the answer that `known` is about. */
function violation(world: World, mapping: Accepted, known: Partial<InlineContext>, replied = 0): Failed | undefined {
  const context: InlineContext = {
    ...world.facts, opflags: mapping.opflags, pos: mapping.pos, count: mapping.length, inodeHasCache: false, repliedErrno: 0, payloadBytes: beginOut.size,
    acted: mapping.acted, pageSizeBytes: BigInt(PAGE_SIZE), ...known,
  };
  const rule = inlineRules.find((candidate) => candidate.applies(context) && candidate.violated(context));
  if (!rule) return undefined;
  const refusal = refusalOf(rule, replied);
  refuse(world, refusal);
  return { kind: 'failed', errno: refusal.errno, rule: refusal.rule, replied: false };
}

const readRequest = (file: FileState, { acted }: Accepted): ExpectedRequest => ({
  name: 'READ', file: file.index, rule: 'request/inline', fields: { offset: { value: acted.offset }, size: { value: Number(acted.length) } },
});

/** What a read gets of an inline mapping: its bytes from `pos` on, zeros where the server had no more. */
export function readInline(world: World, file: FileState, mapping: Accepted): Segment[] | Failed {
  since2(world);
  const unfit = violation(world, mapping, {});
  if (unfit) return unfit;
  const exchange = world.driver.request(readRequest(file, mapping));
  const { acted, pos, length } = mapping;
  const answer = answerOf(exchange, acted.length);
  const failed = violation(world, mapping, { readAnswer: { errno: answer.errno, bytes: BigInt(answer.payload.length) } }, answer.errno);
  if (failed) return failed;
  const until = pos + length;
  const dataEnd = acted.offset + BigInt(answer.payload.length);
  const source = sourceOf(file, acted.offset, answer.payload);
  const segments: Segment[] = [];
  const stop = min(until, dataEnd);
  if (pos < stop) segments.push({ start: pos, end: stop, sources: [source.kind === 'zero' ? ZERO : { ...source, offsetBytes: pos }] });
  if (stop < until) segments.push({ start: pos > dataEnd ? pos : dataEnd, end: until, sources: [ZERO] });
  return segments;
}

/** Writes `lengthBytes` from `pos` on to an inline mapping. Returns the bytes that the server acknowledged, or the failure. */
export function writeInline(world: World, file: FileState, mapping: Accepted, pos: bigint, length: bigint, write: Write): bigint | Failed {
  since2(world);
  const unfit = violation(world, mapping, { writeEnd: pos + length });
  if (unfit) return unfit;
  // Whether what is there before is read first is the kernel's own business; when it asks, the answer counts.
  const before = world.driver.maybe(readRequest(file, mapping), false, world.step);
  if (before) {
    const { errno, payload } = answerOf(before, mapping.acted.length);
    const failed = violation(world, mapping, { readAnswer: { errno, bytes: BigInt(payload.length) } }, errno);
    if (failed) return failed;
  }
  for (let written = 0n; written < length;) {
    const failed = writeOnce(world, file, mapping, { pos: pos + written, length: length - written, write });
    if (typeof failed === 'bigint') {
      written += failed;
      continue;
    }
    // What was acknowledged before may count, or the write fails as a whole.
    return written > 0n && world.driver.choose(2) === 1 ? written : failed;
  }
  // The server has the bytes: whether IOEND still reports them as appended is not laid down.
  if (pos + length > file.onDiskSizeBytes && world.driver.choose(2) === 0) file.onDiskSizeBytes = pos + length;
  return length;
}

/** One FUSE_WRITE of all that is left; the bytes acknowledged, or the failure. */
function writeOnce(world: World, file: FileState, mapping: Accepted, { pos, length, write }: { pos: bigint; length: bigint; write: Write }): bigint | Failed {
  const exchange = world.driver.request({
    name: 'WRITE', file: file.index, rule: 'request/inline', fields: { offset: { value: pos }, size: { value: Number(length) } },
    data: [{ start: pos, end: pos + length, sources: [sourceAt(write, pos)] }],
  });
  const { errno, payload } = answerOf(exchange, BigInt(writeOut.size), true);
  const acknowledged = errno === 0 ? BigInt(writeOut.decode(payload).size) : 0n;
  const failed = violation(world, mapping, { writeAnswer: { errno, asked: length, acknowledged } });
  if (failed) return failed;
  // No rule names it, but what a server answers to FUSE_WRITE is what a writer of any FUSE file gets.
  return errno === 0 ? acknowledged : { kind: 'failed', errno, rule: 'request/inline', replied: false };
}

/** The answer as its caller gets it: of `most` bytes at most, or exactly; of another size it is EIO (fs/fuse/dev.c, fuse_copy_out_args). */
function answerOf(exchange: Parameters<typeof payloadOf>[0], most: bigint, exactly = false): { errno: number; payload: Buffer } {
  const errno = repliedErrno(exchange);
  const payload = payloadOf(exchange);
  const size = BigInt(payload.length);
  return errno === 0 && (size > most || (exactly && size < most)) ? { errno: errnos.EIO, payload } : { errno, payload };
}

/** What the answered bytes are: those that a server has for this file, or zeros. */
function sourceOf(file: FileState, offset: bigint, payload: Buffer): { kind: 'server'; file: number; offsetBytes: bigint } | { kind: 'zero' } {
  if (payload.equals(serverBytes(file.index, offset, payload.length))) return { kind: 'server', file: file.index, offsetBytes: offset };
  if (payload.every((byte) => byte === 0)) return ZERO;
  throw new Unspecified('FUSE_READ was answered by bytes that do not say where they belong');
}

function since2(world: World): void {
  if (world.revision.id === 'r1') throw new Unspecified('revision r1 does not say how inline data is read or written');
}
