/** From what handlers return to what goes out. */
import type { Bytes, ConfigFields, Mapping, Mappings, Reply, SpaceFields } from '../api.ts';
import { copyFileRangeOut, getxattrOut, kstatfs, lseekOut, writeOut } from '../../../uapi/fuse-structs.ts';
import type { Request } from '../../../uapi/fuse-wire.ts';
import { beginOut, ioendOut, type IomapIo } from '../../../uapi/iomap.ts';
import { NULL_ADDR, NULL_DEV, type Revision } from '../../../uapi/revision.ts';
import { constants } from 'node:os';
import { LOFF_MAX } from '../../../uapi/units.ts';
import { fail, succeed, type Answer } from '../../../server/answer.ts';
import { encodeConfig as encodeConfigReply } from '../../../server/config.ts';
import { cookieOf, encodeMapping as encodeSpec } from '../../../server/mapping.ts';
import type { FileSystem } from '../../../server/file-system.ts';
import type { Inode } from '../../../server/inode.ts';
import { createAnswer, entryAnswer } from '../../../server/names.ts';

export interface Encoding {
  revision: Revision;
  cookies: readonly number[];
  files: FileSystem;
}

/** Throws Error when the revision has no such type or flag: a handler that names one is mistaken. */
function checkName(table: Readonly<Record<string, number | undefined>>, value: string | number): void {
  if (typeof value === 'string' && table[value] === undefined)
    throw new Error(`this revision has no value named ${value}`);
}

export function encodeMapping(
  { revision, cookies }: Pick<Encoding, 'revision' | 'cookies'>,
  { type, flags = [], device, addr, offset, length }: Mapping,
): IomapIo {
  checkName(revision.mappingTypes, type);
  for (const flag of flags) checkName(revision.mappingFlags, flag);
  return encodeSpec(
    revision,
    {
      type,
      flags: [...flags],
      dev: device === undefined ? NULL_DEV : typeof device === 'object' ? device.cookie : { device },
      addr: addr === undefined ? NULL_ADDR : BigInt(addr),
      offset: BigInt(offset),
      length: BigInt(length),
    },
    (index) => cookieOf(cookies, index),
  );
}

const overwriteOf = ({ offset, length }: { offset: Bytes; length: Bytes }): Mapping => ({
  type: 'PURE_OVERWRITE',
  offset,
  length,
});

const encodeConfig = (revision: Revision, fields: ConfigFields): Buffer =>
  encodeConfigReply(revision, {
    kind: 'config',
    ...(fields.id !== undefined && { sId: fields.id }),
    ...(fields.uuid !== undefined && { sUuid: Buffer.from(fields.uuid).toString('hex') }),
    ...(fields.blockSizeBytes !== undefined && { blockSizeBytes: fields.blockSizeBytes }),
    ...(fields.maxLinks !== undefined && { maxLinks: fields.maxLinks }),
    ...(fields.timeGranNs !== undefined && {
      timeGranNs: fields.timeGranNs,
      timeMin: BigInt(fields.timeMin ?? 0),
      timeMax: BigInt(fields.timeMax ?? LOFF_MAX),
    }),
    ...(fields.maxBytes !== undefined && { maxBytes: BigInt(fields.maxBytes) }),
    ...(fields.cacheMaxBytes !== undefined && { cacheMaxBytes: fields.cacheMaxBytes }),
  });

function encodeSpace({
  blockSizeBytes = 4096,
  blocks,
  free,
  files = 1 << 20,
  filesFree = 1 << 20,
}: SpaceFields): Buffer {
  return kstatfs.encode({
    blocks: BigInt(blocks),
    bfree: BigInt(free),
    bavail: BigInt(free),
    files: BigInt(files),
    ffree: BigInt(filesFree),
    bsize: blockSizeBytes,
    frsize: blockSizeBytes,
    namelen: 255,
  });
}

/** The caller asks with size 0 how much room it needs (fs/fuse/xattr.c, fuse_getxattr). */
function encodeXattr(value: Uint8Array, { args }: Request): Answer {
  const room = args['size'] as number;
  if (room === 0) return succeed(getxattrOut.encode({ size: value.length }));
  return value.length > room ? fail(constants.errno.ERANGE) : succeed(value);
}

const isReply = (value: object): value is Reply => 'kind' in value;
const isMapping = (value: object): value is Mapping => 'type' in value && 'offset' in value;

type Encoder = (encoding: Encoding, value: never, request: Request) => Answer;
const entry: Encoder = ({ files }, value: Inode) => entryAnswer(files, value);
const copied: Encoder = (_, value: Bytes) => succeed(copyFileRangeOut.encode({ bytesCopied: BigInt(value) }));

/** Answers of one operation that are no Reply: what the handler's type says, by operation name. */
const encoders: Readonly<Record<string, Encoder>> = {
  IOMAP_BEGIN: (encoding, value: Mapping | Mappings) => {
    const { read, write } = isMapping(value) ? { read: value, write: overwriteOf(value) } : value;
    return succeed(beginOut.encode({ read: encodeMapping(encoding, read), write: encodeMapping(encoding, write) }));
  },
  IOMAP_IOEND: (_, value: Bytes) => succeed(ioendOut.encode({ newsize: BigInt(value) })),
  IOMAP_CONFIG: ({ revision }, value: ConfigFields) => succeed(encodeConfig(revision, value)),
  READ: (_, value: Uint8Array) => succeed(value),
  WRITE: (_, value: number) => succeed(writeOut.encode({ size: value })),
  LSEEK: (_, value: Bytes) => succeed(lseekOut.encode({ offset: BigInt(value) })),
  COPY_FILE_RANGE_64: copied,
  COPY_FILE_RANGE: (_, value: Bytes) => succeed(writeOut.encode({ size: Number(value) })),
  STATFS: (_, value: SpaceFields) => succeed(encodeSpace(value)),
  READLINK: (_, value: string) => succeed(Buffer.from(value)),
  GETXATTR: (_, value: Uint8Array, request) => encodeXattr(value, request),
  LISTXATTR: (_, value: Uint8Array, request) => encodeXattr(value, request),
  LOOKUP: entry,
  MKNOD: entry,
  MKDIR: entry,
  SYMLINK: entry,
  LINK: entry,
  CREATE: ({ files }, value: Inode) => createAnswer(files, value),
};

function replyAnswer(reply: Reply): Answer {
  switch (reply.kind) {
    case 'error':
      return fail(reply.errno);
    case 'payload':
      return succeed(reply.payload);
    default:
      return reply;
  }
}

/**
 * Undefined: the handler left the request to the server. Throws Error when the value makes no sense for the operation.
 */
export function encodeResult(encoding: Encoding, request: Request, value: unknown): Answer | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object' && isReply(value)) return replyAnswer(value);
  const encoder = encoders[request.name];
  if (!encoder)
    throw new Error(
      `a handler for ${request.name} returned ${String(value)}; it may return ok(), error(), payload(), raw(), hold() or nothing`,
    );
  return encoder(encoding, value as never, request);
}
