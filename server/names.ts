/** Ordinary operations on names: what makes, finds, lists, moves and removes them. */
import { FUSE_ROOT_ID } from '../uapi/fuse-flags.ts';
import { createOut, dirent, entryOut } from '../uapi/fuse-structs.ts';
import { errnos } from '../uapi/errno.ts';
import { done, fail, succeed, type Answer } from './answer.ts';
import type { Args, FileSystem, Ordinary } from './file-system.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, entryFields, isDirectory, now, type Inode } from './inode.ts';

const RENAME_NOREPLACE = 1,
  RENAME_EXCHANGE = 2;

function touch(...nodes: Inode[]): void {
  const time = now();
  for (const node of nodes) {
    node.ctime = time;
    if (isDirectory(node)) node.mtime = time;
  }
}

/** Gives `node` a name in `parent`, which has none like it. Link counts follow. */
export function attach(parent: Inode, name: string, node: Inode): void {
  parent.children!.set(name, node);
  node.names.push({ parent, name });
  if (isDirectory(node)) parent.nlink += 1;
  else node.nlink = node.names.length;
}

/** Takes a name away; what becomes of an inode without one is the caller's business. */
export function detach(parent: Inode, name: string): Inode | undefined {
  const node = parent.children?.get(name);
  if (!node) return undefined;
  parent.children!.delete(name);
  node.names.splice(
    node.names.findIndex((one) => one.parent === parent && one.name === name),
    1,
  );
  if (isDirectory(node)) parent.nlink -= 1;
  else node.nlink = node.names.length;
  return node;
}

function made(fs: FileSystem, parent: Inode, { names, uid, gid }: Args<unknown>, mode: number): Inode | Answer {
  const name = names[0]!;
  if (!parent.children) return fail(errnos.ENOTDIR);
  if (parent.children.has(name)) return fail(errnos.EEXIST);
  // The directory is gone, and somebody sits in it.
  if (parent.names.length === 0 && parent.nodeid !== FUSE_ROOT_ID) return fail(errnos.ENOENT);
  const node = fs.create(mode);
  const time = now();
  Object.assign(node, { uid, gid, atime: time, mtime: time, ctime: time });
  attach(parent, name, node);
  touch(parent);
  return node;
}

const isAnswer = (value: Inode | Answer): value is Answer => 'kind' in value;

/** The answer that shows the kernel an inode: it will remember it until it says FORGET. */
export function entryAnswer(fs: FileSystem, node: Inode): Answer {
  fs.remember?.(node);
  return succeed(entryOut.encode(entryFields(node, fs.attrSeconds)));
}

/** The same for CREATE, which also opens it. */
export function createAnswer(fs: FileSystem, node: Inode): Answer {
  fs.remember?.(node);
  return succeed(
    createOut.encode({
      entry: entryFields(node, fs.attrSeconds),
      open: { fh: node.nodeid, openFlags: node.openFlags, backingId: 0 },
    }),
  );
}

function make(fs: FileSystem, parent: Inode, request: Args<unknown>, mode: number, rest: Partial<Inode> = {}): Answer {
  const node = made(fs, parent, request, mode);
  return isAnswer(node) ? node : entryAnswer(fs, Object.assign(node, rest));
}

/** Removes a name; `directory`: which of the two kinds the caller means. */
function remove(fs: FileSystem, parent: Inode, name: string, directory: boolean): Answer {
  const node = parent.children?.get(name);
  if (!node) return fail(errnos.ENOENT);
  if (isDirectory(node) !== directory) return fail(directory ? errnos.ENOTDIR : errnos.EISDIR);
  if (node.children && node.children.size > 0) return fail(errnos.ENOTEMPTY);
  detach(parent, name);
  touch(parent, node);
  if (node.names.length === 0) fs.unnamed?.(node);
  return done;
}

function rename(fs: FileSystem, parent: Inode, newdir: bigint, [from, to]: readonly string[], flags: number): Answer {
  const target = fs.find(newdir);
  const node = parent.children?.get(from!);
  if (!node || !target?.children) return fail(errnos.ENOENT);
  if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) return fail(errnos.EINVAL);
  const other = target.children.get(to!);
  if (flags & RENAME_NOREPLACE && other) return fail(errnos.EEXIST);
  if (flags & RENAME_EXCHANGE) {
    if (!other) return fail(errnos.ENOENT);
    detach(parent, from!);
    detach(target, to!);
    attach(target, to!, node);
    attach(parent, from!, other);
    touch(parent, target, node, other);
    return done;
  }
  if (other === node) return done;
  if (other) {
    if (isDirectory(other) !== isDirectory(node)) return fail(isDirectory(other) ? errnos.EISDIR : errnos.ENOTDIR);
    const removed = remove(fs, target, to!, isDirectory(other));
    if (removed.kind === 'error') return removed;
  }
  detach(parent, from!);
  attach(target, to!, node);
  touch(parent, target, node);
  return done;
}

/** Entries behind the place `from`, as many as fit. */
function listing(directory: Inode, from: bigint, room: number): Buffer {
  const children = directory.children!;
  const parts: Buffer[] = [];
  let used = 0;
  const add = (name: string, place: bigint, node: Inode): boolean => {
    if (place <= from) return true;
    const bytes = Buffer.from(name);
    const entry = Buffer.alloc(dirent.size + ((bytes.length + 7) & ~7));
    dirent.encode({ ino: node.ino, off: place, namelen: bytes.length, type: node.mode >> 12 }).copy(entry);
    bytes.copy(entry, dirent.size);
    if (used + entry.length > room) return false;
    used += entry.length;
    parts.push(entry);
    return true;
  };
  if (add('.', 1n, directory) && add('..', 2n, directory.names[0]?.parent ?? directory)) {
    for (const [name, node] of children) if (!add(name, children.placeOf(name), node)) break;
  }
  return Buffer.concat(parts);
}

export const nameOperations: Readonly<Record<string, Ordinary>> = {
  LOOKUP: (fs, node, { names }) => {
    const found = fs.lookup(node, names[0]!);
    return found ? entryAnswer(fs, found) : fail(errnos.ENOENT);
  },
  CREATE: (fs, parent, request: Args<{ mode: number }>) => {
    const node = made(fs, parent, request, S_IFREG | (request.args.mode & ~S_IFMT));
    return isAnswer(node) ? node : createAnswer(fs, node);
  },
  MKNOD: (fs, parent, request: Args<{ mode: number; rdev: number }>) => {
    const { mode, rdev } = request.args;
    return make(fs, parent, request, mode & S_IFMT ? mode : mode | S_IFREG, { rdev });
  },
  MKDIR: (fs, parent, request: Args<{ mode: number }>) =>
    make(fs, parent, request, S_IFDIR | (request.args.mode & ~S_IFMT)),
  // The new name, then what it stands for.
  SYMLINK: (fs, parent, request) => {
    const target = request.names[1]!;
    return make(fs, parent, request, S_IFLNK | 0o777, { target, sizeBytes: BigInt(Buffer.byteLength(target)) });
  },
  READLINK: (_, node) => (node.target === undefined ? fail(errnos.EINVAL) : succeed(Buffer.from(node.target))),
  LINK: (fs, parent, { names, args }: Args<{ oldnodeid: bigint }>) => {
    const node = fs.find(args.oldnodeid);
    if (!node || !parent.children) return fail(errnos.ENOENT);
    if (isDirectory(node)) return fail(errnos.EPERM);
    if (parent.children.has(names[0]!)) return fail(errnos.EEXIST);
    attach(parent, names[0]!, node);
    touch(parent, node);
    return entryAnswer(fs, node);
  },
  UNLINK: (fs, parent, { names }) => remove(fs, parent, names[0]!, false),
  RMDIR: (fs, parent, { names }) => remove(fs, parent, names[0]!, true),
  RENAME: (fs, parent, { names, args }: Args<{ newdir: bigint }>) => rename(fs, parent, args.newdir, names, 0),
  RENAME2: (fs, parent, { names, args }: Args<{ newdir: bigint; flags: number }>) =>
    rename(fs, parent, args.newdir, names, args.flags),
  READDIR: (_, node, { args }: Args<{ offset: bigint; size: number }>) =>
    isDirectory(node) ? succeed(listing(node, args.offset, args.size)) : fail(errnos.ENOTDIR),
};
