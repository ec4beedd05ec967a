/** Cells of syscalls between two files, of open, and of who says how large a file is. */
import fc from 'fast-check';
import { PLAIN_ERRNOS } from '../../generators/reply-values.ts';
import type { PlannedCase } from '../../generators/reply-case.ts';
import { OPEN_REPLY } from '../../uapi/fuse-flags.ts';
import { copyFileRangeOut, openOut, writeOut } from '../../uapi/fuse-structs.ts';
import type { Case, Reply, ScriptLine, Step } from '../../model/case.ts';
import type { Revision } from '../../uapi/revision.ts';
import { borders, impossible, possible, type Border, type CellKey, type PlanCell } from '../cell.ts';
import { caseOn, ground, noSizes, type Act, type Ground } from './size-cells.ts';
import { errnos } from '../../uapi/errno.ts';
import { max, min } from '../../uapi/units.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

const { ENOSYS } = errnos;
/** Errnos after which Linux copies by itself (fs/fuse/file.c, fuse_copy_file_range), which the rules do not ask for. */
const FALLBACKS: readonly number[] = [18, 95];
/** After it Linux looks the path up again and opens once more (fs/namei.c, do_file_open), with a request more. */
const { ESTALE } = errnos;
const copyErrnos = PLAIN_ERRNOS.filter((errno) => !FALLBACKS.includes(errno));

type Make = (setting: Ground, border: Border) => fc.Arbitrary<Act>;

export function copyCells(revision: Revision): PlanCell[] {
  const against = noSizes(revision);
  const cell = (key: CellKey, make: (setting: Ground) => fc.Arbitrary<Act>): PlanCell =>
    against !== undefined
      ? impossible(key, against)
      : possible(
          key,
          ground.chain((setting) =>
            make(setting).map((action): PlannedCase => ({
              case: twoFiles(caseOn(revision, setting, action)),
              note: `${action.note}; EOF 0x${setting.fileSize.toString(16)}`,
            })),
          ),
        );
  const both = (rule: ClauseId, path: string, make: Make) =>
    borders.map((border) => cell({ rule, path, border }, (setting) => make(setting, border)));
  return [
    cell({ rule: 'copy/result', path: 'copy' }, (setting) =>
      fc.tuple(copyOf(setting), fc.boolean(), fc.nat(4)).map(([step, older, short]) => {
        const moved = max(lengthOf(setting, step) - BigInt(short) * 512n, 0n);
        return { ...copying(step, older, moved), note: `${moved} bytes copied${older ? ' by the older request' : ''}` };
      }),
    ),
    ...both('copy/answer', 'copy', (setting, border) =>
      fc.tuple(copyOf(setting), fc.boolean(), fc.constantFrom(1n, 4096n, 0xffff_ffffn)).map(([step, older, beyond]) => {
        const moved = lengthOf(setting, step) + (border === 'violating' ? beyond : 0n);
        return {
          ...copying(step, older, older ? min(moved, 0xffff_ffffn) : moved),
          note: `${moved} bytes said to be copied${older ? ' by the older request' : ''}`,
        };
      }),
    ),
    ...both('copy/error', 'copy', (setting, border) =>
      fc.tuple(copyOf(setting), fc.constantFrom(...copyErrnos)).map(([step, errno]) => {
        const good = copying(step, false, lengthOf(setting, step));
        return border === 'legal'
          ? { ...good, note: 'copied' }
          : {
              ...good,
              extra: [{ on: 'COPY_FILE_RANGE_64', times: 1, reply: { kind: 'error', errno } }, ...good.extra],
              note: `answered with errno ${errno}, then copied`,
            };
      }),
    ),
    // The newer request is not tried again.
    cell({ rule: 'copy/request', path: 'copy' }, (setting) =>
      copyOf(setting).map((step) => ({
        ...copying(step, true, lengthOf(setting, step)),
        note: 'the newer request answered with ENOSYS',
      })),
    ),
    ...both('copy/arguments', 'copy', (setting, border) => fc.constantFrom<Act>(...arguments_(setting, border))),
    ...['clone', 'dedupe'].map((call) =>
      cell({ rule: 'clone/refused', path: call }, (setting) =>
        fc
          .tuple(
            fc.constantFrom(0n, setting.blockSize),
            fc.constantFrom(0n, setting.blockSize),
            fc.constantFrom(0n, setting.blockSize, setting.fileSize),
            fc.boolean(),
          )
          .map(([fromOffset, offset, lengthBytes, same]) => ({
            steps: [
              openSecond,
              { call: call as 'clone' | 'dedupe', from: 0, fromOffset, fd: same ? 0 : 1, offset, lengthBytes },
              fstat(0),
              fstat(1),
            ],
            note: `${lengthBytes} bytes from 0x${fromOffset.toString(16)} to 0x${offset.toString(16)}${same ? ' of the same file' : ''}`,
          })),
      ),
    ),
    ...both('open/flags', 'open', (_, border) => {
      const flags =
        border === 'violating'
          ? [
              OPEN_REPLY.PASSTHROUGH,
              OPEN_REPLY.STREAM,
              OPEN_REPLY.NONSEEKABLE,
              OPEN_REPLY.STREAM | OPEN_REPLY.NONSEEKABLE,
              OPEN_REPLY.KEEP_CACHE | OPEN_REPLY.STREAM,
            ]
          : [0, OPEN_REPLY.KEEP_CACHE, OPEN_REPLY.NOFLUSH, OPEN_REPLY.PARALLEL_DIRECT_WRITES, OPEN_REPLY.CACHE_DIR];
      return fc
        .tuple(
          fc.constantFrom(...flags),
          fc.constantFrom<NonNullable<Act['flags']>>(['rdonly'], ['rdwr'], ['rdwr', 'direct']),
        )
        .map(([openFlags, how]) => ({
          flags: how,
          steps: [fstat(0)],
          note: `open flags 0x${openFlags.toString(16)}`,
          extra: [
            {
              on: 'OPEN',
              file: 0,
              reply: { kind: 'raw', payload: hex(openOut.encode({ fh: 1n, openFlags, backingId: 0 })) },
            },
          ],
        }));
    }),
    cell({ rule: 'open/truncate', path: 'open' }, () =>
      fc
        .tuple(
          fc.constantFrom<NonNullable<Act['flags']>>(
            ['rdwr', 'trunc'],
            ['wronly', 'trunc'],
            ['rdonly', 'trunc'],
            ['rdwr', 'direct', 'trunc'],
          ),
          fc.constantFrom(0, 0, ...PLAIN_ERRNOS.filter((errno) => errno !== ESTALE)),
        )
        .map(([flags, errno]) => ({
          flags,
          steps: [openSecondOf(0), fstat(1)],
          note: `${flags.join('|')}${errno ? `, SETATTR answered with errno ${errno}` : ''}`,
          ...(errno && { extra: [{ on: 'SETATTR' as const, reply: { kind: 'error' as const, errno } }] }),
        })),
    ),
    cell({ rule: 'size', path: 'stat' }, (setting) =>
      fc
        .tuple(
          fc.constantFrom(0n, 1n, setting.fileSize - 1n, setting.fileSize + setting.blockSize, (1n << 63n) - 1n),
          fc.constantFrom(0n, setting.blockSize, setting.fileSize, setting.fileSize + 3n * setting.blockSize),
        )
        .map(([said, size]) => ({
          steps: [
            { call: 'ftruncate', fd: 0, sizeBytes: size },
            fstat(0),
            fstat(0),
            { call: 'seekHole', fd: 0, offset: 0n },
          ],
          note: `cut to 0x${size.toString(16)}, the server says 0x${said.toString(16)}`,
          extra: (['SETATTR', 'GETATTR'] as const).map((on): ScriptLine => ({
            on,
            reply: { kind: 'attributes', sizeBytes: said },
          })),
        })),
    ),
  ];
}

type Copy = Extract<Step, { call: 'copyFileRange' }>;
const fstat = (fd: number): Step => ({ call: 'fstat', fd });
const openSecondOf = (file: number): Step => ({ call: 'open', file, flags: ['rdwr'] });
const openSecond = openSecondOf(1);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** A second file, as large as the first. */
const twoFiles = (testCase: Case): Case => ({
  ...testCase,
  geometry: { ...testCase.geometry, files: [...testCase.geometry.files, ...testCase.geometry.files] },
});

/** From the first file to the second. */
const copyOf = (setting: Ground): fc.Arbitrary<Copy> =>
  fc
    .record({
      fromOffset: fc.constantFrom(0n, 1n, setting.blockSize, setting.fileSize - 1n),
      offset: fc.constantFrom(0n, 7n, setting.blockSize, setting.fileSize, setting.fileSize + setting.blockSize),
      lengthBytes: fc.constantFrom(
        1,
        511,
        Number(setting.blockSize),
        Number(setting.fileSize),
        Number(setting.fileSize) * 2,
      ),
    })
    .map((drawn) => ({ call: 'copyFileRange', from: 0, fd: 1, ...drawn }));

/** What of it lies in the file. */
const lengthOf = (setting: Ground, step: Copy): bigint =>
  min(BigInt(step.lengthBytes), setting.fileSize - step.fromOffset);

/** The copy twice, of which the server says it moved so many bytes each time. */
function copying(step: Copy, older: boolean, moved: bigint): Act & { extra: ScriptLine[] } {
  const reply = (payload: Uint8Array): Reply => ({ kind: 'raw', payload: hex(payload) });
  return {
    steps: [openSecond, step, fstat(1), step, fstat(1), fstat(0)],
    note: '',
    extra: older
      ? [
          { on: 'COPY_FILE_RANGE_64', reply: { kind: 'error', errno: ENOSYS } },
          { on: 'COPY_FILE_RANGE', reply: reply(writeOut.encode({ size: Number(moved) })) },
        ]
      : [{ on: 'COPY_FILE_RANGE_64', reply: reply(copyFileRangeOut.encode({ bytesCopied: moved })) }],
  };
}

function arguments_(setting: Ground, border: Border): Act[] {
  const { fileSize, blockSize, maxBytes } = setting;
  const length = Number(blockSize);
  const copy = (more: Partial<Copy>): Copy => ({
    call: 'copyFileRange',
    from: 0,
    fromOffset: 0n,
    fd: 1,
    offset: 0n,
    lengthBytes: length,
    ...more,
  });
  const act = (step: Copy, note: string, flags: Act['flags'] = ['rdwr']): Act => {
    const moved =
      step.lengthBytes === 0 || step.fromOffset >= fileSize
        ? 0n
        : min(min(BigInt(step.lengthBytes), fileSize - step.fromOffset), max(maxBytes - step.offset, 0n));
    return { ...copying(step, false, moved), flags, note };
  };
  if (border === 'violating') {
    return [
      act(copy({ fd: 0 }), 'a range to itself'),
      act(copy({ fd: 0, offset: blockSize - 1n }), 'ranges that overlap in one byte'),
      act(copy({ offset: maxBytes }), 'to maxbytes'),
      act(copy({ fromOffset: -1n }), 'from a negative offset'),
      act(copy({ offset: -1n }), 'to a negative offset'),
      act(copy({}), 'from a file open for writing only', ['wronly']),
      act(copy({ from: 1, fd: 0 }), 'to a file open for reading only', ['rdonly']),
    ];
  }
  return [
    act(copy({ fd: 0, offset: blockSize }), 'ranges that touch'),
    act(copy({ lengthBytes: 0 }), 'nothing'),
    act(copy({ fromOffset: fileSize }), 'from EOF'),
    act(copy({ offset: maxBytes - 1n }), 'up to maxbytes'),
    act(copy({}), 'from a file open for reading', ['rdonly']),
  ];
}
