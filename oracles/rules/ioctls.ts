/** The ioctls on /dev/fuse, each with its refusals in order. Source: docs/spec/uapi.md#ioctls. */
import type { IoctlName, Revision } from '../../uapi/revision.ts';
import { errnos } from '../../uapi/errno.ts';
import type { Rule, RuleGroup } from './rule.ts';
import { clauseOf } from './clause.ts';

/** One ioctl, and the state of the connection it meets. */
export interface IoctlContext {
  revision: Revision;
  /** The fd belongs to a mounted connection. */
  mounted: boolean;
  connectionHasIomap: boolean;
  /** BACKING_OPEN: what the fd refers to. */
  target: 'device' | 'device-opath' | 'regular' | 'bad';
  flags: number;
  padding: bigint;
  /** BACKING_CLOSE and IOMAP_SET_BLOCKSIZE: the cookie. */
  id: number;
  idKnown: boolean;
  value: number;
  /** An inode that uses iomap lives. */
  iomapInodeLives: boolean;
}

type Row<Id extends string> = readonly [id: Id, text: string, errno: number, violated: Rule<IoctlContext>['violated']];

const TYPE_MASK = 0xff;
const MAX_IDS = 1024;
const table = <const Group extends RuleGroup, const Id extends string>(group: Group, rows: readonly Row<Id>[]) =>
  rows.map(([id, text, errno, violated]): Rule<IoctlContext, `${Group}/${Id}`> => ({
    id: `${group}/${id}`,
    group,
    text,
    source: clauseOf(`${group}/${id}`),
    errno,
    viaBadData: false,
    applies: (c) => !c.revision.lacksRules.has(`${group}/${id}`),
    violated,
  }));
const isIomap = (c: IoctlContext) => (c.flags & TYPE_MASK) === c.revision.backingTypes.IOMAP;

const tables = {
  BACKING_OPEN: table('backing-open', [
    ['mounted', 'the fd is not mounted', errnos.EPERM, (c) => !c.mounted],
    [
      'type-known',
      'the type byte names no backing type',
      errnos.EOPNOTSUPP,
      (c) => !Object.values(c.revision.backingTypes).includes(c.flags & TYPE_MASK),
    ],
    ['iomap-connection', 'the connection has no iomap', errnos.EPERM, (c) => isIomap(c) && !c.connectionHasIomap],
    ['flags-known', 'a flag besides the type byte is set', errnos.EINVAL, (c) => (c.flags & ~TYPE_MASK) !== 0],
    ['padding-zero', 'padding is not 0', errnos.EINVAL, (c) => c.padding !== 0n],
    ['fd-open', 'the fd is not open', errnos.EBADF, (c) => c.target === 'bad'],
    ['fd-usable', 'the fd is O_PATH', errnos.EBADF, (c) => c.target === 'device-opath'],
    ['block-device', 'the fd is no block device', errnos.ENODEV, (c) => c.target === 'regular'],
  ]),
  BACKING_CLOSE: table('backing-close', [
    ['id-positive', 'the id is 0 or negative', errnos.EINVAL, (c) => c.id <= 0],
    ['id-known', 'the id is unknown', errnos.ENOENT, (c) => !c.idKnown],
    [
      'in-use',
      'the device may be in use: r2 never lets go, r3 while an iomap inode lives',
      errnos.EBUSY,
      (c) => !c.revision.closesIdleDevices || c.iomapInodeLives,
    ],
  ]),
  SET_NOFS: table('set-nofs', [['value', 'the value is neither 0 nor 1', errnos.EINVAL, (c) => c.value > 1]]),
  ADD_IOMAP: table('add-iomap', [['unmounted', 'the fd is mounted', errnos.EINVAL, (c) => c.mounted]]),
  IOMAP_SET_BLOCKSIZE: table('set-blocksize', [
    ['iomap-connection', 'the connection has no iomap', errnos.EOPNOTSUPP, (c) => !c.connectionHasIomap],
    ['id-known', 'the id is unknown', errnos.ENOENT, (c) => !c.idKnown],
  ]),
} satisfies Partial<Record<IoctlName, readonly Rule<IoctlContext>[]>>;

export type IoctlRuleId = (typeof tables)[keyof typeof tables][number]['id'];

export const ioctlTables: Readonly<Partial<Record<IoctlName, readonly Rule<IoctlContext, IoctlRuleId>[]>>> = tables;

/** Ids that BACKING_OPEN gives out. */
export const BACKING_ID_MAX = MAX_IDS;

export const firstIoctlViolation = (
  ioctl: IoctlName,
  context: IoctlContext,
): Rule<IoctlContext, IoctlRuleId> | undefined =>
  ioctlTables[ioctl]?.find((rule) => rule.applies(context) && rule.violated(context));
