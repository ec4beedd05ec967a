/**
 * A small writable file system: names and extents in memory, bytes on the device. Space is promised when bytes enter
 * the page cache (DELALLOC), and placed when they leave it; new blocks are UNWRITTEN until the kernel says that they
 * were written (IOEND); copies by copy_file_range(2) share their blocks, and a write to those goes elsewhere (SHARED).
 * fsync, sync and unmounting put names and extents on the device, where the next mount finds them. Try:
 *
 *     ./iomapfuzz serve --device 256M --file cp examples/writable.ts -- sh -c '
 *       seq 100000 > a; cp a b; filefrag -v a b; echo changed | dd of=b conv=notrunc; sync; filefrag -v b; cd /;
 *         remount; sha256sum /mnt/a; df /mnt'
 */
import {
  defineServer,
  error,
  hole,
  delalloc,
  mapped,
  pureOverwrite,
  unwritten,
  type Context,
  type FileOptions,
  type Files,
  type Mapping,
  type Node,
} from 'iomapfuzz/server';
import { Checkpoints, type Entry } from './writable/checkpoint.ts';
import type { Extent } from './writable/extents.ts';
import { FileBlocks, type Piece, type Target } from './writable/file.ts';
import { Space } from './writable/space.ts';

const block = 4096;
const size = BigInt(block);
const down = (bytes: bigint): number => Number(bytes / size);
const up = (bytes: bigint): number => Number((bytes + size - 1n) / size);
const S_IFMT = 0o170000,
  S_IFREG = 0o100000;
const SETATTR_SIZE = 8;
const KEEP_SIZE = 1,
  PUNCH_HOLE = 2,
  ZERO_RANGE = 0x10;
/** No file goes further. */
const farthest = 1n << 63n;

/** Blocks to a mapping; holes may be endless. */
function mapping(piece: Piece, flags: Mapping['flags'] = []): Mapping {
  const offset = BigInt(piece.at) * size;
  const length = Number.isFinite(piece.count) ? BigInt(piece.count) * size : farthest - offset;
  switch (piece.kind) {
    case 'hole':
      return hole({ offset, length, flags });
    case 'delalloc':
      return delalloc({ offset, length, flags });
    default:
      return (piece.kind === 'written' ? mapped : unwritten)({
        device: 0,
        addr: BigInt((piece as Extent).start) * size,
        offset,
        length,
        flags,
      });
  }
}

function targetMapping({ over, to, copy, fresh }: Target): { read: Mapping; write: Mapping } {
  const read = mapping(over);
  if (!to) return { read, write: pureOverwrite(read) };
  // NEW tells our own END handler that it may take the promise back.
  return { read, write: mapping(to, copy ? ['SHARED'] : fresh ? ['NEW'] : []) };
}

export default defineServer((host) => {
  const device = host.device(0, { sizeBytes: 64 << 20, blank: true });
  const checkpoints = new Checkpoints(device);
  const entries = checkpoints.load() ?? [];
  let files: Files | undefined;
  const space = new Space(checkpoints.reservedBytes / block, Math.floor(device.sizeBytes / block), () => {
    save(files);
  });
  const blocksOf = new WeakMap<Node, FileBlocks>();

  /** What the device had gets its inodes when the first request comes. */
  const open = (context: Context): void => {
    if (files) return;
    files = context.files;
    for (const { path, extents } of entries) if (extents) blocksOf.set(files.at(path)!, new FileBlocks(space, extents));
  };
  const of = (node: Node, context: Context): FileBlocks => {
    open(context);
    let blocks = blocksOf.get(node);
    if (!blocks) blocksOf.set(node, (blocks = new FileBlocks(space)));
    return blocks;
  };

  /** False: too many names for the device. */
  function save(all: Files | undefined): boolean {
    const list: Entry[] = [];
    const known = new Map<Node, string>();
    const visit = (path: string, node: Node): void => {
      const first = known.get(node);
      if (first !== undefined) {
        list.push({ path, options: { hardLinkTo: first } });
        return;
      }
      known.set(node, path);
      const { mode, uid, gid, atime, mtime, ctime, sizeBytes, target, children } = node;
      const regular = (mode & S_IFMT) === S_IFREG;
      const options: FileOptions = {
        mode,
        uid,
        gid,
        atime,
        mtime,
        ctime,
        ...(children ? { directory: true } : {}),
        ...(target === undefined ? {} : { symlink: target }),
        ...(regular ? { sizeBytes } : {}),
      };
      list.push({ path, options, ...(regular ? { extents: blocksOf.get(node)?.extents ?? [] } : {}) });
      for (const [name, child] of children ?? []) visit(path === '' ? name : `${path}/${name}`, child);
    };
    const root = all?.at('');
    if (!root) return true;
    visit('', root);
    if (!checkpoints.save(list)) return false;
    space.commit();
    return true;
  }
  const sync = (_request: unknown, context: Context) => {
    open(context);
    return save(files) ? undefined : error('ENOSPC');
  };

  return {
    files: Object.fromEntries(entries.map(({ path, options }) => [path, options])),
    newFiles: { iomap: true },
    // How much space a file takes changes whenever its bytes move.
    attributesValidSeconds: 0,
    evict(node, context) {
      of(node, context).cut(0, Infinity);
    },
    handlers: {
      begin({ node, pos, count, ops }, context) {
        const blocks = of(node, context);
        const at = down(pos),
          many = up(pos + count) - at;
        if (ops.has('REPORT')) {
          const { piece, shared } = blocks.report(at);
          return mapping(piece, shared ? ['SHARED'] : []);
        }
        let target: Target | undefined;
        if (ops.has('WRITEBACK') || (ops.has('WRITE') && ops.has('DIRECT'))) {
          target = blocks.place(at, many);
        } else if (ops.has('ZERO')) {
          // What reads as zeros anyway stays what it is.
          const { piece } = blocks.report(at);
          target = piece.kind === 'hole' || piece.kind === 'unwritten' ? { over: piece } : blocks.promise(at, many);
        } else if (ops.has('WRITE') || ops.has('UNSHARE')) {
          target = blocks.promise(at, many);
        } else {
          return mapping(blocks.read(at));
        }
        return target ? targetMapping(target) : error('ENOSPC');
      },
      // A write that was cut short: the rest of what was promised to it goes back.
      end({ node, pos, written, args }, context) {
        const { type, flags, offset, length } = args['map'] as {
          type: number;
          flags: number;
          offset: bigint;
          length: bigint;
        };
        const DELALLOC = 1,
          NEW = 1;
        if (type !== DELALLOC || !(flags & NEW)) return;
        const kept = written > 0n ? up(pos + written) : down(pos);
        of(node, context).unpromise(kept, Math.max(0, up(offset + length) - kept));
      },
      ioend({ node, pos, written, flags, error: failed }, context) {
        const blocks = of(node, context);
        const at = down(pos),
          many = up(pos + written) - at;
        if (failed !== 0) {
          blocks.lost(at, many);
          return;
        }
        blocks.arrived(at, many, { copy: flags.has('SHARED') });
        if (flags.has('APPEND') && pos + written > node.sizeBytes) node.sizeBytes = pos + written;
        return node.sizeBytes;
      },
      getattr({ node }, context) {
        if (node && (node.mode & S_IFMT) === S_IFREG) node.blocks = BigInt((of(node, context).blocks * block) / 512);
      },
      setattr({ node, args }, context) {
        if (args.valid & SETATTR_SIZE && (node.mode & S_IFMT) === S_IFREG)
          of(node, context).cut(up(args.size), Infinity);
      },
      fallocate({ node, args: { offset, length, mode } }, context) {
        const blocks = of(node, context);
        const from = down(offset),
          to = up(offset + length);
        switch (mode & ~KEEP_SIZE) {
          case PUNCH_HOLE:
          case ZERO_RANGE: {
            // The kernel writes zeros to what is not whole blocks.
            const first = up(offset),
              last = down(offset + length);
            if (last > first) blocks.cut(first, last - first);
            if (mode & PUNCH_HOLE || blocks.preallocate(from, to - from)) return;
            return error('ENOSPC');
          }
          case 0:
            return blocks.preallocate(from, to - from) ? undefined : error('ENOSPC');
          default:
            return error('EOPNOTSUPP');
        }
      },
      // Whole blocks are shared; the rest the kernel copies by itself when it is told that this cannot be done.
      copyFileRange({ node, target, args: { offIn, offOut, len } }, context) {
        if (!target || offIn >= node.sizeBytes) return 0;
        const end = offIn + len >= node.sizeBytes ? node.sizeBytes : offIn + len;
        const lastToo = end === node.sizeBytes && offOut + end - offIn >= target.sizeBytes;
        const bytes = lastToo ? end - offIn : ((end - offIn) / size) * size;
        if (bytes === 0n || offIn % size !== 0n || offOut % size !== 0n) return error('EOPNOTSUPP');
        of(target, context).shareFrom(of(node, context), down(offIn), down(offOut), up(bytes));
        if (offOut + bytes > target.sizeBytes) target.sizeBytes = offOut + bytes;
        return bytes;
      },
      statfs(_request, context) {
        open(context);
        return { blockSizeBytes: block, blocks: space.total, free: space.available };
      },
      fsync: sync,
      syncfs: sync,
      destroy: sync,
    },
  };
});
