/** IOMAP_IOEND of a direct write: when it must be sent, with what, and what its answer does. */
import { errnos, negativeErrnoText } from '../../uapi/errno.ts';
import type { Exchange } from '../../model/observation.ts';
import { ioendOut } from '../../uapi/iomap.ts';
import { NULL_ADDR, type IoendFlagName } from '../../uapi/revision.ts';
import { isType } from '../rules/context.ts';
import type { ExpectedField } from './driver.ts';
import type { FileState, World } from './world.ts';
import { payloadOf, repliedErrno } from './answer.ts';
import type { Accepted } from './accepted.ts';

export interface DirectIoend {
  /** Start of the write, and the bytes that were submitted. */
  pos: bigint;
  bytes: bigint;
  /** Where the write would have ended. */
  reaches: bigint;
  /** Mappings that it submitted I/O to. */
  mappings: readonly Accepted[];
  /** All that it was given, the one that it failed at included. Default: those. */
  given?: readonly Accepted[];
  /** The write failed with one of these; empty: with any. */
  errnos?: readonly number[];
}

/** The IOEND that the kernel sends next, where it is one of a direct write at `pos`. */
function nextDirect(world: World, file: FileState, pos: bigint): Exchange | undefined {
  const seen = world.driver.peek(world.step);
  const { DIRECT } = world.revision.ioendFlags;
  const isIt =
    seen?.name === 'IOMAP_IOEND' &&
    (seen.file ?? file.index) === file.index &&
    (Number(seen.request['flags'] ?? 0) & DIRECT!) !== 0 &&
    seen.request['pos'] === pos;
  return isIt ? seen : undefined;
}

/**
 * A direct write that ends before a mapping was used may report why by IOEND
 * (docs/spec/behaviour.md#requests-of-syscalls, on ENOSYS and RWF_NOWAIT). Returns the errno of the answer, 0 where
 * nothing was reported.
 */
export function mayReportFailure(
  world: World,
  file: FileState,
  pos: bigint,
  reaches: bigint,
  ...reasons: readonly number[]
): number {
  const seen = nextDirect(world, file, pos);
  if (!seen || Number(seen.request['error'] ?? 0) >= 0) return 0;
  return directIoend(world, file, { pos, bytes: 0n, reaches, mappings: [], errnos: reasons });
}

/**
 * Sends IOEND where the rules ask for it: for an error, and when bytes > 0 together with SHARED, UNWRITTEN or APPEND.
 * Returns the errno of the answer, 0 for none; ENOSYS is remembered and counts as success.
 */
export function directIoend(world: World, file: FileState, write: DirectIoend): number {
  const { revision } = world;
  if (revision.opcodes.IOMAP_IOEND === undefined || world.enosys.ioend) return 0;
  const bit = (name: IoendFlagName) => revision.ioendFlags[name]!;
  const bitsOf = (mappings: readonly Accepted[]): number =>
    mappings.reduce(
      (bits, { acted }) =>
        bits |
        ((acted.flags & revision.mappingFlags.SHARED!) !== 0 ? bit('SHARED') : 0) |
        (isType(world, acted, 'UNWRITTEN') ? bit('UNWRITTEN') : 0),
      0,
    );
  const accumulated = bitsOf(write.mappings);
  const failures = write.errnos;
  const failed = failures !== undefined;
  const end = write.pos + write.bytes;
  const whenSent = file.onDisk.candidates;
  // Writeback that was reported meanwhile may have told a size.
  world.driver.peek(world.step);
  const passes = file.onDisk.isPassedBy(end, whenSent);
  const seen = passes === 'maybe' ? nextDirect(world, file, write.pos) : undefined;
  const appends =
    passes === 'yes' || (seen !== undefined && (Number(seen.request['flags'] ?? 0) & bit('APPEND')) !== 0);
  if (!failed && write.bytes > 0n) file.onDisk.shown(end, appends, whenSent);
  if (!failed && (write.bytes === 0n || (accumulated === 0 && !appends))) return 0;
  const direct = bit('DIRECT');
  const wanted = direct | accumulated | (appends ? bit('APPEND') : 0);
  const reachable =
    direct |
    bitsOf(write.given ?? write.mappings) |
    (file.onDisk.isPassedBy(write.reaches) === 'no' ? 0 : bit('APPEND'));
  const exact = (value: bigint | number): ExpectedField => ({ value });
  const exchange = world.driver.owed(
    {
      name: 'IOMAP_IOEND',
      file: file.index,
      rule: 'request/ioend',
      fields: {
        // What a failed write had reached before it failed is not laid down.
        flags: failed
          ? {
              value: wanted,
              text: 'DIRECT',
              accepts: (seen) => (Number(seen) & direct) !== 0 && (Number(seen) & ~reachable) === 0,
            }
          : exact(wanted),
        error: failed
          ? {
              value: -(failures[0] ?? errnos.EIO),
              text:
                failures.length === 0
                  ? 'a negative errno'
                  : failures.map((errno) => negativeErrnoText(-errno)).join(' or '),
              accepts: (seen) => Number(seen) < 0 && (failures.length === 0 || failures.includes(-Number(seen))),
            }
          : exact(0),
        attrIno: exact(file.ino),
        pos: exact(write.pos),
        newAddr: exact(NULL_ADDR),
        dev: exact(0),
        pad: exact(0),
        written: failed
          ? { value: write.bytes, text: `at most ${write.bytes}`, accepts: (seen) => BigInt(seen) <= write.bytes }
          : exact(write.bytes),
      },
    },
    world.step,
  );
  return exchange ? acknowledged(world, file, exchange) : 0;
}

/** What the answer to IOEND does. Returns its errno, 0 for none; ENOSYS is remembered and counts as success. */
export function acknowledged(world: World, file: FileState, exchange: Exchange): number {
  const errno = repliedErrno(exchange);
  if (errno === errnos.ENOSYS) {
    world.enosys.ioend = true;
    return 0;
  }
  if (errno !== 0) return errno;
  const payload = payloadOf(exchange);
  if (payload.length !== ioendOut.size) return errnos.EIO;
  const { newsize } = ioendOut.decode(payload);
  file.onDisk.raise(newsize);
  return 0;
}
