/** Cells of malformed answers to each opcode, and of connections that end while a request is in flight. */
import fc from 'fast-check';
import { malformedReply } from '../../generators/malformed-reply.ts';
import { mapping, typesFor } from '../../generators/mapping.ts';
import { goodReply, typesOf, type PlannedCase } from '../../generators/reply-case.ts';
import { isSeek, paths, stretch, type Path } from '../../generators/setting.ts';
import type { Case, Reply, ScriptLine, Step } from '../../model/case.ts';
import { copyFileRangeOut, writeOut } from '../../uapi/fuse-structs.ts';
import { inlineIsUnsaid, type Revision } from '../../uapi/revision.ts';
import { borders, impossible, possible, type Border, type CellKey, type PlanCell } from '../cell.ts';
import { probe } from './control-cells.ts';
import { inlineCase } from './inline-cells.ts';
import { caseWith, noDirectWrites } from './reply-cells.ts';
import { flatCase, type Made } from './flag-cells.ts';
import { forgetPlace, initPlace, ordinaryPlaces } from './ordinary-cells.ts';
import { ground, noSizes, type Ground } from './size-cells.ts';
import { freeze, noSuperblock, shutdown, superblockCase, syncfs, thaw } from './superblock-cells.ts';
import { acting } from './type-cells.ts';

type On = ScriptLine['on'];
/** A request that a case makes the kernel send, and the line that answers it; undefined: as the server usually does. */
interface Place {
  on: On;
  path: string;
  /** Why the revision has no such case. */
  against?: string | undefined;
  cases(line: ScriptLine | undefined): fc.Arbitrary<PlannedCase>;
}

const withoutIoend = (revision: Revision): string | undefined =>
  revision.opcodes.IOMAP_IOEND === undefined ? `revision ${revision.id} has no IOEND` : undefined;
const withoutInline = (revision: Revision): string | undefined =>
  revision.inlineLimit === 'unsaid' ? inlineIsUnsaid(revision) : undefined;
const extraOf = (line: ScriptLine | undefined) => (line ? [line] : []);

/** Requests that a syscall on an iomap file leads to. */
function onPath(revision: Revision, path: Path): Place[] {
  const direct = noDirectWrites(revision, path);
  const places: Place[] = [
    {
      on: 'IOMAP_BEGIN',
      path,
      against: direct,
      cases: (line) =>
        caseWith(revision, path, {}, (setting) => {
          const { start, end } = stretch(setting);
          return goodReply(revision, setting, typesFor(path, 'read', true), start, end, 0).map((good) => ({
            reply: line?.reply ?? { kind: 'mappings' as const, ...good },
            refused: line !== undefined,
            note: 'the BEGIN in question',
          }));
        }),
    },
    {
      on: 'IOMAP_END',
      path,
      against: direct,
      cases: (line) =>
        caseWith(revision, path, { maxBefore: 1 }, (setting) => {
          const { start, end } = stretch(setting);
          return fc
            .constantFrom(
              ...typesOf(
                revision,
                typesFor(path, 'read', true).filter((type) => type !== 'INLINE'),
              ),
            )
            .chain((type) => mapping({ setting: setting, start, end, type, exact: true }))
            .map((map) => ({
              reply: { kind: 'mappings' as const, ...acting(path, { ...map, flags: ['WANT_IOMAP_END'] }) },
              extra: extraOf(line),
              note: 'after WANT_IOMAP_END',
            }));
        }),
    },
  ];
  if (isSeek(path)) {
    places.push({
      on: 'LSEEK',
      path,
      cases: (line) =>
        caseWith(revision, path, { maxBefore: 0 }, () =>
          fc.constant({ reply: { kind: 'error', errno: 38 }, extra: extraOf(line), note: 'after ENOSYS to BEGIN' }),
        ),
    });
  }
  if (path === 'direct-read' || path === 'buffered-read') {
    places.push({
      on: 'READ',
      path,
      against: withoutInline(revision),
      cases: (line) =>
        inlineCase(
          revision,
          path,
          () => 1,
          () => fc.constant({ extra: extraOf(line), refused: line !== undefined, note: 'inline' }),
        ),
    });
  }
  const syscall =
    path === 'truncate' ? ('SETATTR' as const) : path === 'fallocate' ? ('FALLOCATE' as const) : undefined;
  if (syscall) {
    places.push({
      on: syscall,
      path,
      against: direct,
      cases: (line) =>
        caseWith(revision, path, { maxBefore: 0 }, (setting) => {
          const { start, end } = stretch(setting);
          // Once: what is written back later, such as times, is another request.
          return goodReply(revision, setting, typesFor(path, 'read', true), start, end, 0).map((good) => ({
            reply: { kind: 'mappings' as const, ...good },
            extra: extraOf(line && { ...line, times: 1 }),
            note: 'the request of the syscall itself',
          }));
        }),
    });
  }
  if (path === 'direct-write') {
    places.push(
      {
        on: 'WRITE',
        path,
        against: withoutInline(revision),
        cases: (line) =>
          inlineCase(
            revision,
            path,
            () => 1,
            () => fc.constant({ extra: extraOf(line), note: 'inline' }),
          ),
      },
      {
        on: 'IOMAP_IOEND',
        path,
        against: withoutIoend(revision),
        cases: (line) =>
          caseWith(revision, path, { maxBefore: 1 }, (setting) => {
            const { start, end } = stretch(setting);
            return mapping({ setting: setting, start, end, type: 'UNWRITTEN', exact: true }).map((map) => ({
              reply: { kind: 'mappings' as const, ...acting(path, map) },
              extra: extraOf(line),
              note: 'a write to unwritten blocks',
            }));
          }),
      },
    );
  }
  return places;
}

const pageBytes = 4096n;

/** The control file system knows a connection by its mount, which is not there yet while mount(2) waits. */
const mountsFor = (line: ScriptLine | undefined): readonly Case['geometry']['mount'][] =>
  line?.reply.kind === 'abort' ? ['ordinary'] : ['ordinary', 'syncInit'];

/** Requests of a mount, and of opening and closing a file. */
function aroundFiles(revision: Revision): Place[] {
  const simple = (line: ScriptLine | undefined): fc.Arbitrary<PlannedCase> =>
    fc
      .boolean()
      .map((debug) => ({
        case: probe(revision, {}, extraOf(line), pageBytes, debug),
        note: 'one open, seek and close',
      }));
  const mount = (line: ScriptLine | undefined): fc.Arbitrary<PlannedCase> =>
    fc
      .tuple(fc.constantFrom(...mountsFor(line)), fc.boolean())
      .map(([kind, debug]) => ({
        case: probe(revision, { mount: kind }, extraOf(line), pageBytes, debug),
        note: `${kind} mount`,
      }));
  const config = revision.opcodes.IOMAP_CONFIG === undefined ? `revision ${revision.id} has no CONFIG` : undefined;
  return [
    { on: 'IOMAP_CONFIG', path: 'mount', against: config, cases: mount },
    { on: 'LOOKUP', path: 'open', cases: simple },
    { on: 'OPEN', path: 'open', cases: simple },
    { on: 'FLUSH', path: 'close', cases: simple },
    { on: 'RELEASE', path: 'close', cases: simple },
    { on: 'SYNCFS', path: 'unmount', cases: simple },
    { on: 'DESTROY', path: 'unmount', cases: simple },
  ];
}

/**
 * Requests that are not about one mapping: of fsync, of copies, of writeback, and what a write asks about the file's
 * security.
 */
function ofCalls(revision: Revision): Place[] {
  const against = noSizes(revision);
  const flat =
    (note: string, make: (cellSetting: Ground, ends: boolean) => Made) =>
    (line: ScriptLine | undefined): fc.Arbitrary<PlannedCase> =>
      ground.map((cellSetting): PlannedCase => {
        const parts = make(cellSetting, line !== undefined && line.reply.kind !== 'raw');
        // Once, so that what follows can tell whether all is well.
        return {
          case: flatCase(revision, cellSetting, {
            ...parts,
            extra: [...extraOf(line && { ...line, times: 1 }), ...(parts.extra ?? [])],
          }),
          note,
        };
      });
  const fsync: Step = { call: 'fsync', fd: 0 };
  const written = ({ blockSize }: Ground): Step => ({
    call: 'pwrite',
    fd: 0,
    offset: 0n,
    lengthBytes: Number(blockSize) - 5,
    writer: 0,
  });
  const copied =
    (on: 'COPY_FILE_RANGE' | 'COPY_FILE_RANGE_64') =>
    (cellSetting: Ground, ends: boolean): Made => {
      const copy: Step = {
        call: 'copyFileRange',
        from: 0,
        fromOffset: 0n,
        fd: 1,
        offset: 0n,
        lengthBytes: Number(cellSetting.blockSize),
      };
      const done =
        on === 'COPY_FILE_RANGE'
          ? writeOut.encode({ size: Number(cellSetting.blockSize) })
          : copyFileRangeOut.encode({ bytesCopied: cellSetting.blockSize });
      return {
        second: true,
        note: '',
        steps: [
          { call: 'open', file: 1, flags: ['rdwr'] },
          copy,
          ...(ends ? [] : [{ call: 'fstat' as const, fd: 1 }, copy]),
          { call: 'close', fd: 1 },
        ],
        extra: [
          { on, reply: { kind: 'raw', payload: Buffer.from(done).toString('hex') } },
          ...(on === 'COPY_FILE_RANGE'
            ? [{ on: 'COPY_FILE_RANGE_64' as const, reply: { kind: 'error' as const, errno: 38 } }]
            : []),
        ],
      };
    };
  return [
    {
      on: 'FSYNC',
      path: 'fsync',
      against,
      cases: flat('of a file that nobody has written', () => ({ steps: [fsync, fsync], note: '' })),
    },
    {
      on: 'FSYNC',
      path: 'buffered-write',
      against,
      cases: flat('behind writeback', (cellSetting) => ({ steps: [written(cellSetting), fsync, fsync], note: '' })),
    },
    {
      on: 'GETXATTR',
      path: 'buffered-write',
      against,
      cases: flat('before a write', (cellSetting) => ({ steps: [written(cellSetting), fsync], note: '' })),
    },
    {
      on: 'IOMAP_IOEND',
      path: 'writeback',
      against,
      cases: flat('of unwritten blocks', (cellSetting) => ({
        type: 'UNWRITTEN',
        steps: [written(cellSetting), fsync, fsync],
        note: '',
      })),
    },
    ...(['COPY_FILE_RANGE_64', 'COPY_FILE_RANGE'] as const).map((on): Place => ({
      on,
      path: 'copy',
      against,
      cases: flat('of one block', copied(on)),
    })),
  ];
}

/** Requests about the file system as a whole; malformed once, then again as usual: nothing may stay frozen. */
function aboutAll(revision: Revision): Place[] {
  const against = noSuperblock(revision);
  const place = (on: On, path: string, steps: readonly Step[]): Place => ({
    on,
    path,
    against,
    cases: (line) =>
      fc
        .tuple(fc.boolean(), fc.boolean())
        .map(([debugIomap, direct]) => ({
          case: superblockCase(revision, { steps, direct, debugIomap, extra: extraOf(line && { ...line, times: 1 }) }),
          note: steps.map(({ call }) => call).join(', '),
        })),
  });
  return [
    place('SYNCFS', 'freeze', [freeze, thaw]),
    place('SYNCFS', 'sync', [syncfs, syncfs]),
    place('FREEZE_FS', 'freeze', [freeze, thaw, freeze, thaw]),
    place('UNFREEZE_FS', 'freeze', [freeze, thaw, thaw]),
    place('SHUTDOWN_FS', 'shutdown', [shutdown(1)]),
  ];
}

export function malformedCells(revision: Revision): PlanCell[] {
  const calls = ofCalls(revision);
  const places = [
    ...paths.flatMap((path) => onPath(revision, path)),
    ...aroundFiles(revision),
    ...aboutAll(revision),
    initPlace(revision),
    ...ordinaryPlaces(revision),
    forgetPlace(revision),
    ...calls,
  ];
  // Of dirty pages other paths tell what becomes of them.
  const ended = places.filter((place) => !calls.includes(place) || place.path === 'fsync' || place.path === 'copy');
  return [
    ...places.flatMap((place) => borders.map((border) => malformed(revision, place, border))),
    ...ended.flatMap((place) => (['die', 'abort'] as const).flatMap((how) => ending(place, how))),
    ...firstOfEach(ended).flatMap((place) => ending(place, 'kill')),
  ];
}

function malformed(revision: Revision, { on, path, against, cases }: Place, border: Border): PlanCell {
  const key: CellKey = { rule: `malformed/${on}`, path, border };
  if (against !== undefined) return impossible(key, against);
  if (border === 'legal') return possible(key, cases(undefined));
  return possible(
    key,
    malformedReply(revision, on).chain(({ reply, note }) =>
      cases({ on, reply }).map((planned) => ({ ...planned, note: `${on} answered with ${note}; ${planned.note}` })),
    ),
  );
}

/** A dying process is a dying server for all that the kernel can see: once for each request. */
const firstOfEach = (places: readonly Place[]): Place[] =>
  places.filter(
    ({ on, against }, n) =>
      against === undefined && places.findIndex((other) => other.on === on && other.against === undefined) === n,
  );

function ending({ on, path, against, cases }: Place, how: 'die' | 'kill' | 'abort'): PlanCell[] {
  // Nobody waits for these: the connection is about to end anyhow.
  if (['DESTROY', 'RELEASE', 'SYNCFS', 'RELEASEDIR', 'FORGET'].includes(on)) return [];
  const key: CellKey = { rule: `${how}/${on}`, path };
  if (against !== undefined) return [impossible(key, against)];
  const reply: Reply = { kind: how };
  return [
    possible(
      key,
      fc
        .tuple(cases({ on, reply }), fc.boolean())
        .map(([planned, more]) => ({
          case: more ? afterwards(planned.case) : planned.case,
          note: `${on}: ${how}${more ? ', then further syscalls' : ''}; ${planned.note}`,
        })),
    ),
  ];
}

/** More syscalls on the connection that has ended, before the file is closed. */
function afterwards(testCase: Case): Case {
  // Where a write that failed would have made the file longer nothing says how long it is.
  const passesEof = testCase.workload.some(
    (step) =>
      step.call === 'pwrite' && step.offset + BigInt(step.lengthBytes) > (testCase.geometry.files[0]?.sizeBytes ?? 0n),
  );
  const onFile: Step[] = passesEof
    ? []
    : [
        { call: 'fiemap', fd: 0, start: 0n, lengthBytes: 4096n, flags: 0, extents: 1 },
        { call: 'fstat', fd: 0 },
      ];
  const steps: Step[] = [...onFile, { call: 'open', file: 0, flags: ['rdonly'] }];
  const at = testCase.workload.findLastIndex(({ call }) => call === 'close');
  return { ...testCase, workload: [...testCase.workload.slice(0, at), ...steps, ...testCase.workload.slice(at)] };
}
