/** The surroundings of a reply: mount geometry, devices, file, the operation and how much of it was served before. */
import fc from 'fast-check';
import type { Geometry } from '../model/case.ts';
import { LOFF_MAX, PAGE, SECTOR, max } from '../uapi/units.ts';

export const paths = [
  'direct-read',
  'direct-write',
  'fiemap',
  'seek-data',
  'seek-hole',
  'buffered-read',
  'truncate',
  'fallocate',
  'zeroing',
  'buffered-write',
  'writeback',
  'mmap-read',
  'mmap-write',
] as const;
/** A way in which a reply to BEGIN is used. */
export type Path = (typeof paths)[number];
/** Paths whose operation zeroes what it is about; `zeroing` is what lies between EOF and a write behind it. */
const zeroPaths: readonly Path[] = ['truncate', 'fallocate', 'zeroing'];
export const isZeroPath = (path: Path): boolean => zeroPaths.includes(path);
/**
 * Paths that write by the page cache: the reply in question is the one to the write or write fault, or the one to its
 * writeback.
 */
export const isCachedWrite = (path: Path): boolean =>
  path === 'buffered-write' || path === 'writeback' || path === 'mmap-write';
/** Paths whose requests are about pages: reads by the page cache, and page faults. */
export const isPaged = (path: Path): boolean => path === 'buffered-read' || isMapped(path);
const isMapped = (path: Path): boolean => path === 'mmap-read' || path === 'mmap-write';
/** Paths of write-type operations, which write to the write half of a reply. */
export const isWritePath = (path: Path): boolean => path === 'direct-write' || isZeroPath(path) || isCachedWrite(path);
/**
 * Paths of campaigns: a kernel may ask several times for one buffered read, which the judge can tell apart only when a
 * case has no other.
 */
export const campaignPaths: readonly Path[] = paths.filter(
  (path) => !isPaged(path) && !isZeroPath(path) && !isCachedWrite(path),
);

type DeviceSpec = Geometry['devices'][number];

/** All sizes and positions in bytes. */
export interface Setting {
  path: Path;
  blockSize: bigint;
  /** Undefined: the kernel's default, 2^63-1. */
  maxBytes?: bigint;
  devices: DeviceSpec[];
  mount: 'ordinary' | 'syncInit';
  fileSize: bigint;
  /** The operation is [opStart, opEnd). */
  opStart: bigint;
  opEnd: bigint;
  /** Starts of the mappings that are served before the one in question, then the place where that one is asked for. */
  cuts: bigint[];
  /** fallocate: its mode. */
  mode?: number;
  debugIomap: boolean;
}

export interface SettingConstraints {
  path: Path;
  /** Block sizes to draw from. Default: 4096 mostly, 512, 1024 and 2048. */
  blockSizes?: readonly bigint[];
  /** The reply in question is asked for at least so many blocks into the file. Default: 0. */
  minBlocks?: number;
  /** The file ends where files end: at maxbytes, and the reply is asked for its last block. Default: false. */
  atMaxBytes?: boolean;
  /** CONFIG can set maxbytes. Default: true. */
  configurable?: boolean;
  /** Device table. Default: three small devices, all opened for reading and writing. */
  devices?: readonly DeviceSpec[];
  /** Most replies before the one in question. Default: 2. */
  maxBefore?: number;
  /** Paths that write: the operation may pass EOF. Default: true. */
  mayExtend?: boolean;
  /** The mount's; null: the kernel's default. Default: drawn, and set only where the file reaches it. */
  maxBytes?: bigint | null;
}

export const DEVICE_SIZE = 1 << 20;
export const defaultDevices: readonly DeviceSpec[] = [
  { sizeBytes: DEVICE_SIZE, access: 'rw' },
  { sizeBytes: DEVICE_SIZE, access: 'rw' },
  { sizeBytes: DEVICE_SIZE / 2, access: 'rw' },
];
const BLOCK_SIZES = [512n, 1024n, 2048n, 4096n];
/** Few values: cases of equal geometry share a mount. */
const SMALL_MAX_BYTES = 1n << 20n;
/** Punch hole (which keeps the size), zero range, and zero range that keeps the size. include/uapi/linux/falloc.h */
const FALLOC_MODES = [3, 0x10, 0x11];

export const isReport = (path: Path): boolean => path === 'fiemap' || path === 'seek-data' || path === 'seek-hole';
export const isSeek = (path: Path): boolean => path === 'seek-data' || path === 'seek-hole';

/** An operation whose reply number `cuts.length - 1` is the one in question. */
export function setting(constraints: SettingConstraints): fc.Arbitrary<Setting> {
  const {
    path,
    minBlocks = 0,
    atMaxBytes = false,
    devices = defaultDevices,
    mayExtend = true,
    configurable = true,
  } = constraints;
  // What writeback asks for again after an IOEND is the kernel's own business, and each page has a fault of its own:
  // only the first reply is certain.
  const maxBefore = path === 'writeback' || isMapped(path) ? 0 : (constraints.maxBefore ?? 2);
  const blockSizes = !configurable
    ? fc.constant(4096n)
    : constraints.blockSizes
      ? fc.constantFrom(...constraints.blockSizes)
      : fc.oneof(
          { weight: 3, arbitrary: fc.constant(4096n) },
          { weight: 1, arbitrary: fc.constantFrom(...BLOCK_SIZES) },
        );
  return fc
    .record({
      blockSize: blockSizes,
      before: fc.integer({ min: 0, max: maxBefore }),
      pieces: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: maxBefore, maxLength: maxBefore }),
      startBlock: fc.integer({ min: minBlocks, max: minBlocks + 8 }),
      targetBlocks: fc.integer({ min: 1, max: 4 }),
      fileBlocksBehind: fc.integer({ min: 0, max: 4 }),
      oddStart: fc.nat(4095),
      oddEnd: fc.nat(4095),
      odd: fc.boolean(),
      extend: fc.boolean(),
      huge: fc.nat(3),
      debugIomap: fc.boolean(),
      // Each kind of mount is one more session in the guest.
      mount: configurable
        ? fc.oneof(
            { weight: 7, arbitrary: fc.constant('ordinary' as const) },
            { weight: 1, arbitrary: fc.constant('syncInit' as const) },
          )
        : fc.constant('ordinary' as const),
    })
    .map((drawn) => {
      const cached = isPaged(path);
      const block = cached ? PAGE : drawn.blockSize;
      const served = drawn.pieces.slice(0, drawn.before);
      const blocksBefore = served.reduce((sum, blocks) => sum + blocks, 0);
      const odd = drawn.odd && (isReport(path) || path === 'buffered-write');
      const cut =
        (odd && (path === 'fiemap' || path === 'buffered-write')) || (drawn.odd && (cached || path === 'writeback'));
      const zeroes = isZeroPath(path);
      // A direct write behind what is zeroed has to begin inside the last block.
      const lastBlock = path === 'zeroing' && block === SECTOR ? 2n * SECTOR : block;
      const shape = {
        path,
        blockSize: atMaxBytes ? lastBlock : drawn.blockSize,
        devices: [...devices],
        mount: drawn.mount,
        debugIomap: drawn.debugIomap,
      };
      if (atMaxBytes) {
        // The default maxbytes is out of reach of direct I/O that ends on a block.
        const maxBytes =
          constraints.maxBytes !== undefined
            ? (constraints.maxBytes ?? undefined)
            : !configurable || (isReport(path) && drawn.huge === 0)
              ? undefined
              : SMALL_MAX_BYTES;
        const fileSize = maxBytes ?? LOFF_MAX;
        const target = fileSize - 1n - ((fileSize - 1n) % lastBlock);
        const cuts = cutsBefore(target, served, lastBlock);
        if (zeroes) {
          const opEnd = path === 'zeroing' ? fileSize - SECTOR : fileSize;
          return {
            ...shape,
            ...(maxBytes !== undefined && { maxBytes }),
            ...extending(path),
            fileSize: cuts[0]!,
            opStart: cuts[0]!,
            opEnd,
            cuts,
          };
        }
        return {
          ...shape,
          ...(maxBytes !== undefined && { maxBytes }),
          fileSize,
          opStart: cuts[0]!,
          opEnd: fileSize,
          cuts,
        };
      }
      const startBlock = BigInt(drawn.startBlock);
      const first = startBlock * block;
      const target = first + BigInt(blocksBefore) * block;
      const end = target + BigInt(drawn.targetBlocks) * block;
      const cuts = cutsBefore(target, served, block);
      if (zeroes) return { ...shape, ...zeroed(path, { cuts, end, block, mayExtend, ...drawn }) };
      const opStart = odd ? cuts[0]! + (BigInt(drawn.oddStart) % block) : cuts[0]!;
      const opEnd = cut ? end - (BigInt(drawn.oddEnd) % block) : end;
      const sized = end + BigInt(drawn.fileBlocksBehind) * block;
      const fileSize =
        isWritePath(path) && !isMapped(path) && mayExtend && drawn.extend && drawn.before === 0
          ? target + BigInt(drawn.targetBlocks - 1) * block
          : (odd && isReport(path)) || path === 'direct-read' || cached || (isCachedWrite(path) && mayExtend)
            ? sized - (drawn.odd ? BigInt(drawn.oddEnd) % block : 0n)
            : sized;
      const atStart = cuts.length === 1 ? [opStart] : [opStart, ...cuts.slice(1)];
      // An operation that starts at EOF would ask nothing; a write may.
      const reached = isWritePath(path) ? max(fileSize, opStart) : max(fileSize, opStart + 1n);
      return {
        ...shape,
        fileSize: reached,
        opStart,
        opEnd: isSeek(path) ? reached : max(opEnd, opStart + 1n),
        cuts: atStart,
      };
    });
}

const extending = (path: Path): { mode?: number } => (path === 'fallocate' ? { mode: 0 } : {});

interface Drawn {
  cuts: bigint[];
  end: bigint;
  block: bigint;
  mayExtend: boolean;
  odd: boolean;
  oddStart: number;
  oddEnd: number;
  extend: boolean;
  huge: number;
  before: number;
  fileBlocksBehind: number;
}

/**
 * The file grows over the blocks in question, or they are in it: the block that ftruncate cuts, the range that
 * fallocate clears.
 */
function zeroed(
  path: Path,
  { cuts, end, block, mayExtend, odd, oddStart, oddEnd, extend, huge, before, fileBlocksBehind }: Drawn,
): Pick<Setting, 'fileSize' | 'opStart' | 'opEnd' | 'cuts' | 'mode'> {
  const inside = (at: number): bigint => (odd ? BigInt(at) % block : 0n);
  const cutShort = path === 'zeroing' ? 0n : inside(oddEnd);
  const grows = path === 'zeroing' || (mayExtend && (extend || (path === 'truncate' && before > 0)));
  const opStart = cuts[0]! + inside(oddStart);
  const from = (start: bigint): bigint[] => [start, ...cuts.slice(1)];
  if (grows)
    return {
      ...extending(path),
      fileSize: opStart,
      opStart,
      opEnd: max(end - cutShort, opStart + 1n),
      cuts: from(opStart),
    };
  const behind = end + BigInt(fileBlocksBehind) * block;
  if (path === 'truncate') {
    const cut = cuts[0]! + 1n + (BigInt(oddStart) % (block - 1n));
    return { fileSize: max(behind - cutShort, cut + 1n), opStart: cut, opEnd: cuts[0]! + block, cuts: [cut] };
  }
  return {
    mode: FALLOC_MODES[huge % FALLOC_MODES.length]!,
    fileSize: behind,
    opStart,
    opEnd: max(end - cutShort, opStart + 1n),
    cuts: from(opStart),
  };
}

/** Starts of pieces of so many blocks each that lie before `target`, and `target`. */
function cutsBefore(target: bigint, pieces: readonly number[], block: bigint): bigint[] {
  const cuts = [target];
  for (const blocks of [...pieces].reverse()) cuts.unshift(cuts[0]! - BigInt(blocks) * block);
  return cuts;
}

/** Where the reply in question is asked for. */
export const targetOf = (cellSetting: Setting): bigint => cellSetting.cuts[cellSetting.cuts.length - 1]!;

/** The stretch of the operation that the reply in question is about. */
export const stretch = (cellSetting: Setting): { start: bigint; end: bigint } => ({
  start: targetOf(cellSetting),
  end: cellSetting.opEnd,
});
