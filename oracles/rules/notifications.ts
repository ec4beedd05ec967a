/**
 * upsert/*, inval/* and devinval/*: what the kernel makes of a notification. Errno is what write() on /dev/fuse
 * returns.
 */
import { DEV_LOOKUP_LIMIT, INVAL_TO_EOF, NULL_ADDR, NULL_DEV, type Revision } from '../../uapi/revision.ts';
import { isBacked, isType, type MapContext, type MountFacts, type WireMapping } from './context.ts';
import { mapRulesOf, type MapRuleId } from './map.ts';
import { perRevision } from '../../uapi/per-revision.ts';
import { errnos } from '../../uapi/errno.ts';
import { refusalOf, type Half, type Refusal, type Rule, type RuleGroup } from './rule.ts';
import { clauseOf } from './clause.ts';

/** What is known of the inode that a notification names. */
export interface InodeFacts {
  ino: bigint;
  usesIomap: boolean;
  bad: boolean;
  hasCache: boolean;
}
interface Range {
  offset: bigint;
  length: bigint;
}

/** Facts that every notification is judged against. */
export interface NotificationContext extends MountFacts {
  connectionHasIomap: boolean;
  /** Bytes of the payload that was written. */
  payloadBytes: number;
}
/** UPSERT and INVAL name an inode. */
export interface InodeContext extends NotificationContext {
  attrIno: bigint;
  /** The inode of the nodeid; undefined: unknown. */
  inode?: InodeFacts;
}
export interface UpsertContext extends InodeContext {
  read: WireMapping;
  write: WireMapping;
}
/** One half of an upsert, behind map/*. */
export interface UpsertHalfContext extends UpsertContext {
  half: Half;
  mapping: WireMapping;
}
export interface InvalContext extends InodeContext {
  read: Range;
  write: Range;
}
export interface InvalRangeContext extends InvalContext {
  range: Range;
}
export interface DevInvalContext extends NotificationContext {
  dev: number;
  reserved: number;
  range: Range;
}

const WRAP = 1n << 64n;
const SIZES = { upsert: 80, inval: 48, devinval: 24 } as const;

type Row<C, Id extends string> = readonly [
  id: Id,
  text: string,
  errno: number,
  violated: (c: C) => boolean,
  more?: { bad?: boolean; conditions?: readonly string[]; applies?: (c: C) => boolean },
];
const table = <C extends { revision: Revision }, Group extends RuleGroup, Id extends string>(
  group: Group,
  rows: readonly Row<C, Id>[],
): Rule<C, `${Group}/${Id}`>[] =>
  rows.map(([id, text, errno, violated, more = {}]) => ({
    id: `${group}/${id}` as const,
    group,
    text,
    source: clauseOf(`${group}/${id}`),
    errno,
    viaBadData: more.bad ?? false,
    ...(more.conditions && { conditions: more.conditions }),
    applies: (c) => !c.revision.lacksRules.has(`${group}/${id}`) && (more.applies?.(c) ?? true),
    violated,
  }));

/** The checks of connection and inode, the same for both notifications that name one. */
const rowsOf =
  <C>() =>
  <const Id extends string>(rows: readonly Row<C, Id>[]): readonly Row<C, Id>[] =>
    rows;
const inodeRows = (size: number) =>
  rowsOf<InodeContext>()([
    ['size', `the payload is not ${size} bytes`, errnos.EINVAL, (c) => c.payloadBytes !== size],
    ['iomap-connection', 'the connection has no iomap', errnos.EINVAL, (c) => !c.connectionHasIomap],
    ['node-known', 'the nodeid is unknown', errnos.ESTALE, (c) => c.inode === undefined],
    ['ino-matches', "attr_ino is not the inode's", errnos.EINVAL, (c) => c.inode!.ino !== c.attrIno, { bad: true }],
    ['inode-healthy', 'the inode is marked bad', errnos.EIO, (c) => c.inode!.bad],
    ['iomap-inode', 'the inode does not use iomap', errnos.EINVAL, (c) => !c.inode!.usesIomap],
  ]);

const deviceOf = (c: UpsertHalfContext) =>
  c.mapping.dev >= DEV_LOOKUP_LIMIT ? undefined : c.devices.get(c.mapping.dev);
const bad = { bad: true } as const;
const onDevice = { bad: true, applies: (c: UpsertHalfContext) => deviceOf(c) !== undefined } as const;

export const upsertInodeRules = table('upsert', inodeRows(SIZES.upsert));
/** Behind map/* of the half. A NOCACHE half skips everything from `device-known` on. */
export const upsertHalfRules = table(
  'upsert',
  rowsOf<UpsertHalfContext>()([
    ['not-retry', 'RETRY_CACHE', errnos.EUCLEAN, (c) => isType(c, c.mapping, 'RETRY_CACHE'), bad],
    [
      'device-known',
      'MAPPED or UNWRITTEN with an unregistered dev',
      errnos.EUCLEAN,
      (c) => deviceOf(c) === undefined,
      { bad: true, conditions: ['ret == NULL', 'IS_ERR(fb)'], applies: (c) => isBacked(c, c.mapping) },
    ],
    [
      'addr-without-device',
      'no device, and addr is not null',
      errnos.EUCLEAN,
      (c) => c.mapping.dev === NULL_DEV && c.mapping.addr !== NULL_ADDR,
      bad,
    ],
    [
      'device-without-addr',
      'a device, and addr is null',
      errnos.EUCLEAN,
      (c) => c.mapping.addr === NULL_ADDR,
      onDevice,
    ],
    [
      'device-range-no-overflow',
      'addr + length wraps 64 bits',
      errnos.EUCLEAN,
      (c) => c.mapping.addr + c.mapping.length >= WRAP,
      onDevice,
    ],
    [
      'device-present',
      'the device has size 0',
      errnos.EINVAL,
      (c) => deviceOf(c)!.sizeBytes === 0n,
      { applies: (c) => deviceOf(c) !== undefined },
    ],
    [
      'within-device',
      'addr + length > the size of the device',
      errnos.EUCLEAN,
      (c) => c.mapping.addr + c.mapping.length > deviceOf(c)!.sizeBytes,
      onDevice,
    ],
  ]),
);
const skipsRest = (c: UpsertHalfContext, rule: Rule<UpsertHalfContext>): boolean =>
  rule.id !== 'upsert/not-retry' && isType(c, c.mapping, 'NOCACHE');

export const invalInodeRules = table('inval', inodeRows(SIZES.inval));
/** Each range, the write range first; a range of length 0 means nothing and is not checked. */
export const invalRangeRules = table(
  'inval',
  rowsOf<InvalRangeContext>()([
    ['offset-below-maxbytes', 'offset >= maxbytes', errnos.EUCLEAN, (c) => c.range.offset >= c.maxBytes, bad],
    [
      'offset-aligned',
      'offset is no multiple of the block size',
      errnos.EUCLEAN,
      (c) => c.range.offset % c.blockSizeBytes !== 0n,
      bad,
    ],
    [
      'length-aligned',
      'length is no multiple of the block size',
      errnos.EUCLEAN,
      (c) => c.range.length % c.blockSizeBytes !== 0n,
      { bad: true, applies: (c) => c.range.length !== INVAL_TO_EOF },
    ],
    [
      'range-no-overflow',
      'offset + length wraps 64 bits',
      errnos.EUCLEAN,
      (c) => c.range.offset + c.range.length >= WRAP,
      { bad: true, applies: (c) => c.range.length !== INVAL_TO_EOF },
    ],
  ]),
);

const deviceSize = (c: DevInvalContext): bigint => c.devices.get(c.dev)!.sizeBytes;
export const devInvalRules = table(
  'devinval',
  rowsOf<DevInvalContext>()([
    [
      'size',
      'the payload is not 24 bytes, or reserved is not 0',
      errnos.EINVAL,
      (c) => c.payloadBytes !== SIZES.devinval || c.reserved !== 0,
    ],
    [
      'device-named',
      'the connection has no iomap, or dev is 0',
      errnos.EINVAL,
      (c) => !c.connectionHasIomap || c.dev === NULL_DEV,
    ],
    ['device-known', 'dev is unknown', errnos.ENODEV, (c) => !c.devices.has(c.dev)],
    ['offset-in-device', 'offset >= the size of the device', errnos.EINVAL, (c) => c.range.offset >= deviceSize(c)],
    [
      'range-no-overflow',
      'offset + length wraps 64 bits; a kernel may count signed ones',
      errnos.EINVAL,
      (c) => c.range.offset + c.range.length >= WRAP,
    ],
  ]),
);

export type UpsertInodeRuleId = (typeof upsertInodeRules)[number]['id'];
export type UpsertHalfRuleId = (typeof upsertHalfRules)[number]['id'];
export type InvalInodeRuleId = (typeof invalInodeRules)[number]['id'];
export type InvalRangeRuleId = (typeof invalRangeRules)[number]['id'];
export type DevInvalRuleId = (typeof devInvalRules)[number]['id'];
export type NotificationRuleId =
  UpsertInodeRuleId | UpsertHalfRuleId | InvalInodeRuleId | InvalRangeRuleId | DevInvalRuleId;

/**
 * The rules of DEV_INVAL in a revision's order of evaluation. One that does not look at the length first checks
 * overflow and offset before it looks whether the length is 0; a length of 0 cannot overflow, and the others check the
 * offset before it too, so that only the order of the two differs.
 */
export const devInvalRulesOf = perRevision((revision): readonly Rule<DevInvalContext, DevInvalRuleId>[] => {
  if (revision.notifications.IOMAP_DEV_INVAL === undefined) return [];
  const rules = devInvalRules.filter(({ id }) => !revision.lacksRules.has(id));
  if (revision.devInvalChecksLengthFirst) return rules;
  const isOffset = ({ id }: { id: string }): boolean => id === 'devinval/offset-in-device';
  return [...rules.filter((rule) => !isOffset(rule)), ...rules.filter(isOffset)];
});

const first = <C, Id extends string>(rules: readonly Rule<C, Id>[], context: C): Rule<C, Id> | undefined =>
  rules.find((rule) => rule.applies(context) && rule.violated(context));

/**
 * The rule that an UPSERT violates first; undefined: both halves are stored, or skipped where they say so. `mapRules`:
 * the revision's.
 */
export function firstUpsertViolation(
  context: UpsertContext,
  mapRules = mapRulesOf(context.revision),
): Refusal<UpsertInodeRuleId | MapRuleId | UpsertHalfRuleId> | undefined {
  const early = first(upsertInodeRules, context);
  if (early) return refusalOf(early, 0);
  for (const half of ['read', 'write'] as const) {
    const mapping = context[half];
    const mapContext: MapContext = { ...context, half, mapping, inodeHasCache: context.inode!.hasCache };
    const map = mapRules.find(
      (rule) => rule.halves!.includes(half) && rule.applies(mapContext) && rule.violated(mapContext),
    );
    if (map) return refusalOf(map, 0, half);
    const halfContext = { ...context, half, mapping };
    const rule = upsertHalfRules.find(
      (row) => !skipsRest(halfContext, row) && row.applies(halfContext) && row.violated(halfContext),
    );
    if (rule) return refusalOf(rule, 0, half);
  }
  return undefined;
}

/** The rule that an INVAL violates first. */
export function firstInvalViolation(context: InvalContext): Refusal<InvalInodeRuleId | InvalRangeRuleId> | undefined {
  const early = first(invalInodeRules, context);
  if (early) return refusalOf(early, 0);
  for (const half of ['write', 'read'] as const) {
    const range = context[half];
    if (range.length === 0n) continue;
    const rule = first(invalRangeRules, { ...context, range });
    if (rule) return refusalOf(rule, 0, half);
  }
  return undefined;
}

/** The rule that a DEV_INVAL violates first. */
export function firstDevInvalViolation(context: DevInvalContext): Refusal<DevInvalRuleId> | undefined {
  const rule = first(devInvalRulesOf(context.revision), context);
  return rule && refusalOf(rule, 0);
}
