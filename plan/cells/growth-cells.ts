/**
 * Cells in which a file becomes larger, twice, whose blocks hold old bytes behind EOF: in every way, by every block
 * size. The server has one mapping of all that the file may have, so that whatever the kernel does not zero, or write,
 * is what the device held before.
 */
import fc from 'fast-check';
import type { PlannedCase } from '../../generators/reply-case.ts';
import { copyFileRangeOut } from '../../uapi/fuse-structs.ts';
import type { ScriptLine, Step } from '../../model/case.ts';
import type { Revision } from '../../uapi/revision.ts';
import { impossible, ofKinds, possible, type CellKey, type PlanCell } from '../cell.ts';
import { flatCase, type Made } from './flag-cells.ts';
import { ground, noSizes, type Ground } from './size-cells.ts';
import { errnos } from '../../uapi/errno.ts';
import { PAGE, ceil } from '../../uapi/units.ts';

/** As CONFIG sets them. Bytes. */
const BLOCK_SIZES = [512n, 1024n, 2048n, 4096n] as const;
/** include/uapi/linux/falloc.h */
const KEEP_SIZE = 1,
  ZERO_RANGE = 0x10;
const { ENOSYS } = errnos;

/** From `from` bytes the file grows to about `to` bytes. */
interface Growth {
  blockSize: bigint;
  from: bigint;
  to: bigint;
}

/** What makes the file larger. `to`: how large it is then. */
interface Grown {
  steps: Step[];
  to: bigint;
  extra?: ScriptLine[];
}

interface Way {
  path: string;
  name: string;
  make: (growth: Growth) => Grown;
  /** The file is open a second time, as fd 1: past the page cache, or another file is, to copy from. */
  beside?: 'direct' | 'other file';
  /** Default: all of them. */
  blockSizes?: readonly bigint[];
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const fsync: Step = { call: 'fsync', fd: 0 };
const fstat: Step = { call: 'fstat', fd: 0 };
const resize = (sizeBytes: bigint): Step => ({ call: 'ftruncate', fd: 0, sizeBytes });
const fallocate = (mode: number, offset: bigint, end: bigint): Step => ({
  call: 'fallocate',
  fd: 0,
  mode,
  offset,
  lengthBytes: end - offset,
});
const pwrite = (offset: bigint, end: bigint, fd = 0, writer = 0): Step => ({
  call: 'pwrite',
  fd,
  offset,
  lengthBytes: Number(end - offset),
  writer,
});
/**
 * So many bytes hold what tells one owner from another (model/bytes.ts): the last byte of a word, and others of it, are
 * the same for a device and for what is written there.
 */
const WORD = 8n;
/** What lies right before `end`. */
const writeLast = (end: bigint, writer: number): Step => pwrite(end - WORD, end, 0, writer);
const readAll = (sizeBytes: bigint): Step => ({
  call: 'pread',
  fd: 0,
  offset: 0n,
  lengthBytes: Number(sizeBytes) + 1000,
});
/** The page that EOF is in, with what lies behind EOF. */
const mapLast = (sizeBytes: bigint): Step => ({
  call: 'mmapRead',
  fd: 0,
  offset: sizeBytes - 1n - ((sizeBytes - 1n) % PAGE),
  lengthBytes: Number(PAGE),
});
const mapStore = (offset: bigint, end: bigint): Step => ({
  call: 'mmapWrite',
  fd: 0,
  offset,
  lengthBytes: Number(end - offset),
  writer: 0,
});
const forget: Step = { call: 'fadvise', fd: 0, offset: 0n, lengthBytes: 0, advice: 'dontneed' };

/** From the other file, which is as large as this one was. */
const copy = ({ from, to }: Growth, offset: bigint): Step => ({
  call: 'copyFileRange',
  from: 1,
  fromOffset: 0n,
  fd: 0,
  offset,
  lengthBytes: Number(to - offset < from ? to - offset : from),
});

const WAYS: readonly Way[] = [
  { path: 'truncate', name: 'ftruncate', make: ({ to }) => ({ steps: [resize(to)], to }) },
  { path: 'zeroing', name: 'a write behind EOF', make: ({ to }) => ({ steps: [pwrite(to - 100n, to)], to }) },
  { path: 'buffered-write', name: 'a write at EOF', make: ({ from, to }) => ({ steps: [pwrite(from, to)], to }) },
  { path: 'fallocate', name: 'fallocate', make: ({ from, to }) => ({ steps: [fallocate(0, from - 1n, to)], to }) },
  {
    path: 'fallocate',
    name: 'fallocate that keeps the size, then ftruncate',
    make: ({ from, to }) => ({ steps: [fallocate(KEEP_SIZE, from, to), fstat, resize(to)], to }),
  },
  {
    path: 'fallocate',
    name: 'ZERO_RANGE',
    make: ({ from, to }) => ({ steps: [fallocate(ZERO_RANGE, from + 1n, to)], to }),
  },
  {
    path: 'fallocate',
    name: 'ZERO_RANGE that keeps the size, then ftruncate',
    make: ({ from, to }) => ({ steps: [fallocate(ZERO_RANGE | KEEP_SIZE, from - 1n, to), fstat, resize(to)], to }),
  },
  {
    path: 'mmap-write',
    name: 'a mapped store behind EOF, then ftruncate',
    make: ({ from, to }) => ({ steps: [mapStore(from - 1n - ((from - 1n) % WORD), ceil(from, PAGE)), resize(to)], to }),
  },
  {
    path: 'direct-write',
    name: 'a direct write behind EOF',
    beside: 'direct',
    make: ({ blockSize, to }) => ({
      steps: [pwrite(ceil(to, blockSize), ceil(to, blockSize) + blockSize, 1)],
      to: ceil(to, blockSize) + blockSize,
    }),
  },
  {
    path: 'copy',
    name: 'a copy by the kernel',
    beside: 'other file',
    make: (growth) => ({
      steps: [copy(growth, growth.to - 100n)],
      to: growth.to,
      extra: (['COPY_FILE_RANGE_64', 'COPY_FILE_RANGE'] as const).map((on) => ({
        on,
        reply: { kind: 'error', errno: ENOSYS },
      })),
    }),
  },
  // The server says that it has copied: what is there then is what the device holds.
  {
    path: 'copy',
    name: 'a copy by the server',
    beside: 'other file',
    blockSizes: [512n, 4096n],
    make: ({ from, to }) => {
      const lengthBytes = to - from < from ? to - from : from;
      const payload = Buffer.from(copyFileRangeOut.encode({ bytesCopied: lengthBytes })).toString('hex');
      return {
        steps: [copy({ blockSize: 1n, from, to }, from)],
        to: from + lengthBytes,
        extra: [{ on: 'COPY_FILE_RANGE_64', reply: { kind: 'raw', payload } }],
      };
    },
  },
];

/** How the file becomes larger once more, from `from` to `to` bytes. */
const AGAIN: readonly ((from: bigint, to: bigint) => Step)[] = [
  (_, to) => resize(to),
  (_, to) => writeLast(to, 1),
  (from, to) => fallocate(0, from, to),
];

/** What is in the page cache of EOF's page when the file grows. */
const BEFORE: readonly ((sizeBytes: bigint) => Step[])[] = [
  () => [],
  (sizeBytes) => [readAll(sizeBytes)],
  (sizeBytes) => [mapLast(sizeBytes)],
  (sizeBytes) => [writeLast(sizeBytes, 2)],
];

/** Bytes of which some differ, whatever they are: fewer of a device may be zeros. */
const FEW = 17n;

type Look = 'content' | 'behind-eof';
interface Drawn {
  from: bigint;
  more: bigint;
  again: bigint;
  before: number;
  next: number;
  synced: number;
}

/**
 * Sizes between which the last page is another one, so that its blocks were behind EOF; what is looked at in the file
 * may be anywhere.
 */
const drawn = (blockSize: bigint, look: Look): fc.Arbitrary<Drawn> =>
  fc
    .record({
      pages: fc.bigInt({ min: 1n, max: 2n }),
      block: fc.bigInt({ min: 0n, max: PAGE / blockSize - 1n }),
      odd: fc.bigInt({ min: 1n, max: blockSize - 1n }),
      whole: fc.nat(3),
      far: look === 'content' ? fc.boolean() : fc.constant(true),
      pagesOn: fc.bigInt({ min: 0n, max: 2n }),
      inPage: fc.bigInt({ min: 200n, max: PAGE - 200n }),
      inBlock: fc.bigInt({ min: 101n, max: blockSize - 1n }),
      again: fc.bigInt({ min: FEW, max: 9000n }),
      before: fc.nat(BEFORE.length - 1),
      next: fc.nat(AGAIN.length - 1),
      synced: fc.nat(2),
    })
    .map(({ pages, block, odd, whole, far, pagesOn, inPage, inBlock, again, ...rest }) => {
      const from = pages * PAGE + block * blockSize + (whole === 0 ? 0n : odd);
      const to = far
        ? ceil(from, PAGE) + pagesOn * PAGE + inPage - (inPage % blockSize) + inBlock
        : from + 200n + inBlock;
      // Never where a block ends: there a file has nothing behind EOF.
      return { ...rest, from, more: (to | 1n) - from, again };
    });

function growing(way: Way, look: Look, blockSize: bigint): fc.Arbitrary<Made & { sizeBytes: bigint }> {
  return drawn(blockSize, look).map(({ from, more, again, before, next, synced }) => {
    const grown = way.make({ blockSize, from, to: from + more });
    const final =
      look === 'content' ? grown.to + again : ceil(grown.to, PAGE) + again - (again % blockSize) + blockSize / 2n;
    const settled = [[], [fsync], [fsync, forget]][synced]!;
    const looks = (sizeBytes: bigint): Step[] =>
      look === 'content' ? [...settled, readAll(sizeBytes)] : [mapLast(sizeBytes)];
    const beside = way.beside && {
      call: 'open' as const,
      file: way.beside === 'direct' ? 0 : 1,
      flags: ['rdwr' as const, ...(way.beside === 'direct' ? ['direct' as const] : [])],
    };
    return {
      sizeBytes: from,
      ...(way.beside === 'other file' && { second: true }),
      ...(grown.extra && { extra: grown.extra }),
      steps: [
        ...(beside ? [beside] : []),
        ...BEFORE[before]!(from),
        ...grown.steps,
        fstat,
        ...looks(grown.to),
        AGAIN[next]!(grown.to, final),
        fstat,
        ...looks(final),
        readAll(final),
        fsync,
        ...(beside ? [{ call: 'close' as const, fd: 1 }] : []),
      ],
      note: `${hex(from)} bytes become ${hex(grown.to)} by ${way.name}, and ${hex(final)}`,
    };
  });
}

export function growthCells(revision: Revision): PlanCell[] {
  const against = noSizes(revision);
  const paths = [...new Set(WAYS.map(({ path }) => path))];
  return (['content', 'behind-eof'] as const).flatMap((look) =>
    paths.map((path): PlanCell => {
      const key: CellKey = { rule: `growth/${look}`, path };
      if (against !== undefined) return impossible(key, against);
      return ofKinds(
        WAYS.filter((way) => way.path === path).flatMap((way) =>
          (way.blockSizes ?? BLOCK_SIZES).map((blockSize) => possible(key, kind(revision, way, look, blockSize))),
        ),
      );
    }),
  );
}

function kind(revision: Revision, way: Way, look: Look, blockSize: bigint): fc.Arbitrary<PlannedCase> {
  return fc.tuple(ground, growing(way, look, blockSize)).map(([surroundings, parts]): PlannedCase => {
    // Nothing here depends on how the mount was made, and each kind of mount costs more than all of these cases.
    const on: Ground = { ...surroundings, mount: 'ordinary', blockSize, fileSize: parts.sizeBytes };
    return { case: flatCase(revision, on, parts), note: `${parts.note}; block size ${blockSize}` };
  });
}
