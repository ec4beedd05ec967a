/**
 * Cells of the syscalls that change a file's size or clear a range of it: ftruncate, fallocate, and writes behind EOF.
 */
import fc from 'fast-check';
import { PLAIN_ERRNOS } from '../../generators/reply-values.ts';
import { configOf, pureOverwrite, type PlannedCase } from '../../generators/reply-case.ts';
import { defaultDevices } from '../../generators/setting.ts';
import { CASE_SCHEMA, type Case, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import type { Revision } from '../../uapi/revision.ts';
import { borders, impossible, possible, type Border, type CellKey, type PlanCell } from '../cell.ts';
import { errnos } from '../../uapi/errno.ts';
import { LOFF_MAX } from '../../uapi/units.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

/** What the syscalls meet. Sizes in bytes. */
export interface Ground {
  blockSize: bigint;
  fileSize: bigint;
  maxBytes: bigint;
  /** What the file reads as. */
  type: 'HOLE' | 'UNWRITTEN';
  mount: 'ordinary' | 'syncInit';
  debugIomap: boolean;
}

/** A syscall sequence with what the server answers besides mappings. */
export interface Act {
  steps: Step[];
  note: string;
  extra?: ScriptLine[];
  flags?: Extract<Step, { call: 'open' }>['flags'];
}

const MAX_BYTES = 1n << 20n;
/** include/uapi/linux/falloc.h */
const KEEP_SIZE = 1,
  PUNCH_HOLE = 3,
  ZERO_RANGE = 0x10;
const { ENOSYS } = errnos;

export const ground: fc.Arbitrary<Ground> = fc
  .record({
    blockSize: fc.constantFrom(512n, 1024n, 4096n, 4096n),
    blocks: fc.bigInt({ min: 2n, max: 12n }),
    odd: fc.nat(4095),
    whole: fc.boolean(),
    type: fc.constantFrom<Ground['type']>('HOLE', 'UNWRITTEN'),
    mount: fc.constantFrom<Ground['mount']>('ordinary', 'ordinary', 'ordinary', 'syncInit'),
    debugIomap: fc.boolean(),
  })
  .map(({ blocks, odd, whole, ...rest }) => ({
    ...rest,
    maxBytes: MAX_BYTES,
    fileSize: blocks * rest.blockSize + (whole ? 0n : BigInt(odd) % rest.blockSize),
  }));

/**
 * A case whose server answers every BEGIN by one mapping of all that the file may have, direct writes by one of a
 * device's blocks.
 */
export function caseOn(revision: Revision, setting: Ground, { steps, extra = [], flags = ['rdwr'] }: Act): Case {
  const config = configOf({ blockSize: setting.blockSize, maxBytes: setting.maxBytes });
  const write = pureOverwrite(0n, setting.maxBytes);
  const backed = { flags: [], dev: { device: 0 }, addr: 0n, offset: 0n, length: setting.maxBytes };
  const zeros =
    setting.type === 'HOLE'
      ? { ...write, type: 'HOLE' as const }
      : { ...backed, type: 'UNWRITTEN' as const, dev: { device: 1 } };
  return {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap: setting.debugIomap,
    geometry: {
      mount: setting.mount,
      ...(config && { config }),
      devices: [...defaultDevices],
      files: [{ sizeBytes: setting.fileSize, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [
      ...extra,
      {
        on: 'IOMAP_BEGIN',
        opflagsSet: revision.opFlags.WRITE,
        reply: { kind: 'mappings', read: { ...backed, type: 'MAPPED' }, write },
      },
      { on: 'IOMAP_BEGIN', reply: { kind: 'mappings', read: zeros, write } },
    ],
    workload: [{ call: 'open', file: 0, flags }, ...steps, { call: 'close', fd: 0 }],
  };
}

const fstat: Step = { call: 'fstat', fd: 0 };
const truncate = (sizeBytes: bigint): Step => ({ call: 'ftruncate', fd: 0, sizeBytes });
const fallocate = (mode: number, offset: bigint, lengthBytes: bigint): Step => ({
  call: 'fallocate',
  fd: 0,
  mode,
  offset,
  lengthBytes,
});
const hex = (value: bigint): string => (value < 0n ? `-${hex(-value)}` : `0x${value.toString(16)}`);
const error = (errno: number): Reply => ({ kind: 'error', errno });

/** Why nothing of this is in a revision. */
export const noSizes = (revision: Revision): string | undefined =>
  revision.ioctls.BACKING_OPEN === undefined ? `revision ${revision.id} is BEGIN and END only` : undefined;

export function sizeCells(revision: Revision): PlanCell[] {
  const against = noSizes(revision);
  const cell = (key: CellKey, make: (setting: Ground) => fc.Arbitrary<Act>): PlanCell =>
    against !== undefined
      ? impossible(key, against)
      : possible(
          key,
          ground.chain((setting) =>
            make(setting).map((action): PlannedCase => ({
              case: caseOn(revision, setting, action),
              note: `${action.note}; EOF ${hex(setting.fileSize)}, block size ${setting.blockSize}`,
            })),
          ),
        );
  const both = (rule: ClauseId, path: string, make: (setting: Ground, border: Border) => fc.Arbitrary<Act>) =>
    borders.map((border) => cell({ rule, path, border }, (setting) => make(setting, border)));
  return [...truncateCells(cell, both), ...fallocateCells(cell, both), ...writeCells(cell, both)];
}

type Cell = (key: CellKey, make: (setting: Ground) => fc.Arbitrary<Act>) => PlanCell;
type Both = (rule: ClauseId, path: string, make: (setting: Ground, border: Border) => fc.Arbitrary<Act>) => PlanCell[];

/** Sizes around the file's own and around its blocks. */
const sizes = ({ fileSize, blockSize }: Ground): bigint[] => {
  const last = fileSize - (fileSize % blockSize);
  return [
    0n,
    1n,
    blockSize - 1n,
    blockSize,
    blockSize + 1n,
    last - 1n,
    last,
    last + 1n,
    fileSize - 1n,
    fileSize,
    fileSize + 1n,
    last + blockSize,
    last + blockSize + 1n,
    fileSize + 3n * blockSize,
    16n * 4096n,
  ].filter((size) => size >= 0n);
};

function truncateCells(cell: Cell, both: Both): PlanCell[] {
  const path = 'truncate';
  return [
    cell({ rule: 'truncate/result', path }, (setting) =>
      fc
        .array(fc.constantFrom(...sizes(setting)), { minLength: 1, maxLength: 3 })
        .map((list) => ({
          steps: list.flatMap((size) => [truncate(size), fstat]),
          note: `to ${list.map(hex).join(', ')}`,
        })),
    ),
    ...both('truncate/setattr', path, (setting, border) =>
      fc
        .tuple(
          fc.constantFrom(...sizes(setting)),
          fc.constantFrom<{ reply: Reply; note: string }>(
            ...PLAIN_ERRNOS.map((errno) => ({ reply: error(errno), note: `errno ${errno}` })),
            ...[0, 16, 103, 105].map((bytes) => ({
              reply: { kind: 'raw' as const, payload: '00'.repeat(bytes) },
              note: `${bytes} bytes of payload`,
            })),
          ),
        )
        .map(([size, { reply, note }]) =>
          border === 'violating'
            ? {
                steps: [truncate(size), fstat, truncate(size), fstat],
                extra: [{ on: 'SETATTR', times: 1, reply }],
                note: `to ${hex(size)}, SETATTR answered with ${note}, then again`,
              }
            : { steps: [truncate(size), fstat], note: `to ${hex(size)}` },
        ),
    ),
    ...both('truncate/past-maxbytes', path, (setting, border) =>
      fc
        .constantFrom(
          ...(border === 'violating'
            ? [setting.maxBytes + 1n, setting.maxBytes + setting.blockSize, 1n << 40n, LOFF_MAX]
            : [setting.maxBytes, setting.maxBytes - 1n]),
        )
        .map((size) => ({
          steps: [truncate(size), fstat],
          note: `to ${hex(size)}, maxbytes ${hex(setting.maxBytes)}`,
        })),
    ),
    ...both('truncate/arguments', path, (setting, border) =>
      fc.constantFrom<Act>(
        ...(border === 'violating'
          ? [
              ...[-1n, -4096n, -(1n << 63n)].map((size) => ({
                steps: [truncate(size), fstat],
                note: `to ${hex(size)}`,
              })),
              { steps: [truncate(0n), fstat], flags: ['rdonly' as const], note: 'opened for reading' },
            ]
          : [
              { steps: [truncate(0n), fstat], note: 'to 0' },
              { steps: [truncate(setting.fileSize), fstat], flags: ['wronly' as const], note: 'opened for writing' },
            ]),
      ),
    ),
  ];
}

/** Ranges inside, across and behind the file. */
const ranges = ({ fileSize, blockSize }: Ground): { offset: bigint; length: bigint }[] => [
  { offset: 0n, length: 1n },
  { offset: 0n, length: fileSize },
  { offset: 1n, length: blockSize },
  { offset: blockSize, length: blockSize },
  { offset: blockSize - 1n, length: 2n },
  { offset: fileSize - 1n, length: 1n },
  { offset: fileSize - 1n, length: blockSize },
  { offset: 0n, length: fileSize + blockSize },
  { offset: fileSize, length: 1n },
  { offset: fileSize, length: 2n * blockSize },
  { offset: fileSize + 1n, length: blockSize },
  { offset: fileSize + 2n * blockSize, length: 3n },
];
const MODES: readonly number[] = [0, KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE, ZERO_RANGE | KEEP_SIZE];
/**
 * Collapse, insert, unshare, unshare that keeps the size, write zeroes; then combinations and bits that mean nothing.
 */
const REFUSED_MODES: readonly number[] = [8, 0x20, 0x40, 0x41, 0x80, 2, 4, 9, 0x12, 0x18, 0x100, 0x8000_0000];

function fallocateCells(cell: Cell, both: Both): PlanCell[] {
  const path = 'fallocate';
  const anyRange = (setting: Ground) => fc.constantFrom(...ranges(setting));
  const show = (mode: number, { offset, length }: { offset: bigint; length: bigint }): string =>
    `mode 0x${mode.toString(16)}, ${hex(offset)} +${hex(length)}`;
  const one = (setting: Ground, modes: readonly number[]) =>
    fc
      .tuple(fc.constantFrom(...modes), anyRange(setting))
      .map(([mode, range]) => ({ step: fallocate(mode, range.offset, range.length), note: show(mode, range) }));
  return [
    cell({ rule: 'fallocate/result', path }, (setting) =>
      fc
        .array(one(setting, MODES), { minLength: 1, maxLength: 3 })
        .map((list) => ({
          steps: list.flatMap(({ step }) => [step, fstat]),
          note: list.map(({ note }) => note).join(', '),
        })),
    ),
    // Nothing is asked, and what is supported works afterwards.
    ...both('fallocate/mode', path, (setting, border) =>
      fc
        .tuple(one(setting, border === 'violating' ? REFUSED_MODES : MODES), one(setting, MODES))
        .map(([first, second]) => ({
          steps: [first.step, fstat, second.step, fstat],
          note: `${first.note}, then ${second.note}`,
        })),
    ),
    ...both('fallocate/error', path, (setting, border) =>
      fc
        .tuple(one(setting, MODES), fc.constantFrom(...PLAIN_ERRNOS))
        .map(([{ step, note }, errno]) =>
          border === 'violating'
            ? {
                steps: [step, fstat, step, fstat],
                extra: [{ on: 'FALLOCATE', times: 1, reply: error(errno) }],
                note: `${note}, answered with errno ${errno}, then again`,
              }
            : { steps: [step, fstat], note },
        ),
    ),
    cell({ rule: 'fallocate/enosys', path }, (setting) =>
      fc
        .tuple(one(setting, MODES), one(setting, MODES))
        .map(([first, second]) => ({
          steps: [first.step, fstat, second.step, fstat],
          extra: [{ on: 'FALLOCATE', times: 1, reply: error(ENOSYS) }],
          note: `${first.note}, answered with ENOSYS, then ${second.note}`,
        })),
    ),
    ...both('fallocate/arguments', path, (setting, border) =>
      fc.constantFrom(...MODES).chain((mode) =>
        fc.constantFrom<Act>(
          ...(border === 'violating'
            ? [
                { offset: -1n, length: 1n },
                { offset: -(1n << 63n), length: 4096n },
                { offset: 0n, length: 0n },
                { offset: 0n, length: -1n },
                { offset: 0n, length: setting.maxBytes + 1n },
                { offset: setting.maxBytes, length: 1n },
                { offset: LOFF_MAX, length: 1n },
                { offset: 1n << 62n, length: 1n << 62n },
              ]
                .map((range) => ({
                  steps: [fallocate(mode, range.offset, range.length), fstat],
                  note: show(mode, range),
                }))
                .concat({
                  steps: [fallocate(mode, 0n, 1n), fstat],
                  note: 'opened for reading',
                  ...{ flags: ['rdonly' as const] },
                })
            : [
                { offset: 0n, length: setting.maxBytes },
                { offset: setting.maxBytes - 1n, length: 1n },
              ].map((range) => ({
                steps: [fallocate(mode, range.offset, range.length), fstat],
                note: show(mode, range),
              }))),
        ),
      ),
    ),
  ];
}

function writeCells(cell: Cell, both: Both): PlanCell[] {
  const write = (offset: bigint, lengthBytes: number, writer = 0): Step => ({
    call: 'pwrite',
    fd: 0,
    offset,
    lengthBytes,
    writer,
  });
  const flags: Act['flags'] = ['rdwr', 'direct'];
  return [
    // The write is where it belongs, and what lies between reads as zeros.
    cell({ rule: 'write/behind-eof', path: 'zeroing' }, (setting) =>
      fc
        .tuple(fc.bigInt({ min: 1n, max: 4n }), fc.bigInt({ min: 1n, max: 3n }), fc.boolean())
        .map(([gap, blocks, again]) => {
          const end =
            setting.fileSize + ((setting.blockSize - (setting.fileSize % setting.blockSize)) % setting.blockSize);
          const offset = end + gap * setting.blockSize;
          const length = Number(blocks * setting.blockSize);
          const far = offset + 6n * setting.blockSize;
          return {
            flags,
            note: `${length} bytes at ${hex(offset)}${again ? ` and at ${hex(far)}` : ''}`,
            steps: [
              write(offset, length),
              fstat,
              ...(again ? [write(far, length, 1), fstat] : []),
              { call: 'pread', fd: 0, offset: end, lengthBytes: Number(gap * setting.blockSize) },
            ],
          };
        }),
    ),
    // What passes maxbytes is cut off.
    ...both('write/cut-by-maxbytes', 'direct-write', (setting, border) =>
      fc.tuple(fc.bigInt({ min: 1n, max: 3n }), fc.bigInt({ min: 1n, max: 3n })).map(([inside, beyond]) => {
        const length = Number((inside + (border === 'violating' ? beyond : 0n)) * setting.blockSize);
        return {
          flags,
          note: `${length} bytes, ${inside} blocks before maxbytes`,
          steps: [
            truncate(setting.maxBytes - 4n * setting.blockSize),
            write(setting.maxBytes - inside * setting.blockSize, length),
            fstat,
          ],
        };
      }),
    ),
    ...both('write/past-maxbytes', 'direct-write', (setting, border) =>
      fc
        .constantFrom(
          ...(border === 'violating'
            ? [setting.maxBytes, setting.maxBytes + setting.blockSize, 1n << 40n]
            : [setting.maxBytes - setting.blockSize]),
        )
        .map((offset) => ({
          flags,
          note: `at ${hex(offset)}, maxbytes ${hex(setting.maxBytes)}`,
          steps: [write(offset, Number(setting.blockSize)), fstat],
        })),
    ),
  ];
}
