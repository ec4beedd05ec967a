/**
 * Whether a change of a part of a block has to read the rest of it from a device. Contract of the library:
 * fs/iomap/buffered-io.c, __iomap_write_begin.
 */
import { hasOp, isType, writtenTo, type BeginContext } from '../rules/context.ts';
import type { FileState, World } from './world.ts';

/**
 * The read half is read for certain when a write or zeroing through the page cache covers a block in part, and
 * something of the rest that is in the file is not in the page cache. The operation reaches up to `end`, in bytes of
 * the file.
 */
export function readsRest(world: World, file: FileState, context: BeginContext, end: bigint): boolean {
  const { pos, read } = context;
  const acted = writtenTo(context);
  if (!read || !acted || !hasOp(context, 'WRITE', 'ZERO') || hasOp(context, 'DIRECT', 'FAULT', 'WRITEBACK'))
    return false;
  if (!isType(context, read, 'MAPPED') || (read.flags & context.revision.mappingFlags.NEW!) !== 0) return false;
  // Zeroing may leave out what reads zeros already.
  if (
    !isType(
      context,
      acted,
      ...(hasOp(context, 'ZERO') ? (['MAPPED'] as const) : (['MAPPED', 'UNWRITTEN', 'DELALLOC'] as const)),
    )
  )
    return false;
  const block = context.blockSizeBytes;
  const until = [end, read.offset + read.length, acted.offset + acted.length].reduce((a, b) => (a < b ? a : b));
  const inFile = (at: bigint): bigint => (at < file.sizeBytes ? at : file.sizeBytes);
  const blockEnd = until + ((block - (until % block)) % block);
  return file.cache.misses(pos - (pos % block), inFile(pos)) || file.cache.misses(until, inFile(blockEnd));
}
