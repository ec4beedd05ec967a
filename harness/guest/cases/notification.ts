/** What notifications of a case that runs here are made of. */
import { OWNER_KINDS } from '../../../model/bytes.ts';
import { inoOf } from '../../../model/nodes.ts';
import type { Notification } from '../../../model/notification.ts';
import { cookieOf, type Cookies } from '../../../server/mapping.ts';
import { encodeNotification, type NotificationFacts } from '../../../server/notification.ts';
import type { Revision } from '../../../uapi/revision.ts';
import type { Native } from '../../native/index.ts';

/** What the server has for a file. */
export function serverData(native: Native, file: number, position: bigint, lengthBytes: number): Buffer {
  const out = Buffer.allocUnsafe(lengthBytes);
  native.fillPattern(out, 0, lengthBytes, OWNER_KINDS.server, file, position);
  return out;
}

/** Of a case that runs here. `nodeids`: of its files. */
export const notificationFacts = (native: Native, cookies: Cookies, nodeids: readonly bigint[]): NotificationFacts => ({
  nodeid: (file) => nodeids[file] ?? 0n,
  ino: (file) => inoOf(nodeids[file] ?? 0n),
  cookie: (device) => cookieOf(cookies, device),
  data: (file, position, { size }) => serverData(native, file, position, size),
});

/** Header and payload. Throws Error when the revision has no notification of that kind. */
export function notificationOf(revision: Revision, notification: Notification, facts: NotificationFacts): Buffer {
  const message = encodeNotification(revision, notification, facts);
  if (!message) throw new Error(`revision ${revision.id} has no notification ${notification.kind}`);
  return message;
}
