/**
 * Cases about requests that have nothing to do with mappings: of INIT, names, attributes and directories. What they are
 * answered is the experiment.
 */
import fc from 'fast-check';
import type { PlannedCase } from '../../generators/reply-case.ts';
import { CASE_SCHEMA, type Case, type Geometry, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import { ordinaryCalls, type OrdinaryCall } from '../../model/ordinary-calls.ts';
import { FUSE_MAJOR, INIT_BITS, initFlags, initWords } from '../../uapi/fuse-flags.ts';
import {
  attrOut,
  createOut,
  entryOut,
  getxattrOut,
  initOut,
  ioctlOut,
  kstatfs,
  openOut,
  pollOut,
} from '../../uapi/fuse-structs.ts';
import type { Revision } from '../../uapi/revision.ts';

type On = ScriptLine['on'];

/** A node that is no case's file. */
const NODE = 0x70n;
const FILE_BYTES = 8192n;
const HOUR_S = 3600n;
const mode = { file: 0o100644, directory: 0o40755, link: 0o120777, fifo: 0o10644 } as const;
type Kind = keyof typeof mode;

const attr = (kind: Kind, size = 0n) => ({
  ino: NODE,
  size,
  blocks: 0n,
  atime: 0n,
  mtime: 0n,
  ctime: 0n,
  atimensec: 0,
  mtimensec: 0,
  ctimensec: 0,
  mode: mode[kind],
  nlink: kind === 'directory' ? 2 : 1,
  uid: 0,
  gid: 0,
  rdev: 0,
  blksize: 0,
  flags: 0,
});
const entry = (kind: Kind) => ({
  nodeid: NODE,
  generation: 0n,
  entryValid: HOUR_S,
  attrValid: HOUR_S,
  entryValidNsec: 0,
  attrValidNsec: 0,
  attr: attr(kind, kind === 'link' ? 6n : 0n),
});
const bytes = (payload: Uint8Array): Reply => ({ kind: 'raw', payload: Buffer.from(payload).toString('hex') });
const nothing: Reply = { kind: 'empty' };

/** An answer that is in order. */
const good: Record<OrdinaryCall, Reply> = {
  statfs: bytes(
    kstatfs.encode({
      blocks: 1024n,
      bfree: 512n,
      bavail: 512n,
      files: 16n,
      ffree: 8n,
      bsize: 4096,
      namelen: 255,
      frsize: 4096,
    }),
  ),
  stat: bytes(attrOut.encode({ attrValid: HOUR_S, attr: attr('file', FILE_BYTES) })),
  // stx_mask 0: the server knows nothing.
  statx: bytes(new Uint8Array(288)),
  access: nothing,
  setxattr: nothing,
  removexattr: nothing,
  rmdir: nothing,
  unlink: nothing,
  rename: nothing,
  renameNoreplace: nothing,
  readdir: nothing,
  releasedir: nothing,
  fsyncdir: nothing,
  listxattr: bytes(Buffer.from('user.a\0user.bc\0')),
  listxattrSize: bytes(getxattrOut.encode({ size: 15 })),
  getxattr: bytes(Buffer.from('value')),
  getxattrSize: bytes(getxattrOut.encode({ size: 5 })),
  symlink: bytes(entryOut.encode(entry('link'))),
  readlink: bytes(Buffer.from('target')),
  mkdir: bytes(entryOut.encode(entry('directory'))),
  mknod: bytes(entryOut.encode(entry('fifo'))),
  link: bytes(entryOut.encode(entry('file'))),
  create: bytes(createOut.encode({ entry: entry('file'), open: { fh: 1n } as never })),
  tmpfile: bytes(createOut.encode({ entry: entry('file'), open: { fh: 1n } as never })),
  opendir: bytes(openOut.encode({ fh: 1n })),
  poll: bytes(pollOut.encode({ revents: 1 })),
  ioctl: bytes(ioctlOut.encode({})),
};

/** What must have been answered well before, and what else the syscall asks. */
const before: Partial<Record<OrdinaryCall, readonly OrdinaryCall[]>> = { rmdir: ['mkdir'], readlink: ['symlink'] };
const besides: Partial<Record<OrdinaryCall, readonly OrdinaryCall[]>> = {
  opendir: ['readdir'],
  releasedir: ['opendir', 'readdir'],
};

const line = (syscall: OrdinaryCall): ScriptLine => ({ on: ordinaryCalls[syscall], reply: good[syscall] });
const call = (syscall: OrdinaryCall): Step => ({ call: 'ordinary', syscall, file: 0 });

function around(
  revision: Revision,
  steps: readonly Step[],
  script: readonly ScriptLine[],
  debugIomap: boolean,
  mount: Geometry['mount'],
): Case {
  const open: Step = { call: 'open', file: 0, flags: ['rdwr'] };
  return {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap,
    geometry: { mount, devices: [], files: [{ sizeBytes: FILE_BYTES, attrFlags: ['IOMAP', 'EXCLUSIVE'] }] },
    script: [...script],
    workload: [open, ...steps, { call: 'close', fd: 0 }],
  };
}

/** Revisions without CONFIG have no SYNC_INIT. */
const mounts = (revision: Revision): fc.Arbitrary<Geometry['mount']> =>
  revision.opcodes.IOMAP_CONFIG === undefined ? fc.constant('ordinary') : fc.constantFrom('ordinary', 'syncInit');

/**
 * The rules name the request, so that all of them are one path; requests that are made in two ways have a second one.
 */
const pathOf = (syscall: OrdinaryCall): string =>
  syscall === 'stat' ? 'stat' : syscall.endsWith('Size') ? 'other-size' : 'other';

/** One place for each syscall: with the line, its request is answered by it once, and then again as it should be. */
export function ordinaryPlaces(
  revision: Revision,
): { on: On; path: string; cases: (answer: ScriptLine | undefined) => fc.Arbitrary<PlannedCase> }[] {
  return (Object.keys(ordinaryCalls) as OrdinaryCall[]).map((syscall) => ({
    on: ordinaryCalls[syscall],
    path: pathOf(syscall),
    cases: (answer) =>
      fc
        .tuple(fc.boolean(), mounts(revision))
        .map(([debug, mount]) => ({
          case: around(
            revision,
            [
              ...(before[syscall] ?? []).map(call),
              call(syscall),
              ...(answer?.reply.kind === 'raw' ? [call(syscall)] : []),
            ],
            [
              ...(answer ? [{ ...answer, times: 1 }] : []),
              line(syscall),
              ...[...(before[syscall] ?? []), ...(besides[syscall] ?? [])].map(line),
            ],
            debug,
            answer?.reply.kind === 'abort' ? 'ordinary' : mount,
          ),
          note: `${syscall}${answer ? ', then again' : ''}`,
        })),
  }));
}

/** FORGET, which nobody waits for: its answer is one to no request. */
export const forgetPlace = (revision: Revision) => ({
  on: 'FORGET' as const,
  path: 'other',
  cases: (answer: ScriptLine | undefined): fc.Arbitrary<PlannedCase> =>
    fc.boolean().map((debug) => {
      const testCase = around(revision, [], [...(answer ? [answer] : []), line('unlink')], debug, 'ordinary');
      return {
        case: { ...testCase, workload: [testCase.workload[0]!, { call: 'close', fd: 0 }, call('unlink')] },
        note: 'the last name of a file that nobody has open',
      };
    }),
});

/** The answer to INIT that the server gives anyhow, with another version, or cut. */
function initOf(
  revision: Revision,
  { major = FUSE_MAJOR, bytes: size = initOut.size }: { major?: number; bytes?: number } = {},
): Reply {
  const flags = initFlags(
    INIT_BITS.ASYNC_READ,
    INIT_BITS.BIG_WRITES,
    INIT_BITS.NO_OPEN_SUPPORT,
    INIT_BITS.NO_OPENDIR_SUPPORT,
    INIT_BITS.INIT_EXT,
    INIT_BITS.ABORT_ERROR,
    revision.initBit,
  );
  return bytes(
    initOut
      .encode({
        major,
        minor: revision.minor,
        maxReadahead: 1 << 17,
        ...initWords(flags),
        maxBackground: 64,
        congestionThreshold: 48,
        maxWrite: 1 << 20,
        timeGran: 1,
      })
      .subarray(0, size),
  );
}

/** INIT of a mount of the case's own: taken, it decides whether files use iomap, which FIEMAP shows. */
export function initPlace(revision: Revision) {
  const fiemap: Step = { call: 'fiemap', fd: 0, start: 0n, lengthBytes: FILE_BYTES, flags: 0, extents: 4 };
  return {
    on: 'INIT' as const,
    path: 'mount',
    cases: (answer: ScriptLine | undefined): fc.Arbitrary<PlannedCase> =>
      fc
        .tuple(
          // Behind 32 bytes lie the flags that iomap is among.
          answer?.reply.kind === 'raw'
            ? fc.oneof(
                { weight: 3, arbitrary: fc.constant({ reply: answer.reply, note: 'answered so' }) },
                fc
                  .constantFrom(0, 6, 8, 0xffff_ffff)
                  .map((major) => ({ reply: initOf(revision, { major }), note: `instead: major ${major}` })),
              )
            : answer
              ? fc.constant({ reply: answer.reply, note: '' })
              : fc
                  .constantFrom(initOut.size, 36, 32, 24)
                  .map((size) => ({ reply: initOf(revision, { bytes: size }), note: `${size} bytes` })),
          fc.boolean(),
          answer?.reply.kind === 'abort' ? fc.constant('ordinary' as const) : mounts(revision),
        )
        .map(([{ reply, note }, debug, mount]) => ({
          case: around(revision, [fiemap], [{ on: 'INIT', reply }], debug, mount),
          note: `${note}; ${mount} mount`,
        })),
  };
}
