/** What a script can answer, by operation. */
import type * as f from '../../../uapi/fuse-structs.ts';
import type { Context, Held } from './context.ts';
import type { Node } from './files.ts';
import type { Bytes, Mapping, Mappings } from './mappings.ts';
import type { Reply } from './replies.ts';
import type {
  AnyRequest,
  BeginRequest,
  CopyRequest,
  EndRequest,
  FallocateRequest,
  IoRequest,
  IoendRequest,
  LseekRequest,
  Request,
  SetattrRequest,
} from './requests.ts';

export type { Held };
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a handler that only logs returns nothing
type Result<T> = T | Reply | undefined | void;
type Handler<R, T = never> = (request: R, context: Context) => Result<T>;

export interface ConfigFields {
  blockSizeBytes?: number;
  maxBytes?: Bytes;
  cacheMaxBytes?: number;
  maxLinks?: number;
  timeGranNs?: number;
  timeMin?: Bytes;
  timeMax?: Bytes;
  id?: string;
  uuid?: Uint8Array;
}

/** statfs(2). The unit is `blockSizeBytes`, 4096 by default. */
export interface SpaceFields {
  blockSizeBytes?: number;
  blocks: Bytes;
  free: Bytes;
  files?: Bytes;
  filesFree?: Bytes;
}

/**
 * One handler for each operation. What it returns is the answer; nothing: the server's ordinary behaviour follows, so
 * that a handler may also take notes, or change what the ordinary answer will be made of.
 */
export interface Handlers {
  /** One mapping is the read half; the write half then asks to overwrite it. */
  begin?: Handler<BeginRequest, Mapping | Mappings>;
  end?: Handler<EndRequest>;
  /** A number or bigint is the file's new size on disk. */
  ioend?: Handler<IoendRequest, Bytes>;
  config?: Handler<AnyRequest, ConfigFields>;
  freeze?: Handler<AnyRequest>;
  unfreeze?: Handler<AnyRequest>;
  shutdown?: Handler<AnyRequest>;

  /** A file of the tree, whatever it is called there. */
  lookup?: Handler<Request, Node>;
  getattr?: Handler<AnyRequest>;
  setattr?: Handler<SetattrRequest>;
  readlink?: Handler<Request, string>;
  symlink?: Handler<Request, Node>;
  mknod?: Handler<Request<typeof f.mknodIn>, Node>;
  mkdir?: Handler<Request<typeof f.mkdirIn>, Node>;
  create?: Handler<Request<typeof f.createIn>, Node>;
  link?: Handler<Request<typeof f.linkIn>, Node>;
  unlink?: Handler<Request>;
  rmdir?: Handler<Request>;
  /** RENAME and RENAME2. */
  rename?: Handler<Request<typeof f.rename2In>>;
  open?: Handler<Request<typeof f.openIn>>;
  /** Bytes: what the file holds there. */
  read?: Handler<IoRequest, Uint8Array>;
  /** A number: so many bytes were written. */
  write?: Handler<IoRequest, number>;
  flush?: Handler<Request<typeof f.flushIn>>;
  release?: Handler<Request<typeof f.releaseIn>>;
  fsync?: Handler<Request<typeof f.fsyncIn>>;
  fallocate?: Handler<FallocateRequest>;
  /** The offset that was found. */
  lseek?: Handler<LseekRequest, Bytes>;
  /** COPY_FILE_RANGE_64 and COPY_FILE_RANGE: bytes that were copied. */
  copyFileRange?: Handler<CopyRequest, Bytes>;
  opendir?: Handler<Request<typeof f.openIn>>;
  readdir?: Handler<IoRequest>;
  releasedir?: Handler<Request<typeof f.releaseIn>>;
  fsyncdir?: Handler<Request<typeof f.fsyncIn>>;
  statfs?: Handler<AnyRequest, SpaceFields>;
  /** Bytes: the value. The answer to a question for its size is made of them. */
  getxattr?: Handler<Request<typeof f.getxattrIn>, Uint8Array>;
  /** Bytes: names, each with a NUL behind it. */
  listxattr?: Handler<Request<typeof f.getxattrIn>, Uint8Array>;
  setxattr?: Handler<Request<typeof f.setxattrIn>>;
  removexattr?: Handler<Request>;
  access?: Handler<Request<typeof f.accessIn>>;
  syncfs?: Handler<AnyRequest>;
  /** The last request of a mount. */
  destroy?: Handler<AnyRequest>;

  /** Any operation of the protocol by its name, INIT included; asked when its own handler gave nothing. */
  any?: Handler<AnyRequest>;
}
