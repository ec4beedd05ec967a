/**
 * The rest of a block that a direct write changes in part: what the device holds there afterwards. What a reader found
 * there before, a reader finds there still (docs/spec/behaviour.md#types).
 */
import { isType, type WireMapping } from '../rules/context.ts';
import { Unspecified } from './driver.ts';
import type { Accepted } from './accepted.ts';
import { clip, type Segment } from './content.ts';
import type { Range } from './ranges.ts';
import type { FileState, World } from './world.ts';
import { ceil, floor, max, min } from '../../uapi/units.ts';

/** Parts of blocks in front of what the mapping serves and behind it, in bytes of the file; none of whole blocks. */
export function restsOf(world: World, { pos, length }: Accepted): Range[] {
  const block = world.facts.blockSizeBytes;
  const end = pos + length;
  return [
    { start: floor(pos, block), end: pos },
    { start: end, end: ceil(end, block) },
  ].filter((range) => range.start < range.end);
}

/** What is written to is what a reader finds the rest in, so that it stays as it is. */
export function staysInPlace(world: World, { acted, source }: Accepted): boolean {
  if (!isType(world, acted, 'MAPPED') || isNew(world, acted)) return false;
  return (
    source === undefined ||
    (isType(world, source, 'MAPPED') &&
      !isNew(world, source) &&
      source.dev === acted.dev &&
      source.addr - source.offset === acted.addr - acted.offset)
  );
}

const isNew = (world: World, { flags }: WireMapping): boolean => (flags & world.revision.mappingFlags.NEW!) !== 0;

/** Puts the rest of the blocks that were written in part where the mapping says. */
export class BlockRest {
  readonly #world: World;
  readonly #mapping: Accepted;
  readonly #rests: readonly { range: Range; shown: readonly Segment[] }[];
  readonly #fileEnd: bigint;

  /** Before the write changes anything. `fileEnd`: the size of the file by then; behind it nothing is laid down. */
  constructor(world: World, file: FileState, mapping: Accepted, fileEnd: bigint) {
    this.#world = world;
    this.#mapping = mapping;
    this.#fileEnd = fileEnd;
    this.#rests = restsOf(world, mapping).map((range) => ({ range, shown: shownBefore(world, file, mapping, range) }));
  }

  /** `certain`: the write succeeded. */
  put(certain: boolean): void {
    const { acted, device } = this.#mapping;
    if (!device) return;
    const content = this.#world.contents[device.index]!;
    const placeOf = (position: bigint): bigint => min(acted.addr + (position - acted.offset), device.sizeBytes);
    const inPlace = staysInPlace(this.#world, this.#mapping);
    for (const { range, shown } of this.#rests) {
      const border = min(max(this.#fileEnd, range.start), range.end);
      for (const { start, end, sources } of inPlace ? [] : clip(shown, range.start, border))
        content.putSegment({ start: placeOf(start), end: placeOf(end), sources }, certain);
      // What lies behind EOF is zeroed, merged or left alone.
      for (const { start, end, sources } of inPlace ? [] : clip(shown, border, range.end))
        content.putSegment({ start: placeOf(start), end: placeOf(end), sources }, false);
      content.mayPut(placeOf(border), placeOf(range.end), { kind: 'zero' });
    }
  }
}

/** What a reader found in the range, of a block, before the write. */
function shownBefore(
  world: World,
  file: FileState,
  { acted, source = acted }: Accepted,
  { start, end }: Range,
): Segment[] {
  const zeros: Segment[] = [{ start, end, sources: [{ kind: 'zero' }] }];
  if (isType(world, source, 'INLINE')) {
    if (world.driver.peek(world.step)?.name === 'READ')
      throw new Unspecified('how data moves from the server to a device is not laid down');
    return [{ start, end, sources: [{ kind: 'server', file: file.index, offsetBytes: start }] }];
  }
  if (!isType(world, source, 'MAPPED') || (source === acted && isNew(world, source))) return zeros;
  const device = world.facts.devices.get(source.dev);
  if (!device) return zeros;
  const at = source.addr + (start - source.offset);
  return world.contents[device.index]!.read(at, min(at + (end - start), device.sizeBytes)).map((segment) => ({
    start: segment.start - at + start,
    end: segment.end - at + start,
    // Blocks that are new hold nothing that anybody wrote: nobody need read them.
    sources: isNew(world, source) ? [...segment.sources, { kind: 'zero' }] : segment.sources,
  }));
}
