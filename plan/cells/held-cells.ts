/**
 * Cells of notifications that arrive while a request waits for its answer, and of RETRY_CACHE, which says that they
 * came.
 */
import fc from 'fast-check';
import {
  cacheCase,
  cacheChange,
  cacheSetting,
  calls,
  inval,
  NOTHING,
  pushed,
  rangeOf,
  upsert,
  FILE_BLOCKS,
  type Blocks,
  type CacheSetting,
} from '../../generators/cache-case.ts';
import type { TypeName } from '../../generators/mapping.ts';
import { retryCache } from '../../generators/notification.ts';
import { pureOverwrite, type PlannedCase } from '../../generators/reply-case.ts';
import { DEVICE_SIZE, isReport, isWritePath, isZeroPath, paths, type Path } from '../../generators/setting.ts';
import type { Case, ScriptLine, Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Notification } from '../../model/notification.ts';
import { NULL_ADDR, type Revision } from '../../uapi/revision.ts';
import { impossible, possible, type CellKey, type PlanCell } from '../cell.ts';
import { notifyCells } from './notify-cells.ts';
import { noDirectWrites } from './reply-cells.ts';
import { LOFF_MAX } from '../../uapi/units.ts';
import { beginTableOf } from '../../oracles/rules/first-violation.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

type Mappings = { read: MappingSpec; write: MappingSpec };

/** Where the operations of these cases take place, and where they do not. */
const here: Blocks = { from: 2, count: 6 };
const elsewhere: Blocks = { from: 12, count: 4 };
/** What the server answers reaches behind EOF, too. */
const whole: Blocks = { from: 0, count: FILE_BLOCKS + 8 };
const behindEof: Blocks = { from: FILE_BLOCKS, count: 3 };

const placeOf = (path: Path): Blocks => (path === 'zeroing' ? behindEof : here);
const isDirect = (path: Path): boolean => path === 'direct-read' || path === 'direct-write' || path === 'zeroing';

/** The syscalls of a path at its place. */
function stepsOf(path: Path, setting: CacheSetting): Step[] {
  const { offset, length } = rangeOf(here, setting);
  const lengthBytes = Number(length);
  switch (path) {
    case 'direct-read':
    case 'buffered-read':
      return [calls.read(setting, here)];
    case 'mmap-read':
      return [{ call: 'mmapRead', fd: 0, offset, lengthBytes }];
    case 'mmap-write':
      return [{ call: 'mmapWrite', fd: 0, offset, lengthBytes, writer: 0, msync: true }];
    case 'direct-write':
      return [calls.write(setting, here)];
    case 'buffered-write':
    case 'writeback':
      return [calls.write(setting, here), { call: 'fsync', fd: 0 }];
    case 'truncate':
      return [
        { call: 'ftruncate', fd: 0, sizeBytes: offset + 7n },
        { call: 'fsync', fd: 0 },
      ];
    case 'fallocate':
      return [
        { call: 'fallocate', fd: 0, mode: 3, offset, lengthBytes: length },
        { call: 'fsync', fd: 0 },
      ];
    case 'zeroing':
      return [calls.write(setting, { from: FILE_BLOCKS + behindEof.count, count: 1 }), { call: 'fsync', fd: 0 }];
    case 'fiemap':
      return [calls.fiemap(setting, here)];
    case 'seek-data':
      return [calls.seekData(setting, here)];
    case 'seek-hole':
      return [calls.seekHole(setting, here)];
  }
}

/** The line that answers the first BEGIN of a path. */
function heldLine(revision: Revision, path: Path, before: readonly Notification[], reply: Mappings): ScriptLine {
  const { ZERO, FAULT, WRITEBACK, WRITE } = revision.opFlags;
  const set = isZeroPath(path)
    ? ZERO
    : path === 'mmap-write'
      ? FAULT
      : path === 'writeback'
        ? WRITEBACK
        : path === 'buffered-write'
          ? WRITE
          : 0;
  return {
    on: 'IOMAP_BEGIN',
    file: 0,
    ...(set !== 0 && { opflagsSet: set }),
    times: 1,
    before: [...before],
    reply: { kind: 'mappings', ...reply },
  };
}

/** What the server has when it is asked in the ordinary way: space of its own device; zeroes where it shall zero. */
function serverLines(revision: Revision, setting: CacheSetting): ScriptLine[] {
  const { offset, length } = rangeOf(whole, setting);
  const zeroes: Mappings = {
    read: pushed(setting, 'read', 'HOLE', whole),
    write: pushed(setting, 'write', 'PURE_OVERWRITE', whole),
  };
  const read: MappingSpec = { type: 'MAPPED', flags: [], dev: { device: 2 }, addr: 0n, offset, length };
  return [
    { on: 'IOMAP_BEGIN', file: 0, opflagsSet: revision.opFlags.ZERO, reply: { kind: 'mappings', ...zeroes } },
    { on: 'IOMAP_BEGIN', file: 0, reply: { kind: 'mappings', read, write: pureOverwrite(offset, length) } },
  ];
}

const answerOf = (revision: Revision, setting: CacheSetting, path: Path): Mappings => {
  const [zeroes, usual] = serverLines(revision, setting);
  const { reply } = (isZeroPath(path) ? zeroes : usual)!;
  return reply as Extract<typeof reply, { kind: 'mappings' }>;
};

interface Held {
  signal?: true;
  before: readonly Notification[];
  reply?: Mappings;
  note: string;
  first?: readonly Step[];
  behind?: readonly Step[];
  secondFile?: boolean;
}

const notificationOf = (step: Step): Notification => (step as Extract<Step, { call: 'notify' }>).notification;
const pushes = (...args: Parameters<typeof upsert>): Notification => notificationOf(upsert(...args));

function heldCell(
  revision: Revision,
  of: ClauseId | CellKey,
  path: Path,
  make: (setting: CacheSetting) => fc.Arbitrary<Held>,
): PlanCell {
  const key = typeof of === 'string' ? { rule: of, path } : of;
  if (revision.notifications.IOMAP_UPSERT_MAPPINGS === undefined)
    return impossible(key, `revision ${revision.id} has no notifications`);
  // Faults ask for whole pages, of which all has to be pushed or nothing.
  return possible(
    key,
    cacheSetting({ direct: isDirect(path), ...(path === 'mmap-write' && { blockSize: 4096n }) }).chain((setting) =>
      make(setting).map((whileHeld) => {
        const {
          before,
          signal,
          reply = answerOf(revision, setting, path),
          note,
          first = [],
          behind = [],
          secondFile,
        } = whileHeld;
        const plannedCase = cacheCase({
          revision,
          setting,
          steps: [...first, ...stepsOf(path, setting), ...behind],
          note,
          script: [
            { ...heldLine(revision, path, before, reply), ...(signal && { signal }) },
            ...serverLines(revision, setting),
          ],
        });
        return secondFile ? withSecondFile(plannedCase) : plannedCase;
      }),
    ),
  );
}

/** File 1 is open, too. */
function withSecondFile(plannedCase: PlannedCase): PlannedCase {
  const {
    geometry,
    workload: [open, ...rest],
  } = plannedCase.case;
  const [file] = geometry.files;
  return {
    ...plannedCase,
    case: {
      ...plannedCase.case,
      geometry: { ...geometry, files: [file!, file!] },
      workload: [open!, { call: 'open', file: 1, flags: ['rdonly'] }, ...rest, { call: 'close', fd: 1 }],
    },
  };
}

/** Types that an upsert may store for what a path does. */
const storedFor = (path: Path): readonly TypeName[] =>
  isReport(path)
    ? ['MAPPED', 'UNWRITTEN', 'HOLE', 'DELALLOC']
    : isZeroPath(path)
      ? ['UNWRITTEN', 'HOLE', 'MAPPED']
      : isWritePath(path)
        ? ['MAPPED', 'UNWRITTEN']
        : ['MAPPED', 'UNWRITTEN', 'HOLE'];

/** `key`: of a cell about that half's instruction. */
export function retryCell(revision: Revision, path: Path, key?: CellKey): PlanCell {
  return heldCell(revision, key ?? 'begin/retry', path, (setting) => {
    const place = placeOf(path);
    const { offset, length } = rangeOf(whole, setting);
    const instruction = retryCache(offset, length);
    const usual = answerOf(revision, setting, path);
    const write = isWritePath(path) || isZeroPath(path);
    const asked: [Mappings, string][] = [
      [{ read: instruction, write: usual.write }, 'read half'],
      ...(!beginTableOf(revision).retryHalves.includes('write')
        ? []
        : ([
            [{ read: usual.read, write: instruction }, 'write half'],
            [{ read: instruction, write: instruction }, 'both halves'],
          ] as [Mappings, string][])),
    ];
    const replies = asked.filter(([reply]) => !key?.half || reply[key.half] === instruction);
    const hits = storedFor(path).map((type) => ({
      before: [pushes(setting, type, 'PURE_OVERWRITE', place)],
      note: `${type} pushed`,
    }));
    const far = place === here ? elsewhere : here;
    const misses = [
      { before: [pushes(setting, 'MAPPED', 'PURE_OVERWRITE', far)], note: 'pushed for other blocks only' },
      {
        before: [
          pushes(setting, 'MAPPED', 'PURE_OVERWRITE', place),
          notificationOf(inval(rangeOf(place, setting), NOTHING)),
        ],
        note: 'pushed and taken back',
      },
      ...(write
        ? [
            {
              before: [pushes(setting, 'MAPPED', 'PURE_OVERWRITE', place), pushes(setting, 'NOCACHE', 'MAPPED', far)],
              note: 'nothing to write to there',
            },
          ]
        : []),
      ...(write && !isZeroPath(path)
        ? [{ before: [pushes(setting, 'HOLE', 'PURE_OVERWRITE', place)], note: 'a cached hole under a write' }]
        : []),
    ];
    return fc
      .tuple(fc.constantFrom(...replies), fc.oneof(fc.constantFrom(...hits), fc.constantFrom(...misses)))
      .map(([[reply, half], { before, note }]) => ({ before, reply, note: `RETRY_CACHE in the ${half}, ${note}` }));
  });
}

/** A signal is pending when RETRY_CACHE comes, or another answer, which it does not matter to. */
function interruptedCell(revision: Revision, path: Path): PlanCell {
  return heldCell(revision, 'begin/interrupted', path, (setting) => {
    const { offset, length } = rangeOf(whole, setting);
    const usual = answerOf(revision, setting, path);
    const retried: Mappings = { ...usual, read: retryCache(offset, length) };
    return fc
      .constantFrom<Held>(
        {
          before: [pushes(setting, 'MAPPED', 'PURE_OVERWRITE', elsewhere)],
          reply: retried,
          signal: true,
          note: 'nothing cached there, and a signal',
        },
        {
          before: [pushes(setting, 'MAPPED', 'PURE_OVERWRITE', elsewhere)],
          reply: retried,
          note: 'nothing cached there, no signal',
        },
        {
          before: [pushes(setting, 'MAPPED', 'PURE_OVERWRITE', here)],
          reply: retried,
          signal: true,
          note: 'cached, and a signal',
        },
        {
          before: [pushes(setting, 'MAPPED', 'PURE_OVERWRITE', elsewhere)],
          signal: true,
          note: 'an ordinary answer, and a signal',
        },
      )
      .map((whileHeld) => ({ ...whileHeld, behind: stepsOf(path, setting) }));
  });
}

/** What changes mappings of the file, and with them the sequence number. */
const changes = (setting: CacheSetting, place: Blocks): fc.Arbitrary<{ before: Notification[]; note: string }> =>
  fc.constantFrom(
    { before: [pushes(setting, 'MAPPED', 'PURE_OVERWRITE', place)], note: 'mappings pushed for the very blocks' },
    {
      before: [pushes(setting, 'UNWRITTEN', 'PURE_OVERWRITE', place)],
      note: 'unwritten blocks pushed for the very blocks',
    },
    { before: [pushes(setting, 'MAPPED', 'NOCACHE', elsewhere)], note: 'mappings pushed for other blocks' },
    {
      before: [
        pushes(setting, 'MAPPED', 'PURE_OVERWRITE', place),
        notificationOf(inval(rangeOf(place, setting), NOTHING)),
      ],
      note: 'mappings pushed and taken back',
    },
  );

/** What changes nothing about the file that is written. */
function unrelated(setting: CacheSetting): fc.Arbitrary<Held> {
  const upserted = pushes(setting, 'MAPPED', 'PURE_OVERWRITE', here) as Extract<Notification, { kind: 'upsert' }>;
  return fc.constantFrom<Held>(
    { before: [{ ...upserted, node: { file: 1 } }], secondFile: true, note: 'mappings pushed for another file' },
    {
      before: [{ ...upserted, read: { ...upserted.read, addr: BigInt(DEVICE_SIZE) } }],
      note: 'an upsert that is refused',
    },
    { before: [{ ...upserted, attrIno: 1n }], note: 'an upsert for another inode number' },
    {
      before: [{ kind: 'devInval', dev: { device: 2 }, range: { offset: 0n, length: 65536n } }],
      note: 'the page cache of the device dropped',
    },
    {
      before: [{ kind: 'invalInode', node: { file: 0 }, offset: -1n, length: 0n }],
      note: 'attributes to be asked for again',
    },
  );
}

const cachedWriters: readonly Path[] = ['buffered-write', 'writeback'];
const nobodyWrites: readonly Path[] = [
  'direct-read',
  'buffered-read',
  'mmap-read',
  'direct-write',
  'fiemap',
  'seek-data',
  'seek-hole',
];
const again = (setting: CacheSetting): Step => calls.fiemap(setting, { from: 0, count: FILE_BLOCKS });

/** Dirty ranges that writeback goes on to, and sees there what changed. */
const far: Blocks = { from: 20, count: 2 };
const apart = (setting: CacheSetting): Step[] => [calls.write(setting, far, 1), calls.write(setting, elsewhere, 2)];

/**
 * Changes while writeback asks for its first range. Where mappings of the server and pushed ones are both in play they
 * agree, or the place of the bytes would be open.
 */
function writebackChanges(revision: Revision, setting: CacheSetting): fc.Arbitrary<Held> {
  const { write } = answerOf(revision, setting, 'writeback');
  const inPlace = (blocks: Blocks): MappingSpec => ({
    type: 'MAPPED',
    flags: [],
    dev: { device: 2 },
    addr: rangeOf(blocks, setting).offset,
    ...rangeOf(blocks, setting),
  });
  const push = (blocks: Blocks): Notification => ({
    kind: 'upsert',
    node: { file: 0 },
    read: inPlace(blocks),
    write: pureOverwrite(write.offset, write.length),
  });
  return fc
    .constantFrom<Held>(
      // Everything but the first range and the last has a place now.
      ...(['MAPPED', 'UNWRITTEN'] as const).map((type): Held => ({
        before: [push(here), pushes(setting, type, 'PURE_OVERWRITE', elsewhere)],
        reply: { read: inPlace(here), write: pureOverwrite(write.offset, write.length) },
        note: `the rest of the blocks pushed, and ${type} for others`,
      })),
      { before: [push(far)], note: 'mappings pushed for other blocks' },
      {
        before: [push(here), notificationOf(inval(rangeOf(whole, setting), NOTHING))],
        note: 'mappings pushed and taken back',
      },
      {
        first: [{ call: 'notify', notification: push(far) }],
        before: [notificationOf(inval(rangeOf(far, setting), NOTHING))],
        note: 'mappings taken back',
      },
    )
    .map((whileHeld) => ({ ...whileHeld, first: [...(whileHeld.first ?? []), ...apart(setting)] }));
}

function sequenceCells(revision: Revision): PlanCell[] {
  return [
    heldCell(revision, 'cache/starts-over', 'buffered-write', (setting) => changes(setting, here)),
    heldCell(revision, 'cache/starts-over', 'writeback', (setting) => writebackChanges(revision, setting)),
    ...cachedWriters.map((path) =>
      heldCell(revision, 'cache/goes-on', path, (setting) =>
        unrelated(setting).map((whileHeld) => ({
          ...whileHeld,
          ...(path === 'writeback' && { first: apart(setting) }),
        })),
      ),
    ),
    ...nobodyWrites.map((path) =>
      heldCell(revision, 'cache/goes-on', path, (setting) =>
        changes(setting, here).map((change) => ({ ...change, behind: [again(setting)] })),
      ),
    ),
  ];
}

/** Anything that the server pushes or takes back, at any of a case's requests. */
function anyTime(revision: Revision, path: 'direct-read' | 'direct-write' | 'fiemap'): PlanCell {
  return heldCell(revision, 'cache/while-asked', path, (setting) => {
    const some = (most: number): fc.Arbitrary<Notification[]> =>
      fc.array(cacheChange(setting).map(notificationOf), { minLength: 1, maxLength: most });
    return some(4).map((before) => ({
      before,
      note: `${before.length} notifications while BEGIN waits`,
      behind: [again(setting), ...stepsOf(path, setting)],
    }));
  });
}

/** Pages of the device that were read before the write leave its cache while the write waits for its mapping. */
function devInvalCell(revision: Revision): PlanCell {
  return heldCell(revision, 'devinval/dropped', 'direct-write', (setting) => {
    const { offset, length } = rangeOf(here, setting);
    const read: Step = { call: 'deviceRead', device: 2, offset, lengthBytes: Number(length) };
    return fc
      .constantFrom(
        { range: { offset, length }, dev: 2, note: 'what is written to dropped' },
        { range: { offset: 0n, length: BigInt(DEVICE_SIZE) * 2n }, dev: 2, note: 'all of the device dropped' },
        { range: { offset, length: 0n }, dev: 2, note: 'nothing dropped' },
        { range: { offset, length }, dev: 1, note: 'another device dropped' },
      )
      .map(({ range, dev, note }) => ({
        before: [{ kind: 'devInval' as const, dev: { device: dev }, range }],
        first: [read],
        behind: [read],
        note,
      }));
  });
}

/** INVAL_INODE between a write to the page cache and its writeback: nothing is lost. */
function invalInodeCell(revision: Revision): PlanCell {
  const key = { rule: 'notify/inval-inode', path: 'buffered-write' } as const;
  const against = noDirectWrites(revision, key.path);
  if (against !== undefined) return impossible(key, against);
  return possible(
    key,
    cacheSetting({ direct: false }).chain((setting) =>
      fc
        .tuple(
          fc.constantFrom(-(1n << 63n), -1n, 0n, 1n, 4096n, LOFF_MAX),
          fc.constantFrom(-(1n << 63n), -1n, 0n, 1n, 8192n, 1n << 40n, LOFF_MAX),
          fc.boolean(),
        )
        .map(([offset, length, dirty]) =>
          cacheCase({
            revision,
            setting,
            note: `pages from ${offset} invalidated ${dirty ? 'before' : 'after'} fsync`,
            script: serverLines(revision, setting),
            steps: [
              calls.write(setting, here),
              ...(dirty ? [] : [{ call: 'fsync', fd: 0 } as Step]),
              { call: 'notify', notification: { kind: 'invalInode', node: { file: 0 }, offset, length } },
              calls.read(setting, here),
              { call: 'fstat', fd: 0 },
              { call: 'fsync', fd: 0 },
            ],
          }),
        ),
    ),
  );
}

/** The rules of notifications, once more where they arrive while a report waits for its mapping. */
function whileAsked(revision: Revision): PlanCell[] {
  return notifyCells(revision).map((cell): PlanCell => {
    const { rule, half, border } = cell;
    const key = { rule, path: 'while-asked', ...(half && { half }), ...(border && { border }) };
    if (!cell.cases) return impossible(key, cell.impossible!);
    if (rule.endsWith('iomap-connection') && border === 'violating')
      return impossible(key, 'on a connection without iomap nobody asks for a mapping');
    const asking = cell.cases.filter(({ case: testCase }) => testCase.geometry.initIomap !== false);
    // A file that uses no iomap, or whose inode is bad, asks for nothing itself.
    const byOther = rule.startsWith('notify/') || rule.endsWith('iomap-inode') || rule.endsWith('inode-healthy');
    return {
      ...possible(
        key,
        asking.map((planned) => ({
          ...planned,
          case: byOther ? heldByOther(planned.case) : held(planned.case),
          note: `${planned.note}; while BEGIN waits`,
        })),
      ),
      ...(cell.reaches && { reaches: cell.reaches }),
    };
  });
}

/** The same notifications, in the same order, while a report of the first byte waits. */
function held(testCase: Case): Case {
  const before = testCase.workload.flatMap((step) => (step.call === 'notify' ? [step.notification] : []));
  const [open, ...rest] = testCase.workload.filter(({ call }) => call !== 'notify');
  const [line] = testCase.script;
  return {
    ...testCase,
    script: [{ ...line!, times: 1, before }, ...testCase.script],
    workload: [open!, { call: 'fiemap', fd: 0, start: 0n, lengthBytes: 1n, flags: 0, extents: 1 }, ...rest],
  };
}

/** As `held`; the report is one of another file, before the steps that follow the notifications. */
function heldByOther(testCase: Case): Case {
  const at = testCase.workload.findIndex(({ call }) => call === 'notify');
  const before = testCase.workload.flatMap((step) => (step.call === 'notify' ? [step.notification] : []));
  const [first, behind] = [
    testCase.workload.slice(0, at),
    testCase.workload.slice(at).filter(({ call }) => call !== 'notify'),
  ];
  const fd = testCase.workload.filter(({ call }) => call === 'open').length;
  const file = testCase.geometry.files.length;
  const hole = { type: 'HOLE' as const, flags: [], dev: 0, addr: NULL_ADDR, offset: 0n, length: 4096n };
  return {
    ...testCase,
    geometry: {
      ...testCase.geometry,
      files: [...testCase.geometry.files, { sizeBytes: 4096n, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [
      {
        on: 'IOMAP_BEGIN',
        file,
        before,
        reply: { kind: 'mappings', read: hole, write: { ...hole, type: 'PURE_OVERWRITE' } },
      },
      ...testCase.script,
    ],
    workload: [
      ...first,
      { call: 'open', file, flags: ['rdonly'] },
      { call: 'fiemap', fd, start: 0n, lengthBytes: 1n, flags: 0, extents: 1 },
      { call: 'close', fd },
      ...behind,
    ],
  };
}

export function heldCells(revision: Revision): PlanCell[] {
  return [
    ...paths.map((path) => retryCell(revision, path)),
    ...(['direct-read', 'direct-write', 'fiemap', 'seek-data', 'seek-hole'] as const).map((path) =>
      interruptedCell(revision, path),
    ),
    ...sequenceCells(revision),
    ...(['direct-read', 'direct-write', 'fiemap'] as const).map((path) => anyTime(revision, path)),
    devInvalCell(revision),
    invalInodeCell(revision),
    ...whileAsked(revision),
  ];
}
