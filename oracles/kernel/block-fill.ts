/** What stays of a block that is changed in part through the page cache. Contract of the library: fs/iomap/buffered-io.c, __iomap_write_begin. */
import { isType, type WireMapping } from '../rules/context.ts';
import { min, SECTOR } from './begin.ts';
import type { FileState, World } from './world.ts';

/** Why what is there may not be readable. */
export const isOdd = (world: World, source: WireMapping): string | undefined =>
  (isType(world, source, 'MAPPED') && source.addr % SECTOR !== 0n ? 'the address is not aligned to a sector' : undefined);

export type Filled = 'filled' | 'may fail' | 'fails';

/**
 * What stays of a block that is written in part, [start, end), comes from the read half, unless it is in the page cache already. `runEnd`: up
 * to there the kernel may read along.
 */
export function fillUp(world: World, file: FileState, source: WireMapping, start: bigint, end: bigint, runEnd: bigint): Filled {
  if (start >= end) return 'filled';
  const { cache } = file;
  const cached = !cache.misses(start, end);
  const block = world.facts.blockSizeBytes;
  const zero = { kind: 'zero' } as const;
  const behindEof = start - (start % block) >= file.sizeBytes;
  if (behindEof || !isType(world, source, 'MAPPED')) {
    cache.fill(start, end, zero);
    return 'filled';
  }
  const device = world.facts.devices.get(source.dev);
  const at = source.addr + (start - source.offset);
  // Blocks that are new hold nothing that anybody wrote.
  if ((source.flags & world.revision.mappingFlags.NEW!) !== 0) cache.fill(start, end, zero);
  const size = device?.sizeBytes ?? 0n;
  if (device) {
    for (const segment of world.contents[device.index]!.read(at, min(at + (end - start), size))) {
      for (const from of segment.sources) cache.fill(segment.start - at + start, segment.end - at + start, from);
    }
  }
  if (end > file.sizeBytes) cache.fill(start > file.sizeBytes ? start : file.sizeBytes, end, zero);
  const beyond = (until: bigint): boolean => source.addr + (until - source.offset) > size;
  if (!beyond(runEnd)) return 'filled';
  return beyond(end + ((block - (end % block)) % block)) && !cached ? 'fails' : 'may fail';
}
