/** Where a notification names devices of its case. */
import type { MappingSpec } from './mapping.ts';
import type { Notification } from './notification.ts';

type Dev = MappingSpec['dev'];

/** The references of a notification to devices of its case. */
export function devicesOf(notification: Notification): { device: number }[] {
  const named: Dev[] =
    notification.kind === 'upsert'
      ? [notification.read.dev, notification.write.dev]
      : notification.kind === 'devInval'
        ? [notification.dev]
        : [];
  return named.filter((dev) => typeof dev === 'object');
}

/** The same notification with its references to devices replaced. */
export function withDevices(notification: Notification, replace: (dev: Dev) => Dev): Notification {
  switch (notification.kind) {
    case 'upsert':
      return {
        ...notification,
        read: { ...notification.read, dev: replace(notification.read.dev) },
        write: { ...notification.write, dev: replace(notification.write.dev) },
      };
    case 'devInval':
      return { ...notification, dev: replace(notification.dev) };
    default:
      return notification;
  }
}

/** The same notification about another file of its case. */
export function withFile(notification: Notification, replace: (file: number) => number): Notification {
  return 'node' in notification && 'file' in notification.node
    ? { ...notification, node: { file: replace(notification.node.file) } }
    : notification;
}
