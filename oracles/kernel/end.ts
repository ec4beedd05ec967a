/** IOMAP_END: when it must be sent, with what, and what its answer does. */
import { hasOp, isType, isWriteType } from '../rules/context.ts';
import { errnos } from '../../uapi/errno.ts';
import type { ExpectedField } from './driver.ts';
import type { FileState, World } from './world.ts';
import { payloadOf, repliedErrno } from './answer.ts';
import type { Accepted } from './accepted.ts';

/** Whether the kernel's next request is an END; a kernel that asks for what it must sends it. */
export function sendsEnd(world: World, file: FileState): boolean {
  const seen = world.driver.peek(world.step);
  return world.wire.simulated || (seen?.name === 'IOMAP_END' && (seen.file ?? file.index) === file.index);
}

/**
 * Ends an accepted mapping after `written` bytes of it. Returns the errno of the answer, 0 where there is none. After
 * WANT_IOMAP_END always sent; otherwise only for write-type operations, when the size changed or written < count. Never
 * for inline mappings, but for reports, which fetch no data. `upTo`: the rules leave `written` open, up to the
 * mapping's length; for reads through the page cache, which may skip what is there already. `sizeChanged`: the
 * operation made the file larger, which the kernel's flag in the mapping says.
 */
export function end(
  world: World,
  file: FileState,
  mapping: Accepted,
  written: bigint,
  upTo = false,
  sizeChanged = false,
): number {
  const { revision } = world;
  const { acted } = mapping;
  if (world.enosys.end || (isType(world, acted, 'INLINE') && !hasOp({ revision, opflags: mapping.opflags }, 'REPORT')))
    return 0;
  const wanted = (acted.flags & revision.mappingFlags.WANT_IOMAP_END!) !== 0;
  const short = isWriteType({ revision, opflags: mapping.opflags }) && written < mapping.length;
  if (!wanted && !short && !sizeChanged) return 0;
  const { SIZE_CHANGED, STALE } = revision.mappingFlags;
  const own = sizeChanged ? SIZE_CHANGED! : 0;
  const known = revision.serverFlagsMask | acted.flags | SIZE_CHANGED! | STALE!;
  const exact = <K extends string>(values: Record<K, bigint | number>) =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, { value }])) as Record<K, ExpectedField>;
  const exchange = world.driver.owed(
    {
      name: 'IOMAP_END',
      file: file.index,
      rule: 'request/end',
      fields: {
        ...exact({ opflags: mapping.opflags, reserved: 0, attrIno: file.ino, pos: mapping.pos, count: mapping.length }),
        written: {
          value: written,
          ...(upTo && {
            accepts: (seen: bigint | number) => BigInt(seen) >= 0n && BigInt(seen) <= mapping.length,
            text: `0 to ${mapping.length}`,
          }),
        },
        map: {
          ...exact({ offset: acted.offset, addr: acted.addr, type: acted.type, dev: acted.dev }),
          length: {
            value: acted.length,
            accepts: (seen) => seen === acted.length || seen === mapping.boundedLength,
            text: `0x${acted.length.toString(16)}`,
          },
          flags: {
            value: acted.flags | own,
            // SIZE_CHANGED and STALE are the kernel's own.
            accepts: (seen) =>
              (Number(seen) & revision.serverFlagsMask) === (acted.flags & revision.serverFlagsMask) &&
              (Number(seen) & own) === own &&
              (Number(seen) & ~known) === 0,
            text: `0x${(acted.flags | own).toString(16)}, besides the kernel's own flags`,
          },
        },
      },
    },
    world.step,
  );
  // What the operation does goes on without it, and says why it did not come.
  if (!exchange) return 0;
  const errno = repliedErrno(exchange);
  if (errno === errnos.ENOSYS) {
    world.enosys.end = true;
    return 0;
  }
  return errno === 0 && payloadOf(exchange).length !== 0 ? errnos.EIO : errno;
}
