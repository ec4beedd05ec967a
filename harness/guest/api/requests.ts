/** Requests as handlers get them. */
import type * as f from '../../../uapi/fuse-structs.ts';
import type { IoendFlagName, OpFlagName } from '../../../uapi/revision.ts';
import type { StructValue } from '../../../uapi/struct.ts';
import type { Node } from './files.ts';

/** What every handler is told of its request. */
export interface AnyRequest {
  /** Name of the operation: IOMAP_BEGIN, LOOKUP ... */
  readonly name: string;
  /**
   * Path of the file in the mount, without a leading slash; '' is the root; undefined: a request about the connection,
   * or a file that lost its name.
   */
  readonly file: string | undefined;
  /** The file; undefined: a request about the connection, or for an inode that the server does not know. */
  readonly node: Node | undefined;
  readonly unique: bigint;
  readonly nodeid: bigint;
  /** Who asks. */
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** All fields of the request's structure, by the names of uapi. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Names that the request carries, as LOOKUP does. */
  readonly names: readonly string[];
  /** The bytes of a WRITE. Only valid while the handler runs: copy what you keep. */
  readonly data: Uint8Array;
}
/** A request about a file, with the fields of a structure of uapi/fuse-structs.ts. */
export interface Request<L = unknown> extends AnyRequest {
  readonly node: Node;
  readonly args: Readonly<StructValue<L>>;
}
export interface BeginRequest extends AnyRequest {
  readonly node: Node;
  readonly opflags: number;
  readonly ops: ReadonlySet<OpFlagName>;
  readonly pos: bigint;
  readonly count: bigint;
}
export interface EndRequest extends BeginRequest {
  readonly written: bigint;
}
export interface IoendRequest extends AnyRequest {
  readonly node: Node;
  readonly flags: ReadonlySet<IoendFlagName>;
  /** 0 or a negative errno. */
  readonly error: number;
  readonly pos: bigint;
  readonly written: bigint;
  /** Bytes on the device, of writeback; all ones otherwise. */
  readonly newAddr: bigint;
}
export interface IoRequest extends AnyRequest {
  readonly node: Node;
  readonly offset: bigint;
  readonly size: number;
}
export type SetattrRequest = Request<typeof f.setattrIn>;
export type FallocateRequest = Request<typeof f.fallocateIn>;
export type LseekRequest = Request<typeof f.lseekIn>;
/** `target`: the file of args.nodeidOut. */
export interface CopyRequest extends Request<typeof f.copyFileRangeIn> {
  readonly target: Node | undefined;
}
