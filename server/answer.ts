/** What the server does with one request. */
import { encodeReply } from '../uapi/fuse-wire.ts';

export type Answer =
  /** A header with -errno. */
  | { readonly kind: 'error'; readonly errno: number }
  /** Success with this payload, which may be empty or of the wrong size. */
  | { readonly kind: 'payload'; readonly payload: Uint8Array }
  /** A header that may lie: `error` as it goes out, `lengthBytes` and `unique` instead of the true ones. */
  | {
      readonly kind: 'raw';
      readonly payload: Uint8Array;
      readonly error?: number;
      readonly lengthBytes?: number;
      readonly unique?: bigint;
      /** Only so many bytes of all. */ readonly sentBytes?: number;
    }
  /**
   * Nothing: the connection ends, by closing /dev/fuse, by the death of the process that holds it, or by the control
   * file system.
   */
  | { readonly kind: 'end'; readonly how: 'die' | 'kill' | 'abort' }
  /** Nothing now: somebody keeps the request and answers it later. */
  | { readonly kind: 'held' }
  /** Nothing at all: FORGET and its like have no reply. */
  | { readonly kind: 'none' };

export const fail = (errno: number): Answer => ({ kind: 'error', errno });
export const succeed = (payload: Uint8Array): Answer => ({ kind: 'payload', payload });
export const done: Answer = { kind: 'payload', payload: new Uint8Array(0) };
export const silence: Answer = { kind: 'none' };
export const held: Answer = { kind: 'held' };

/** The reply as it goes out; undefined: there is none, or not now. */
export function encodeAnswer(unique: bigint, answer: Answer): Buffer | undefined {
  switch (answer.kind) {
    case 'payload':
      return encodeReply(unique, 0, answer.payload);
    case 'error':
      return encodeReply(unique, -answer.errno);
    case 'raw':
      return encodeReply(answer.unique ?? unique, answer.error ?? 0, answer.payload, answer.lengthBytes).subarray(
        0,
        answer.sentBytes,
      );
    default:
      return undefined;
  }
}
