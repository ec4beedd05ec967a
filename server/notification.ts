/** Notifications as a case states them, as what is written to /dev/fuse. */
import type { Notification } from '../model/notification.ts';
import { NOTIFY } from '../uapi/fuse-flags.ts';
import { notifyInvalInode, notifyRetrieve, notifyStore, outHeader } from '../uapi/fuse-structs.ts';
import { encodeNotification as encodeMessage } from '../uapi/fuse-wire.ts';
import { devInval, invalMappings, iomapIo, upsertMappings } from '../uapi/iomap.ts';
import type { IomapNotifyName, Revision } from '../uapi/revision.ts';
import { encodeMapping } from './mapping.ts';

/** Where a value goes: offset from the start of the message, and its width. Bytes. */
export interface Place {
  readonly at: number;
  readonly size: number;
}

/** What is known of the case's files and devices when it is mounted. Each says for itself where its value goes. */
export interface NotificationFacts {
  nodeid(file: number, place: Place): bigint;
  /** The inode number. */
  ino(file: number, place: Place): bigint;
  cookie(device: number, place: Place): number;
  /** What the server has for the file from `position` on. */
  data(file: number, position: bigint, place: Place): Uint8Array;
}

type Node = Extract<Notification, { kind: 'upsert' }>['node'];
interface Field {
  readonly at: number;
  readonly size: number;
}

/** Payloads begin behind the header. */
const place = ({ at, size }: Field, base = 0): Place => ({ at: outHeader.size + base + at, size });

/** What is sent of a payload: cut, or with zeros behind it. */
const sent = (payload: Buffer, bytes = payload.length): Buffer =>
  Buffer.concat([payload.subarray(0, bytes), Buffer.alloc(Math.max(bytes - payload.length, 0))]);

/** Header and payload. Undefined: the revision has no notification of that kind. */
export function encodeNotification(
  revision: Revision,
  notification: Notification,
  facts: NotificationFacts,
): Buffer | undefined {
  const nodeid = (node: Node, field: Field): bigint =>
    'file' in node ? facts.nodeid(node.file, place(field)) : node.nodeid;
  const attrIno = (node: Node, given: bigint | undefined, field: Field): bigint =>
    given ?? ('file' in node ? facts.ino(node.file, place(field)) : 0n);
  const ofRevision = (name: IomapNotifyName, payload: () => Buffer, sentBytes?: number): Buffer | undefined => {
    const code = revision.notifications[name];
    return code === undefined ? undefined : encodeMessage(code, sent(payload(), sentBytes));
  };
  switch (notification.kind) {
    case 'upsert': {
      const { node } = notification;
      const { fields } = upsertMappings;
      const half = (name: 'read' | 'write') =>
        encodeMapping(revision, notification[name], (device) =>
          facts.cookie(device, place(iomapIo.fields.dev, fields[name].at)),
        );
      return ofRevision(
        'IOMAP_UPSERT_MAPPINGS',
        () =>
          upsertMappings.encode({
            nodeid: nodeid(node, fields.nodeid),
            attrIno: attrIno(node, notification.attrIno, fields.attrIno),
            read: half('read'),
            write: half('write'),
          }),
        notification.sentBytes,
      );
    }
    case 'inval': {
      const { node, read, write } = notification;
      const { fields } = invalMappings;
      return ofRevision(
        'IOMAP_INVAL_MAPPINGS',
        () =>
          invalMappings.encode({
            nodeid: nodeid(node, fields.nodeid),
            attrIno: attrIno(node, notification.attrIno, fields.attrIno),
            read,
            write,
          }),
        notification.sentBytes,
      );
    }
    case 'devInval': {
      const { dev, reserved = 0, range, sentBytes } = notification;
      return ofRevision(
        'IOMAP_DEV_INVAL',
        () =>
          devInval.encode({
            dev: typeof dev === 'number' ? dev : facts.cookie(dev.device, place(devInval.fields.dev)),
            reserved,
            range,
          }),
        sentBytes,
      );
    }
    case 'store': {
      const { node, offset, lengthBytes } = notification;
      const head = notifyStore.encode({ nodeid: nodeid(node, notifyStore.fields.nodeid), offset, size: lengthBytes });
      const file = 'file' in node ? node.file : 0;
      const data = facts.data(file, offset, place({ at: notifyStore.size, size: lengthBytes }));
      return encodeMessage(NOTIFY.STORE, Buffer.concat([head, data]));
    }
    case 'retrieve':
      return encodeMessage(
        NOTIFY.RETRIEVE,
        notifyRetrieve.encode({
          notifyUnique: 1n,
          nodeid: nodeid(notification.node, notifyRetrieve.fields.nodeid),
          offset: notification.offset,
          size: notification.lengthBytes,
        }),
      );
    case 'invalInode':
      return encodeMessage(
        NOTIFY.INVAL_INODE,
        notifyInvalInode.encode({
          ino: nodeid(notification.node, notifyInvalInode.fields.ino),
          off: notification.offset,
          len: notification.length,
        }),
      );
    case 'raw':
      return encodeMessage(notification.code, Buffer.from(notification.payload, 'hex'));
  }
}
