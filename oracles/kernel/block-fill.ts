/**
 * What stays of a block that is changed in part through the page cache. Contract of the library:
 * fs/iomap/buffered-io.c, __iomap_write_begin.
 */
import { isType, type WireMapping } from '../rules/context.ts';
import type { FileState, World } from './world.ts';
import { SECTOR, min } from '../../uapi/units.ts';
import type { Accepted } from './accepted.ts';

/** Why what is there may not be readable. */
export const isOdd = (world: World, source: WireMapping): string | undefined =>
  isType(world, source, 'MAPPED') && source.addr % SECTOR !== 0n ? 'the address is not aligned to a sector' : undefined;

export type Filled = 'filled' | 'may fail' | 'fails';

/**
 * What stays of a block that is written in part, [start, end), comes from the read half, unless it is in the page cache
 * already. `runEnd`: up to there the kernel may read along.
 */
export function fillUp(
  world: World,
  file: FileState,
  { opflags, acted, source = acted }: Accepted,
  start: bigint,
  end: bigint,
  runEnd: bigint,
): Filled {
  if (start >= end) return 'filled';
  const { cache } = file;
  const cached = !cache.misses(start, end);
  const block = world.facts.blockSizeBytes;
  const zero = { kind: 'zero' } as const;
  const behindEof = start - (start % block) >= file.sizeBytes;
  const isNew = (mapping: WireMapping): boolean => (mapping.flags & world.revision.mappingFlags.NEW!) !== 0;
  if (behindEof) {
    cache.fillRest(start, end);
    return 'filled';
  }
  if (!isType(world, source, 'MAPPED') || (source === acted && isNew(acted))) {
    cache.fill(start, end, zero);
    // To zeroing a hole may be no source at all: unless the blocks are new, their rest is what they hold.
    const zeroes = (opflags & world.revision.opFlags.ZERO) !== 0;
    if (zeroes && isType(world, source, 'HOLE') && isType(world, acted, 'MAPPED') && !isNew(acted))
      fillFrom(world, file, acted, start, end);
    return 'filled';
  }
  // Blocks that are new hold nothing that anybody wrote: the kernel need not read them.
  if (isNew(source)) cache.fill(start, end, zero);
  fillFrom(world, file, source, start, end);
  const size = world.facts.devices.get(source.dev)?.sizeBytes ?? 0n;
  if (end > file.sizeBytes) cache.fill(start > file.sizeBytes ? start : file.sizeBytes, end, zero);
  const beyond = (until: bigint): boolean => source.addr + (until - source.offset) > size;
  if (!beyond(runEnd)) return 'filled';
  return beyond(end + ((block - (end % block)) % block)) && !cached && !isNew(source) ? 'fails' : 'may fail';
}

/** The page cache has what the mapping's device holds for [start, end), as far as it reaches. */
function fillFrom(world: World, { cache }: FileState, mapping: WireMapping, start: bigint, end: bigint): void {
  const device = world.facts.devices.get(mapping.dev);
  const at = mapping.addr + (start - mapping.offset);
  if (!device) return;
  for (const segment of world.contents[device.index]!.read(at, min(at + (end - start), device.sizeBytes))) {
    for (const from of segment.sources) cache.fill(segment.start - at + start, segment.end - at + start, from);
  }
}
