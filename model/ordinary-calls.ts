/**
 * Syscalls that every FUSE server is asked about, iomap or not, and the request that each leads to. Source: Linux,
 * fs/fuse/dir.c, xattr.c, readdir.c, file.c, ioctl.c.
 */
export const ordinaryCalls = {
  statfs: 'STATFS',
  /** statx(2) with AT_STATX_FORCE_SYNC; `statx` also asks for the time of birth. */
  stat: 'GETATTR',
  statx: 'STATX',
  access: 'ACCESS',
  /** `...Size`: with room for nothing, which asks how much it would be. */
  listxattr: 'LISTXATTR',
  listxattrSize: 'LISTXATTR',
  getxattr: 'GETXATTR',
  getxattrSize: 'GETXATTR',
  setxattr: 'SETXATTR',
  removexattr: 'REMOVEXATTR',
  /** From here on to `rmdir` of a name that the case's files do not have: the file's with `.new` behind it. */
  symlink: 'SYMLINK',
  readlink: 'READLINK',
  mkdir: 'MKDIR',
  rmdir: 'RMDIR',
  mknod: 'MKNOD',
  create: 'CREATE',
  link: 'LINK',
  unlink: 'UNLINK',
  rename: 'RENAME',
  renameNoreplace: 'RENAME2',
  tmpfile: 'TMPFILE',
  /**
   * Of the root directory. `opendir` and `releasedir` are `readdir`, too: which request is in question is the script's
   * business.
   */
  readdir: 'READDIR',
  opendir: 'OPENDIR',
  releasedir: 'RELEASEDIR',
  fsyncdir: 'FSYNCDIR',
  poll: 'POLL',
  ioctl: 'IOCTL',
} as const;

export type OrdinaryCall = keyof typeof ordinaryCalls;
export const ordinaryCallNames = Object.keys(ordinaryCalls) as [OrdinaryCall, ...OrdinaryCall[]];
