/**
 * Flag words of the ordinary FUSE protocol that the server uses or explains. Source: include/uapi/linux/fuse.h of Linux
 * 7.3.
 */

/** INIT flags by bit number, 0..63; bits from 32 on travel in flags2. */
export const INIT_BITS = {
  ASYNC_READ: 0,
  ATOMIC_O_TRUNC: 3,
  BIG_WRITES: 5,
  DO_READDIRPLUS: 13,
  READDIRPLUS_AUTO: 14,
  ASYNC_DIO: 15,
  WRITEBACK_CACHE: 16,
  NO_OPEN_SUPPORT: 17,
  PARALLEL_DIROPS: 18,
  ABORT_ERROR: 21,
  MAX_PAGES: 22,
  NO_OPENDIR_SUPPORT: 24,
  INIT_EXT: 30,
  PASSTHROUGH: 37,
} as const;

/** fuse_setattr_in.valid. */
export const SETATTR_VALID = {
  MODE: 1,
  UID: 2,
  GID: 4,
  SIZE: 8,
  ATIME: 0x10,
  MTIME: 0x20,
  FH: 0x40,
  ATIME_NOW: 0x80,
  MTIME_NOW: 0x100,
  LOCKOWNER: 0x200,
  CTIME: 0x400,
  KILL_SUIDGID: 0x800,
} as const;

/** fuse_open_out.open_flags. */
export const OPEN_REPLY = {
  DIRECT_IO: 1,
  KEEP_CACHE: 2,
  NONSEEKABLE: 4,
  CACHE_DIR: 8,
  STREAM: 0x10,
  NOFLUSH: 0x20,
  PARALLEL_DIRECT_WRITES: 0x40,
  PASSTHROUGH: 0x80,
} as const;

/** Codes of notifications that are older than iomap. */
export const NOTIFY = { INVAL_INODE: 2, INVAL_ENTRY: 3, STORE: 4, RETRIEVE: 5 } as const;

export const FUSE_ROOT_ID = 1n;
export const FUSE_MAJOR = 7;
/** Of Linux 7.3, which has nothing of fuse-iomap. */
export const FUSE_MINOR_WITHOUT_IOMAP = 46;

/** Splits 64 INIT flag bits into the two words of the wire. */
export const initWords = (flags: bigint): { flags: number; flags2: number } => ({
  flags: Number(flags & 0xffff_ffffn),
  flags2: Number((flags >> 32n) & 0xffff_ffffn),
});
/** OR of INIT bits, by number. */
export const initFlags = (...bits: number[]): bigint => bits.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n);
