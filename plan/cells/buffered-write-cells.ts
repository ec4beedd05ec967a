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
  write: (drawn: Setting) => Reply;
  writeback: (drawn: Setting) => Reply;
}

const whole = (drawn: Setting): bigint =>
  drawn.blockSize * (2n + (drawn.fileSize > drawn.opEnd ? drawn.fileSize : drawn.opEnd) / drawn.blockSize);
const place = (
  drawn: Setting,
  type: 'MAPPED' | 'UNWRITTEN',
  addr: bigint,
  flags: MappingSpec['flags'] = [],
): MappingSpec => ({ type, flags, dev: { device: 0 }, addr, offset: 0n, length: whole(drawn) });
const overwrite = (map: MappingSpec): Reply => ({
  kind: 'mappings',
  read: map,
  write: pureOverwrite(map.offset, map.length),
});
const hole = (drawn: Setting): MappingSpec => ({
  type: 'HOLE',
  flags: [],
  dev: 0,
  addr: NULL_ADDR,
  offset: 0n,
  length: whole(drawn),
});
const plain: Replies = {
  write: (drawn) => overwrite(place(drawn, 'MAPPED', SHIFT)),
  writeback: (drawn) => overwrite(place(drawn, 'MAPPED', SHIFT)),
};

function caseOf(revision: Revision, drawn: Setting, { steps, replies, extra = [] }: Made): Case {
  const config = configOf(drawn);
  const { write, writeback } = { ...plain, ...replies };
  const { WRITEBACK } = revision.opFlags;
  return {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap: drawn.debugIomap,
    geometry: {
      mount: drawn.mount,
      ...(config && { config }),
      devices: drawn.devices,
      files: [{ sizeBytes: drawn.fileSize, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [
      ...extra,
      { on: 'IOMAP_BEGIN', opflagsSet: WRITEBACK, reply: writeback(drawn) },
      { on: 'IOMAP_BEGIN', reply: write(drawn) },
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
const wholeOp = (drawn: Setting): Step => pwrite(drawn.opStart, Number(drawn.opEnd - drawn.opStart));

export function bufferedWriteCells(revision: Revision): PlanCell[] {
  const cells =
    (path: Path) =>
    (rule: ClauseId, make: (drawn: Setting) => fc.Arbitrary<Made>, mayExtend = true): PlanCell => {
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
        drawn.chain((of) =>
          make(of).map((made): PlannedCase => ({
            case: caseOf(revision, of, made),
            note: `${made.note}; [0x${of.opStart.toString(16)}, 0x${of.opEnd.toString(16)}), EOF 0x${of.fileSize.toString(16)}, block size ${of.blockSize}`,
          })),
        ),
      );
    };
  return [...writeCells(cells('buffered-write')), ...writebackCells(cells('writeback'))];
}

type MakeCell = (rule: ClauseId, make: (drawn: Setting) => fc.Arbitrary<Made>, mayExtend?: boolean) => PlanCell;

function writeCells(cell: MakeCell): PlanCell[] {
  return [
    cell('write/empty', (drawn) =>
      fc
        .constantFrom(0n, drawn.opStart)
        .map((offset) => ({ steps: [pwrite(offset, 0), close], note: `nothing at 0x${offset.toString(16)}` })),
    ),
    cell('size', (drawn) =>
      fc
        .boolean()
        .map((synced) => ({
          steps: [wholeOp(drawn), { call: 'fstat', fd: 0 }, ...(synced ? [fsync] : []), close],
          note: `fstat behind the write${synced ? ' and fsync' : ''}`,
        })),
    ),
    // Read back from the page cache, before and behind writeback, and overwritten in between.
    cell('read/result', (drawn) =>
      fc
        .tuple(fc.boolean(), fc.boolean())
        .map(([between, synced]) => ({
          steps: [
            wholeOp(drawn),
            ...(between ? [fsync] : []),
            pwrite(drawn.opStart, 700, 1),
            pread(drawn.opStart - (drawn.opStart % drawn.blockSize), Number(drawn.opEnd - drawn.opStart) + 5000),
            ...(synced ? [fsync, pread(drawn.opStart, 900)] : []),
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
      cell('device/bytes', (drawn) =>
        fc
          .array(fc.tuple(fc.nat(6000), fc.integer({ min: 1, max: 6000 }), fc.boolean()), {
            minLength: 1,
            maxLength: 4,
          })
          .map((writes) => {
            let size = drawn.fileSize;
            const steps = writes.flatMap(([at, lengthBytes, synced], writer): Step[] => {
              const offset = drawn.opStart + BigInt(at) < size ? drawn.opStart + BigInt(at) : size;
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
      cell('device/bytes', (drawn) =>
        fc.constant(drawn.opStart - (drawn.opStart % drawn.blockSize)).map((start) => {
          const half = start + drawn.blockSize;
          const [first, second] = ['posTo' as const, 'posFrom' as const].map((edge, device): ScriptLine => ({
            on: 'IOMAP_BEGIN',
            opflagsSet: 0x8000_0000,
            [edge]: half,
            reply: overwrite(
              device === 0
                ? { ...place(drawn, 'MAPPED', SHIFT), length: half }
                : { ...place(drawn, 'MAPPED', SHIFT + half), dev: { device: 1 }, offset: half },
            ),
          }));
          return {
            steps: [pwrite(start, 2 * Number(drawn.blockSize)), fsync, close],
            extra: [first!, second!],
            note: `written back to two devices, from 0x${half.toString(16)} on to the second`,
          };
        }),
      ),
    ]),
    cell('close', (drawn) =>
      fc
        .constantFrom<Step[]>([close], [])
        .map((last) => ({
          steps: [wholeOp(drawn), ...last],
          note: `written back by ${last.length > 0 ? 'close' : 'the end of the process'}`,
        })),
    ),
    // Old blocks keep their bytes, the new ones get the merged data.
    cell('type/shared', (drawn) =>
      fc.constantFrom<'MAPPED' | 'UNWRITTEN'>('MAPPED', 'UNWRITTEN').map((type) => {
        const moved = (): Reply => ({
          kind: 'mappings',
          read: place(drawn, 'MAPPED', SHIFT),
          write: place(drawn, type, 2n * SHIFT, ['SHARED']),
        });
        return {
          steps: [wholeOp(drawn), fsync, close],
          replies: { write: moved, writeback: moved },
          note: `copy on write to ${type}`,
        };
      }),
    ),
    cell('fsync', (drawn) =>
      fc
        .constantFrom<Reply>(
          { kind: 'empty' },
          { kind: 'error', errno: 5 },
          { kind: 'error', errno: 28 },
          { kind: 'error', errno: 38 },
        )
        .map((reply) => ({
          steps: [wholeOp(drawn), fsync, fsync, close],
          extra: [{ on: 'FSYNC' as const, reply }],
          note: `FSYNC answered ${reply.kind === 'error' ? reply.errno : 'well'}`,
        })),
    ),
    // A loss is reported once, by the fsync that follows it.
    cell('writeback/error', (drawn) =>
      fc
        .tuple(fc.constantFrom(5, 28, 117, 12), fc.boolean())
        .map(([errno, again]) => ({
          steps: [wholeOp(drawn), fsync, ...(again ? [wholeOp(drawn)] : []), fsync, close],
          extra: [
            { on: 'IOMAP_BEGIN' as const, opflagsSet: 0x8000_0000, times: 1, reply: { kind: 'error' as const, errno } },
          ],
          note: `writeback answered ${errno} once${again ? ', then written again' : ''}`,
        })),
    ),
    // The place that the writeback names counts, not the one that the write was told.
    cell('request/writeback', (drawn) =>
      fc
        .constantFrom<'MAPPED' | 'UNWRITTEN'>('MAPPED', 'UNWRITTEN')
        .map((type) => ({
          steps: [wholeOp(drawn), fsync, close],
          replies: {
            write: (of: Setting) => overwrite(hole(of)),
            writeback: (of: Setting) => overwrite(place(of, type, 3n * SHIFT)),
          },
          note: `written to a hole, allocated as ${type}`,
        })),
    ),
  ];
}
