/** Layouts of the ordinary FUSE protocol, minor 46. Source: include/uapi/linux/fuse.h of Linux 7.3. */
import { bytes, layout, nested, s32, s64, u16, u32, u64, type StructValue } from './struct.ts';

export const inHeader = layout('fuse_in_header', 40, {
  len: u32(0),
  opcode: u32(4),
  unique: u64(8),
  nodeid: u64(16),
  uid: u32(24),
  gid: u32(28),
  pid: u32(32),
  totalExtlen: u16(36),
  padding: u16(38),
});
export const outHeader = layout('fuse_out_header', 16, { len: u32(0), error: s32(4), unique: u64(8) });

/** Times in seconds and nanoseconds; size in bytes; blocks in units of 512 bytes. */
const attr = layout('fuse_attr', 88, {
  ino: u64(0),
  size: u64(8),
  blocks: u64(16),
  atime: u64(24),
  mtime: u64(32),
  ctime: u64(40),
  atimensec: u32(48),
  mtimensec: u32(52),
  ctimensec: u32(56),
  mode: u32(60),
  nlink: u32(64),
  uid: u32(68),
  gid: u32(72),
  rdev: u32(76),
  blksize: u32(80),
  flags: u32(84),
});
export const entryOut = layout('fuse_entry_out', 128, {
  nodeid: u64(0),
  generation: u64(8),
  entryValid: u64(16),
  attrValid: u64(24),
  entryValidNsec: u32(32),
  attrValidNsec: u32(36),
  attr: nested(40, attr),
});
export const attrOut = layout('fuse_attr_out', 104, {
  attrValid: u64(0),
  attrValidNsec: u32(8),
  dummy: u32(12),
  attr: nested(16, attr),
});
export const openOut = layout('fuse_open_out', 16, { fh: u64(0), openFlags: u32(8), backingId: s32(12) });
export const createOut = layout('fuse_entry_out and fuse_open_out', 144, {
  entry: nested(0, entryOut),
  open: nested(128, openOut),
});

export const initIn = layout('fuse_init_in', 64, {
  major: u32(0),
  minor: u32(4),
  maxReadahead: u32(8),
  flags: u32(12),
  flags2: u32(16),
  unused: bytes(20, 44),
});
export const initOut = layout('fuse_init_out', 64, {
  major: u32(0),
  minor: u32(4),
  maxReadahead: u32(8),
  flags: u32(12),
  maxBackground: u16(16),
  congestionThreshold: u16(18),
  maxWrite: u32(20),
  timeGran: u32(24),
  maxPages: u16(28),
  mapAlignment: u16(30),
  flags2: u32(32),
  maxStackDepth: u32(36),
  requestTimeout: u16(40),
  unused: bytes(42, 22),
});
export const forgetIn = layout('fuse_forget_in', 8, { nlookup: u64(0) });
export const forgetOne = layout('fuse_forget_one', 16, { nodeid: u64(0), nlookup: u64(8) });
export const batchForgetIn = layout('fuse_batch_forget_in', 8, { count: u32(0), dummy: u32(4) });
export const getattrIn = layout('fuse_getattr_in', 16, { getattrFlags: u32(0), dummy: u32(4), fh: u64(8) });
export const setattrIn = layout('fuse_setattr_in', 88, {
  valid: u32(0),
  padding: u32(4),
  fh: u64(8),
  size: u64(16),
  lockOwner: u64(24),
  atime: u64(32),
  mtime: u64(40),
  ctime: u64(48),
  atimensec: u32(56),
  mtimensec: u32(60),
  ctimensec: u32(64),
  mode: u32(68),
  unused4: u32(72),
  uid: u32(76),
  gid: u32(80),
  unused5: u32(84),
});
export const mknodIn = layout('fuse_mknod_in', 16, { mode: u32(0), rdev: u32(4), umask: u32(8), padding: u32(12) });
export const mkdirIn = layout('fuse_mkdir_in', 8, { mode: u32(0), umask: u32(4) });
export const renameIn = layout('fuse_rename_in', 8, { newdir: u64(0) });
export const rename2In = layout('fuse_rename2_in', 16, { newdir: u64(0), flags: u32(8), padding: u32(12) });
export const linkIn = layout('fuse_link_in', 8, { oldnodeid: u64(0) });
export const openIn = layout('fuse_open_in', 8, { flags: u32(0), openFlags: u32(4) });
export const createIn = layout('fuse_create_in', 16, {
  flags: u32(0),
  mode: u32(4),
  umask: u32(8),
  openFlags: u32(12),
});
export const releaseIn = layout('fuse_release_in', 24, {
  fh: u64(0),
  flags: u32(8),
  releaseFlags: u32(12),
  lockOwner: u64(16),
});
export const flushIn = layout('fuse_flush_in', 24, {
  fh: u64(0),
  unused: u32(8),
  padding: u32(12),
  lockOwner: u64(16),
});
export const readIn = layout('fuse_read_in', 40, {
  fh: u64(0),
  offset: u64(8),
  size: u32(16),
  readFlags: u32(20),
  lockOwner: u64(24),
  flags: u32(32),
  padding: u32(36),
});
export const writeIn = layout('fuse_write_in', 40, {
  fh: u64(0),
  offset: u64(8),
  size: u32(16),
  writeFlags: u32(20),
  lockOwner: u64(24),
  flags: u32(32),
  padding: u32(36),
});
export const writeOut = layout('fuse_write_out', 8, { size: u32(0), padding: u32(4) });
export const kstatfs = layout('fuse_kstatfs', 80, {
  blocks: u64(0),
  bfree: u64(8),
  bavail: u64(16),
  files: u64(24),
  ffree: u64(32),
  bsize: u32(40),
  namelen: u32(44),
  frsize: u32(48),
  padding: u32(52),
  spare: bytes(56, 24),
});
export const fsyncIn = layout('fuse_fsync_in', 16, { fh: u64(0), fsyncFlags: u32(8), padding: u32(12) });
/** Without SETXATTR_EXT, which the server does not negotiate. */
export const setxattrIn = layout('fuse_setxattr_in', 8, { size: u32(0), flags: u32(4) });
export const getxattrIn = layout('fuse_getxattr_in', 8, { size: u32(0), padding: u32(4) });
export const getxattrOut = layout('fuse_getxattr_out', 8, { size: u32(0), padding: u32(4) });
export const lkIn = layout('fuse_lk_in', 48, {
  fh: u64(0),
  owner: u64(8),
  start: u64(16),
  end: u64(24),
  type: u32(32),
  pid: u32(36),
  lkFlags: u32(40),
  padding: u32(44),
});
export const lkOut = layout('fuse_lk_out', 24, { start: u64(0), end: u64(8), type: u32(16), pid: u32(20) });
export const accessIn = layout('fuse_access_in', 8, { mask: u32(0), padding: u32(4) });
export const interruptIn = layout('fuse_interrupt_in', 8, { unique: u64(0) });
export const bmapIn = layout('fuse_bmap_in', 16, { block: u64(0), blocksize: u32(8), padding: u32(12) });
export const bmapOut = layout('fuse_bmap_out', 8, { block: u64(0) });
export const ioctlIn = layout('fuse_ioctl_in', 32, {
  fh: u64(0),
  flags: u32(8),
  cmd: u32(12),
  arg: u64(16),
  inSize: u32(24),
  outSize: u32(28),
});
/** The four words of the answer; what the command writes to its caller's memory stands behind them. */
export const ioctlOut = layout('fuse_ioctl_out', 16, {
  result: s32(0),
  flags: u32(4),
  inIovs: u32(8),
  outIovs: u32(12),
});
export const pollIn = layout('fuse_poll_in', 24, { fh: u64(0), kh: u64(8), flags: u32(16), events: u32(20) });
export const pollOut = layout('fuse_poll_out', 8, { revents: u32(0), padding: u32(4) });
export const fallocateIn = layout('fuse_fallocate_in', 32, {
  fh: u64(0),
  offset: u64(8),
  length: u64(16),
  mode: u32(24),
  padding: u32(28),
});
export const lseekIn = layout('fuse_lseek_in', 24, { fh: u64(0), offset: u64(8), whence: u32(16), padding: u32(20) });
export const lseekOut = layout('fuse_lseek_out', 8, { offset: u64(0) });
export const copyFileRangeIn = layout('fuse_copy_file_range_in', 56, {
  fhIn: u64(0),
  offIn: u64(8),
  nodeidOut: u64(16),
  fhOut: u64(24),
  offOut: u64(32),
  len: u64(40),
  flags: u64(48),
});
export const copyFileRangeOut = layout('fuse_copy_file_range_out', 8, { bytesCopied: u64(0) });
export const syncfsIn = layout('fuse_syncfs_in', 8, { padding: u64(0) });
export const statxIn = layout('fuse_statx_in', 24, {
  getattrFlags: u32(0),
  reserved: u32(4),
  fh: u64(8),
  sxFlags: u32(16),
  sxMask: u32(20),
});
/** Fixed part of fuse_dirent; the name follows, padded to 8 bytes. */
export const dirent = layout('fuse_dirent', 24, { ino: u64(0), off: u64(8), namelen: u32(16), type: u32(20) });

export const notifyInvalInode = layout('fuse_notify_inval_inode_out', 24, { ino: u64(0), off: s64(8), len: s64(16) });
export const notifyInvalEntry = layout('fuse_notify_inval_entry_out', 16, {
  parent: u64(0),
  namelen: u32(8),
  flags: u32(12),
});

export const notifyStore = layout('fuse_notify_store_out', 24, {
  nodeid: u64(0),
  offset: u64(8),
  size: u32(16),
  padding: u32(20),
});
export const notifyRetrieve = layout('fuse_notify_retrieve_out', 32, {
  notifyUnique: u64(0),
  nodeid: u64(8),
  offset: u64(16),
  size: u32(24),
  padding: u32(28),
});

export type Attr = StructValue<typeof attr>;
export type InitIn = StructValue<typeof initIn>;
