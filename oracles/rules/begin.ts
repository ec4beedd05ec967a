/** begin/*: a BEGIN reply. Functions fuse_iomap_begin_validate, then fuse_iomap_begin. */
import { beginOut } from '../../uapi/iomap.ts';
import {
  hasOp,
  isBacked,
  isType,
  isWriteType,
  writtenTo,
  type BeginContext,
  type DeviceFacts,
  type WireMapping,
} from './context.ts';
import { errnos } from '../../uapi/errno.ts';
import { perRevision } from '../../uapi/per-revision.ts';
import type { Half, Rule } from './rule.ts';
import { clauseOf } from './clause.ts';

interface Row<Id extends string> {
  id: Id;
  text: string;
  errno?: number | 'reply';
  viaBadData?: boolean;
  condition?: string;
  func?: string;
  half?: Half;
  applies?: (c: BeginContext) => boolean;
  violated: (c: BeginContext) => boolean;
  unclear?: (c: BeginContext) => string | undefined;
}

const WRAP_MASK = (1n << 64n) - 1n;
const end = (mapping: WireMapping): bigint => (mapping.offset + mapping.length) & WRAP_MASK;
const uncached = (c: BeginContext) => hasOp(c, 'ATOMIC', 'SWAPFILE');
const deviceOf = (c: BeginContext, mapping: WireMapping | undefined): DeviceFacts | undefined =>
  mapping !== undefined && isBacked(c, mapping) ? c.devices.get(mapping.dev) : undefined;
const unregistered = (c: BeginContext, mapping: WireMapping | undefined) =>
  isBacked(c, mapping) && deviceOf(c, mapping) === undefined;
/** Written to by this operation; undefined for others and for mappings that are not on storage. */
const writeDevice = (c: BeginContext) => (isWriteType(c) ? deviceOf(c, writtenTo(c)) : undefined);

/** Why it is open whether the operation reads the read half's device at all. */
function readUnclear(c: BeginContext): string | undefined {
  if (deviceOf(c, c.read)?.readable !== false) return undefined;
  if (hasOp(c, 'REPORT')) return 'a report names the device without reading it';
  if (isWriteType(c)) return 'a write may or may not read the blocks around it';
  return isType(c, c.read, 'UNWRITTEN') ? 'unwritten blocks are not read from the device' : undefined;
}

/** One row for each half; the clause is the same and the names differ. */
const perHalf = <const Id extends string>(
  make: (half: Half, of: (c: BeginContext) => WireMapping) => Row<Id>,
): Row<Id>[] => [make('read', (c) => c.read!), make('write', (c) => c.write!)];

const rowsWithIds = <const Id extends string>(rows: readonly Row<Id>[]): readonly Row<Id>[] => rows;

const validateRows = rowsWithIds([
  ...perHalf((half, of) => ({
    id: `${half}-not-nocache`,
    half,
    text: `${half} type NOCACHE`,
    condition: `outarg->${half}.type == FUSE_IOMAP_TYPE_NOCACHE`,
    violated: (c) => isType(c, of(c), 'NOCACHE'),
  })),
  ...perHalf((half, of) => ({
    id: `${half}-starts-by-pos`,
    half,
    text: `${half} offset > pos`,
    condition: `outarg->${half}.offset > pos`,
    violated: (c) => of(c).offset > c.pos,
  })),
  ...perHalf((half, of) => ({
    id: `${half}-covers-pos`,
    half,
    text: `${half} end <= pos`,
    condition: `outarg->${half}.offset + outarg->${half}.length <= pos`,
    violated: (c) => end(of(c)) <= c.pos,
  })),
  ...perHalf((half, of) => ({
    id: `${half}-no-retry-uncached`,
    half,
    text: `${half} RETRY_CACHE for ATOMIC or SWAPFILE`,
    condition: `outarg->${half}.type == FUSE_IOMAP_TYPE_RETRY_CACHE`,
    applies: uncached,
    violated: (c) => isType(c, of(c), 'RETRY_CACHE'),
  })),
  {
    id: 'atomic-on-storage',
    text: 'ATOMIC, and the mapping written to is not MAPPED or UNWRITTEN',
    errno: errnos.EIO,
    applies: (c) => hasOp(c, 'ATOMIC'),
    violated: (c) => !isBacked(c, writtenTo(c)),
  },
  {
    id: 'atomic-flagged',
    text: 'ATOMIC, and the mapping written to lacks ATOMIC_BIO',
    errno: errnos.EIO,
    applies: (c) => hasOp(c, 'ATOMIC'),
    violated: (c) => ((writtenTo(c)?.flags ?? 0) & c.revision.mappingFlags.ATOMIC_BIO!) === 0,
  },
]);

const deviceRows = rowsWithIds([
  {
    id: 'read-device-known',
    half: 'read',
    text: 'read MAPPED or UNWRITTEN with an unregistered dev (dev >= 2^31-1 is never looked up)',
    condition: 'ret == NULL',
    func: 'fuse_iomap_begin',
    violated: (c) => unregistered(c, c.read),
  },
  {
    id: 'write-device-known',
    half: 'write',
    text: 'write MAPPED or UNWRITTEN with an unregistered dev, for write-type operations',
    condition: 'ret == NULL',
    func: 'fuse_iomap_begin',
    applies: isWriteType,
    violated: (c) => unregistered(c, c.write),
  },
  {
    id: 'device-readable',
    text: 'a device that is read from was opened without read',
    errno: errnos.EACCES,
    viaBadData: false,
    violated: (c) => deviceOf(c, c.read)?.readable === false && readUnclear(c) === undefined,
    unclear: readUnclear,
  },
  {
    id: 'device-writable',
    text: "a device that is written to was opened without write (for PURE_OVERWRITE the read mapping's)",
    errno: errnos.EACCES,
    viaBadData: false,
    violated: (c) => writeDevice(c)?.writable === false,
    unclear: (c) => {
      if (hasOp(c, 'SWAPFILE') && deviceOf(c, c.read)?.writable === false)
        return 'a swap file is written to, but not by this operation';
      return writeDevice(c)?.readable === false
        ? 'a kernel may ask for read and write access of a device that is written to'
        : undefined;
    },
  },
]);

const replyRows = rowsWithIds([
  {
    id: 'error',
    text: 'the reply carries an error',
    errno: 'reply',
    viaBadData: false,
    violated: (c) => c.repliedErrno !== 0,
  },
  {
    id: 'reply-size',
    text: 'the reply has not the size of fuse_iomap_begin_out: write() to /dev/fuse gives EINVAL, the caller EIO',
    errno: errnos.EIO,
    viaBadData: false,
    violated: (c) => c.payloadBytes !== beginOut.size,
  },
]);

const toRule = <Id extends string>(row: Row<Id>): Rule<BeginContext, `begin/${Id}`> => {
  const viaBadData = row.viaBadData ?? true;
  return {
    id: `begin/${row.id}`,
    group: 'begin',
    text: row.text,
    source: clauseOf(`begin/${row.id}`),
    errno: row.errno ?? errnos.EUCLEAN,
    viaBadData,
    applies: row.applies ?? (() => true),
    violated: row.violated,
    ...(row.condition && { conditions: [row.condition] }),
    ...(viaBadData && { func: row.func ?? 'fuse_iomap_begin_validate' }),
    ...(row.half && { halves: [row.half] }),
    ...(row.unclear && { unclear: row.unclear }),
  };
};

export type BeginReplyRuleId = `begin/${(typeof replyRows)[number]['id']}`;
export type BeginValidateRuleId = `begin/${(typeof validateRows)[number]['id']}`;
export type BeginDeviceRuleId = `begin/${(typeof deviceRows)[number]['id']}`;
export type BeginRuleId = BeginReplyRuleId | BeginValidateRuleId | BeginDeviceRuleId;

const tableOf = <Id extends string>(rows: readonly Row<Id>[]) => {
  const rules = rows.map(toRule);
  return perRevision(({ lacksRules }): readonly Rule<BeginContext, `begin/${Id}`>[] =>
    rules.filter(({ id }) => !lacksRules.has(id)),
  );
};

/** Before the mappings are looked at. */
export const beginReplyRulesOf = tableOf(replyRows);
/** After map/* of both halves. */
export const beginValidateRulesOf = tableOf(validateRows);
/** After the question whether the reply asks for a retry. */
export const beginDeviceRulesOf = tableOf(deviceRows);
