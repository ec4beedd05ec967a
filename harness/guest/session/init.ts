/** The answer to FUSE_INIT. */
import { FUSE_MAJOR, INIT_BITS, initFlags, initWords } from '../../../uapi/fuse-flags.ts';
import { initOut, type InitIn } from '../../../uapi/fuse-structs.ts';
import type { Revision } from '../../../uapi/revision.ts';

export interface InitAnswer {
  revision: Revision;
  /** Absent: the revision's, or the kernel's where that is lower. */
  minor?: number;
  /** Accept iomap; true: even when it was not offered; absent: when it was. */
  iomap?: boolean;
}

/** What the server always wants, when the kernel has it. */
const wanted = initFlags(
  INIT_BITS.ASYNC_READ,
  INIT_BITS.BIG_WRITES,
  INIT_BITS.PARALLEL_DIROPS,
  INIT_BITS.MAX_PAGES,
  INIT_BITS.NO_OPEN_SUPPORT,
  INIT_BITS.NO_OPENDIR_SUPPORT,
  INIT_BITS.INIT_EXT,
  INIT_BITS.ABORT_ERROR,
);

export const maxWriteBytes = 1 << 20;

/** All 64 flag bits of an INIT request. */
export const offeredFlags = (init: InitIn): bigint => BigInt(init.flags) | (BigInt(init.flags2) << 32n);

export function initReply(init: InitIn, { revision, minor, iomap }: InitAnswer): Buffer {
  const offered = offeredFlags(init);
  const iomapBit = initFlags(revision.initBit);
  const take = iomap === undefined ? offered & iomapBit : iomap ? iomapBit : 0n;
  return initOut.encode({
    major: FUSE_MAJOR,
    minor: minor ?? Math.min(init.minor, revision.minor),
    maxReadahead: init.maxReadahead,
    ...initWords((offered & wanted) | take),
    // Nothing a test does in the background may wait for anything else in the background.
    maxBackground: 0xffff,
    congestionThreshold: 0xffff,
    maxWrite: maxWriteBytes,
    timeGran: 1,
    maxPages: maxWriteBytes / 4096,
  });
}
