/** Answers that no request has: of the wrong size, or behind a header that lies. */
import fc from 'fast-check';
import type { Reply, ScriptLine } from '../model/case.ts';
import { operationsByName } from '../uapi/fuse-operations.ts';
import { initOut, outHeader } from '../uapi/fuse-structs.ts';
import type { Revision } from '../uapi/revision.ts';

/** Most bytes of an answer that may be shorter. */
const MOST_READ = 4096,
  CONFIG_OUT = 104;
/** No request of a connection gets so far; bit 0 would make it an interrupt (FUSE_INT_REQ_BIT). */
const NOBODYS = 1n << 62n;

type Raw = Extract<Reply, { kind: 'raw' }>;
export interface Malformed {
  reply: Raw;
  note: string;
}

const zeros = (bytes: number): string => '00'.repeat(bytes);
const raw = (more: Partial<Raw>, payloadBytes: number): Raw => ({ kind: 'raw', payload: zeros(payloadBytes), ...more });

const layoutOf = (revision: Revision, on: ScriptLine['on']) => operationsByName(revision).get(on)?.reply;

/**
 * Of answers that have no layout of their own: what the workload has no room for, or less than must be there
 * (harness/native/src/names.cc).
 */
const ofRoom: Partial<Record<ScriptLine['on'], readonly number[]>> = {
  LISTXATTR: [65, 72, 4096],
  GETXATTR: [65, 72, 4096],
  READLINK: [4096, 8192],
  STATX: [0, 1, 280, 287, 289, 4096],
  IOCTL: [0, 1, 15, 21, 4096],
  READDIR: [(1 << 17) + 1, 1 << 18],
};

/** Sizes that an answer to `on` cannot have. */
function wrongSizes(revision: Revision, on: ScriptLine['on']): number[] {
  if (on === 'READ') return [MOST_READ + 1, MOST_READ + 8, 2 * MOST_READ];
  if (on === 'IOMAP_CONFIG') return [CONFIG_OUT + 1, CONFIG_OUT + 8, 4096];
  if (on in ofRoom) return [...ofRoom[on]!];
  const layout = layoutOf(revision, on);
  // Shorter ones are zero-filled, and what is left of the zeros names no version.
  if (on === 'INIT') return [initOut.size + 1, initOut.size + 8, 4096, 0, 1, 4, 24, initOut.size];
  if (layout === 'none') return [1, 8, 64];
  if (layout === undefined || layout === 'data' || layout === 'never') return [];
  return [layout.size - 1, layout.size + 1, 0, 1, layout.size - 8, layout.size + 8, 4096].filter(
    (size) => size >= 0 && size !== layout.size,
  );
}

/** The size that an answer to `on` has, or may have. */
function rightSize(revision: Revision, on: ScriptLine['on']): number {
  const layout = layoutOf(revision, on);
  return typeof layout === 'object' ? layout.size : 0;
}

export function malformedReply(revision: Revision, on: ScriptLine['on']): fc.Arbitrary<Malformed> {
  const right = rightSize(revision, on);
  const whole = outHeader.size + right;
  const headers: readonly Malformed[] = [
    ...[1, 5, 38, 0x7fff_ffff].map((error) => ({ reply: raw({ error }, 0), note: `the positive error ${error}` })),
    ...[-512, -513, -4096, -0x8000_0000].map((error) => ({ reply: raw({ error }, 0), note: `the error ${error}` })),
    ...[-5, -38].map((error) => ({ reply: raw({ error }, 8), note: `the error ${error} and 8 bytes behind it` })),
    ...[0, 15, whole - 1, whole + 1, 0xffff_ffff].map((lengthBytes) => ({
      reply: raw({ lengthBytes }, right),
      note: `a header that says ${lengthBytes} of ${whole} bytes`,
    })),
    ...[0n, NOBODYS].map((unique) => ({
      reply: raw({ unique }, right),
      note: unique === 0n ? 'a header for no request' : "a header for nobody's request",
    })),
    ...[0, 1, 8, 15].map((sentBytes) => ({ reply: raw({ sentBytes }, right), note: `${sentBytes} bytes of a header` })),
    ...(right > 0 ? [{ reply: raw({ sentBytes: outHeader.size }, right), note: 'a header that promises more' }] : []),
  ];
  const sizes = wrongSizes(revision, on).map((size) => ({ reply: raw({}, size), note: `${size} bytes of payload` }));
  return sizes.length === 0
    ? fc.constantFrom(...headers)
    : fc.oneof(fc.constantFrom(...headers), fc.constantFrom(...sizes));
}
