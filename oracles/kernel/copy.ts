/** copy_file_range: the server is asked to copy, by the newer request or the older one. */
import type { Exchange } from '../../model/observation.ts';
import { copyFileRangeOut, writeOut } from '../../uapi/fuse-structs.ts';
import { errnos } from '../../uapi/errno.ts';
import { bufferedRead } from './buffered-read.ts';
import { bufferedWrite } from './buffered-write.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import type { OpenFile, StepOf, World } from './world.ts';
import { flushed } from './writeback.ts';
import { LOFF_MAX, max, min } from '../../uapi/units.ts';
import { payloadOf, repliedErrno } from './answer.ts';
import type { ClauseId } from '../rules/rule-id.ts';

/** What the older request can hold: UINT_MAX, down to a page. Linux, fs/fuse/file.c, __fuse_copy_file_range. */
const MOST_OLD = 0xffff_f000n;

const fails = (rule: ClauseId, ...wanted: number[]): StepExpectation => ({ kind: 'fails', rule, errnos: wanted });

export function copyFileRange(
  world: World,
  from: OpenFile,
  to: OpenFile,
  step: StepOf<'copyFileRange'>,
): StepExpectation {
  const { fromOffset, offset } = step;
  const asked = BigInt(step.lengthBytes);
  // fs/read_write.c, generic_copy_file_checks; which of several reasons comes first is the kernel's own business.
  const left = max(from.file.sizeBytes - fromOffset, 0n);
  const limited = min(asked, left);
  const count = limited > 0n ? min(limited, max(world.facts.maxBytes - offset, 0n)) : 0n;
  const overlaps = from.file === to.file && offset + count > fromOffset && offset < fromOffset + count;
  const refused = [
    ...(from.flags.includes('wronly') || to.flags.includes('rdonly') || to.flags.includes('append')
      ? [errnos.EBADF]
      : []),
    ...(fromOffset < 0n || offset < 0n ? [errnos.EINVAL, errnos.EOVERFLOW] : []),
    ...(fromOffset + asked > LOFF_MAX || offset + asked > LOFF_MAX ? [errnos.EOVERFLOW] : []),
    ...(limited > 0n && offset >= world.facts.maxBytes ? [errnos.EFBIG] : []),
    ...(overlaps ? [errnos.EINVAL] : []),
  ];
  if (refused.length > 0) return fails('copy/arguments', ...refused);
  if (count === 0n) return { kind: 'succeeds', rule: 'copy/result', ret: 0n };
  const { enosys } = world;
  const asks = !enosys.copy || !enosys.copy64;
  // What the server copies from and to must be on its devices.
  const lost = asks
    ? (flushed(world, from.file, { start: fromOffset, end: fromOffset + count }) ??
      flushed(world, to.file, { start: offset, end: offset + count }))
    : undefined;
  if (lost) return lost;
  for (const older of [false, true]) {
    if (older ? enosys.copy : enosys.copy64) continue;
    const length = older ? min(count, MOST_OLD) : count;
    const exchange = ask(world, from, older ? 'COPY_FILE_RANGE' : 'COPY_FILE_RANGE_64', step, length);
    const errno = repliedErrno(exchange);
    if (errno === errnos.ENOSYS) {
      enosys[older ? 'copy' : 'copy64'] = true;
      continue;
    }
    if (errno === errnos.EOPNOTSUPP || errno === errnos.EXDEV)
      throw new Unspecified('what follows a copy that the server cannot make is not said');
    return errno !== 0 ? fails('copy/error', errno) : copied(world, to, offset, length, bytesOf(exchange, older));
  }
  return spliced(world, from, to, step, count);
}

/** Most bytes that a pipe holds (fs/pipe.c, PIPE_DEF_BUFFERS), without one page for where they begin in a page. */
const MOST_SPLICED = 15n << 12n;

/** Without the server the kernel reads and writes by itself, both through the page cache. */
function spliced(
  world: World,
  from: OpenFile,
  to: OpenFile,
  { fromOffset, offset }: StepOf<'copyFileRange'>,
  count: bigint,
): StepExpectation {
  if (count > MOST_SPLICED) throw new Unspecified('in which portions a copy by splice goes is not said');
  const odd = (fd: OpenFile): boolean =>
    (fd.directIo ?? fd.file.directIo) ||
    fd.flags.some((flag) => flag === 'direct' || flag === 'sync' || flag === 'dsync');
  if (odd(from) || odd(to))
    throw new Unspecified('how a copy by splice treats files open for direct or durable I/O is not said');
  const read = bufferedRead(world, from.file, { offset: fromOffset, lengthBytes: Number(count) });
  if (read.kind !== 'succeeds' || !read.ret) return read;
  const carries = (read.data ?? []).map(({ start, end, sources }) => ({
    start: start - fromOffset + offset,
    end: end - fromOffset + offset,
    sources,
  }));
  const written = bufferedWrite(world, to.file, {
    offset,
    lengthBytes: Number(read.ret),
    writer: 0,
    patternOffset: 0n,
    carries,
  });
  return written.kind === 'succeeds' ? { ...written, rule: 'copy/splice' } : written;
}

function ask(
  world: World,
  from: OpenFile,
  name: string,
  { fromOffset, offset }: StepOf<'copyFileRange'>,
  length: bigint,
): Exchange {
  return world.driver.request({
    name,
    file: from.file.index,
    rule: 'copy/request',
    fields: { offIn: { value: fromOffset }, offOut: { value: offset }, len: { value: length }, flags: { value: 0n } },
  });
}

/** Bytes that the server says it has copied; undefined: the answer has not the layout's size. */
function bytesOf(exchange: Exchange, older: boolean): bigint | undefined {
  const payload = payloadOf(exchange);
  if (payload.length !== (older ? writeOut : copyFileRangeOut).size) return undefined;
  return older ? BigInt(writeOut.decode(payload).size) : copyFileRangeOut.decode(payload).bytesCopied;
}

function copied(
  world: World,
  { file }: OpenFile,
  offset: bigint,
  length: bigint,
  bytes: bigint | undefined,
): StepExpectation {
  if (bytes === undefined || bytes > length) return fails('copy/answer', errnos.EIO);
  if (bytes > 0n) {
    // What the page cache has of it is stale.
    file.cache.drop(offset, offset + bytes);
    file.mappings.changed(offset, offset + bytes, world.facts.blockSizeBytes);
    file.sizeBytes = max(file.sizeBytes, offset + bytes);
    // The server has written it, and knows how large the file is now; a kernel may take that for the size on the disk.
    file.onDisk.may(...file.onDisk.candidates.map((size) => max(size, offset + bytes)));
  }
  return { kind: 'succeeds', rule: 'copy/result', ret: bytes };
}
