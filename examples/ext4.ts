/**
 * An ext4 image, read-only. The server reads what says where things are (superblock, inodes, extents, directories); the
 * kernel reads the files' bytes from the device by the mappings that this gives. Try:
 *
 *     mke2fs -q -t ext4 -d /usr/share/doc/bash image.ext4 16M
 *     ./iomapfuzz serve --device image.ext4 examples/ext4.ts -- sh -c 'ls -lR; find . -type f | xargs sha256sum;
 *       filefrag -v *'
 */
import {
  defineServer,
  error,
  hole,
  mapped,
  unwritten,
  type Device,
  type FileOptions,
  type Mapping,
  type Node,
} from 'iomapfuzz/server';
import { entriesOf } from './ext4/directory.ts';
import { contentOf, extentsOf, type Extent } from './ext4/extents.ts';
import { ROOT_INODE, readInode, type Ext4Inode } from './ext4/inode.ts';
import { readSuperblock, type Bytes } from './ext4/superblock.ts';

const S_IFMT = 0o170000,
  S_IFDIR = 0o040000,
  S_IFREG = 0o100000,
  S_IFLNK = 0o120000,
  S_IFCHR = 0o020000,
  S_IFBLK = 0o060000;
/** A symbolic link up to here is in the inode. */
const shortLinkBytes = 60;
const pageBytes = 4096;
const O_ACCMODE = 3;

/**
 * The kernel's encoding of major and minor (include/linux/kdev_t.h, new_encode_dev), as the newer of the two fields in
 * i_block has it.
 */
const deviceNumber = ({ block }: Ext4Inode): number => block.readUInt32LE(0) || block.readUInt32LE(4);

/** Requests that would change something. */
const changes = new Set([
  'SETATTR',
  'MKNOD',
  'MKDIR',
  'CREATE',
  'SYMLINK',
  'LINK',
  'UNLINK',
  'RMDIR',
  'RENAME',
  'RENAME2',
  'WRITE',
  'FALLOCATE',
  'SETXATTR',
  'REMOVEXATTR',
  'COPY_FILE_RANGE',
  'COPY_FILE_RANGE_64',
]);

/** The whole image as a tree, and each regular file's extents by its path. */
function load(device: Device): {
  files: Record<string, FileOptions>;
  extents: Map<string, Extent[]>;
  superblock: ReturnType<typeof readSuperblock>;
} {
  const image: Bytes = { read: (offset, length) => device.read(offset, length) };
  const superblock = readSuperblock(image);
  const files: Record<string, FileOptions> = {};
  const extents = new Map<string, Extent[]>();
  const pathOfInode = new Map<number, string>();

  const visit = (path: string, number: number): void => {
    const first = pathOfInode.get(number);
    if (first !== undefined) {
      files[path] = { hardLinkTo: first };
      return;
    }
    pathOfInode.set(number, path);
    const inode = readInode(image, superblock, number);
    const { mode, uid, gid, atime, mtime, ctime, blocks, sizeBytes } = inode;
    const common = { mode, uid, gid, atime, mtime, ctime, blocks };
    switch (mode & S_IFMT) {
      case S_IFDIR:
        files[path] = { ...common, directory: true };
        for (const entry of entriesOf(contentOf(image, superblock, inode), superblock.blockBytes))
          visit(path === '' ? entry.name : `${path}/${entry.name}`, entry.inode);
        break;
      case S_IFREG:
        files[path] = { ...common, sizeBytes };
        extents.set(path, extentsOf(image, superblock, inode));
        break;
      case S_IFLNK: {
        const target =
          sizeBytes < shortLinkBytes && !inode.hasExtents
            ? inode.block.subarray(0, Number(sizeBytes))
            : contentOf(image, superblock, inode);
        files[path] = { ...common, symlink: target.toString() };
        break;
      }
      case S_IFCHR:
      case S_IFBLK:
        files[path] = { ...common, rdev: deviceNumber(inode) };
        break;
      default:
        files[path] = common;
    }
  };
  visit('', ROOT_INODE);
  return { files, extents, superblock };
}

/** The mapping around `pos`. Between extents, and behind the last one, is nothing. */
function mappingAt(extents: readonly Extent[], pos: bigint, endBytes: bigint): Mapping | undefined {
  // The first that ends behind pos, by bisection: a fragmented file has thousands.
  let low = 0,
    high = extents.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (extents[middle]!.offset + extents[middle]!.length > pos) high = middle;
    else low = middle + 1;
  }
  const next = extents[low];
  if (next && next.offset <= pos)
    return (next.unwritten ? unwritten : mapped)({
      device: 0,
      addr: next.addr,
      offset: next.offset,
      length: next.length,
    });
  const before = extents[low - 1];
  const offset = before ? before.offset + before.length : 0n;
  const end = next ? next.offset : endBytes;
  // Behind the end of the file, where only reports ask, the server's ordinary answer will do: a hole.
  return pos < end ? hole({ offset, length: end - offset }) : undefined;
}

export default defineServer((host) => {
  const device = host.device(0);
  const { files, extents, superblock } = load(device);
  const { blockBytes, blocks, freeBlocks, inodes, freeInodes, label, uuid } = superblock;
  const size = BigInt(blockBytes);
  // By node rather than by path: a file with hard links has several of these.
  let byNode: Map<Node | undefined, Extent[]> | undefined;
  return {
    devices: [{ sizeBytes: device.sizeBytes, access: 'ro' }],
    files,
    handlers: {
      config: () => ({ blockSizeBytes: Math.min(blockBytes, pageBytes), id: label, uuid }),
      begin({ node, pos, ops }, { files: { at } }) {
        if (ops.has('WRITE') || ops.has('ZERO')) return error('EROFS');
        byNode ??= new Map([...extents].map(([path, list]) => [at(path), list]));
        return mappingAt(byNode.get(node)!, pos, ((node.sizeBytes + size - 1n) / size) * size);
      },
      open: ({ args }) => ((args.flags & O_ACCMODE) === 0 ? undefined : error('EROFS')),
      statfs: () => ({ blockSizeBytes: blockBytes, blocks, free: freeBlocks, files: inodes, filesFree: freeInodes }),
      any: ({ name }) => (changes.has(name) ? error('EROFS') : undefined),
    },
  };
});
