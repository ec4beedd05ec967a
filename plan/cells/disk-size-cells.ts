/**
 * Cells of what the kernel believes about the size on the disk after whatever changed it: IOEND of a write says APPEND
 * behind that size, and not up to it.
 */
import fc from 'fast-check';
import type { ScriptLine, Step } from '../../model/case.ts';
import { copyFileRangeOut } from '../../uapi/fuse-structs.ts';
import type { Revision } from '../../uapi/revision.ts';
import { ofKinds, type PlanCell } from '../cell.ts';
import { flatCells, type Made } from './flag-cells.ts';
import type { Ground } from './size-cells.ts';

const PATHS = ['direct-write', 'writeback'] as const;
const hex = (value: bigint): string => `0x${value.toString(16)}`;
const resize = (sizeBytes: bigint): Step => ({ call: 'ftruncate', fd: 0, sizeBytes });

interface Change {
  steps: Step[];
  size: bigint;
  note: string;
  extra?: ScriptLine[];
}
const BLOCKS = 8n;
/** What the file's size is changed by, from `BLOCKS` blocks on. */
const changes: readonly ((setting: Ground) => Change)[] = [
  ({ blockSize: b }) => ({ steps: [], size: BLOCKS * b, note: 'as it was' }),
  ({ blockSize: b }) => ({ steps: [resize(3n * b)], size: 3n * b, note: 'cut' }),
  ({ blockSize: b }) => ({ steps: [resize(12n * b)], size: 12n * b, note: 'made larger' }),
  ({ blockSize: b }) => ({
    steps: [{ call: 'fallocate', fd: 0, mode: 0, offset: 0n, lengthBytes: 12n * b }],
    size: 12n * b,
    note: 'allocated',
  }),
  // Space behind EOF is no part of the file.
  ({ blockSize: b }) => ({
    steps: [{ call: 'fallocate', fd: 0, mode: 1, offset: 0n, lengthBytes: 12n * b }],
    size: BLOCKS * b,
    note: 'allocated behind EOF',
  }),
  ({ blockSize: b }) => ({
    steps: [{ call: 'copyFileRange', from: 0, fromOffset: 0n, fd: 0, offset: BLOCKS * b, lengthBytes: Number(4n * b) }],
    size: 12n * b,
    note: 'copied to',
    extra: [
      {
        on: 'COPY_FILE_RANGE_64',
        reply: { kind: 'raw', payload: Buffer.from(copyFileRangeOut.encode({ bytesCopied: 4n * b })).toString('hex') },
      },
    ],
  }),
];

export function diskSizeCells(revision: Revision): PlanCell[] {
  const cell = flatCells(revision);
  return PATHS.map((path) =>
    ofKinds(
      changes.map((change) =>
        cell({ rule: 'ioend/append', path }, (drawn) =>
          fc.tuple(fc.bigInt({ min: 1n, max: 3n }), fc.bigInt({ min: 1n, max: 2n })).map(([inside, behind]): Made => {
            const b = drawn.blockSize;
            const { steps, size, note, extra } = change(drawn);
            const write = (offset: bigint, blocks: bigint, writer: number): Step[] => [
              { call: 'pwrite', fd: 0, offset, lengthBytes: Number(blocks * b), writer },
              ...(path === 'writeback' ? [{ call: 'fsync' as const, fd: 0 }] : []),
            ];
            // Up to the size, to the end of it and behind it, then inside the new one.
            return {
              type: 'UNWRITTEN',
              flags: path === 'writeback' ? ['rdwr'] : ['rdwr', 'direct'],
              sizeBytes: BLOCKS * b,
              ...(extra && { extra }),
              note: `${note}; written up to ${hex(size)}, then behind it`,
              steps: [
                ...steps,
                ...write(size - inside * b, inside, 0),
                ...write(size, behind, 1),
                ...write(size - b, 1n + behind, 2),
                { call: 'fstat', fd: 0 },
              ],
            };
          }),
        ),
      ),
    ),
  );
}
