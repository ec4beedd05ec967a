/**
 * Cells of the rules of begin/* that are not about one field of a mapping: errors, reply sizes, devices' access,
 * retries.
 */
import fc from 'fast-check';
import { mapping, storageType, typesFor } from '../../generators/mapping.ts';
import { PLAIN_ERRNOS, WRONG_BEGIN_SIZES } from '../../generators/reply-values.ts';
import { goodReply, pureOverwrite, repliesBefore, replyCase, type PlannedCase } from '../../generators/reply-case.ts';
import {
  DEVICE_SIZE,
  isCachedWrite,
  isPaged,
  isReport,
  isWritePath,
  isZeroPath,
  paths,
  setting,
  stretch,
  type Path,
  type Setting,
  type SettingConstraints,
} from '../../generators/setting.ts';
import type { Reply, ScriptLine } from '../../model/case.ts';
import type { Revision } from '../../uapi/revision.ts';
import { beginTableOf } from '../../oracles/rules/first-violation.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';
import { borders, impossible, possible, possibleKinds, type CellKey, type PlanCell } from '../cell.ts';

export function replyCells(revision: Revision): PlanCell[] {
  const { reply, devices, validate } = beginTableOf(revision);
  const known = new Set<ClauseId>([...reply, ...devices, ...validate].map((rule) => rule.id));
  const cells = paths.flatMap((path) =>
    borders.flatMap((border): PlanCell[] => {
      const key = (rule: ClauseId): CellKey => ({ rule, path, border });
      const cell = (rule: ClauseId, cases: fc.Arbitrary<PlannedCase>): PlanCell => ({
        ...possible(key(rule), cases),
        reaches: rule,
      });
      const against = noDirectWrites(revision, path);
      if (against !== undefined)
        return (['begin/error', 'begin/reply-size'] as const).map((rule) => impossible(key(rule), against));
      const plain = (reply: fc.Arbitrary<{ reply: Reply; note: string }>) =>
        caseWith(revision, path, {}, (drawnSetting) => (border === 'legal' ? ordinary(revision, drawnSetting) : reply));
      return [
        // Some errnos mean something to the library or to the fault handler: each of them has to reach the caller.
        {
          ...possibleKinds(
            key('begin/error'),
            (border === 'legal' ? PLAIN_ERRNOS.slice(0, 1) : PLAIN_ERRNOS).map((errno) =>
              plain(fc.constant({ reply: { kind: 'error', errno }, note: `errno ${errno}` })),
            ),
          ),
          reaches: 'begin/error',
        },
        cell(
          'begin/reply-size',
          plain(
            fc
              .constantFrom(...WRONG_BEGIN_SIZES)
              .map((size) => ({
                reply: { kind: 'raw', payload: '00'.repeat(size) },
                note: `${size} bytes of payload`,
              })),
          ),
        ),
        ...(['begin/atomic-on-storage', 'begin/atomic-flagged'] as const).map((rule) =>
          impossible(key(rule), 'ATOMIC is set on the path atomic-write only'),
        ),
        readable(revision, path, border, cell),
        writable(revision, path, border, cell, key),
      ].filter((planCell) => known.has(planCell.rule));
    }),
  );
  return [...cells, ...paths.map((path) => enosysCell(revision, path))];
}

/** Why no write can reach a device in a revision. */
export const noDirectWrites = (revision: Revision, path: Path): string | undefined =>
  isWritePath(path) && revision.ioctls.BACKING_OPEN === undefined
    ? `revision ${revision.id} has no devices: nothing can be written`
    : undefined;

type Made = { reply: Reply; note: string; extra?: ScriptLine[]; refused?: boolean };
/**
 * BEGIN answered with ENOSYS: seeks ask by FUSE_LSEEK, direct I/O falls back to the page cache unless the server
 * forbids that.
 */
function enosysCell(revision: Revision, path: Path): PlanCell {
  const key: CellKey = { rule: 'begin/enosys', path };
  const against = noDirectWrites(revision, path);
  if (against !== undefined) return impossible(key, against);
  // No fallback is named for these: ENOSYS is an error like any other.
  if (path === 'fiemap' || isZeroPath(path) || isPaged(path) || isCachedWrite(path)) {
    return possible(
      key,
      caseWith(revision, path, {}, () =>
        fc.constant({ reply: { kind: 'error', errno: 38 }, refused: true, note: 'errno ENOSYS' }),
      ),
    );
  }
  const cases = caseWith(revision, path, { maxBefore: 0 }, () =>
    fc.constant({ reply: { kind: 'error', errno: 38 }, note: 'errno ENOSYS' }),
  );
  return possible(
    key,
    isReport(path)
      ? cases
      : cases.map(({ case: testCase, note }) => ({
          case: {
            ...testCase,
            geometry: {
              ...testCase.geometry,
              files: testCase.geometry.files.map((file) => ({ ...file, directIo: true })),
            },
          },
          note: `${note} under FOPEN_DIRECT_IO`,
        })),
  );
}

type MakeCell = (rule: ClauseId, cases: fc.Arbitrary<PlannedCase>) => PlanCell;
type MakeKey = (rule: ClauseId) => Parameters<typeof impossible>[0];

function readable(revision: Revision, path: Path, border: string, cell: MakeCell): PlanCell {
  const rule = 'begin/device-readable';
  if (path === 'buffered-write' || isZeroPath(path)) return readsRest(cell, rule, revision, path, border);
  // What other writes read of the blocks around them, and whether a report counts, is not said: refused with EACCES or
  // done, nothing else.
  if (border === 'violating' && (isReport(path) || isWritePath(path))) {
    return possible(
      { rule, path },
      accessCase(revision, path, 'wo', (drawnSetting, start, end) =>
        mapping({ setting: drawnSetting, start, end, type: 'MAPPED', device: 1, exact: true }).map((read) => ({
          reply: {
            kind: 'mappings',
            read,
            write: isReport(path) ? pureOverwrite(read.offset, read.length) : { ...read, dev: { device: 0 } },
          },
          note: 'device 1, opened for writing only, is what might be read from',
        })),
      ),
    );
  }
  return cell(
    rule,
    accessCase(
      revision,
      path,
      border === 'violating' ? 'wo' : isWritePath(path) ? 'rw' : 'ro',
      (drawnSetting, start, end) =>
        mapping({ setting: drawnSetting, start, end, type: 'MAPPED', device: 1 }).map((read) => ({
          reply: { kind: 'mappings', read, write: pureOverwrite(read.offset, read.length) },
          refused: border === 'violating',
          note: `reads device 1, opened for ${border === 'violating' ? 'writing only' : isWritePath(path) ? 'both' : 'reading only'}`,
        })),
    ),
  );
}

/**
 * A write or zeroing through the page cache begins inside a block of the file: the bytes before it are read from the
 * device.
 */
function readsRest(cell: MakeCell, rule: ClauseId, revision: Revision, path: Path, border: string): PlanCell {
  const access = border === 'violating' ? 'wo' : 'rw';
  return cell(
    rule,
    accessCase(
      revision,
      path,
      access,
      (drawnSetting, start, end) =>
        mapping({ setting: drawnSetting, start, end, type: 'MAPPED', device: 1, exact: true }).map((read) => ({
          reply: { kind: 'mappings', read, write: pureOverwrite(read.offset, read.length) },
          refused: border === 'violating',
          note: `changes a part of a block on device 1, opened for ${border === 'violating' ? 'writing only' : 'both'}`,
        })),
      insideBlock,
    ),
  );
}

/** The operation begins inside a block, in the file or where it ends. */
function insideBlock(drawnSetting: Setting): Setting {
  const { opStart, opEnd, fileSize, blockSize } = drawnSetting;
  const start = opStart % blockSize === 0n ? opStart + 1n : opStart;
  return {
    ...drawnSetting,
    opStart: start,
    opEnd: opEnd > start ? opEnd : start + 1n,
    cuts: [start],
    fileSize: fileSize > start && fileSize !== opStart ? fileSize : start,
  };
}

function writable(revision: Revision, path: Path, border: string, cell: MakeCell, key: MakeKey): PlanCell {
  const rule = 'begin/device-writable';
  if (!isWritePath(path)) {
    if (border === 'violating') return impossible(key(rule), 'nothing is written to a device on this path');
    return cell(
      rule,
      accessCase(revision, path, 'ro', (drawnSetting, start, end) =>
        fc
          .tuple(mapping({ setting: drawnSetting, start, end, type: 'MAPPED', device: 1, exact: true }), fc.boolean())
          .map(([read, named]) => ({
            reply: { kind: 'mappings', read, write: named ? read : pureOverwrite(read.offset, read.length) },
            note: `device 1, opened for reading only, is read from${named ? ', and named in the write half' : ''}`,
          })),
      ),
    );
  }
  return cell(
    rule,
    accessCase(revision, path, border === 'violating' ? 'ro' : 'rw', (drawnSetting, start, end) =>
      fc
        .tuple(
          mapping({ setting: drawnSetting, start, end, type: storageType(path), device: 1, exact: true }),
          mapping({ setting: drawnSetting, start, end, type: 'HOLE', exact: true }),
          fc.boolean(),
        )
        .map(([backed, hole, overwrite]) => ({
          reply: overwrite
            ? { kind: 'mappings', read: backed, write: pureOverwrite(backed.offset, backed.length) }
            : { kind: 'mappings', read: hole, write: backed },
          note: `writes to device 1${overwrite ? ' as a pure overwrite' : ''}, opened ${border === 'violating' ? 'for reading only' : 'for both'}`,
        })),
    ),
  );
}

/** Device 1 has the access in question; the others serve the rest. */
function accessCase(
  revision: Revision,
  path: Path,
  access: 'ro' | 'wo' | 'rw',
  make: (drawnSetting: Setting, start: bigint, end: bigint) => fc.Arbitrary<Made>,
  place?: (drawnSetting: Setting) => Setting,
) {
  const devices = [
    { sizeBytes: DEVICE_SIZE, access: 'rw' as const },
    { sizeBytes: DEVICE_SIZE, access },
  ];
  return caseWith(
    revision,
    path,
    { devices, maxBefore: 0 },
    (drawnSetting) => make(drawnSetting, stretch(drawnSetting).start, stretch(drawnSetting).end),
    place,
  );
}

function ordinary(revision: Revision, drawnSetting: Setting): fc.Arbitrary<Made> {
  const { start, end } = stretch(drawnSetting);
  return goodReply(revision, drawnSetting, typesFor(drawnSetting.path, 'read', true), start, end, 0).map(
    (mappings) => ({ reply: { kind: 'mappings' as const, ...mappings }, note: 'a valid reply' }),
  );
}

export function caseWith(
  revision: Revision,
  path: Path,
  constraints: Partial<SettingConstraints>,
  make: (drawnSetting: Setting) => fc.Arbitrary<Made>,
  place = (drawnSetting: Setting) => drawnSetting,
): fc.Arbitrary<PlannedCase> {
  const noDevices = revision.ioctls.BACKING_OPEN === undefined;
  return setting({
    path,
    configurable: revision.opcodes.IOMAP_CONFIG !== undefined,
    ...(noDevices && { devices: [] }),
    ...constraints,
  })
    .map(place)
    .chain((drawnSetting) =>
      fc
        .tuple(make(drawnSetting), repliesBefore(revision, drawnSetting))
        .map(([{ reply, note, extra, refused }, before]) => ({
          case: replyCase(revision, drawnSetting, reply, before, {
            ...(extra && { extra }),
            ...(refused !== undefined && { refused }),
          }),
          note: `${note}; reply ${drawnSetting.cuts.length}, block size ${drawnSetting.blockSize}`,
        })),
    );
}
