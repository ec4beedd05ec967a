/**
 * What the kernel makes of an answer to INIT that a case gives itself. Source: Linux, fs/fuse/inode.c,
 * fuse_process_init_reply.
 */
import type { Case } from '../../model/case.ts';
import { FUSE_MAJOR, INIT_BITS } from '../../uapi/fuse-flags.ts';
import { initOut } from '../../uapi/fuse-structs.ts';
import type { Revision } from '../../uapi/revision.ts';
import { headerFault, rawReply } from './answer.ts';

export type InitAnswer =
  /** Nothing is negotiated: the connection is of no use. `ended`: nobody is there any more. */
  { kind: 'refused'; ended: boolean } | { kind: 'taken'; iomap: boolean; minor: number };

/** Undefined: the server answers as usual. */
export function initAnswer(testCase: Case, { initBit }: Revision): InitAnswer | undefined {
  const answer = testCase.script.find(({ on }) => on === 'INIT')?.reply;
  switch (answer?.kind) {
    case undefined:
      return undefined;
    case 'die':
    case 'kill':
    case 'abort':
      return { kind: 'refused', ended: true };
    case 'raw': {
      const sent = rawReply(answer);
      if (headerFault(sent) !== undefined || sent.error !== 0 || sent.payload.length > initOut.size)
        return { kind: 'refused', ended: false };
      // A short answer is zero-filled.
      const bytes = Buffer.alloc(initOut.size);
      Buffer.from(sent.payload).copy(bytes);
      const { major, minor, flags, flags2 } = initOut.decode(bytes);
      if (major !== FUSE_MAJOR) return { kind: 'refused', ended: false };
      const all = BigInt(flags) | (((flags >>> INIT_BITS.INIT_EXT) & 1) === 1 ? BigInt(flags2) << 32n : 0n);
      return { kind: 'taken', iomap: ((all >> BigInt(initBit)) & 1n) === 1n, minor };
    }
    default:
      return { kind: 'refused', ended: false };
  }
}

/** Whether the connection has iomap, by what the case answers to INIT. */
export function connectionHasIomap(testCase: Case, revision: Revision): boolean {
  const own = initAnswer(testCase, revision);
  return own?.kind === 'taken' ? own.iomap : (testCase.geometry.initIomap ?? true);
}
