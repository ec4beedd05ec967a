/**
 * Cells of what the syscalls themselves must do: at EOF, with odd arguments, with room for few extents, several of them
 * on one file.
 */
import fc from 'fast-check';
import { mapping, type TypeName } from '../../generators/mapping.ts';
import { configOf, pureOverwrite, type PlannedCase } from '../../generators/reply-case.ts';
import { defaultDevices, setting, type Path, type Setting } from '../../generators/setting.ts';
import { CASE_SCHEMA, type Case, type ScriptLine, type Step } from '../../model/case.ts';
import { NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { impossible, possible, type PlanCell } from '../cell.ts';
import { noDirectWrites } from './reply-cells.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

type Open = Extract<Step, { call: 'open' }>['flags'];

/** A case whose server answers every BEGIN by one mapping of the whole file. */
function wholeFile(revision: Revision, drawnSetting: Setting, type: TypeName, flags: Open, steps: Step[]): Case {
  const config = configOf(drawnSetting);
  const length =
    drawnSetting.blockSize *
    (1n +
      (drawnSetting.fileSize > drawnSetting.opEnd ? drawnSetting.fileSize : drawnSetting.opEnd) /
        drawnSetting.blockSize);
  const backed = type === 'MAPPED' || type === 'UNWRITTEN';
  const read = { type, flags: [], dev: backed ? { device: 0 } : 0, addr: backed ? 0n : NULL_ADDR, offset: 0n, length };
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
    script: [{ on: 'IOMAP_BEGIN', reply: { kind: 'mappings', read, write: pureOverwrite(0n, length) } }],
    workload: [{ call: 'open', file: 0, flags }, ...steps, { call: 'close', fd: 0 }],
  };
}

const noDevices = (revision: Revision) => revision.ioctls.BACKING_OPEN === undefined;
const settingOf = (revision: Revision, path: Path) =>
  setting({
    path,
    maxBefore: 0,
    minBlocks: 1,
    mayExtend: false,
    configurable: revision.opcodes.IOMAP_CONFIG !== undefined,
    devices: noDevices(revision) ? [] : defaultDevices,
  });
const cases = (
  revision: Revision,
  path: Path,
  type: TypeName,
  flags: Open,
  make: (drawnSetting: Setting) => fc.Arbitrary<{ steps: Step[]; note: string }>,
): fc.Arbitrary<PlannedCase> =>
  settingOf(revision, path).chain((drawnSetting) =>
    make(drawnSetting).map(({ steps, note }) => ({
      case: wholeFile(revision, drawnSetting, type, flags, steps),
      note,
    })),
  );

export function syscallCells(revision: Revision): PlanCell[] {
  return [...eofCells(revision), ...fiemapCells(revision), ...writeCells(revision)];
}

function eofCells(revision: Revision): PlanCell[] {
  const behind = (drawnSetting: Setting): bigint[] => {
    const blocks = (drawnSetting.fileSize + drawnSetting.blockSize - 1n) / drawnSetting.blockSize;
    return [blocks * drawnSetting.blockSize, (blocks + 3n) * drawnSetting.blockSize, 1n << 40n];
  };
  const seeks = (['seek-data', 'seek-hole'] as const).flatMap((path): PlanCell[] => {
    const call = path === 'seek-data' ? ('seekData' as const) : ('seekHole' as const);
    // Nothing to be found: no data at all, or no hole before EOF.
    const barren: TypeName = path === 'seek-data' ? 'HOLE' : 'DELALLOC';
    return [
      possible(
        { rule: 'seek/past-eof', path },
        cases(revision, path, 'HOLE', ['rdonly'], (drawnSetting) =>
          fc
            .constantFrom(drawnSetting.fileSize, drawnSetting.fileSize + 1n, ...behind(drawnSetting), (1n << 63n) - 1n)
            .map((offset) => ({
              steps: [{ call, fd: 0, offset }],
              note: `from 0x${offset.toString(16)}, EOF 0x${drawnSetting.fileSize.toString(16)}`,
            })),
        ),
      ),
      possible(
        { rule: 'seek/result', path },
        cases(revision, path, barren, ['rdonly'], (drawnSetting) =>
          fc
            .bigInt({ min: 0n, max: drawnSetting.fileSize - 1n })
            .map((offset) => ({
              steps: [{ call, fd: 0, offset }],
              note: `from 0x${offset.toString(16)}, nothing to be found`,
            })),
        ),
      ),
    ];
  });
  const read = possible(
    { rule: 'read/eof', path: 'direct-read' },
    cases(revision, 'direct-read', 'HOLE', ['rdonly', 'direct'], (drawnSetting) =>
      fc
        .constantFrom(...behind(drawnSetting))
        .map((offset) => ({
          steps: [{ call: 'pread', fd: 0, offset, lengthBytes: 4096 }],
          note: `read from 0x${offset.toString(16)}, EOF 0x${drawnSetting.fileSize.toString(16)}`,
        })),
    ),
  );
  return [...seeks, read];
}

function fiemapCells(revision: Revision): PlanCell[] {
  const path = 'fiemap';
  const asked = (
    rule: ClauseId,
    steps: (drawnSetting: Setting) => fc.Arbitrary<{ start: bigint; lengthBytes: bigint; flags: number }>,
  ) =>
    possible(
      { rule, path },
      cases(revision, path, 'DELALLOC', ['rdonly'], (drawnSetting) =>
        steps(drawnSetting).map((args) => ({
          steps: [{ call: 'fiemap', fd: 0, extents: 4, ...args }],
          note: `start 0x${args.start.toString(16)}, length 0x${args.lengthBytes.toString(16)}, flags ${args.flags}`,
        })),
      ),
    );
  return [
    asked('fiemap/empty', (drawnSetting) =>
      fc.constantFrom(0n, drawnSetting.opStart).map((start) => ({ start, lengthBytes: 0n, flags: 0 })),
    ),
    asked('fiemap/xattr', (drawnSetting) =>
      fc.constantFrom(2, 3).map((flags) => ({ start: 0n, lengthBytes: drawnSetting.fileSize, flags })),
    ),
    asked('fiemap/flags', (drawnSetting) =>
      fc.constantFrom(4, 8, 0x8000_0000).map((flags) => ({ start: 0n, lengthBytes: drawnSetting.fileSize, flags })),
    ),
    asked('fiemap/past-maxbytes', () =>
      fc
        .constantFrom((1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n)
        .map((start) => ({ start, lengthBytes: 4096n, flags: 0 })),
    ),
    possible({ rule: 'fiemap/extents', path }, fewExtents(revision)),
  ];
}

/** Several mappings, and room for none, fewer, as many, or more extents. */
function fewExtents(revision: Revision): fc.Arbitrary<PlannedCase> {
  const types: readonly TypeName[] = noDevices(revision)
    ? ['HOLE', 'DELALLOC', 'INLINE']
    : ['HOLE', 'DELALLOC', 'INLINE', 'MAPPED', 'UNWRITTEN'];
  return settingOf(revision, 'fiemap').chain((drawnSetting) =>
    fc
      .tuple(fc.array(fc.constantFrom(...types), { minLength: 1, maxLength: 5 }), fc.nat(6), fc.constantFrom(0, 1))
      .chain(([list, extents, flags]) => {
        const block = drawnSetting.blockSize;
        const maps = fc.tuple(
          ...list.map((type, index) =>
            mapping({
              setting: drawnSetting,
              start: BigInt(index) * block,
              end: BigInt(index + 1) * block,
              type,
              exact: true,
              area: index % 4,
              flags: ['SHARED', 'MERGED'],
            }),
          ),
        );
        return maps.map((reads): PlannedCase => {
          const base = wholeFile(
            revision,
            drawnSetting,
            'HOLE',
            ['rdonly'],
            [{ call: 'fiemap', fd: 0, start: 0n, lengthBytes: BigInt(list.length) * block, flags, extents }],
          );
          const lines = reads.map((read): ScriptLine => ({
            on: 'IOMAP_BEGIN',
            posTo: read.offset + read.length,
            reply: { kind: 'mappings', read, write: pureOverwrite(read.offset, read.length) },
          }));
          return {
            case: { ...base, script: [...lines, ...base.script] },
            note: `${list.join(' ')}, room for ${extents}`,
          };
        });
      }),
  );
}

function writeCells(revision: Revision): PlanCell[] {
  const path = 'direct-write';
  const against = noDirectWrites(revision, path);
  const cell = (
    rule: ClauseId,
    make: (drawnSetting: Setting) => fc.Arbitrary<{ steps: Step[]; note: string }>,
  ): PlanCell =>
    against === undefined
      ? possible({ rule, path }, cases(revision, path, 'MAPPED', ['rdwr', 'direct'], make))
      : impossible({ rule, path }, against);
  return [
    cell('write/empty', (drawnSetting) =>
      fc
        .constantFrom(0n, drawnSetting.opStart)
        .map((offset) => ({
          steps: [{ call: 'pwrite', fd: 0, offset, lengthBytes: 0, writer: 0 }],
          note: `at 0x${offset.toString(16)}`,
        })),
    ),
    // Written, partly overwritten, and read back: the bytes of each writer are where it put them.
    cell('device/bytes', (drawnSetting) => {
      const lengthBytes = Number(drawnSetting.opEnd - drawnSetting.opStart);
      const block = Number(drawnSetting.blockSize);
      return fc
        .tuple(fc.nat(lengthBytes / block - 1), fc.boolean())
        .map(([from, extend]) => ({
          steps: [
            { call: 'pwrite', fd: 0, offset: drawnSetting.opStart, lengthBytes, writer: 0 },
            {
              call: 'pwrite',
              fd: 0,
              offset: drawnSetting.opStart + BigInt(from * block),
              lengthBytes: block,
              writer: 1,
            },
            ...(extend
              ? [
                  {
                    call: 'pwrite' as const,
                    fd: 0,
                    offset: drawnSetting.fileSize - (drawnSetting.fileSize % drawnSetting.blockSize),
                    lengthBytes: block,
                    writer: 2,
                  },
                ]
              : []),
            {
              call: 'pread',
              fd: 0,
              offset: drawnSetting.opStart - drawnSetting.blockSize,
              lengthBytes: lengthBytes + 2 * block,
            },
            { call: 'fstat', fd: 0 },
          ],
          note: `0x${drawnSetting.opStart.toString(16)} +${lengthBytes} written, block ${from} of it again${extend ? ', one at EOF' : ''}`,
        }));
    }),
  ];
}
