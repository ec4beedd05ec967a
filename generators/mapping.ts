/** Mappings that every rule lets pass, for one request. */
import fc from 'fast-check';
import type { MappingSpec } from '../model/mapping.ts';
import { NULL_ADDR } from '../uapi/revision.ts';
import { isReport, isWritePath, isZeroPath, type Path, type Setting } from './setting.ts';
import { ceil, floor } from '../uapi/units.ts';

type TypeName = Extract<MappingSpec['type'], string>;
type FlagName = Extract<MappingSpec['flags'][number], string>;
export type { TypeName, FlagName };

export interface MappingConstraints {
  setting: Setting;
  /** The file range that the mapping covers at least. */
  start: bigint;
  end: bigint;
  type: TypeName;
  /** Which of four disjoint areas of a device backs it, so that mappings of one case never share bytes. Default: 0. */
  area?: number;
  /** Device of the case. Default: any. */
  device?: number;
  /** Flags to draw from. Default: none. */
  flags?: readonly FlagName[];
  /** The mapping covers exactly the range, rounded to blocks. Default: it may start before and end behind it. */
  exact?: boolean;
}

const backedTypes: readonly TypeName[] = ['MAPPED', 'UNWRITTEN'];
export const isBackedType = (type: MappingSpec['type']): boolean => backedTypes.includes(type as TypeName);
const AREAS = 4n;
/** Areas keep room for a mapping that begins before its range. */
const SLACK_BLOCKS = 2n;

/** Flags that change nothing in what the path must do, besides the requests that follow. */
export const harmlessFlags = (path: Path): readonly FlagName[] =>
  isWritePath(path)
    ? ['NEW', 'DIRTY', 'SHARED', 'MERGED', 'BOUNDARY', 'WANT_IOMAP_END']
    : ['NEW', 'DIRTY', 'SHARED', 'MERGED', 'BOUNDARY', 'ANON_WRITE', 'ATOMIC_BIO', 'WANT_IOMAP_END'];

/** A mapping of the given type over [start, end). */
export function mapping(constraints: MappingConstraints): fc.Arbitrary<MappingSpec> {
  const { setting, type, area = 0, flags = [], exact = false } = constraints;
  const block = setting.blockSize;
  const start = floor(constraints.start, block);
  const end = ceil(constraints.end > constraints.start ? constraints.end : constraints.start + 1n, block);
  const blocksAhead = start / block < SLACK_BLOCKS ? start / block : SLACK_BLOCKS;
  const drawn = fc.record({
    before: exact ? fc.constant(0n) : fc.bigInt({ min: 0n, max: blocksAhead }),
    // Behind the largest file position a mapping may end, but then the operation may fail for it.
    behind: exact || end >= 1n << 62n ? fc.constant(0n) : fc.bigInt({ min: 0n, max: SLACK_BLOCKS }),
    device:
      constraints.device === undefined
        ? fc.nat(Math.max(setting.devices.length - 1, 0))
        : fc.constant(constraints.device),
    place: fc.nat(15),
    flags: fc.oneof(
      { weight: 2, arbitrary: fc.constant<FlagName[]>([]) },
      { weight: 1, arbitrary: fc.subarray([...flags]) },
    ),
  });
  return drawn.map(({ before, behind, device, place, flags: drawnFlags }) => {
    const offset = start - before * block;
    const length = end - start + (before + behind) * block;
    const plain = { type, offset, length };
    if (!isBackedType(type)) {
      return { ...plain, flags: type === 'PURE_OVERWRITE' ? [] : drawnFlags, dev: 0, addr: NULL_ADDR };
    }
    const size = BigInt(setting.devices[device]!.sizeBytes);
    const areaSize = floor(size / AREAS, 4096n);
    const room = areaSize > length ? areaSize - length : 0n;
    const shift = floor((room * BigInt(place)) / 15n, 512n);
    return { ...plain, flags: drawnFlags, dev: { device }, addr: BigInt(area) * areaSize + shift };
  });
}

/** The type of a mapping on a device that a path is served by. */
export const storageType = (_path: Path): TypeName => 'MAPPED';

/** Types that a half may have on a path so that the outcome is laid down. `acted`: the path works with this half. */
export function typesFor(path: Path, half: 'read' | 'write', acted: boolean): readonly TypeName[] {
  const all: readonly TypeName[] = ['HOLE', 'DELALLOC', 'UNWRITTEN', 'MAPPED', 'INLINE'];
  if (isReport(path)) return half === 'read' ? all : [...all, 'PURE_OVERWRITE'];
  if (path === 'direct-read' || path === 'buffered-read' || path === 'mmap-read')
    return half === 'read' ? all.filter((type) => type !== 'INLINE') : [...all, 'PURE_OVERWRITE'];
  // Inline data goes through FUSE_READ and FUSE_WRITE; a hole under a direct write is a case of its own.
  if (!acted && half === 'write') return ['PURE_OVERWRITE'];
  if (path === 'writeback') return acted ? ['UNWRITTEN', 'MAPPED'] : ['HOLE', 'DELALLOC', 'UNWRITTEN', 'MAPPED'];
  // What is written to a hole or a reservation waits in the page cache for a place; what is there is read, where
  // anything says what it is.
  if (path === 'buffered-write' || path === 'mmap-write' || isZeroPath(path))
    return acted ? ['HOLE', 'DELALLOC', 'UNWRITTEN', 'MAPPED'] : ['HOLE', 'UNWRITTEN', 'MAPPED'];
  return acted ? ['DELALLOC', 'UNWRITTEN', 'MAPPED'] : ['HOLE', 'DELALLOC', 'UNWRITTEN', 'MAPPED'];
}
