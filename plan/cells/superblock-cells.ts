/**
 * Cells of what is done to the file system as a whole: freeze, thaw, sync, shutdown, and the last requests of a mount.
 */
import fc from 'fast-check';
import { PLAIN_ERRNOS } from '../../generators/reply-values.ts';
import { pureOverwrite, type PlannedCase } from '../../generators/reply-case.ts';
import { DEVICE_SIZE } from '../../generators/setting.ts';
import { CASE_SCHEMA, type Case, type Geometry, type Reply, type ScriptLine, type Step } from '../../model/case.ts';
import type { Revision } from '../../uapi/revision.ts';
import { borders, impossible, possible, type Border, type CellKey, type PlanCell } from '../cell.ts';
import { errnos } from '../../uapi/errno.ts';
import type { ClauseId } from '../../oracles/rules/rule-id.ts';

const FILE_BYTES = 16_384n;
const { ENOSYS } = errnos;
export const freeze: Step = { call: 'freeze', fd: 0 };
export const thaw: Step = { call: 'thaw', fd: 0 };
export const syncfs: Step = { call: 'syncfs', fd: 0 };
export const shutdown = (flags: number): Step => ({ call: 'shutdown', fd: 0, flags });
const write = (at: bigint, writer: number): Step => ({ call: 'pwrite', fd: 0, offset: at, lengthBytes: 4096, writer });
const read = (at: bigint): Step => ({ call: 'pread', fd: 0, offset: at, lengthBytes: 4096 });
const fiemap: Step = { call: 'fiemap', fd: 0, start: 0n, lengthBytes: FILE_BYTES, flags: 0, extents: 4 };

/** A file on a device, opened, then these steps. */
export function superblockCase(
  revision: Revision,
  of: {
    steps: readonly Step[];
    extra?: readonly ScriptLine[];
    direct?: boolean;
    mount?: Geometry['mount'];
    debugIomap?: boolean;
  },
): Case {
  const { steps, extra = [], direct = false, mount = 'ordinary', debugIomap = false } = of;
  return {
    schema: CASE_SCHEMA,
    revision: revision.id,
    debugIomap,
    geometry: {
      mount,
      devices: [{ sizeBytes: DEVICE_SIZE, access: 'rw' }],
      files: [{ sizeBytes: FILE_BYTES, attrFlags: ['IOMAP', 'EXCLUSIVE'] }],
    },
    script: [
      ...extra,
      {
        on: 'IOMAP_BEGIN',
        reply: {
          kind: 'mappings',
          read: { type: 'MAPPED', flags: [], dev: { device: 0 }, addr: 8192n, offset: 0n, length: FILE_BYTES },
          write: pureOverwrite(0n, FILE_BYTES),
        },
      },
    ],
    workload: [
      { call: 'open', file: 0, flags: direct ? ['rdwr', 'direct'] : ['rdwr'] },
      ...steps,
      { call: 'close', fd: 0 },
    ],
  };
}

/** Why a revision has nothing of this. */
export const noSuperblock = (revision: Revision): string | undefined =>
  revision.opcodes.FREEZE_FS === undefined ? `revision ${revision.id} is BEGIN and END only` : undefined;

interface Act {
  steps: Step[];
  extra?: ScriptLine[];
  direct?: boolean;
  note: string;
}
const errors = fc.constantFrom(...PLAIN_ERRNOS);
const once = (on: ScriptLine['on'], errno: number): ScriptLine => ({ on, times: 1, reply: { kind: 'error', errno } });
const lacks = (on: ScriptLine['on']): ScriptLine => ({ on, reply: { kind: 'error', errno: ENOSYS } });

export function superblockCells(revision: Revision): PlanCell[] {
  const against = noSuperblock(revision);
  const cell = (key: CellKey, acts: fc.Arbitrary<Act>): PlanCell =>
    against !== undefined
      ? impossible(key, against)
      : possible(
          key,
          fc
            .tuple(acts, fc.constantFrom<Geometry['mount']>('ordinary', 'syncInit'), fc.boolean())
            .map(([{ note, ...act }, mount, debugIomap]): PlannedCase => ({
              case: superblockCase(revision, { ...act, mount, debugIomap }),
              note: `${note}; ${mount} mount`,
            })),
        );
  const both = (rule: ClauseId, path: string, make: (border: Border) => fc.Arbitrary<Act>) =>
    borders.map((border) => cell({ rule, path, border }, make(border)));
  return [
    cell(
      { rule: 'freeze/request', path: 'freeze' },
      fc
        .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 }), fc.boolean())
        .map(([writes, rounds, direct]) => ({
          direct,
          steps: Array.from({ length: rounds }, (_, round) => [
            ...Array.from({ length: writes }, (_, n) => write(BigInt(n) * 4096n, round * 4 + n)),
            freeze,
            ...(direct ? [read(0n)] : []),
            fiemap,
            thaw,
          ]).flat(),
          note: `${rounds} times, with ${writes} ${direct ? 'direct' : 'buffered'} writes before it`,
        })),
    ),
    ...both('freeze/error', 'freeze', (border) =>
      fc
        .tuple(fc.constantFrom('SYNCFS' as const, 'FREEZE_FS' as const), errors, fc.boolean())
        .map(([on, errno, dirty]) => ({
          steps: [
            ...(dirty ? [write(0n, 0)] : []),
            freeze,
            ...(border === 'violating' ? [fiemap, write(4096n, 1), freeze] : []),
            thaw,
          ],
          ...(border === 'violating' && { extra: [once(on, errno)] }),
          note: border === 'violating' ? `${on} answered with errno ${errno}, then again` : 'acknowledged',
        })),
    ),
    ...both('freeze/state', 'freeze', (border) =>
      fc.constantFrom<Act>(
        ...(border === 'violating'
          ? [
              { steps: [freeze, freeze, thaw], note: 'frozen twice' },
              { steps: [thaw], note: 'thawed without need' },
              { steps: [freeze, thaw, thaw, freeze, thaw], note: 'thawed twice' },
            ]
          : [{ steps: [freeze, thaw, freeze, thaw], note: 'in turns' }]),
      ),
    ),
    cell(
      { rule: 'freeze/enosys', path: 'freeze' },
      fc.constantFrom<Act>(
        { steps: [freeze, thaw], extra: [lacks('FREEZE_FS')], note: 'a server that cannot freeze' },
        { steps: [freeze, thaw], extra: [lacks('UNFREEZE_FS')], note: 'a server that cannot thaw' },
        { steps: [freeze, thaw, freeze, thaw], extra: [lacks('SYNCFS')], note: 'a server that cannot sync' },
      ),
    ),
    ...both('thaw/error', 'freeze', (border) =>
      errors.map((errno) => ({
        steps: [
          freeze,
          thaw,
          ...(border === 'violating' ? [fiemap, thaw] : []),
          write(0n, 0),
          { call: 'fsync', fd: 0 },
        ],
        ...(border === 'violating' && { extra: [once('UNFREEZE_FS', errno)] }),
        note: border === 'violating' ? `UNFREEZE_FS answered with errno ${errno}, then again` : 'acknowledged',
      })),
    ),
    cell(
      { rule: 'thaw/server-gone', path: 'freeze' },
      fc
        .constantFrom('die' as const, 'abort' as const)
        .map((how) => ({
          steps: [freeze, { call: 'fiemap', fd: 0, start: 0n, lengthBytes: FILE_BYTES, flags: 0, extents: 1 }, thaw],
          extra: [{ on: 'IOMAP_BEGIN', reply: { kind: how } }],
          note: `${how} between freeze and thaw`,
        })),
    ),
    cell(
      { rule: 'syncfs/request', path: 'sync' },
      fc
        .tuple(fc.integer({ min: 0, max: 3 }), fc.boolean())
        .map(([writes, enosys]) => ({
          steps: [
            ...Array.from({ length: writes }, (_, n) => write(BigInt(n) * 4096n, n)),
            syncfs,
            write(0n, 7),
            syncfs,
          ],
          ...(enosys && { extra: [lacks('SYNCFS')] }),
          note: `${writes} writes before it${enosys ? ', a server that cannot sync' : ''}`,
        })),
    ),
    ...both('syncfs/error', 'sync', (border) =>
      fc
        .tuple(errors, fc.boolean())
        .map(([errno, dirty]) => ({
          steps: [...(dirty ? [write(0n, 0)] : []), syncfs, syncfs],
          ...(border === 'violating' && { extra: [once('SYNCFS', errno)] }),
          note: border === 'violating' ? `errno ${errno}, then again` : 'acknowledged',
        })),
    ),
    cell(
      { rule: 'shutdown/request', path: 'shutdown' },
      fc
        .constantFrom(0, 1, 2, 3, 0x8000_0000, 0xffff_ffff)
        .map((flags) => ({ steps: [shutdown(flags)], note: `flags 0x${flags.toString(16)}` })),
    ),
    ...both('shutdown/error', 'shutdown', (border) =>
      fc
        .tuple(fc.constantFrom(...PLAIN_ERRNOS, ENOSYS), fc.constantFrom(0, 1, 2))
        .map(([errno, flags]) => ({
          steps: border === 'violating' ? [shutdown(flags), fiemap, shutdown(flags)] : [shutdown(flags)],
          ...(border === 'violating' && {
            extra: [{ on: 'SHUTDOWN_FS' as const, times: 1, reply: { kind: 'error' as const, errno } }],
          }),
          note: border === 'violating' ? `errno ${errno}, then again` : 'acknowledged',
        })),
    ),
    cell(
      { rule: 'unmount/requests', path: 'unmount' },
      fc
        .tuple(
          fc.boolean(),
          fc.constantFrom<{ line?: { on: ScriptLine['on']; reply: Reply }; note: string }>(
            { note: 'acknowledged' },
            { line: { on: 'SYNCFS', reply: { kind: 'error', errno: ENOSYS } }, note: 'SYNCFS answered with ENOSYS' },
            { line: { on: 'SYNCFS', reply: { kind: 'error', errno: 5 } }, note: 'SYNCFS answered with EIO' },
            { line: { on: 'DESTROY', reply: { kind: 'error', errno: 5 } }, note: 'DESTROY answered with EIO' },
            { line: { on: 'DESTROY', reply: { kind: 'error', errno: ENOSYS } }, note: 'DESTROY answered with ENOSYS' },
          ),
        )
        .map(([synced, { line, note }]) => ({
          // A sync(2) by the way gives the case a mount of its own, whatever the server answers.
          steps: [
            write(0n, 0),
            { call: 'fsync', fd: 0 },
            ...(synced || line?.on === 'DESTROY' || !line ? [syncfs] : []),
          ],
          ...(line && { extra: [line] }),
          note: `${note}${synced ? ', synced before' : ''}`,
        })),
    ),
  ];
}
