/**
 * The superblock and the group descriptors. Source: Documentation/filesystems/ext4/ of the kernel, super.rst and
 * group_descr.rst.
 */

/** Where the image is read from: a device, or a buffer in tests. */
export interface Bytes {
  read(offset: number, length: number): Buffer;
}

export interface Superblock {
  blockBytes: number;
  blocks: bigint;
  freeBlocks: bigint;
  inodes: number;
  freeInodes: number;
  inodesPerGroup: number;
  inodeBytes: number;
  label: string;
  uuid: Buffer;
  /** Block of the inode table, by group. */
  inodeTables: bigint[];
}

const superblockOffset = 1024;
const superblockBytes = 1024;
const magic = 0xef53;
const rev0InodeBytes = 128;

/** Features that change how the image must be read, and that this reader knows. Others are refused. */
const known: Readonly<Record<number, string>> = {
  0x2: 'filetype',
  0x40: 'extents',
  0x80: '64bit',
  0x200: 'flex_bg',
  0x2000: 'metadata_csum_seed',
  0x4000: 'large_dir',
};
const unknown: Readonly<Record<number, string>> = {
  0x1: 'compression',
  0x4: 'needs_recovery (run e2fsck on the image first)',
  0x8: 'journal_dev',
  0x10: 'meta_bg',
  0x100: 'mmp',
  0x400: 'ea_inode',
  0x8000: 'inline_data',
  0x10000: 'encrypt',
  0x20000: 'casefold',
};

/** Throws Error when this is no ext4, or one with features that it does not read. */
export function readSuperblock(image: Bytes): Superblock {
  const raw = image.read(superblockOffset, superblockBytes);
  if (raw.readUInt16LE(0x38) !== magic) throw new Error('the device holds no ext4: the magic number 0xef53 is missing');
  const incompat = raw.readUInt32LE(0x60);
  for (let bit = 1; bit > 0 && bit <= incompat; bit *= 2) {
    if ((incompat & bit) !== 0 && !(bit in known))
      throw new Error(
        `the ext4 image has a feature that this reader does not know: ${unknown[bit] ?? `0x${bit.toString(16)}`}`,
      );
  }
  const wide = (incompat & 0x80) !== 0;
  const high = (at: number): bigint => (wide ? BigInt(raw.readUInt32LE(at)) << 32n : 0n);
  const blockBytes = 1024 << raw.readUInt32LE(0x18);
  const blocks = BigInt(raw.readUInt32LE(0x4)) | high(0x150);
  const blocksPerGroup = raw.readUInt32LE(0x20);
  const firstBlock = raw.readUInt32LE(0x14);
  const groups = Math.ceil(Number(blocks - BigInt(firstBlock)) / blocksPerGroup);
  const descriptorBytes = wide ? raw.readUInt16LE(0xfe) : 32;
  // The descriptors follow the block of the superblock.
  const descriptors = image.read((firstBlock + 1) * blockBytes, groups * descriptorBytes);
  const nul = raw.indexOf(0, 0x78);
  return {
    blockBytes,
    blocks,
    freeBlocks: BigInt(raw.readUInt32LE(0xc)) | high(0x158),
    inodes: raw.readUInt32LE(0),
    freeInodes: raw.readUInt32LE(0x10),
    inodesPerGroup: raw.readUInt32LE(0x28),
    inodeBytes: raw.readUInt32LE(0x4c) === 0 ? rev0InodeBytes : raw.readUInt16LE(0x58),
    label: raw.toString('utf8', 0x78, Math.min(nul, 0x88)),
    uuid: Buffer.from(raw.subarray(0x68, 0x78)),
    inodeTables: Array.from({ length: groups }, (_, group) => {
      const at = group * descriptorBytes;
      return (
        BigInt(descriptors.readUInt32LE(at + 8)) |
        (descriptorBytes >= 64 ? BigInt(descriptors.readUInt32LE(at + 0x28)) << 32n : 0n)
      );
    }),
  };
}
