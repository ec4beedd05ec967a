/** Where a file's blocks are. Source: Documentation/filesystems/ext4/ifork.rst. */
import type { Ext4Inode } from './inode.ts';
import type { Bytes, Superblock } from './superblock.ts';

/** All in bytes; in the order of the file, without overlaps. What no extent covers is a hole. */
export interface Extent {
  offset: bigint;
  length: bigint;
  addr: bigint;
  unwritten: boolean;
}

const magic = 0xf30a;
const entryBytes = 12;
/** A tree of 2^32 blocks with the smallest blocks is no deeper. */
const deepest = 5;
/** Longer ones are unwritten: their length is what is above (EXT_INIT_MAX_LEN). */
const longestWritten = 32768;

/** Throws Error when the tree is not one. */
export function extentsOf(image: Bytes, { blockBytes, blocks }: Superblock, inode: Ext4Inode): Extent[] {
  if (!inode.hasExtents) {
    if (inode.block.every((byte) => byte === 0)) return [];
    throw new Error(`inode ${inode.number} has lists of blocks in place of extents: make the image with -O extent`);
  }
  const found: Extent[] = [];
  const size = BigInt(blockBytes);
  const walk = (node: Buffer, depth: number | undefined): void => {
    const broken = (what: string): Error => new Error(`the extent tree of inode ${inode.number} is broken: ${what}`);
    if (node.readUInt16LE(0) !== magic) throw broken('a node lacks its magic number');
    const entries = node.readUInt16LE(2),
      nodeDepth = node.readUInt16LE(6);
    if (nodeDepth > deepest || (depth !== undefined && nodeDepth !== depth))
      throw broken(`a node says that its depth is ${nodeDepth}`);
    if ((entries + 1) * entryBytes > node.length) throw broken(`a node says that it has ${entries} entries`);
    for (let n = 1; n <= entries; n++) {
      const at = n * entryBytes;
      if (nodeDepth > 0) {
        const child = node.readUInt32LE(at + 4) + node.readUInt16LE(at + 8) * 2 ** 32;
        if (child >= blocks) throw broken(`a node is at block ${child}, behind the end`);
        walk(image.read(child * blockBytes, blockBytes), nodeDepth - 1);
        continue;
      }
      const length = node.readUInt16LE(at + 4);
      const unwritten = length > longestWritten;
      const start = BigInt(node.readUInt32LE(at + 8)) | (BigInt(node.readUInt16LE(at + 6)) << 32n);
      const count = BigInt(unwritten ? length - longestWritten : length);
      if (start + count > blocks) throw broken(`an extent ends behind the end of the image`);
      const extent: Extent = {
        offset: BigInt(node.readUInt32LE(at)) * size,
        length: count * size,
        addr: start * size,
        unwritten,
      };
      const last = found.at(-1);
      if (last && last.offset + last.length > extent.offset) throw broken('its extents overlap');
      // One mapping serves both.
      if (
        last &&
        last.unwritten === unwritten &&
        last.offset + last.length === extent.offset &&
        last.addr + last.length === extent.addr
      )
        last.length += extent.length;
      else found.push(extent);
    }
  };
  walk(inode.block, undefined);
  return found;
}

/** A file's bytes as they are read: zeros where nothing was written. For directories and long symbolic links. */
export function contentOf(image: Bytes, superblock: Superblock, inode: Ext4Inode): Buffer {
  const out = Buffer.alloc(Number(inode.sizeBytes));
  for (const { offset, length, addr, unwritten } of extentsOf(image, superblock, inode)) {
    const count = Math.min(Number(length), out.length - Number(offset));
    if (!unwritten && count > 0) image.read(Number(addr), count).copy(out, Number(offset));
  }
  return out;
}
