/** Cases and observations in words: one line each for mappings, replies, syscalls, requests, events and bytes. */
import type { ByteRun, ByteSource } from '../model/bytes.ts';
import type { Reply, Step } from '../model/case.ts';
import type { MappingSpec } from '../model/mapping.ts';
import type { ByteRange, Notification } from '../model/notification.ts';
import type { FiemapExtent, KernelEvent, StepResult } from '../model/observation.ts';
import { revisionWith, type Numbers } from '../uapi/numbers.ts';
import { defaultRevision, flagNames, isRevisionId, nameOf, type Revision } from '../uapi/revision.ts';
import { errnoText, negativeErrnoText } from '../uapi/errno.ts';

const ALL_ONES = (1n << 64n) - 1n;

/**
 * A byte count, offset or address: those below 1024 decimal, near a power of two from 2^31 on as that, others
 * hexadecimal.
 */
export function quantity(value: bigint): string {
  if (value < 0n) return `-${quantity(-value)}`;
  if (value === ALL_ONES) return 'all ones';
  for (let bits = 31n; bits <= 64n; bits += 1n) {
    const distance = value - (1n << bits);
    if (distance === 0n) return `2^${bits}`;
    if (distance >= -65536n && distance <= 65536n)
      return `2^${bits}${distance < 0n ? '-' : '+'}${distance < 0n ? -distance : distance}`;
  }
  return value < 1024n ? value.toString() : `0x${value.toString(16)}`;
}

/** `numbers`: of the kernel's uAPI, where the run says them. */
export const revisionOf = (id: string, numbers?: Numbers): Revision =>
  revisionWith(isRevisionId(id) ? id : defaultRevision, numbers);

const orNone = (names: string[]): string => (names.length === 0 ? 'none' : names.join('|'));

function describeMapping(mapping: MappingSpec): string {
  const dev =
    typeof mapping.dev === 'number'
      ? mapping.dev === 0
        ? 'no device'
        : `dev cookie ${mapping.dev}`
      : `device ${mapping.dev.device}`;
  const addr = mapping.addr === ALL_ONES ? 'no address' : `addr ${quantity(mapping.addr)}`;
  const type = typeof mapping.type === 'number' ? `type ${mapping.type}` : mapping.type;
  const flags =
    mapping.flags.length === 0
      ? ''
      : `, flags ${mapping.flags.map((flag) => (typeof flag === 'number' ? `0x${flag.toString(16)}` : flag)).join('|')}`;
  return `${type}, offset ${quantity(mapping.offset)}, length ${quantity(mapping.length)}, ${dev}, ${addr}${flags}`;
}

export function describeReply(reply: Reply): string[] {
  switch (reply.kind) {
    case 'mappings':
      return [`read  half: ${describeMapping(reply.read)}`, `write half: ${describeMapping(reply.write)}`];
    case 'error':
      return [`error ${errnoText(reply.errno)}`];
    case 'empty':
      return ['a header alone, error 0'];
    case 'attributes':
      return [`the attributes, size ${quantity(reply.sizeBytes)}`];
    case 'ioend':
      return [`newsize ${quantity(reply.newsizeBytes)}`];
    case 'raw':
      return [
        `${reply.payload.length / 2} raw bytes${reply.error === undefined ? '' : `, header error ${reply.error}`}${reply.lengthBytes === undefined ? '' : `, header length ${reply.lengthBytes}`}${reply.unique === undefined ? '' : `, header unique ${quantity(reply.unique)}`}${reply.sentBytes === undefined ? '' : `, cut to ${reply.sentBytes} bytes in all`}`,
      ];
    case 'die':
      return ['nothing: the server closes /dev/fuse'];
    case 'kill':
      return ['nothing: the process that holds /dev/fuse is killed'];
    case 'abort':
      return ['nothing: the connection is aborted through the control file system'];
    case 'config': {
      const { kind: _kind, ...fields } = reply;
      return [describeFields(fields)];
    }
  }
}

/** `name value, name value`; 64-bit values as quantities. */
export function describeFields(fields: Record<string, unknown>): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name} ${describeValue(value)}`)
    .join(', ');
}

function describeValue(value: unknown): string {
  if (typeof value === 'bigint') return quantity(value);
  if (value instanceof Uint8Array)
    return value.every((byte) => byte === 0) ? `${value.length} zero bytes` : Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return `[${value.map(describeValue).join(', ')}]`;
  if (typeof value === 'object' && value !== null) return `{${describeFields(value as Record<string, unknown>)}}`;
  return String(value);
}

/** The fields of a request; flags and errnos by their names. */
export function describeRequest(name: string, request: Record<string, unknown>, revision: Revision): string {
  if (name === 'IOMAP_IOEND') return describeIoend(request, revision);
  if (name !== 'IOMAP_BEGIN' && name !== 'IOMAP_END') return describeFields(request);
  const { opflags, reserved, written, map, ...rest } = request;
  const parts = [describeFields({ ...rest, ...(reserved !== 0 && { reserved }) })];
  if (typeof opflags === 'number')
    parts.unshift(`opflags ${describeOpflags(opflags, revision)} (0x${opflags.toString(16)})`);
  if (written !== undefined)
    parts.push(
      `written ${typeof written === 'bigint' && written < 0n ? negativeErrnoText(written) : `${describeValue(written)} bytes`}`,
    );
  if (map !== undefined) parts.push(describeFields({ map }));
  return parts.join(', ');
}

/** Positions in the file with their length, and what is on the device apart from them. */
function describeIoend(request: Record<string, unknown>, revision: Revision): string {
  const { flags, error, pos, written, newAddr, dev, pad, ...rest } = request;
  if (typeof flags !== 'number' || typeof pos !== 'bigint' || typeof written !== 'bigint')
    return describeFields(request);
  const { names, rest: unnamed } = flagNames(revision.ioendFlags, flags);
  const range = written === 0n ? 'nothing' : `file range [${quantity(pos)}, ${quantity(pos + written)})`;
  return [
    `flags ${orNone([...names, ...(unnamed ? [`0x${unnamed.toString(16)}`] : [])])} (0x${flags.toString(16)})`,
    ...(error === 0
      ? []
      : [`error ${typeof error === 'number' && error < 0 ? negativeErrnoText(error) : describeValue(error)}`]),
    describeFields(rest),
    `pos ${quantity(pos)}, written ${quantity(written)} bytes (${range})`,
    `on the device: ${describeFields({ dev, new_addr: newAddr })}`,
    ...(pad === 0 ? [] : [describeFields({ pad })]),
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** `WRITE|DIRECT`; bits without a name as a number. */
export function describeOpflags(opflags: number, revision: Revision): string {
  const { names, rest } = flagNames(revision.opFlags, opflags);
  return orNone([...names, ...(rest ? [`0x${rest.toString(16)}`] : [])]);
}

/** A mapping as it was on the wire (reply fields of BEGIN). */
export function describeWireMapping(fields: Record<string, unknown>, revision: Revision): string {
  const { type, flags, dev, addr, offset, length } = fields as {
    type: number;
    flags: number;
    dev: number;
    addr: bigint;
    offset: bigint;
    length: bigint;
  };
  const known = flagNames(revision.mappingFlags, flags);
  return describeMapping({
    type: nameOf(revision.mappingTypes, type) ?? type,
    dev,
    addr,
    offset,
    length,
    flags: [...known.names, ...(known.rest ? [known.rest] : [])],
  });
}

const at = (offset: bigint): string => quantity(offset);

const describeTime = ({ sec, nsec }: { sec: bigint; nsec: number }): string =>
  `${sec}.${String(nsec).padStart(9, '0')}`;

/** As strace would have it; fds are numbered by the open steps. */
export function describeStep(step: Step): string {
  switch (step.call) {
    case 'open':
      return `open(file ${step.file}, ${step.flags.join('|') || 'rdonly'})`;
    case 'close':
    case 'fsync':
    case 'fstat':
    case 'syncfs':
    case 'fsUuid':
      return `${step.call}(fd ${step.fd})`;
    case 'pread':
      return `pread(fd ${step.fd}, ${quantity(BigInt(step.lengthBytes))} bytes at ${at(step.offset)}${step.rwf ? `, RWF 0x${step.rwf.toString(16)}` : ''})`;
    case 'pwrite':
      return `pwrite(fd ${step.fd}, ${quantity(BigInt(step.lengthBytes))} bytes of writer ${step.writer} at ${at(step.offset)}${step.rwf ? `, RWF 0x${step.rwf.toString(16)}` : ''})`;
    case 'readahead':
      return `readahead(fd ${step.fd}, ${quantity(BigInt(step.lengthBytes))} bytes at ${at(step.offset)})`;
    case 'fadvise':
      return `posix_fadvise(fd ${step.fd}, ${quantity(BigInt(step.lengthBytes))} bytes at ${at(step.offset)}, ${step.advice})`;
    case 'setTimes':
      return `futimens(fd ${step.fd}, atime ${describeTime(step.atime)}, mtime ${describeTime(step.mtime)})`;
    case 'ordinary':
      return `${step.syscall} of file ${step.file}`;
    case 'mmapRead':
      return `copy from mmap(fd ${step.fd}), ${quantity(BigInt(step.lengthBytes))} bytes at ${at(step.offset)}`;
    case 'mmapWrite':
      return `copy to mmap(fd ${step.fd}), ${quantity(BigInt(step.lengthBytes))} bytes of writer ${step.writer} at ${at(step.offset)}${step.msync ? ', msync' : ''}`;
    case 'seekData':
      return `lseek(fd ${step.fd}, ${at(step.offset)}, SEEK_DATA)`;
    case 'seekHole':
      return `lseek(fd ${step.fd}, ${at(step.offset)}, SEEK_HOLE)`;
    case 'fiemap':
      return `fiemap(fd ${step.fd}, start ${at(step.start)}, length ${quantity(step.lengthBytes)}, flags 0x${step.flags.toString(16)}, room for ${step.extents})`;
    case 'ftruncate':
      return `ftruncate(fd ${step.fd}, ${at(step.sizeBytes)})`;
    case 'fallocate':
      return `fallocate(fd ${step.fd}, mode 0x${step.mode.toString(16)}, ${at(step.offset)}, ${at(step.lengthBytes)})`;
    case 'copyFileRange':
      return `copy_file_range(fd ${step.from} at ${at(step.fromOffset)} to fd ${step.fd} at ${at(step.offset)}, ${quantity(BigInt(step.lengthBytes))} bytes)`;
    case 'clone':
    case 'dedupe':
      return `ioctl(fd ${step.fd}, ${step.call === 'clone' ? 'FICLONERANGE' : 'FIDEDUPERANGE'}, ${at(step.offset)} from fd ${step.from} at ${at(step.fromOffset)}, ${quantity(step.lengthBytes)} bytes)`;
    case 'fuseIoctl': {
      const { call: _call, on, ioctl, ...fields } = step;
      const described = describeFields(fields);
      return `ioctl(/dev/fuse ${on}, ${ioctl}${described && `, ${described}`})`;
    }
    case 'notify':
      return `notify(/dev/fuse, ${describeNotification(step.notification)})`;
    case 'freeze':
      return `ioctl(fd ${step.fd}, FIFREEZE)`;
    case 'thaw':
      return `ioctl(fd ${step.fd}, FITHAW)`;
    case 'shutdown':
      return `ioctl(fd ${step.fd}, FS_IOC_SHUTDOWN, flags 0x${step.flags.toString(16)})`;
    case 'swapon':
      return `swapon(file ${step.file})${step.header ? `, header for ${step.header.pages} pages at ${at(step.header.offset)} of device ${step.header.device}` : ''}`;
    case 'swapoff':
      return `swapoff(file ${step.file})`;
    case 'pageOut':
      return `page out ${quantity(BigInt(step.lengthBytes))} bytes of writer ${step.writer}, and read them back`;
    case 'deviceRead':
      return `pread(device ${step.device}, buffered, ${quantity(BigInt(step.lengthBytes))} bytes at ${at(step.offset)})`;
    default:
      return describeUnknown(step);
  }
}

const describeRange = ({ offset, length }: ByteRange): string =>
  length === 0n ? 'nothing' : `[${quantity(offset)}, ${length === ALL_ONES ? 'to EOF' : `+${quantity(length)}`})`;

export function describeNotification(notification: Notification): string {
  const about =
    'node' in notification
      ? 'file' in notification.node
        ? `file ${notification.node.file}`
        : `nodeid ${quantity(notification.node.nodeid)}`
      : '';
  const ino =
    'attrIno' in notification && notification.attrIno !== undefined
      ? `, attr_ino ${quantity(notification.attrIno)}`
      : '';
  const sent =
    'sentBytes' in notification && notification.sentBytes !== undefined
      ? `, sent as ${notification.sentBytes} bytes`
      : '';
  switch (notification.kind) {
    case 'upsert':
      return `UPSERT ${about}${ino}, read half: ${describeMapping(notification.read)}; write half: ${describeMapping(notification.write)}${sent}`;
    case 'inval':
      return `INVAL ${about}${ino}, read ${describeRange(notification.read)}, write ${describeRange(notification.write)}${sent}`;
    case 'devInval': {
      const dev =
        typeof notification.dev === 'number' ? `dev cookie ${notification.dev}` : `device ${notification.dev.device}`;
      return `DEV_INVAL ${dev}, ${describeRange(notification.range)}${notification.reserved ? `, reserved ${notification.reserved}` : ''}${sent}`;
    }
    case 'store':
    case 'retrieve':
      return `${notification.kind.toUpperCase()} ${about}, [${quantity(notification.offset)}, +${quantity(BigInt(notification.lengthBytes))})`;
    case 'invalInode':
      return `INVAL_INODE ${about}, ${notification.offset < 0n ? 'attributes' : `pages from ${quantity(notification.offset)}${notification.length === 0n ? ' to the end' : `, +${quantity(notification.length)}`}`}`;
    case 'raw':
      return `code ${notification.code}, ${notification.payload.length / 2} raw bytes`;
  }
}

/** A syscall that a newer case schema knows and this text does not. */
function describeUnknown(step: { call: string }): string {
  const { call, ...fields } = step;
  return `${call}(${describeFields(fields)})`;
}

export function describeResult(result: StepResult): string {
  if (result.errno !== 0) return `-1 ${errnoText(result.errno)}`;
  const parts = [quantity(result.ret)];
  if (result.data && result.data.length > 0) parts.push(`bytes: ${describeRuns(result.data)}`);
  if (result.tail && result.tail.some(({ source }) => source.kind !== 'poison'))
    parts.push(`behind them in the buffer: ${describeRuns(result.tail)}`);
  if (result.fiemap)
    parts.push(result.fiemap.length === 0 ? 'no extents' : `extents: ${result.fiemap.map(describeExtent).join('; ')}`);
  if (result.sizeBytes !== undefined) parts.push(`size ${quantity(result.sizeBytes)}`);
  if (result.times) parts.push(`times ${result.times.join(' ')} (seconds and nanoseconds of atime and mtime)`);
  return parts.join('; ');
}

const describeExtent = ({ logical, physical, length, flags }: FiemapExtent): string =>
  `[${quantity(logical)}, +${quantity(length)}) at ${quantity(physical)} flags 0x${flags.toString(16)}`;

export function describeRuns(runs: ByteRun[]): string {
  return runs
    .map(({ lengthBytes, source }) => `${quantity(BigInt(lengthBytes))} bytes ${describeSource(source)}`)
    .join(', then ');
}

function describeSource(source: ByteSource): string {
  switch (source.kind) {
    case 'device':
      return `of device ${source.device} from ${quantity(source.offsetBytes)}`;
    case 'writer':
      return `of writer ${source.writer} from file offset ${quantity(source.offsetBytes)}`;
    case 'server':
      return `of the server for file ${source.file} from ${quantity(source.offsetBytes)}`;
    case 'zero':
      return 'of zeros';
    case 'poison':
      return 'not written by the kernel';
    case 'other':
      return `of unknown origin (${shortened(source.hex)})`;
    case 'unknown':
      return 'that were not kept';
  }
}

/** Hexadecimal digits that a reader may want to see. */
const SHOWN_DIGITS = 128;
const shortened = (hex: string): string => (hex.length > SHOWN_DIGITS ? `${hex.slice(0, SHOWN_DIGITS)}...` : hex);

export function describeEvent(event: KernelEvent): string {
  switch (event.kind) {
    case 'bad-data':
      return `trace fuse_iomap_bad_data: ${event.condition} (${event.func}, line ${event.line})`;
    case 'bad-mapping-warn':
      return `WARN Bad mapping: ${event.condition} (${event.func}, line ${event.line})`;
    case 'assertion':
      return `WARN Assertion failed: ${event.condition} (${event.func}, line ${event.line})`;
    case 'warning':
    case 'bug':
    case 'notice':
      return `kernel ${event.kind}: ${event.title}`;
    case 'channel-ended':
      return `the kernel no longer checks its locks${event.earlier ? ', since before the case' : ''}: ${event.title}`;
    case 'lost-events':
      return `${event.count} records of ${event.source} were overwritten before they were read`;
    default:
      return `the kernel reported '${(event as { kind: string }).kind}', a kind of event that this version does not know`;
  }
}
