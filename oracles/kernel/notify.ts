/** Notifications: what write() on /dev/fuse gives for them, and what they do. */
import type { Notification } from '../../model/notification.ts';
import { outHeader } from '../../uapi/fuse-structs.ts';
import { devInval, invalMappings, upsertMappings } from '../../uapi/iomap.ts';
import {
  firstDevInvalViolation,
  firstInvalViolation,
  firstUpsertViolation,
  type InodeContext,
  type InodeFacts,
  type NotificationContext,
} from '../rules/notifications.ts';
import { errnos } from '../../uapi/errno.ts';
import type { Refusal } from '../rules/rule.ts';
import { Unspecified } from './driver.ts';
import type { StepExpectation } from './expectation.ts';
import { cookieOf, encodeMapping } from '../../server/mapping.ts';
import { refuse, type FileState, type World } from './world.ts';
import { connectionHasIomap } from './init-reply.ts';
import { LOFF_MAX, PAGE, min } from '../../uapi/units.ts';
import type { ClauseId, RuleId } from '../rules/rule-id.ts';

const overflow: Refusal<RuleId> = { rule: 'devinval/range-no-overflow', errno: errnos.EINVAL, viaBadData: false };

type Of<K extends Notification['kind']> = Extract<Notification, { kind: K }>;
type Node = Of<'upsert'>['node'];

const CODES = { upsert: 'IOMAP_UPSERT_MAPPINGS', inval: 'IOMAP_INVAL_MAPPINGS', devInval: 'IOMAP_DEV_INVAL' } as const;

export function notify(world: World, notification: Notification): StepExpectation {
  const { kind } = notification;
  // A revision without the notification takes it for one of an unknown code.
  if (
    (kind === 'upsert' || kind === 'inval' || kind === 'devInval') &&
    world.revision.notifications[CODES[kind]] === undefined
  )
    return unknownCode();
  switch (notification.kind) {
    case 'upsert':
      return upsert(world, notification);
    case 'inval':
      return inval(world, notification);
    case 'devInval':
      return invalidateDevice(world, notification);
    case 'store':
    case 'retrieve':
      return transfer(world, notification);
    case 'invalInode':
      return invalidateInode(world, notification);
    case 'raw':
      return raw(world, notification);
  }
}

const unknownCode = (): StepExpectation => ({ kind: 'fails', rule: 'notify/code-known', errnos: [errnos.EINVAL] });
const refused = (world: World, refusal: Refusal<RuleId>): StepExpectation => {
  refuse(world, refusal);
  return { kind: 'fails', rule: refusal.rule, errnos: [refusal.errno] };
};
const taken = (rule: ClauseId, payloadBytes: number): StepExpectation => ({
  kind: 'succeeds',
  rule,
  ret: BigInt(outHeader.size + payloadBytes),
});

const onConnection = (world: World, payloadBytes: number): NotificationContext => ({
  ...world.facts,
  devices: connectionHasIomap(world.case, world.revision) ? world.facts.devices : new Map(),
  connectionHasIomap: connectionHasIomap(world.case, world.revision),
  payloadBytes,
});

/** The file that a nodeid stands for while its inode lives; undefined: no inode. */
function fileOf(world: World, node: Node): FileState | undefined {
  if (!('file' in node)) {
    if (node.nodeid === 1n) throw new Unspecified('what the kernel knows of the root directory is not modelled');
    return undefined;
  }
  const opens = world.fds.filter(({ file }) => file.index === node.file);
  if (opens.length > 0 && opens.every(({ closed }) => closed))
    throw new Unspecified('a file that was open may still have an inode in memory');
  return opens.length > 0 ? world.files[node.file] : undefined;
}

const factsOf = (file: FileState): InodeFacts => ({
  ino: file.ino,
  usesIomap: file.usesIomap,
  bad: file.bad,
  hasCache: file.mappings.exists,
});

function inodeContext(
  world: World,
  { node, attrIno }: Of<'upsert'> | Of<'inval'>,
  payloadBytes: number,
): { context: InodeContext; file?: FileState } {
  const file = fileOf(world, node);
  const given = attrIno ?? ('file' in node ? (world.files[node.file]?.ino ?? 0n) : 0n);
  return {
    context: { ...onConnection(world, payloadBytes), attrIno: given, ...(file && { inode: factsOf(file) }) },
    ...(file && { file }),
  };
}

function upsert(world: World, notification: Of<'upsert'>): StepExpectation {
  const bytes = notification.sentBytes ?? upsertMappings.size;
  const { context, file } = inodeContext(world, notification, bytes);
  const wire = (half: 'read' | 'write') =>
    encodeMapping(world.revision, notification[half], (device) => cookieOf(world.cookies, device));
  const upserted = { ...context, read: wire('read'), write: wire('write') };
  const violated = firstUpsertViolation(upserted, world.table.map);
  if (violated) return refused(world, violated);
  file!.mappings.upsert(world, upserted.read, upserted.write);
  return taken('upsert/stored', bytes);
}

function inval(world: World, notification: Of<'inval'>): StepExpectation {
  const bytes = notification.sentBytes ?? invalMappings.size;
  const { context, file } = inodeContext(world, notification, bytes);
  const violated = firstInvalViolation({ ...context, read: notification.read, write: notification.write });
  if (violated) return refused(world, violated);
  file!.mappings.invalidate({ read: notification.read, write: notification.write });
  return taken('inval/dropped', bytes);
}

function invalidateDevice(world: World, notification: Of<'devInval'>): StepExpectation {
  const bytes = notification.sentBytes ?? devInval.size;
  const dev =
    typeof notification.dev === 'number' ? notification.dev : cookieOf(world.cookies, notification.dev.device);
  const { range } = notification;
  const context = onConnection(world, bytes);
  const violated = firstDevInvalViolation({ ...context, dev, reserved: notification.reserved ?? 0, range });
  if (violated) return refused(world, violated);
  // Past 2^63 - 1 the end overflows where it is a signed number.
  if (range.length > 0n && range.offset + range.length > LOFF_MAX && world.driver.choose(2) === 1)
    return refused(world, overflow);
  const device = world.facts.devices.get(dev)!;
  if (range.length > 0n)
    world.devicePages[device.index]!.drop(range.offset, min(range.offset + range.length, device.sizeBytes));
  return taken('devinval/dropped', bytes);
}

/**
 * An ordinary invalidation: sizes are the kernel's own, clean pages go, dirty ones stay. Linux, fs/fuse/inode.c,
 * fuse_reverse_inval_inode.
 */
function invalidateInode(world: World, { node, offset, length }: Of<'invalInode'>): StepExpectation {
  const file = fileOf(world, node);
  if (!file) return { kind: 'fails', rule: 'notify/inval-inode', errnos: [errnos.ENOENT] };
  if (file.usesIomap && offset >= 0n)
    file.cache.forget(
      offset - (offset % PAGE),
      length <= 0n ? 1n << 64n : offset + length + ((PAGE - ((offset + length) % PAGE)) % PAGE),
    );
  return taken('notify/inval-inode', invalInodeBytes);
}

/** Offsets from here on are those of no file (include/linux/fs.h, MAX_LFS_FILESIZE of a 64-bit machine). */
const NO_OFFSET = (1n << 63n) - 1n;

/**
 * STORE and RETRIEVE: the page cache of a file that uses iomap is the kernel's own. An offset that no file has is a
 * reason of its own to refuse, for whatever node. The spec does not say which of two reasons comes first; Linux looks
 * at the offset first (fs/fuse/notify.c).
 */
function transfer(world: World, notification: Of<'store'> | Of<'retrieve'>): StepExpectation {
  const file = fileOf(world, notification.node);
  const refusals = [
    ...(notification.offset >= NO_OFFSET ? [errnos.EINVAL] : []),
    ...(!file ? [errnos.ENOENT] : file.usesIomap ? [errnos.EOPNOTSUPP] : []),
  ];
  if (!file || refusals.length > 0) return { kind: 'fails', rule: `notify/${notification.kind}`, errnos: refusals };
  if (notification.offset + BigInt(notification.lengthBytes) > file.sizeBytes)
    throw new Unspecified(`${notification.kind} past the end of an ordinary file`);
  const size = notification.kind === 'store' ? storeBytes + notification.lengthBytes : retrieveBytes;
  return taken(`notify/${notification.kind}`, size);
}
/** struct fuse_notify_store_out, struct fuse_notify_retrieve_out. */
const storeBytes = 24;
const retrieveBytes = 32;
/** struct fuse_notify_inval_inode_out. */
const invalInodeBytes = 24;

const SIZES = {
  IOMAP_UPSERT_MAPPINGS: upsertMappings.size,
  IOMAP_INVAL_MAPPINGS: invalMappings.size,
  IOMAP_DEV_INVAL: devInval.size,
} as const;
/** Codes of Linux 7.3's notifications that are older than iomap end here; those behind are unknown. */
const LAST_ORDINARY_CODE = 9;

function raw(world: World, { code, payload }: Of<'raw'>): StepExpectation {
  const bytes = Buffer.from(payload, 'hex');
  const known = (Object.keys(SIZES) as (keyof typeof SIZES)[]).find(
    (name) => world.revision.notifications[name] === code,
  );
  if (!known) {
    if (code <= LAST_ORDINARY_CODE) throw new Unspecified(`notification ${code} is ordinary FUSE`);
    return unknownCode();
  }
  const rule = (
    {
      IOMAP_UPSERT_MAPPINGS: 'upsert/size',
      IOMAP_INVAL_MAPPINGS: 'inval/size',
      IOMAP_DEV_INVAL: 'devinval/size',
    } as const
  )[known];
  if (bytes.length !== SIZES[known]) return refused(world, { rule, errno: errnos.EINVAL, viaBadData: false });
  throw new Unspecified('the bytes of a notification of the right size are stated by its own kind');
}
