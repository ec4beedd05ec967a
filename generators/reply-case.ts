/** A case around one BEGIN reply: what is served before it, the reply, what is served behind it, and the syscall. */
import fc from 'fast-check';
import { CASE_SCHEMA, type Case, type Reply, type ScriptLine, type Step } from '../model/case.ts';
import type { MappingSpec } from '../model/mapping.ts';
import { NULL_ADDR, type Revision } from '../uapi/revision.ts';
import { harmlessFlags, mapping, typesFor, type TypeName } from './mapping.ts';
import {
  isCachedWrite,
  isPaged,
  isReport,
  isWritePath,
  isZeroPath,
  DEVICE_SIZE,
  type Path,
  type Setting,
} from './setting.ts';
import { PAGE } from '../uapi/units.ts';

/** Both halves of a reply. */
export interface Mappings {
  read: MappingSpec;
  write: MappingSpec;
}

/** A case, and one line for people that says what is special about it. */
export interface PlannedCase {
  case: Case;
  note: string;
}

export const pureOverwrite = (offset: bigint, length: bigint): MappingSpec => ({
  type: 'PURE_OVERWRITE',
  flags: [],
  dev: 0,
  addr: NULL_ADDR,
  offset,
  length,
});

/** Types that let the walk of a path go on to the next reply. */
function passedTypes(path: Path): readonly TypeName[] {
  switch (path) {
    case 'seek-data':
      return ['HOLE', 'UNWRITTEN'];
    case 'seek-hole':
      return ['MAPPED', 'DELALLOC'];
    case 'direct-read':
    case 'buffered-read':
    case 'mmap-read':
      return ['HOLE', 'UNWRITTEN', 'MAPPED'];
    case 'direct-write':
    case 'writeback':
      return ['UNWRITTEN', 'MAPPED'];
    case 'buffered-write':
    case 'mmap-write':
    case 'truncate':
    case 'fallocate':
    case 'zeroing':
      return ['HOLE', 'DELALLOC', 'UNWRITTEN', 'MAPPED'];
    case 'fiemap':
      return ['HOLE', 'UNWRITTEN', 'MAPPED', 'DELALLOC'];
  }
}
const withoutDevices = (types: readonly TypeName[]) =>
  types.filter((type) => type !== 'MAPPED' && type !== 'UNWRITTEN');

/** Types of a list that the revision lets pass: without devices nothing can be backed. */
export const typesOf = (revision: Revision, types: readonly TypeName[]): readonly TypeName[] =>
  revision.ioctls.BACKING_OPEN === undefined ? withoutDevices(types) : types;

/** A valid other half for a reply whose `half` covers [start, end). */
export function otherHalf(
  revision: Revision,
  setting: Setting,
  half: 'read' | 'write',
  start: bigint,
  end: bigint,
): fc.Arbitrary<MappingSpec> {
  const other = half === 'read' ? 'write' : 'read';
  const acted = other === 'read' && !isWritePath(setting.path);
  return fc
    .constantFrom(...typesOf(revision, typesFor(setting.path, other, acted)))
    .chain((type) =>
      mapping({
        setting,
        start,
        end,
        type,
        area: 3,
        exact: isWritePath(setting.path),
        flags: isReport(setting.path) ? harmlessFlags(setting.path) : [],
      }),
    );
}

/** A valid reply for [start, end) whose acted half has one of the types. */
export function goodReply(
  revision: Revision,
  setting: Setting,
  types: readonly TypeName[],
  start: bigint,
  end: bigint,
  area: number,
): fc.Arbitrary<Mappings> {
  const acted = fc
    .constantFrom(...typesOf(revision, types))
    .chain((type) => mapping({ setting, start, end, type, area, exact: true }));
  if (isWritePath(setting.path)) {
    return fc
      .tuple(acted, fc.boolean())
      .map(([map, overwrite]) =>
        overwrite
          ? { read: map, write: pureOverwrite(map.offset, map.length) }
          : {
              read: { type: 'HOLE', flags: [], dev: 0, addr: NULL_ADDR, offset: map.offset, length: map.length },
              write: map,
            },
      );
  }
  return acted.map((read) => ({ read, write: pureOverwrite(read.offset, read.length) }));
}

/** The last of the four areas of a device. */
const REST_ADDR = BigInt((DEVICE_SIZE / 4) * 3);

/** What the server answers to everything behind the reply in question, wherever that is asked for. */
function rest(revision: Revision, setting: Setting, zeroes = false): Mappings {
  const block = setting.blockSize;
  const reach = setting.opEnd > setting.fileSize ? setting.opEnd : setting.fileSize;
  // Faults and readahead ask for whole pages.
  const unit = isPaged(setting.path) ? PAGE : block;
  const length = reach >= 1n << 62n ? (1n << 63n) - block : ((reach + unit - 1n) / unit + 1n) * unit;
  const device = revision.ioctls.BACKING_OPEN !== undefined && !zeroes && isWritePath(setting.path);
  // Where it is small enough, away from what the replies in question map: dirty ranges of both are written in any
  // order.
  const addr = (isCachedWrite(setting.path) || isZeroPath(setting.path)) && length <= REST_ADDR / 4n ? REST_ADDR : 0n;
  const plain = { flags: [], offset: 0n, length };
  const write = pureOverwrite(0n, length);
  return device
    ? { read: { ...plain, type: 'MAPPED', dev: { device: 0 }, addr }, write }
    : { read: { ...plain, type: 'HOLE', dev: 0, addr: NULL_ADDR }, write };
}

/** What is written behind the range that is zeroed for it. */
const writtenBehind = ({ opEnd, blockSize, maxBytes }: Setting): bigint =>
  opEnd % blockSize === 0n ? blockSize : (maxBytes ?? opEnd + blockSize) - opEnd;

function workloadOf(setting: Setting): Step[] {
  const { path, opStart, opEnd } = setting;
  const lengthBytes = isZeroPath(path) ? 0 : Number(opEnd - opStart);
  const open = (flags: Extract<Step, { call: 'open' }>['flags']): Step => ({ call: 'open', file: 0, flags });
  const close: Step = { call: 'close', fd: 0 };
  const seen: Step[] = [
    { call: 'fstat', fd: 0 },
    { call: 'fsync', fd: 0 },
  ];
  switch (path) {
    case 'direct-read':
      return [open(['rdonly', 'direct']), { call: 'pread', fd: 0, offset: opStart, lengthBytes }, close];
    case 'buffered-read':
      return [open(['rdonly']), { call: 'pread', fd: 0, offset: opStart, lengthBytes }, close];
    case 'mmap-read':
      return [open(['rdonly']), { call: 'mmapRead', fd: 0, offset: opStart, lengthBytes }, close];
    case 'mmap-write':
      return [
        open(['rdwr']),
        { call: 'mmapWrite', fd: 0, offset: opStart, lengthBytes, writer: 0, msync: true },
        close,
      ];
    case 'buffered-write':
    case 'writeback':
      return [
        open(['rdwr']),
        { call: 'pwrite', fd: 0, offset: opStart, lengthBytes, writer: 0 },
        { call: 'fsync', fd: 0 },
        close,
      ];
    case 'direct-write':
      return [open(['rdwr', 'direct']), { call: 'pwrite', fd: 0, offset: opStart, lengthBytes, writer: 0 }, close];
    case 'truncate':
      return [
        open(['rdwr']),
        { call: 'ftruncate', fd: 0, sizeBytes: setting.fileSize > opStart ? opStart : opEnd },
        ...seen,
        close,
      ];
    case 'fallocate':
      return [
        open(['rdwr']),
        { call: 'fallocate', fd: 0, mode: setting.mode ?? 0, offset: opStart, lengthBytes: opEnd - opStart },
        ...seen,
        close,
      ];
    case 'zeroing':
      return [
        open(['rdwr', 'direct']),
        { call: 'pwrite', fd: 0, offset: opEnd, lengthBytes: Number(writtenBehind(setting)), writer: 0 },
        ...seen,
        close,
      ];
    case 'fiemap':
      return [
        open(['rdonly']),
        { call: 'fiemap', fd: 0, start: opStart, lengthBytes: opEnd - opStart, flags: 0, extents: 32 },
        close,
      ];
    case 'seek-data':
      return [open(['rdonly']), { call: 'seekData', fd: 0, offset: opStart }, close];
    case 'seek-hole':
      return [open(['rdonly']), { call: 'seekHole', fd: 0, offset: opStart }, close];
  }
}

/** CONFIG answers of the setting, with its flags spelled out. */
export function configOf(setting: Pick<Setting, 'blockSize' | 'maxBytes'>): Case['geometry']['config'] {
  const blockSize = setting.blockSize === 4096n ? undefined : Number(setting.blockSize);
  if (blockSize === undefined && setting.maxBytes === undefined) return undefined;
  return {
    kind: 'config',
    flags: [
      ...(blockSize === undefined ? [] : ['BLOCKSIZE' as const]),
      ...(setting.maxBytes === undefined ? [] : ['MAXBYTES' as const]),
    ],
    ...(blockSize !== undefined && { blockSizeBytes: blockSize }),
    ...(setting.maxBytes !== undefined && { maxBytes: setting.maxBytes }),
  };
}

/** What a case has besides the reply in question. `extra` lines come first in the script. */
export interface CaseExtras {
  extra?: readonly ScriptLine[];
  /** The kernel refuses the reply in question. */
  refused?: boolean;
}

/**
 * What could not be read ahead is asked for again, more than once (mm/filemap.c): only a reply that stays bad fails the
 * read. Undefined: always.
 */
const timesAsked = (path: Path, refused: boolean): number | undefined =>
  (path === 'buffered-read' || path === 'mmap-read') && refused ? undefined : 1;

function reservation({ reply }: ScriptLine): Mappings {
  const { read, write } = reply as Extract<Reply, { kind: 'mappings' }>;
  return { read: { ...read, type: 'DELALLOC', dev: 0, addr: NULL_ADDR }, write };
}

/** The whole case. `reply` answers the BEGIN in question. */
export function replyCase(
  revision: Revision,
  setting: Setting,
  reply: Reply,
  before: readonly Mappings[],
  { extra = [], refused = reply.kind !== 'mappings' }: CaseExtras = {},
): Case {
  const config = configOf(setting);
  const zeroes = isZeroPath(setting.path);
  const { FAULT, WRITEBACK, ZERO } = revision.opFlags;
  const which: Partial<ScriptLine> =
    setting.path === 'writeback'
      ? { opflagsSet: WRITEBACK }
      : setting.path === 'buffered-write'
        ? { opflagsClear: WRITEBACK }
        : setting.path === 'mmap-write'
          ? { opflagsSet: FAULT }
          : zeroes
            ? { opflagsSet: ZERO }
            : {};
  const line = (answer: Reply, more: Partial<ScriptLine> = {}): ScriptLine => ({
    on: 'IOMAP_BEGIN',
    file: 0,
    ...which,
    ...more,
    reply: answer,
  });
  // By position: how many requests a stretch takes is the kernel's own business.
  const stretches = before.map((mappings, index) =>
    line({ kind: 'mappings', ...mappings }, { posTo: setting.cuts[index + 1]! }),
  );
  const times = timesAsked(setting.path, refused);
  // What follows the operation in question, such as the write that zeroing is for, or writeback, is answered by the
  // last line.
  const others: ScriptLine = { on: 'IOMAP_BEGIN', file: 0, reply: { kind: 'mappings', ...rest(revision, setting) } };
  const between: ScriptLine[] = zeroes
    ? [line({ kind: 'mappings', ...rest(revision, setting, true) })]
    : // A reservation only: the place is told when it is written back.
      setting.path === 'writeback'
      ? [{ ...others, opflagsClear: WRITEBACK, reply: { kind: 'mappings', ...reservation(others) } }]
      : [];
  return {
    schema: CASE_SCHEMA,
    revision: revision.id,
    geometry: {
      mount: setting.mount,
      ...(config && { config }),
      devices: revision.ioctls.BACKING_OPEN === undefined ? [] : setting.devices,
      files: [{ sizeBytes: setting.fileSize, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [...extra, ...stretches, line(reply, times === undefined ? {} : { times }), ...between, others],
    workload: workloadOf(setting),
    debugIomap: setting.debugIomap,
  };
}

/** Replies for the stretches of the operation before the one in question. */
export function repliesBefore(revision: Revision, setting: Setting): fc.Arbitrary<Mappings[]> {
  const stretches = setting.cuts.slice(0, -1).map((start, index) => ({ start, end: setting.cuts[index + 1]! }));
  return fc.tuple(
    ...stretches.map(({ start, end }, index) =>
      goodReply(revision, setting, passedTypes(setting.path), start, end, index + 1),
    ),
  );
}
