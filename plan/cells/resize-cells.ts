/**
 * Cells in which some of a file is in the page cache, dirty or clean, when a syscall cuts the file, clears a range of
 * it, or makes it larger.
 */
import fc from 'fast-check';
import type { ScriptLine, Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { noCache } from '../../generators/notification.ts';
import { pureOverwrite } from '../../generators/reply-case.ts';
import { ofKinds, type CellKey, type PlanCell } from '../cell.ts';
import { flatCells, type Made } from './flag-cells.ts';
import type { Ground } from './size-cells.ts';

/** include/uapi/linux/falloc.h: punch hole (which keeps the size), zero range, the same without changing the size. */
const MODES = [3, 0x10, 0x11] as const;
const fsync: Step = { call: 'fsync', fd: 0 };
const fstat: Step = { call: 'fstat', fd: 0 };
const hex = (value: bigint): string => `0x${value.toString(16)}`;
const resize = (sizeBytes: bigint): Step => ({ call: 'ftruncate', fd: 0, sizeBytes });
const readAll = (setting: Ground): Step => ({
  call: 'pread',
  fd: 0,
  offset: 0n,
  lengthBytes: Number(setting.fileSize) + 5000,
});

interface Cached {
  steps: Step[];
  note: string;
}
/** All of the file is in the page cache; a part of it was written, and is dirty unless it was synced. */
const cached = (setting: Ground, dirty: boolean): fc.Arbitrary<Cached> =>
  fc
    .tuple(fc.bigInt({ min: 0n, max: setting.fileSize - 1n }), fc.integer({ min: 1, max: 9000 }), fc.boolean())
    .map(([offset, most, mapped]) => {
      const lengthBytes = Math.min(most, Number(setting.fileSize - offset));
      const write: Step = mapped
        ? { call: 'mmapWrite', fd: 0, offset, lengthBytes, writer: 0 }
        : { call: 'pwrite', fd: 0, offset, lengthBytes, writer: 0 };
      return {
        steps: [readAll(setting), write, ...(dirty ? [] : [fsync])],
        note: `${write.call} ${hex(offset)} +${lengthBytes}${dirty ? '' : ', synced'}`,
      };
    });

type Cell = (key: CellKey, make: (setting: Ground) => fc.Arbitrary<Made>) => PlanCell;

export function resizeCells(revision: Revision): PlanCell[] {
  const cell = flatCells(revision);
  return [cut(cell), grown(cell), cleared(cell)];
}

/** Each of both with each of the other. */
const pairs = <A, B>(as: readonly A[], bs: readonly B[]): [A, B][] => as.flatMap((a) => bs.map((b): [A, B] => [a, b]));

/** What is cut off reads as zeros when the file is as large again, from the page cache and from the device. */
function cut(cell: Cell): PlanCell {
  return ofKinds(
    pairs([true, false], [true, false]).map(([dirty, whole]) =>
      cell({ rule: 'truncate/cached', path: 'truncate' }, (setting) =>
        fc.tuple(cached(setting, dirty), fc.bigInt({ min: 1n, max: setting.fileSize - 1n })).map(([before, drawn]) => {
          const size = whole ? drawn - (drawn % setting.blockSize) : drawn;
          return {
            steps: [
              ...before.steps,
              resize(size),
              fstat,
              readAll(setting),
              resize(setting.fileSize),
              readAll(setting),
              fsync,
            ],
            note: `${before.note}; cut to ${hex(size)} and back`,
          };
        }),
      ),
    ),
  );
}

/**
 * What a mapped store left behind EOF in the last page is not part of the file when it grows: by truncate, by a write
 * behind EOF, by fallocate.
 */
function grown(cell: Cell): PlanCell {
  const ways: ((to: bigint) => Step)[] = [
    resize,
    (to) => ({ call: 'pwrite', fd: 0, offset: to, lengthBytes: 700, writer: 1 }),
    (to) => ({ call: 'fallocate', fd: 0, mode: 0, offset: 0n, lengthBytes: to }),
  ];
  return ofKinds(
    ways.map((way) =>
      cell({ rule: 'truncate/stored-behind', path: 'mmap-write' }, () =>
        fc
          .tuple(fc.integer({ min: 1, max: 4095 }), fc.integer({ min: 1, max: 3000 }), fc.boolean())
          .map(([inPage, more, synced]): Made => {
            const sizeBytes = 8192n + BigInt(inPage);
            const room = 4096 - inPage;
            const grown = sizeBytes + BigInt(room + more);
            const step = way(grown);
            return {
              sizeBytes,
              steps: [
                { call: 'mmapWrite', fd: 0, offset: sizeBytes - 1n, lengthBytes: 1 + room, writer: 0 },
                ...(synced ? [fsync] : []),
                step,
                { call: 'pread', fd: 0, offset: 0n, lengthBytes: Number(grown) + 1000 },
                fsync,
              ],
              note: `mapped store of 1 byte before and ${room} behind EOF${synced ? ', synced' : ''}; ${step.call}`,
            };
          }),
      ),
    ),
  );
}

/**
 * The server makes a hole of the range: nothing of it is left in the page cache, and what was dirty was written before
 * the server was asked.
 */
function cleared(cell: Cell): PlanCell {
  return ofKinds(
    pairs([true, false], MODES).map(([dirty, mode]) =>
      cell({ rule: 'fallocate/cached', path: 'fallocate' }, (setting) => {
        const blocks = setting.fileSize / setting.blockSize;
        return fc
          .tuple(cached(setting, dirty), fc.bigInt({ min: 0n, max: blocks - 1n }), fc.bigInt({ min: 1n, max: 4n }))
          .map(([before, from, most]): Made => {
            const offset = from * setting.blockSize;
            const length = (most < blocks - from ? most : blocks - from) * setting.blockSize;
            const hole: MappingSpec = { type: 'HOLE', flags: [], dev: 0, addr: NULL_ADDR, offset, length };
            const zeroed: ScriptLine = {
              on: 'IOMAP_BEGIN',
              opflagsSet: 2,
              reply: { kind: 'mappings', read: hole, write: pureOverwrite(offset, length) },
            };
            return {
              extra: [zeroed],
              note: `${before.note}; mode 0x${mode.toString(16)} of ${hex(offset)} +${hex(length)}, which is a hole from then on`,
              steps: [
                ...before.steps,
                { call: 'fallocate', fd: 0, mode, offset, lengthBytes: length },
                {
                  call: 'notify',
                  notification: { kind: 'upsert', node: { file: 0 }, read: hole, write: noCache(offset, length) },
                },
                readAll(setting),
                fsync,
              ],
            };
          });
      }),
    ),
  );
}
