/** SETATTR with a size: what tells the server about a truncation. */
import { SETATTR_VALID } from '../../uapi/fuse-flags.ts';
import { attrOut } from '../../uapi/fuse-structs.ts';
import { errnos } from '../../uapi/errno.ts';
import type { ExpectedRequest } from './driver.ts';
import { Unspecified } from './driver.ts';
import type { FileState, World } from './world.ts';
import { payloadOf, repliedErrno } from './answer.ts';

const asks = (file: FileState, sizeBytes: bigint): ExpectedRequest => ({
  name: 'SETATTR',
  file: file.index,
  rule: 'truncate/setattr',
  fields: {
    valid: {
      value: SETATTR_VALID.SIZE,
      accepts: (seen) => (Number(seen) & SETATTR_VALID.SIZE) !== 0,
      text: 'with SIZE',
    },
    padding: { value: 0 },
    size: { value: sizeBytes },
  },
});

/**
 * What the server said to a new size: `errno` 0 when it took it, and then the size in its answer, which the kernel may
 * believe.
 */
export type SizeAnswer = { errno: number } | { errno: 0; answeredBytes: bigint };

/**
 * The server is told about the new size. `optional`: the kernel may do so here or later; undefined when it does not.
 */
export function setSize(world: World, file: FileState, sizeBytes: bigint): SizeAnswer;
export function setSize(
  world: World,
  file: FileState,
  sizeBytes: bigint,
  optional: { plain: boolean },
): SizeAnswer | undefined;
export function setSize(
  world: World,
  file: FileState,
  sizeBytes: bigint,
  optional?: { plain: boolean },
): SizeAnswer | undefined {
  const expected = asks(file, sizeBytes);
  const exchange = optional ? world.driver.maybe(expected, optional.plain, world.step) : world.driver.request(expected);
  if (!exchange) return undefined;
  const errno = repliedErrno(exchange);
  if (errno !== 0) return { errno };
  const payload = payloadOf(exchange);
  if (payload.length !== attrOut.size) return { errno: errnos.EIO };
  const { attr } = attrOut.decode(payload);
  const regular = 0o100000,
    typeMask = 0o170000;
  // The times that it told, too, are those of a write in the same tick of the clock: nothing need follow.
  const { MTIME, CTIME } = SETATTR_VALID;
  if ((Number(exchange.request['valid']) & MTIME) !== 0 && (Number(exchange.request['valid']) & CTIME) !== 0)
    file.wb.timesReported = true;
  if ((attr.mode & typeMask) !== regular)
    throw new Unspecified('SETATTR answered by attributes of something that is no regular file is ordinary FUSE');
  file.onDisk.heard();
  return { errno: 0, answeredBytes: attr.size };
}
