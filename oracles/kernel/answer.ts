/**
 * What the kernel makes of the form of an answer, before anybody looks at its payload. Source: Linux, fs/fuse/dev.c,
 * fuse_dev_do_write.
 */
import type { Reply } from '../../model/case.ts';
import type { Exchange, SentReply } from '../../model/observation.ts';
import { operationsByName } from '../../uapi/fuse-operations.ts';
import { outHeader } from '../../uapi/fuse-structs.ts';
import type { Revision } from '../../uapi/revision.ts';
import { errnos } from '../../uapi/errno.ts';
import { Unspecified } from './driver.ts';
import { PAGE_SIZE } from '../../uapi/units.ts';

/** What goes out for a raw reply of a case. */
export function rawReply({
  payload,
  error = 0,
  lengthBytes,
  unique,
  sentBytes,
}: Extract<Reply, { kind: 'raw' }>): SentReply {
  const whole = outHeader.size + payload.length / 2;
  const sent = Math.min(sentBytes ?? whole, whole);
  if (sent < outHeader.size) return { error: 0, payload: new Uint8Array(), sentBytes: sent };
  return {
    error,
    payload: Buffer.from(payload, 'hex').subarray(0, sent - outHeader.size),
    ...((lengthBytes ?? whole) !== sent && { lengthBytes: lengthBytes ?? whole }),
    ...(unique !== undefined && { unique }),
  };
}

/** Errnos of a header lie in (-512, 0]. */
const MAX_ERRNO = 511;

/** The errno of the write() of an answer whose header does not fit: undefined where it does. */
export function headerFault({
  error,
  payload,
  cutBytes = 0,
  lengthBytes,
  unique,
  sentBytes,
}: SentReply): number | undefined {
  if (sentBytes !== undefined || lengthBytes !== undefined) return errnos.EINVAL;
  // A notification, whose code is in the place of the error; none has such a number.
  if (unique === 0n) return errnos.EINVAL;
  if (error > 0 || error < -MAX_ERRNO) return errnos.EINVAL;
  if (unique !== undefined) return errnos.ENOENT;
  return error !== 0 && payload.length + cutBytes > 0 ? errnos.EINVAL : undefined;
}

type Sizes = { least?: number; most: number };
/** Without room the answer says only how much there is: struct fuse_getxattr_out. */
const attribute = (request: Record<string, unknown>): Sizes =>
  Number(request['size']) === 0 ? { least: 8, most: 8 } : { most: Number(request['size']) };
/**
 * Sizes of an answer that is not of one size, or of a layout that nobody looks into. Source: the callers of
 * fuse_simple_request().
 */
const variable: Readonly<Record<string, (request: Record<string, unknown>) => Sizes>> = {
  READ: (request) => ({ most: Number(request['size']) }),
  INIT: () => ({ most: 64 }),
  IOMAP_CONFIG: () => ({ most: 104 }),
  READDIR: (request) => ({ most: Number(request['size']) }),
  READLINK: () => ({ most: 4095 }),
  LISTXATTR: attribute,
  GETXATTR: attribute,
  STATX: () => ({ least: 288, most: 288 }),
  // There is room for a page at least, for a list of further ranges (fs/fuse/ioctl.c, fuse_do_ioctl).
  IOCTL: (request) => ({ least: 16, most: 16 + Math.max(PAGE_SIZE, Number(request['outSize'])) }),
};

/**
 * The errno that write() of an answer to request `name` must give: EINVAL for the size of its payload or for its
 * header, ENOENT for a request that nobody waits for, else 0. Undefined: the size is not laid down here.
 */
export function writeResult(
  revision: Revision,
  name: string,
  request: Record<string, unknown>,
  sent: SentReply,
): number | undefined {
  const layout = operationsByName(revision).get(name)?.reply;
  // Nobody waits for an answer to such a request, and what is behind its header is not looked at.
  if (layout === 'never') return headerFault({ ...sent, payload: new Uint8Array(), cutBytes: 0 }) ?? errnos.ENOENT;
  const fault = headerFault(sent);
  if (fault !== undefined || sent.error !== 0) return fault ?? 0;
  const size = sent.payload.length + (sent.cutBytes ?? 0);
  const sizes = variable[name]?.(request);
  if (sizes) return size > sizes.most || size < (sizes.least ?? 0) ? errnos.EINVAL : 0;
  if (layout === undefined || layout === 'data') return undefined;
  return size === (layout === 'none' ? 0 : layout.size) ? 0 : errnos.EINVAL;
}

/** The answer's payload, as plain bytes. */
export const payloadOf = (exchange: Exchange): Buffer => Buffer.from(exchange.reply?.payload ?? new Uint8Array());

/**
 * Positive errno of an answer, 0 for none. Of an answer whose header the kernel does not take it is EIO: the server
 * then ends the request by that (harness/guest/session/server.ts).
 */
export function repliedErrno(exchange: Exchange): number {
  if (exchange.ended) return errnos.ECONNABORTED;
  if (!exchange.reply) throw new Unspecified(`${exchange.name} was never answered`);
  return headerFault(exchange.reply) ? errnos.EIO : -exchange.reply.error;
}
