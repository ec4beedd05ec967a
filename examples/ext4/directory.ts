/** Directories. Source: Documentation/filesystems/ext4/directory.rst. */

export interface DirectoryEntry {
  name: string;
  inode: number;
}

const headBytes = 8;

/**
 * The entries of a directory's content, "." and ".." left out. A directory with an index (htree) reads the same: blocks
 * of the index, and the checksums at the end of blocks, look like entries that are not in use.
 */
export function entriesOf(content: Buffer, blockBytes: number): DirectoryEntry[] {
  const entries: DirectoryEntry[] = [];
  for (let block = 0; block < content.length; block += blockBytes) {
    for (let at = block; at < block + blockBytes;) {
      const written = content.readUInt16LE(at + 4);
      // 64 KiB do not fit 16 bits (ext4_rec_len_from_disk).
      const length = written === 0 || written === 0xffff ? 65536 : written;
      const nameBytes = content.readUInt8(at + 6);
      if (
        length < headBytes ||
        length % 4 !== 0 ||
        at + length > block + blockBytes ||
        headBytes + nameBytes > length
      ) {
        throw new Error(`a directory is broken: an entry at byte ${at} says that it has ${length} bytes`);
      }
      const inode = content.readUInt32LE(at);
      const name = content.toString('utf8', at + headBytes, at + headBytes + nameBytes);
      if (inode !== 0 && name !== '.' && name !== '..') entries.push({ name, inode });
      at += length;
    }
  }
  return entries;
}
