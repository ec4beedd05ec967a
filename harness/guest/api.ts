/**
 * What a `serve` script imports as 'iomapfuzz/server': a FUSE server that answers the kernel's requests as the script says.
 *
 *     import { defineServer, mapped } from 'iomapfuzz/server';
 *     export default defineServer({
 *       devices: [{ sizeBytes: 1 << 20 }],
 *       files: { 'file': { sizeBytes: 65536 } },
 *       handlers: { begin: () => mapped({ device: 0, addr: 0, offset: 0, length: 65536 }) },
 *     });
 *
 * The handlers run inside the guest, one at a time, on the thread that reads /dev/fuse: they must not use promises. A
 * handler that returns nothing leaves the request to the server's ordinary behaviour. All sizes, offsets and lengths are
 * bytes; bigint where the kernel gives them, number or bigint where a script does.
 */
import { constants } from 'node:os';
import type { AttrFlagName, IoendFlagName, MappingFlagName, MappingTypeName, OpFlagName, RevisionId } from '../uapi/revision.ts';

export type Bytes = number | bigint;

/** A block device that the server registers with the connection, in this order; mappings name it by its position. */
export interface DeviceOptions {
  /** A multiple of 512. */
  sizeBytes: number;
  /** How the server opens it; the default is 'rw'. */
  access?: 'rw' | 'ro' | 'wo';
  /** What it holds at the start, from its first byte on; by default words that say which device and place they are. */
  content?: string | Uint8Array;
}

export interface FileOptions {
  /** Size in the file's attributes. */
  sizeBytes?: Bytes;
  /** A file whose bytes the server keeps: an ordinary FUSE file, without iomap unless `iomap` says so. */
  content?: string | Uint8Array;
  /** Give the inode ATTR_IOMAP and ATTR_EXCLUSIVE; the default for files without `content`. */
  iomap?: boolean;
  /** Further flags of fuse_attr.flags, such as 'ATOMIC'. */
  attrFlags?: AttrFlagName[];
  /** FOPEN_DIRECT_IO in the answer to OPEN. */
  directIo?: boolean;
  /** Permission bits; the default is 0o644. */
  mode?: number;
}

/** One mapping. Made by `mapped` and its siblings, or by hand where a test wants what they do not make. */
export interface Mapping {
  type: MappingTypeName | number;
  flags?: (MappingFlagName | number)[];
  /** Position of a device in `devices`; or `{ cookie }`, that number as it is. Absent: no device. */
  device?: number | { cookie: number };
  /** Bytes on the device; absent: no address (all ones). */
  addr?: Bytes;
  /** Bytes in the file. */
  offset: Bytes;
  length: Bytes;
}

interface Range { offset: Bytes; length: Bytes; flags?: (MappingFlagName | number)[] }
interface Backed extends Range { device: number; addr: Bytes }

/** The bytes lie on the device, at addr. */
export const mapped = (at: Backed): Mapping => ({ type: 'MAPPED', ...at });
/** Space on the device that was never written: reads give zeros. */
export const unwritten = (at: Backed): Mapping => ({ type: 'UNWRITTEN', ...at });
/** Nothing: reads give zeros. */
export const hole = (at: Range): Mapping => ({ type: 'HOLE', ...at });
/** Promised space that has no place yet. */
export const delalloc = (at: Range): Mapping => ({ type: 'DELALLOC', ...at });
/** The server itself has the bytes: the kernel asks with READ and writes with WRITE. */
export const inline = (at: Range): Mapping => ({ type: 'INLINE', ...at });
/** As the write half: writes go where the read half says. */
export const pureOverwrite = (at: Range): Mapping => ({ type: 'PURE_OVERWRITE', ...at });
/** Look into the mapping cache again. */
export const retryCache = (at: Range): Mapping => ({ type: 'RETRY_CACHE', ...at });
/** Only in `notify.upsert`: leave this half alone. */
export const nocache = (at: Range = { offset: 0, length: 0 }): Mapping => ({ type: 'NOCACHE', ...at });

export type ErrnoName = keyof typeof constants.errno;
/** What a request is answered, when it is no mapping. */
export type Reply =
  | { kind: 'error'; errno: number }
  /** Success with these bytes, whatever their number. */
  | { kind: 'payload'; payload: Uint8Array }
  /** Success with these bytes behind a header that lies. */
  | { kind: 'raw'; payload: Uint8Array; error?: number; lengthBytes?: number; unique?: bigint }
  | { kind: 'held' };

/** Fail with this errno, by name ('EIO') or number (5). */
export const error = (errno: ErrnoName | number): Reply => ({ kind: 'error', errno: typeof errno === 'number' ? errno : constants.errno[errno] });
/** Succeed, without a payload. */
export const ok = (): Reply => ({ kind: 'payload', payload: new Uint8Array(0) });
/** Succeed with a payload of your own: the kernel judges its size. */
export const payload = (bytes: Uint8Array): Reply => ({ kind: 'payload', payload: bytes });
/** For malformed replies. `error` goes out as it is (a good one is 0 or negative), `lengthBytes` and `unique` replace the true ones. */
export const raw = (bytes: Uint8Array, header: { error?: number; lengthBytes?: number; unique?: bigint } = {}): Reply => ({ kind: 'raw', payload: bytes, ...header });

/** What every handler is told of its request. */
export interface AnyRequest {
  /** Name of the operation: IOMAP_BEGIN, LOOKUP ... */
  readonly name: string;
  /** Path of the file in the mount, without a leading slash; '' is the root; undefined: a request about the connection. */
  readonly file: string | undefined;
  readonly unique: bigint;
  readonly nodeid: bigint;
  /** All fields of the request's structure, by the names of harness/uapi. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Names that the request carries, as LOOKUP does. */
  readonly names: readonly string[];
  /** The bytes of a WRITE. Only valid while the handler runs: copy what you keep. */
  readonly data: Uint8Array;
}
export interface BeginRequest extends AnyRequest {
  readonly opflags: number;
  readonly ops: ReadonlySet<OpFlagName>;
  readonly pos: bigint;
  readonly count: bigint;
}
export interface EndRequest extends BeginRequest { readonly written: bigint }
export interface IoendRequest extends AnyRequest {
  readonly flags: ReadonlySet<IoendFlagName>;
  /** 0 or a negative errno. */
  readonly error: number;
  readonly pos: bigint;
  readonly written: bigint;
  readonly newAddr: bigint;
}
export interface IoRequest extends AnyRequest { readonly offset: bigint; readonly size: number }

/** A request that is kept; until `answer` is called, its caller waits. */
export interface Held extends AnyRequest {
  /** The same values that a handler may return. Returns 0, or the errno with which the kernel refused the reply. */
  answer(result: Answerable): number;
}

/** Both halves of a BEGIN reply. */
export interface Mappings { read: Mapping; write: Mapping }
/** One mapping is the read half; the write half then asks to overwrite it. */
export type Answerable = Reply | Mapping | Mappings | undefined;
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- a handler that only logs returns nothing
type Result<T> = T | Reply | undefined | void;

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

/** Notifications return 0, or the errno with which the kernel refused them. */
export interface Notify {
  /** Puts mappings into the kernel's cache for this file. */
  upsert(file: string, halves: { read: Mapping; write?: Mapping }): number;
  /** Takes ranges out of it. */
  invalidate(file: string, halves: { read?: Range; write?: Range }): number;
  /** Drops the device's page cache for a range. */
  devInvalidate(device: number, range: Range): number;
  /** Any notification, byte by byte. */
  raw(code: number, bytes: Uint8Array): number;
}

export interface Context {
  readonly revision: RevisionId;
  /** What BACKING_OPEN gave for each device: a cookie, or -errno. */
  readonly cookies: readonly number[];
  readonly notify: Notify;
  /** Keeps the current request: return what `hold` returns, and call its `answer` later. */
  hold(): Held & Reply;
  /** Runs `callback` between two requests, in so many milliseconds or a little later. */
  after(delayMs: number, callback: () => void): void;
  /** Makes everybody wait: the server does nothing for so long. */
  delay(ms: number): void;
  /** A line in the transcript. */
  log(text: string): void;
}

type Handler<R, T = never> = (request: R, context: Context) => Result<T>;

/** By operation. Any operation of the protocol may be named in `any`, which is asked when its own handler gave nothing. */
export interface Handlers {
  begin?: Handler<BeginRequest, Mapping | Mappings>;
  end?: Handler<EndRequest>;
  /** A number or bigint is the file's new size on disk. */
  ioend?: Handler<IoendRequest, Bytes>;
  config?: Handler<AnyRequest, ConfigFields>;
  lookup?: Handler<AnyRequest>;
  getattr?: Handler<AnyRequest>;
  setattr?: Handler<AnyRequest>;
  open?: Handler<AnyRequest>;
  /** Bytes: what the file holds there. */
  read?: Handler<IoRequest, Uint8Array>;
  /** A number: so many bytes were written. */
  write?: Handler<IoRequest, number>;
  fsync?: Handler<AnyRequest>;
  fallocate?: Handler<AnyRequest>;
  lseek?: Handler<AnyRequest>;
  freeze?: Handler<AnyRequest>;
  unfreeze?: Handler<AnyRequest>;
  shutdown?: Handler<AnyRequest>;
  any?: Handler<AnyRequest>;
}

export interface ServerDefinition {
  /** The default is r3. */
  revision?: RevisionId;
  devices?: DeviceOptions[];
  /** By path; directories come with the paths. */
  files?: Record<string, FileOptions>;
  handlers?: Handlers;
}

/** Gives a script its types; it returns what it is given. */
export const defineServer = (definition: ServerDefinition): ServerDefinition => definition;
