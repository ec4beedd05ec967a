/** Ordinary file system behaviour: the answer to every request that no script and no handler answers. */
import { SETATTR_VALID } from '../../uapi/fuse-flags.ts';
import { createOut, dirent, kstatfs, lseekOut, openOut, writeOut } from '../../uapi/fuse-structs.ts';
import type { Request } from '../../uapi/fuse-wire.ts';
import { beginOut, ioendOut, type BeginIn, type IoendIn } from '../../uapi/iomap.ts';
import { NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { constants } from 'node:os';
import { done, fail, silence, succeed, type Answer } from './answer.ts';
import { S_IFREG, attrReply, entryFields, entryReply, isDirectory, type Inode, type Time } from './inode.ts';

const { errno } = constants;

/** What ordinary answers need to know about the file system. */
export interface FileSystem {
  readonly revision: Revision;
  /** Answer OPEN: without it the kernel stops sending OPEN, RELEASE and FLUSH. */
  readonly opens: boolean;
  find(nodeid: bigint): Inode | undefined;
  lookup(parent: Inode, name: string): Inode | undefined;
  create(parent: Inode, name: string, mode: number): Inode;
  /** Bytes of a file that has no content of its own. */
  read(node: Inode, offset: bigint, length: number): Uint8Array;
}

type Args<T> = Request & { readonly args: T };
type Ordinary = (fs: FileSystem, node: Inode, request: Args<never>) => Answer;

const unanswered: Ordinary = () => fail(errno.ENOSYS);
const acknowledged: Ordinary = () => done;

const setTime = (args: Record<string, unknown>, name: 'atime' | 'mtime' | 'ctime'): Time =>
  ({ sec: args[name] as bigint, nsec: args[`${name}nsec`] as number });
const now = (): Time => ({ sec: BigInt(Math.floor(Date.now() / 1000)), nsec: 0 });

function resize(node: Inode, sizeBytes: bigint): void {
  node.sizeBytes = sizeBytes;
  if (!node.content) return;
  const next = Buffer.alloc(Number(sizeBytes));
  node.content.copy(next);
  node.content = next;
}

/** A hole over what was asked, and for writes the request to overwrite that hole: harmless, and refused by nothing. */
function holeAround(revision: Revision, pos: bigint, count: bigint): Buffer {
  const page = 4096n;
  const offset = pos / page * page;
  const asked = pos + count > offset ? pos + count - offset : page;
  const length = (asked + page - 1n) / page * page;
  const most = (1n << 63n) - offset;
  const half = { offset, length: length > most ? most : length, addr: NULL_ADDR, flags: 0, dev: 0 };
  return beginOut.encode({
    read: { ...half, type: revision.mappingTypes.HOLE ?? 0 }, write: { ...half, type: revision.mappingTypes.PURE_OVERWRITE ?? 0 },
  });
}

function remove(parent: Inode, name: string): Answer {
  const node = parent.children?.get(name);
  if (!node) return fail(errno.ENOENT);
  if (isDirectory(node) && (node.children?.size ?? 0) > 0) return fail(errno.ENOTEMPTY);
  parent.children?.delete(name);
  node.nlink -= 1;
  return done;
}

function rename(fs: FileSystem, parent: Inode, newdir: bigint, [from, to]: readonly string[], flags: number): Answer {
  const target = fs.find(newdir);
  const node = parent.children?.get(from!);
  if (!node || !target?.children) return fail(errno.ENOENT);
  const noReplace = 1;
  if (flags & ~noReplace) return fail(errno.EINVAL);
  if (flags & noReplace && target.children.has(to!)) return fail(errno.EEXIST);
  parent.children?.delete(from!);
  target.children.set(to!, node);
  return done;
}

function listing(directory: Inode, from: bigint, room: number): Buffer {
  const entries: [string, Inode][] = [['.', directory], ['..', directory], ...(directory.children ?? [])];
  const parts: Buffer[] = [];
  let used = 0;
  for (let at = Number(from); at < entries.length; at++) {
    const [name, node] = entries[at]!;
    const bytes = Buffer.from(name);
    const entry = Buffer.alloc(dirent.size + (bytes.length + 7 & ~7));
    dirent.encode({ ino: node.ino, off: BigInt(at + 1), namelen: bytes.length, type: node.mode >> 12 }).copy(entry);
    bytes.copy(entry, dirent.size);
    if (used + entry.length > room) break;
    used += entry.length;
    parts.push(entry);
  }
  return Buffer.concat(parts);
}

/** By operation name; the keys are those of the operations table. */
const table: Readonly<Record<string, Ordinary>> = {
  LOOKUP: (fs, node, { names }) => {
    const found = fs.lookup(node, names[0]!);
    return found ? succeed(entryReply(found)) : fail(errno.ENOENT);
  },
  GETATTR: (_, node) => succeed(attrReply(node)),
  SETATTR: (_, node, { args }: Args<{ valid: number; size: bigint; mode: number; uid: number; gid: number }>) => {
    const { valid } = args;
    if (valid & SETATTR_VALID.SIZE) resize(node, args.size);
    if (valid & SETATTR_VALID.MODE) node.mode = args.mode;
    if (valid & SETATTR_VALID.UID) node.uid = args.uid;
    if (valid & SETATTR_VALID.GID) node.gid = args.gid;
    for (const [name, flag, flagNow] of [['atime', SETATTR_VALID.ATIME, SETATTR_VALID.ATIME_NOW], ['mtime', SETATTR_VALID.MTIME, SETATTR_VALID.MTIME_NOW],
      ['ctime', SETATTR_VALID.CTIME, 0]] as const) {
      if (valid & flagNow) node[name] = now();
      else if (valid & flag) node[name] = setTime(args, name);
    }
    return succeed(attrReply(node));
  },
  OPEN: (fs, node) => fs.opens ? succeed(openOut.encode({ fh: node.nodeid, openFlags: node.openFlags })) : fail(errno.ENOSYS),
  RELEASE: acknowledged,
  FLUSH: unanswered,
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
  FORGET: () => silence,
  BATCH_FORGET: () => silence,
  INTERRUPT: () => silence,
  NOTIFY_REPLY: () => silence,
  OPENDIR: (fs, node) => fs.opens ? succeed(openOut.encode({ fh: node.nodeid })) : fail(errno.ENOSYS),
  RELEASEDIR: acknowledged,
  READDIR: (_, node, { args }: Args<{ offset: bigint; size: number }>) =>
    isDirectory(node) ? succeed(listing(node, args.offset, args.size)) : fail(errno.ENOTDIR),
  STATFS: () => succeed(kstatfs.encode({ blocks: 1n << 30n, bfree: 1n << 29n, bavail: 1n << 29n, files: 1n << 20n, ffree: 1n << 19n, bsize: 4096, namelen: 255, frsize: 4096 })),
  READ: (fs, node, { args }: Args<{ offset: bigint; size: number }>) => {
    if (isDirectory(node)) return fail(errno.EISDIR);
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
    if (args.offset >= node.sizeBytes) return fail(errno.ENXIO);
    return succeed(lseekOut.encode({ offset: args.whence === seekData ? args.offset : node.sizeBytes }));
  },
  COPY_FILE_RANGE: unanswered,
  COPY_FILE_RANGE_64: unanswered,
  CREATE: (fs, node, { names, args }: Args<{ mode: number }>) => {
    const made = fs.create(node, names[0]!, args.mode);
    return succeed(createOut.encode({ entry: entryFields(made), open: { fh: made.nodeid, openFlags: made.openFlags, backingId: 0 } }));
  },
  MKNOD: (fs, node, { names, args }: Args<{ mode: number }>) => succeed(entryReply(fs.create(node, names[0]!, args.mode | S_IFREG))),
  MKDIR: (fs, node, { names, args }: Args<{ mode: number }>) => succeed(entryReply(fs.create(node, names[0]!, args.mode | 0o040000))),
  UNLINK: (_, node, { names }) => remove(node, names[0]!),
  RMDIR: (_, node, { names }) => remove(node, names[0]!),
  RENAME: (fs, node, { names, args }: Args<{ newdir: bigint }>) => rename(fs, node, args.newdir, names, 0),
  RENAME2: (fs, node, { names, args }: Args<{ newdir: bigint; flags: number }>) => rename(fs, node, args.newdir, names, args.flags),

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
const withoutInode = new Set(['FORGET', 'BATCH_FORGET', 'INTERRUPT', 'NOTIFY_REPLY', 'DESTROY', 'STATFS', 'SYNCFS', 'IOMAP_CONFIG', 'FREEZE_FS', 'UNFREEZE_FS',
  'SHUTDOWN_FS', 'RELEASE', 'RELEASEDIR']);

export function ordinaryAnswer(fs: FileSystem, request: Request): Answer {
  const answer = table[request.name];
  if (!answer) return fail(errno.ENOSYS);
  const node = fs.find(request.nodeid);
  if (!node && !withoutInode.has(request.name)) return fail(errno.ESTALE);
  return answer(fs, node!, request as Args<never>);
}

