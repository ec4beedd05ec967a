/** Inodes of the server: what ordinary requests ask about files and directories. */
import { attrOut, type Attr } from '../uapi/fuse-structs.ts';
import { Children } from './children.ts';

export interface Inode {
  readonly nodeid: bigint;
  /** Unlike nodeid, so that a kernel that sends one for the other is noticed. */
  readonly ino: bigint;
  /** st_mode, type included. */
  mode: number;
  sizeBytes: bigint;
  /** fuse_attr.flags, as numbers of the session's revision. */
  attrFlags: number;
  nlink: number;
  uid: number;
  gid: number;
  /** Seconds and nanoseconds. */
  atime: Time;
  mtime: Time;
  ctime: Time;
  /** Device number of device files. */
  rdev: number;
  /** Space it takes, in units of 512 bytes; absent: as much as its size says. */
  blocks?: bigint;
  /** open_flags of the answer to OPEN. */
  openFlags: number;
  /** Every name it has in a tree, the newest last; the root has none. */
  readonly names: { parent: Inode; name: string }[];
  /** Directories only: names in it. */
  children?: Children<Inode>;
  /** Symbolic links only. */
  target?: string;
  /** Files that the server keeps itself; absent: bytes come from elsewhere. */
  content?: Buffer;
}

export interface Time {
  sec: bigint;
  nsec: number;
}

export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;
export const S_IFMT = 0o170000;

export const now = (): Time => {
  const ms = Date.now();
  return { sec: BigInt(Math.floor(ms / 1000)), nsec: (ms % 1000) * 1_000_000 };
};

export const isDirectory = (inode: Inode): boolean => (inode.mode & S_IFMT) === S_IFDIR;

const epoch: Time = { sec: 0n, nsec: 0 };

export const inode = (
  nodeid: bigint,
  ino: bigint,
  mode: number,
  rest: Partial<Omit<Inode, 'nodeid' | 'ino' | 'mode'>> = {},
): Inode => ({
  nodeid,
  ino,
  mode,
  sizeBytes: 0n,
  attrFlags: 0,
  nlink: (mode & S_IFMT) === S_IFDIR ? 2 : 1,
  uid: 0,
  gid: 0,
  atime: epoch,
  mtime: epoch,
  ctime: epoch,
  rdev: 0,
  openFlags: 0,
  names: [],
  ...((mode & S_IFMT) === S_IFDIR ? { children: new Children() } : {}),
  ...rest,
});

/** Names and attributes stay valid for the kernel this long: what a test does not ask for need not be asked again. */
const cacheSeconds = 3600n;

const attrOf = (node: Inode): Attr => ({
  ino: node.ino,
  size: node.sizeBytes,
  blocks: node.blocks ?? (node.sizeBytes + 511n) / 512n,
  atime: node.atime.sec,
  mtime: node.mtime.sec,
  ctime: node.ctime.sec,
  atimensec: node.atime.nsec,
  mtimensec: node.mtime.nsec,
  ctimensec: node.ctime.nsec,
  mode: node.mode,
  nlink: node.nlink,
  uid: node.uid,
  gid: node.gid,
  rdev: node.rdev,
  blksize: 0,
  flags: node.attrFlags,
});

export const attrReply = (node: Inode, attrSeconds = cacheSeconds): Buffer =>
  attrOut.encode({ attrValid: attrSeconds, attr: attrOf(node) });
export const entryFields = (node: Inode, attrSeconds = cacheSeconds) => ({
  nodeid: node.nodeid,
  generation: 0n,
  entryValid: cacheSeconds,
  attrValid: attrSeconds,
  entryValidNsec: 0,
  attrValidNsec: 0,
  attr: attrOf(node),
});
