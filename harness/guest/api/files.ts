/** Files and devices as scripts describe them and find them again. */
import type { AttrFlagName } from '../../../uapi/revision.ts';
import type { Bytes } from './mappings.ts';

/** Seconds since 1970 and nanoseconds. */
export interface Time {
  sec: bigint;
  nsec: number;
}

export interface FileOptions {
  /** Size in the file's attributes. */
  sizeBytes?: Bytes;
  /** A file whose bytes the server keeps: an ordinary FUSE file, without iomap unless `iomap` says so. */
  content?: string | Uint8Array;
  /** Give the inode ATTR_IOMAP and ATTR_EXCLUSIVE; the default for files without `content`. */
  iomap?: boolean;
  /** Further flags of fuse_attr.flags, such as 'ATOMIC'. */
  attrFlags?: AttrFlagName[];
  /** FOPEN_DIRECT_IO in the answer to OPEN. */
  directIo?: boolean;
  /** Permission bits; the defaults are 0o644, 0o755 for directories. With type bits: a FIFO, socket or device file. */
  mode?: number;
  /**
   * A directory; those above a path come by themselves. Once more for one that is there, the root '' included: its
   * attributes.
   */
  directory?: boolean;
  /** A symbolic link to this. */
  symlink?: string;
  /** Another name of the file at this path, which comes first. */
  hardLinkTo?: string;
  uid?: number;
  gid?: number;
  /** Of device files. */
  rdev?: number;
  atime?: Time;
  mtime?: Time;
  ctime?: Time;
  /** Space that it takes, in units of 512 bytes; by default what its size says. */
  blocks?: bigint;
}

/**
 * A file, directory or symbolic link of the mount: one object for as long as it lives. Changes show when the kernel
 * asks for attributes again.
 */
export interface Node {
  readonly nodeid: bigint;
  /** st_ino. */
  readonly ino: bigint;
  /** st_mode, type included. */
  mode: number;
  /** Of iomap files the size on disk: what the kernel knows better is not in it yet. */
  sizeBytes: bigint;
  nlink: number;
  uid: number;
  gid: number;
  atime: Time;
  mtime: Time;
  ctime: Time;
  blocks?: bigint;
  /** Directories only. */
  readonly children?: ReadonlyMap<string, Node>;
  /** Symbolic links only. */
  readonly target?: string;
}

/** A block device that the server registers with the connection; mappings name it by its number. */
export interface DeviceOptions {
  /** A multiple of 512. */
  sizeBytes: number;
  /** How the server opens it; the default is 'rw'. */
  access?: 'rw' | 'ro' | 'wo';
  /**
   * What it holds at the start, from its first byte on; zeros behind it. By default words that say which device and
   * place they are.
   */
  content?: string | Uint8Array;
  /** It holds zeros, and takes memory only where it is written. */
  blank?: boolean;
}

/**
 * What a script can do with a device, past the kernel's mappings: with O_DIRECT, at any offset. Both throw Error when
 * it cannot be done.
 */
export interface Device {
  readonly sizeBytes: number;
  /** It came by --device. */
  readonly attached: boolean;
  read(offset: Bytes, length: number): Buffer;
  write(offset: Bytes, bytes: Uint8Array): void;
}
