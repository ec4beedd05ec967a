/**
 * What the workload's thread and the server's thread share: a few state words, and a log of exchanges in raw bytes,
 * which the server appends and the workload's thread decodes. Names and node ids of case files say to which case they
 * belong, so that neither thread has to ask the other.
 */

/** Indexes into the Int32Array of state words. */
export const WORD = {
  /** A STATE; the server's thread sets it and notifies. */
  state: 0,
  /** 1: the workload's thread has read the log; the server's thread starts it again at the next request. */
  consumed: 1,
  /** Bytes in the log. */
  used: 2,
  /** Exchanges that found no room in the log. */
  lost: 3,
  /** 1: mount(2) failed, stop waiting for it. */
  abandoned: 4,
  /** What the kernel offered in INIT. */
  initMinor: 5,
  initFlags: 6,
  initFlags2: 7,
  /** Number of exchanges since the log was started. */
  count: 8,
  /** Requests that the server has begun to answer, and those that it has answered and logged. */
  taken: 9,
  handled: 10,
  /** Sequence number that follows the one of the newest request the server took up. */
  begun: 11,
  /** 1: the server closed /dev/fuse itself; its number may be another file's by now. */
  died: 12,
  /** gettid(2) of the server's thread; set when it starts, and kept. */
  thread: 13,
  /** Requests that the case may make; 0: `mostExchanges`. */
  most: 14,
  /** 1 and the opcode: the request that was one too many. */
  endless: 15,
  /** Sequence number of that request. */
  endlessAt: 100,
  /** Sequence number of the first exchange that found no room in the log. */
  lostAt: 101,
  /** BACKING_OPEN results, one word per device. */
  devices: 16,
} as const;
export const words = 128;

export const STATE = { idle: 0, starting: 1, initialised: 2, failed: 3 } as const;

/** A kernel that asks more often in one case is in a loop; model/case-traits.ts says what a case may need at most. */
export const mostExchanges = 20_000;

export const mountPoint = '/tmp/iomapfuzz/mnt';

/** A lookup of this name comes back when everything before it is answered and logged. */
export const barrierName = '.barrier';
