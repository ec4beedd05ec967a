/** The files of a `serve` script, as a tree that ordinary requests and the script itself can change. */
import type { FileOptions, ServerDefinition } from '../api.ts';
import { FUSE_ROOT_ID, OPEN_REPLY } from '../../../uapi/fuse-flags.ts';
import type { AttrFlagName, Revision } from '../../../uapi/revision.ts';
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, inode, isDirectory, type Inode } from '../../../server/inode.ts';
import type { FileSystem } from '../../../server/file-system.ts';
import { attach, detach } from '../../../server/names.ts';

const namesOf = (path: string): string[] => path.split('/').filter((name) => name !== '');

export class Tree implements FileSystem {
  readonly revision: Revision;
  readonly opens = true;
  readonly attrSeconds: bigint | undefined;
  readonly root = inode(FUSE_ROOT_ID, FUSE_ROOT_ID, S_IFDIR | 0o755);
  /** Files that have neither a name nor a place in the kernel's memory any more. */
  readonly #evict: (node: Inode) => void;
  /** What regular files are that the kernel makes. */
  readonly #newFiles: FileOptions;
  readonly #byNodeid = new Map<bigint, Inode>([[FUSE_ROOT_ID, this.root]]);
  /** How often the kernel has looked each inode up and not forgotten it. */
  readonly #lookups = new Map<bigint, bigint>();
  #next = 2n;

  constructor(
    revision: Revision,
    { files = {}, newFiles = { content: '' }, attributesValidSeconds }: ServerDefinition,
    evict: (node: Inode) => void,
  ) {
    this.revision = revision;
    this.attrSeconds = attributesValidSeconds === undefined ? undefined : BigInt(attributesValidSeconds);
    this.#newFiles = newFiles;
    this.#evict = evict;
    for (const [path, options] of Object.entries(files)) this.add(path, options);
  }

  get nodes(): IterableIterator<Inode> {
    return this.#byNodeid.values();
  }

  find(nodeid: bigint): Inode | undefined {
    return this.#byNodeid.get(nodeid);
  }

  /** The path of its newest name; undefined: no such inode, or one without a name. */
  pathOf(nodeid: bigint): string | undefined {
    const names: string[] = [];
    for (let node = this.#byNodeid.get(nodeid); node !== this.root;) {
      const newest = node?.names.at(-1);
      if (!newest) return undefined;
      names.unshift(newest.name);
      node = newest.parent;
    }
    return names.join('/');
  }

  at(path: string): Inode | undefined {
    return namesOf(path).reduce<Inode | undefined>((node, name) => node?.children?.get(name), this.root);
  }

  lookup(parent: Inode, name: string): Inode | undefined {
    return parent.children?.get(name);
  }

  create(mode: number): Inode {
    const nodeid = this.#next++;
    // Far from the node ids, so that a kernel that mixes them up is noticed.
    const node = inode(nodeid, nodeid + 1000n, mode);
    this.#byNodeid.set(nodeid, node);
    if ((mode & S_IFMT) === S_IFREG) this.#shape(node, this.#newFiles);
    return node;
  }

  remember(node: Inode): void {
    this.#lookups.set(node.nodeid, (this.#lookups.get(node.nodeid) ?? 0n) + 1n);
  }

  forget(nodeid: bigint, times: bigint): void {
    const left = (this.#lookups.get(nodeid) ?? 0n) - times;
    if (left > 0n) {
      this.#lookups.set(nodeid, left);
      return;
    }
    this.#lookups.delete(nodeid);
    const node = this.#byNodeid.get(nodeid);
    if (node && node !== this.root && node.names.length === 0) this.#drop(node);
  }

  unnamed(node: Inode): void {
    if (!this.#lookups.has(node.nodeid)) this.#drop(node);
  }

  /** The kernel has ended the connection and with it forgotten everything. */
  forgetAll(): void {
    for (const nodeid of [...this.#lookups.keys()]) this.forget(nodeid, this.#lookups.get(nodeid)!);
  }

  /** A file without content that is read through FUSE after all: zeros. */
  read(_node: Inode, _offset: bigint, length: number): Uint8Array {
    return new Uint8Array(length);
  }

  /** Makes a file and the directories above it. Throws Error when the path makes no sense. */
  add(path: string, options: FileOptions): Inode {
    const names = namesOf(path);
    const last = names.pop();
    if (last === undefined) {
      this.#attributes(this.root, options);
      return this.root;
    }
    let parent = this.root;
    for (const name of names) {
      let next = parent.children!.get(name);
      if (!next) attach(parent, name, (next = this.create(S_IFDIR | 0o755)));
      if (!isDirectory(next)) throw new Error(`'${path}' lies in a file, not in a directory`);
      parent = next;
    }
    const there = parent.children!.get(last);
    if (there) {
      if (!options.directory || !isDirectory(there)) throw new Error(`there is a file '${path}' already`);
      this.#attributes(there, options);
      return there;
    }
    if (options.hardLinkTo !== undefined) {
      const node = this.at(options.hardLinkTo);
      if (!node || isDirectory(node))
        throw new Error(`'${path}' is to be a hard link to '${options.hardLinkTo}', which is no file`);
      attach(parent, last, node);
      return node;
    }
    const type = options.directory
      ? S_IFDIR
      : options.symlink !== undefined
        ? S_IFLNK
        : (options.mode ?? 0) & S_IFMT || S_IFREG;
    const node = this.create(type | (type === S_IFDIR ? 0o755 : type === S_IFLNK ? 0o777 : 0o644));
    attach(parent, last, node);
    if (type === S_IFREG) this.#shape(node, options);
    if (options.symlink !== undefined) {
      node.target = options.symlink;
      node.sizeBytes = BigInt(Buffer.byteLength(options.symlink));
    }
    this.#attributes(node, options);
    return node;
  }

  /** Takes a name away. Throws Error when there is none. */
  remove(path: string): void {
    const names = namesOf(path);
    const last = names.pop();
    const parent = this.at(names.join('/'));
    const node = last !== undefined && parent ? detach(parent, last) : undefined;
    if (!node) throw new Error(`there is no '${path}' to remove`);
    if (node.names.length === 0) this.unnamed(node);
  }

  #attributes(node: Inode, { mode, uid, gid, rdev, atime, mtime, ctime, blocks }: FileOptions): void {
    if (mode !== undefined) node.mode = (node.mode & S_IFMT) | (mode & ~S_IFMT);
    for (const [key, value] of Object.entries({ uid, gid, rdev, atime, mtime, ctime, blocks }))
      if (value !== undefined) Object.assign(node, { [key]: value });
  }

  /** How the bytes of a regular file are kept. */
  #shape(node: Inode, options: FileOptions): void {
    const iomap = options.iomap ?? options.content === undefined;
    const flags: AttrFlagName[] = [...(iomap ? (['IOMAP', 'EXCLUSIVE'] as const) : []), ...(options.attrFlags ?? [])];
    node.attrFlags = flags.reduce((sum, flag) => sum | (this.revision.attrFlags[flag] ?? 0), 0);
    node.openFlags = options.directIo ? OPEN_REPLY.DIRECT_IO : 0;
    if (options.content === undefined) delete node.content;
    else node.content = Buffer.from(options.content);
    node.sizeBytes = BigInt(options.sizeBytes ?? node.content?.length ?? 0);
  }

  #drop(node: Inode): void {
    this.#byNodeid.delete(node.nodeid);
    this.#evict(node);
  }
}
