/** Replies that are no values: errors, bare success, and malformed bytes. */
import { constants } from 'node:os';

export type ErrnoName = keyof typeof constants.errno;

export type Reply =
  | { kind: 'error'; errno: number }
  /** Success with these bytes, whatever their number. */
  | { kind: 'payload'; payload: Uint8Array }
  /** Success with these bytes behind a header that lies. */
  | { kind: 'raw'; payload: Uint8Array; error?: number; lengthBytes?: number; unique?: bigint }
  | { kind: 'held' };

/** Fail with this errno, by name ('EIO') or number (5). */
export const error = (errno: ErrnoName | number): Reply => ({
  kind: 'error',
  errno: typeof errno === 'number' ? errno : constants.errno[errno],
});
/** Succeed, without a payload. */
export const ok = (): Reply => ({ kind: 'payload', payload: new Uint8Array(0) });
/** Succeed with a payload of your own: the kernel judges its size. */
export const payload = (bytes: Uint8Array): Reply => ({ kind: 'payload', payload: bytes });
/**
 * For malformed replies, to any request, INIT included. `error` goes out as it is (a good one is 0 or negative),
 * `lengthBytes` and `unique` replace the true ones. When the kernel cannot match the reply to its request, the server
 * ends the request with EIO: nobody waits for ever.
 */
export const raw = (
  bytes: Uint8Array,
  header: { error?: number; lengthBytes?: number; unique?: bigint } = {},
): Reply => ({ kind: 'raw', payload: bytes, ...header });
