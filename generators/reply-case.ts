/** A case around one BEGIN reply: what is served before it, the reply, what is served behind it, and the syscall. */
import fc from 'fast-check';
import { CASE_SCHEMA, type Case, type Reply, type ScriptLine, type Step } from '../harness/model/case.ts';
import type { MappingSpec } from '../harness/model/mapping.ts';
import { NULL_ADDR, type Revision } from '../harness/uapi/revision.ts';
import { harmlessFlags, mapping, typesFor, type TypeName } from './mapping.ts';
import { isReport, isWritePath, isZeroPath, type Path, type Setting } from './setting.ts';

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

export const pureOverwrite = (offset: bigint, length: bigint): MappingSpec =>
  ({ type: 'PURE_OVERWRITE', flags: [], dev: 0, addr: NULL_ADDR, offset, length });

/** Types that let the walk of a path go on to the next reply. */
function passedTypes(path: Path): readonly TypeName[] {
  switch (path) {
    case 'seek-data': return ['HOLE', 'UNWRITTEN'];
    case 'seek-hole': return ['MAPPED', 'DELALLOC'];
    case 'direct-read': case 'buffered-read': return ['HOLE', 'UNWRITTEN', 'MAPPED'];
    case 'direct-write': return ['UNWRITTEN', 'MAPPED'];
    case 'truncate': case 'fallocate': case 'zeroing': return ['HOLE', 'UNWRITTEN'];
    case 'fiemap': return ['HOLE', 'UNWRITTEN', 'MAPPED', 'DELALLOC'];
  }
}
const withoutDevices = (types: readonly TypeName[]) => types.filter((type) => type !== 'MAPPED' && type !== 'UNWRITTEN');

/** Types of a list that the revision lets pass: without devices nothing can be backed. */
export const typesOf = (revision: Revision, types: readonly TypeName[]): readonly TypeName[] =>
  revision.ioctls.BACKING_OPEN === undefined ? withoutDevices(types) : types;

/** A valid other half for a reply whose `half` covers [start, end). */
export function otherHalf(revision: Revision, setting: Setting, half: 'read' | 'write', start: bigint, end: bigint): fc.Arbitrary<MappingSpec> {
  const other = half === 'read' ? 'write' : 'read';
  const acted = other === 'read' && !isWritePath(setting.path);
  return fc.constantFrom(...typesOf(revision, typesFor(setting.path, other, acted))).chain((type) =>
    mapping({ setting, start, end, type, area: 3, exact: isWritePath(setting.path), flags: isReport(setting.path) ? harmlessFlags(setting.path) : [] }));
}

/** A valid reply for [start, end) whose acted half has one of the types. */
export function goodReply(revision: Revision, setting: Setting, types: readonly TypeName[], start: bigint, end: bigint, area: number): fc.Arbitrary<Mappings> {
  const acted = fc.constantFrom(...typesOf(revision, types)).chain((type) => mapping({ setting, start, end, type, area, exact: true }));
  if (isWritePath(setting.path)) {
    return fc.tuple(acted, fc.boolean()).map(([map, overwrite]) => (overwrite
      ? { read: map, write: pureOverwrite(map.offset, map.length) }
      : { read: { type: 'HOLE', flags: [], dev: 0, addr: NULL_ADDR, offset: map.offset, length: map.length }, write: map }));
  }
  return acted.map((read) => ({ read, write: pureOverwrite(read.offset, read.length) }));
}

/** What the server answers to everything behind the reply in question, wherever that is asked for. */
function rest(revision: Revision, setting: Setting, zeroes = false): Mappings {
  const block = setting.blockSize;
  const reach = setting.opEnd > setting.fileSize ? setting.opEnd : setting.fileSize;
  const length = reach >= 1n << 62n ? (1n << 63n) - block : ((reach + block - 1n) / block + 1n) * block;
  const device = revision.ioctls.BACKING_OPEN !== undefined && !zeroes && isWritePath(setting.path);
  const plain = { flags: [], offset: 0n, length };
  const write = pureOverwrite(0n, length);
  return device
    ? { read: { ...plain, type: 'MAPPED', dev: { device: 0 }, addr: 0n }, write }
    : { read: { ...plain, type: 'HOLE', dev: 0, addr: NULL_ADDR }, write };
}

/** What is written behind the range that is zeroed for it. */
const writtenBehind = ({ opEnd, blockSize, maxBytes }: Setting): bigint =>
  (opEnd % blockSize === 0n ? blockSize : (maxBytes ?? opEnd + blockSize) - opEnd);

export function workloadOf(setting: Setting): Step[] {
  const { path, opStart, opEnd } = setting;
  const lengthBytes = isZeroPath(path) ? 0 : Number(opEnd - opStart);
  const open = (flags: Extract<Step, { call: 'open' }>['flags']): Step => ({ call: 'open', file: 0, flags });
  const close: Step = { call: 'close', fd: 0 };
  switch (path) {
    case 'direct-read': return [open(['rdonly', 'direct']), { call: 'pread', fd: 0, offset: opStart, lengthBytes }, close];
    case 'buffered-read': return [open(['rdonly']), { call: 'pread', fd: 0, offset: opStart, lengthBytes }, close];
    case 'direct-write': return [open(['rdwr', 'direct']), { call: 'pwrite', fd: 0, offset: opStart, lengthBytes, writer: 0 }, close];
    case 'truncate': return [open(['rdwr']), { call: 'ftruncate', fd: 0, sizeBytes: setting.fileSize > opStart ? opStart : opEnd }, { call: 'fstat', fd: 0 }, close];
    case 'fallocate': return [open(['rdwr']), { call: 'fallocate', fd: 0, mode: setting.mode ?? 0, offset: opStart, lengthBytes: opEnd - opStart }, { call: 'fstat', fd: 0 }, close];
    case 'zeroing': return [open(['rdwr', 'direct']), { call: 'pwrite', fd: 0, offset: opEnd, lengthBytes: Number(writtenBehind(setting)), writer: 0 }, { call: 'fstat', fd: 0 }, close];
    case 'fiemap': return [open(['rdonly']), { call: 'fiemap', fd: 0, start: opStart, lengthBytes: opEnd - opStart, flags: 0, extents: 32 }, close];
    case 'seek-data': return [open(['rdonly']), { call: 'seekData', fd: 0, offset: opStart }, close];
    case 'seek-hole': return [open(['rdonly']), { call: 'seekHole', fd: 0, offset: opStart }, close];
  }
}

/** CONFIG answers of the setting, with its flags spelled out. */
export function configOf(setting: Pick<Setting, 'blockSize' | 'maxBytes'>): Case['geometry']['config'] {
  const blockSize = setting.blockSize === 4096n ? undefined : Number(setting.blockSize);
  if (blockSize === undefined && setting.maxBytes === undefined) return undefined;
  return {
    kind: 'config',
    flags: [...(blockSize === undefined ? [] : ['BLOCKSIZE' as const]), ...(setting.maxBytes === undefined ? [] : ['MAXBYTES' as const])],
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

/** What could not be read ahead is asked for again, more than once (mm/filemap.c): only a reply that stays bad fails the read. Undefined: always. */
const timesAsked = (path: Path, refused: boolean): number | undefined => (path === 'buffered-read' && refused ? undefined : 1);

/** The whole case. `reply` answers the BEGIN in question. */
export function replyCase(revision: Revision, setting: Setting, reply: Reply, before: readonly Mappings[], { extra = [], refused = reply.kind !== 'mappings' }: CaseExtras = {}): Case {
  const config = configOf(setting);
  const zeroes = isZeroPath(setting.path);
  // What follows the zeroing, such as the write that it is for, is answered by the last line.
  const line = (answer: Reply, times?: number): ScriptLine =>
    ({ on: 'IOMAP_BEGIN', file: 0, ...(times && { times }), ...(zeroes && { opflagsSet: revision.opFlags.ZERO }), reply: answer });
  const others: ScriptLine[] = zeroes ? [{ on: 'IOMAP_BEGIN', file: 0, reply: { kind: 'mappings', ...rest(revision, setting) } }] : [];
  return {
    schema: CASE_SCHEMA,
    revision: revision.id,
    geometry: {
      mount: setting.mount, ...(config && { config }), devices: revision.ioctls.BACKING_OPEN === undefined ? [] : setting.devices,
      files: [{ sizeBytes: setting.fileSize, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [...extra, ...before.map((mappings) => line({ kind: 'mappings', ...mappings }, 1)), line(reply, timesAsked(setting.path, refused)), line({ kind: 'mappings', ...rest(revision, setting, zeroes) }), ...others],
    workload: workloadOf(setting),
    debugIomap: setting.debugIomap,
  };
}

/** Replies for the stretches of the operation before the one in question. */
export function repliesBefore(revision: Revision, setting: Setting): fc.Arbitrary<Mappings[]> {
  const stretches = setting.cuts.slice(0, -1).map((start, index) => ({ start, end: setting.cuts[index + 1]! }));
  return fc.tuple(...stretches.map(({ start, end }, index) => goodReply(revision, setting, passedTypes(setting.path), start, end, index + 1)));
}
