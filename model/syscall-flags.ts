/** Numbers of Linux syscalls' flags (x86-64 and arm64 have these in common unless noted). */

/** open(2); `direct` is x86-64's. */
export const OPEN_FLAGS = {
  rdonly: 0,
  wronly: 1,
  rdwr: 2,
  direct: 0o40000,
  append: 0o2000,
  sync: 0o4010000,
  dsync: 0o10000,
  trunc: 0o1000,
} as const;
/** preadv2(2) and pwritev2(2). Source: include/uapi/linux/fs.h. */
export const RWF = {
  HIPRI: 1,
  DSYNC: 2,
  SYNC: 4,
  NOWAIT: 8,
  APPEND: 0x10,
  NOAPPEND: 0x20,
  ATOMIC: 0x40,
  DONTCACHE: 0x80,
} as const;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;
/** Of a FIEMAP, and of an extent in its answer. Source: include/uapi/linux/fiemap.h. */
export const FIEMAP = {
  flagSync: 1,
  flagXattr: 2,
  last: 1,
  unknown: 2,
  delalloc: 4,
  notAligned: 0x100,
  inline: 0x200,
  unwritten: 0x800,
  merged: 0x1000,
  shared: 0x2000,
} as const;
/** Bytes of struct fiemap and of struct fiemap_extent. */
export const FIEMAP_BYTES = 32;
export const FIEMAP_EXTENT_BYTES = 56;
/** posix_fadvise(2). Source: include/uapi/linux/fadvise.h. */
export const FADVICE = { willneed: 3, dontneed: 4 } as const;
