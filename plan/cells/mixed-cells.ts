/**
 * Cells in which one file is reached in several ways: through the page cache, past it, by mappings, by reports, by
 * copies.
 */
import fc from 'fast-check';
import { copyFileRangeOut } from '../../uapi/fuse-structs.ts';
import type { Reply, ScriptLine, Step } from '../../model/case.ts';
import type { Revision } from '../../uapi/revision.ts';
import { borders, type CellKey, type PlanCell } from '../cell.ts';
import { flatCells, type Made } from './flag-cells.ts';
import type { Ground } from './size-cells.ts';
import { errnos } from '../../uapi/errno.ts';

const { ENOSYS } = errnos;
/** fd 0 goes through the page cache, fd 1 past it. */
const openDirect: Step = { call: 'open', file: 0, flags: ['rdwr', 'direct'] };
const openSecond: Step = { call: 'open', file: 1, flags: ['rdwr'] };
const close = (fd: number): Step => ({ call: 'close', fd });
const fsync: Step = { call: 'fsync', fd: 0 };
const fstat = (fd = 0): Step => ({ call: 'fstat', fd });
const hex = (value: bigint): string => `0x${value.toString(16)}`;
const PAGE = 4096;

interface Doing {
  steps: Step[];
  note: string;
}
interface Range {
  offset: bigint;
  lengthBytes: number;
}
/** Inside the file, anywhere. */
const rangeIn = (setting: Ground): fc.Arbitrary<Range> =>
  fc
    .tuple(
      fc.bigInt({ min: 0n, max: setting.fileSize - 1n }),
      fc.constantFrom(1, 100, 512, 3000, PAGE, 2 * PAGE + 1, 12 * PAGE),
    )
    .map(([offset, length]) => ({
      offset,
      lengthBytes: Math.max(1, Math.min(length, Number(setting.fileSize - offset))),
    }));
/** Whole blocks of the file. */
const blocksIn = (setting: Ground): fc.Arbitrary<Range> => {
  const blocks = Number(setting.fileSize / setting.blockSize);
  return fc
    .tuple(fc.nat(blocks - 1), fc.integer({ min: 1, max: 6 }))
    .map(([from, count]) => ({
      offset: BigInt(from) * setting.blockSize,
      lengthBytes: Math.min(count, blocks - from) * Number(setting.blockSize),
    }));
};
const show = ({ offset, lengthBytes }: Range): string => `${hex(offset)} +${lengthBytes}`;
const types = fc.constantFrom<NonNullable<Made['type']>>('MAPPED', 'MAPPED', 'UNWRITTEN');

const pread = (range: Range, fd = 0): Step => ({ call: 'pread', fd, ...range });
const pwrite = (range: Range, fd = 0, writer = 0): Step => ({ call: 'pwrite', fd, ...range, writer });
const mmapWrite = (range: Range, writer = 0): Step => ({ call: 'mmapWrite', fd: 0, ...range, writer });
const mmapRead = (range: Range): Step => ({ call: 'mmapRead', fd: 0, ...range });
/** What leaves something in the page cache. */
const caching = (range: Range, writer = 0) =>
  fc.constantFrom(pwrite(range, 0, writer), pwrite(range, 0, writer), mmapWrite(range, writer), pread(range));

type Cell = (key: CellKey, make: (setting: Ground) => fc.Arbitrary<Made>) => PlanCell;

export function mixedCells(revision: Revision): PlanCell[] {
  const cell = flatCells(revision);
  return [
    ...directCells(cell),
    ...reportCells(cell),
    ...copyCells(cell),
    cell({ rule: 'read/ahead', path: 'buffered-read' }, (setting) =>
      fc
        .tuple(types, fc.constantFrom(512, PAGE, 3 * PAGE), fc.integer({ min: 3, max: 6 }))
        .map(([type, lengthBytes, count]) => ({
          type,
          note: `${count} reads of ${lengthBytes} bytes in a row`,
          flags: ['rdonly'],
          steps: [
            ...Array.from({ length: count }, (_, index) => pread({ offset: BigInt(index * lengthBytes), lengthBytes })),
            pread({ offset: 0n, lengthBytes: Number(setting.fileSize) }),
          ],
        })),
    ),
    cell({ rule: 'mmap/direct-io', path: 'mmap-read' }, (setting) =>
      fc
        .tuple(types, rangeIn(setting), fc.boolean())
        .map(([type, range, writes]) => ({
          type,
          directIo: true,
          steps: [...(writes ? [mmapWrite(range)] : []), mmapRead(range)],
          note: `${show(range)} of a file opened with FOPEN_DIRECT_IO`,
        })),
    ),
  ];
}

function directCells(cell: Cell): PlanCell[] {
  const step = (setting: Ground, writer: number): fc.Arbitrary<Doing> =>
    fc.oneof(
      rangeIn(setting).chain((range) =>
        caching(range, writer).map((one): Doing => ({ steps: [one], note: `${one.call} ${show(range)}` })),
      ),
      fc
        .tuple(blocksIn(setting), fc.boolean())
        .map(([range, writes]): Doing => ({
          steps: [writes ? pwrite(range, 1, writer) : pread(range, 1)],
          note: `direct ${writes ? 'write' : 'read'} ${show(range)}`,
        })),
      rangeIn(setting).map((range): Doing => ({ steps: [mmapRead(range)], note: `mmapRead ${show(range)}` })),
      fc.constant<Doing>({ steps: [fsync], note: 'fsync' }),
    );
  return [
    cell({ rule: 'mixed/direct-read', path: 'direct-read' }, (setting) =>
      fc
        .tuple(types, rangeIn(setting), rangeIn(setting), blocksIn(setting))
        .chain(([type, first, second, read]) =>
          fc
            .tuple(caching(first), caching(second, 1))
            .map(([a, b]) => ({
              type,
              steps: [
                openDirect,
                a,
                b,
                pread(read, 1),
                pread({ offset: 0n, lengthBytes: Number(setting.fileSize) }),
                close(1),
              ],
              note: `${a.call} ${show(first)}, ${b.call} ${show(second)}, direct read ${show(read)}`,
            })),
        ),
    ),
    cell({ rule: 'mixed/direct-write', path: 'direct-write' }, (setting) =>
      fc
        .tuple(types, rangeIn(setting), rangeIn(setting), blocksIn(setting), fc.boolean())
        .chain(([type, first, second, written, mapped]) =>
          fc
            .tuple(caching(first), caching(second, 1))
            .map(([a, b]) => ({
              type,
              note: `${a.call} ${show(first)}, ${b.call} ${show(second)}, direct write ${show(written)}`,
              steps: [
                openDirect,
                a,
                b,
                pwrite(written, 1, 2),
                mapped
                  ? mmapRead({ offset: 0n, lengthBytes: Number(setting.fileSize) })
                  : pread({ offset: 0n, lengthBytes: Number(setting.fileSize) }),
                fsync,
                close(1),
              ],
            })),
        ),
    ),
    cell({ rule: 'mixed/sequence', path: 'direct-write' }, (setting) =>
      types.chain((type) =>
        fc
          .tuple(...[0, 1, 2, 3, 4].map((writer) => step(setting, writer)))
          .map((list) => ({
            type,
            steps: [
              openDirect,
              ...list.flatMap(({ steps }) => steps),
              pread({ offset: 0n, lengthBytes: Number(setting.fileSize) }),
              fsync,
              close(1),
            ],
            note: list.map(({ note }) => note).join(', '),
          })),
      ),
    ),
  ];
}

function reportCells(cell: Cell): PlanCell[] {
  const seeks = (['seek-data', 'seek-hole'] as const).map((path) =>
    cell({ rule: 'seek/cached', path }, (setting) =>
      fc
        .tuple(
          rangeIn(setting),
          rangeIn(setting),
          fc.bigInt({ min: 0n, max: setting.fileSize - 1n }),
          fc.constantFrom('dirty', 'synced', 'dirty'),
        )
        .chain(([first, second, from, how]) =>
          fc.tuple(caching(first), caching(second, 1)).map(([a, b]) => {
            const call = path === 'seek-data' ? ('seekData' as const) : ('seekHole' as const);
            return {
              type: 'UNWRITTEN' as const,
              note: `${a.call} ${show(first)}, ${b.call} ${show(second)}, ${how}, from ${hex(from)}`,
              steps: [
                a,
                ...(how === 'synced' ? [fsync] : []),
                b,
                { call, fd: 0, offset: from },
                { call, fd: 0, offset: 0n },
              ],
            };
          }),
        ),
    ),
  );
  const sync = borders.map((border) =>
    cell({ rule: 'fiemap/sync', path: 'fiemap', border }, (setting) =>
      fc
        .tuple(types, rangeIn(setting), rangeIn(setting))
        .chain(([type, first, second]) =>
          fc
            .tuple(caching(first), caching(second, 1))
            .map(([a, b]) => ({
              type,
              note: `${a.call} ${show(first)}, ${b.call} ${show(second)}, then FIEMAP ${border === 'violating' ? 'with' : 'without'} FIEMAP_FLAG_SYNC`,
              steps: [
                a,
                b,
                {
                  call: 'fiemap' as const,
                  fd: 0,
                  start: 0n,
                  lengthBytes: setting.fileSize,
                  flags: border === 'violating' ? 1 : 0,
                  extents: 8,
                },
                pread({ offset: 0n, lengthBytes: Number(setting.fileSize) }),
              ],
            })),
        ),
    ),
  );
  return [...seeks, ...sync];
}

/** Files 0 and 1, open as fds 0 and 1. */
function copyCells(cell: Cell): PlanCell[] {
  const lines = (on: ScriptLine['on'][], reply: Reply): ScriptLine[] => on.map((name) => ({ on: name, reply }));
  const copy = (from: Range, offset: bigint): Step => ({
    call: 'copyFileRange',
    from: 0,
    fromOffset: from.offset,
    fd: 1,
    offset,
    lengthBytes: from.lengthBytes,
  });
  const places = (setting: Ground): fc.Arbitrary<bigint> =>
    fc.constantFrom(0n, 7n, setting.blockSize, setting.fileSize - 1n, setting.fileSize, setting.fileSize + 700n);
  const both = (setting: Ground): fc.Arbitrary<Doing> =>
    fc
      .tuple(rangeIn(setting), rangeIn(setting), fc.boolean())
      .map(([a, b, reads]): Doing => ({
        steps: [pwrite(a), reads ? pread(b, 1) : pwrite(b, 1, 1)],
        note: `written ${show(a)}, the other ${reads ? 'read' : 'written'} ${show(b)}`,
      }));
  const all = (setting: Ground, fd: number): Step =>
    pread({ offset: 0n, lengthBytes: Number(setting.fileSize) * 2 + 1000 }, fd);
  return [
    cell({ rule: 'copy/flush', path: 'copy' }, (setting) =>
      fc
        .tuple(both(setting), rangeIn(setting), places(setting), types)
        .map(([before, from, offset, type]) => ({
          type,
          second: true,
          note: `${before.note}; ${show(from)} copied to ${hex(offset)}`,
          extra: lines(['COPY_FILE_RANGE_64'], {
            kind: 'raw',
            payload: Buffer.from(copyFileRangeOut.encode({ bytesCopied: BigInt(from.lengthBytes) })).toString('hex'),
          }),
          steps: [
            openSecond,
            ...before.steps,
            copy(from, offset),
            fstat(1),
            all(setting, 1),
            all(setting, 0),
            { call: 'fsync', fd: 1 },
            close(1),
          ],
        })),
    ),
    cell({ rule: 'copy/splice', path: 'copy' }, (setting) =>
      fc
        .tuple(both(setting), rangeIn(setting), places(setting), types, fc.boolean(), fc.boolean())
        .map(([before, from, offset, type, cached, again]) => ({
          type,
          second: true,
          note: `${cached ? `${before.note}; ` : ''}${show(from)} copied to ${hex(offset)} by the kernel`,
          extra: lines(['COPY_FILE_RANGE_64', 'COPY_FILE_RANGE'], { kind: 'error', errno: ENOSYS }),
          steps: [
            openSecond,
            ...(cached ? before.steps : []),
            copy(from, offset),
            fstat(1),
            ...(again ? [copy(from, 0n)] : []),
            all(setting, 1),
            { call: 'fsync', fd: 1 },
            close(1),
          ],
        })),
    ),
  ];
}
