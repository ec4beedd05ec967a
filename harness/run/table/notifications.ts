/**
 * Notifications of the case model as the bytes of a table case: what the server sends, but for what only the guest
 * knows.
 */
import type { Notification } from '../../../model/notification.ts';
import type { NotificationFixup, TableNotification } from '../../../model/table-case.ts';
import { encodeNotification, type Place } from '../../../server/notification.ts';
import type { Revision } from '../../../uapi/revision.ts';

/** Undefined: not a notification for a table. */
export function tableNotification(
  revision: Revision,
  { devices, files }: { devices: number; files: number },
  notification: Notification,
): TableNotification | undefined {
  const late: (NotificationFixup & { bytes: number })[] = [];
  let isKnown = true;
  /** What only the guest knows is filled in there, and is zero here. */
  const later = (kind: NotificationFixup['kind'], index: number, count: number, { at, size }: Place): number => {
    isKnown &&= index < count;
    late.push({ at, kind, index, bytes: size });
    return 0;
  };
  let fill: TableNotification['fill'];
  const message = encodeNotification(revision, notification, {
    nodeid: (file, place) => BigInt(later('nodeid', file, files, place)),
    ino: (file, place) => BigInt(later('ino', file, files, place)),
    cookie: (device, place) => later('device', device, devices, place),
    data: (file, position, { at, size }) => {
      fill = { at, file, position };
      return new Uint8Array(size);
    },
  });
  if (!message || !isKnown) return undefined;
  const fixups = late.filter(({ at }) => at < message.length);
  // Bytes that are cut off in the middle of what the guest fills in.
  if (fixups.some(({ at, bytes }) => at + bytes > message.length)) return undefined;
  return { message, fixups: fixups.map(({ bytes: _, ...fixup }) => fixup), ...(fill && { fill }) };
}
