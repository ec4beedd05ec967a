/**
 * Revisions of the patch series, as data. The series is not merged and renumbers itself: no file outside this folder
 * knows an opcode, a flag or a type value; they ask the revision by name.
 */

/** Names of the revisions that the table at the end of this file has. */
export type RevisionId = keyof typeof table;

/** Name to number, as the uAPI header of a revision defines them. */
type Values<N extends string> = Readonly<Partial<Record<N, number>>>;

export type MappingTypeName =
  'HOLE' | 'DELALLOC' | 'MAPPED' | 'UNWRITTEN' | 'INLINE' | 'NOCACHE' | 'RETRY_CACHE' | 'PURE_OVERWRITE';
export type MappingFlagName =
  | 'NEW'
  | 'DIRTY'
  | 'SHARED'
  | 'MERGED'
  | 'BOUNDARY'
  | 'ANON_WRITE'
  | 'ATOMIC_BIO'
  | 'WANT_IOMAP_END'
  | 'SIZE_CHANGED'
  | 'STALE';
export type OpFlagName =
  | 'WRITE'
  | 'ZERO'
  | 'REPORT'
  | 'FAULT'
  | 'DIRECT'
  | 'NOWAIT'
  | 'OVERWRITE_ONLY'
  | 'UNSHARE'
  | 'DAX'
  | 'ATOMIC'
  | 'DONTCACHE'
  | 'SWAPFILE'
  | 'WRITEBACK';
export type IoendFlagName = 'SHARED' | 'UNWRITTEN' | 'BOUNDARY' | 'DIRECT' | 'APPEND' | 'WRITEBACK' | 'SWAPOFF';
export type ConfigFlagName = 'SID' | 'UUID' | 'BLOCKSIZE' | 'MAX_LINKS' | 'TIME' | 'MAXBYTES' | 'CACHE_MAXBYTES';
export type AttrFlagName = 'SUBMOUNT' | 'DAX' | 'EXCLUSIVE' | 'IOMAP' | 'ATOMIC' | 'SYNC' | 'IMMUTABLE' | 'APPEND';
export type IomapOpcodeName =
  'FREEZE_FS' | 'UNFREEZE_FS' | 'SHUTDOWN_FS' | 'IOMAP_CONFIG' | 'IOMAP_IOEND' | 'IOMAP_BEGIN' | 'IOMAP_END';
export type IomapNotifyName = 'IOMAP_DEV_INVAL' | 'IOMAP_UPSERT_MAPPINGS' | 'IOMAP_INVAL_MAPPINGS';
export type IoctlName =
  'BACKING_OPEN' | 'BACKING_CLOSE' | 'SYNC_INIT' | 'IOMAP_SUPPORT' | 'SET_NOFS' | 'ADD_IOMAP' | 'IOMAP_SET_BLOCKSIZE';

export interface Revision {
  readonly id: RevisionId;
  /** State of the series, for reports. */
  readonly title: string;
  /** Bit of the INIT flags (0..63) that negotiates iomap, and the least reply minor that honours EXCLUSIVE. */
  readonly initBit: number;
  readonly minor: number;
  /** The largest reply minor that is known not to honour it; nothing is known of those between the two. */
  readonly refusedMinor: number;
  readonly opcodes: Values<IomapOpcodeName>;
  readonly notifications: Values<IomapNotifyName>;
  readonly ioctls: Values<IoctlName>;
  readonly mappingTypes: Values<MappingTypeName>;
  readonly mappingFlags: Values<MappingFlagName>;
  /** Mapping flags a server may set. */
  readonly serverFlagsMask: number;
  readonly opFlags: Readonly<Record<OpFlagName, number>>;
  readonly ioendFlags: Values<IoendFlagName>;
  readonly configFlags: Values<ConfigFlagName>;
  readonly attrFlags: Values<AttrFlagName>;
  /** Low byte of fuse_backing_map.flags. */
  readonly backingTypes: Values<'PASSTHROUGH' | 'IOMAP'>;
  readonly supportFlags: Values<'FILEIO' | 'ATOMIC'>;
  /** Whether refusals are reported by a trace event. */
  readonly badDataEvent: boolean;
  /** It works on a running kernel; otherwise it is switched off there, and no connection has it. */
  readonly runs: boolean;
  /** How long inline data may be; `unsaid`: nor how it is read or written. */
  readonly inlineLimit: 'unsaid' | 'page' | 'block';
  /** RWF_NOWAIT: whether a read asks the server nevertheless, and whether it is said what a write does. */
  readonly nowait: { readonly asks: boolean; readonly writesAreSaid: boolean };
  /** What a server may answer to an atomic write is laid down. */
  readonly atomicIsSaid: boolean;
  /** What mount(2) makes of a CONFIG that is refused after SYNC_INIT. */
  readonly refusedConfig: 'its errno' | 'EIO';
  /** A refused CONFIG is reported as bad data. */
  readonly refusedConfigIsBadData: boolean;
  /** NOCACHE, and RETRY_CACHE with a cache, are looked at as mappings are; otherwise nothing of them but the type. */
  readonly instructionsAreChecked: boolean;
  /** Halves of an answer to BEGIN in which RETRY_CACHE asks for a retry. */
  readonly retryHalves: readonly ('read' | 'write')[];
  /** BACKING_CLOSE lets go of a device that no inode uses. */
  readonly closesIdleDevices: boolean;
  /** DEV_INVAL looks at the length before it looks whether the range wraps. */
  readonly devInvalChecksLengthFirst: boolean;
  /** Rules of other revisions that this one does not have, by id. */
  readonly lacksRules: ReadonlySet<string>;
}

/** Why nothing is judged about inline data. */
export const inlineIsUnsaid = ({ id }: Revision): string =>
  `revision ${id} does not say how inline data is read or written`;

/** The device cookie that names no device, the address that names no place, the length that means "to EOF". */
export const NULL_DEV = 0;
export const NULL_ADDR = 0xffff_ffff_ffff_ffffn;
export const INVAL_TO_EOF = 0xffff_ffff_ffff_ffffn;
/** The first cookie that is never looked up. Source: docs/spec/rules.md#begin-read-device-known. */
export const DEV_LOOKUP_LIMIT = 0x7fff_ffff;

const mappingTypesR1 = { HOLE: 0, DELALLOC: 1, MAPPED: 2, UNWRITTEN: 3, INLINE: 4, PURE_OVERWRITE: 255 } as const;
const opFlags = {
  WRITE: 1,
  ZERO: 2,
  REPORT: 4,
  FAULT: 8,
  DIRECT: 0x10,
  NOWAIT: 0x20,
  OVERWRITE_ONLY: 0x40,
  UNSHARE: 0x80,
  DAX: 0x100,
  ATOMIC: 0x200,
  DONTCACHE: 0x400,
  SWAPFILE: 0x4000_0000,
  WRITEBACK: 0x8000_0000,
} as const;
const mappingFlags = {
  NEW: 1,
  DIRTY: 2,
  SHARED: 4,
  MERGED: 8,
  BOUNDARY: 0x10,
  ANON_WRITE: 0x20,
  ATOMIC_BIO: 0x40,
  WANT_IOMAP_END: 0x80,
  SIZE_CHANGED: 0x100,
  STALE: 0x200,
} as const;

/** What r2 and those before it lack, and what r1 lacks besides. */
const lackedByR2 = [
  'map/overwrite-no-flags',
  'map/overwrite-no-device',
  'map/overwrite-no-addr',
  'map/instruction-no-flags',
  'map/instruction-no-device',
  'map/instruction-no-addr',
  'begin/read-no-retry-uncached',
  'begin/write-no-retry-uncached',
  'begin/atomic-on-storage',
  'begin/atomic-flagged',
  'begin/device-readable',
  'begin/device-writable',
  'config/time-granularity',
  'config/maxbytes-range',
  'config/blocksize',
  'upsert/iomap-inode',
  'inval/iomap-inode',
  'inval/range-no-overflow',
  'backing-open/fd-usable',
  'add-iomap/unmounted',
] as const;
const lackedByR1 = [
  ...lackedByR2,
  'map/retry-needs-cache',
  'begin/read-not-nocache',
  'begin/write-not-nocache',
  'begin/read-device-known',
  'begin/write-device-known',
] as const;
/** The oracles hold these names against their tables when they are compiled. */
export type LackedRule = (typeof lackedByR1)[number];

export const r1: Revision = {
  id: 'r1',
  title: 'v6 patch 01/31, October 2025: BEGIN and END only',
  initBit: 43,
  minor: 99,
  refusedMinor: 98,
  opcodes: { IOMAP_BEGIN: 4094, IOMAP_END: 4095 },
  notifications: {},
  ioctls: {},
  mappingTypes: mappingTypesR1,
  mappingFlags,
  serverFlagsMask: 0xff,
  opFlags,
  ioendFlags: {},
  configFlags: {},
  attrFlags: { SUBMOUNT: 1, DAX: 2, EXCLUSIVE: 4, IOMAP: 8 },
  backingTypes: {},
  supportFlags: {},
  badDataEvent: false,
  runs: false,
  inlineLimit: 'unsaid',
  nowait: { asks: true, writesAreSaid: false },
  atomicIsSaid: false,
  refusedConfig: 'EIO',
  refusedConfigIsBadData: false,
  instructionsAreChecked: false,
  retryHalves: [],
  closesIdleDevices: true,
  devInvalChecksLengthFirst: false,
  lacksRules: new Set<string>(lackedByR1),
};

const r2: Revision = {
  ...r1,
  id: 'r2',
  title: 'the whole series, early 2026',
  opcodes: {
    FREEZE_FS: 4089,
    UNFREEZE_FS: 4090,
    SHUTDOWN_FS: 4091,
    IOMAP_CONFIG: 4092,
    IOMAP_IOEND: 4093,
    IOMAP_BEGIN: 4094,
    IOMAP_END: 4095,
  },
  notifications: { IOMAP_DEV_INVAL: 99, IOMAP_UPSERT_MAPPINGS: 100, IOMAP_INVAL_MAPPINGS: 101 },
  ioctls: {
    BACKING_OPEN: 0x4010_e501,
    BACKING_CLOSE: 0x4004_e502,
    SYNC_INIT: 0xe503,
    IOMAP_SUPPORT: 0x8010_e563,
    SET_NOFS: 0x4004_e564,
    ADD_IOMAP: 0xe565,
  },
  mappingTypes: { ...mappingTypesR1, NOCACHE: 253, RETRY_CACHE: 254 },
  ioendFlags: { SHARED: 1, UNWRITTEN: 2, BOUNDARY: 4, DIRECT: 8, APPEND: 0x10, WRITEBACK: 0x20, SWAPOFF: 0x40 },
  configFlags: { SID: 1, UUID: 2, BLOCKSIZE: 4, MAX_LINKS: 8, TIME: 0x10, MAXBYTES: 0x20, CACHE_MAXBYTES: 0x40 },
  attrFlags: { SUBMOUNT: 1, DAX: 2, EXCLUSIVE: 4, IOMAP: 8, ATOMIC: 0x10, SYNC: 0x20, IMMUTABLE: 0x40, APPEND: 0x80 },
  backingTypes: { PASSTHROUGH: 0, IOMAP: 1 },
  supportFlags: { FILEIO: 1, ATOMIC: 2 },
  badDataEvent: true,
  runs: true,
  closesIdleDevices: false,
  inlineLimit: 'page',
  retryHalves: ['read'],
  lacksRules: new Set<string>(lackedByR2),
};

export const r3: Revision = {
  ...r2,
  id: 'r3',
  title: 'the whole series, mid 2026',
  // _IOW(0xE5, 102, 8 bytes)
  ioctls: { ...r2.ioctls, IOMAP_SET_BLOCKSIZE: 0x4008_e566 },
  inlineLimit: 'block',
  nowait: { asks: false, writesAreSaid: true },
  atomicIsSaid: true,
  refusedConfig: 'its errno',
  refusedConfigIsBadData: true,
  instructionsAreChecked: true,
  retryHalves: ['read', 'write'],
  closesIdleDevices: true,
  devInvalChecksLengthFirst: true,
  lacksRules: new Set(),
};

/** The table: another revision is one entry more. The oldest stands first. */
const table = { r1, r2, r3 };

export const revisions: Readonly<Record<RevisionId, Revision>> = table;
export const revisionIds = Object.keys(table) as readonly RevisionId[];
/** What is judged by where nothing else is said. */
export const defaultRevision: RevisionId = 'r3';
export const isRevisionId = (id: string): id is RevisionId => Object.hasOwn(table, id);

/** Name of a value in one of a revision's tables, or undefined when the revision has no such value. */
export function nameOf<N extends string>(table: Values<N>, value: number): N | undefined {
  return (Object.keys(table) as N[]).find((name) => table[name] === value);
}

/** The word in which every flag of a table is set. */
export const allFlags = (table: Values<string>): number =>
  Object.values(table).reduce<number>((word, flag) => (word | (flag ?? 0)) >>> 0, 0);

/** Splits a flag word into names; what no name covers is returned as `rest`. */
export function flagNames<N extends string>(table: Values<N>, word: number): { names: N[]; rest: number } {
  const names = (Object.keys(table) as N[]).filter((name) => (word & (table[name] ?? 0)) >>> 0 !== 0);
  const known = names.reduce((sum, name) => (sum | (table[name] ?? 0)) >>> 0, 0);
  return { names, rest: (word & ~known) >>> 0 };
}
