/** Inodes. Source: Documentation/filesystems/ext4/inodes.rst. */
import type { Time } from 'iomapfuzz/server';
import type { Bytes, Superblock } from './superblock.ts';

export interface Ext4Inode {
  number: number;
  /** st_mode, type included. */
  mode: number;
  uid: number;
  gid: number;
  links: number;
  sizeBytes: bigint;
  /** In units of 512 bytes. */
  blocks: bigint;
  /** By EXT4_EXTENTS_FL; without it the old lists of blocks. */
  hasExtents: boolean;
  atime: Time;
  mtime: Time;
  ctime: Time;
  /** i_block: the root of the extent tree, a short symbolic link, or a device number. */
  block: Buffer;
}

export const ROOT_INODE = 2;
const EXTENTS_FL = 0x80000,
  HUGE_FILE_FL = 0x40000,
  INLINE_DATA_FL = 0x10000000,
  ENCRYPT_FL = 0x800;
const goodOldBytes = 128;

/** Throws Error for a number that the image has not. */
export function readInode(image: Bytes, superblock: Superblock, number: number): Ext4Inode {
  const { inodesPerGroup, inodeBytes, blockBytes, inodeTables, inodes } = superblock;
  if (number < 1 || number > inodes) throw new Error(`inode ${number} is not in the image, which has ${inodes}`);
  const table = inodeTables[Math.floor((number - 1) / inodesPerGroup)]!;
  const raw = image.read(Number(table) * blockBytes + ((number - 1) % inodesPerGroup) * inodeBytes, inodeBytes);
  const flags = raw.readUInt32LE(0x20);
  if (flags & (INLINE_DATA_FL | ENCRYPT_FL))
    throw new Error(`inode ${number} is encrypted or holds its data inline: this reader cannot serve it`);
  const extraBytes = inodeBytes > goodOldBytes ? raw.readUInt16LE(0x80) : 0;
  const sectors = BigInt(raw.readUInt32LE(0x1c)) | (BigInt(raw.readUInt16LE(0x74)) << 32n);
  // Each has two more bits of seconds and 30 bits of nanoseconds behind the old inode.
  const time = (at: number, extraAt: number): Time => {
    const extra = extraAt + 4 <= goodOldBytes + extraBytes ? raw.readUInt32LE(extraAt) : 0;
    return { sec: BigInt(raw.readInt32LE(at)) + (BigInt(extra & 3) << 32n), nsec: extra >>> 2 };
  };
  return {
    number,
    mode: raw.readUInt16LE(0),
    uid: raw.readUInt16LE(2) | (raw.readUInt16LE(0x78) << 16),
    gid: raw.readUInt16LE(0x18) | (raw.readUInt16LE(0x7a) << 16),
    links: raw.readUInt16LE(0x1a),
    sizeBytes: BigInt(raw.readUInt32LE(4)) | (BigInt(raw.readUInt32LE(0x6c)) << 32n),
    blocks: flags & HUGE_FILE_FL ? sectors * BigInt(blockBytes / 512) : sectors,
    hasExtents: (flags & EXTENTS_FL) !== 0,
    atime: time(8, 0x8c),
    ctime: time(0xc, 0x84),
    mtime: time(0x10, 0x88),
    block: Buffer.from(raw.subarray(0x28, 0x28 + 60)),
  };
}
