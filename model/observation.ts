/**
 * Observation: everything seen while a case ran. No judgement in it. Made in the guest, sent to the host by structured
 * clone.
 */
import type { ByteRun } from './bytes.ts';

/** Result of one syscall. */
export interface StepResult {
  /** Return value; -1n with errno set on failure. */
  ret: bigint;
  /** 0 or a positive errno. */
  errno: number;
  /** pread: what the returned bytes are (ret bytes), and what lies behind them in the buffer. */
  data?: ByteRun[];
  tail?: ByteRun[];
  fiemap?: FiemapExtent[];
  /** fm_mapped_extents: with room for 0 extents it is their number. */
  fiemapMapped?: number;
  /** fstat. */
  sizeBytes?: bigint;
  blksizeBytes?: number;
  /** fuseIoctl with an out argument, fsUuid: its bytes. */
  out?: Uint8Array;
  /** setTimes: seconds and nanoseconds of atime and mtime. */
  times?: bigint[];
}

/** struct fiemap_extent; all bytes. */
export interface FiemapExtent {
  logical: bigint;
  physical: bigint;
  length: bigint;
  flags: number;
}

/** A FUSE request, decoded by the layout of its opcode, and what the server did with it. */
export interface Exchange {
  /** Position in the connection's order of requests. */
  seq: number;
  unique: bigint;
  /**
   * Index of the workload step that was running when the request arrived; absent: none was, or the guest did not note
   * it.
   */
  step?: number;
  opcode: number;
  /** Name of the opcode in the revision, or `op N`. */
  name: string;
  nodeid: bigint;
  /** Index of the case's file that the nodeid stands for, when it does. */
  file?: number;
  /**
   * Decoded request: the fields of its structure (bigint for 64-bit ones), its names as `name` and `name2`, the bytes
   * behind them as `data` (ByteRun[]). Requests that the layout does not fit have `raw` instead.
   */
  request: Record<string, unknown>;
  raw?: Uint8Array;
  /** Bytes at the request's end that were not kept. */
  cutBytes?: number;
  /**
   * What the script had sent while the request waited, and whether there was a signal: the line, and for each
   * notification of it 0 or the errno of its write().
   */
  notified?: { line: number; errnos: number[] };
  /** What was answered; absent: no answer (FORGET, or `ended`). */
  reply?: SentReply;
  /** Instead of an answer the server ended the connection. */
  ended?: 'die' | 'kill' | 'abort';
  /** 0 or the errno that write() to /dev/fuse returned for the reply. */
  writeErrno?: number;
}

/** The reply as it went out: `error` as in the header (0 or negative), payload bytes, decoded where the layout fits. */
export interface SentReply {
  error: number;
  payload: Uint8Array;
  /** Bytes behind `payload` that went out, too, and were not kept. */
  cutBytes?: number;
  fields?: Record<string, unknown>;
  /**
   * Header fields that lied: the length it gave, the request it named; and the bytes that went out when not even the
   * header did.
   */
  lengthBytes?: number;
  unique?: bigint;
  sentBytes?: number;
}

export type KernelEvent =
  /** Trace event fuse_iomap_bad_data. */
  | { kind: 'bad-data'; func: string; line: number; condition: string }
  /** `Bad mapping: CONDITION, func: FUNCTION, line: N` followed by a WARNING block. */
  | { kind: 'bad-mapping-warn'; func: string; line: number; condition: string }
  /** `Assertion failed: ...`: always a finding. */
  | { kind: 'assertion'; func: string; line: number; condition: string }
  /**
   * Any other report: WARNING, BUG, Oops, KASAN, UBSAN, lockdep, hung task (kernel-log/patterns.ts). `title` is the
   * same whenever the same thing goes wrong: without addresses, offsets, processors and threads. `text` is the report
   * as it was printed.
   */
  | { kind: 'warning' | 'bug'; title: string; text: string }
  /** Worth a line, but no fault of the kernel: out of memory, remarks of the unwinder. */
  | { kind: 'notice'; title: string; text: string }
  /**
   * A checker of the kernel stopped, as its limits demand: from here on its silence proves nothing. `earlier`: it did
   * so before the case.
   */
  | { kind: 'channel-ended'; channel: 'lockdep'; title: string; text: string; earlier?: true }
  /** Records were overwritten before they were read: what is absent proves nothing. */
  | { kind: 'lost-events'; source: 'trace' | 'kmsg'; count: number };

/** A range of a device that differs from its initial content after the case. */
export interface DeviceChange {
  device: number;
  offsetBytes: bigint;
  content: ByteRun[];
}

export interface MountResult {
  /** Errno of mount(2), 0 when it succeeded. */
  errno: number;
  /** What the kernel offered in INIT. */
  minor?: number;
  flags?: bigint;
  /** BACKING_OPEN result per device of the geometry: id or -errno. */
  devices: number[];
}

export const cutReasons = ['room', 'count', 'frozen'] as const;

export interface TranscriptCut {
  /**
   * The first step whose exchanges are not all there; as many as there are steps: only what came behind the last one is
   * missing.
   */
  step: number;
  /** Exchanges that are missing, as far as they were counted. */
  exchanges: number;
  /**
   * `room`: they found no room. `count`: the case made more requests than are served, so that the connection was cut in
   * that step. `frozen`: that step and those behind it were not run, because the file system is frozen and the step
   * would wait for a thaw that does not come.
   */
  why: (typeof cutReasons)[number];
}

export interface Observation {
  mount: MountResult;
  /** One per step that was executed, in order: all but those behind a cut by a freeze. */
  steps: StepResult[];
  transcript: Exchange[];
  events: KernelEvent[];
  deviceChanges: DeviceChange[];
  /**
   * The kernel made more requests than any case needs (case-traits.ts): `opcode` of the one that was too many, and
   * whether the last ones were the same over and over. Its connection was cut then, and only the first requests are
   * kept.
   */
  endless?: { opcode: number; same: boolean; step?: number };
  /** The transcript is the beginning of what was said; absent: all of it. */
  cut?: TranscriptCut;
  /** Of a case with a mount of its own: errno of umount(2), when everything was closed; 0: it was removed. */
  unmountErrno?: number;
  /** Places of the kernel that the case reached first in its guest, as little-endian u64; absent: not asked for. */
  coverage?: Uint8Array;
  /** It reached more than there was room for. */
  coverageCut?: true;
  /** Inode number that the server gave each file of the case. */
  inodes: bigint[];
}
