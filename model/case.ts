/**
 * Case: everything needed to run one experiment. A case file is the truth; `provenance` only says where it came from.
 * The schema is the documentation: every field says what it means, with its unit.
 */
import { z } from 'zod';
import { revisionIds } from '../uapi/revision.ts';
import { mappingSpec } from './mapping.ts';
import { notification } from './notification.ts';
import { ordinaryCallNames } from './ordinary-calls.ts';
import { errno, hex, index, s64, u32, u64 } from './scalars.ts';

/** Version of the case schema. A change of meaning raises it and comes with a migration. */
export const CASE_SCHEMA = 1;

const revisionId = z.enum(revisionIds);
const attrFlagName = z.enum(['SUBMOUNT', 'DAX', 'EXCLUSIVE', 'IOMAP', 'ATOMIC', 'SYNC', 'IMMUTABLE', 'APPEND']);
const configFlagName = z.enum(['SID', 'UUID', 'BLOCKSIZE', 'MAX_LINKS', 'TIME', 'MAXBYTES', 'CACHE_MAXBYTES']);

const deviceSpec = z.strictObject({
  sizeBytes: z.int().min(0),
  /** How the server opens the device before it registers it. */
  access: z.enum(['rw', 'ro', 'wo']),
  /** It takes atomic writes of one block at any sector; absent: it takes none. */
  atomic: z.literal(true).optional(),
});

const fileSpec = z.strictObject({
  /** Size the server reports when the inode is instantiated. */
  sizeBytes: u64,
  attrFlags: z.array(attrFlagName),
  /** FOPEN_DIRECT_IO in the answer to OPEN. */
  directIo: z.boolean().optional(),
});

/** The answer to IOMAP_CONFIG. `flags` absent: the flags of the fields that are given. */
export const configReply = z.strictObject({
  kind: z.literal('config'),
  flags: z.array(z.union([configFlagName, u64])).optional(),
  sId: z.string().max(32).optional(),
  sUuid: hex.optional(),
  sUuidLen: z.int().min(0).max(255).optional(),
  sPad: hex.optional(),
  blockSizeBytes: u32.optional(),
  maxLinks: u32.optional(),
  timeGranNs: u32.optional(),
  timeMin: s64.optional(),
  timeMax: s64.optional(),
  maxBytes: s64.optional(),
  cacheMaxBytes: u32.optional(),
  pad: u32.optional(),
  /** Send only the first so many bytes. */
  sentBytes: z.int().min(0).max(104).optional(),
});

/** What one request is answered. */
const reply = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('mappings'), read: mappingSpec, write: mappingSpec }),
  /** A header with -errno. */
  z.strictObject({ kind: z.literal('error'), errno }),
  /** A header alone, error 0. */
  z.strictObject({ kind: z.literal('empty') }),
  /** Payload bytes as they are behind a header that may lie about anything. */
  z.strictObject({
    kind: z.literal('raw'),
    payload: hex,
    error: z.int().optional(),
    lengthBytes: u32.optional(),
    unique: u64.optional(),
    /** Only so many bytes of header and payload go out. */
    sentBytes: z.int().min(0).optional(),
  }),
  /** None: the server closes /dev/fuse and is gone, with this request in flight. */
  z.strictObject({ kind: z.literal('die') }),
  /** None: the process that holds /dev/fuse is ended by SIGKILL, with this request in flight. */
  z.strictObject({ kind: z.literal('kill') }),
  /** None: the connection is aborted through the control file system, with this request in flight. */
  z.strictObject({ kind: z.literal('abort') }),
  z.strictObject({ kind: z.literal('ioend'), newsizeBytes: u64 }),
  /** GETATTR and SETATTR: the file's attributes with another size, not to be kept by the kernel. */
  z.strictObject({ kind: z.literal('attributes'), sizeBytes: u64 }),
  configReply,
]);
export type Reply = z.infer<typeof reply>;

/**
 * One line of the server's script. For a request the first line wins whose conditions hold and whose `times` are not
 * used up; a request that no line matches gets the server's ordinary answer.
 */
const scriptLine = z.strictObject({
  on: z.enum([
    'IOMAP_BEGIN',
    'IOMAP_END',
    'IOMAP_IOEND',
    'IOMAP_CONFIG',
    'LOOKUP',
    'OPEN',
    'RELEASE',
    'FLUSH',
    'GETATTR',
    'SETATTR',
    'GETXATTR',
    'FSYNC',
    'FALLOCATE',
    'READ',
    'WRITE',
    'LSEEK',
    'SYNCFS',
    'DESTROY',
    'FREEZE_FS',
    'UNFREEZE_FS',
    'SHUTDOWN_FS',
    'COPY_FILE_RANGE',
    'COPY_FILE_RANGE_64',
    'INIT',
    'FORGET',
    'STATFS',
    'STATX',
    'ACCESS',
    'LISTXATTR',
    'SETXATTR',
    'REMOVEXATTR',
    'SYMLINK',
    'READLINK',
    'MKDIR',
    'RMDIR',
    'MKNOD',
    'CREATE',
    'TMPFILE',
    'LINK',
    'UNLINK',
    'RENAME',
    'RENAME2',
    'OPENDIR',
    'READDIR',
    'RELEASEDIR',
    'FSYNCDIR',
    'POLL',
    'IOCTL',
  ]),
  /** Index into the case's files; absent: any. */
  file: index.optional(),
  /** Bits of the request's opflags that must be set and that must not be set (BEGIN and END). */
  opflagsSet: u32.optional(),
  opflagsClear: u32.optional(),
  /** The request's pos must not be below this, and must be below that (BEGIN, END and IOEND). Bytes of the file. */
  posFrom: u64.optional(),
  posTo: u64.optional(),
  /**
   * How often the line answers. Kernels differ in how many requests they need: what has a position is told apart by
   * that, and counted only where the same place is to be answered in another way later.
   */
  times: z.int().min(1).optional(),
  /** Written to /dev/fuse one after the other while the request waits; then it is answered. */
  before: z.array(notification).min(1).max(256).optional(),
  /**
   * A signal is pending for the thread that runs the workload when the answer comes; it has a handler that does
   * nothing.
   */
  signal: z.literal(true).optional(),
  reply,
});
export type ScriptLine = z.infer<typeof scriptLine>;

const openFlag = z.enum(['rdonly', 'wronly', 'rdwr', 'direct', 'append', 'sync', 'dsync', 'trunc']);
const fd = index;
const timestamp = z.strictObject({ sec: s64, nsec: z.int().min(0).max(999_999_999) });

/** One syscall. `fd` counts the open steps of the case, from 0. Offsets and lengths in bytes. */
const step = z.discriminatedUnion('call', [
  z.strictObject({ call: z.literal('open'), file: index, flags: z.array(openFlag) }),
  z.strictObject({ call: z.literal('close'), fd }),
  z.strictObject({ call: z.literal('pread'), fd, offset: s64, lengthBytes: z.int().min(0), rwf: u32.optional() }),
  /** Writes the pattern of writer `writer` (see ByteSource), positions counted from the file's start. */
  z.strictObject({
    call: z.literal('pwrite'),
    fd,
    offset: s64,
    lengthBytes: z.int().min(0),
    writer: index,
    rwf: u32.optional(),
  }),
  z.strictObject({ call: z.literal('seekData'), fd, offset: s64 }),
  z.strictObject({ call: z.literal('seekHole'), fd, offset: s64 }),
  z.strictObject({
    call: z.literal('fiemap'),
    fd,
    start: u64,
    lengthBytes: u64,
    flags: u32,
    extents: z.int().min(0).max(4096),
  }),
  /**
   * Copies from a shared mapping of the file. Returns the bytes copied; fewer than asked: the page there gave SIGBUS.
   */
  z.strictObject({ call: z.literal('mmapRead'), fd, offset: s64, lengthBytes: z.int().min(0) }),
  /**
   * Copies the pattern of writer `writer` into a shared mapping of the file, as `mmapRead`; `msync`: then
   * msync(MS_SYNC), whose failure is the step's.
   */
  z.strictObject({
    call: z.literal('mmapWrite'),
    fd,
    offset: s64,
    lengthBytes: z.int().min(0),
    writer: index,
    msync: z.boolean().optional(),
  }),
  z.strictObject({ call: z.literal('fsync'), fd }),
  z.strictObject({ call: z.literal('ftruncate'), fd, sizeBytes: s64 }),
  z.strictObject({ call: z.literal('fallocate'), fd, mode: u32, offset: s64, lengthBytes: s64 }),
  z.strictObject({ call: z.literal('fstat'), fd }),
  /** readahead(2), and posix_fadvise(2): the page cache is filled or emptied without anybody reading. */
  z.strictObject({ call: z.literal('readahead'), fd, offset: s64, lengthBytes: z.int().min(0) }),
  z.strictObject({
    call: z.literal('fadvise'),
    fd,
    offset: s64,
    lengthBytes: z.int().min(0),
    advice: z.enum(['willneed', 'dontneed']),
  }),
  /** futimens(2), then the times that the file has. Seconds and nanoseconds. */
  z.strictObject({ call: z.literal('setTimes'), fd, atime: timestamp, mtime: timestamp }),
  /** FS_IOC_GETFSUUID. */
  z.strictObject({ call: z.literal('fsUuid'), fd }),
  /** A syscall about the file, its attributes, its name or its directory that any FUSE file system serves. */
  z.strictObject({ call: z.literal('ordinary'), syscall: z.enum(ordinaryCallNames), file: index }),
  /** FIFREEZE and FITHAW. The case's guest thaws what a case leaves frozen. */
  z.strictObject({ call: z.literal('freeze'), fd }),
  z.strictObject({ call: z.literal('thaw'), fd }),
  z.strictObject({ call: z.literal('syncfs'), fd }),
  /** FS_IOC_SHUTDOWN with these flags. */
  z.strictObject({ call: z.literal('shutdown'), fd, flags: u32 }),
  /**
   * swapon(2) of a file. `header`: a swap header for so many pages lies at that place of a device, where the file's
   * first page may be mapped, while the syscall runs; before and behind it the device's own bytes do. The case's guest
   * takes swap files that a case leaves in use out of use.
   */
  z.strictObject({
    call: z.literal('swapon'),
    file: index,
    header: z
      .strictObject({
        device: index,
        offset: u64,
        pages: z
          .int()
          .min(1)
          .max(1 << 20),
      })
      .optional(),
  }),
  z.strictObject({ call: z.literal('swapoff'), file: index }),
  /**
   * Fills private memory with the pattern of writer `writer`, makes the kernel page it out (MADV_PAGEOUT), and reads it
   * back. Whole pages.
   */
  z.strictObject({
    call: z.literal('pageOut'),
    lengthBytes: z
      .int()
      .min(4096)
      .max(1 << 24),
    writer: index,
  }),
  /** From one file to another, or within one: `fd` is written to. */
  z.strictObject({
    call: z.literal('copyFileRange'),
    from: fd,
    fromOffset: s64,
    fd,
    offset: s64,
    lengthBytes: z.int().min(0),
  }),
  /** FICLONERANGE; length 0 is to the end of the file. */
  z.strictObject({ call: z.literal('clone'), from: fd, fromOffset: u64, fd, offset: u64, lengthBytes: u64 }),
  /** FIDEDUPERANGE for one range of `fd`, whose status counts as the result. */
  z.strictObject({ call: z.literal('dedupe'), from: fd, fromOffset: u64, fd, offset: u64, lengthBytes: u64 }),
  /** write() of a notification to the connection's /dev/fuse; `ret` is the number of bytes. */
  z.strictObject({ call: z.literal('notify'), notification }),
  /** Buffered read of a device through its own page cache, behind the file system's back. */
  z.strictObject({ call: z.literal('deviceRead'), device: index, offset: u64, lengthBytes: z.int().min(0) }),
  /** Control plane: an ioctl on the connection's /dev/fuse, or on one that is not mounted. */
  z.strictObject({
    call: z.literal('fuseIoctl'),
    on: z.enum(['mounted', 'unmounted']),
    ioctl: z.enum([
      'BACKING_OPEN',
      'BACKING_CLOSE',
      'SYNC_INIT',
      'IOMAP_SUPPORT',
      'SET_NOFS',
      'ADD_IOMAP',
      'IOMAP_SET_BLOCKSIZE',
    ]),
    /** BACKING_OPEN: what `fd` refers to. */
    target: z.enum(['device', 'device-opath', 'regular', 'bad']).optional(),
    device: index.optional(),
    /** Raw u32 words or fields by the ioctl: flags/padding of fuse_backing_map, id, value, blocksize. */
    flags: u32.optional(),
    padding: u64.optional(),
    id: z.union([z.strictObject({ device: index }), z.int()]).optional(),
    value: u32.optional(),
  }),
]);
export type Step = z.infer<typeof step>;

const geometry = z.strictObject({
  /** `syncInit`: SYNC_INIT before mount(2), which then waits for INIT and CONFIG. */
  mount: z.enum(['ordinary', 'syncInit']),
  /** The answer to IOMAP_CONFIG; absent: ENOSYS. */
  config: z.union([configReply, z.strictObject({ kind: z.literal('error'), errno })]).optional(),
  /** Registered in order right after INIT; `dev: {device: n}` in a mapping means the n-th. */
  devices: z.array(deviceSpec).max(64),
  /** Minor version in the INIT reply; absent: the revision's. */
  initMinor: u32.optional(),
  /** INIT reply carries the iomap bit; absent: yes. */
  initIomap: z.boolean().optional(),
  files: z.array(fileSpec).max(64),
});
export type Geometry = z.infer<typeof geometry>;

const provenance = z.strictObject({
  /** What made the case: `conformance map/type-known seek-data`, `fuzz`, `hand`. */
  origin: z.string(),
  seed: z.int().optional(),
  path: z.string().optional(),
  version: z.string().optional(),
});

export const caseSchema = z.strictObject({
  schema: z.literal(CASE_SCHEMA),
  revision: revisionId,
  geometry,
  script: z.array(scriptLine).max(4096),
  workload: z.array(step).min(1).max(4096),
  /** fuse.debug_iomap while the case runs: refusals are also reported by WARN. */
  debugIomap: z.boolean(),
  provenance: provenance.optional(),
});

/** A case in memory: 64-bit values are bigint. */
export type Case = z.infer<typeof caseSchema>;

/** Parses the JSON form. Throws ZodError with the path of each offending field. */
export const decodeCase = (json: unknown): Case => z.decode(caseSchema, json as z.input<typeof caseSchema>);
/** The JSON form: 64-bit values as strings. */
export const encodeCase = (value: Case): z.input<typeof caseSchema> => z.encode(caseSchema, value);
