/**
 * Cells of the flags that reads and writes carry: of the call (RWF_*), of the open file (O_*), and of the inode
 * (ATTR_*).
 */
import fc from 'fast-check';
import { configOf, pureOverwrite, type PlannedCase } from '../../generators/reply-case.ts';
import { defaultDevices } from '../../generators/setting.ts';
import { CASE_SCHEMA, type Case, type Geometry, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import { RWF } from '../../model/syscall-flags.ts';
import type { Revision } from '../../uapi/revision.ts';
import { borders, impossible, ofKinds, possible, type Border, type CellKey, type PlanCell } from '../cell.ts';
import { ground, noSizes, type Ground } from './size-cells.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

type OpenFlags = Extract<Step, { call: 'open' }>['flags'];
type AttrFlags = Geometry['files'][number]['attrFlags'];
const PATHS = ['direct-read', 'buffered-read', 'direct-write', 'buffered-write'] as const;
type FlagPath = (typeof PATHS)[number];
const READS: readonly FlagPath[] = ['direct-read', 'buffered-read'];
const WRITES: readonly FlagPath[] = ['direct-write', 'buffered-write'];
const isDirect = (path: FlagPath): boolean => path.startsWith('direct');

/** What is done, and what the server makes of it. */
export interface Made {
  steps: Step[];
  note: string;
  flags?: OpenFlags;
  attrs?: AttrFlags;
  directIo?: boolean;
  type?: 'MAPPED' | 'UNWRITTEN';
  /** A second file, of the same size, on device 1. */
  second?: boolean;
  mappingFlags?: MappingSpec['flags'];
  extra?: ScriptLine[];
  /** Of the file, instead of the drawn one. */
  sizeBytes?: bigint;
  /** Default: closed at the end. */
  leaveOpen?: boolean;
}

/** Where the file lies on device 0. */
const SHIFT = 1n << 18n;

/** A case whose server has one mapping for the whole file, whatever is asked. */
export function flatCase(
  revision: Revision,
  setting: Ground,
  {
    steps,
    flags = ['rdwr'],
    attrs = [],
    directIo,
    type = 'MAPPED',
    mappingFlags = [],
    extra = [],
    leaveOpen,
    second,
    sizeBytes = setting.fileSize,
  }: Made,
): Case {
  const config = configOf({ blockSize: setting.blockSize, maxBytes: setting.maxBytes });
  const length = setting.maxBytes / 4n;
  const read: MappingSpec = { type, flags: mappingFlags, dev: { device: 0 }, addr: SHIFT, offset: 0n, length };
  const file = {
    sizeBytes,
    attrFlags: ['IOMAP' as const, 'EXCLUSIVE' as const, ...attrs],
    ...(directIo && { directIo }),
  };
  return {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap: setting.debugIomap,
    geometry: {
      mount: setting.mount,
      ...(config && { config }),
      devices: [...defaultDevices],
      files: [file, ...(second ? [file] : [])],
    },
    script: [
      ...extra,
      ...(second
        ? [
            {
              on: 'IOMAP_BEGIN' as const,
              file: 1,
              reply: {
                kind: 'mappings' as const,
                read: { ...read, dev: { device: 1 } },
                write: pureOverwrite(0n, length),
              },
            },
          ]
        : []),
      { on: 'IOMAP_BEGIN', reply: { kind: 'mappings', read, write: pureOverwrite(0n, length) } },
    ],
    workload: [{ call: 'open', file: 0, flags }, ...steps, ...(leaveOpen ? [] : [{ call: 'close' as const, fd: 0 }])],
  };
}

type Cell = (key: CellKey, make: (setting: Ground) => fc.Arbitrary<Made>) => PlanCell;

/** Cells of cases that `flatCase` makes. */
export const flatCells =
  (revision: Revision): Cell =>
  (key, make) => {
    const against = noSizes(revision);
    if (against !== undefined) return impossible(key, against);
    return possible(
      key,
      ground.chain((setting) =>
        make(setting).map((parts): PlannedCase => ({
          case: flatCase(revision, setting, parts),
          note: `${parts.note}; EOF 0x${setting.fileSize.toString(16)}, block size ${setting.blockSize}`,
        })),
      ),
    );
  };

const fstat: Step = { call: 'fstat', fd: 0 };
const pread = (offset: bigint, lengthBytes: number, rwf = 0): Step => ({
  call: 'pread',
  fd: 0,
  offset,
  lengthBytes,
  ...(rwf !== 0 && { rwf }),
});
const pwrite = (offset: bigint, lengthBytes: number, rwf = 0, writer = 0): Step => ({
  call: 'pwrite',
  fd: 0,
  offset,
  lengthBytes,
  writer,
  ...(rwf !== 0 && { rwf }),
});
const hex = (value: number): string => `0x${value.toString(16)}`;
const openFor = (path: FlagPath, more: OpenFlags = []): OpenFlags => [
  'rdwr',
  ...(isDirect(path) ? ['direct' as const] : []),
  ...more,
];

/** The call of a path, over whole blocks of the file. */
const callOf = (path: FlagPath, setting: Ground, rwf: number): fc.Arbitrary<Step> =>
  fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 2 })).map(([from, blocks]) => {
    const [offset, lengthBytes] = [BigInt(from) * setting.blockSize, blocks * Number(setting.blockSize)];
    return READS.includes(path) ? pread(offset, lengthBytes, rwf) : pwrite(offset, lengthBytes, rwf);
  });

export function flagCells(revision: Revision): PlanCell[] {
  const cell = flatCells(revision);
  const both = (
    rule: ClauseId,
    path: FlagPath,
    kinds: number,
    make: (setting: Ground, border: Border, kind: number) => fc.Arbitrary<Made>,
  ) =>
    borders.map((border) =>
      ofKinds(
        Array.from({ length: kinds }, (_, kind) =>
          cell({ rule, path, border }, (setting) => make(setting, border, kind)),
        ),
      ),
    );
  return [
    ...PATHS.flatMap((path) => [
      ...both('flags/refused', path, REFUSED_FLAGS.length, (setting, border, kind) =>
        refused(path, setting, border, kind),
      ),
      ...(!revision.nowait.writesAreSaid && WRITES.includes(path)
        ? borders.map((border) =>
            impossible(
              { rule: 'flags/nowait', path, border },
              `revision ${revision.id} does not say what a write that must not wait does`,
            ),
          )
        : both('flags/nowait', path, NOWAIT.length, (setting, border, kind) => nowait(path, setting, border, kind))),
    ]),
    ...WRITES.flatMap((path) => [
      ...both('flags/sync', path, 2 * DURABLE.length, (setting, border, kind) => durable(path, setting, border, kind)),
      ofKinds(APPENDING.map((how) => cell({ rule: 'flags/append', path }, (setting) => appending(path, setting, how)))),
    ]),
    ...attributeCells(cell),
  ];
}

/** What the inode's attributes forbid and what they let pass. */
function attributeCells(cell: Cell): PlanCell[] {
  const end = (setting: Ground): bigint => setting.fileSize - (setting.fileSize % setting.blockSize);
  const openings: readonly OpenFlags[] = [
    ['rdwr'],
    ['wronly'],
    ['rdwr', 'append'],
    ['wronly', 'append'],
    ['rdonly', 'trunc'],
    ['rdwr', 'append', 'trunc'],
    ['rdonly'],
    ['rdonly', 'append'],
    ['rdonly', 'direct'],
  ];
  const passes: Record<'IMMUTABLE' | 'APPEND', (flags: OpenFlags) => boolean> = {
    IMMUTABLE: (flags) => flags.includes('rdonly') && !flags.includes('trunc'),
    APPEND: (flags) => !flags.includes('trunc') && (flags.includes('rdonly') || flags.includes('append')),
  };
  const rules = [
    ['inode/immutable', 'IMMUTABLE'],
    ['inode/append', 'APPEND'],
  ] as const;
  const opens = rules.flatMap(([rule, attr]) =>
    borders.map((border) =>
      cell({ rule, path: 'open', border }, (setting) =>
        fc
          .constantFrom(...openings.filter((flags) => passes[attr](flags) === (border === 'legal')))
          .map((flags) => ({
            flags,
            attrs: [attr],
            note: `${attr} opened ${flags.join('|')}`,
            steps:
              border === 'legal' && flags.includes('rdonly') ? [pread(0n, Number(setting.blockSize)), fstat] : [fstat],
          })),
      ),
    ),
  );
  const keepSize = 1,
    punch = 3,
    zeroRange = 0x10;
  const forbidden = (path: string, steps: (setting: Ground) => readonly Step[]) =>
    borders.map((border) =>
      cell({ rule: 'inode/append', path, border }, (setting) =>
        fc
          .constantFrom(...steps(setting))
          .map((step) => ({
            flags: ['rdwr' as const, 'append' as const],
            attrs: border === 'violating' ? ['APPEND' as const] : [],
            note: `${step.call}${border === 'violating' ? ' of an inode with APPEND' : ''}`,
            steps: [step, fstat],
          })),
      ),
    );
  return [
    ...opens,
    ...forbidden('truncate', (setting) =>
      [0n, setting.fileSize, setting.fileSize + setting.blockSize].map((sizeBytes) => ({
        call: 'ftruncate',
        fd: 0,
        sizeBytes,
      })),
    ),
    ...forbidden('fallocate', (setting) =>
      [punch, zeroRange, zeroRange | keepSize].map((mode) => ({
        call: 'fallocate',
        fd: 0,
        mode,
        offset: 0n,
        lengthBytes: setting.blockSize,
      })),
    ),
    ...forbidden('mmap-write', (setting) => [
      { call: 'mmapWrite', fd: 0, offset: 0n, lengthBytes: 100, writer: 0 },
      { call: 'mmapRead', fd: 0, offset: end(setting) - setting.blockSize, lengthBytes: 100 },
    ]),
    // Allocation in advance, and appending itself, are no changes of what is there.
    cell({ rule: 'inode/append', path: 'buffered-write' }, (setting) =>
      fc
        .constantFrom<Step[]>(
          [pwrite(0n, 700), fstat],
          [{ call: 'fallocate', fd: 0, mode: 0, offset: 0n, lengthBytes: setting.fileSize + setting.blockSize }, fstat],
          [
            { call: 'fallocate', fd: 0, mode: keepSize, offset: setting.fileSize, lengthBytes: setting.blockSize },
            fstat,
          ],
          [pwrite(0n, 700, RWF.NOAPPEND), fstat],
        )
        .map((steps) => ({
          flags: ['rdwr', 'append'],
          attrs: ['APPEND'],
          steps,
          note: `${steps[0]!.call} of an inode with APPEND`,
        })),
    ),
  ];
}

const { DONTCACHE, ATOMIC, SYNC, DSYNC, HIPRI, APPEND, NOAPPEND } = RWF;
const REFUSED_FLAGS: readonly number[] = [
  DONTCACHE,
  DONTCACHE | DSYNC,
  DONTCACHE | HIPRI,
  ATOMIC,
  0x400,
  0x4000_0000,
  APPEND | NOAPPEND,
];
/** Refused without asking anybody; flags that mean nothing here are not. */
function refused(path: FlagPath, setting: Ground, border: Border, kind: number): fc.Arbitrary<Made> {
  const reads = READS.includes(path);
  const values =
    border === 'violating' ? REFUSED_FLAGS : [HIPRI, NOAPPEND, ...(reads ? [SYNC, DSYNC, APPEND, SYNC | HIPRI] : [])];
  return fc.constant(values[kind % values.length]!).chain((rwf) =>
    fc.tuple(callOf(path, setting, rwf), callOf(path, setting, 0), fc.boolean()).map(([call, again, atomic]) => {
      // Direct writes to an inode with ATOMIC may be atomic.
      const attrs: AttrFlags = atomic && (path !== 'direct-write' || rwf !== ATOMIC) ? ['ATOMIC'] : [];
      return {
        flags: openFor(path),
        attrs,
        steps: [call, fstat, again],
        note: `RWF flags ${hex(rwf)}${attrs.length > 0 ? ' on an inode with ATOMIC' : ''}`,
      };
    }),
  );
}

const NOWAIT = ['alone', 'twice', 'before', 'dirty'] as const;
/** Without a cached mapping there is nothing to be had without waiting. */
function nowait(path: FlagPath, setting: Ground, border: Border, kind: number): fc.Arbitrary<Made> {
  const rwf = border === 'violating' ? RWF.NOWAIT : 0;
  return fc
    .tuple(callOf(path, setting, rwf), callOf(path, setting, 0), fc.constant(NOWAIT[kind]!))
    .map(([call, other, how]) => {
      const steps =
        how === 'alone'
          ? [call]
          : how === 'twice'
            ? [call, call]
            : how === 'before'
              ? [other, call]
              : [call, other, call];
      return {
        flags: openFor(path),
        steps: [...steps, fstat],
        note: `${rwf ? 'RWF_NOWAIT' : 'waiting'}, ${how === 'before' ? 'behind the same without it' : how}`,
      };
    });
}

/** Ways to ask for durable writes. */
const DURABLE: readonly { flags?: OpenFlags; rwf?: number; attrs?: AttrFlags; note: string }[] = [
  { flags: ['sync'], note: 'O_SYNC' },
  { flags: ['dsync'], note: 'O_DSYNC' },
  { rwf: RWF.SYNC, note: 'RWF_SYNC' },
  { rwf: RWF.DSYNC, note: 'RWF_DSYNC' },
  { rwf: RWF.SYNC | RWF.DSYNC, note: 'RWF_SYNC and RWF_DSYNC' },
  { attrs: ['SYNC'], note: 'an inode with SYNC' },
];

/** `kind`: the way to ask for it, first inside the file, then where the file gets larger. */
function durable(path: FlagPath, setting: Ground, border: Border, kind: number): fc.Arbitrary<Made> {
  const error = (errno: number): Reply => ({ kind: 'error', errno });
  const answers: readonly { extra?: ScriptLine[]; note: string }[] =
    border === 'legal'
      ? [{ note: 'acknowledged' }, { extra: [{ on: 'FSYNC', reply: error(38) }], note: 'FSYNC answered with ENOSYS' }]
      : [
          ...[5, 28].map((errno) => ({
            extra: [{ on: 'FSYNC' as const, times: 1, reply: error(errno) }],
            note: `FSYNC answered with errno ${errno}`,
          })),
          { extra: [{ on: 'IOMAP_IOEND', times: 1, reply: error(28) }], note: 'IOEND answered with ENOSPC' },
          ...(path === 'buffered-write'
            ? [
                {
                  extra: [{ on: 'IOMAP_BEGIN' as const, opflagsSet: 0x8000_0000, times: 1, reply: error(28) }],
                  note: 'writeback answered with ENOSPC',
                },
              ]
            : []),
        ];
  const shapes = fc.constantFrom<Pick<Made, 'type' | 'mappingFlags'>>(
    { type: 'MAPPED' },
    { type: 'MAPPED', mappingFlags: ['DIRTY'] },
    { type: 'UNWRITTEN' },
    { type: 'MAPPED', mappingFlags: ['SHARED'] },
  );
  const first = setting.fileSize - (setting.fileSize % setting.blockSize);
  // Of a write that fails nothing says whether it made the file longer.
  const inside = border === 'violating';
  const places = inside || kind < DURABLE.length ? [0n, setting.blockSize] : [first];
  return fc
    .tuple(
      fc.constant(DURABLE[kind % DURABLE.length]!),
      fc.constantFrom(...answers),
      border === 'legal' && kind >= DURABLE.length
        ? fc.constant<Pick<Made, 'type' | 'mappingFlags'>>({ type: 'MAPPED' })
        : shapes,
      fc.constantFrom(...places),
      fc.integer({ min: places[0] === first ? 2 : 1, max: inside ? 1 : 2 }),
      fc.boolean(),
    )
    .map(([how, answer, shape, offset, blocks, again]) => {
      const lengthBytes = blocks * Number(setting.blockSize);
      const write = pwrite(offset, isDirect(path) ? lengthBytes : lengthBytes - 5, how.rwf);
      return {
        ...shape,
        flags: openFor(path, how.flags),
        ...(how.attrs && { attrs: how.attrs }),
        ...(answer.extra && { extra: answer.extra }),
        steps: [write, ...(again ? [write] : []), fstat],
        note: `${how.note}, ${shape.type} ${(shape.mappingFlags ?? []).join()}, ${answer.note}`,
      };
    });
}

/** Where the write was to go does not count, but where the file ends. */
const APPENDING = ['O_APPEND', 'RWF_APPEND', 'RWF_NOAPPEND'] as const;
function appending(path: FlagPath, setting: Ground, way: (typeof APPENDING)[number]): fc.Arbitrary<Made> {
  const block = Number(setting.blockSize);
  return fc
    .tuple(
      fc.constant(way),
      fc.constantFrom(0n, setting.blockSize, setting.fileSize + setting.blockSize),
      fc.constantFrom(1, 700, block, 2 * block),
      fc.boolean(),
    )
    .map(([how, offset, length, again]) => {
      const rwf = how === 'RWF_APPEND' ? RWF.APPEND : how === 'RWF_NOAPPEND' ? RWF.NOAPPEND : 0;
      const lengthBytes = isDirect(path) ? Math.max(block, length - (length % block)) : length;
      const at = how === 'RWF_NOAPPEND' ? 0n : offset;
      // Direct writes begin at a block.
      const cut: Step[] = isDirect(path)
        ? [{ call: 'ftruncate', fd: 0, sizeBytes: setting.fileSize - (setting.fileSize % setting.blockSize) }]
        : [];
      return {
        flags: openFor(path, how === 'RWF_APPEND' ? [] : ['append']),
        note: `${how}, ${lengthBytes} bytes at 0x${at.toString(16)}`,
        steps: [
          ...cut,
          pwrite(at, lengthBytes, rwf),
          fstat,
          ...(again ? [pwrite(at, lengthBytes, rwf, 1), fstat] : []),
          ...(isDirect(path) ? [] : [pread(0n, Number(setting.fileSize) + 3 * lengthBytes)]),
        ],
      };
    });
}
