/** What ordinary answers need to know about the file system. */
import type { Request } from '../uapi/fuse-wire.ts';
import type { Revision } from '../uapi/revision.ts';
import type { Answer } from './answer.ts';
import type { Inode } from './inode.ts';

export interface FileSystem {
  readonly revision: Revision;
  /** Answer OPEN: without it the kernel stops sending OPEN, RELEASE and FLUSH. */
  readonly opens: boolean;
  /** How long the kernel may believe attributes. */
  readonly attrSeconds?: bigint | undefined;
  find(nodeid: bigint): Inode | undefined;
  lookup(parent: Inode, name: string): Inode | undefined;
  /** An inode of its own, without a name yet. `mode` has the type. */
  create(mode: number): Inode;
  /** Bytes of a file that has no content of its own. */
  read(node: Inode, offset: bigint, length: number): Uint8Array;
  /** The kernel is about to know the inode once more, by the answer to LOOKUP, CREATE or their like. */
  remember?(node: Inode): void;
  /** The kernel gives back so many of these. */
  forget?(nodeid: bigint, times: bigint): void;
  /** The inode has lost its last name. */
  unnamed?(node: Inode): void;
}

export type Args<T> = Request & { readonly args: T };
export type Ordinary = (fs: FileSystem, node: Inode, request: Args<never>) => Answer;
