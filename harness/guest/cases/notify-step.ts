/** Notifications: bytes written to the connection's /dev/fuse unasked. */
import type { Notification } from '../../../model/notification.ts';
import type { StepResult } from '../../../model/observation.ts';
import type { Native } from '../../native/index.ts';
import { NOTIFY } from '../../../uapi/fuse-flags.ts';
import { notifyInvalInode, notifyRetrieve, notifyStore } from '../../../uapi/fuse-structs.ts';
import { encodeNotification } from '../../../uapi/fuse-wire.ts';
import { devInval, invalMappings, upsertMappings } from '../../../uapi/iomap.ts';
import type { IomapNotifyName, Revision } from '../../../uapi/revision.ts';
import type { ControlPlane } from './control-step.ts';
import { cookieOf, encodeMapping, type Cookies } from './script.ts';
import { inoOf } from '../../../model/nodes.ts';

/** OWNER_KINDS.server of the byte patterns. */
const serverOwner = 3;

export interface NotificationContext {
  readonly revision: Revision;
  readonly cookies: Cookies;
  /** Of the case's files. */
  readonly nodeids: readonly bigint[];
}

type Node = Extract<Notification, { kind: 'upsert' }>['node'];

/** Header and payload of a notification. Throws Error when the revision has none of that kind. */
export function encodeCaseNotification(
  context: NotificationContext,
  notification: Notification,
  native: Native,
): Buffer {
  const { revision, cookies } = context;
  const code = (name: IomapNotifyName): number => {
    const number = revision.notifications[name];
    if (number === undefined) throw new Error(`revision ${revision.id} has no notification ${name}`);
    return number;
  };
  const nodeid = (node: Node): bigint => ('file' in node ? (context.nodeids[node.file] ?? 0n) : node.nodeid);
  const attrIno = (node: Node, given: bigint | undefined): bigint =>
    given ?? ('file' in node ? inoOf(nodeid(node)) : 0n);
  switch (notification.kind) {
    case 'upsert': {
      const { node, read, write } = notification;
      return encodeNotification(
        code('IOMAP_UPSERT_MAPPINGS'),
        cut(
          upsertMappings.encode({
            nodeid: nodeid(node),
            attrIno: attrIno(node, notification.attrIno),
            read: encodeMapping(revision, cookies, read),
            write: encodeMapping(revision, cookies, write),
          }),
          notification.sentBytes,
        ),
      );
    }
    case 'inval': {
      const { node, read, write } = notification;
      return encodeNotification(
        code('IOMAP_INVAL_MAPPINGS'),
        cut(
          invalMappings.encode({ nodeid: nodeid(node), attrIno: attrIno(node, notification.attrIno), read, write }),
          notification.sentBytes,
        ),
      );
    }
    case 'devInval': {
      const dev = typeof notification.dev === 'number' ? notification.dev : cookieOf(cookies, notification.dev.device);
      return encodeNotification(
        code('IOMAP_DEV_INVAL'),
        cut(
          devInval.encode({ dev, reserved: notification.reserved ?? 0, range: notification.range }),
          notification.sentBytes,
        ),
      );
    }
    case 'store': {
      const { node, offset, lengthBytes } = notification;
      const data = Buffer.alloc(lengthBytes);
      native.fillPattern(data, 0, lengthBytes, serverOwner, 'file' in node ? node.file : 0, offset);
      return encodeNotification(
        NOTIFY.STORE,
        Buffer.concat([notifyStore.encode({ nodeid: nodeid(node), offset, size: lengthBytes }), data]),
      );
    }
    case 'retrieve':
      return encodeNotification(
        NOTIFY.RETRIEVE,
        notifyRetrieve.encode({
          notifyUnique: 1n,
          nodeid: nodeid(notification.node),
          offset: notification.offset,
          size: notification.lengthBytes,
        }),
      );
    case 'invalInode':
      return encodeNotification(
        NOTIFY.INVAL_INODE,
        notifyInvalInode.encode({ ino: nodeid(notification.node), off: notification.offset, len: notification.length }),
      );
    case 'raw':
      return encodeNotification(notification.code, Buffer.from(notification.payload, 'hex'));
  }
}

const cut = (payload: Buffer, bytes = payload.length): Buffer =>
  Buffer.concat([payload.subarray(0, bytes), Buffer.alloc(Math.max(bytes - payload.length, 0))]);

/** Any thread of a server may write to its /dev/fuse; this one does while the server's own waits for requests. */
export function notifyStep(native: Native, control: ControlPlane, notification: Notification): StepResult {
  const message = encodeCaseNotification(control, notification, native);
  const ret = native.write(control.mountedFd, message, 0, message.length);
  return ret < 0 ? { ret: -1n, errno: -ret } : { ret: BigInt(ret), errno: 0 };
}
