/** Ordinary file system behaviour: the answer to every request that no script and no handler answers. */
import { SETATTR_VALID } from '../uapi/fuse-flags.ts';
import { forgetOne, kstatfs, lseekOut, openOut, writeOut } from '../uapi/fuse-structs.ts';
import type { Request } from '../uapi/fuse-wire.ts';
import { beginOut, ioendOut, type BeginIn, type IoendIn } from '../uapi/iomap.ts';
import { NULL_ADDR, type Revision } from '../uapi/revision.ts';
import { LOFF_MAX, max, min, pageCeil, pageFloor } from '../uapi/units.ts';
import { errnos } from '../uapi/errno.ts';
import { done, fail, silence, succeed, type Answer } from './answer.ts';
import { S_IFMT, attrReply, isDirectory, now, type Inode, type Time } from './inode.ts';
import { nameOperations } from './names.ts';
import type { Args, FileSystem, Ordinary } from './file-system.ts';

const unanswered: Ordinary = () => fail(errnos.ENOSYS);
const acknowledged: Ordinary = () => done;

const setTime = (args: Record<string, unknown>, name: 'atime' | 'mtime' | 'ctime'): Time => ({
  sec: args[name] as bigint,
  nsec: args[`${name}nsec`] as number,
});

function resize(node: Inode, sizeBytes: bigint): void {
  node.sizeBytes = sizeBytes;
  if (!node.content) return;
  const next = Buffer.alloc(Number(sizeBytes));
  node.content.copy(next);
  node.content = next;
}

/** A hole over what was asked, and for writes the request to overwrite that hole: harmless, and refused by nothing. */
function holeAround({ mappingTypes }: Revision, pos: bigint, count: bigint): Buffer {
  const offset = pageFloor(pos);
  const length = min(pageCeil(max(pos + count - offset, 1n)), LOFF_MAX + 1n - offset);
  const half = { offset, length, addr: NULL_ADDR, flags: 0, dev: 0 };
  return beginOut.encode({
    read: { ...half, type: mappingTypes.HOLE ?? 0 },
    write: { ...half, type: mappingTypes.PURE_OVERWRITE ?? 0 },
  });
}

/** By operation name; the keys are those of the operations table. */
const table: Readonly<Record<string, Ordinary>> = {
  ...nameOperations,
  GETATTR: (fs, node) => succeed(attrReply(node, fs.attrSeconds)),
  SETATTR: (fs, node, { args }: Args<{ valid: number; size: bigint; mode: number; uid: number; gid: number }>) => {
    const { valid } = args;
    if (valid & SETATTR_VALID.SIZE) resize(node, args.size);
    if (valid & SETATTR_VALID.MODE) node.mode = (node.mode & S_IFMT) | (args.mode & ~S_IFMT);
    if (valid & SETATTR_VALID.UID) node.uid = args.uid;
    if (valid & SETATTR_VALID.GID) node.gid = args.gid;
    for (const [name, flag, flagNow] of [
      ['atime', SETATTR_VALID.ATIME, SETATTR_VALID.ATIME_NOW],
      ['mtime', SETATTR_VALID.MTIME, SETATTR_VALID.MTIME_NOW],
      ['ctime', SETATTR_VALID.CTIME, 0],
    ] as const) {
      if (valid & flagNow) node[name] = now();
      else if (valid & flag) node[name] = setTime(args, name);
    }
    return succeed(attrReply(node, fs.attrSeconds));
  },
  OPEN: (fs, node) =>
    fs.opens ? succeed(openOut.encode({ fh: node.nodeid, openFlags: node.openFlags })) : fail(errnos.ENOSYS),
  RELEASE: acknowledged,
  // Where OPEN is answered a later case of the connection may be about FLUSH: ENOSYS would be remembered
  // (fs/fuse/file.c, fuse_flush).
  FLUSH: (fs) => (fs.opens ? done : fail(errnos.ENOSYS)),
  FSYNC: acknowledged,
  FSYNCDIR: acknowledged,
  ACCESS: unanswered,
  GETXATTR: unanswered,
  LISTXATTR: unanswered,
  SETXATTR: unanswered,
  REMOVEXATTR: unanswered,
  STATX: unanswered,
  SYNCFS: acknowledged,
  DESTROY: acknowledged,
  FORGET: (fs, _, { nodeid, args }: Args<{ nlookup: bigint }>) => {
    fs.forget?.(nodeid, args.nlookup);
    return silence;
  },
  BATCH_FORGET: (fs, _, { args, data }: Args<{ count: number }>) => {
    for (let at = 0; fs.forget && at < args.count; at++) {
      const { nodeid, nlookup } = forgetOne.decode(data, at * forgetOne.size);
      fs.forget(nodeid, nlookup);
    }
    return silence;
  },
  INTERRUPT: () => silence,
  NOTIFY_REPLY: () => silence,
  OPENDIR: (fs, node) => (fs.opens ? succeed(openOut.encode({ fh: node.nodeid })) : fail(errnos.ENOSYS)),
  RELEASEDIR: acknowledged,
  STATFS: () =>
    succeed(
      kstatfs.encode({
        blocks: 1n << 30n,
        bfree: 1n << 29n,
        bavail: 1n << 29n,
        files: 1n << 20n,
        ffree: 1n << 19n,
        bsize: 4096,
        namelen: 255,
        frsize: 4096,
      }),
    ),
  READ: (fs, node, { args }: Args<{ offset: bigint; size: number }>) => {
    if (isDirectory(node)) return fail(errnos.EISDIR);
    const left = node.sizeBytes - args.offset;
    const length = left <= 0n ? 0 : left < BigInt(args.size) ? Number(left) : args.size;
    if (!node.content) return succeed(length === 0 ? Buffer.alloc(0) : fs.read(node, args.offset, length));
    return succeed(node.content.subarray(Number(args.offset), Number(args.offset) + length));
  },
  WRITE: (_, node, { args, data }: Args<{ offset: bigint; size: number }>) => {
    const end = args.offset + BigInt(data.length);
    if (end > node.sizeBytes) resize(node, end);
    if (node.content) data.copy(node.content, Number(args.offset));
    return succeed(writeOut.encode({ size: data.length }));
  },
  FALLOCATE: (_, node, { args }: Args<{ offset: bigint; length: bigint; mode: number }>) => {
    const keepSize = 1;
    if (!(args.mode & keepSize) && args.offset + args.length > node.sizeBytes) resize(node, args.offset + args.length);
    return done;
  },
  LSEEK: (_, node, { args }: Args<{ offset: bigint; whence: number }>) => {
    const seekData = 3;
    if (args.offset >= node.sizeBytes) return fail(errnos.ENXIO);
    return succeed(lseekOut.encode({ offset: args.whence === seekData ? args.offset : node.sizeBytes }));
  },
  COPY_FILE_RANGE: unanswered,
  COPY_FILE_RANGE_64: unanswered,
  IOMAP_BEGIN: (fs, _, { args }: Args<BeginIn>) => succeed(holeAround(fs.revision, args.pos, args.count)),
  IOMAP_END: acknowledged,
  IOMAP_IOEND: (_, node, { args }: Args<IoendIn>) => {
    const end = args.pos + args.written;
    if (args.error === 0 && end > node.sizeBytes) node.sizeBytes = end;
    return succeed(ioendOut.encode({ newsize: node.sizeBytes }));
  },
  IOMAP_CONFIG: unanswered,
  FREEZE_FS: acknowledged,
  UNFREEZE_FS: acknowledged,
  SHUTDOWN_FS: acknowledged,
};

/** Requests that are about the connection, or whose inode is already gone, need no inode. */
const withoutInode = new Set([
  'FORGET',
  'BATCH_FORGET',
  'INTERRUPT',
  'NOTIFY_REPLY',
  'DESTROY',
  'STATFS',
  'SYNCFS',
  'IOMAP_CONFIG',
  'FREEZE_FS',
  'UNFREEZE_FS',
  'SHUTDOWN_FS',
  'RELEASE',
  'RELEASEDIR',
]);

export function ordinaryAnswer(fs: FileSystem, request: Request): Answer {
  const answer = table[request.name];
  if (!answer) return fail(errnos.ENOSYS);
  const node = fs.find(request.nodeid);
  if (!node && !withoutInode.has(request.name)) return fail(errnos.ESTALE);
  return answer(fs, node!, request as Args<never>);
}
