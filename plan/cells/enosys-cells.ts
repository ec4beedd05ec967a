/**
 * Cells of what a server does not implement: ENOSYS is remembered for the connection, or something else is done
 * instead.
 */
import fc from 'fast-check';
import {
  cacheCase,
  cacheSetting,
  calls,
  rangeOf,
  FILE_BLOCKS,
  type Blocks,
  type CacheSetting,
} from '../../generators/cache-case.ts';
import { pureOverwrite } from '../../generators/reply-case.ts';
import type { ScriptLine, Step } from '../../model/case.ts';
import type { MappingSpec } from '../../model/mapping.ts';
import type { Revision } from '../../uapi/revision.ts';
import { impossible, possible, type CellKey, type PlanCell } from '../cell.ts';
import { errnos } from '../../uapi/errno.ts';

const { ENOSYS, EIO } = errnos;
const first: Blocks = { from: 2, count: 3 },
  second: Blocks = { from: 9, count: 4 };
const whole: Blocks = { from: 0, count: FILE_BLOCKS };
const fsync: Step = { call: 'fsync', fd: 0 };

type EnosysPath =
  | 'direct-read'
  | 'buffered-read'
  | 'direct-write'
  | 'buffered-write'
  | 'fiemap'
  | 'seek-data'
  | 'seek-hole'
  | 'fsync'
  | 'close';
const isDirect = (path: EnosysPath): boolean => path.startsWith('direct');

function stepsOf(path: EnosysPath, setting: CacheSetting, blocks: Blocks): Step[] {
  switch (path) {
    case 'direct-read':
    case 'buffered-read':
      return [calls.read(setting, blocks)];
    case 'direct-write':
      return [calls.write(setting, blocks, blocks.from)];
    case 'buffered-write':
      return [calls.write(setting, blocks, blocks.from), fsync];
    case 'fiemap':
      return [calls.fiemap(setting, blocks)];
    case 'seek-data':
      return [calls.seekData(setting, blocks)];
    case 'seek-hole':
      return [calls.seekHole(setting, blocks)];
    case 'fsync':
      return [fsync];
    case 'close':
      return [{ call: 'close', fd: 0 }];
  }
}

/** What the server answers BEGIN with: a mapping of the whole file. */
function mapping(setting: CacheSetting, type: 'MAPPED' | 'UNWRITTEN', flags: MappingSpec['flags']): ScriptLine {
  const { offset, length } = rangeOf(whole, setting);
  return {
    on: 'IOMAP_BEGIN',
    reply: {
      kind: 'mappings',
      read: { type, flags, dev: { device: 2 }, addr: 0n, offset, length },
      write: pureOverwrite(offset, length),
    },
  };
}

interface Row {
  on: 'IOMAP_BEGIN' | 'IOMAP_END' | 'IOMAP_IOEND' | 'FSYNC' | 'FLUSH';
  paths: readonly EnosysPath[];
  /** The mapping that leads to the request. */
  mapping: (setting: CacheSetting) => ScriptLine;
  line: (revision: Revision, path: EnosysPath) => Partial<ScriptLine>;
}

const rows: readonly Row[] = [
  {
    on: 'IOMAP_BEGIN',
    paths: ['direct-read', 'direct-write', 'seek-data', 'seek-hole'],
    mapping: (setting) => mapping(setting, 'MAPPED', []),
    // Only what has something to fall back to: the page cache is answered as usual.
    line: (revision, path) => ({
      file: 0,
      opflagsSet: isDirect(path) ? revision.opFlags.DIRECT : revision.opFlags.REPORT,
    }),
  },
  {
    on: 'IOMAP_END',
    paths: ['direct-read', 'buffered-read', 'direct-write', 'buffered-write', 'fiemap', 'seek-data'],
    mapping: (setting) => mapping(setting, 'MAPPED', ['WANT_IOMAP_END']),
    line: () => ({}),
  },
  {
    on: 'IOMAP_IOEND',
    paths: ['direct-write', 'buffered-write'],
    mapping: (setting) => mapping(setting, 'UNWRITTEN', []),
    line: () => ({}),
  },
  { on: 'FSYNC', paths: ['fsync'], mapping: (setting) => mapping(setting, 'MAPPED', []), line: () => ({}) },
  { on: 'FLUSH', paths: ['close'], mapping: (setting) => mapping(setting, 'MAPPED', []), line: () => ({}) },
];

/**
 * Two operations on one file and one on another; `errno` answers the request each time. Errnos that are not remembered
 * are asked about again.
 */
export function enosysCells(revision: Revision): PlanCell[] {
  return rows.flatMap(({ on, paths, mapping: map, line }) =>
    paths.map((path): PlanCell => {
      const key: CellKey = { rule: `enosys/${on}`, path };
      if (revision.ioctls.BACKING_OPEN === undefined) return impossible(key, `revision ${revision.id} has no devices`);
      return possible(
        key,
        fc
          .tuple(cacheSetting({ direct: isDirect(path) }), fc.constantFrom(ENOSYS, ENOSYS, EIO))
          .map(([setting, errno]) => {
            const script: ScriptLine[] = [
              { on, ...line(revision, path), reply: { kind: 'error', errno } },
              map(setting),
            ];
            const { case: testCase, note } = cacheCase({
              revision,
              setting,
              script,
              steps: [],
              note: `${on} answered with errno ${errno}`,
            });
            const [file] = testCase.geometry.files;
            const { flags } = testCase.workload[0] as Extract<Step, { call: 'open' }>;
            const onSecond = stepsOf(path, setting, first).map((step) => ('fd' in step ? { ...step, fd: 1 } : step));
            // A direct write that became a buffered one leaves pages behind, over which no other is modelled.
            const again =
              path === 'close' || (on === 'IOMAP_BEGIN' && path === 'direct-write')
                ? []
                : stepsOf(path, setting, second);
            const workload: Step[] = [
              { call: 'open', file: 0, flags },
              { call: 'open', file: 1, flags },
              ...stepsOf(path, setting, first),
              ...again,
              ...onSecond,
              ...(path === 'close'
                ? []
                : [
                    { call: 'close' as const, fd: 0 },
                    { call: 'close' as const, fd: 1 },
                  ]),
            ];
            return { case: { ...testCase, geometry: { ...testCase.geometry, files: [file!, file!] }, workload }, note };
          }),
      );
    }),
  );
}
