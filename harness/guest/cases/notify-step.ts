/** Notifications of the workload: bytes written to the connection's /dev/fuse unasked. */
import type { Notification } from '../../../model/notification.ts';
import type { StepResult } from '../../../model/observation.ts';
import type { Native } from '../../native/index.ts';
import type { ControlPlane } from './control-step.ts';
import { notificationFacts, notificationOf } from './notification.ts';

/** Any thread of a server may write to its /dev/fuse; this one does while the server's own waits for requests. */
export function notifyStep(
  native: Native,
  { revision, cookies, nodeids, mountedFd }: ControlPlane,
  notification: Notification,
): StepResult {
  const message = notificationOf(revision, notification, notificationFacts(native, cookies, nodeids));
  const ret = native.write(mountedFd, message, 0, message.length);
  return ret < 0 ? { ret: -1n, errno: -ret } : { ret: BigInt(ret), errno: 0 };
}
