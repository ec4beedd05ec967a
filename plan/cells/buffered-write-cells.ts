/**
 * Cells of writes through the page cache that need more than one reply or syscall: what fsync and close leave on the
 * devices and report.
 */
import fc from 'fast-check';
import { pureOverwrite, type PlannedCase } from '../../generators/reply-case.ts';
import { configOf } from '../../generators/reply-case.ts';
import { setting, type Path, type Setting } from '../../generators/setting.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { CASE_SCHEMA, type Case, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import { NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { impossible, ofKinds, possible, type PlanCell } from '../cell.ts';
import { noDirectWrites } from './reply-cells.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

/** Where the file lies on device 0: away from its start, so that a file offset is no device offset. */
const SHIFT = 1n << 18n;

interface Made {
  steps: Step[];
  note: string;
  replies?: Partial<Replies>;
  extra?: ScriptLine[];
}
/** What the server answers to the write, and to its writeback. */
interface Replies {
  write: (drawnSetting: Setting) => Reply;
  writeback: (drawnSetting: Setting) => Reply;
}

const whole = (drawnSetting: Setting): bigint =>
  drawnSetting.blockSize *
  (2n +
    (drawnSetting.fileSize > drawnSetting.opEnd ? drawnSetting.fileSize : drawnSetting.opEnd) / drawnSetting.blockSize);
const place = (
  drawnSetting: Setting,
  type: 'MAPPED' | 'UNWRITTEN',
  addr: bigint,
  flags: MappingSpec['flags'] = [],
): MappingSpec => ({ type, flags, dev: { device: 0 }, addr, offset: 0n, length: whole(drawnSetting) });
const overwrite = (map: MappingSpec): Reply => ({
  kind: 'mappings',
  read: map,
  write: pureOverwrite(map.offset, map.length),
});
const hole = (drawnSetting: Setting): MappingSpec => ({
  type: 'HOLE',
  flags: [],
  dev: 0,
  addr: NULL_ADDR,
  offset: 0n,
  length: whole(drawnSetting),
});
const plain: Replies = {
  write: (drawnSetting) => overwrite(place(drawnSetting, 'MAPPED', SHIFT)),
  writeback: (drawnSetting) => overwrite(place(drawnSetting, 'MAPPED', SHIFT)),
};

function caseOf(revision: Revision, drawnSetting: Setting, { steps, replies, extra = [] }: Made): Case {
  const config = configOf(drawnSetting);
  const { write, writeback } = { ...plain, ...replies };
  const { WRITEBACK } = revision.opFlags;
  return {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap: drawnSetting.debugIomap,
    geometry: {
      mount: drawnSetting.mount,
      ...(config && { config }),
      devices: drawnSetting.devices,
      files: [{ sizeBytes: drawnSetting.fileSize, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [
      ...extra,
      { on: 'IOMAP_BEGIN', opflagsSet: WRITEBACK, reply: writeback(drawnSetting) },
      { on: 'IOMAP_BEGIN', reply: write(drawnSetting) },
    ],
    workload: [{ call: 'open', file: 0, flags: ['rdwr'] }, ...steps],
  };
}

const close: Step = { call: 'close', fd: 0 };
const fsync: Step = { call: 'fsync', fd: 0 };
const pwrite = (offset: bigint, lengthBytes: number, writer = 0): Step => ({
  call: 'pwrite',
  fd: 0,
  offset,
  lengthBytes,
  writer,
});
const pread = (offset: bigint, lengthBytes: number): Step => ({ call: 'pread', fd: 0, offset, lengthBytes });
const wholeOp = (drawnSetting: Setting): Step =>
  pwrite(drawnSetting.opStart, Number(drawnSetting.opEnd - drawnSetting.opStart));

export function bufferedWriteCells(revision: Revision): PlanCell[] {
  const cells =
    (path: Path) =>
    (rule: ClauseId, make: (drawnSetting: Setting) => fc.Arbitrary<Made>, mayExtend = true): PlanCell => {
      const against = noDirectWrites(revision, path);
      if (against !== undefined) return impossible({ rule, path }, against);
      const drawn = setting({
        path: 'buffered-write',
        maxBefore: 0,
        mayExtend,
        configurable: revision.opcodes.IOMAP_CONFIG !== undefined,
      });
      return possible(
        { rule, path },
        drawn.chain((cellSetting) =>
          make(cellSetting).map((parts): PlannedCase => ({
            case: caseOf(revision, cellSetting, parts),
            note: `${parts.note}; [0x${cellSetting.opStart.toString(16)}, 0x${cellSetting.opEnd.toString(16)}), EOF 0x${cellSetting.fileSize.toString(16)}, block size ${cellSetting.blockSize}`,
          })),
        ),
      );
    };
  return [...writeCells(cells('buffered-write')), ...writebackCells(cells('writeback'))];
}

type MakeCell = (rule: ClauseId, make: (drawnSetting: Setting) => fc.Arbitrary<Made>, mayExtend?: boolean) => PlanCell;

function writeCells(cell: MakeCell): PlanCell[] {
  return [
    cell('write/empty', (drawnSetting) =>
      fc
        .constantFrom(0n, drawnSetting.opStart)
        .map((offset) => ({ steps: [pwrite(offset, 0), close], note: `nothing at 0x${offset.toString(16)}` })),
    ),
    cell('size', (drawnSetting) =>
      fc
        .boolean()
        .map((synced) => ({
          steps: [wholeOp(drawnSetting), { call: 'fstat', fd: 0 }, ...(synced ? [fsync] : []), close],
          note: `fstat behind the write${synced ? ' and fsync' : ''}`,
        })),
    ),
    // Read back from the page cache, before and behind writeback, and overwritten in between.
    cell('read/result', (drawnSetting) =>
      fc
        .tuple(fc.boolean(), fc.boolean())
        .map(([between, synced]) => ({
          steps: [
            wholeOp(drawnSetting),
            ...(between ? [fsync] : []),
            pwrite(drawnSetting.opStart, 700, 1),
            pread(
              drawnSetting.opStart - (drawnSetting.opStart % drawnSetting.blockSize),
              Number(drawnSetting.opEnd - drawnSetting.opStart) + 5000,
            ),
            ...(synced ? [fsync, pread(drawnSetting.opStart, 900)] : []),
            close,
          ],
          note: `written, ${between ? 'synced, ' : ''}overwritten in part, read back`,
        })),
    ),
  ];
}

function writebackCells(cell: MakeCell): PlanCell[] {
  return [
    // The last of several writers is on the device, wherever writeback came between them.
    ofKinds([
      cell('device/bytes', (drawnSetting) =>
        fc
          .array(fc.tuple(fc.nat(6000), fc.integer({ min: 1, max: 6000 }), fc.boolean()), {
            minLength: 1,
            maxLength: 4,
          })
          .map((writes) => {
            let size = drawnSetting.fileSize;
            const steps = writes.flatMap(([at, lengthBytes, synced], writer): Step[] => {
              const offset = drawnSetting.opStart + BigInt(at) < size ? drawnSetting.opStart + BigInt(at) : size;
              size = offset + BigInt(lengthBytes) > size ? offset + BigInt(lengthBytes) : size;
              return [pwrite(offset, lengthBytes, writer), ...(synced ? [fsync] : [])];
            });
            return {
              steps: [...steps, close],
              note: `${writes.length} writes, ${writes.filter(([, , synced]) => synced).length} synced`,
            };
          }),
      ),
      // The addresses follow each other, the devices do not.
      cell('device/bytes', (drawnSetting) =>
        fc.constant(drawnSetting.opStart - (drawnSetting.opStart % drawnSetting.blockSize)).map((start) => {
          const half = start + drawnSetting.blockSize;
          const [first, second] = ['posTo' as const, 'posFrom' as const].map((edge, device): ScriptLine => ({
            on: 'IOMAP_BEGIN',
            opflagsSet: 0x8000_0000,
            [edge]: half,
            reply: overwrite(
              device === 0
                ? { ...place(drawnSetting, 'MAPPED', SHIFT), length: half }
                : { ...place(drawnSetting, 'MAPPED', SHIFT + half), dev: { device: 1 }, offset: half },
            ),
          }));
          return {
            steps: [pwrite(start, 2 * Number(drawnSetting.blockSize)), fsync, close],
            extra: [first!, second!],
            note: `written back to two devices, from 0x${half.toString(16)} on to the second`,
          };
        }),
      ),
    ]),
    cell('close', (drawnSetting) =>
      fc
        .constantFrom<Step[]>([close], [])
        .map((last) => ({
          steps: [wholeOp(drawnSetting), ...last],
          note: `written back by ${last.length > 0 ? 'close' : 'the end of the process'}`,
        })),
    ),
    // Old blocks keep their bytes, the new ones get the merged data.
    cell('type/shared', (drawnSetting) =>
      fc.constantFrom<'MAPPED' | 'UNWRITTEN'>('MAPPED', 'UNWRITTEN').map((type) => {
        const moved = (): Reply => ({
          kind: 'mappings',
          read: place(drawnSetting, 'MAPPED', SHIFT),
          write: place(drawnSetting, type, 2n * SHIFT, ['SHARED']),
        });
        return {
          steps: [wholeOp(drawnSetting), fsync, close],
          replies: { write: moved, writeback: moved },
          note: `copy on write to ${type}`,
        };
      }),
    ),
    cell('fsync', (drawnSetting) =>
      fc
        .constantFrom<Reply>(
          { kind: 'empty' },
          { kind: 'error', errno: 5 },
          { kind: 'error', errno: 28 },
          { kind: 'error', errno: 38 },
        )
        .map((reply) => ({
          steps: [wholeOp(drawnSetting), fsync, fsync, close],
          extra: [{ on: 'FSYNC' as const, reply }],
          note: `FSYNC answered ${reply.kind === 'error' ? reply.errno : 'well'}`,
        })),
    ),
    // A loss is reported once, by the fsync that follows it.
    cell('writeback/error', (drawnSetting) =>
      fc
        .tuple(fc.constantFrom(5, 28, 117, 12), fc.boolean())
        .map(([errno, again]) => ({
          steps: [wholeOp(drawnSetting), fsync, ...(again ? [wholeOp(drawnSetting)] : []), fsync, close],
          extra: [
            { on: 'IOMAP_BEGIN' as const, opflagsSet: 0x8000_0000, times: 1, reply: { kind: 'error' as const, errno } },
          ],
          note: `writeback answered ${errno} once${again ? ', then written again' : ''}`,
        })),
    ),
    // The place that the writeback names counts, not the one that the write was told.
    cell('request/writeback', (drawnSetting) =>
      fc
        .constantFrom<'MAPPED' | 'UNWRITTEN'>('MAPPED', 'UNWRITTEN')
        .map((type) => ({
          steps: [wholeOp(drawnSetting), fsync, close],
          replies: {
            write: (cellSetting: Setting) => overwrite(hole(cellSetting)),
            writeback: (cellSetting: Setting) => overwrite(place(cellSetting, type, 3n * SHIFT)),
          },
          note: `written to a hole, allocated as ${type}`,
        })),
    ),
  ];
}
