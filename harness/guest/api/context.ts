/** What handlers can do besides answering. */
import type { IoctlName, RevisionId } from '../../../uapi/revision.ts';
import type { Device, FileOptions, Node } from './files.ts';
import type { Mapping, Mappings, Range } from './mappings.ts';
import type { Reply } from './replies.ts';
import type { AnyRequest } from './requests.ts';

export type Answerable = Reply | Mapping | Mappings | undefined;

/** A request that is kept; until `answer` is called, its caller waits. */
export interface Held extends AnyRequest {
  /** The same values that a handler may return. Returns 0, or the errno with which the kernel refused the reply. */
  answer(result: Answerable): number;
}

/**
 * Notifications return 0, or the errno with which the kernel refused them. They may be sent at any time, also while
 * requests are held.
 */
export interface Notify {
  /**
   * Puts mappings into the kernel's cache for this file; without `write` it leaves alone what is cached to write to.
   */
  upsert(file: string | Node, halves: { read: Mapping; write?: Mapping }): number;
  /** Takes ranges out of it. */
  invalidate(file: string | Node, halves: { read?: Range; write?: Range }): number;
  /** Drops the device's page cache for a range. */
  devInvalidate(device: number, range: Range): number;
  /** The file's attributes are to be asked for again; with a range its page cache is dropped as well. */
  invalidateInode(file: string | Node, range?: Range): number;
  /**
   * The name is to be looked up again. The kernel takes the directory's lock for it: sent while it waits for the answer
   * to a request that changes the directory, it waits for ever. Send it by `after`.
   */
  invalidateName(directory: string | Node, name: string): number;
  /** Any notification, byte by byte. */
  raw(code: number, bytes: Uint8Array): number;
}

/** The files of the mount. What the kernel has looked up already it asks for again only when a notification says so. */
export interface Files {
  at(path: string): Node | undefined;
  find(nodeid: bigint): Node | undefined;
  /** Every inode, those without a name included. */
  all(): Iterable<Node>;
  /** undefined: it has no name. */
  pathOf(node: Node): string | undefined;
  add(path: string, options: FileOptions): Node;
  remove(path: string): void;
}

export interface Context {
  readonly revision: RevisionId;
  readonly devices: readonly Device[];
  /** What BACKING_OPEN gave for each device: a cookie, or -errno. */
  readonly cookies: readonly number[];
  readonly files: Files;
  readonly notify: Notify;
  /**
   * An ioctl of the revision on /dev/fuse, such as SET_NOFS, IOMAP_SET_BLOCKSIZE or BACKING_CLOSE: what it returns, or
   * -errno.
   */
  ioctl(name: IoctlName, argument: Uint8Array | number): number;
  /** Keeps the current request: return what `hold` returns, and call its `answer` later. */
  hold(): Held & Reply;
  /** Runs `callback` between two requests, in so many milliseconds or a little later. */
  after(delayMs: number, callback: () => void): void;
  /** Makes everybody wait: the server does nothing for so long. */
  delay(ms: number): void;
  /** A line in the transcript. */
  log(text: string): void;
}
