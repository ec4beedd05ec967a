/**
 * Notifications of the case model as the bytes of a table case. The guest's own encoding is
 * harness/guest/cases/notify-step.ts.
 */
import type { Notification } from '../../../model/notification.ts';
import type { NotificationFixup, TableNotification } from '../../../model/table-case.ts';
import { NOTIFY } from '../../../uapi/fuse-flags.ts';
import { notifyInvalInode, notifyRetrieve, notifyStore, outHeader } from '../../../uapi/fuse-structs.ts';
import { encodeNotification } from '../../../uapi/fuse-wire.ts';
import { devInval, invalMappings, iomapIo, upsertMappings } from '../../../uapi/iomap.ts';
import type { IomapNotifyName, Revision } from '../../../uapi/revision.ts';
import { mapping } from './replies.ts';

type Node = Extract<Notification, { kind: 'upsert' }>['node'];
type Dev = Extract<Notification, { kind: 'devInval' }>['dev'];
interface Place {
  at: number;
  size: number;
}
type Late = NotificationFixup & { bytes: number };

/** Undefined: not a notification for a table. */
export function tableNotification(
  revision: Revision,
  { devices, files }: { devices: number; files: number },
  notification: Notification,
): TableNotification | undefined {
  const late: Late[] = [];
  let known = true;
  const code = (name: IomapNotifyName): number => {
    const number = revision.notifications[name];
    known &&= number !== undefined;
    return number ?? 0;
  };
  /** What only the guest knows is filled in there, and is zero here. */
  const later = (kind: NotificationFixup['kind'], { at, size }: Place, index: number, count: number): number => {
    known &&= index < count;
    late.push({ at: outHeader.size + at, kind, index, bytes: size });
    return 0;
  };
  const nodeid = (node: Node, place: Place): bigint =>
    'file' in node ? BigInt(later('nodeid', place, node.file, files)) : node.nodeid;
  const attrIno = (node: Node, given: bigint | undefined, place: Place): bigint =>
    given ?? ('file' in node ? BigInt(later('ino', place, node.file, files)) : 0n);
  const dev = (value: Dev, place: Place): number =>
    typeof value === 'number' ? value : later('device', place, value.device, devices);
  const half = (spec: Parameters<typeof mapping>[1], base: number): ReturnType<typeof mapping> => ({
    ...mapping(revision, spec),
    dev: dev(spec.dev, { at: base + iomapIo.fields.dev.at, size: iomapIo.fields.dev.size }),
  });
  let fill: TableNotification['fill'];
  const encode = (): Buffer => {
    switch (notification.kind) {
      case 'upsert': {
        const { node, read, write, sentBytes } = notification;
        const { fields } = upsertMappings;
        return encodeNotification(
          code('IOMAP_UPSERT_MAPPINGS'),
          cut(
            upsertMappings.encode({
              nodeid: nodeid(node, fields.nodeid),
              attrIno: attrIno(node, notification.attrIno, fields.attrIno),
              read: half(read, fields.read.at),
              write: half(write, fields.write.at),
            }),
            sentBytes,
          ),
        );
      }
      case 'inval': {
        const { node, read, write, sentBytes } = notification;
        const { fields } = invalMappings;
        return encodeNotification(
          code('IOMAP_INVAL_MAPPINGS'),
          cut(
            invalMappings.encode({
              nodeid: nodeid(node, fields.nodeid),
              attrIno: attrIno(node, notification.attrIno, fields.attrIno),
              read,
              write,
            }),
            sentBytes,
          ),
        );
      }
      case 'devInval':
        return encodeNotification(
          code('IOMAP_DEV_INVAL'),
          cut(
            devInval.encode({
              dev: dev(notification.dev, devInval.fields.dev),
              reserved: notification.reserved ?? 0,
              range: notification.range,
            }),
            notification.sentBytes,
          ),
        );
      case 'store': {
        const { node, offset, lengthBytes } = notification;
        fill = { at: outHeader.size + notifyStore.size, file: 'file' in node ? node.file : 0, position: offset };
        return encodeNotification(
          NOTIFY.STORE,
          Buffer.concat([
            notifyStore.encode({ nodeid: nodeid(node, notifyStore.fields.nodeid), offset, size: lengthBytes }),
            Buffer.alloc(lengthBytes),
          ]),
        );
      }
      case 'retrieve':
        return encodeNotification(
          NOTIFY.RETRIEVE,
          notifyRetrieve.encode({
            notifyUnique: 1n,
            nodeid: nodeid(notification.node, notifyRetrieve.fields.nodeid),
            offset: notification.offset,
            size: notification.lengthBytes,
          }),
        );
      case 'invalInode':
        return encodeNotification(
          NOTIFY.INVAL_INODE,
          notifyInvalInode.encode({
            ino: nodeid(notification.node, notifyInvalInode.fields.ino),
            off: notification.offset,
            len: notification.length,
          }),
        );
      case 'raw':
        return encodeNotification(notification.code, Buffer.from(notification.payload, 'hex'));
    }
  };
  const message = encode();
  const fixups = late.filter(({ at }) => at < message.length);
  // Bytes that are cut off in the middle of what the guest fills in.
  if (!known || fixups.some(({ at, bytes }) => at + bytes > message.length)) return undefined;
  return { message, fixups: fixups.map(({ bytes: _, ...fixup }) => fixup), ...(fill && { fill }) };
}

const cut = (payload: Buffer, bytes = payload.length): Buffer =>
  Buffer.concat([payload.subarray(0, bytes), Buffer.alloc(Math.max(bytes - payload.length, 0))]);
