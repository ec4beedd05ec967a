/**
 * Cells of the size in the answer to IOEND: it becomes the size on the disk, which decides about APPEND, and never a
 * smaller one.
 */
import {
  cacheCase,
  cacheSetting,
  calls,
  rangeOf,
  FILE_BLOCKS,
  type Blocks,
  type CacheSetting,
} from '../../generators/cache-case.ts';
import { pureOverwrite } from '../../generators/reply-case.ts';
import type { ScriptLine, Step } from '../../model/case.ts';
import type { Revision } from '../../uapi/revision.ts';
import { impossible, possibleKinds, type CellKey, type PlanCell } from '../cell.ts';

const whole: Blocks = { from: 0, count: FILE_BLOCKS + 8 };
/** Two writes that make the file larger, and the first of them once more. */
const grows: readonly Blocks[] = [
  { from: FILE_BLOCKS, count: 2 },
  { from: FILE_BLOCKS + 2, count: 2 },
  { from: FILE_BLOCKS, count: 2 },
];

const LARGEST = (1n << 63n) - 1n;
/** Around the size before, that of the first write, that of both; and what no size on the disk should be. */
function sizes(setting: CacheSetting): bigint[] {
  const [before, first, both] = [FILE_BLOCKS, FILE_BLOCKS + 2, FILE_BLOCKS + 4].map(
    (count) => rangeOf({ from: count, count: 0 }, setting).offset,
  ) as [bigint, bigint, bigint];
  return [
    0n,
    1n,
    before - 1n,
    before,
    before + 1n,
    first - 1n,
    first,
    first + 1n,
    both - 1n,
    both,
    both + 1n,
    1n << 40n,
    LARGEST,
  ];
}
const SIZES = 13;

export function newsizeCells(revision: Revision): PlanCell[] {
  return (['direct-write', 'writeback'] as const).map((path): PlanCell => {
    const key: CellKey = { rule: 'ioend/newsize', path };
    if (revision.opcodes.IOMAP_IOEND === undefined) return impossible(key, `revision ${revision.id} has no IOEND`);
    return possibleKinds(
      key,
      Array.from({ length: SIZES }, (_, kind) =>
        cacheSetting({ direct: path === 'direct-write' }).map((setting) => {
          const newsizeBytes = sizes(setting)[kind]!;
          const { offset, length } = rangeOf(whole, setting);
          // By position: how many IOENDs a write makes is the kernel's own business.
          const script: ScriptLine[] = [
            { on: 'IOMAP_IOEND', posTo: rangeOf(grows[1]!, setting).offset, reply: { kind: 'ioend', newsizeBytes } },
            { on: 'IOMAP_IOEND', reply: { kind: 'ioend', newsizeBytes: 0n } },
            {
              on: 'IOMAP_BEGIN',
              reply: {
                kind: 'mappings',
                read: { type: 'MAPPED', flags: [], dev: { device: 2 }, addr: 0n, offset, length },
                write: pureOverwrite(offset, length),
              },
            },
          ];
          const fsync: Step[] = path === 'writeback' ? [{ call: 'fsync', fd: 0 }] : [];
          return cacheCase({
            revision,
            setting,
            script,
            steps: [
              ...grows.flatMap((blocks, writer) => [calls.write(setting, blocks, writer), ...fsync]),
              { call: 'fstat', fd: 0 },
            ],
            note: `newsize ${newsizeBytes} for the first range, 0 for the second`,
          });
        }),
      ),
    );
  });
}
