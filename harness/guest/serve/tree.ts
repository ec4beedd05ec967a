/** The files of a `serve` script, as a tree that ordinary requests can also change. */
import type { FileOptions } from '../api.ts';
import { FUSE_ROOT_ID, OPEN_REPLY } from '../../uapi/fuse-flags.ts';
import type { AttrFlagName, Revision } from '../../uapi/revision.ts';
import { S_IFDIR, S_IFREG, inode, isDirectory, type Inode } from '../session/inode.ts';
import type { FileSystem } from '../session/ordinary.ts';

export class Tree implements FileSystem {
  readonly revision: Revision;
  readonly opens = true;
  readonly root = inode(FUSE_ROOT_ID, FUSE_ROOT_ID, S_IFDIR | 0o755);
  readonly #byNodeid = new Map<bigint, Inode>([[FUSE_ROOT_ID, this.root]]);
  readonly #paths = new Map<Inode, string>([[this.root, '']]);
  #next = 2n;

  constructor(revision: Revision, files: Readonly<Record<string, FileOptions>>) {
    this.revision = revision;
    for (const [path, options] of Object.entries(files)) this.#add(path, options);
  }

  find(nodeid: bigint): Inode | undefined {
    return this.#byNodeid.get(nodeid);
  }

  /** Path under which the file was made; undefined: no such node. */
  pathOf(nodeid: bigint): string | undefined {
    const node = this.#byNodeid.get(nodeid);
    return node && this.#paths.get(node);
  }

  at(path: string): Inode | undefined {
    return path.split('/').reduce<Inode | undefined>((node, name) => name === '' ? node : node?.children?.get(name), this.root);
  }

  lookup(parent: Inode, name: string): Inode | undefined {
    return parent.children?.get(name);
  }

  create(parent: Inode, name: string, mode: number): Inode {
    const nodeid = this.#next++;
    // Far from the node ids, so that a kernel that mixes them up is noticed.
    const node = inode(nodeid, nodeid + 1000n, mode, (mode & S_IFDIR) === 0 ? { content: Buffer.alloc(0) } : {});
    parent.children?.set(name, node);
    this.#byNodeid.set(nodeid, node);
    const above = this.#paths.get(parent);
    this.#paths.set(node, above ? `${above}/${name}` : name);
    return node;
  }

  /** A file without content that is read through FUSE after all: zeros. */
  read(_node: Inode, _offset: bigint, length: number): Uint8Array {
    return new Uint8Array(length);
  }

  #add(path: string, options: FileOptions): void {
    const names = path.split('/').filter((name) => name !== '');
    const last = names.pop();
    if (last === undefined) throw new Error(`'${path}' is no path for a file`);
    let parent = this.root;
    for (const name of names) parent = parent.children!.get(name) ?? this.create(parent, name, S_IFDIR | 0o755);
    if (!isDirectory(parent)) throw new Error(`'${path}' lies in a file, not in a directory`);
    const node = this.create(parent, last, S_IFREG | (options.mode ?? 0o644));
    const iomap = options.iomap ?? options.content === undefined;
    const flags: AttrFlagName[] = [...(iomap ? ['IOMAP', 'EXCLUSIVE'] as const : []), ...(options.attrFlags ?? [])];
    node.attrFlags = flags.reduce((sum, flag) => sum | (this.revision.attrFlags[flag] ?? 0), 0);
    if (options.directIo) node.openFlags = OPEN_REPLY.DIRECT_IO;
    if (options.content === undefined) delete node.content;
    else node.content = Buffer.from(options.content);
    node.sizeBytes = BigInt(options.sizeBytes ?? node.content?.length ?? 0);
  }
}
